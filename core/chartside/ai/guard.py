"""No AI text reaches the chart as final, by any path (P-3): what every write of a plugin is held against.

A plugin that declares a feature with a model in it (``BINDING``) may write nothing into the chart by itself but
administration (``ADMINISTRATIVE``): text goes through ``context.ai``. No plugin may finalise what a model wrote,
take its label away, change what a clinician has signed, remove the trace of the model, or claim the label for
something that did not come through ``context.ai``.

What no guard can see: whether words that a plugin writes *without* declaring a model came out of one. That is why the
practice enables plugins by name, and why a manifest is read before any code is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import jsonpatch

from chartside.ai.resources import is_labelled
from chartside.codes import (
    AI_ASSERTED,
    AI_DEVICE_SYSTEM,
    AI_DEVICE_TYPE_SYSTEM,
    AI_DRAFT_SYSTEM,
    OBSERVATION_VALUE_SYSTEM,
)
from chartside.errors import NotFound, PolicyRefused
from chartside.fhir import Create, Delete, Entry, Get, Patch, Update
from chartside.gate.access import Operation
from chartside.manifest import Manifest
from chartside.types import Resource

FEATURE: Final = "writes_ai_text"
"""The manifest's feature that opens ``context.ai``."""

BINDING: Final = frozenset(
    {FEATURE, "uses_ai", "transcribes", "ai_billing_review", "generates_clinical_message"}
    | {"ai_interacts_with_people", "mental_health_chatbot", "companion_chatbot", "ai_direct_care"}
    | {"ai_therapeutic_communication", "ai_therapeutic_decision", "ai_treatment_plan", "ai_in_treatment"}
    | {"decision_support"}
)
"""Every feature with a model in it (all that imply ``uses_ai`` in the packs): it binds a plugin to ``context.ai``."""

ADMINISTRATIVE: Final = frozenset(
    {"Appointment", "AppointmentResponse", "Consent", "Schedule", "Slot", "Subscription", "Task"}
)
"""All that a plugin with a model may write by itself: nothing in which a note could pass for a note."""

HOLDS_DRAFTS: Final = "DocumentReference"
"""The type of AI drafts."""

TRACES: Final = frozenset({"Device", "Provenance"})
"""What says which model wrote a draft, and who verified it: written by ``context.ai``, changed by nobody."""

_OPAQUE: Final = frozenset({"meta-add", "meta-delete", "process-message"})
"""Operations that change labels, or that write whatever stands in a message."""

_EFFECTS: Final = frozenset({"Communication", "Task"})
"""As what the ledger records an effect. A server that knows no better would take a report from it just as well."""

_WORDS: Final = frozenset(
    {"contained", "description", "display", "extension", "input", "note", "output", "payload", "text"}
)
"""Elements of an effect, at any depth, in which prose could stand."""

_ALWAYS_FROZEN: Final = ("identifier", "author", "authenticator")
_SIGNED_FROZEN: Final = ("contained", "content", "context", "date", "status", "subject", "text", "type")

_MARKS: Final = (
    ("code", OBSERVATION_VALUE_SYSTEM, AI_ASSERTED),
    ("code", AI_DEVICE_TYPE_SYSTEM, "Artificial-Intelligence"),
    ("value", AI_DRAFT_SYSTEM, None),
    ("value", AI_DEVICE_SYSTEM, None),
)

Read = Callable[[str, str], Resource]
"""Reads what stands on the server that would be written to."""


def guard_entries(manifest: Manifest, read: Read, entries: Sequence[Entry | Operation]) -> None:
    """Raise PolicyRefused when one of the entries would bring AI text into the chart by another way."""
    for entry in entries:
        if isinstance(entry, Get):
            continue
        if isinstance(entry, Operation):
            guard_operation(manifest, entry)
        elif isinstance(entry, Delete):
            _keep_traces(manifest, read, entry.type, entry.id)
        elif not isinstance(entry, Create | Update | Patch):
            raise _refused(manifest, "write in a way that is not known here", "use create, update or patch")
        elif binds(manifest):
            _administrative_only(manifest, entry)
        else:
            _hands_off(manifest, read, entry)


def binds(manifest: Manifest) -> bool:
    """Whether a plugin declares anything with a model in it."""
    return any(manifest.declares(feature) for feature in BINDING)


def guard_operation(manifest: Manifest, operation: Operation) -> None:
    """Raise PolicyRefused for an operation that could write text, or take labels away."""
    if operation.name.removeprefix("$") in _OPAQUE:
        raise _refused(manifest, "run an operation that can write anything", "use create, update or patch")
    if claims(operation.parameters) or HOLDS_DRAFTS in _types(operation.parameters):
        raise _refused(manifest, "hand documents to an operation", "use create, update or patch")
    if binds(manifest) and operation.type not in ADMINISTRATIVE:
        raise _refused(
            manifest, f"run operations on {_safe(operation.type)}", "use context.ai to write AI text"
        )


def guard_effect(manifest: Manifest, resource: Resource) -> None:
    """Raise PolicyRefused when the resource of an effect (the ledger writes it) could carry AI text."""
    if claims(resource):
        raise _refused(manifest, "write AI text", "write through context.ai")
    kind = str(resource.get("resourceType", ""))
    if resource and kind not in _EFFECTS:
        raise _refused(manifest, f"record an effect as {_safe(kind)}", "as a Communication or a Task")
    if binds(manifest) and _worded(resource):
        raise _refused(manifest, "put words into an effect", "write AI text through context.ai")


def _worded(value: Any) -> bool:
    """Whether an element in which prose could stand is there, at any depth."""
    if isinstance(value, list | tuple):
        return any(map(_worded, value))
    return isinstance(value, dict) and (not _WORDS.isdisjoint(value) or any(map(_worded, value.values())))


def _administrative_only(manifest: Manifest, entry: Create | Update | Patch) -> None:
    # A JSON Patch could put a contained resource in, too; its values are looked through for one.
    if isinstance(entry, Patch):
        inner = [kind for operation in entry.operations for kind in _types(operation.get("value"))]
    else:
        inner = [kind for value in entry.resource.values() for kind in _types(value)]
    for one in (entry.asked.type, *inner):
        if one not in ADMINISTRATIVE:
            raise _refused(manifest, f"write {_safe(one)} by itself", "write AI text through context.ai")


def _hands_off(manifest: Manifest, read: Read, entry: Create | Update | Patch) -> None:
    kind = entry.asked.type
    kept = kind == HOLDS_DRAFTS or kind in TRACES
    if isinstance(entry, Create):
        _refuse_claim(manifest, entry.resource)
    elif isinstance(entry, Patch):
        if kept:
            old = _standing(read, kind, entry.id)
            refuse_unlabelled_ai(manifest, old, _patched(manifest, old, entry))
        else:
            _refuse_claim(manifest, list(entry.operations))
    elif kept or claims(entry.resource):
        refuse_unlabelled_ai(
            manifest, _standing(read, kind, str(entry.resource.get("id", ""))), entry.resource
        )


def refuse_unlabelled_ai(manifest: Manifest, old: Resource | None, new: Resource) -> None:
    """Raise PolicyRefused when the change from ``old`` to ``new`` touches what makes an AI text one."""
    if old is None or not claims(old):
        _refuse_claim(manifest, new)
    elif old.get("resourceType") in TRACES:
        if new != old:
            raise _refused(manifest, "change the trace of a model", "leave it as it is")
    elif is_labelled(old) and not is_labelled(new):
        raise _refused(manifest, "take the AI label away", "the label stays, also after signing")
    elif old.get("resourceType") == HOLDS_DRAFTS:
        _same_standing(manifest, old, new)


def _same_standing(manifest: Manifest, old: Resource, new: Resource) -> None:
    before, after = old.get("docStatus"), new.get("docStatus")
    withdrawn = after == "entered-in-error"
    if after != before and not withdrawn:
        mend = "a named clinician signs it: context.ai.sign"
        raise _refused(manifest, "change the docStatus of an AI draft", mend)
    frozen = _ALWAYS_FROZEN if withdrawn or before == "preliminary" else _ALWAYS_FROZEN + _SIGNED_FROZEN
    for name in frozen:
        if old.get(name) != new.get(name):
            raise _refused(manifest, f"change the {name} of an AI text", "amend it in the EHR")


def _keep_traces(manifest: Manifest, read: Read, kind: str, id: str) -> None:
    """P-5: what a bad version of a model wrote can be found as long as its traces stand."""
    if kind in TRACES and claims(_standing(read, kind, id)):
        raise _refused(manifest, "delete the trace of a model", "leave it as it is")


def _refuse_claim(manifest: Manifest, new: Any) -> None:
    """What was not written by ``context.ai`` must not look as if it were."""
    if claims(new):
        mend = f"declare features.{FEATURE} = true in plugin.toml and write through context.ai"
        raise _refused(manifest, "write AI text", mend)


def claims(value: Any) -> bool:
    """Whether anything in it, at any depth, says that a model wrote it, or that it is a model."""
    if isinstance(value, list | tuple):
        return any(claims(one) for one in value)
    if not isinstance(value, dict):
        return False
    if "system" in value and any(_is_mark(value, *mark) for mark in _MARKS):
        return True
    return any(claims(one) for one in value.values() if isinstance(one, dict | list))


def _is_mark(value: dict[str, Any], name: str, system: str, wanted: str | None) -> bool:
    return value.get("system") == system and name in value and wanted in (None, value[name])


def _standing(read: Read, kind: str, id: str) -> Resource | None:
    try:
        return read(kind, id)
    except NotFound:
        return None


def _patched(manifest: Manifest, old: Resource | None, entry: Patch) -> Resource:
    try:
        patched = jsonpatch.JsonPatch([dict(one) for one in entry.operations]).apply(old or {})
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError, ValueError):
        raise _refused(manifest, "send a patch that does not fit", "read the resource again") from None
    if not isinstance(patched, dict):
        raise _refused(manifest, "patch a resource away", "use delete")
    return patched


def _types(value: Any) -> list[str]:
    """Types of all resources within a value, at any depth."""
    if isinstance(value, list | tuple):
        return [kind for one in value for kind in _types(one)]
    if not isinstance(value, dict):
        return []
    inner = [kind for one in value.values() for kind in _types(one)]
    return [str(value["resourceType"]), *inner] if "resourceType" in value else inner


def _safe(kind: str) -> str:
    return kind if kind.isalpha() else "(no resource type)"


def _refused(manifest: Manifest, what: str, mend: str) -> PolicyRefused:
    return PolicyRefused(f"plugin {manifest.name} may not {what} (P-3)", mend=mend)
