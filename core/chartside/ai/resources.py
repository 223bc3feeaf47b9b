"""The Device, DocumentReference and Provenance of an AI draft, after HL7 AI Transparency on FHIR (1.0.0 ballot).

Pure functions; references between them are handed in. P-4: every AI write carries ``meta.security`` AIAST and a
Provenance whose agent is the Device; the human verifier is added by signing and never before.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from chartside.ai.model import Draft, Model
from chartside.codes import (
    AI_ASSERTED,
    AI_DEVICE_PROFILE,
    AI_DEVICE_SYSTEM,
    AI_DEVICE_TYPE_SYSTEM,
    AI_DRAFT_PROFILE,
    AI_DRAFT_SYSTEM,
    AI_INPUTS_SYSTEM,
    AI_KIND_EXTENSION,
    AI_MODEL_CARD_EXTENSION,
    AI_PROVENANCE_PROFILE,
    DATA_OPERATION_SYSTEM,
    DICTATION_ASSERTED,
    OBSERVATION_VALUE_SYSTEM,
    PROVENANCE_PARTICIPANT_SYSTEM,
    coding,
    concept,
    has_coding,
)
from chartside.types import Resource

_AIAST: Final = coding(OBSERVATION_VALUE_SYSTEM, AI_ASSERTED, "Artificial Intelligence asserted")
_DICTAST: Final = coding(OBSERVATION_VALUE_SYSTEM, DICTATION_ASSERTED, "dictation asserted")
_AI: Final = coding(AI_DEVICE_TYPE_SYSTEM, "Artificial-Intelligence", "All kinds of Artificial Intelligence")


def is_labelled(resource: Resource) -> bool:
    """Whether ``meta.security`` holds AIAST."""
    meta = resource.get("meta")
    return isinstance(meta, dict) and has_coding(meta.get("security"), OBSERVATION_VALUE_SYSTEM, AI_ASSERTED)


def instant(at: datetime) -> str:
    """A FHIR instant in UTC."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def device(model: Model) -> Resource:
    """The model at its version, with its model card (contained, so that it stands in nobody's chart)."""
    return {
        "resourceType": "Device",
        "meta": {"profile": [AI_DEVICE_PROFILE]},
        "contained": [_card(model)],
        "extension": [
            {"url": AI_KIND_EXTENSION, "valueCodeableConcept": concept(AI_DEVICE_TYPE_SYSTEM, model.kind)},
            {"url": AI_MODEL_CARD_EXTENSION, "valueReference": {"reference": "#model-card"}},
        ],
        "identifier": [{"system": AI_DEVICE_SYSTEM, "value": model.key}],
        "status": "active",
        "manufacturer": model.manufacturer,
        "deviceName": [{"name": model.name, "type": "model-name"}],
        "modelNumber": model.name,
        "version": [{"value": model.version}],
        "type": {"coding": [_AI]},
    }


def _card(model: Model) -> Resource:
    attachment: Resource = {"contentType": "text/markdown"}
    if model.card:
        attachment["data"] = base64.b64encode(model.card.encode()).decode()
    if model.card_url:
        attachment["url"] = model.card_url
    return {
        "resourceType": "DocumentReference",
        "id": "model-card",
        "status": "current",
        "type": concept(AI_INPUTS_SYSTEM, "AIModelCard", "AI Model-Card"),
        "category": [concept(AI_INPUTS_SYSTEM, "AIModelCardMarkdownFormat", "Markdown Format")],
        "content": [{"attachment": attachment}],
    }


def document(draft: Draft, device_reference: str) -> Resource:
    """The draft: preliminary, labelled, authored by the Device."""
    context: Resource = {"period": {"end": instant(draft.at)}}  # Oracle Health takes no document without
    if draft.encounter:
        context["encounter"] = [{"reference": draft.encounter}]
    older = {"code": "replaces", "target": {"reference": draft.replaces}}
    return {
        "resourceType": "DocumentReference",
        "meta": {
            "profile": [AI_DRAFT_PROFILE],
            "security": [_AIAST, *([_DICTAST] if draft.dictated else []), *draft.labels],
        },
        "language": draft.language,
        "identifier": [{"system": AI_DRAFT_SYSTEM, "value": draft.key}],
        "status": "current",
        "docStatus": "preliminary",
        "type": draft.type,
        "subject": {"reference": draft.patient},
        "date": instant(draft.at),
        "author": [{"reference": device_reference}],
        "description": draft.title,
        "content": contents(draft.text, draft.content_type, draft.title, draft.language, draft.also),
        "context": context,
        **({"relatesTo": [older]} if draft.replaces else {}),
    }


def contents(
    text: str, content_type: str, title: str, language: str, also: Sequence[tuple[str, bytes]] = ()
) -> list[Resource]:
    """``DocumentReference.content``: the text itself first, then its other forms."""
    forms = [(content_type, text.encode()), *also]
    return [
        {
            "attachment": {
                "contentType": kind,
                "language": language,
                "data": base64.b64encode(data).decode(),
                "title": title,
            }
        }
        for kind, data in forms
    ]


def replaced(resource: Resource) -> list[str]:
    """References of the documents of which this is a new version."""
    rows = [row for row in resource.get("relatesTo") or [] if isinstance(row, dict)]
    targets = [row.get("target") or {} for row in rows if row.get("code") == "replaces"]
    return [str(target["reference"]) for target in targets if target.get("reference")]


def finished(resource: Resource, signer: str) -> Resource:
    """The document as ``signer`` (a Practitioner) answers for it: final, or amended where it replaces another."""
    standing = "amended" if replaced(resource) else "final"
    return {**resource, "docStatus": standing, "authenticator": {"reference": signer}}


def text_of(resource: Resource) -> str:
    """The text of a draft; empty where the attachment holds none."""
    places = resource.get("content") or [{}]
    data = (places[0].get("attachment") or {}).get("data", "")
    return base64.b64decode(data).decode("utf-8", "replace")


def provenance(
    target: str, device_reference: str, at: datetime, *, sources: Sequence[str] = (), activity: str = "CREATE"
) -> Resource:
    """How the target came to be: written by the model, from the sources. No human yet."""
    return {
        "resourceType": "Provenance",
        "meta": {"profile": [AI_PROVENANCE_PROFILE]},
        "target": [{"reference": target}],
        "occurredDateTime": instant(at),
        "recorded": instant(at),
        "reason": [{"coding": [_AIAST]}],
        "activity": concept(DATA_OPERATION_SYSTEM, activity, activity.lower()),
        "agent": [_author(device_reference)],
        **({"entity": [_source(one) for one in sources]} if sources else {}),
    }


def signed(target: str, device_reference: str, signer: str, at: datetime, *, draft: str) -> Resource:
    """The Provenance of the signed version: the model wrote it, ``signer`` (a Practitioner) verified it."""
    made = provenance(target, device_reference, at, sources=[draft], activity="UPDATE")
    made["entity"][0]["role"] = "revision"
    return verified(made, signer)


def verified(trace: Resource, signer: str) -> Resource:
    """A Provenance with its human verifier."""
    verifier = concept(PROVENANCE_PARTICIPANT_SYSTEM, "verifier", "Verifier")
    return {**trace, "agent": [*trace["agent"], {"type": verifier, "who": {"reference": signer}}]}


def edited(target: str, device_reference: str, editor: str, at: datetime, *, draft: str) -> Resource:
    """The Provenance of a draft that a person has changed and not yet signed: a second author, no verifier."""
    made = provenance(target, device_reference, at, sources=[draft], activity="UPDATE")
    author = concept(PROVENANCE_PARTICIPANT_SYSTEM, "author", "Author")
    made["agent"].append({"type": author, "who": {"reference": editor}})
    made["entity"][0]["role"] = "revision"
    return made


def _author(device_reference: str) -> Resource:
    return {
        "type": concept(PROVENANCE_PARTICIPANT_SYSTEM, "author", "Author"),
        "role": [{"coding": [_AI]}],
        "who": {"reference": device_reference},
    }


def _source(reference: str) -> Resource:
    return {"role": "source", "what": {"reference": reference}}


def ai_agent(resource: Resource) -> str:
    """The reference of a Provenance's AI agent, by its role; empty where it has none."""
    for agent in resource.get("agent") or []:
        roles: list[Any] = agent.get("role") or []
        if any(
            has_coding(role.get("coding"), AI_DEVICE_TYPE_SYSTEM, "Artificial-Intelligence") for role in roles
        ):
            return str((agent.get("who") or {}).get("reference", ""))
    return ""


def verifiers(resource: Resource) -> list[str]:
    """References of a Provenance's verifiers."""
    agents = resource.get("agent") or []
    return [
        str((agent.get("who") or {}).get("reference", ""))
        for agent in agents
        if has_coding((agent.get("type") or {}).get("coding"), PROVENANCE_PARTICIPANT_SYSTEM, "verifier")
    ]
