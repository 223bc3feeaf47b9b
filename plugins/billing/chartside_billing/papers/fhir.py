"""FHIR Invoice (R4) for bills. Deterministic identifiers: writing twice writes once."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from chartside.types import Resource
from chartside_billing.money import ZERO
from chartside_billing.papers.data import Bill, Service
from chartside_billing.systems import INVOICE_SYSTEM

_CPT = "http://www.ama-assn.org/go/cpt"
_HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"


def _money(amount: Decimal) -> Resource:
    return {"value": float(amount), "currency": "USD"}


def _code(service: Service) -> Resource:
    system = _CPT if service.code[:1].isdigit() else _HCPCS
    concept: Resource = {"coding": [{"system": system, "code": service.code}]}
    return {**concept, "text": service.label} if service.label else concept


def invoice_resource(bill: Bill, patient: str, *, issuer: str = "", charges: Sequence[str] = ()) -> Resource:
    """An Invoice of the client's part: the base price, and what insurer and contract took as a deduction.

    ``charges``: the ChargeItem of each service (references), empty for one that the EHR does not hold.
    """
    owed = [s.charge if s.responsibility is None else s.responsibility for s in bill.services]
    invoice: Resource = {
        "resourceType": "Invoice",
        "identifier": [{"system": INVOICE_SYSTEM, "value": bill.number}],
        "status": "issued",
        "subject": {"reference": patient},
        "recipient": {"reference": patient},
        "lineItem": [
            _line(n, s, part, charges[n - 1] if n <= len(charges) else "")
            for n, (s, part) in enumerate(zip(bill.services, owed, strict=True), 1)
        ],
        "totalNet": _money(sum(owed, ZERO)),
        "totalGross": _money(sum(owed, ZERO)),
    }
    if bill.issued:
        invoice["date"] = bill.issued.isoformat()
    if issuer:
        invoice["issuer"] = {"reference": issuer}
    return invoice


def _line(number: int, service: Service, owed: Decimal, charge: str) -> Resource:
    components = [{"type": "base", "factor": float(service.units), "amount": _money(service.charge)}]
    if service.charge != owed:
        components.append({"type": "deduction", "amount": _money(owed - service.charge)})
    what = (
        {"chargeItemReference": {"reference": charge}}
        if charge
        else {"chargeItemCodeableConcept": _code(service)}
    )
    return {"sequence": number, **what, "priceComponent": components}
