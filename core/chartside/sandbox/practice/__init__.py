"""An invented therapy practice: seeded, reproducible, of any size.

The same seed and ``now`` give the same practice, and the n-th client is the same whatever the size. Nobody in it
exists: names are made up, numbers are the ones kept for fiction, e-mail goes to example.org.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from chartside.sandbox.practice import billing, consents, people, visits
from chartside.sandbox.practice.people import Client, People
from chartside.sandbox.store import Store
from chartside.types import Resource

CLIENTS_PER_CLINICIAN = 30


@dataclass(slots=True)
class Practice:
    """A practice, and what was planted in it.

    ``consents``: how many of each ``<instrument>:<kind>``. ``faults``: Claim id -> kind of planted fault.
    """

    seed: int
    clients: int
    now: datetime
    consents: dict[str, int] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    loaded: int = 0

    @property
    def clinicians(self) -> int:
        """How many clinicians work there."""
        return max(3, -(-self.clients // CLIENTS_PER_CLINICIAN))

    def resources(self) -> Iterator[Resource]:
        """Yield every resource, what is referred to before what refers; notes what is planted."""
        self.consents.clear()
        self.faults.clear()
        maker = People(self.seed, self.now.date())
        taken: set[tuple[int, datetime]] = set()
        yield from people.house()
        for number in range(1, self.clinicians + 1):
            yield from people.clinician(number)
        for number in range(1, self.clients + 1):
            yield from self._client(maker.client(number), taken)
        yield from visits.free_slots(self.clinicians, self.now, frozenset(taken))

    def load(self, store: Store, *, index: bool = True) -> Practice:
        """Put every resource into a store, quickly; without ``index`` the first search of each type indexes it."""
        self.loaded = store.bulk(self.resources(), index=index)
        return self

    def canaries(self) -> list[str]:
        """Return what must never be found outside the EHR: names, numbers, e-mail addresses and MRNs of the clients."""
        found: set[str] = set()
        maker = People(self.seed, self.now.date())
        for number in range(1, self.clients + 1):
            client = maker.client(number)
            points = people.patient(client).get("telecom") or (client.guardian or {}).get("telecom", [])
            found |= {client.family, f"MRN-{client.number:07d}", *(point["value"] for point in points)}
            found |= {point["value"].removeprefix("+1") for point in points}
        return sorted(found)

    def _client(self, client: Client, taken: set[tuple[int, datetime]]) -> Iterator[Resource]:
        rng = random.Random(self.seed * 7_368_787 + client.number)  # noqa: S311 - people, not secrets
        yield people.patient(client)
        if client.guardian is not None:
            yield client.guardian
        for kind, consent in consents.consents(client, self.now, rng):
            self.consents[kind] = self.consents.get(kind, 0) + 1
            if consent is not None:
                yield consent
        coverage = billing.coverage(client, rng)
        if coverage is not None:
            yield coverage
        diagnosis = rng.choice(billing.DIAGNOSES)
        yield billing.condition(client, diagnosis)
        yield from self._visits(client, coverage is not None, diagnosis, rng, taken)

    def _visits(
        self,
        client: Client,
        covered: bool,
        diagnosis: str,
        rng: random.Random,
        taken: set[tuple[int, datetime]],
    ) -> Iterator[Resource]:
        clinician, starts = visits.times(client, self.clinicians, self.now, rng)
        for index, start in enumerate(starts):
            visit_id = f"{client.id}-v{index}"
            appointment, visit = visits.appointment(client, visit_id, start, self.now, clinician, rng)
            taken.add((int(clinician[-3:]), start))
            yield appointment
            if appointment["status"] == "fulfilled":
                yield visits.encounter(client, visit)
                fault = rng.choice(billing.FAULTS) if rng.random() < 0.15 else ""
                if fault:
                    self.faults[f"{visit_id}-claim"] = fault
                yield billing.claim(client, visit, covered, diagnosis, fault)


def generate(*, clients: int = 100, seed: int = 1, now: datetime) -> Practice:
    """Return a practice of so many clients as it stands at ``now`` (timezone-aware)."""
    if now.tzinfo is None:
        raise ValueError("a practice needs a `now` with a time zone")
    return Practice(seed=seed, clients=clients, now=now)
