"""FHIR Invoice and ChargeItem (R4) for bills. Deterministic identifiers: writing twice writes once."""

from __future__ import annotations

from decimal import Decimal

from chartside.codes import BASE
from chartside.types import Resource
from chartside_billing.money import ZERO
from chartside_billing.papers.data import Bill, Service

INVOICE_SYSTEM = f"{BASE}/invoice"
CHARGE_SYSTEM = f"{BASE}/charge-item"
_CPT = "http://www.ama-assn.org/go/cpt"
_HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"


def _money(amount: Decimal) -> Resource:
    return {"value": float(amount), "currency": "USD"}


def _code(service: Service) -> Resource:
    system = _CPT if service.code[:1].isdigit() else _HCPCS
    concept: Resource = {"coding": [{"system": system, "code": service.code}]}
    return {**concept, "text": service.label} if service.label else concept


def charge_items(bill: Bill, patient: str, encounter: str = "") -> list[Resource]:
    """One ChargeItem for each service. ``patient`` and ``encounter`` are references."""
    return [
        _charge_item(bill, number, service, patient, encounter)
        for number, service in enumerate(bill.services, 1)
    ]


def _charge_item(bill: Bill, number: int, service: Service, patient: str, encounter: str) -> Resource:
    item: Resource = {
        "resourceType": "ChargeItem",
        "identifier": [{"system": CHARGE_SYSTEM, "value": f"{bill.number}-{number}"}],
        "status": "billable",
        "code": _code(service),
        "subject": {"reference": patient},
        "quantity": {"value": float(service.units)},
        "priceOverride": _money(service.charge),
    }
    if service.day:
        item["occurrenceDateTime"] = service.day.isoformat()
    if encounter:
        item["context"] = {"reference": encounter}
    return item


def invoice_resource(bill: Bill, patient: str, *, issuer: str = "") -> Resource:
    """An Invoice of the client's part: the base price, and what insurer and contract took as a deduction."""
    owed = [s.charge if s.responsibility is None else s.responsibility for s in bill.services]
    invoice: Resource = {
        "resourceType": "Invoice",
        "identifier": [{"system": INVOICE_SYSTEM, "value": bill.number}],
        "status": "issued",
        "subject": {"reference": patient},
        "recipient": {"reference": patient},
        "lineItem": [
            _line(n, s, part) for n, (s, part) in enumerate(zip(bill.services, owed, strict=True), 1)
        ],
        "totalNet": _money(sum(owed, ZERO)),
        "totalGross": _money(sum(owed, ZERO)),
    }
    if bill.issued:
        invoice["date"] = bill.issued.isoformat()
    if issuer:
        invoice["issuer"] = {"reference": issuer}
    return invoice


def _line(number: int, service: Service, owed: Decimal) -> Resource:
    components = [{"type": "base", "factor": float(service.units), "amount": _money(service.charge)}]
    if service.charge != owed:
        components.append({"type": "deduction", "amount": _money(owed - service.charge)})
    return {"sequence": number, "chargeItemCodeableConcept": _code(service), "priceComponent": components}
