"""What was signed: answers checked against the form, before anything is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from chartside.errors import InputError
from chartside.types import Resource

from .forms import Form
from .lint import element

LONGEST = 2000
"""Letters of one written answer."""

_YES, _NO = frozenset({"true", "yes", "y", "si", "sí"}), frozenset({"false", "no", "n"})
_PERSON = re.compile(r"(Patient|RelatedPerson|Practitioner|PractitionerRole)/[A-Za-z0-9\-._]{1,64}\Z")


class Channel(StrEnum):
    """Codes of ``CONSENT_CHANNEL_SYSTEM``: how a consent was given or taken back."""

    PAPER = "paper"
    ELECTRONIC = "electronic"
    IN_PERSON = "in-person"
    PHONE = "phone"
    PORTAL = "portal"
    TEXT = "text"
    EMAIL = "email"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Signing:
    """One form, signed. ``patient``: ``Patient/12``; ``answers``: by linkId; ``at``: when it was signed, with a zone;
    ``medium``: PAPER or ELECTRONIC. ``signer``: a RelatedPerson who signed for the client, with ``relation`` and
    ``authority`` in words. ``witness``: a reference or a name. ``recorder``: the staff member who enters it.
    """

    patient: str
    form: Form
    answers: Mapping[str, Any] = field(repr=False)
    at: datetime
    medium: Channel = Channel.ELECTRONIC
    signer: str = ""
    relation: str = ""
    authority: str = field(default="", repr=False)
    witness: str = field(default="", repr=False)
    recorder: str = ""

    def check(self, now: datetime) -> None:
        """Raise InputError for what cannot have been so."""
        if self.at.tzinfo is None or self.at > now:
            raise InputError("the time of signing lies in the future, or has no zone")
        if self.medium not in (Channel.PAPER, Channel.ELECTRONIC):
            raise InputError("a form is signed on paper or electronically")
        person("patient", self.patient, "Patient")
        if self.signer:
            person("signer", self.signer, "RelatedPerson")
            if not self.relation.strip() or not self.authority.strip():
                raise InputError(
                    "who signs for a client must say by which relation and which authority (45 CFR 164.508(c)(1)(vi))",
                    mend="give --relation and --authority",
                )
        if self.recorder:
            person("recorder", self.recorder, "Practitioner", "PractitionerRole")


def person(what: str, reference: str, *kinds: str) -> None:
    """Raise InputError unless it is a reference of these types."""
    if not _PERSON.match(reference) or reference.partition("/")[0] not in kinds:
        raise InputError(f"{what}: is no reference", mend=f"write it as in {kinds[0]}/12")


@dataclass(frozen=True, slots=True)
class Answered:
    """One item with its answers, each as FHIR has it (``{"valueBoolean": true}``)."""

    item: Mapping[str, Any]
    values: tuple[Resource, ...]

    @property
    def element(self) -> str:
        """Which element of the consent it is."""
        return element(self.item)


def read_answers(form: Form, answers: Mapping[str, Any]) -> list[Answered]:
    """The answers in the order of the form. Raises InputError: unknown, missing or of the wrong kind."""
    asked = {str(i["linkId"]): i for i in form.items if i.get("type") not in ("display", "group")}
    if unknown := sorted(set(answers) - set(asked)):
        raise InputError(
            f"the form has no item {', '.join(unknown)}", mend=f"its items are: {', '.join(asked)}"
        )
    found = [Answered(item, tuple(_values(item, answers.get(name)))) for name, item in asked.items()]
    missing = [str(a.item["linkId"]) for a in found if a.item.get("required") is True and not a.values]
    if missing:
        raise InputError(f"not answered: {', '.join(missing)}", mend="answer them, as in --answer NAME=VALUE")
    return [answered for answered in found if answered.values]


def response_items(answered: Sequence[Answered]) -> list[Resource]:
    """``QuestionnaireResponse.item``."""
    return [{"linkId": a.item["linkId"], "text": a.item["text"], "answer": list(a.values)} for a in answered]


def _values(item: Mapping[str, Any], given: Any) -> Iterator[Resource]:
    values = given if isinstance(given, list | tuple) else [] if given is None or given == "" else [given]
    if len(values) > 1 and not item.get("repeats"):
        raise InputError(f"{item['linkId']}: takes one answer")
    for value in values:
        yield _READERS[str(item["type"])](item, value)


def _boolean(item: Mapping[str, Any], value: Any) -> Resource:
    word = str(value).strip().lower()
    if word not in _YES | _NO:
        raise InputError(f"{item['linkId']}: is neither yes nor no")
    return {"valueBoolean": word in _YES}


def _date(item: Mapping[str, Any], value: Any) -> Resource:
    try:
        return {"valueDate": date.fromisoformat(str(value)).isoformat()}
    except ValueError:
        raise InputError(f"{item['linkId']}: is no day", mend="write it as in 2027-11-24") from None


def _string(item: Mapping[str, Any], value: Any) -> Resource:
    text = str(value).strip()
    if not text or len(text) > LONGEST:
        raise InputError(f"{item['linkId']}: is empty, or longer than {LONGEST} letters")
    return {"valueString": text}


def _choice(item: Mapping[str, Any], value: Any) -> Resource:
    wanted = str(value.get("code") if isinstance(value, Mapping) else value).strip().lower()
    options = [o["valueCoding"] for o in item["answerOption"] if "valueCoding" in o]
    for coding in options:
        if wanted in (str(coding.get("code", "")).lower(), str(coding.get("display", "")).lower()):
            return {"valueCoding": coding}
    codes = ", ".join(str(coding.get("code")) for coding in options)
    raise InputError(f"{item['linkId']}: is none of its options", mend=f"one of: {codes}")


_READERS = {"boolean": _boolean, "date": _date, "string": _string, "text": _string, "choice": _choice}
