"""Eligibility: a 270 asks, a 271 answers. x12sdk (Apache-2.0) reads both; the FHIR side is CoverageEligibility*."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from chartside.codes import EFFECT_SYSTEM
from chartside.errors import ConfigError, InputError
from chartside.jobs.ledger import effect_key
from chartside.types import Resource
from chartside_billing.dates import parse_ccyymmdd
from chartside_billing.money import dollars, parse_amount
from chartside_billing.x12.envelope import only_kind
from chartside_billing.x12.segments import load

MENTAL_HEALTH = frozenset({"MH", "A4", "A6", "A7", "A8", "CE", "CF", "CG", "CH"})
"""Service types (EB03) of behavioural health; facts of 005010X279A1."""
_SERVICE_SYSTEM = "https://x12.org/codes/service-type-codes"
_BENEFITS = {
    "1": "active",
    "2": "active, full risk capitation",
    "3": "active, services capitated",
    "4": "active, services capitated to primary care",
    "5": "active, pending investigation",
    "6": "inactive",
    "7": "inactive, pending eligibility update",
    "8": "inactive, pending investigation",
    "A": "co-insurance",
    "B": "co-payment",
    "C": "deductible",
    "F": "limits",
    "G": "out of pocket maximum",
    "I": "not covered",
    "CB": "coverage basis",
}


@dataclass(slots=True)
class Benefit:
    """One EB."""

    kind: str
    service_types: tuple[str, ...] = ()
    amount: Decimal | None = None
    percent: Decimal | None = None
    authorization_required: bool | None = None
    in_network: bool | None = None


@dataclass(slots=True)
class EligibilityAnswer:
    """What a 271 says of one member. ``rejections`` are raw AAA03 codes."""

    trace: str = ""
    payer_id: str = ""
    member_id: str = ""
    last: str = ""
    first: str = ""
    birth_date: date | None = None
    benefits: list[Benefit] = field(default_factory=list)
    rejections: list[str] = field(default_factory=list)
    where: str = ""

    @property
    def active(self) -> bool | None:
        """Whether cover is active; None if the answer does not say."""
        kinds = {benefit.kind for benefit in self.benefits}
        return True if kinds & {"1", "2", "3", "4", "5"} else False if kinds & {"6", "7", "8"} else None

    @property
    def mental_health(self) -> bool | None:
        """Whether behavioural services are covered; None if none of their service types is named."""
        named = [b for b in self.benefits if MENTAL_HEALTH & set(b.service_types)]
        if not named:
            return None
        return any(b.kind not in {"6", "7", "8", "I"} for b in named)


def check_form(source: bytes | str | Path) -> None:
    """Let x12sdk judge a 270 or 271. Raises InputError with the place, ConfigError if it is not installed."""
    try:
        from pydantic import ValidationError
        from x12sdk.io import X12ModelReader
    except ImportError:
        raise ConfigError(
            "billing", "x12sdk is not installed", mend="pip install 'chartside[billing]'"
        ) from None
    try:
        with X12ModelReader(load(source)) as reader:
            for _ in reader.models():
                pass
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InputError(f"x12sdk refuses the file at {where}") from None
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise InputError(f"x12sdk cannot read the file ({type(error).__name__})") from None


def read_271(source: bytes | str | Path) -> list[EligibilityAnswer]:
    """Every member's answer. The segments are read here, so that a file which x12sdk refuses can still be shown."""
    found: list[EligibilityAnswer] = []
    for interchange, _, transaction in only_kind(source, "271"):
        component, repetition = interchange.delimiters.component, interchange.delimiters.repetition or "^"
        payer, current = "", None
        for seg in transaction.body:
            if seg.id == "NM1" and seg.get(1) == "PR":
                payer = seg.get(9)
            elif seg.id == "HL" and seg.get(3) in {"22", "23"}:
                current = EligibilityAnswer(payer_id=payer, where=seg.where)
                found.append(current)
            elif seg.id == "AAA" and current is None:
                found.append(EligibilityAnswer(payer_id=payer, rejections=[seg.get(3)], where=seg.where))
            elif current is not None:
                _step(seg, current, component, repetition)
    return [a for a in found if a.benefits or a.rejections or a.member_id]


def _step(seg: Any, answer: EligibilityAnswer, component: str, repetition: str) -> None:
    if seg.id == "NM1" and seg.get(1) in {"IL", "03"}:
        answer.last, answer.first, answer.member_id = seg.get(3), seg.get(4), seg.get(9)
    elif seg.id == "TRN" and (seg.get(1) == "2" or not answer.trace):  # 2: the trace of our own question
        answer.trace = seg.get(2)
    elif seg.id == "DMG":
        answer.birth_date = parse_ccyymmdd(seg.get(2))
    elif seg.id == "AAA":
        answer.rejections.append(seg.get(3))
    elif seg.id == "EB":
        flags = {"Y": True, "N": False}
        services = tuple(s for s in seg.get(3).split(repetition) if s)
        authorised, network = flags.get(seg.get(11)), flags.get(seg.get(12))
        benefit = Benefit(
            seg.get(1), services, parse_amount(seg.get(7)), parse_amount(seg.get(8)), authorised, network
        )
        answer.benefits.append(benefit)


def describe(answer: EligibilityAnswer) -> Iterator[str]:
    """In plain words, without the name."""
    state = {True: "active", False: "not active", None: "not said"}[answer.active]
    health = {True: "covered", False: "not covered", None: "not said"}[answer.mental_health]
    yield f"Eligibility at payer {answer.payer_id}: cover {state}, behavioural health {health}, trace {answer.trace}"
    for code in answer.rejections:
        yield f"  the payer could not answer: reason {code}"
    for benefit in answer.benefits:
        services = " ".join(benefit.service_types) or "all"
        amount = f" {dollars(benefit.amount)}" if benefit.amount is not None else ""
        percent = f" {benefit.percent * 100:.0f} %" if benefit.percent is not None else ""
        need = ", authorisation required" if benefit.authorization_required else ""
        yield f"  {_BENEFITS.get(benefit.kind, 'benefit ' + benefit.kind)} for {services}:{amount}{percent}{need}"


def to_response(answer: EligibilityAnswer, request: Resource, *, created: datetime) -> Resource:
    """A CoverageEligibilityResponse to our CoverageEligibilityRequest (a stored resource with its id).

    Its identifier follows from the request: writing it twice writes it once.
    """
    items = [_item(benefit) for benefit in answer.benefits]
    asked = request["insurance"][0] if isinstance(request["insurance"], list) else request["insurance"]
    insurance: Resource = {"coverage": asked["coverage"], "item": items}
    if answer.active is not None:
        insurance["inforce"] = answer.active
    response: Resource = {
        "resourceType": "CoverageEligibilityResponse",
        "identifier": [{"system": EFFECT_SYSTEM, "value": effect_key("billing", "271", request["id"])}],
        "status": "active",
        "purpose": ["benefits"],
        "patient": request["patient"],
        "created": created.isoformat(timespec="seconds"),
        "request": {"reference": f"CoverageEligibilityRequest/{request['id']}"},
        "outcome": "error" if answer.rejections else "complete",
        "insurer": request["insurer"],
        "insurance": [insurance],
    }
    if answer.rejections:
        response["error"] = [{"code": {"text": f"271 AAA03 {code}"}} for code in answer.rejections]
    return response


def _item(benefit: Benefit) -> Resource:
    item: Resource = {"name": _BENEFITS.get(benefit.kind, f"EB01 {benefit.kind}")}
    if benefit.service_types:
        item["category"] = {"coding": [{"system": _SERVICE_SYSTEM, "code": s} for s in benefit.service_types]}
    if benefit.kind == "I":
        item["excluded"] = True
    if benefit.authorization_required is not None:
        item["authorizationRequired"] = benefit.authorization_required
    if benefit.amount is not None:
        money = {"value": float(benefit.amount), "currency": "USD"}
        item["benefit"] = [{"type": {"text": item["name"]}, "allowedMoney": money}]
    return item


def to_request(
    patient: str, provider: str, insurer: str, coverage: str, *, created: datetime, day: date
) -> Resource:
    """A CoverageEligibilityRequest; the four are references."""
    return {
        "resourceType": "CoverageEligibilityRequest",
        "status": "active",
        "purpose": ["benefits"],
        "patient": {"reference": patient},
        "servicedDate": day.isoformat(),
        "created": created.isoformat(timespec="seconds"),
        "provider": {"reference": provider},
        "insurer": {"reference": insurer},
        "insurance": [{"focal": True, "coverage": {"reference": coverage}}],
    }
