"""Scrub files of any kind that a biller has: 837P, FHIR JSON, and the answers 835, 999 and 277CA."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from chartside.errors import ChartsideError, ConfigError
from chartside_billing.model import Claim
from chartside_billing.rules.book import RuleBook
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.settings import ScrubSettings
from chartside_billing.scrub import Report, Scrubber
from chartside_billing.x12.load import load_claims


@dataclass(slots=True)
class Scrubbed:
    """One file: its reports in the file's order, or why it could not be read."""

    name: str
    reports: list[Report] = field(default_factory=list)
    error: str = ""


def scrub_files(paths: Iterable[Path], book: RuleBook, loaded: Loaded) -> list[Scrubbed]:
    """Read all files, then judge their claims together, so that duplicates across files are seen. A file that cannot
    be read has its ``error``; the others go on."""
    results: list[Scrubbed] = []
    claims: list[Claim] = []
    counts: list[int] = []
    for path in _expand(paths):
        result = Scrubbed(str(path))
        found: list[Claim] = []
        try:
            found = load_claims(path)
        except ChartsideError as error:
            result.error = str(error)
        except OSError as error:
            result.error = error.strerror or type(error).__name__
        results.append(result)
        claims += found
        counts.append(len(found))
    reports = iter(Scrubber(book, loaded).claims(claims))
    for result, count in zip(results, counts, strict=True):
        result.reports = [next(reports) for _ in range(count)]
    return results


def _expand(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
        else:
            yield path


def read_settings(path: Path) -> ScrubSettings:
    """``[plugins.billing]`` of a chartside.toml, as far as the rules read it. Raises ConfigError."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeError) as error:
        raise ConfigError(path.name, "the config file cannot be read") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path.name, f"it is no TOML: {error}") from None
    billing = table.get("plugins", {}).get("billing", {})
    try:
        return ScrubSettings.model_validate(billing)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in ("plugins", "billing", *first["loc"]))
        raise ConfigError(key, str(first["msg"]), mend="see docs/billing.md") from None
