"""The daily watch: what ends soon, who comes of age, what cannot be computed, what a killed run left.

C-6, C-14, and rule 6 of "The decision".

Each finding is one Task, asked for once: by its consent and step, not for every decision or run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from chartside import effect_key
from chartside.codes import TOOL_SYSTEM, MessageCategory, Purpose, TaskCode
from chartside.errors import FhirError
from chartside.gate.model import Action, DecisionRequest
from chartside.jobs.model import Job, JobOptions, JobReport
from chartside.jobs.tasks import StaffTask
from chartside.types import Resource

from . import references, words
from .compiling import compile_consent
from .dates import birthday
from .engine import judge, superseded_by
from .keeping import Keeper, consents_of_many, inactive
from .loose import dicts
from .people import client_of
from .query import Client, prepare
from .recording import recipients
from .rules import DENY, Instrument
from .shaping import state_of
from .tracing import provenance

if TYPE_CHECKING:
    from chartside.context import Context

COLUMNS: Final = ("client", "consent", "kind", "finding", "when")
_ASKED: Final = (
    (Action.SMS, Purpose.REMIND, MessageCategory.REMINDER, ""),
    (Action.EMAIL, Purpose.REMIND, MessageCategory.REMINDER, ""),
    (Action.CALL, Purpose.REMIND, MessageCategory.REMINDER, ""),
    (Action.RECORD, Purpose.TRANSCRIBE, "", ""),
    (Action.TRANSCRIBE, Purpose.TRANSCRIBE, "", f"{TOOL_SYSTEM}|transcription"),
    (Action.AI, Purpose.DRAFT, "", f"{TOOL_SYSTEM}|transcription"),
)
"""What is asked of the gate day by day: a consent that cannot answer this needs a person."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something for the staff. ``step``: days before, one Task each; ``day``: on which it happens, if on a day."""

    what: str
    code: TaskCode
    patient: str
    consent: str
    kind: str
    text: str
    day: date | None = None
    step: int = 0

    def row(self) -> dict[str, str]:
        """As shown: ids and codes only."""
        cells = (self.patient.partition("/")[2], self.consent.partition("/")[2], self.kind, self.what)
        return dict(zip(COLUMNS, (*cells, str(self.day or "")), strict=True))

    def task(self, context: Context) -> StaffTask:
        """The Task; the same finding is always the same Task."""
        parts = (self.what, self.patient, self.consent, str(self.day or ""), str(self.step))
        zone = ZoneInfo(context.practice.time_zone)
        due = datetime.combine(self.day, time(23, 59), zone) if self.day else None
        key = effect_key(context.practice.id, "consent-watch", *parts)
        urgent = "urgent" if self.code is TaskCode.CONSENT_NOT_COMPUTABLE or 0 < self.step <= 7 else "routine"
        return StaffTask(key, self.code, self.text, self.patient, self.consent, due, urgent)


def run(context: Context, options: JobOptions) -> JobReport:
    """Look at every active consent, page by page; a second run writes nothing."""
    report = JobReport(columns=COLUMNS)
    scan = Scan(context)
    found = scan.findings()
    report.rows = [finding.row() for finding in found]
    for finding in found:
        report.counts[finding.what] += 1
    if not options.dry_run:
        _finish(context, report, scan.left_over())
        _ask(context, report, [finding.task(context) for finding in found])
    return report


def _ask(context: Context, report: JobReport, tasks: Sequence[StaffTask]) -> None:
    answers = context.tasks.ask(tasks)
    lost = sum(answer.error is not None for answer in answers)
    new = sum(answer.created for answer in answers)
    if tasks and not answers:
        report.notes.append(
            f"the EHR has no place for {len(tasks)} tasks: see the table, or set up [companion]"
        )
    elif tasks:
        old = len(answers) - new - lost
        report.notes.append(f"{new} new tasks for the staff, {old} asked before ({context.tasks.home})")
    if lost:
        report.notes.append(f"{lost} tasks could not be written; the next run tries again")
        report.failed = True


def _finish(context: Context, report: JobReport, left: Sequence[Resource]) -> None:
    """Superseded consents that a killed run left active."""
    now = context.clock.now()
    for consent in left:
        try:
            trace = provenance([], "OBSOLETE", now, now, author=_performer(consent))
            Keeper(context).retire([inactive(consent)], [], trace)
            report.counts["superseding finished"] += 1
        except FhirError as error:
            report.set_aside.append(f"Consent/{consent.get('id')}: {type(error).__name__}")


def _performer(consent: Resource) -> str:
    who = [*dicts(consent.get("performer")), *dicts([consent.get("patient")])]
    return references.of(who[0]) if who else ""


class Scan:
    """One look at all active consents. Only what may be a finding is kept in memory."""

    def __init__(self, context: Context, days: int = 0) -> None:
        self._context = context
        self._active: set[str] = set()
        self._replaced: set[str] = set()
        self._now = context.clock.now()
        self._today = self._now.astimezone(ZoneInfo(context.practice.time_zone)).date()
        self._horizon = days or max(context.settings.watch_days)

    def findings(self) -> list[Finding]:
        """Everything for the staff, by client."""
        ending: list[Instrument] = []
        found: list[Finding] = []
        for page in self._context.fhir.search("Consent", {"status": "active"}, count=500).pages():
            instruments = [compile_consent(resource) for resource in page.matches]
            instruments = [i for i in instruments if i.status == "active" and not i.ignored]
            self._active |= {f"Consent/{i.id}" for i in instruments}
            self._replaced |= {name for i in instruments for name in i.replaces}
            clients = self._clients([i for i in instruments if i.proxy])
            ending += [i for i in instruments if self._ends(i)]
            found += self._of_age(instruments, clients)
            found += self._murky(instruments, clients)
        return sorted([*found, *self._expiring(ending)], key=lambda f: (f.patient, f.consent, f.what))

    def left_over(self) -> list[Resource]:
        """After ``findings``: consents that are active though another active one has replaced them."""
        ids = [name.partition("/")[2] for name in sorted(self._active & self._replaced)]
        read = self._context.fhir.read_many("Consent", ids) if ids else {}
        return [consent for consent in read.values() if consent.get("status") == "active"]

    def _clients(self, proxied: Sequence[Instrument]) -> dict[str, Client]:
        names = list(dict.fromkeys(i.patient for i in proxied))
        ids = [name.partition("/")[2] for name in names]
        read = self._context.fhir.read_many("Patient", ids) if ids else {}
        by_name = {f"Patient/{p.get('id')}": p for p in read.values()}
        return {
            name: client_of(by_name.get(name, {}), state_of(by_name.get(name, {})), self._context)
            for name in names
        }

    def _ends(self, instrument: Instrument) -> bool:
        day = last_day(instrument, self._context)
        return day is not None and 0 <= (day - self._today).days <= self._horizon

    def _expiring(self, ending: Sequence[Instrument]) -> Iterator[Finding]:
        """Those that nothing follows: a renewal that is signed already needs no Task."""
        present = consents_of_many(self._context, list(dict.fromkeys(i.patient for i in ending)))
        for instrument in ending:
            day = last_day(instrument, self._context)
            if day is None or self._followed(instrument, day, present.get(instrument.patient, ())):
                continue
            steps = [d for d in self._context.settings.watch_days if d >= (day - self._today).days]
            step = min(steps, default=self._horizon)
            title = words.title(instrument)
            text = f"The {title} (Consent/{instrument.id}) ends on {day:%Y-%m-%d}. Please let the client renew it."
            yield self._finding("ends soon", TaskCode.CONSENT_RENEWAL, instrument, text, day, step)

    def _followed(self, instrument: Instrument, day: date, present: Sequence[Resource]) -> bool:
        """Superseded, a denial, or outlived by another active one of its kind and for the same people."""
        compiled = [(compile_consent(c), c) for c in present]
        if instrument.root.effect == DENY or f"Consent/{instrument.id}" in superseded_by(
            i for i, _ in compiled
        ):
            return True
        own = next((recipients(c) for i, c in compiled if i.id == instrument.id), frozenset())
        for other, consent in compiled:
            same = (
                other.types == instrument.types and recipients(consent) == own and other.id != instrument.id
            )
            if same and other.status == "active" and other.root.effect != DENY:
                end = last_day(other, self._context)
                if end is None or end > day:
                    return True
        return False

    def _of_age(self, instruments: Iterable[Instrument], clients: Mapping[str, Client]) -> Iterator[Finding]:
        """One Task for each client who comes of age: what a proxy signed ends on that day (C-14)."""
        proxied: dict[str, list[Instrument]] = defaultdict(list)
        for instrument in instruments:
            if instrument.proxy:
                proxied[instrument.patient].append(instrument)
        for patient, own in proxied.items():
            client = clients[patient]
            if client.born is None:
                continue
            day = birthday(client.born, client.majority)
            ending = [i for i in own if (i.signed or date.min) < day]
            if ending and (day - self._today).days <= self._horizon:
                titles = ", ".join(dict.fromkeys(words.title(i) for i in ending))
                text = (
                    f"The client comes of age on {day:%Y-%m-%d}; what a proxy signed ends then ({titles}). "
                )
                text += "Please let the client sign."
                yield Finding("comes of age", TaskCode.MAJORITY, patient, "", "proxy", text, day)

    def _murky(self, instruments: Iterable[Instrument], clients: Mapping[str, Client]) -> Iterator[Finding]:
        """Consents that cannot be computed, by themselves or for what is asked every day (consent.md, rule 6)."""
        for instrument in instruments:
            reasons = {instrument.problem} if instrument.problem else self._unclear(instrument, clients)
            for reason in sorted(reasons):
                text = (
                    f"The {words.title(instrument)} (Consent/{instrument.id}) cannot be computed: {reason}. "
                    "What depends on it is refused until somebody has looked at it."
                )
                yield self._finding("cannot be computed", TaskCode.CONSENT_NOT_COMPUTABLE, instrument, text)

    def _unclear(self, instrument: Instrument, clients: Mapping[str, Client]) -> set[str]:
        found = set()
        for action, purpose, category, actor in _ASKED:
            if action in instrument.closes:
                request = DecisionRequest(instrument.patient, action, self._now, purpose, category, actor)
                zone = ZoneInfo(self._context.practice.time_zone)
                verdict = judge(
                    instrument, prepare(request, zone=zone, client=clients.get(instrument.patient))
                )
                if verdict.review and verdict.why != words.PROXY_OVER:  # that one has a Task of its own
                    found.add(verdict.why)
        return found

    def _finding(
        self,
        what: str,
        code: TaskCode,
        instrument: Instrument,
        text: str,
        day: date | None = None,
        step: int = 0,
    ) -> Finding:
        kind = "+".join(sorted(instrument.types))
        return Finding(what, code, instrument.patient, f"Consent/{instrument.id}", kind, text, day, step)


def last_day(instrument: Instrument, context: Context) -> date | None:
    """The last day on which it holds, at the practice; None for one without an end."""
    zone = ZoneInfo(context.practice.time_zone)
    ends = [p.end_wall for p in instrument.periods if p.end_wall]
    ends += [p.end_at.astimezone(zone).replace(tzinfo=None) for p in instrument.periods if p.end_at]
    return (min(ends) - timedelta(microseconds=1)).date() if ends else None


JOB = Job(
    "watch",
    "Tells the staff of consents that end, clients who come of age, and consents that cannot be computed.",
    run,
    every=timedelta(days=1),
)
