"""Findings as the EHR keeps them: one Task for each claim (or visit) that needs a person (billing.md).

``focus`` is the Claim or Encounter, ``code`` scrub, ``output`` one coded entry for each finding, ``restriction.period``
the filing deadline; the same as an OperationOutcome is contained. The Task's identifier follows from the focus, and
a second one (``FINDINGS_SYSTEM``) from the claim's version and the rules that spoke: equal findings write nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from chartside.codes import EFFECT_SYSTEM, TASK_CODE_SYSTEM, TaskCode, coding, concept, has_coding
from chartside.jobs.ledger import effect_key
from chartside.types import Resource
from chartside_billing.fhir_claim.pick import each, part, reference
from chartside_billing.money import ZERO, dollars
from chartside_billing.rules.base import ERROR
from chartside_billing.scrub import Finding, Report
from chartside_billing.systems import BILLING_SYSTEM, FINDINGS_SYSTEM, RULE_SYSTEM, BillingCode

OPEN = frozenset({"requested", "received", "accepted", "ready", "in-progress", "on-hold", "draft"})
_SEVERITY = {"error": "error", "warning": "warning", "info": "information"}
_SOON = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Subject:
    """A scrubbed claim with what its Task needs. ``focus``: ``Claim/12`` or ``Encounter/12``."""

    focus: str
    patient: str
    report: Report
    findings: Sequence[Finding]
    """Those that make a Task, worst first."""
    deadline: date | None = None
    assumed: bool = False
    """Whether the deadline is a default: the payer's own limit is not loaded."""

    @property
    def at_risk(self) -> Decimal:
        """Dollars: of the lines that errors name (of warnings, where there is no error), each line once."""
        errors = [f for f in self.findings if f.severity == ERROR] or list(self.findings)
        claim, total = self.report.claim, self.report.total or ZERO
        if claim is None or any(not f.lines for f in errors):
            return max([total, *(f.at_risk for f in errors)])
        named = {number for f in errors for number in f.lines}
        return sum((line.charge or ZERO for line in claim.lines if line.number in named), ZERO)


@dataclass(slots=True)
class Plan:
    """What is to be written: new Tasks, changed ones (as read, with the changes), closed ones."""

    new: list[Resource] = field(default_factory=list)
    changed: list[Resource] = field(default_factory=list)
    closed: list[Resource] = field(default_factory=list)
    same: int = 0


def task_key(practice: str, focus: str) -> str:
    """The identifier of a claim's Task."""
    return effect_key(practice, "billing", "scrub", focus)


def fingerprint(subject: Subject) -> str:
    """Changes when the claim's version does, or a finding comes or goes."""
    told = sorted(f"{f.rule.id} {f.severity} {f.where}" for f in subject.findings)
    return effect_key(subject.report.source, *told)


def task_of(subject: Subject, practice: str, now: datetime) -> Resource:
    """The Task of a claim with findings."""
    task: Resource = {
        "resourceType": "Task",
        "contained": [_outcome(subject.findings)],
        "identifier": [
            {"system": EFFECT_SYSTEM, "value": task_key(practice, subject.focus)},
            {"system": FINDINGS_SYSTEM, "value": fingerprint(subject)},
        ],
        "status": "requested",
        "intent": "order",
        "priority": _priority(subject, now.date()),
        "code": concept(TASK_CODE_SYSTEM, TaskCode.CLAIM_SCRUB),
        "description": summary(subject),
        "focus": {"reference": subject.focus},
        "authoredOn": now.isoformat(timespec="seconds"),
        "lastModified": now.isoformat(timespec="seconds"),
        "input": [
            {
                "type": {"coding": [coding(BILLING_SYSTEM, BillingCode.AT_RISK)], "text": "Money at risk"},
                "valueMoney": {"value": float(subject.at_risk), "currency": "USD"},
            }
        ],
        "output": [
            *(output_of(finding) for finding in subject.findings),
            {
                "type": {"text": "The same as an OperationOutcome"},
                "valueReference": {"reference": "#findings"},
            },
        ],
    }
    if subject.patient:
        task["for"] = {"reference": subject.patient}
    if subject.deadline:
        task["restriction"] = {"period": {"end": subject.deadline.isoformat()}}
    return task


def summary(subject: Subject) -> str:
    """One sentence for a task list: no name, no diagnosis."""
    errors = sum(f.severity == ERROR for f in subject.findings)
    parts = [
        f"{n} {word}{'s' * (n > 1)}"
        for n, word in ((errors, "error"), (len(subject.findings) - errors, "warning"))
        if n
    ]
    text = f"Before this claim goes out: {' and '.join(parts)}, {dollars(subject.at_risk)} at risk."
    if subject.deadline:
        mark = " (assumed: this payer's limit is not loaded)" if subject.assumed else ""
        text += f" File by {subject.deadline.isoformat()}{mark}."
    return text


def _priority(subject: Subject, today: date) -> str:
    if subject.deadline and subject.deadline - today <= _SOON:
        return "urgent"
    return "asap" if any(f.severity == ERROR for f in subject.findings) else "routine"


def _sentence(finding: Finding) -> str:
    mark = " (unconfirmed rule)" if finding.rule.basis == "unconfirmed" else ""
    return f"{finding.severity.upper()} {finding.rule.id}: {finding.message}. {finding.mend}{mark}"


def output_of(finding: Finding) -> Resource:
    """A finding as ``Task.output``."""
    kind = {"coding": [coding(RULE_SYSTEM, finding.rule.id, finding.rule.title)], "text": finding.severity}
    return {"type": kind, "valueString": _sentence(finding)}


def _outcome(findings: Iterable[Finding]) -> Resource:
    return {
        "resourceType": "OperationOutcome",
        "id": "findings",
        "issue": [
            {
                "severity": _SEVERITY[f.severity],
                "code": "business-rule",
                "details": {"coding": [coding(RULE_SYSTEM, f.rule.id)], "text": f.message},
                "diagnostics": f.mend,
                **({"location": [f.where]} if f.where else {}),
            }
            for f in findings
        ],
    }


def plan(
    subjects: Iterable[Subject],
    held: Iterable[Resource],
    *,
    practice: str,
    now: datetime,
    looked: frozenset[str],
) -> Plan:
    """What makes the EHR's Tasks (``held``, open and closed) agree with the findings of tonight.

    ``looked``: every focus that was judged, or is known to be gone; Tasks of others are left alone. What the staff
    changed on a Task (owner, status, notes) stays; a Task that they closed opens again only for other findings.
    """
    made = Plan()
    by_key = {_value(task, EFFECT_SYSTEM): task for task in held}
    spoken = set()
    for subject in subjects:
        if not subject.findings:
            continue
        fresh = task_of(subject, practice, now)
        key = _value(fresh, EFFECT_SYSTEM)
        spoken.add(key)
        old = by_key.get(key)
        if old is None:
            made.new.append(fresh)
        elif _value(old, FINDINGS_SYSTEM) == _value(fresh, FINDINGS_SYSTEM) and not resolved(old):
            made.same += 1
        else:
            made.changed.append(_changed(old, fresh))
    for key, task in by_key.items():
        if key not in spoken and task.get("status") in OPEN and reference(task.get("focus")) in looked:
            made.closed.append(_closed(task, now))
    return made


def _value(task: Resource, system: str) -> str:
    return next((str(i.get("value", "")) for i in each(task, "identifier") if i.get("system") == system), "")


def resolved(task: Resource) -> bool:
    """Whether we closed it: the findings were gone."""
    return has_coding(part(task, "businessStatus").get("coding"), BILLING_SYSTEM, BillingCode.RESOLVED)


def is_scrub_task(task: Resource) -> bool:
    """Whether it is one of ours."""
    return has_coding(part(task, "code").get("coding"), TASK_CODE_SYSTEM, TaskCode.CLAIM_SCRUB)


_OURS = (
    "contained",
    "priority",
    "description",
    "focus",
    "for",
    "restriction",
    "lastModified",
    "input",
    "output",
)


def _changed(old: Resource, fresh: Resource) -> Resource:
    """The Task as it was read, with our parts anew."""
    others = [i for i in each(old, "identifier") if i.get("system") not in {EFFECT_SYSTEM, FINDINGS_SYSTEM}]
    task = {name: value for name, value in old.items() if name not in _OURS and name != "businessStatus"}
    task |= {name: fresh[name] for name in _OURS if name in fresh}
    task["identifier"] = [*fresh["identifier"], *others]
    if old.get("status") not in OPEN:
        task["status"] = "requested"
    return task


def _closed(old: Resource, now: datetime) -> Resource:
    status: dict[str, Any] = {
        **concept(BILLING_SYSTEM, BillingCode.RESOLVED),
        "text": "Resolved: nothing is found any more",
    }
    return {
        **old,
        "status": "completed",
        "businessStatus": status,
        "lastModified": now.isoformat(timespec="seconds"),
    }
