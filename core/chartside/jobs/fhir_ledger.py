"""The ledger in a FHIR server: an effect is a Communication or a Task with a deterministic identifier.

With transactions or batches the states are written as R-10 names them: ``preparation`` by a conditional create,
``in-progress`` by an update with ``If-Match`` together with the AuditEvents, then ``completed`` or ``not-done``.
Where the server has neither, each write is a round trip, so ``claim`` only looks what is there and ``begin``
creates the resource as ``in-progress`` by a conditional create: one write fewer for each effect, with the same
guarantee, since nothing is carried out before that create was answered.

Who holds a claim, and until when, stands in a second identifier (``CLAIM_TOKEN_SYSTEM``): ``worker.until``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chartside.audit.deliver import deliver
from chartside.clock import Clock
from chartside.codes import CLAIM_TOKEN_SYSTEM, EFFECT_SYSTEM, RECIPIENT_SYSTEM, TASK_CODE_SYSTEM
from chartside.errors import AuditUnavailable, FhirError
from chartside.fhir import Create, Entry, EntryResult, FhirClient, Search, Update
from chartside.fhir.paths import is_reference, version_of
from chartside.fhir.search import side_by_side
from chartside.jobs.ledger import Claim, Effect, Ledger, Result, State
from chartside.jobs.shapes import communication_as_task
from chartside.types import Resource

_STATUS = {
    "Communication": {
        State.CLAIMED: "preparation",
        State.BEGUN: "in-progress",
        State.DONE: "completed",
        State.NOT_DONE: "not-done",
    },
    "Task": {
        State.CLAIMED: "accepted",
        State.BEGUN: "in-progress",
        State.DONE: "completed",
        State.NOT_DONE: "failed",
    },
}
_FURTHER = (State.CLAIMED, State.NOT_DONE, State.BEGUN, State.DONE)
REASON_SYSTEM = TASK_CODE_SYSTEM.replace("task-code", "not-done-reason")
_CHUNK = 50
"""Identifiers in one search: keeps the URL under 4 kB, which every server takes."""


class FhirLedger(Ledger):
    """``client``: the host's own, for the server that is the ledger's home; ``resource_type``: Communication or Task.

    ``worker`` is unique to this run; ``lease``: how long a claim is respected after its worker went silent.
    ``audit_events``: whether AuditEvents live on that server, too.
    """

    def __init__(
        self,
        client: FhirClient,
        resource_type: str,
        *,
        worker: str,
        clock: Clock,
        lease: timedelta,
        audit_events: bool,
        place: str = "the EHR",
    ) -> None:
        self._client, self._type, self._worker = client, resource_type, worker
        self._clock, self._lease, self.audits = clock, lease, audit_events
        self.together = client.capabilities().transaction or client.capabilities().batch
        self._heeds = client.capabilities().versioned_update(resource_type)
        self._known: dict[str, Resource] = {}
        self.home = f"{resource_type} in {place}"

    def claim(self, effects: Sequence[Effect]) -> list[Claim]:
        """See Ledger. It looks first, though the create is conditional: one server that says so and does not heed
        it would else have every run send everything again."""
        found = self._find(effects)
        claims = {e.key: self._seen(e, found[e.key]) for e in effects if e.key in found}
        new = [effect for effect in effects if effect.key not in found]
        if not self.together:
            return self._needed([claims.get(e.key) or Claim(e, State.CLAIMED) for e in effects])
        claims |= {c.effect.key: c for c in self._take_over(list(claims.values()))}
        answers = self._send([self._create(effect, State.CLAIMED) for effect in new])
        claims |= {c.effect.key: c for c in self._settle(new, answers, State.CLAIMED)}
        return self._needed([claims[effect.key] for effect in effects])

    def _needed(self, claims: list[Claim]) -> list[Claim]:
        """Forget the records of what has ended: a service that runs for months sees each due effect again and again."""
        for claim in claims:
            if claim.state in (State.DONE, State.NOT_DONE):
                self._known.pop(claim.effect.key, None)
        return claims

    def begin(self, claims: Sequence[Claim]) -> list[Claim]:
        """See Ledger."""
        fresh = [c for c in claims if not c.home]
        begun = {c.effect.key: c for c in self._begin_fresh(fresh)}
        begun |= {
            c.effect.key: c for c in self._move([c for c in claims if c.home], State.CLAIMED, State.BEGUN)
        }
        return [begun[c.effect.key] for c in claims]

    def reopen(self, claims: Sequence[Claim]) -> list[Claim]:
        """See Ledger."""
        return self._move(claims, State.UNDECIDED, State.BEGUN)

    def finish(self, results: Sequence[Result]) -> list[Claim]:
        """See Ledger."""
        by_key = {r.claim.effect.key: r for r in results}
        ended: dict[str, Claim] = {}
        for state in (State.DONE, State.NOT_DONE):
            claims = [r.claim for r in results if r.done is (state is State.DONE)]
            for claim in self._move(claims, State.BEGUN, state, by_key):
                ended[claim.effect.key] = claim
        for result in results:
            self._known.pop(result.claim.effect.key, None)  # memory stays flat over a long run
        return [ended[r.claim.effect.key] for r in results]

    def release(self, claims: Sequence[Claim]) -> None:
        """See Ledger. The lease is ended, the resource stays: a delete would need a right of its own."""
        entries = []
        for claim in claims:
            held = self._versioned(claim)
            if held is not None:
                entries.append(self._update(claim.effect, held, State.CLAIMED, lease=timedelta(0)))
        self._send(entries)

    def recent(self, recipients: Sequence[str], since: datetime) -> dict[str, list[datetime]]:
        """See Ledger."""
        names = sorted({name for name in recipients if name})
        found: dict[str, list[datetime]] = {name: [] for name in names}
        counted = {_STATUS[self._type][State.BEGUN], _STATUS[self._type][State.DONE]}
        young = {"_lastUpdated": f"ge{since.astimezone(UTC).isoformat(timespec='seconds')}"}
        for resource in self._identified(RECIPIENT_SYSTEM, names, young):
            at = _at(resource)
            if resource.get("status") in counted and at and at >= since:
                found.setdefault(_value(resource, RECIPIENT_SYSTEM), []).append(at)
        return found

    def undecided(self) -> Iterator[Claim]:
        """See Ledger."""
        query = {"status": _STATUS[self._type][State.BEGUN], "identifier": f"{EFFECT_SYSTEM}|"}
        for resource in _records(self._client.search(self._type, query)):
            key = _value(resource, EFFECT_SYSTEM)
            claim = self._seen(Effect(key, _bare(resource)), resource)
            if key and claim.state is State.UNDECIDED:
                yield claim

    def _send(self, entries: Sequence[Entry], audit: Sequence[Create] = ()) -> list[EntryResult]:
        """All in one transaction where there are some; where it is refused, each on its own, so that one bad
        record does not hold up the rest. The audit is written with, or before, what it speaks of (S-10)."""
        if not entries:
            return []
        if self._client.capabilities().transaction:
            try:
                return self._client.transaction([*entries, *audit])[: len(entries)]
            except FhirError as error:
                if error.retryable:  # it may have been done: the caller looks
                    return [EntryResult(entry, error=error) for entry in entries]
        try:
            deliver(self._client, audit)
        except FhirError as error:
            raise AuditUnavailable("the EHR did not take the AuditEvents, so nothing was begun") from error
        return self._client.execute(entries)

    def _begin_fresh(self, claims: Sequence[Claim]) -> list[Claim]:
        effects = [c.effect for c in claims]
        audit = [Create(event) for e in effects for event in e.audit] if self.audits else []
        answers = self._send([self._create(effect, State.BEGUN) for effect in effects], audit)
        return self._settle(effects, answers, State.BEGUN)

    def _settle(self, effects: Sequence[Effect], answers: Sequence[EntryResult], state: State) -> list[Claim]:
        """A create that was answered "created" is ours; for every other one, look what stands there."""
        unsure = [e for e, a in zip(effects, answers, strict=True) if not a.created]
        found = self._find(unsure)
        claims = []
        for effect, answer in zip(effects, answers, strict=True):
            if answer.created:
                self._known[effect.key] = answer.require()
                claims.append(self._claim(effect, state, answer.require()))
            elif effect.key in found:
                claims.append(self._seen(effect, found[effect.key]))
            else:
                problem = type(answer.error).__name__ if answer.error else "the server keeps no identifier"
                claims.append(Claim(effect, State.FAILED, problem=problem))
        return self._take_over(claims) if state is State.CLAIMED else claims

    def _take_over(self, claims: list[Claim]) -> list[Claim]:
        """Claims in preparation whose worker went silent, or gave them back: nothing was done, so take them."""
        stale = [c for c in claims if c.state is State.CLAIMED and not self._ours(self._known[c.effect.key])]
        taken = {c.effect.key: c for c in self._move(stale, State.CLAIMED, State.CLAIMED)}
        return [taken.get(c.effect.key, c) for c in claims]

    def _move(
        self, claims: Sequence[Claim], old: State, new: State, results: dict[str, Result] | None = None
    ) -> list[Claim]:
        """Each claim in state ``old`` becomes ``new`` by an update with If-Match; else it stays as it is found."""
        moved: dict[str, Claim] = {}
        pending = list(claims)
        for _attempt in range(3):
            pending = self._move_once(pending, old, new, results or {}, moved)
            if not pending:
                break
        moved |= {
            c.effect.key: replace(c, state=State.FAILED, problem="could not be written") for c in pending
        }
        return [moved[c.effect.key] for c in claims]

    def _move_once(
        self, claims: list[Claim], old: State, new: State, results: dict[str, Result], moved: dict[str, Claim]
    ) -> list[Claim]:
        """One round. Fills ``moved``; gives back the claims that should be tried again, freshly read."""
        if not self._heeds:
            claims = self._look_again(claims, old, new, moved)
        held = [(c, self._versioned(c)) for c in claims]
        entries = [
            self._update(c.effect, r, new, result=results.get(c.effect.key)) for c, r in held if r is not None
        ]
        audit = (
            [Create(e) for c, _ in held for e in c.effect.audit] if new is State.BEGUN and self.audits else []
        )
        answers = self._send(entries, audit)
        lost: list[Claim] = [c for c, r in held if r is None]
        for (claim, _), answer in zip([h for h in held if h[1] is not None], answers, strict=False):
            if answer.error is None:
                self._known[claim.effect.key] = answer.require()
                moved[claim.effect.key] = self._claim(claim.effect, new, answer.require())
            else:
                lost.append(claim)
        if not self._heeds:
            moved |= self._overwritten([c for c in claims if c.effect.key in moved])
        return self._look_again(lost, old, new, moved)

    def _versioned(self, claim: Claim) -> Resource | None:
        """The record as it is known, unless it came without the version that an update needs."""
        held = self._known.get(claim.effect.key)
        return held if held is not None and version_of(held) else None

    def _overwritten(self, claims: Sequence[Claim]) -> dict[str, Claim]:
        """Servers were seen that ignore ``If-Match``: there only a look before and after tells whose a claim is.
        What is left is the moment between another worker's look and its write."""
        found = self._find([c.effect for c in claims])
        seen = [self._seen(c.effect, found[c.effect.key]) for c in claims if c.effect.key in found]
        return {c.effect.key: c for c in seen if not self._ours(self._known[c.effect.key])}

    def _look_again(self, lost: list[Claim], old: State, new: State, moved: dict[str, Claim]) -> list[Claim]:
        """After a conflict or a lost answer: what is new already was our own write; what is old is tried again."""
        again = []
        found = self._find([c.effect for c in lost])
        for claim in lost:
            resource = found.get(claim.effect.key)
            now = self._seen(claim.effect, resource) if resource else replace(claim, state=State.FAILED)
            if now.state is old or (old is State.BEGUN and now.state is State.UNDECIDED):
                again.append(now)
            else:
                moved[claim.effect.key] = now
        return again

    def _find(self, effects: Sequence[Effect]) -> dict[str, Resource]:
        """What the server holds for these effects, by key."""
        found: dict[str, Resource] = {}
        for resource in self._identified(EFFECT_SYSTEM, [e.key for e in effects], {"_count": str(_CHUNK)}):
            key = _value(resource, EFFECT_SYSTEM)
            if key not in found or self._rank(resource) > self._rank(found[key]):
                found[key] = resource
        self._known |= found
        return found

    def _identified(self, system: str, values: Sequence[str], query: dict[str, str]) -> Iterator[Resource]:
        """What bears one of these identifiers; some at a time, side by side."""
        parts = (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
        searches = (
            self._client.search(self._type, {"identifier": ",".join(f"{system}|{v}" for v in part), **query})
            for part in parts
        )
        for search in side_by_side(searches):
            yield from _records(search)

    def _rank(self, resource: Resource) -> int:
        """Of several records of one effect, the one that says most of what happened counts."""
        words = [_STATUS[self._type][state] for state in _FURTHER]
        status = resource.get("status")
        return words.index(status) if status in words else len(words)

    def _seen(self, effect: Effect, resource: Resource) -> Claim:
        self._known[effect.key] = resource
        states = {word: state for state, word in _STATUS[self._type].items()}
        state = states.get(resource.get("status", ""), State.DONE)
        over, ours = self._lease_over(resource), self._ours(resource)
        if state is State.CLAIMED and not (ours or over):
            state = State.HELD
        if state is State.BEGUN and not ours:
            state = State.UNDECIDED if over else State.HELD
        return self._claim(effect, state, resource)

    def _claim(self, effect: Effect, state: State, resource: Resource) -> Claim:
        version = version_of(resource)
        return Claim(effect, state, f"{self._type}/{resource.get('id', '')}", version, self._clock.now())

    def _create(self, effect: Effect, state: State) -> Create:
        return Create(self._body(effect, state), f"identifier={EFFECT_SYSTEM}|{effect.key}")

    def _update(
        self,
        effect: Effect,
        held: Resource,
        state: State,
        *,
        result: Result | None = None,
        lease: timedelta | None = None,
    ) -> Update:
        body = {**held, **self._body(effect, state, lease)}
        if result and result.reason:
            body["statusReason"] = _reason(self._type, result.reason)
        if result and result.done and self._type == "Communication":
            body["sent"] = (result.at or self._clock.now()).astimezone(UTC).isoformat(timespec="seconds")
        return Update(body)

    def _body(self, effect: Effect, state: State, lease: timedelta | None = None) -> Resource:
        until = self._clock.now() + (self._lease if lease is None else lease)
        resource = (
            effect.resource if self._type == "Communication" else communication_as_task(effect.resource)
        )
        return {
            **resource,
            "resourceType": self._type,
            "identifier": [
                {"system": EFFECT_SYSTEM, "value": effect.key},
                {"system": CLAIM_TOKEN_SYSTEM, "value": f"{self._worker}.{until.timestamp():.0f}"},
                *([{"system": RECIPIENT_SYSTEM, "value": effect.recipient}] if effect.recipient else []),
            ],
            "status": _STATUS[self._type][state],
        }

    def _ours(self, resource: Resource) -> bool:
        return _value(resource, CLAIM_TOKEN_SYSTEM).rpartition(".")[0] == self._worker

    def _lease_over(self, resource: Resource) -> bool:
        until = _value(resource, CLAIM_TOKEN_SYSTEM).rpartition(".")[2]
        return not until.isdigit() or float(until) <= self._clock.now().timestamp()


def _records(search: Search) -> Iterator[Resource]:
    """What a search brings, of a form that the rest can rely on; what is of none is no record of ours (H-4)."""
    for resource in search.matches():
        meta, names, status = (resource.get(name) for name in ("meta", "identifier", "status"))
        known = isinstance(resource.get("id"), str) and is_reference(
            f"{resource['resourceType']}/{resource['id']}"
        )
        if known and isinstance(names, list) and isinstance(meta, dict | None):
            yield {**resource, "status": status if isinstance(status, str) else ""}


def _at(resource: Resource) -> datetime | None:
    """When it was carried out: as the ledger wrote it, else when the server last saw it."""
    text = resource.get("sent") or (resource.get("meta") or {}).get("lastUpdated") or ""
    try:
        at = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return at if at.tzinfo else None


def _value(resource: Resource, system: str) -> str:
    for identifier in resource.get("identifier") or []:
        if isinstance(identifier, dict) and identifier.get("system") == system:
            return str(identifier.get("value", ""))
    return ""


def _bare(resource: Resource) -> Resource:
    """The effect's resource as it was given: without what the ledger and the server add."""
    return {
        k: v
        for k, v in resource.items()
        if k not in {"id", "meta", "status", "identifier", "statusReason", "sent"}
    }


def _reason(resource_type: str, reason: str) -> Any:
    return {"coding": [{"system": REASON_SYSTEM, "code": reason}]}
