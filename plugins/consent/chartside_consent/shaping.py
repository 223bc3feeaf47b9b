"""A signed form -> QuestionnaireResponse, Consent and Provenance (consent.md, "What is recorded").

The Consent is what the engine reads: one provision, never a nested one (C-4). Instruments about records speak of
disclosure only, so that a release to one person says nothing about reading for treatment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from chartside import effect_key
from chartside.codes import (
    ACT_REASON_SYSTEM,
    BASE,
    CONSENT_ACTION_SYSTEM,
    CONSENT_AUTHORITY,
    CONSENT_CHANNEL_SYSTEM,
    CONSENT_FORM,
    CONSENT_PROFILE,
    CONSENT_REPLACES,
    CONSENT_RESPONSE_SYSTEM,
    CONSENT_SCOPE_SYSTEM,
    CONSENT_SYSTEM,
    CONSENT_TERMS,
    CONSENT_TYPE_SYSTEM,
    CONSENT_WITNESS,
    LOINC_PRIVACY_CONSENT,
    LOINC_RELEASE,
    LOINC_SYSTEM,
    NPI_SYSTEM,
    PARTICIPATION_TYPE_SYSTEM,
    TOOL_SYSTEM,
    ConsentType,
    coding,
    concept,
)
from chartside.types import Resource

from .forms import Form, sha256
from .loose import dicts
from .signing import Answered, Signing, response_items
from .words import TITLES

if TYPE_CHECKING:
    from chartside.context import Context

NAME_SYSTEM: Final = f"{BASE}/recipient-name"
"""Identifier of a recipient who is known by name only."""
_DISCLOSES = frozenset(
    {
        ConsentType.RELEASE,
        ConsentType.PSYCHOTHERAPY_NOTES,
        ConsentType.SUD_COUNSELING_NOTES,
        ConsentType.RESEARCH,
        ConsentType.PROXY,
    }
)
_TPO = ("TREAT", "HPAYMT", "HOPERAT")
_PURPOSES: Mapping[ConsentType, tuple[str, ...]] = {
    ConsentType.PRIVACY: _TPO,
    ConsentType.PART2_TPO: _TPO,
    ConsentType.RESEARCH: ("HRESCH",),
}
_SCOPES = {ConsentType.TREATMENT: "treatment", ConsentType.RESEARCH: "research"}
_LOINC = {ConsentType.RELEASE: LOINC_RELEASE, ConsentType.PRIVACY: LOINC_PRIVACY_CONSENT}
_REFERENCE = re.compile(r"[A-Z][A-Za-z]{2,40}/[A-Za-z0-9\-._]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Papers:
    """What one signed form becomes. ``agreed`` is False where the person said no."""

    response: Resource = field(repr=False)
    consent: Resource = field(repr=False)
    agreed: bool


def papers(
    context: Context, signing: Signing, answered: Sequence[Answered], patient: Mapping[str, Any]
) -> Papers:
    """The resources, without ids; ``Consent.sourceReference`` is set by whoever writes them."""
    response = _response(signing, answered)
    digest = sha256(response)
    key = effect_key(
        context.practice.id, "consent", signing.patient, signing.form.hash, digest, signing.at.isoformat()
    )
    agreed = all(a.values[0].get("valueBoolean") for a in answered if a.element == "agreement")
    response |= {
        "identifier": {"system": CONSENT_RESPONSE_SYSTEM, "value": key},
        "authored": signing.at.isoformat(timespec="seconds"),
    }
    return Papers(response, _consent(context, signing, answered, patient, (key, digest), agreed), agreed)


def _response(signing: Signing, answered: Sequence[Answered]) -> Resource:
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": signing.form.canonical,
        "status": "completed",
        "language": signing.form.language,
        "subject": {"reference": signing.patient},
        "source": {"reference": signing.signer or signing.patient},
        "item": response_items(answered),
    }


def _consent(
    context: Context,
    signing: Signing,
    answered: Sequence[Answered],
    patient: Mapping[str, Any],
    names: tuple[str, str],
    agreed: bool,
) -> Resource:
    kind, (key, digest) = signing.form.kind, names
    performer = signing.signer or signing.patient
    return {
        "resourceType": "Consent",
        "meta": {"profile": [CONSENT_PROFILE]},
        "extension": _extensions(signing, answered, digest, state_of(patient) or context.practice.state),
        "identifier": [{"system": CONSENT_SYSTEM, "value": key}],
        "status": "active" if agreed else "rejected",
        **heading(kind, signing.patient, signing.at),
        "performer": [{"reference": performer}],
        "organization": [{"display": context.practice.name}],
        "policy": [{"uri": str(signing.form.questionnaire["url"])}],
        "provision": _provision(context, signing, answered, agreed),
    }


def heading(kind: ConsentType, patient: str, at: datetime) -> Resource:
    """Scope, category, patient and time of a Consent of this kind."""
    loinc = [concept(LOINC_SYSTEM, _LOINC[kind])] if kind in _LOINC else []
    return {
        "scope": concept(CONSENT_SCOPE_SYSTEM, _SCOPES.get(kind, "patient-privacy")),
        "category": [{**concept(CONSENT_TYPE_SYSTEM, kind.value), "text": TITLES[kind]}, *loinc],
        "patient": {"reference": patient},
        "dateTime": at.isoformat(timespec="seconds"),
    }


def extension(url: str, **parts: tuple[str, Any] | None) -> Resource:
    """A complex extension; a part is the name of its value's type, and the value; empty ones are left out."""
    inner = [{"url": name, part[0]: part[1]} for name, part in parts.items() if part and part[1]]
    return {"url": url, "extension": inner}


def _extensions(signing: Signing, answered: Sequence[Answered], digest: str, state: str) -> list[Resource]:
    form = signing.form
    found = [
        extension(
            CONSENT_FORM,
            questionnaire=("valueCanonical", form.canonical),
            version=("valueString", form.version),
            language=("valueCode", form.language),
            hash=("valueString", form.hash),
            responseHash=("valueString", digest),
            medium=("valueCoding", coding(CONSENT_CHANNEL_SYSTEM, signing.medium)),
        ),
        extension(
            CONSENT_TERMS,
            information=("valueString", _said(answered, "information") or form.text("information")),
            expiry=("valueString", _expiry(form, answered)),
            revoke=("valueString", form.text("revoke")),
            jurisdiction=("valueCode", f"US-{state}"),
        ),
    ]
    if signing.signer:
        relation, authority = ("valueString", signing.relation), ("valueString", signing.authority)
        found.append(extension(CONSENT_AUTHORITY, relation=relation, authority=authority))
    if signing.witness:
        found.append({"url": CONSENT_WITNESS, "valueReference": named(signing.witness)})
    return found


def _expiry(form: Form, answered: Sequence[Answered]) -> str:
    """The event on which it ends, in words; a day stands in the period instead."""
    if form.kind is ConsentType.PART2_TPO:
        return "none"
    return "" if _said(answered, "expiry", "valueDate") else form.text("expiry")


def _provision(context: Context, signing: Signing, answered: Sequence[Answered], agreed: bool) -> Resource:
    kind = signing.form.kind
    if not agreed:
        return {"type": "deny"}
    purposes = [coding(ACT_REASON_SYSTEM, code) for code in _PURPOSES.get(kind, ())]
    purposes = purposes or _codings(answered, "purpose")
    actors = _actors(signing, answered)
    codes = [{"coding": [each]} for each in _codings(answered, "category")]
    return {
        "type": "permit",
        "period": _period(context, signing, answered),
        **({"actor": actors} if actors else {}),
        **({"action": [concept(CONSENT_ACTION_SYSTEM, "disclose")]} if kind in _DISCLOSES else {}),
        **({"purpose": purposes} if purposes else {}),
        **({"code": codes} if codes else {}),
    }


def _period(context: Context, signing: Signing, answered: Sequence[Answered]) -> Resource:
    start = signing.at.astimezone(ZoneInfo(context.practice.time_zone)).date()
    days = context.settings.days(signing.form.kind)
    end = _said(answered, "expiry", "valueDate") or (str(start + timedelta(days=days)) if days else "")
    return {"start": start.isoformat(), **({"end": end} if end else {})}


def _actors(signing: Signing, answered: Sequence[Answered]) -> list[Resource]:
    """Recipients, the AI tool, the proxy. A recipient in words only is an identifier, so that nobody else is meant."""
    kind = signing.form.kind
    if (
        kind is ConsentType.PART2_TPO
    ):  # 42 CFR 2.31(a)(4): a class of recipients suffices, the engine knows it
        return [_actor("IRCP", {"display": signing.form.text("recipient")})]
    if kind is ConsentType.PROXY:
        return [_actor("IRCP", {"reference": signing.signer})] if signing.signer else []
    tools = [
        {"identifier": {"system": TOOL_SYSTEM, "value": c["code"]}, "display": c.get("display", "")}
        for c in _codings(answered, "tool")
    ]
    recipient = _said(answered, "recipient")
    return [_actor("DEV", tool) for tool in tools] + ([_actor("IRCP", named(recipient))] if recipient else [])


def _actor(role: str, reference: Resource) -> Resource:
    return {"role": concept(PARTICIPATION_TYPE_SYSTEM, role), "reference": reference}


def named(text: str) -> Resource:
    """A person or office: a reference, an NPI (``npi:1234567893``), or a name."""
    if _REFERENCE.match(text):
        return {"reference": text}
    if text.lower().startswith("npi:"):
        return {"identifier": {"system": NPI_SYSTEM, "value": text[4:].strip()}}
    return {"identifier": {"system": NAME_SYSTEM, "value": text}, "display": text}


def _said(answered: Iterable[Answered], element: str, kind: str = "valueString") -> str:
    found = (v[kind] for a in answered if a.element == element for v in a.values if kind in v)
    return str(next(found, ""))


def _codings(answered: Iterable[Answered], element: str) -> list[Resource]:
    values = [v for a in answered if a.element == element for v in a.values]
    return [dict(v["valueCoding"]) for v in values if "valueCoding" in v]


def state_of(patient: Mapping[str, Any]) -> str:
    """Two letters of the state where the client lives; empty where the chart does not say."""
    addresses = [a for a in dicts(patient.get("address")) if a.get("use") != "old"]
    states = (str(a.get("state", "")) for a in addresses)
    return next((state for state in states if re.fullmatch("[A-Z]{2}", state)), "")


def replacing(consent: Resource, old: Iterable[Resource]) -> Resource:
    """The same with the consents that it supersedes: from its writing on, the engine passes those over."""
    links = [
        {"url": CONSENT_REPLACES, "valueReference": {"reference": f"Consent/{each['id']}"}} for each in old
    ]
    return {**consent, "extension": [*consent["extension"], *links]}


def day_of(consent: Mapping[str, Any]) -> date | None:
    """The day on which it was signed, as it stands there."""
    try:
        return date.fromisoformat(str(consent.get("dateTime"))[:10])
    except ValueError:
        return None
