"""AUT: authorisations and referrals."""

from __future__ import annotations

from decimal import Decimal

from chartside_billing.codes.npi import npi_valid
from chartside_billing.model import Authorization
from chartside_billing.rules.base import NEEDS, OK, Hit, Outcome, check, hit
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View

_ASK_PLAN = "Ask the plan, add the referral, or say referral_required = false in its profile."
_REFERRAL_PLANS = frozenset({"HM", "CH", "VA"})


@check("AUT-001")
def number(v: View, k: Loaded) -> Outcome:
    """REF*G1 where the payer or its eligibility answer asks for it."""
    answer = v.insurance.eligibility
    asked: frozenset[str] | None = answer.authorization_required if answer else None
    if v.profile is not None and v.profile.authorization_codes is not None:
        asked = (asked or frozenset()) | v.profile.authorization_codes
    if v.claim.prior_authorization:
        return OK
    if asked is None:
        return NEEDS["profile"]
    return [
        hit(f"{line.code} needs an authorisation, and the claim has no number", line, where="2300 REF*G1")
        for line in v.lines
        if line.code in asked and not line.line.prior_authorization
    ]


@check("AUT-002")
def valid(v: View, k: Loaded) -> Outcome:
    """The authorisation covers date, code, provider, and has units left."""
    if not v.claim.prior_authorization and not any(line.line.prior_authorization for line in v.lines):
        return OK
    approved = v.insurance.authorizations
    if approved is None:
        return NEEDS["authorizations"]
    hits: list[Hit] = []
    by_number = {one.number: one for one in approved}
    units: dict[str, Decimal] = {}
    for line in v.lines:
        wanted = line.line.prior_authorization or v.claim.prior_authorization
        one = by_number.get(wanted)
        if one is None:
            hits.append(
                hit("The authorisation number is not among those that the payer gave", line, where="REF*G1")
            )
            continue
        if one.codes and line.code not in one.codes:
            hits.append(hit(f"The authorisation does not cover {line.code}", line, where="REF*G1"))
        if line.day and ((one.start and line.day < one.start) or (one.end and line.day > one.end)):
            hits.append(hit("The authorisation does not cover the date of service", line, where="REF*G1"))
        if (
            one.provider_npi
            and line.npi
            and one.provider_npi not in {line.npi, v.billing.npi if v.billing else ""}
        ):
            hits.append(hit("The authorisation is for another provider", line, where="REF*G1"))
        units[wanted] = units.get(wanted, Decimal(0)) + (line.line.quantity or Decimal(0))
    hits.extend(
        hit("The authorisation has too few units left for this claim", where="REF*G1", about="units")
        for wanted, used in units.items()
        if _exceeds(by_number[wanted], used)
    )
    return hits


def _exceeds(one: Authorization, used: Decimal) -> bool:
    return one.units is not None and used > one.units - (one.used or Decimal(0))


@check("AUT-003")
def referral(v: View, k: Loaded) -> Outcome:  # noqa: PLR0911 - one for each answer
    """REF*9F or a referring provider where the plan works by referral."""
    asked = v.profile.referral_required if v.profile is not None else None
    if asked is False or not (asked or v.filing in _REFERRAL_PLANS):
        return OK
    if not asked and v.insurance.payer is not None and "CHAMPVA" in v.insurance.payer.last.upper():
        return OK  # 38 CFR 17.273 asks for none
    if v.claim.referral or v.claim.referring is not None:
        return OK
    if (
        v.filing in {"VA", "CH"} and v.claim.prior_authorization
    ):  # their number is referral and authorisation in one
        return OK
    if any(line.line.referral or line.line.referring for line in v.lines):
        return OK
    if asked or v.filing == "VA":
        text = "This plan wants a referral: neither number nor referring provider is sent"
        return [hit(text, where="2300 REF*9F")]
    text = "Many plans of this kind want a referral: neither number nor referring provider is sent"
    return [hit(text, where="2300 REF*9F", severity="warning", mend=_ASK_PLAN)]


@check("AUT-004")
def referring(v: View, k: Loaded) -> Outcome:
    """A person with a valid NPI, and another than the rendering provider."""
    party = v.claim.referring
    if party is None:
        return OK
    where = party.where or "2310A NM1*DN"
    if party.entity == "2":
        return [hit("The referring provider is an organisation; it must be a person", where=where)]
    if not party.npi or not npi_valid(party.npi):
        return [hit("The referring provider has no valid NPI", where=where)]
    if v.rendering is not None and party.npi == v.rendering.npi:
        return [hit("The referring provider is the rendering provider", where=where)]
    return OK


@check("AUT-005")
def assistance(v: View, k: Loaded) -> Outcome:
    """An EAP's sessions and its modifier."""
    facts = v.insurance.coverage
    is_eap = bool(facts and facts.is_eap) or bool(v.profile and v.profile.eap)
    marked = [line for line in v.lines if "HJ" in line.modifiers]
    if not is_eap:
        if marked and (facts is not None or v.profile is not None):
            return [hit("HJ (employee assistance programme), but the coverage is no EAP", *marked)]
        return OK if not marked else NEEDS["coverage"]
    hits: list[Hit] = []
    if v.profile is not None and v.profile.eap_modifier:
        hits = [hit("This EAP wants modifier HJ", line) for line in v.lines if "HJ" not in line.modifiers]
    for one in v.insurance.authorizations or []:
        used = sum((line.line.quantity or Decimal(0) for line in v.lines), Decimal(0))
        if one.units is not None and _exceeds(one, used):
            hits.append(hit("More sessions than the EAP approved", where="REF*G1"))
    return hits if hits or v.insurance.authorizations is not None else NEEDS["authorizations"]
