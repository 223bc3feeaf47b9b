"""A claim seen as the rules want it: who, when, which codes on one day. Computed once, read by every rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING

from chartside_billing.model import Claim, Insurance, Line, Party, Person, PriorClaim, Visit
from chartside_billing.rules.codesets import INDIVIDUAL, LEAST_MINUTES

if TYPE_CHECKING:
    from chartside_billing.rules.loaded import PayerProfile

PatientKey = tuple[str, date | None, str]
KNOWABLE = ("visit", "coverage", "eligibility", "licence", "diagnoses")
"""What a rule may name in ``needs``."""


class LineView:
    """One line with the claim's defaults filled in. ``own`` is False for a line of another claim of the same day."""

    __slots__ = (
        "claim_id",
        "code",
        "day",
        "line",
        "minutes",
        "modifiers",
        "number",
        "own",
        "pos",
        "provider",
        "visit",
        "where",
    )

    def __init__(self, line: Line, claim: Claim, provider: Party | None, *, own: bool = True) -> None:
        self.line = line
        self.code = line.code.upper()
        self.modifiers = line.modifiers
        self.day = line.dates.start
        self.pos = line.pos or claim.pos
        self.provider = line.rendering or provider
        self.visit: Visit | None = line.visit or (claim.visits[0] if len(claim.visits) == 1 else None)
        self.minutes = self.visit.minutes if self.visit else None
        self.number = line.number
        self.own = own
        self.where = line.where
        self.claim_id = claim.id

    @property
    def npi(self) -> str:
        """The rendering provider's NPI."""
        return self.provider.npi if self.provider else ""


class Day:
    """The services of one patient, day and rendering provider: this claim's lines first, then other claims'."""

    __slots__ = ("codes", "day", "lines", "npi")

    def __init__(self, day: date | None, npi: str, lines: list[LineView]) -> None:
        self.day, self.npi, self.lines = day, npi, lines
        self.codes = frozenset([line.code for line in lines])

    def of(self, codes: Iterable[str]) -> list[LineView]:
        """The lines whose code is one of these."""
        wanted = codes if isinstance(codes, frozenset) else frozenset(codes)
        return [line for line in self.lines if line.code in wanted]


class Index:
    """All lines of a batch by patient, and by patient and day."""

    __slots__ = ("_least", "_sessions", "_shares", "by_day", "by_id", "by_patient")

    def __init__(self, claims: Iterable[Claim]) -> None:
        self.by_day: dict[tuple[PatientKey, date], list[tuple[Claim, Line]]] = {}
        self.by_patient: dict[PatientKey, list[Claim]] = {}
        self.by_id: dict[tuple[str, str], int] = {}
        self._sessions: dict[tuple[str, date], list[Visit]] = {}
        self._least: dict[tuple[str, date], int] = {}
        self._shares: dict[str, list[int]] = {}
        for claim in claims:
            self._count(claim)
            if claim.frequency == "1":
                name = _submitted_as(claim)
                self.by_id[name] = self.by_id.get(name, 0) + 1
            key = claim_patient_key(claim)
            if not key[0] and not key[2]:
                continue
            self.by_patient.setdefault(key, []).append(claim)
            for line in claim.lines:
                if line.dates.start:
                    self.by_day.setdefault((key, line.dates.start), []).append((claim, line))

    def _count(self, claim: Claim) -> None:
        """What TIM-008 and TIM-010 ask of a clinician's day and of all of a clinician's sessions."""
        default = claim.rendering or claim.billing
        for line in claim.lines:
            provider, day = line.rendering or default, line.dates.start
            least = LEAST_MINUTES.get(line.code)
            if provider is None or day is None or least is None or claim.frequency == "8":
                continue
            key = (provider.npi, day)
            self._least[key] = self._least.get(key, 0) + least * int(line.quantity or 1)
            visit = line.visit or (claim.visits[0] if len(claim.visits) == 1 else None)
            if visit is not None and visit.attendees in (None, 1):
                self._sessions.setdefault(key, []).append(visit)
            if line.code in INDIVIDUAL:
                share = self._shares.setdefault(provider.npi, [0, 0])
                share[0] += line.code == "90837"
                share[1] += 1

    def sessions_of(self, npi: str, day: date) -> list[Visit]:
        """The visits of a clinician's timed services that day, groups left out."""
        return self._sessions.get((npi, day), [])

    def least_minutes_of(self, npi: str, day: date) -> int:
        """The least minutes that a clinician's services of that day take."""
        return self._least.get((npi, day), 0)

    def sessions_count(self, npi: str) -> tuple[int, int]:
        """How many 90837, and how many individual sessions in all, the clinician has in the batch."""
        longest, sessions = self._shares.get(npi, (0, 0))
        return longest, sessions

    def repeats_id(self, claim: Claim) -> bool:
        """Whether another original claim of the same submitter has this claim's patient control number."""
        return claim.frequency == "1" and self.by_id.get(_submitted_as(claim), 0) > 1


def _submitted_as(claim: Claim) -> tuple[str, str]:
    return (claim.submitter.id if claim.submitter else "", claim.id)


def patient_key(person: Person | None, insurance: Insurance) -> PatientKey:
    """What makes two claims the same patient's: member id, birth date, given name."""
    member = insurance.subscriber.id.upper() if insurance.subscriber else ""
    if person is None:
        return (member, None, "")
    return (member, person.birth_date, person.first.upper())


def claim_patient_key(claim: Claim) -> PatientKey:
    """The key of a claim's patient."""
    return patient_key(claim.member, claim.insurance)


class View:
    """What the rules read. ``index`` holds the other claims of the batch; ``today`` is the day of submission."""

    __slots__ = (
        "billing",
        "claim",
        "codes",
        "days",
        "diagnoses",
        "filing",
        "first_day",
        "from_file",
        "index",
        "insurance",
        "key",
        "known",
        "last_day",
        "lines",
        "medicare",
        "member",
        "profile",
        "rendering",
        "taxonomy",
        "today",
    )

    def __init__(
        self, claim: Claim, today: date, profile: PayerProfile | None = None, index: Index | None = None
    ) -> None:
        self.claim, self.profile = claim, profile
        self.insurance = claim.insurance
        self.member = claim.member
        self.billing = claim.billing
        self.rendering = claim.rendering or claim.billing
        self.filing = claim.insurance.filing
        self.medicare = self.filing == "MB"
        self.from_file = claim.envelope is not None
        self.today = claim.created or today
        rendering = self.rendering
        self.lines = [LineView(line, claim, rendering) for line in claim.lines]
        self.codes = frozenset([line.code for line in self.lines])
        starts = [line.day for line in self.lines if line.day]
        self.first_day = min(starts) if starts else None
        ends = [last for line in claim.lines if (last := line.dates.last)]
        self.last_day = max(ends) if ends else self.first_day
        self.diagnoses = [normal_icd(diagnosis.code) for diagnosis in claim.diagnoses]
        self.taxonomy = (rendering.taxonomy if rendering else "") or (
            claim.billing.taxonomy if claim.billing and rendering is claim.billing else ""
        )
        self.key = claim_patient_key(claim)
        self.index = index
        self.days = self._days()
        self.known = self._known()

    def _known(self) -> int:
        """What the claim knows beyond an 837P, as bits in the order of ``KNOWABLE``."""
        claim = self.claim
        facts = [line.provider.facts for line in self.lines if line.provider and line.provider.facts]
        answers = (
            bool(claim.visits) or any(line.visit for line in self.lines),
            self.insurance.coverage is not None,
            self.insurance.eligibility is not None,
            any(one.qualifications is not None for one in facts),
            any(line.visit and line.visit.diagnoses is not None for line in self.lines)
            or any(visit.note and visit.note.diagnoses is not None for visit in claim.visits),
        )
        return sum(1 << place for place, answer in enumerate(answers) if answer)

    def knows(self, need: str) -> bool:
        """Whether a key of ``base.NEEDS`` that rules may name as their need is met."""
        return bool(self.known >> KNOWABLE.index(need) & 1)

    def _days(self) -> list[Day]:
        if len(self.lines) == 1 and self.index is None:
            line = self.lines[0]
            return [Day(line.day, line.npi, [line])]
        grouped: dict[tuple[date | None, str], list[LineView]] = defaultdict(list)
        for line in self.lines:
            grouped[line.day, line.npi].append(line)
        if self.index is not None:
            for (day, npi), lines in grouped.items():
                lines.extend(other for other in self.others_on(day) if other.npi == npi)
        if self.claim.history is not None and self.claim.history.claims:
            for other in self.prior_lines(self.same_payer):
                if (other.day, other.npi) in grouped:
                    grouped[other.day, other.npi].append(other)
        return [Day(day, npi, lines) for (day, npi), lines in grouped.items()]

    @property
    def history_known(self) -> bool:
        """Whether the patient's earlier claims are known: all of them, or some that came with the claim."""
        history = self.claim.history
        return history is not None and (history.complete or bool(history.claims))

    def others_on(self, day: date | None) -> list[LineView]:
        """Lines of the same patient's other claims on that day, whoever gave the service."""
        if day is None or self.index is None:
            return []
        entries = self.index.by_day.get((self.key, day))
        if not entries or len(entries) == 1 or all(claim is self.claim for claim, _ in entries):
            return []
        return [
            LineView(line, claim, claim.rendering or claim.billing, own=False)
            for claim, line in entries
            if claim is not self.claim and claim.frequency != "8"
        ]

    def other_lines(self, *, same_payer: bool = False) -> list[LineView]:
        """Lines of the same patient's other claims, of the batch and of the history, on any day. ``same_payer``: of the
        history only those that went to this claim's payer."""
        found = [
            LineView(line, claim, claim.rendering or claim.billing, own=False)
            for claim in (self.index.by_patient.get(self.key, ()) if self.index is not None else ())
            if claim is not self.claim and claim.frequency != "8"
            for line in claim.lines
        ]
        return found + (self.prior_lines(self.same_payer) if same_payer else self.prior_lines())

    def same_payer(self, prior: PriorClaim) -> bool:
        """Whether an earlier claim went to the same payer, as far as is known: the claim to the next payer repeats
        nothing of the first one's."""
        payer = self.insurance.payer.id if self.insurance.payer else ""
        return not (payer and prior.payer_id and prior.payer_id != payer)

    def prior_lines(self, wanted: Callable[[PriorClaim], bool] = lambda _: True) -> list[LineView]:
        """Lines of the history's claims that still stand (those wanted), each with its clinician."""
        return [
            LineView(line, self.claim, Party(id_qualifier="XX", id=prior.rendering_npi), own=False)
            for prior in self.prior_claims()
            if wanted(prior)
            for line in prior.lines
        ]

    def prior_claims(self) -> list[PriorClaim]:
        """Claims of the history that still stand: not rejected or denied, not this one, not the one it replaces."""
        history = self.claim.history
        if history is None:
            return []
        gone = {"rejected", "denied", "cancelled", "entered-in-error", "draft"}
        replaced = self.claim.original_claim_number
        return [
            prior
            for prior in history.claims
            if prior.status not in gone
            and prior.id != self.claim.id
            and not (replaced and prior.claim_number == replaced)
        ]

    def taxonomy_of(self, line: LineView) -> str:
        """The taxonomy of the line's rendering provider; empty if not known."""
        provider = line.provider
        return provider.taxonomy if provider is not None else ""

    def pointed(self, line: LineView) -> str:
        """The diagnosis that the line points to first; empty if there is none."""
        pointers = line.line.pointers
        if pointers and 1 <= pointers[0] <= len(self.diagnoses):
            return self.diagnoses[pointers[0] - 1]
        return ""


def normal_icd(code: str) -> str:
    """Without the dot, in capitals."""
    return code.replace(".", "").upper()
