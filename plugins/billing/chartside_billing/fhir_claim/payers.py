"""The payers of a claim in their order: those that the Claim names, and the client's later Coverages of that day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from chartside.types import Resource
from chartside_billing.dates import parse_fhir_date
from chartside_billing.fhir_claim.make import covers, order_of
from chartside_billing.fhir_claim.pick import each, own, part, reference


def later_coverages(resource: Resource, coverages: Iterable[Resource]) -> list[Resource]:
    """The client's Coverages that pay after the first one, by ``Coverage.order``; none where the order does not tell.

    ``resource``: a Claim that names one coverage, or an Encounter without a Claim.
    """
    day = service_day(resource)
    client = reference(resource.get("patient") or resource.get("subject"))
    if day is None or not client:
        return []
    mine = [c for c in coverages if reference(c.get("beneficiary")) == client and covers(c, day)]
    mine = sorted({own(c): c for c in mine}.values(), key=order_of)
    if len({order_of(c) for c in mine}) != len(mine):
        return []
    named = _named(resource)
    if not named:
        return mine[1:]
    place = next((n for n, c in enumerate(mine) if own(c) == named[0]), None)
    return mine[place + 1 :] if len(named) == 1 and place is not None else []


def _named(resource: Resource) -> list[str]:
    return [reference(entry.get("coverage")) for entry in each(resource, "insurance")]


def payers_after_the_first(resource: Resource, coverages: Iterable[Resource]) -> int:
    """How many payers come after the one that the claim goes to first."""
    entries = sorted(each(resource, "insurance"), key=lambda e: str(e.get("sequence", "")))
    if len(entries) > 1:
        focal = next((n for n, e in enumerate(entries) if e.get("focal") is True), 0)
        return len(entries) - focal - 1
    return len(later_coverages(resource, coverages))


def with_later(resource: Resource, coverages: Sequence[Resource]) -> Resource:
    """The Claim with those coverages in its insurance that its client has beyond the one that it names."""
    later = later_coverages(resource, coverages) if resource.get("resourceType") == "Claim" else []
    if not later or len(_named(resource)) != 1:
        return resource
    (first,) = each(resource, "insurance")
    added = [
        {"sequence": n, "focal": False, "coverage": {"reference": own(c)}} for n, c in enumerate(later, 2)
    ]
    return {**resource, "insurance": [{**first, "sequence": 1, "focal": True}, *added]}


def service_day(resource: Resource) -> date | None:
    """The first day of a Claim's items, or of a visit."""
    days = [
        str(item.get("servicedDate") or part(item, "servicedPeriod").get("start", ""))
        for item in each(resource, "item")
    ]
    days += [str(part(resource, key).get("start", "")) for key in ("billablePeriod", "period")]
    found = [day for text in days if (day := parse_fhir_date(text))]
    return min(found) if found else None
