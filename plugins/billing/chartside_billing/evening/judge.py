"""Tonight's claims with what the rules say of them: fetched, assembled, judged; nothing is written here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from chartside.types import Resource
from chartside_billing.evening.findings import Subject
from chartside_billing.fhir_claim.assemble import Pair, assemble
from chartside_billing.fhir_claim.facts import claim_answers
from chartside_billing.fhir_claim.gather import Gathered, Gatherer
from chartside_billing.fhir_claim.make import UNBILLED
from chartside_billing.fhir_claim.pick import own, reference
from chartside_billing.model import Claim
from chartside_billing.rules.base import SEVERITIES, NotChecked
from chartside_billing.rules.fil import deadline
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.supersede import settle
from chartside_billing.rules.view import View
from chartside_billing.scrub import Report, Scrubber
from chartside_billing.settings import Settings

if TYPE_CHECKING:
    from chartside.context import Context

_NO_CHARGE = NotChecked("load your fee schedule, or keep ChargeItems: the EHR says no charge for this visit")
_NO_PLACE = NotChecked("say where clients are during video visits: video_place under [plugins.billing]")
_NEEDS_CHARGE = frozenset({"CLM-002", "CLM-003", "SVC-004", "SVC-005"})
_NEEDS_PLACE = frozenset({"SVC-007", "TEL-001", "TEL-002", "TEL-003"})

_WRITER_MENDS = frozenset({"DX-004"})
"""Form that the 837P writer mends and reports: no work for a person. What EDI-003 says of it is information."""


@dataclass(slots=True)
class Evening:
    """What was looked at. ``pairs``: each claim with its resource; ``reports``: in the same order."""

    pairs: list[Pair] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    subjects: list[Subject] = field(default_factory=list)
    self_pay: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    resources: Gathered = field(default_factory=Gathered)
    """All that was fetched."""

    @property
    def sendable(self) -> list[Pair]:
        """The claims that go out by themselves: active ones; visits only where the EHR stores no Claim, for else one
        without a Claim waits for the biller."""
        status = UNBILLED if "Claim" in self.skipped else "active"
        return [pair for pair in self.pairs if pair[0].status == status]

    @property
    def looked(self) -> frozenset[str]:
        """The focus of every claim that was judged."""
        return frozenset(own(resource) for _, resource in self.pairs)

    def missing(self) -> dict[str, set[str]]:
        """What was not loaded or not said, and the rules that wait for it."""
        found: dict[str, set[str]] = {}
        for report in self.reports:
            for reason, rules in report.reasons().items():
                found.setdefault(reason, set()).update(rules)
        return dict(sorted(found.items()))


def judge(
    context: Context,
    *,
    also: Iterable[str] = (),
    tell: Callable[[int, int, str], None] = lambda _d, _t, _w: None,
) -> Evening:
    """Judge the claims of the window, and those in ``also`` (references). Raises FhirError, ConfigError."""
    settings: Settings = context.settings
    today = context.clock.now().astimezone(ZoneInfo(context.practice.time_zone)).date()
    book, loaded = settings.rule_book(today)
    found = Gatherer(context, tell).gather(days=settings.days, history_days=settings.history_days, also=also)
    answered = claim_answers(found.of("ClaimResponse"))
    wanted = found.wanted - answered.keys()
    made = assemble(
        found.graph(),
        wanted=wanted,
        zone=context.practice.time_zone,
        fees=loaded.fees,
        video_place=settings.video_place,
    )
    tell(0, 0, "judging")
    reports = Scrubber(book, loaded).claims([claim for claim, _ in made.claims])
    evening = Evening(made.claims, reports, self_pay=made.self_pay, skipped=found.skipped, resources=found)
    for (_, resource), report in zip(made.claims, reports, strict=True):
        _leave_out_unknown(report, resource)
        evening.subjects.append(_subject(report, resource, loaded, settings, today))
    return evening


def _leave_out_unknown(report: Report, resource: Resource) -> None:
    """A claim made in memory lacks what the EHR does not say of any visit: that is no fault of this visit."""
    claim = report.claim
    if claim is None or resource.get("resourceType") != "Encounter":
        return
    for rules, unknown, why in (
        (_NEEDS_CHARGE, any(line.charge is None for line in claim.lines), _NO_CHARGE),
        (_NEEDS_PLACE, not claim.pos, _NO_PLACE),
    ):
        if unknown:
            report.not_checked += [(f.rule.id, why) for f in report.findings if f.rule.id in rules]
            report.findings = [f for f in report.findings if f.rule.id not in rules]
    report.findings = settle([replace(f, repeats="") for f in report.findings])


def _subject(report: Report, resource: Resource, loaded: Loaded, settings: Settings, today: date) -> Subject:
    levels = SEVERITIES[: SEVERITIES.index(settings.tasks_from) + 1]
    chosen = sorted(
        (f for f in report.standing if f.severity in levels and f.rule.id not in _WRITER_MENDS),
        key=lambda f: SEVERITIES.index(f.severity),
    )
    limit = _deadline(report.claim, loaded, today)
    return Subject(
        focus=own(resource),
        patient=reference(resource.get("patient") or resource.get("subject")),
        report=report,
        findings=chosen,
        deadline=limit[0] if limit else None,
        assumed=bool(limit and not limit[1]),
    )


def _deadline(claim: Claim | None, loaded: Loaded, today: date) -> tuple[date, bool] | None:
    """The last day to file, and whether it is known; None for a claim without a day, or with one at the end of time."""
    if claim is None:
        return None
    try:
        return deadline(View(claim, today, loaded.profile_of(claim.insurance)), loaded)
    except OverflowError:
        return None
