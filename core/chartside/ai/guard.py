"""No AI text reaches the chart as final, by any path (P-3): what every write of a plugin is held against.

A plugin that declares ``features.writes_ai_text`` may write nothing into the chart by itself but administration
(``ADMINISTRATIVE``): text goes through ``context.ai``. No plugin may finalise what a model wrote, take its
label away, or claim the label for something that did not come through ``context.ai``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import jsonpatch

from chartside.ai.resources import ai_agent, is_labelled
from chartside.codes import AI_DEVICE_SYSTEM, AI_DRAFT_SYSTEM
from chartside.errors import NotFound, PolicyRefused
from chartside.fhir import Create, Delete, Entry, Get, Patch, Update
from chartside.manifest import Manifest
from chartside.types import Resource

if TYPE_CHECKING:
    from chartside.gate.client import GatedFhir

FEATURE: Final = "writes_ai_text"
"""The manifest's feature that binds a plugin to ``context.ai``."""

ADMINISTRATIVE: Final = frozenset(
    {"Appointment", "AppointmentResponse", "Consent", "Schedule", "Slot", "Subscription", "Task"}
)
"""All that a plugin with AI text may write by itself: nothing in which a note could pass for a note."""

HOLDS_DRAFTS: Final = "DocumentReference"
"""The type of AI drafts: before another plugin changes one of these, what stands there is read."""

Read = Callable[[str, str], Resource]


def guard_entries(manifest: Manifest, fhir: GatedFhir, entries: Sequence[Entry]) -> None:
    """Raise PolicyRefused when one of the entries would bring AI text into the chart by another way."""
    for entry in entries:
        if isinstance(entry, Get | Delete):
            continue
        if manifest.declares(FEATURE):
            _administrative_only(manifest, entry)
        else:
            _hands_off(manifest, fhir.read, entry)


def guard_operation(manifest: Manifest, resource_type: str, name: str) -> None:
    """Raise PolicyRefused for an operation that could write text, or take labels away."""
    if name.removeprefix("$") in {"meta-delete", "meta-add"}:
        raise _refused(manifest, "change labels by an operation", "labels are set by context.ai")
    if manifest.declares(FEATURE) and resource_type not in ADMINISTRATIVE:
        raise _refused(
            manifest, f"run operations on {_safe(resource_type)}", "use context.ai to write AI text"
        )


def _administrative_only(manifest: Manifest, entry: Entry) -> None:
    if isinstance(entry, Patch):
        # A JSON Patch could put a contained resource in, too; its values are looked through for one.
        contained = [t for operation in entry.operations for t in _types(operation.get("value"))]
    elif isinstance(entry, Create | Update):
        contained = _contained(entry.resource)
    else:
        raise _unknown(manifest)
    for one in (entry.asked.type, *contained):
        if one not in ADMINISTRATIVE:
            raise _refused(manifest, f"write {_safe(one)} by itself", "write AI text through context.ai")


def _hands_off(manifest: Manifest, read: Read, entry: Entry) -> None:
    if isinstance(entry, Create):
        _refuse_claim(manifest, entry.resource)
        return
    kind = entry.asked.type
    if kind != HOLDS_DRAFTS:
        if isinstance(entry, Update):
            _refuse_claim(manifest, entry.resource)
        return
    if isinstance(entry, Update):
        old = _standing(read, kind, str(entry.resource.get("id", "")))
        refuse_unlabelled_ai(manifest, old, entry.resource)
    elif isinstance(entry, Patch):
        old = _standing(read, kind, entry.id)
        refuse_unlabelled_ai(manifest, old, _patched(manifest, old, entry))
    else:
        raise _unknown(manifest)


def refuse_unlabelled_ai(manifest: Manifest, old: Resource | None, new: Resource) -> None:
    """Raise PolicyRefused when the change from ``old`` to ``new`` touches what makes an AI draft one."""
    if old is None or not (is_labelled(old) or _is_draft(old)):
        _refuse_claim(manifest, new)
        return
    if not is_labelled(new):
        raise _refused(manifest, "take the AI label away", "the label stays, also after signing")
    if new.get("identifier") != old.get("identifier"):
        raise _refused(manifest, "change the identifier of an AI draft", "leave it as it is")
    before, after = old.get("docStatus"), new.get("docStatus")
    if after in (before, "entered-in-error"):
        return
    raise _refused(
        manifest, "change the docStatus of an AI draft", "a named clinician signs it: context.ai.sign"
    )


def _refuse_claim(manifest: Manifest, new: Resource) -> None:
    """What was not written by ``context.ai`` must not look as if it were."""
    claims = (
        is_labelled(new)
        or _is_draft(new)
        or bool(ai_agent(new))
        or any(is_labelled(one) for one in new.get("contained") or [] if isinstance(one, dict))
    )
    if claims:
        mend = f"declare features.{FEATURE} = true in plugin.toml and write through context.ai"
        raise _refused(manifest, "write AI text", mend)


def _is_draft(resource: Resource) -> bool:
    identifiers = resource.get("identifier")
    rows = identifiers if isinstance(identifiers, list) else [identifiers]
    return any(
        isinstance(row, dict) and row.get("system") in {AI_DRAFT_SYSTEM, AI_DEVICE_SYSTEM} for row in rows
    )


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


def _contained(resource: Resource) -> list[str]:
    return [kind for key, value in resource.items() if key != "resourceType" for kind in _types(value)]


def _types(value: Any) -> list[str]:
    """Types of all resources within a value, at any depth."""
    if isinstance(value, list):
        return [kind for one in value for kind in _types(one)]
    if not isinstance(value, dict):
        return []
    inner = [kind for one in value.values() for kind in _types(one)]
    return [str(value["resourceType"]), *inner] if "resourceType" in value else inner


def _unknown(manifest: Manifest) -> PolicyRefused:
    return _refused(manifest, "write in a way that is not known here", "use create, update or patch")


def _safe(kind: str) -> str:
    return kind if kind.isalpha() else "(no resource type)"


def _refused(manifest: Manifest, what: str, mend: str) -> PolicyRefused:
    return PolicyRefused(f"plugin {manifest.name} may not {what} (P-3)", mend=mend)
