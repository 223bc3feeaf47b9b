"""Take a consent back: by any channel, at once, never deleted (C-5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from chartside import effect_key
from chartside.codes import (
    BASE,
    CONSENT_CHANNEL_SYSTEM,
    CONSENT_PROFILE,
    CONSENT_REVOCATION,
    CONSENT_SYSTEM,
    MESSAGE_CATEGORY_SYSTEM,
    ConsentType,
    MessageCategory,
    coding,
    concept,
)
from chartside.errors import InputError, Rejected, VersionConflict
from chartside.types import Resource

from .compiling import compile_consent
from .keeping import TRIES, Keeper, consents_of, inactive, left_over
from .loose import dicts
from .recording import parts_of, revoked_at
from .rules import DENY
from .shaping import extension, heading
from .signing import Channel, person
from .tracing import provenance

if TYPE_CHECKING:
    from chartside.context import Context


@dataclass(frozen=True, slots=True)
class Revocation:
    """``kind``: all consents of this kind; or ``consent``: this one (``Consent/12``). ``category``: messages of this
    category only (R-6). ``actor``: who took it back, the client where it is empty; ``recorder``: staff who enters it.
    """

    patient: str
    channel: Channel
    at: datetime
    kind: ConsentType | None = None
    consent: str = ""
    category: MessageCategory | None = None
    actor: str = ""
    recorder: str = ""

    def check(self, now: datetime) -> None:
        """Raise InputError for what cannot have been so."""
        if self.at.tzinfo is None or self.at > now:
            raise InputError("the time lies in the future, or has no zone")
        if (self.kind is None) == (not self.consent):
            raise InputError("say which: a kind of consent, or one consent", mend="give --type or --consent")
        person("patient", self.patient, "Patient")
        if self.actor:
            person("actor", self.actor, "Patient", "RelatedPerson", "Practitioner")
        if self.recorder:
            person("recorder", self.recorder, "Practitioner", "PractitionerRole")


@dataclass(frozen=True, slots=True)
class Revoked:
    """``status``: revoked, already, nothing (none was in force), would (dry run). ``consents``: those taken back;
    ``refusal``: a consent that was written to say no to a part only.
    """

    status: str
    consents: tuple[str, ...] = ()
    refusal: str = ""


def revoke(context: Context, asked: Revocation, *, dry_run: bool = False) -> Revoked:
    """Take back; when this returns, the next decision knows (C-5). A second time changes nothing. Raises FhirError."""
    asked.check(context.clock.now())
    keeper = Keeper(context)
    for _ in range(TRIES):
        try:
            return _once(context, keeper, asked, dry_run)
        except (
            VersionConflict
        ) as error:  # somebody else wrote in between: a revocation must not fail for that
            conflict = error
    raise conflict


def _once(context: Context, keeper: Keeper, asked: Revocation, dry_run: bool) -> Revoked:
    present = consents_of(context, asked.patient)
    if asked.consent and not any(f"Consent/{c.get('id')}" == asked.consent for c in present):
        raise InputError("this client has no such consent", mend="see: chartside consent list --patient ID")
    if asked.category:
        return _refused(context, keeper, asked, present, dry_run)
    whole = [c for c in present if _meant(c, asked) and c.get("status") == "active"]
    bundled = asked.kind is not None and any(_bundles(c, asked.kind) for c in present)
    if not whole:
        if bundled:
            return _refused(context, keeper, asked, present, dry_run)
        return _earlier(context, keeper, asked, present, dry_run)
    if dry_run:
        return Revoked("would", tuple(f"Consent/{c['id']}" for c in whole))
    stale = {c["id"] for c in left_over(present)}
    ordered = sorted(
        whole, key=lambda c: c["id"] not in stale
    )  # else a killed run would revive a superseded one
    trace = _trace(context, asked)
    try:
        keeper.retire([_taken_back(c, asked) for c in ordered], [], trace)
    except (
        Rejected,
        InputError,
    ):  # a consent that the server holds and will not take back: then a denial does it
        kinds = compile_consent(whole[0]).types
        if asked.kind is None and len(kinds) != 1:
            raise
        kind = asked.kind or next(iter(kinds))
        return _refused(context, keeper, replace(asked, kind=kind, consent=""), present, dry_run)
    refusal = _refused(context, keeper, asked, present, dry_run).refusal if bundled else ""
    return Revoked("revoked", tuple(f"Consent/{c['id']}" for c in whole), refusal)


def _meant(consent: Resource, asked: Revocation) -> bool:
    """The consents that are to go: never one that only says no, and none that also speaks about other things."""
    if asked.consent:
        return f"Consent/{consent.get('id')}" == asked.consent
    found = compile_consent(consent)
    return found.types == {asked.kind} and found.root.effect != DENY


def _bundles(consent: Resource, kind: ConsentType) -> bool:
    types = compile_consent(consent).types
    return consent.get("status") == "active" and kind in types and len(types) > 1


def _taken_back(consent: Resource, asked: Revocation) -> Resource:
    told = extension(
        CONSENT_REVOCATION,
        time=("valueDateTime", asked.at.isoformat(timespec="seconds")),
        channel=("valueCoding", coding(CONSENT_CHANNEL_SYSTEM, asked.channel)),
        actor=("valueReference", {"reference": asked.actor or asked.patient}),
    )
    kept = [e for e in dicts(consent.get("extension")) if e.get("url") != CONSENT_REVOCATION]
    return {**inactive(consent), "extension": [*kept, told]}


def _trace(context: Context, asked: Revocation, activity: str = "CANCEL") -> Resource:
    author = asked.actor or asked.patient
    return provenance([], activity, asked.at, context.clock.now(), author=author, enterer=asked.recorder)


def _earlier(
    context: Context, keeper: Keeper, asked: Revocation, present: Sequence[Resource], dry_run: bool
) -> Revoked:
    """None is in force. Where an earlier run took one back and was killed, its Provenance is written now."""
    taken = [c for c in present if _meant(c, asked) and parts_of(c, CONSENT_REVOCATION)]
    last = max(taken, key=lambda c: revoked_at(c) or asked.at, default=None)
    if last is None:
        return Revoked("nothing")
    if not dry_run and not keeper.traced(last, "CANCEL"):
        keeper.retire([], [f"Consent/{last['id']}"], _trace(context, asked))
    return Revoked("already", (f"Consent/{last['id']}",))


def _refused(
    context: Context, keeper: Keeper, asked: Revocation, present: Sequence[Resource], dry_run: bool
) -> Revoked:
    """A no to one category, or to one kind of a consent that bundles several, as a consent of its own that denies."""
    keys = {str(i.get("value")): c for c in present for i in dicts(c.get("identifier"))}
    number = 0  # a refusal that a later yes superseded stays so; saying no again is another one
    while (key := _key(context, asked, number)) in keys and keys[key].get("status") != "active":
        number += 1
    if key in keys:
        return Revoked("already", refusal=f"Consent/{keys[key]['id']}")
    if dry_run:
        return Revoked("would")
    stored = keeper.put(_refusal(context, asked, key), _trace(context, asked, "CREATE"))
    return Revoked("revoked", refusal=f"Consent/{stored['id']}")


def _key(context: Context, asked: Revocation, number: int) -> str:
    kind = asked.kind or ConsentType.TEXT_MESSAGES
    parts = (context.practice.id, "refusal", asked.patient, kind.value, asked.category or "", str(number))
    return effect_key(*parts)


def _refusal(context: Context, asked: Revocation, key: str) -> Resource:
    kind = asked.kind or ConsentType.TEXT_MESSAGES
    codes = [concept(MESSAGE_CATEGORY_SYSTEM, asked.category)] if asked.category else []
    return {
        "resourceType": "Consent",
        "meta": {"profile": [CONSENT_PROFILE]},
        "extension": [
            extension(
                CONSENT_REVOCATION,
                time=("valueDateTime", asked.at.isoformat(timespec="seconds")),
                channel=("valueCoding", coding(CONSENT_CHANNEL_SYSTEM, asked.channel)),
                actor=("valueReference", {"reference": asked.actor or asked.patient}),
            )
        ],
        "identifier": [{"system": CONSENT_SYSTEM, "value": key}],
        "status": "active",
        **heading(kind, asked.patient, asked.at),
        "performer": [{"reference": asked.actor or asked.patient}],
        "organization": [{"display": context.practice.name}],
        "policy": [{"uri": f"{BASE}/consent-refusal"}],
        "provision": {"type": "deny", **({"code": codes} if codes else {})},
    }
