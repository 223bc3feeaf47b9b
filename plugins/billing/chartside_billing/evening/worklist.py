"""What waits for the biller, by money at risk and deadline: claims with findings, refused ones, and those that go on to
the next payer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chartside.codes import TASK_CODE_SYSTEM, TaskCode
from chartside.types import Resource
from chartside_billing.clearinghouse.refused import refused_claims
from chartside_billing.dates import parse_fhir_date
from chartside_billing.evening.findings import OPEN, Subject
from chartside_billing.evening.judge import judge
from chartside_billing.evening.scrub import keeps_tasks, open_tasks
from chartside_billing.evening.secondary import is_next_payer
from chartside_billing.fhir_claim.pick import codes, each, own, part, reference
from chartside_billing.money import ZERO, parse_amount
from chartside_billing.rules.base import ERROR
from chartside_billing.systems import RULE_SYSTEM, BillingCode

if TYPE_CHECKING:
    from chartside.context import Context


@dataclass(frozen=True, slots=True)
class Work:
    """One claim that waits. ``task`` is empty where it was computed just now."""

    claim: str
    at_risk: Decimal
    deadline: date | None
    errors: int
    warnings: int
    rules: tuple[str, ...]
    sentences: tuple[str, ...]
    task: str = ""
    status: str = ""
    owner: str = ""

    def data(self) -> dict[str, Any]:
        """As JSON data."""
        found = asdict(self) | {"at_risk": str(self.at_risk)}
        return found | {"deadline": self.deadline.isoformat() if self.deadline else None}


def worklist(context: Context) -> list[Work]:
    """From the EHR's task list; computed anew where the EHR keeps no Tasks. Raises FhirError, ConfigError."""
    if keeps_tasks(context):
        found = [_of_task(task) for task in open_tasks(context)] + _followed_up(context)
    else:
        found = [_of_subject(s) for s in judge(context).subjects if s.findings]
    return sorted(found, key=lambda w: (-w.at_risk, w.deadline or date.max, w.claim))


def _followed_up(context: Context) -> list[Work]:
    """A line for each claim that a clearinghouse refused, by itself or with its file, and for each that goes on to the
    next payer."""
    asked = {"code": f"{TASK_CODE_SYSTEM}|{TaskCode.FOLLOW_UP}", "status": ",".join(sorted(OPEN))}
    tasks = [t for t in context.fhir.search("Task", asked).matches() if t.get("status") in OPEN]
    waiting = [_of_task(task) for task in tasks if is_next_payer(task)]
    pairs = [(task, one.reference) for task in tasks for one in refused_claims(task)]
    ids = sorted({name.removeprefix("Claim/") for _, name in pairs if name.startswith("Claim/")})
    claims = context.fhir.read_many("Claim", ids) if ids and context.fhir.supports("Claim", "r") else {}
    return waiting + [_of_refusal(task, name, claims.get(name.partition("/")[2], {})) for task, name in pairs]


def _of_refusal(task: Resource, name: str, claim: Resource) -> Work:
    return Work(
        claim=name,
        at_risk=parse_amount(str(part(claim, "total").get("value", ""))) or ZERO,
        deadline=None,
        errors=1,
        warnings=0,
        rules=("ACK-001",),
        sentences=(str(task.get("description", "")),),
        task=own(task),
        status=str(task.get("status", "")),
        owner=reference(part(task, "owner")),
    )


def _of_task(task: Resource) -> Work:
    outputs = [(o, codes(o.get("type"), RULE_SYSTEM)) for o in each(task, "output")]
    told = [(o, rules[0]) for o, rules in outputs if rules]
    errors = sum(part(o, "type").get("text") == ERROR for o, _ in told)
    money = next(
        (part(i, "valueMoney") for i in each(task, "input") if BillingCode.AT_RISK in codes(i.get("type"))),
        {},
    )
    owner = part(task, "owner")
    return Work(
        claim=reference(task.get("focus")),
        at_risk=parse_amount(str(money.get("value", ""))) or ZERO,
        deadline=parse_fhir_date(str(part(part(task, "restriction"), "period").get("end", ""))),
        errors=errors,
        warnings=len(told) - errors,
        rules=tuple(dict.fromkeys(rule for _, rule in told)),
        sentences=tuple(str(o.get("valueString", "")) for o, _ in told)
        or (str(task.get("description", "")),),
        task=own(task),
        status=str(task.get("status", "")),
        owner=reference(owner),
    )


def _of_subject(subject: Subject) -> Work:
    errors = sum(f.severity == ERROR for f in subject.findings)
    return Work(
        claim=subject.focus,
        at_risk=subject.at_risk,
        deadline=subject.deadline,
        errors=errors,
        warnings=len(subject.findings) - errors,
        rules=tuple(dict.fromkeys(f.rule.id for f in subject.findings)),
        sentences=tuple(f"{f.severity.upper()} {f.rule.id}: {f.message}. {f.mend}" for f in subject.findings),
    )
