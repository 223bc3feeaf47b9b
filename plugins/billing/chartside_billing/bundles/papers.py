"""Documents of a Bundle that are no claims: estimates, invoices, superbills, remittances, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from chartside.types import Resource
from chartside_billing.bundles.notes import inline_texts
from chartside_billing.bundles.superbill import superbills
from chartside_billing.dates import parse_fhir_date
from chartside_billing.documents import (
    Acknowledgement,
    Document,
    Estimate,
    InvoiceFacts,
    Remittance,
    RemittanceClaim,
)
from chartside_billing.fhir_claim.pick import codes, each, own, part, reference
from chartside_billing.model import Adjustment
from chartside_billing.money import ZERO, parse_amount
from chartside_billing.x12.graph import Graph

_ESTIMATE = ("gfe", "good faith estimate", "good-faith-estimate")
_OVER = frozenset({"cancelled", "entered-in-error", "noshow", "proposed", "waitlist"})


def documents(graph: Graph, *, answers: bool = True) -> Iterator[tuple[Document, str]]:
    """Every document that rules can judge, with its reference. ``answers``: also refusals and denials, which beside
    a claim that waits to be sent are its history."""
    yield from ((d, d.where) for d in _estimates(graph))
    yield from ((d, d.where) for d in _invoices(graph))
    yield from ((d, d.where) for d in _payments(graph))
    if answers:
        yield from ((d, d.where) for d in _refusals(graph))
        yield from ((d, d.where) for d in _denials(graph))
    yield from ((d, d.where) for d in superbills(graph))


def _amount(money: object) -> Decimal | None:
    return parse_amount(str(money.get("value", ""))) if isinstance(money, dict) else None


def _is_estimate(document: Resource) -> bool:
    concept = part(document, "type")
    told = " ".join(
        [
            *codes(concept),
            str(concept.get("text", "")),
            *(str(c.get("display", "")) for c in each(concept, "coding")),
        ]
    )
    return any(word in f"{told} {document.get('description', '')}".lower() for word in _ESTIMATE)


def _estimates(graph: Graph) -> Iterator[Estimate]:
    """A Good Faith Estimate, or the lack of one, for each visit that a client without coverage booked."""
    insured = {
        reference(c.get("beneficiary"))
        for c in graph.of("Coverage")
        if c.get("status") == "active" and "pay" not in codes(c.get("type"))
    }
    given = [d for d in graph.of("DocumentReference") if _is_estimate(d)]
    predetermined = [c for c in graph.of("Claim") if c.get("use") == "predetermination"]
    if graph.of("Claim") and not predetermined and not given:
        return
    seen: set[str] = set()
    for appointment in graph.of("Appointment"):
        actors = {reference(p.get("actor")) for p in each(appointment, "participant")}
        client = next((a for a in sorted(actors) if a.startswith("Patient/")), "")
        made = parse_fhir_date(str(appointment.get("created", "")))
        day = parse_fhir_date(str(appointment.get("start", "")))
        if not client or made is None or day is None or appointment.get("status") in _OVER:
            continue
        mine = [d for d in given if reference(d.get("subject")) in {client, ""}]
        mine += [c for c in predetermined if reference(c.get("patient")) in {client, ""}]
        seen |= {own(d) for d in mine}
        estimate = Estimate(own(appointment), self_pay=client not in insured, where=own(appointment))
        estimate.scheduled_on, estimate.appointment = made, day
        if mine:
            _given(estimate, mine[0], client, graph)
        yield estimate
    for document in (*given, *predetermined):
        if own(document) not in seen:
            estimate = Estimate(own(document), where=own(document))
            client = reference(document.get("subject") or document.get("patient"))
            _given(estimate, document, client, graph)
            seen |= {own(c) for c in predetermined if reference(c.get("patient")) in {client, ""}}
            yield estimate


def _given(estimate: Estimate, document: Resource, client: str, graph: Graph) -> None:
    from chartside_billing.bundles.estimate import fill

    """What was given: a document, or a Claim with use predetermination; its prices are of the one or the other."""
    estimate.given_on = parse_fhir_date(str(document.get("date") or document.get("created", "")))
    priced = [
        c
        for c in graph.of("Claim")
        if c.get("use") == "predetermination" and reference(c.get("patient")) in {client, ""}
    ]
    fill(estimate, " ".join(inline_texts(document)), priced[0] if priced else {}, graph)
    estimate.billed = _billed(client, graph)


def _billed(client: str, graph: Graph) -> Decimal | None:
    totals = [
        amount
        for invoice in graph.of("Invoice")
        if reference(invoice.get("subject")) in {client, ""}
        and invoice.get("status") in {"issued", "balanced"}
        if (amount := _amount(invoice.get("totalNet"))) is not None
    ]
    return sum(totals, ZERO) if totals else None


def _invoices(graph: Graph) -> Iterator[InvoiceFacts]:
    for invoice in graph.of("Invoice"):
        if invoice.get("status") in {"cancelled", "entered-in-error"}:
            continue
        facts = InvoiceFacts(own(invoice), where=own(invoice), total=_amount(invoice.get("totalNet")))
        for item in each(invoice, "lineItem"):
            prices = [_amount(p.get("amount")) for p in each(item, "priceComponent")]
            facts.lines.append(sum((p for p in prices if p is not None), ZERO))
        _owed(facts, reference(invoice.get("subject")), graph)
        yield facts


def _owed(facts: InvoiceFacts, client: str, graph: Graph) -> None:
    """PR and CO of the client's explanations of benefit."""
    due, contractual, known = ZERO, ZERO, False
    for answer in graph.of("ExplanationOfBenefit"):
        if reference(answer.get("patient")) not in {client, ""}:
            continue
        for item in [*each(answer, "item"), answer]:
            for entry in each(item, "adjudication"):
                told = {c.lower() for c in codes(entry.get("category"))}
                groups = {c.upper() for c in codes(entry.get("reason"))}
                amount = _amount(entry.get("amount")) or ZERO
                owed = told & {"copay", "deductible", "coinsurance", "patientresponsibility", "pr"}
                if owed or any(g == "PR" or g.startswith(("PR-", "PR1", "PR2", "PR3")) for g in groups):
                    due, known = due + amount, True
                elif told & {"contractual", "co", "adjustment", "contractualadjustment"} or "CO" in groups:
                    contractual, known = contractual + amount, True
    if known:
        facts.patient_responsibility, facts.contractual = due, contractual


def _payments(graph: Graph) -> Iterator[Remittance]:
    for payment in graph.of("PaymentReconciliation"):
        era = Remittance(own(payment), paid=_amount(payment.get("paymentAmount")) or ZERO, where=own(payment))
        for detail in each(payment, "detail"):
            amount = _amount(detail.get("amount")) or ZERO
            known = reference(detail.get("request"))
            match = None if not known else int(known in graph.by_reference or not graph.of("Claim"))
            if not known and graph.of("Claim"):
                match = 0
            found = RemittanceClaim(charge=amount, paid=amount, matches=match, where=own(payment))
            if {c.lower() for c in codes(detail.get("type"))} & {"reversal", "takeback"} or amount < 0:
                found.status, found.prior_payment = "22", bool(detail.get("predecessor"))
            era.claims.append(found)
        yield era


def _refusals(graph: Graph) -> Iterator[Acknowledgement]:
    """A ClaimResponse whose outcome is an error: the receiver refused the claim."""
    for answer in graph.of("ClaimResponse"):
        if answer.get("use", "claim") != "claim":
            continue
        if answer.get("outcome") == "error":
            told = [c for e in each(answer, "error") for c in codes(e.get("code"))]
            statuses = [(reference(answer.get("request")), code[:2]) for code in told or ["A3"]]
            ours = [(name, code if code in {"A3", "A6", "A7", "A8"} else "A3", "") for name, code in statuses]
            yield Acknowledgement(own(answer), received=True, claim_statuses=ours[:1], where=own(answer))


def _denials(graph: Graph) -> Iterator[Remittance]:
    """A ClaimResponse or ExplanationOfBenefit of a claim that paid nothing."""
    for answer in (*graph.of("ClaimResponse"), *graph.of("ExplanationOfBenefit")):
        if answer.get("use", "claim") != "claim" or answer.get("outcome") not in {"complete", "partial"}:
            continue
        totals = [t for t in each(answer, "total") if set(codes(t.get("category"))) & {"benefit", "paid"}]
        paid = _amount(part(answer, "payment").get("amount"))
        if paid is None and totals:
            paid = _amount(totals[0].get("amount"))
        reasons = [a for i in each(answer, "item") for a in each(i, "adjudication") if codes(a.get("reason"))]
        if paid != 0 or not (reasons or answer.get("processNote") or answer.get("error")):
            continue
        told = tuple(code for a in reasons for code in codes(a.get("reason")))
        taken = [Adjustment("CO", code, Decimal(1)) for code in told[:1] or ("?",)]
        one = RemittanceClaim(charge=Decimal(1), adjustments=taken, matches=1, where=own(answer))
        yield Remittance(own(answer), claims=[one], where=own(answer))
