"""A claim's lines as ChargeItems, and what makes those that the EHR holds agree with the claims. Nothing is sent here.

``identifier``: the claim's number with the line's (``CHARGE_SYSTEM``), and one that follows from all that the charge
says (``EFFECT_SYSTEM``), by which it is created. A line that says something else later gets another ChargeItem, and the
old one becomes ``entered-in-error``, so that an Invoice which names it keeps its meaning. What was withdrawn here, and
not by a person, has identifiers of ``use`` old: it is restored when its claim says so again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chartside.codes import EFFECT_SYSTEM, concept
from chartside.jobs.ledger import effect_key
from chartside.types import Resource
from chartside_billing.fhir_claim.pick import codes, each, own, reference
from chartside_billing.model import Claim, Line
from chartside_billing.systems import CHARGE_SYSTEM

WITHDRAWN = "entered-in-error"
_CPT = "http://www.ama-assn.org/go/cpt"
_HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"


@dataclass(slots=True)
class Plan:
    """What is to be written, and the ChargeItem of each line that needs nothing, by the line's name (``12-1``)."""

    new: list[Resource] = field(default_factory=list)
    withdrawn: list[Resource] = field(default_factory=list)
    restored: list[Resource] = field(default_factory=list)
    kept: dict[str, Resource] = field(default_factory=dict)


def charges_of(claim: Claim, resource: Resource, practice: str) -> list[Resource | None]:
    """One for each line, in order; None for a line without a code, a day or a charge. ``resource``: the Claim or
    Encounter that the claim was made from."""
    visits = visits_of(claim, resource)
    return [_charge(claim, line, v, resource, practice) for line, v in zip(claim.lines, visits, strict=True)]


def visits_of(claim: Claim, resource: Resource) -> list[str]:
    """The Encounter of each line (a reference); empty where none is named."""
    if resource.get("resourceType") == "Encounter":
        return [own(resource)] * len(claim.lines)
    named = [next((reference(e) for e in each(item, "encounter")), "") for item in each(resource, "item")]
    return (named + [""] * len(claim.lines))[: len(claim.lines)]


def _charge(claim: Claim, line: Line, visit: str, resource: Resource, practice: str) -> Resource | None:
    patient = reference(resource.get("patient") or resource.get("subject"))
    if not (line.code and line.dates.start and line.charge is not None and patient):
        return None
    item: Resource = {
        "resourceType": "ChargeItem",
        "status": "billable",
        "code": concept(_CPT if line.code[:1].isdigit() else _HCPCS, line.code),
        "subject": {"reference": patient},
        **({"context": {"reference": visit}} if visit else {}),
        "occurrenceDateTime": line.dates.start.isoformat(),
        "quantity": {"value": float(line.quantity or 1)},
        "priceOverride": {"value": float(line.charge), "currency": "USD"},
    }
    name = f"{claim.id}-{line.number}"
    key = effect_key(
        practice, "billing", "charge", name, repr(sorted(item.items(), key=lambda pair: pair[0]))
    )
    names = [(CHARGE_SYSTEM, name), (EFFECT_SYSTEM, key)]
    return {**item, "identifier": [{"system": system, "value": value} for system, value in names]}


def name_of(item: Resource) -> str:
    """``12-1``; empty for a ChargeItem that others wrote."""
    return _value(item, CHARGE_SYSTEM)


def key_of(item: Resource) -> str:
    """The identifier that follows from all that it says."""
    return _value(item, EFFECT_SYSTEM)


def _value(item: Resource, system: str) -> str:
    return next((str(i.get("value", "")) for i in each(item, "identifier") if i.get("system") == system), "")


def is_foreign(item: Resource) -> bool:
    """Whether it is a charge that the EHR keeps by itself; a withdrawn one is none."""
    return not name_of(item) and item.get("status") != WITHDRAWN


def foreign(items: Iterable[Resource]) -> dict[str, list[Resource]]:
    """The charges that the EHR keeps by itself, by visit."""
    found: dict[str, list[Resource]] = {}
    for item in items:
        if is_foreign(item):
            found.setdefault(reference(item.get("context")), []).append(item)
    found.pop("", None)
    return found


def same_service(item: Resource, others: Sequence[Resource]) -> Resource | None:
    """The one of ``others`` for the same code."""
    wanted = set(codes(item.get("code")))
    return next((other for other in others if wanted & set(codes(other.get("code")))), None)


def plan(wanted: Iterable[Resource], held: Iterable[Resource], gone: Iterable[str] = ()) -> Plan:
    """``wanted``: the charges as the claims say them now; ``held``: ours in the EHR; ``gone``: names of lines that are
    no more. What somebody else withdrew, or moved on to another status, stays as it is."""
    made = Plan()
    by_name: dict[str, list[Resource]] = {}
    for item in held:
        by_name.setdefault(name_of(item), []).append(item)
    for item in wanted:
        _agree(item, by_name.get(name_of(item), []), made)
    made.withdrawn += [item for name in gone for item in _alive(by_name.get(name, []))]
    made.withdrawn = [_marked(item, WITHDRAWN, {"use": "old"}) for item in made.withdrawn]
    return made


def _agree(item: Resource, held: Sequence[Resource], made: Plan) -> None:
    same = next((old for old in held if key_of(old) == key_of(item)), None)
    others = [old for old in _alive(held) if old is not same]
    if same is None:
        made.new.append(item)
    elif same.get("status") == WITHDRAWN and (others or _withdrawn_here(same)):  # it said so before
        made.restored.append(_marked(same, "billable", {}))
    else:
        made.kept[name_of(item)] = same
    made.withdrawn += others


def _marked(item: Resource, status: str, mark: Mapping[str, str]) -> Resource:
    """Our identifiers say who withdrew it; they are found all the same."""
    names = [
        {**{key: value for key, value in i.items() if key != "use"}, **mark}
        if i.get("system") in {CHARGE_SYSTEM, EFFECT_SYSTEM}
        else i
        for i in each(item, "identifier")
    ]
    return {**item, "status": status, "identifier": names}


def _withdrawn_here(item: Resource) -> bool:
    return any(i.get("system") == EFFECT_SYSTEM and i.get("use") == "old" for i in each(item, "identifier"))


def _alive(items: Iterable[Resource]) -> Iterator[Resource]:
    return (item for item in items if item.get("status") != WITHDRAWN)


def by_name(items: Mapping[str, Resource]) -> dict[str, str]:
    """References of what is stored and stands, by the line's name."""
    return {name: own(item) for name, item in items.items() if item.get("status") != WITHDRAWN}
