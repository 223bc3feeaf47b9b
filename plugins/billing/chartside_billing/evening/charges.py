"""The visits' charges as ChargeItems in the EHR, one for each line of a claim, if ``charges`` asks for it.

Of the same claims that would be sent: the stored ones, or the visits where the EHR stores no Claim. A visit for which
the EHR keeps a charge of its own gets none from here. A second run writes nothing; a claim that changed gets a new
ChargeItem, and a line or claim that is no more loses its own (``fhir_claim.charges``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from chartside.codes import EFFECT_SYSTEM
from chartside.fhir import Create, Entry, Update
from chartside.jobs.model import Job, JobOptions, JobReport
from chartside.ladder import Rung
from chartside.types import Resource
from chartside_billing.evening.judge import Evening, judge
from chartside_billing.fhir_claim.assemble import Pair
from chartside_billing.fhir_claim.charges import (
    Plan,
    by_name,
    charges_of,
    foreign,
    key_of,
    name_of,
    plan,
    same_service,
    visits_of,
)
from chartside_billing.fhir_claim.gather import CHUNK, search_softly
from chartside_billing.fhir_claim.pick import codes, own, part, reference
from chartside_billing.systems import CHARGE_SYSTEM
from chartside_billing.x12.bundle import claim_number

if TYPE_CHECKING:
    from chartside.context import Context

_GONE = frozenset({"cancelled", "entered-in-error"})


def run(context: Context, options: JobOptions) -> JobReport:
    """The job. Raises FhirError where the EHR cannot be read."""
    report = JobReport(columns=("charge", "visit", "code", "amount"))
    if not context.settings.charges:
        report.notes.append("No charges are written: set charges = true under [plugins.billing].")
        return report
    evening = judge(context, tell=options.progress)
    kept_by_ehr = foreign(evening.resources.of("ChargeItem"))
    pairs = evening.sendable
    wanted = list(_wanted(context, pairs, kept_by_ehr, report))
    held = _ours(context, pairs)
    made = plan(wanted, held, _gone(context, evening, pairs, wanted, held))
    report.counts["charges unchanged"] = len(made.kept)
    rung = place(context)
    if options.dry_run or rung.where == "nowhere":
        _show(made, report, nowhere=rung.where == "nowhere")
    else:
        options.progress(0, len(made.new), "writing charges")
        write(context, made, rung, report)
    return report


JOB = Job(
    "charges", "Put the visits' charges into the EHR (ChargeItem), if asked", run, every=timedelta(hours=12)
)


def place(context: Context) -> Rung:
    """Where ChargeItems live: the EHR, else the companion server; no other resource stands for one."""
    return context.fhir.route.rung("ChargeItem", "crus", shapes=False)


def write(context: Context, made: Plan, rung: Rung, report: JobReport) -> dict[str, str]:
    """Write what was planned; references of all that stand now, by the line's name. What is refused is set aside."""
    named: list[tuple[str, Entry]] = [
        *(("charges written", Create(i, f"identifier={EFFECT_SYSTEM}|{key_of(i)}")) for i in made.new),
        *(("charges restored", Update(i)) for i in made.restored),
        *(("charges withdrawn", Update(i)) for i in made.withdrawn),
    ]
    stored = dict(made.kept)
    where = None if rung.where == "nowhere" else rung.where
    results = context.fhir.execute([entry for _, entry in named], where=where)
    for (what, entry), result in zip(named, results, strict=True):
        item = entry.resource if isinstance(entry, Create | Update) else {}
        if result.error is not None:
            report.set_aside.append(f"charge {name_of(item)}: {result.error}")
            report.failed = True
            continue
        report.counts[what] += 1
        if what != "charges withdrawn":
            stored[name_of(item)] = result.resource or {}
    return by_name(stored)


def references(context: Context, pairs: Sequence[Pair], report: JobReport) -> dict[str, str]:
    """The stored ChargeItem of each line of these claims, by the line's name (``12-1``); the EHR's own for the same
    visit and code, else ours, which is written where ``charges`` asks for it."""
    rung = place(context)
    if rung.where == "nowhere":
        return {}
    visits = sorted({v for claim, resource in pairs for v in visits_of(claim, resource)} - {""})
    theirs = foreign(_search(context, "context", visits))
    lines = [
        (item, visit)
        for claim, resource in pairs
        for item, visit in zip(
            charges_of(claim, resource, context.practice.id), visits_of(claim, resource), strict=True
        )
        if item is not None
    ]
    own_lines = [item for item, visit in lines if visit not in theirs]
    held = list(_search(context, "identifier", [f"{CHARGE_SYSTEM}|{name_of(i)}" for i in own_lines]))
    made = plan(own_lines, [item for item in held if name_of(item)])
    ours = write(context, made, rung, report) if context.settings.charges else by_name(made.kept)
    found = {name_of(i): same_service(i, theirs[visit]) for i, visit in lines if visit in theirs}
    return {name: own(item) for name, item in found.items() if item is not None} | ours


def _wanted(
    context: Context, pairs: Iterable[Pair], kept_by_ehr: dict[str, list[Resource]], report: JobReport
) -> Iterator[Resource]:
    for claim, resource in pairs:
        items = charges_of(claim, resource, context.practice.id)
        for item, visit in zip(items, visits_of(claim, resource), strict=True):
            if visit in kept_by_ehr:
                report.counts["lines whose charge the EHR keeps by itself"] += 1
            elif item is None:
                report.counts["lines without a code, day or charge"] += 1
            else:
                yield item


def _ours(context: Context, pairs: Sequence[Pair]) -> list[Resource]:
    """Those written here for visits of the window, a day more on either side, and for older services of these claims: a
    claim may be made long after the visit."""
    now, days = context.clock.now(), context.settings.days
    served = [line.dates.start for claim, _ in pairs for line in claim.lines if line.dates.start]
    since = min([(now - timedelta(days=days + 1)).date(), *served])
    asked = {"identifier": f"{CHARGE_SYSTEM}|", "occurrence": f"ge{since.isoformat()}"}
    return [item for item in context.fhir.search("ChargeItem", asked).matches() if name_of(item)]


def _gone(
    context: Context,
    evening: Evening,
    pairs: Sequence[Pair],
    wanted: Sequence[Resource],
    held: Sequence[Resource],
) -> list[str]:
    """Names of lines that are no more: of a claim that was looked at and has them no longer, of a cancelled claim, of
    a visit that was cancelled."""
    left = {name_of(item): reference(item.get("context")) for item in held}
    for item in wanted:
        left.pop(name_of(item), None)
    numbers = {claim.id for claim, _ in pairs} | {
        claim_number(c) for c in evening.resources.of("Claim") if c.get("status") in _GONE
    }
    unseen = sorted({visit.partition("/")[2] for visit in left.values()} - {""})
    visits = context.fhir.read_many("Encounter", unseen) if unseen else {}
    return [
        name
        for name, visit in left.items()
        if name.rpartition("-")[0] in numbers
        or visits.get(visit.partition("/")[2], {}).get("status") in _GONE
    ]


def _search(context: Context, parameter: str, values: Sequence[str]) -> Iterator[Resource]:
    """By many values; none where the server refuses the search."""
    for start in range(0, len(values), CHUNK):
        asked = {parameter: ",".join(values[start : start + CHUNK])}
        yield from search_softly(context, "ChargeItem", asked)


def _show(made: Plan, report: JobReport, *, nowhere: bool) -> None:
    report.rows = [
        {
            "charge": name_of(item),
            "visit": reference(item.get("context")),
            "code": next(iter(codes(item.get("code"))), ""),
            "amount": f"{part(item, 'priceOverride')['value']:.2f}",
        }
        for item in made.new
    ]
    report.counts["charges written (would be)"] = len(made.new) + len(made.restored)
    report.counts["charges withdrawn (would be)"] = len(made.withdrawn)
    if nowhere:
        report.notes.append("This EHR takes no ChargeItem: the charges are shown only.")
