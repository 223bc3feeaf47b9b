"""The scrubber: every rule over every claim, in one pass; what could not be judged is said, never passed over.

    reports = scrub(claims, loaded, RuleBook.load())

A claim is never changed here. A check that fails is reported as "not checked" with the rule's name: one rule's defect
loses no other finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from chartside.errors import ChartsideError
from chartside_billing.documents import Document
from chartside_billing.model import Claim
from chartside_billing.money import ZERO
from chartside_billing.rules.base import ERROR, NEEDS, SEVERITIES, Hit, NotChecked, Outcome
from chartside_billing.rules.book import Rule, RuleBook
from chartside_billing.rules.loaded import Loaded, PayerProfile
from chartside_billing.rules.supersede import settle
from chartside_billing.rules.view import Index, View
from chartside_billing.x12.mend import Repair

_FAILED = "the rule failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: what is wrong, where, how to mend it, and what it would cost. Holds no names."""

    rule: Rule
    severity: str
    message: str
    where: str
    mend: str
    lines: tuple[int, ...]
    """Numbers of the lines whose payment is at risk; empty: the whole claim."""
    at_risk: Decimal
    """Dollars charged on these lines, or on the whole claim."""
    about: str = ""
    """The part at fault where line and place are too coarse (``Hit.about``)."""
    repeats: str = ""
    """The rule whose finding says the same better; empty for a finding that stands (``rules.supersede``)."""

    def data(self) -> dict[str, Any]:
        """As JSON data (docs/billing.md)."""
        return {
            "rule": self.rule.id,
            "severity": self.severity,
            "title": self.rule.title,
            "message": self.message,
            "where": self.where,
            "lines": list(self.lines),
            "why": self.rule.message,
            "mend": self.mend,
            "prevents": list(self.rule.prevents),
            "at_risk": str(self.at_risk),
            "basis": self.rule.basis,
            "source": self.rule.source,
            "repeats": self.repeats or None,
        }


@dataclass(slots=True)
class Report:
    """What the rules say of one claim (or one other document: an estimate, an 835, a 277CA ...)."""

    id: str
    """CLM01, or the document's id."""
    source: str
    """File name, or FHIR reference with its version."""
    where: str = ""
    kind: str = "claim"
    total: Decimal | None = None
    findings: list[Finding] = field(default_factory=list)
    """All of them; those with ``repeats`` only say again, more generally, what another one says."""
    not_checked: list[tuple[str, NotChecked]] = field(default_factory=list)
    """Rule id and why it could not be judged."""
    claim: Claim | None = None

    def reasons(self) -> dict[str, list[str]]:
        """Reason -> the rules that were not checked for it."""
        found: dict[str, list[str]] = {}
        for rule_id, why in self.not_checked:
            found.setdefault(why.reason, []).append(rule_id)
        return found

    @property
    def standing(self) -> list[Finding]:
        """What a person is to read: one finding for each fault."""
        return [finding for finding in self.findings if not finding.repeats]

    def repairs(self) -> list[Repair]:
        """What ``chartside billing write`` would mend in the form (never in the content), computed when asked."""
        return repairs_of(self.claim) if self.claim is not None else []

    @property
    def clean(self) -> bool:
        """Whether no rule found an error."""
        return all(finding.severity != ERROR for finding in self.findings)

    @property
    def failed(self) -> list[str]:
        """Rules whose check itself failed: a defect of the rule, not of the claim."""
        return [rule_id for rule_id, why in self.not_checked if why.reason.startswith(_FAILED)]


@dataclass(slots=True)
class _Plan:
    """The checks to call for claims that know the same things and have the same codes."""

    calls: list[Rule]
    not_checked: list[tuple[str, NotChecked]]


class Scrubber:
    """A rule book made ready: use one for many batches."""

    def __init__(self, book: RuleBook, loaded: Loaded) -> None:
        self.book, self.loaded = book, loaded
        self._plans: dict[tuple[int, frozenset[str], bool], _Plan] = {}
        self._rules = [rule for rule in book if rule.document is None]

    def claims(self, claims: Sequence[Claim]) -> list[Report]:
        """One report for each claim, in their order. The claims of a batch see each other (duplicates, same day)."""
        index = Index(claims)
        return [self._claim(claim, index) for claim in claims]

    def document(self, document: Document, source: str = "") -> Report:
        """The report on an estimate, superbill, invoice, remittance or acknowledgement."""
        kind = type(document).__name__.removesuffix("Facts").lower()
        report = Report(document.id, source, document.where, kind)
        for rule in self.book:
            if rule.document is not None and isinstance(document, rule.document):
                _keep(report, rule, _outcome(rule, document, self.loaded), None, None)
        return report

    def _claim(self, claim: Claim, index: Index) -> Report:
        profile = self.loaded.profile_of(claim.insurance)
        view = View(claim, self.loaded.today, profile, index)
        plan = self._plan(view)
        report = Report(
            claim.id, claim.source, claim.where, "claim", claim.total, [], plan.not_checked.copy(), claim
        )
        loaded = self.loaded
        for rule in plan.calls:  # the hot loop: some hundred rules, of which a few have anything to say
            try:
                outcome = rule.check(view, loaded)
            except Exception as error:
                outcome = _failure(error)
            if outcome:
                _keep(report, rule, outcome, claim, profile)
        if len(report.findings) > 1:
            report.findings = settle(report.findings)
        return report

    def _plan(self, view: View) -> _Plan:
        key = (view.known, view.codes, view.claim.status == "unbilled" and not view.claim.lines)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) > 10_000:
                self._plans.clear()
            plan = self._plans[key] = self._make_plan(view)
        return plan

    def _make_plan(self, view: View) -> _Plan:
        plan = _Plan([], [])
        bare = view.claim.status == "unbilled" and not view.claim.lines
        for rule in self._rules:
            if bare and rule.family != "DOC":  # a visit without any claim: only its record can be judged
                continue
            if rule.codes is not None and not rule.codes & view.codes:
                continue
            missing = next((need for need in rule.needs if not view.knows(need)), None)
            if missing is None:
                plan.calls.append(rule)
            else:
                plan.not_checked.append((rule.id, NEEDS[missing]))
        return plan


def _outcome(rule: Rule, subject: Any, loaded: Loaded) -> Outcome:
    try:
        return rule.check(subject, loaded)
    except Exception as error:
        return _failure(error)


def _failure(error: Exception) -> NotChecked:
    return NotChecked(f"{_FAILED} ({_place(error)}): report it")


def _keep(
    report: Report, rule: Rule, outcome: Outcome, claim: Claim | None, profile: PayerProfile | None
) -> None:
    """Add what a check answered to the report."""
    if isinstance(outcome, NotChecked):
        report.not_checked.append((rule.id, outcome))
    elif profile is None or not {rule.id, rule.family} & profile.mute:
        try:
            report.findings += [
                _finding(rule, hit, _at_risk(claim, hit) if claim else ZERO) for hit in outcome
            ]
        except (AttributeError, TypeError) as error:  # an own rule answered something else than hits
            report.not_checked.append((rule.id, _failure(error)))


def _place(error: BaseException) -> str:
    """Type and place of an error, without its text, which may hold PHI."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{where}"


def _finding(rule: Rule, hit: Hit, at_risk: Decimal) -> Finding:
    severity = rule.severity if rule.overridden else _milder(rule.severity, hit.severity)
    mend = hit.mend or rule.mend
    return Finding(rule, severity, hit.message, hit.where, mend, hit.lines, at_risk, hit.about)


def _milder(of_rule: str, of_hit: str) -> str:
    if not of_hit:
        return of_rule
    return max(of_rule, of_hit, key=SEVERITIES.index)


def _at_risk(claim: Claim, hit: Hit) -> Decimal:
    if not hit.lines:
        return claim.total if claim.total is not None and claim.total > 0 else ZERO
    wanted = set(hit.lines)
    return sum((line.charge for line in claim.lines if line.number in wanted and line.charge), ZERO)


def scrub(claims: Iterable[Claim], loaded: Loaded, book: RuleBook | None = None) -> list[Report]:
    """One report for each claim, in their order. ``loaded.today`` is the day of submission where a claim names none."""
    return Scrubber(book or RuleBook.load(), loaded).claims(list(claims))


def repairs_of(claim: Claim) -> list[Repair]:
    """The format repairs that writing the claim would make; none where it cannot be written as it is."""
    from datetime import datetime

    from chartside_billing.x12.write837 import Control, write_837

    try:
        return sorted(set(write_837([claim], control=Control(created=datetime(2000, 1, 1))).repairs))
    except ChartsideError:
        return []
