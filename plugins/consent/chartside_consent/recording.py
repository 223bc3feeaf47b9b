"""Record and renew: a signed form becomes a consent, and the one before it is superseded (C-6, C-11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chartside.codes import CONSENT_FORM, CONSENT_REVOCATION, CONSENT_SYSTEM, ConsentType
from chartside.errors import InputError, Rejected, VersionConflict
from chartside.types import Resource

from . import references
from .compiling import compile_consent
from .dates import birthday, moment
from .keeping import TRIES, Keeper, consents_of, inactive, left_over
from .loose import dicts
from .people import client_of
from .shaping import Papers, day_of, papers, replacing
from .signing import Signing, read_answers
from .tracing import provenance

if TYPE_CHECKING:
    from chartside.context import Context


@dataclass(frozen=True, slots=True)
class Recorded:
    """``status``: recorded, refused (the person said no), already, would (dry run). ``consent``: its reference;
    ``replaced``: those that it supersedes; ``notes``: what the staff should know.
    """

    status: str
    consent: str = ""
    replaced: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def record(context: Context, signing: Signing, *, dry_run: bool = False) -> Recorded:
    """Record a signed form; a second time changes nothing. Raises InputError, FhirError."""
    signing.check(context.clock.now())
    answered = read_answers(signing.form, signing.answers)
    patient = context.fhir.read("Patient", signing.patient.partition("/")[2])
    signing = _checked_signer(context, signing)
    made = papers(context, signing, answered, patient)
    notes = _notes(context, signing, patient)
    keeper = Keeper(context)
    for _ in range(TRIES):
        try:
            return _once(context, keeper, signing, made, notes, dry_run)
        except VersionConflict as error:  # somebody else wrote in between: look again, decide again
            conflict = error
    raise conflict


def _once(
    context: Context, keeper: Keeper, signing: Signing, made: Papers, notes: tuple[str, ...], dry_run: bool
) -> Recorded:
    present = consents_of(context, signing.patient)
    known = _known(made.consent, present)
    old = [c for c in present if c.get("status") == "active" and c is not known and _same(made.consent, c)]
    names = tuple(f"Consent/{each['id']}" for each in old)
    trace = provenance([], "CREATE", signing.at, context.clock.now(), signing)
    if known is None:
        _require_latest(signing, made.consent, present, old)
        if dry_run:
            return Recorded("would", "", names, notes)
        write = _write_yes if made.agreed else _write_no
        stored, more = write(keeper, made, old, trace)
        status = "recorded" if made.agreed else "refused"
        return Recorded(status, f"Consent/{stored['id']}", names, (*notes, *more))
    left, then = left_over(present), replace(signing, at=_at(known) or signing.at)
    rivals = [c for c in old if c not in left and not _signed_after(c, then)]
    changed = [inactive(c) for c in [*left, *rivals]]
    if known.get("status") == "inactive":
        changed = [inactive(c) for c in left]
    elif (
        rivals and known.get("status") == "active"
    ):  # two were recorded at once: the second sees the first here
        changed.insert(0, replacing(known, rivals))
    return _finished(keeper, known, changed, trace, notes, dry_run)


_STUCK = "the EHR would not change the consent before this one; decisions pass it over all the same"


def _write_yes(
    keeper: Keeper, made: Papers, old: Sequence[Resource], trace: Resource
) -> tuple[Resource, tuple[str, ...]]:
    """The new consent and those that it supersedes. One that the server will not change is superseded all the same."""
    consent = replacing(made.consent, old)
    try:
        return keeper.put(consent, trace, made.response, [inactive(c) for c in old]), ()
    except (Rejected, InputError):
        if not old:
            raise
        return keeper.put(consent, trace, made.response), (_STUCK,)


def _write_no(
    keeper: Keeper, made: Papers, old: Sequence[Resource], trace: Resource
) -> tuple[Resource, tuple[str, ...]]:
    """What the client says no to ends first. Where the server will not end it, the no becomes a consent that denies."""
    try:
        if old:
            keeper.retire([inactive(c) for c in old], [], trace)
        return keeper.put(made.consent, trace, made.response), ()
    except (Rejected, InputError):
        if not old:
            raise
        denial = replacing({**made.consent, "status": "active"}, old)
        return keeper.put(denial, trace, made.response), (_STUCK,)


def _finished(
    keeper: Keeper,
    known: Resource,
    changed: Sequence[Resource],
    trace: Resource,
    notes: tuple[str, ...],
    dry_run: bool,
) -> Recorded:
    """What an earlier run recorded: do what it left undone, if anything."""
    name = f"Consent/{known['id']}"
    if known.get("status") == "inactive":
        notes = (*notes, "it was recorded earlier and is no longer in force: let the client sign anew")
    if not dry_run and (changed or not keeper.traced(known, "CREATE")):
        try:
            keeper.retire(changed, [name], trace)
        except (Rejected, InputError):
            notes = (*notes, _STUCK)
    ended = tuple(f"Consent/{c['id']}" for c in changed if c["id"] != known["id"])
    return Recorded("already", name, ended, notes)


def _known(made: Resource, present: Sequence[Resource]) -> Resource | None:
    """The same paper recorded before: by its identifier, or the same answers of the same day still in force."""
    keys = {i["value"] for i in made["identifier"]}
    for consent in present:
        listed = dicts(consent.get("identifier"))
        if any(i.get("system") == CONSENT_SYSTEM and i.get("value") in keys for i in listed):
            return consent
    digest = form_part(made, "responseHash")
    same = [
        c
        for c in present
        if form_part(c, "responseHash") == digest
        and c.get("status") in ("active", "rejected")
        and day_of(c) == day_of(made)
    ]
    return same[0] if same else None


def form_part(consent: Resource, name: str) -> str:
    """A part of what the consent tells of its form; empty for none."""
    for part in parts_of(consent, CONSENT_FORM):
        if part.get("url") == name:
            return str(part.get("valueString", ""))
    return ""


def parts_of(consent: Resource, url: str) -> list[dict[str, Any]]:
    """The parts of a complex extension; none where there is no such extension."""
    found = [e for e in dicts(consent.get("extension")) if e.get("url") == url]
    return [part for e in found for part in dicts(e.get("extension"))]


def revoked_at(consent: Resource) -> datetime | None:
    """When it was taken back, as far as it says so."""
    told = [p.get("valueDateTime") for p in parts_of(consent, CONSENT_REVOCATION) if p.get("url") == "time"]
    try:
        found = moment(told[0]) if told else None
    except ValueError:
        return None
    return found.first if found and not found.wall else None


def recipients(consent: Resource) -> frozenset[str]:
    """Whom a consent is for: a release to another person, or AI by another tool, is another instrument."""
    provision = consent.get("provision")
    actors = dicts(provision.get("actor")) if isinstance(provision, dict) else []
    found = dicts([actor.get("reference") for actor in actors])
    return frozenset(references.of(r) or str(r.get("display", "")) for r in found)


def _same(made: Resource, other: Resource) -> bool:
    """Whether the other one is the same instrument, so that the new one takes its place. One that bundles several
    kinds is left alone: it also speaks about other things."""
    kinds, old = compile_consent(made).types, compile_consent(other).types
    if kinds != old:
        return False
    mine, theirs = recipients(made), recipients(other)
    return mine == theirs or not mine or (kinds == {ConsentType.AI_USE} and not theirs)


def _require_latest(
    signing: Signing, made: Resource, present: Sequence[Resource], old: Sequence[Resource]
) -> None:
    """An old paper that turns up must not undo what the client decided later."""
    kind = signing.form.kind
    for consent in present:
        if kind not in compile_consent(consent).types:
            continue
        if (at := revoked_at(consent)) and at > signing.at:
            raise InputError(
                f"the client took back a consent of this kind (Consent/{consent['id']}) after this was signed",
                mend="let the client sign anew",
            )
    for consent in [*old, *(c for c in present if c.get("status") == "rejected" and _same(made, c))]:
        if _signed_after(consent, signing):
            raise InputError(
                f"the client decided later (Consent/{consent['id']})", mend="nothing needs to be recorded"
            )


def _at(consent: Resource) -> datetime | None:
    """The instant of its signature; None where only a day, or nothing, stands there."""
    try:
        signed = moment(consent.get("dateTime"))
    except ValueError:
        return None
    return None if signed.wall else signed.first


def _signed_after(consent: Resource, signing: Signing) -> bool:
    try:
        signed = moment(consent.get("dateTime"))
    except ValueError:
        return False
    first = signed.first.replace(tzinfo=signing.at.tzinfo) if signed.wall else signed.first
    return first > signing.at


def _checked_signer(context: Context, signing: Signing) -> Signing:
    """The proxy must be one of this client's related persons."""
    if not signing.signer:
        return signing
    related = context.fhir.read("RelatedPerson", signing.signer.partition("/")[2])
    if references.identity(references.of(related.get("patient"))) != signing.patient:
        raise InputError(
            "the signer is no related person of this client", mend="look up RelatedPerson in the EHR"
        )
    return replace(signing, signer=f"RelatedPerson/{related['id']}")


def _notes(context: Context, signing: Signing, patient: Resource) -> tuple[str, ...]:
    client = client_of(patient, "", context)
    today = signing.at.date()
    notes = []
    if client.born is None:
        notes.append("the chart has no birth date: whether the client may sign alone is not known")
    elif not signing.signer and today < birthday(client.born, client.majority):
        notes.append("the client is a minor and signed alone: see that the law of the place allows it")
    elif signing.signer and today >= birthday(client.born, client.majority):
        notes.append("the client is of age: the proxy's authority must reach beyond that")
    return tuple(notes)
