"""What went before, as far as a Bundle holds it: earlier claims, payments, plans, consents, other sessions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from chartside.types import Resource
from chartside_billing.bundles.visits import sessions
from chartside_billing.dates import parse_fhir_date, shift
from chartside_billing.fhir_claim import facts
from chartside_billing.fhir_claim.pick import codes, each, own, part, reference
from chartside_billing.fhir_claim.visits import visit_of
from chartside_billing.model import Claim, History, PriorClaim, Visit
from chartside_billing.money import parse_amount
from chartside_billing.rules.codesets import RTM_DEVICE
from chartside_billing.x12.bundle import claims_of
from chartside_billing.x12.graph import Graph

_GONE = frozenset({"cancelled", "entered-in-error", "draft"})
_WORDS = (
    ("part2", ("part 2", "part2", "42 cfr", "substance", "sud", "etoh", "42cfrpart2")),
    ("release", ("release", "idscl")),
    ("assignment", ("assignment", "assign")),
    (
        "cocm",
        ("collaborative", "cocm", "care management", "behavioral health integration"),
    ),
    ("private-contract", ("private contract", "opt out")),
)


def refine(claim: Claim, resource: Resource, graph: Graph) -> None:
    """The claim's history; None where the Bundle holds nothing of it."""
    patient = reference(resource.get("patient") or resource.get("subject"))
    history = claim.history or History()
    history.complete = False
    history.claims = _earlier(claim, resource, patient, graph)
    history.payments = _payments(resource, patient, graph)
    history.plan_periods = _plans(patient, graph)
    history.consents = _consents(patient, graph)
    here = {v.ref for v in claim.visits}
    history.visits = [
        _visit(e, graph)
        for e in graph.of("Encounter")
        if reference(e.get("subject")) == patient and own(e) not in here
    ] or None
    history.monitored_days = _monitored(claim, patient, graph)
    history.device_orders = _orders(patient, graph)
    history.enrollment = _enrollment(claim, graph)
    history.fees = _fees(graph)
    party = claim.rendering or claim.billing
    history.sessions = sessions(graph, party.ref) if party and party.ref else []
    claim.history = history


def _visit(encounter: Resource, graph: Graph) -> Visit:
    visit = visit_of(encounter, graph, None)
    visit.codes = frozenset(c for concept in each(encounter, "type") for c in codes(concept))
    return visit


def _earlier(claim: Claim, resource: Resource, patient: str, graph: Graph) -> list[PriorClaim]:
    """Other Claims of the patient that were answered or made before this one."""
    answers = facts.claim_answers(graph.of("ClaimResponse"))
    mine = own(resource)
    found = []
    for prior, source in claims_of(graph):
        if (
            own(source) == mine
            or reference(source.get("patient")) != patient
            or source.get("status") in _GONE
        ):
            continue
        answer = answers.get(own(source))
        before = bool(prior.created and claim.created and prior.created < claim.created)
        if answer is not None or before:
            made = facts.prior_claim(prior, answer)
            made.status = _paid(answer, made.status)
            found.append(made)
    return found


def _paid(answer: Resource | None, status: str) -> str:
    if answer is not None and str(answer.get("disposition", "")).lower().startswith(
        ("reject", "not accepted")
    ):
        return "rejected"
    return status


def _payments(resource: Resource, patient: str, graph: Graph) -> Decimal | None:
    """PaymentNotices that name this Claim, or its Encounters."""
    names = {own(resource)} | {reference(e) for i in each(resource, "item") for e in each(i, "encounter")}
    amounts = [
        amount
        for notice in graph.of("PaymentNotice")
        if notice.get("status", "active") == "active" and reference(notice.get("request")) in names
        if (amount := parse_amount(str(part(notice, "amount").get("value", "")))) is not None
    ]
    return sum(amounts, Decimal(0)) if amounts else None


def _plans(patient: str, graph: Graph) -> list[tuple[date | None, date | None]] | None:
    plans = [p for p in graph.of("CarePlan") if reference(p.get("subject")) == patient]
    if not plans:
        return None
    return facts.plan_periods(
        p for p in plans if p.get("status") not in {"revoked", "draft", "entered-in-error"}
    )


def _consents(patient: str, graph: Graph) -> frozenset[str] | None:
    """Kinds of consent in force, by the host's own codes or by the words that other systems use."""
    mine = [c for c in graph.of("Consent") if reference(c.get("patient")) in {patient, ""}]
    contracts = [c for c in graph.of("Contract") if patient in {reference(s) for s in each(c, "subject")}]
    if not mine and not contracts:
        return None
    found = set(facts.consents(mine))
    ended: set[str] = set()
    for consent in mine:
        kinds = _kinds(_told(consent))
        holds = consent.get("status") == "active" and part(consent, "provision").get("type") != "deny"
        (found if holds else ended).update(kinds)
    found |= {f"no-{kind}" for kind in ended - found}
    for contract in contracts:
        told = _told(contract)
        found |= _kinds(told) & {"private-contract"}
    return frozenset(found)


def _kinds(told: str) -> set[str]:
    plain = told.replace("-", " ").replace("_", " ")
    return {kind for kind, words in _WORDS if any(word in plain for word in words)}


def _told(resource: Resource) -> str:
    concepts = [
        *each(resource, "category"),
        part(resource, "scope"),
        part(resource, "policyRule"),
        part(resource, "type"),
    ]
    provision = part(resource, "provision")
    concepts += [*each(provision, "purpose"), *each(provision, "action")]
    texts = [str(c.get("text", "")) + str(c.get("display", "")) + str(c.get("code", "")) for c in concepts]
    texts += [
        str(x.get("display", "")) + " " + str(x.get("code", "")) for c in concepts for x in each(c, "coding")
    ]
    texts += [str(p.get("uri", "")) for p in each(resource, "policy")]
    texts.append(str(resource.get("title", "")))
    return " ".join(texts).lower()


def _monitored(claim: Claim, patient: str, graph: Graph) -> int | None:
    """Days with device data in the 30 days up to the claim's last service."""
    monitoring = any(line.code in RTM_DEVICE for line in claim.lines)
    days = {
        day
        for o in graph.of("Observation")
        if reference(o.get("subject")) == patient
        and (part(o, "device") or (monitoring and not reference(o.get("encounter"))))
        if (
            day := parse_fhir_date(
                str(o.get("effectiveDateTime") or part(o, "effectivePeriod").get("start", ""))
            )
        )
    }
    ends = [line.dates.last for line in claim.lines if line.dates.last]
    if not days or not ends:
        return None
    last = max(ends)
    return sum(shift(last, -30) < day <= last for day in days) or len(days)


def _orders(patient: str, graph: Graph) -> bool | None:
    """Whether a device was ordered for the patient; None where the Bundle says nothing of devices and plans."""
    orders = [r for r in graph.of("DeviceRequest") if reference(r.get("subject")) == patient]
    if orders:
        return any(r.get("status") in {"active", "completed"} for r in orders)
    return None


def _enrollment(claim: Claim, graph: Graph) -> tuple[date | None, date | None, bool] | None:
    """The clinician's PractitionerRole at the payer (its organization or network): from, to, active."""
    party, payer = claim.rendering or claim.billing, claim.insurance.payer
    if party is None or payer is None:
        return None
    for role in graph.of("PractitionerRole"):
        if reference(role.get("practitioner")) != party.ref:
            continue
        places = [role.get("organization"), *_networks(role)]
        for place in places:
            numbers = {str(i.get("value", "")) for i in each(graph.get(place, role), "identifier")}
            if payer.id and payer.id in numbers:
                period = part(role, "period")
                start, end = (
                    parse_fhir_date(str(period.get("start", ""))),
                    parse_fhir_date(str(period.get("end", ""))),
                )
                return start, end, role.get("active") is not False
    return None


def _networks(role: Resource) -> list[Resource]:
    return [x["valueReference"] for x in each(role, "extension") if isinstance(x.get("valueReference"), dict)]


def _fees(graph: Graph) -> dict[str, Decimal]:
    """Base prices of ChargeItemDefinitions by code."""
    found: dict[str, Decimal] = {}
    for definition in graph.of("ChargeItemDefinition"):
        for group in each(definition, "propertyGroup"):
            for price in each(group, "priceComponent"):
                amount = parse_amount(str(part(price, "amount").get("value", "")))
                if price.get("type", "base") == "base" and amount is not None:
                    found |= dict.fromkeys(codes(definition.get("code")), amount)
    return found
