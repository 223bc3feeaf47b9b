"""Coverages, eligibility answers, authorisations and earlier payers' decisions of a Bundle."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from chartside.types import Resource
from chartside_billing.bundles.claim import extensions
from chartside_billing.dates import parse_fhir_date
from chartside_billing.fhir_claim.pick import codes, each, own, part, reference
from chartside_billing.model import (
    Adjustment,
    Amount,
    Authorization,
    Claim,
    DateSpan,
    Eligibility,
    Insurance,
    LineAdjudication,
    SyntaxIssue,
)
from chartside_billing.money import parse_amount
from chartside_billing.rules.codesets import MSP_TYPES
from chartside_billing.x12.graph import Graph, texts

_ORDER = "PSTABCDEFGH"
_MENTAL = frozenset({"MH", "A4", "A5", "A6", "A7", "A8", "CF", "30"})
_PAID = frozenset({"benefit", "paid", "payment", "paidtoprovider", "paid-to-provider"})
_OWED = frozenset({"copay", "deductible", "coinsurance", "patientresponsibility", "patient-responsibility"})
_REASONS = {"deductible": "1", "coinsurance": "2", "copay": "3"}
_CONTRACT = frozenset({"contractual", "adjustment", "contractualadjustment", "contractual-adjustment", "45"})
_GROUPS = frozenset({"co", "pr", "oa", "pi", "cr"})
"""CAS01 as category: https://x12.org/codes/claim-adjustment-group-codes."""


def refine(claim: Claim, resource: Resource, graph: Graph) -> None:
    """Order of payers as it was said, the facts of each coverage, and what earlier payers decided."""
    entries = sorted(each(resource, "insurance"), key=_place)
    focal = next((e for e in entries if e.get("focal")), entries[0] if entries else {})
    if sum(bool(e.get("focal")) for e in entries) > 1:
        claim.issues.append(_issue("payer-order", "More than one insurance of the Claim is the focal one"))
    for entry in entries:
        coverage = graph.get(entry.get("coverage"), resource)
        insurance = claim.insurance if entry is focal else _of(claim, coverage)
        if insurance is None:
            continue
        _sequence(insurance, entry, coverage, len(entries))
        _coverage(claim, insurance, coverage, resource, graph, focal=entry is focal)
        _msp(insurance, coverage, entry)
        insurance.eligibility = _eligibility(insurance, coverage, resource, graph) or insurance.eligibility
        _decision(claim, insurance, entry, resource, graph)
    _orders(claim, entries, resource, graph)
    answered = any(a.get("use") == "preauthorization" for a in graph.of("ClaimResponse"))
    if answered:
        claim.insurance.authorizations = _authorizations(resource, graph)


def _issue(code: str, text: str) -> SyntaxIssue:
    return SyntaxIssue(code, text, "Claim.insurance", fatal=False)


def _place(entry: Resource) -> int:
    sequence = entry.get("sequence")
    return sequence if isinstance(sequence, int) and not isinstance(sequence, bool) else 0


def _of(claim: Claim, coverage: Resource) -> Insurance | None:
    where = f"Coverage/{coverage.get('id', '')}"
    return next((other for other in claim.others if other.where == where), None)


def _sequence(insurance: Insurance, entry: Resource, coverage: Resource, count: int) -> None:
    place = _place(entry)
    order = coverage.get("order")
    if count == 1 and isinstance(order, int) and not isinstance(order, bool):
        place = max(place, order)
    if 1 <= place <= len(_ORDER):
        insurance.sequence = _ORDER[place - 1]


def _orders(claim: Claim, entries: list[Resource], resource: Resource, graph: Graph) -> None:
    orders = [graph.get(e.get("coverage"), resource).get("order") for e in entries]
    told = [order for order in orders if isinstance(order, int)]
    if len(told) > 1 and len(set(told)) != len(told):
        claim.issues.append(_issue("payer-order", "Two coverages have the same place in the order"))


def _coverage(
    claim: Claim, insurance: Insurance, coverage: Resource, resource: Resource, graph: Graph, *, focal: bool
) -> None:
    patient = graph.get(resource.get("patient"), resource)
    if not insurance.subscriber:
        return
    if not insurance.subscriber.id:
        numbers = [i for i in each(coverage, "identifier") if i.get("value")]
        insurance.subscriber.id = str(numbers[0]["value"]) if numbers else ""
        insurance.subscriber.id_qualifier = "MI"
    said = next(iter(codes(coverage.get("relationship"))), "")
    holder = graph.get(coverage.get("subscriber"), coverage)
    if not focal:
        return
    if said == "self" and holder and holder is not patient and _somebody_else(holder, patient):
        text = "The coverage says that the patient is the subscriber, but names somebody else as subscriber"
        claim.issues.append(_issue("relationship", text))
    if said not in {"", "self"} and holder is patient:
        text = "The coverage says that the patient is a dependant, but names the patient as subscriber"
        claim.issues.append(_issue("relationship", text))


def _somebody_else(holder: Resource, patient: Resource) -> bool:
    """Another Patient; or a RelatedPerson of another birth date or family name."""
    if holder.get("resourceType") != "RelatedPerson":
        return True
    names = [{str(n.get("family", "")).upper() for n in each(person, "name")} for person in (holder, patient)]
    born = {str(person.get("birthDate") or "") for person in (holder, patient)} - {""}
    return len(born) > 1 or (all(names) and not names[0] & names[1])


def _msp(insurance: Insurance, coverage: Resource, entry: Resource) -> None:
    told = [text for source in (coverage, entry) for _, text, _ in extensions(source)]
    insurance.msp_type = next((t for t in told if t in MSP_TYPES), insurance.msp_type)


def _eligibility(
    insurance: Insurance, coverage: Resource, resource: Resource, graph: Graph
) -> Eligibility | None:
    """The newest answer of the patient on this coverage, with whom it names."""
    if not graph.of("CoverageEligibilityResponse"):
        return None
    people, covers = _of_others(own(coverage), resource, graph)
    answers = [
        (day, answer, entry)
        for answer in graph.of("CoverageEligibilityResponse")
        if reference(answer.get("patient")) not in people
        if (day := parse_fhir_date(str(answer.get("created", ""))))
        for entry in [*each(answer, "insurance")] or [{}]
        if reference(entry.get("coverage")) not in covers
    ]
    if not answers:
        return None
    day, answer, entry = max(answers, key=lambda found: found[0])
    told = Eligibility(checked=day)
    inforce = entry.get("inforce")
    told.active = inforce if isinstance(inforce, bool) else None
    items = list(each(entry, "item"))
    categories = [set(codes(item.get("category"))) for item in items]
    if any(categories):
        kinds = [i for i, c in zip(items, categories, strict=True) if c & _MENTAL]
        told.mental_health = any(item.get("excluded") is not True for item in kinds)
    told.authorization_required = frozenset(
        code
        for i in items
        if i.get("authorizationRequired") is True
        for code in codes(i.get("productOrService"))
    )
    _named(told, answer, entry, (coverage, resource), graph)
    _payer_of(told, insurance, answer, coverage, graph)
    return told


def _of_others(mine: str, resource: Resource, graph: Graph) -> tuple[set[str], set[str]]:
    """Patients and coverages that an answer cannot name if it is about this claim. Somebody whom no Claim names
    (a contained Patient, as the payer knows him) is not among them."""
    claims = graph.of("Claim")
    people = {reference(c.get("patient")) for c in claims} - {reference(resource.get("patient")), ""}
    covers = {reference(i.get("coverage")) for c in claims for i in each(c, "insurance")} - {mine, ""}
    return people, covers


def _named(
    told: Eligibility, answer: Resource, entry: Resource, ours: tuple[Resource, Resource], graph: Graph
) -> None:
    """Who the payer says is insured; nothing where the answer names our own Patient and Coverage, as many do."""
    coverage, claim = ours
    person = graph.get(answer.get("patient"), answer)
    if person is graph.get(claim.get("patient"), claim):
        person = {}
    name = next(each(person, "name"), {})
    given = name.get("given")
    told.last = str(name.get("family", ""))
    told.first = str(given[0]) if isinstance(given, list) and given else ""
    told.birth_date = parse_fhir_date(str(person.get("birthDate", "")))
    theirs = graph.get(entry.get("coverage"), answer)
    told.member_id = "" if theirs is coverage else str(theirs.get("subscriberId", ""))


def _payer_of(
    told: Eligibility, insurance: Insurance, answer: Resource, coverage: Resource, graph: Graph
) -> None:
    insurer = graph.get(answer.get("insurer"), answer)
    payors = [own(graph.get(p, coverage)) for p in each(coverage, "payor")]
    if insurer and own(insurer) not in payors:
        numbers = [str(i["value"]) for i in each(insurer, "identifier") if i.get("value")]
        told.behavioral_payer_id = numbers[0] if numbers else ""


def _authorizations(resource: Resource, graph: Graph) -> list[Authorization]:
    patient = reference(resource.get("patient"))
    found = []
    for answer in graph.of("ClaimResponse"):
        if answer.get("use") != "preauthorization" or reference(answer.get("patient")) not in {patient, ""}:
            continue
        if answer.get("outcome") in {"error", "queued"}:  # refused, or not yet decided
            continue
        period = part(answer, "preAuthPeriod")
        items = [*each(answer, "addItem"), *each(answer, "item")]
        request = graph.by_reference.get(reference(answer.get("request")), {})
        asked = [*each(request, "item")]
        number = str(
            answer.get("preAuthRef")
            or next((str(i.get("value", "")) for i in each(answer, "identifier")), "")
        )
        requestor = graph.by_reference.get(reference(answer.get("requestor")), {})
        found.append(
            Authorization(
                number=number,
                start=parse_fhir_date(str(period.get("start", ""))),
                end=parse_fhir_date(str(period.get("end", ""))),
                codes=frozenset(c for i in [*items, *asked] for c in codes(i.get("productOrService"))),
                provider_npi=_npi(requestor),
                units=_units(answer, items, asked),
                used=_used(number, resource, graph),
            )
        )
    return found


def _npi(resource: Resource) -> str:
    if resource.get("resourceType") != "Practitioner":
        return ""
    return next(
        (str(i.get("value", "")) for i in each(resource, "identifier") if "npi" in str(i.get("system", ""))),
        "",
    )


def _units(answer: Resource, items: list[Resource], asked: list[Resource]) -> Decimal | None:
    numbers = [part(i, "quantity").get("value") for i in items]
    for item in [*items, *each(answer, "item")]:
        for adjudication in each(item, "adjudication"):
            told = {c.lower() for c in codes(adjudication.get("category"))}
            if told & {"units", "approvedunits", "approved-units", "quantity", "unitsapproved"}:
                numbers.append(adjudication.get("value"))
    numbers += (
        [part(i, "quantity").get("value") for i in asked] if not any(n is not None for n in numbers) else []
    )
    known = [parse_amount(str(n)) for n in numbers if n is not None]
    return next((n for n in known if n is not None), None)


def _used(number: str, resource: Resource, graph: Graph) -> Decimal:
    """Units of other Claims of the Bundle under the same number."""
    used = Decimal(0)
    for claim in graph.of("Claim"):
        numbers = {n for i in each(claim, "insurance") for n in texts(i, "preAuthRef")}
        if own(claim) != own(resource) and claim.get("use", "claim") == "claim" and number in numbers:
            for item in each(claim, "item"):
                used += parse_amount(str(part(item, "quantity").get("value", 1))) or 0
    return used


def _decision(claim: Claim, insurance: Insurance, entry: Resource, resource: Resource, graph: Graph) -> None:
    """What this payer decided before: Claim.insurance.claimResponse, else an ExplanationOfBenefit of its Coverage."""
    if insurance is claim.insurance:
        return
    answer = graph.get(entry.get("claimResponse"), resource) or _explanation(insurance, claim, graph)
    if not answer:
        return
    created = parse_fhir_date(str(part(answer, "payment").get("date") or answer.get("created", "")))
    insurance.remittance_date = created
    paid = part(part(answer, "payment"), "amount").get("value")
    totals = [t for t in each(answer, "total") if _kinds(t) & _PAID]
    if paid is None and totals:
        paid = part(totals[0], "amount").get("value")
    lines = {line.number: line for line in claim.lines}
    decided = Decimal(0)
    known = False
    for item in each(answer, "item"):
        line = lines.get(_number(item))
        decision = _line(item, insurance)
        if line is None or decision is None:
            continue
        line.adjudications.append(decision)
        known = known or decision.paid is not None
        decided += decision.paid or 0
    amount = parse_amount(str(paid)) if paid is not None else (decided if known else None)
    if amount is not None:
        insurance.amounts = [Amount("D", amount)]
    insurance.adjustments += list(_adjustments(each(answer, "adjudication")))
    if created is not None:
        insurance.adjudicated = DateSpan(created)


def _explanation(insurance: Insurance, claim: Claim, graph: Graph) -> Resource:
    for answer in graph.of("ExplanationOfBenefit"):
        named = {reference(i.get("coverage")) for i in each(answer, "insurance")}
        if insurance.where in named:
            return answer
    return {}


def _number(item: Resource) -> int:
    number = item.get("itemSequence")
    if number is None:
        number = next(
            iter(item.get("itemSequence") or (item.get("sequence") and [item["sequence"]]) or [0]), 0
        )
    if isinstance(number, list):
        number = number[0] if number else 0
    return number if isinstance(number, int) else 0


def _kinds(adjudication: Resource) -> set[str]:
    return {c.lower() for c in codes(adjudication.get("category"))}


def _line(item: Resource, insurance: Insurance) -> LineAdjudication | None:
    entries = list(each(item, "adjudication"))
    if not entries:
        return None
    paid: Any = next((part(a, "amount").get("value") for a in entries if _kinds(a) & _PAID), None)
    return LineAdjudication(
        payer_id=insurance.payer.id if insurance.payer else "",
        paid=parse_amount(str(paid)) if paid is not None else None,
        paid_raw="" if paid is None else str(paid),
        adjustments=list(_adjustments(iter(entries))),
        where="ClaimResponse.item",
    )


def _adjustments(entries: Iterator[Resource]) -> Iterator[Adjustment]:
    for entry in entries:
        kinds, value = _kinds(entry), part(entry, "amount").get("value")
        amount = parse_amount(str(value)) if value is not None else None
        if amount is None:
            continue
        reason = next(iter(codes(entry.get("reason"))), "")
        owed, groups = kinds & _OWED, kinds & _GROUPS
        if groups:
            yield Adjustment(next(iter(groups)).upper(), reason, amount)
        elif owed:
            yield Adjustment("PR", reason or _REASONS.get(next(iter(owed)), "3"), amount)
        elif kinds & _CONTRACT:
            yield Adjustment("CO", reason or "45", amount)
