"""What the tracker's commands share: options, an opened host, answers out of files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chartside.codes import MessageCategory
from chartside.errors import InputError

from .signing import Channel

if TYPE_CHECKING:
    from chartside.context import Context
    from chartside.host import Host

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The practice's config file.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Show what would be done; write nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Patient = Annotated[str, typer.Option("--patient", help="The client: Patient/12, or 12.")]
Category = Annotated[
    MessageCategory | None, typer.Option(help="Messages of this category only, such as reminder or billing.")
]
By = Annotated[str, typer.Option("--by", help="The staff member who enters it: Practitioner/7.")]
Given = Annotated[Channel, typer.Option("--channel", help="How it was told.")]
DEFAULT_CONFIG = Path("chartside.toml")


@contextmanager
def opened(config: Path) -> Iterator[tuple[Host, Context]]:
    """The host of a config, and this plugin's context. Raises ConfigErrors."""
    from chartside.config import load
    from chartside.host import Host

    with Host(load(config)) as host:
        yield host, host.context("consent")


def reference(kind: str, text: str) -> str:
    """``12`` or ``Patient/12`` as a reference."""
    return text if "/" in text or not text else f"{kind}/{text}"


def instant(text: str, now: datetime, zone: str) -> datetime:
    """A day and time as typed; without a zone it is the practice's; empty means now. Raises InputError."""
    from zoneinfo import ZoneInfo

    if not text:
        return now.astimezone(ZoneInfo(zone))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError("the time cannot be read", mend="write it as in 2026-11-24T10:30") from None
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))


def answers(given: Sequence[str], file: Path | None, agree: bool | None) -> dict[str, Any]:
    """Answers by linkId: of a file (JSON object, or a QuestionnaireResponse), of ``--answer``, of ``--agree``."""
    found = _of_file(file) if file else {}
    typed: dict[str, list[str]] = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign:
            raise InputError("an answer has no '='", mend="write it as in --answer recipient=Organization/9")
        typed.setdefault(name, []).append(value)
    found |= {name: values if len(values) > 1 else values[0] for name, values in typed.items()}
    return found if agree is None else {**found, "agreement": agree}


def _of_file(file: Path) -> dict[str, Any]:
    from .forms import read_file

    data = read_file(file)
    if not isinstance(data, dict):
        raise InputError(
            f"{file.name}: is no JSON object", mend="give answers by item, or a QuestionnaireResponse"
        )
    return of_response(data) if data.get("resourceType") == "QuestionnaireResponse" else data


def of_response(response: dict[str, Any]) -> dict[str, Any]:
    """Answers by linkId out of a QuestionnaireResponse."""
    found: dict[str, Any] = {}
    for item in response.get("item") or []:
        values = [
            v for answer in item.get("answer") or [] for k, v in answer.items() if k.startswith("value")
        ]
        if values:
            found[str(item.get("linkId"))] = values if len(values) > 1 else values[0]
    return found


def print_json(data: Any) -> None:
    """For programs."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))
