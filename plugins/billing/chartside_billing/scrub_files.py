"""Scrub files of any kind that a biller has: 837P, FHIR JSON, and the answers 835, 999, TA1, 277CA and 277."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from chartside.errors import ChartsideError, ConfigError, InputError
from chartside_billing.bundles import Bundled, read_bundle
from chartside_billing.documents import Document, Remittance
from chartside_billing.guide import guide_reports
from chartside_billing.money import ZERO
from chartside_billing.rules.book import Rule, RuleBook
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.settings import ScrubSettings
from chartside_billing.scrub import Finding, Report, Scrubber
from chartside_billing.x12.acks import read_277, read_999, read_ta1
from chartside_billing.x12.envelope import read_interchanges
from chartside_billing.x12.facts import acknowledgement_facts, interchange_facts, remittance_facts
from chartside_billing.x12.read837 import read_837
from chartside_billing.x12.remit import read_835
from chartside_billing.x12.segments import load


@dataclass(slots=True)
class Scrubbed:
    """One file: its reports in the file's order, or why it could not be read."""

    name: str
    reports: list[Report] = field(default_factory=list)
    error: str = ""


def scrub_files(
    paths: Iterable[Path], book: RuleBook, loaded: Loaded, *, guide: bool = False
) -> list[Scrubbed]:
    """Read all files, then judge their claims together, so that duplicates across files are seen. A file that cannot
    be read has its ``error``; the others go on. ``guide``: let pyx12 judge each 837P too (rule EDI-001)."""
    results: list[Scrubbed] = []
    held: list[Bundled] = []
    for path in _expand(paths):
        result, found = Scrubbed(str(path)), Bundled()
        try:
            found = read_any(path)
        except ChartsideError as error:
            result.error = str(error)
            if "EDI-001" in book and _holds_claims(path):
                result.reports = [_refused(path.name, error, book["EDI-001"])]
        except OSError as error:
            result.error = error.strerror or type(error).__name__
        results.append(result)
        held.append(found)
    _match(held)
    scrubber = Scrubber(book, loaded)
    reports = iter(scrubber.claims([claim for found in held for claim in found.claims]))
    for result, found in zip(results, held, strict=True):
        result.reports += [next(reports) for _ in found.claims]
        result.reports += [scrubber.document(document, source) for document, source in found.documents]
        if guide and any(claim.envelope for claim in found.claims) and "EDI-001" in book:
            result.reports += guide_reports(Path(result.name), book["EDI-001"], result.reports)
    return results


def _holds_claims(path: Path) -> bool:
    """Whether a file that cannot be read is meant to be an 837."""
    try:
        head = path.read_bytes()[:4096]
    except OSError:
        return False
    head = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"ISA") and re.search(rb"ST[^A-Za-z0-9]837[^A-Za-z0-9]", head) is not None


def _refused(name: str, error: ChartsideError, rule: Rule) -> Report:
    """A claim file that cannot be read is a claim file that the receiver refuses."""
    finding = Finding(rule, rule.severity, f"The file cannot be read: {error}", "", rule.mend, (), ZERO)
    return Report(name, name, kind="file", findings=[finding])


def _match(held: Iterable[Bundled]) -> None:
    """Resolve the payments of remittances to the claims that were given with them, if any were."""
    ours = Counter(claim.id for found in held for claim in found.claims)
    for found in held if ours else ():
        for document, _ in found.documents:
            if isinstance(document, Remittance):
                for claim in document.claims:
                    claim.matches = ours[claim.id] if claim.matches is None else claim.matches


def read_any(source: bytes | str | Path, name: str = "") -> Bundled:
    """The claims and other documents of a file, told apart by what it begins with. Raises InputError."""
    name = name or (source.name if isinstance(source, Path) else "")
    text = load(source)
    if text.lstrip("\ufeff \t\r\n")[:1] in {"{", "["}:
        return read_bundle(_json(text))
    interchanges = read_interchanges(text)
    kinds = {s.kind for i in interchanges for g in i.groups for s in g.sets}
    kinds |= {"TA1"} if not kinds and any(i.acknowledgements for i in interchanges) else set()
    kind = kinds.pop() if len(kinds) == 1 else "837"
    if kind not in _ANSWERS:
        return Bundled(claims=read_837(text, name=name))
    return Bundled(documents=[(document, name) for document in _ANSWERS[kind](text)])


def _json(text: str) -> object:
    import orjson

    try:
        return orjson.loads(text.lstrip("\ufeff"))
    except orjson.JSONDecodeError as error:
        raise InputError(f"the JSON is broken at line {error.lineno}") from None


_ANSWERS: dict[str, Callable[[str], list[Document]]] = {
    "835": lambda text: [remittance_facts(era) for era in read_835(text)],
    "999": lambda text: [acknowledgement_facts(g.control, [g], []) for g in read_999(text)],
    "TA1": lambda text: [interchange_facts(answer) for answer in read_ta1(text)],
    "277": lambda text: [acknowledgement_facts(r.reference, [], [r]) for r in read_277(text)],
}


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
