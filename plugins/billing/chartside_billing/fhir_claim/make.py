"""A Claim resource for a visit that has none: Encounter, Condition, Coverage, Appointment, ChargeItem, in memory only.

It goes through the same map as a stored Claim (``x12.bundle``), with status ``unbilled``. What the EHR does not say is
left out, and the rules name it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from chartside.codes import concept
from chartside.types import Resource
from chartside_billing.dates import parse_fhir_date, parse_fhir_instant
from chartside_billing.fhir_claim.charges import is_foreign
from chartside_billing.fhir_claim.pick import codes, each, own, part, reference
from chartside_billing.fhir_claim.visits import icd_of
from chartside_billing.x12.graph import Graph

UNBILLED = "unbilled"
_CPT = "http://www.ama-assn.org/go/cpt"
_ICD = "http://hl7.org/fhir/sid/icd-10-cm"
_POS = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
_SERVICE = re.compile(r"[0-9A-Z][0-9]{3}[0-9A-Z]\Z")


class Fees(Protocol):
    """The practice's fee schedule (``rules.loaded.FeeTable``)."""

    def fee(self, code: str, modifiers: tuple[str, ...], pos: str, on: date) -> Decimal | None:
        """The charge for one unit."""


@dataclass(frozen=True, slots=True)
class Unsaid:
    """What an EHR without Claims does not say: the practice's time zone, its fees, the place of its video visits."""

    zone: str = "UTC"
    fees: Fees | None = None
    video_place: str = ""


def unbilled_claim(
    encounter: Resource, coverages: Iterable[Resource], graph: Graph, unsaid: Unsaid
) -> Resource | None:
    """A Claim for a visit, with the Encounter's id; None for one that is not to be billed to a payer: it has no day,
    or no active Coverage on it."""
    text = str(part(encounter, "period").get("start", ""))
    start = parse_fhir_instant(text)
    day = start.astimezone(ZoneInfo(unsaid.zone)).date() if start else parse_fhir_date(text)
    if day is None:
        return None
    valid = [c for c in coverages if covers(c, day)]
    if not valid:
        return None
    claim: Resource = {
        "resourceType": "Claim",
        "id": encounter.get("id", ""),
        "status": UNBILLED,
        "type": concept("http://terminology.hl7.org/CodeSystem/claim-type", "professional"),
        "use": "claim",
        "patient": encounter.get("subject", {}),
        "created": day.isoformat(),
        "provider": encounter.get("serviceProvider", {}),
        "careTeam": _team(encounter),
        "diagnosis": _diagnoses(encounter, graph),
        "insurance": [
            {"sequence": n, "focal": n == 1, "coverage": {"reference": own(c)}}
            for n, c in enumerate(sorted(valid, key=order_of), 1)
        ],
    }
    item = _item(encounter, graph, day, unsaid)
    claim["item"] = [item]
    if "net" in item:
        claim["total"] = item["net"]
    return claim


def covers(coverage: Resource, day: date) -> bool:
    """Whether an active coverage of a payer holds that day."""
    period = part(coverage, "period")
    start = parse_fhir_date(str(period.get("start", "")))
    end = parse_fhir_date(str(period.get("end", "")))
    insured = coverage.get("status") == "active" and "pay" not in codes(coverage.get("type"))
    return insured and (start is None or start <= day) and (end is None or day <= end)


def order_of(coverage: Resource) -> int:
    """``Coverage.order``; 1 where it is not said."""
    order = coverage.get("order")
    return order if isinstance(order, int) else 1


def _team(encounter: Resource) -> list[dict[str, Any]]:
    people = [p["individual"] for p in each(encounter, "participant") if reference(p.get("individual"))]
    role = concept("http://terminology.hl7.org/CodeSystem/claimcareteamrole", "primary")
    return [{"sequence": n, "provider": who, "role": role} for n, who in enumerate(people[:1], 1)]


def _diagnoses(encounter: Resource, graph: Graph) -> list[dict[str, Any]]:
    conditions = (graph.get(d.get("condition"), encounter) for d in each(encounter, "diagnosis"))
    found = list(dict.fromkeys(icd for c in conditions if (icd := icd_of(c))))
    return [{"sequence": n, "diagnosisCodeableConcept": concept(_ICD, icd)} for n, icd in enumerate(found, 1)]


def _item(encounter: Resource, graph: Graph, day: date, unsaid: Unsaid) -> dict[str, Any]:
    charges = (c for c in graph.of("ChargeItem") if reference(c.get("context")) == own(encounter))
    charge = next((c for c in charges if is_foreign(c)), {})  # ours were made from this very claim
    code = _service(encounter, charge, graph)
    pos = _place(encounter, graph, unsaid.video_place)
    number = part(charge, "quantity").get("value", 1)
    item: dict[str, Any] = {
        "sequence": 1,
        "servicedDate": day.isoformat(),
        "quantity": {"value": number},
        "diagnosisSequence": [1],
        "encounter": [{"reference": own(encounter)}],
    }
    if code:
        item["productOrService"] = concept(_CPT, code)
    if pos:
        item["locationCodeableConcept"] = concept(_POS, pos)
    fee = unsaid.fees.fee(code, (), pos, day) if unsaid.fees and code else None
    money = part(charge, "priceOverride") or (
        {"value": str(fee), "currency": "USD"} if fee is not None else {}
    )
    return item | ({"net": money} if money else {})


def _service(encounter: Resource, charge: Resource, graph: Graph) -> str:
    """The procedure code: of the ChargeItem, else of the Encounter, else of its Appointment; empty if none says it."""
    appointments = (graph.get(a, encounter) for a in each(encounter, "appointment"))
    places = [charge.get("code"), *each(encounter, "type"), encounter.get("serviceType")]
    places += [c for a in appointments for c in each(a, "serviceType")]
    told = (code for place in places for code in codes(place))
    return next((code for code in told if _SERVICE.match(code)), "")


def _place(encounter: Resource, graph: Graph, video_place: str) -> str:
    """A Location's own code; else 11 for an office visit. A video visit's place depends on where the client was."""
    for entry in each(encounter, "location"):
        location = graph.get(entry.get("location"), encounter)
        for kind in each(location, "type"):
            told = [c for c in codes(kind) if len(c) == 2 and c.isdigit()]
            if told:
                return told[0]
    return {"AMB": "11", "VR": video_place}.get(str(part(encounter, "class").get("code")), "")
