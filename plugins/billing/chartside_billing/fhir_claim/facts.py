"""What the EHR says of people, cover and earlier services beyond the 837P. ``None`` stays: not known."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from chartside.codes import CONSENT_TYPE_SYSTEM, ConsentType
from chartside.types import Resource
from chartside_billing.dates import parse_fhir_date
from chartside_billing.fhir_claim.pick import codes, each, own, part, reference
from chartside_billing.model import (
    Authorization,
    Claim,
    CoverageFacts,
    Eligibility,
    PriorClaim,
    ProviderFacts,
    Qualification,
)
from chartside_billing.money import ZERO, parse_amount
from chartside_billing.x12.eligibility import MENTAL_HEALTH

_CONSENTS = {
    ConsentType.PART2_TPO.value: "part2",
    ConsentType.RELEASE.value: "release",
}
_DEAD = frozenset({"entered-in-error", "cancelled", "draft"})


def _span(resource: Any, key: str = "period") -> tuple[date | None, date | None]:
    period = part(resource, key)
    return parse_fhir_date(str(period.get("start", ""))), parse_fhir_date(str(period.get("end", "")))


def provider_facts(practitioner: Resource) -> ProviderFacts:
    """Licences with a period or an issuing place count; a bare degree ("LCSW") is a credential, no licence."""
    names = next(each(practitioner, "name"), {})
    suffixes = names.get("suffix")
    degrees = [str(part(q, "code").get("text", "")) for q in each(practitioner, "qualification")]
    shown = [str(s) for s in suffixes] if isinstance(suffixes, list) else []
    active = practitioner.get("active")
    return ProviderFacts(
        qualifications=_licences(practitioner) or None,
        active=active if isinstance(active, bool) else None,
        credential=next((text for text in [*shown, *degrees] if text), ""),
    )


def _licences(practitioner: Resource) -> list[Qualification]:
    found = []
    for entry in each(practitioner, "qualification"):
        start, end = _span(entry)
        number = next((str(i.get("value", "")) for i in each(entry, "identifier")), "")
        if start or end or number:
            code = next(iter(codes(entry.get("code"))), str(part(entry, "code").get("text", "")))
            found.append(Qualification(_issuing_state(entry), code, number, start, end))
    return found


def _issuing_state(entry: dict[str, Any]) -> str:
    """The state in ``issuer``'s display or identifier, where that is two capital letters; else empty."""
    shown = str(part(entry, "issuer").get("display", ""))
    return shown if len(shown) == 2 and shown.isupper() else ""


def coverage_facts(coverage: Resource, filing: str) -> CoverageFacts:
    """Status, period and kind of a Coverage. ``filing``: SBR09 as the map reads it, ``ZZ`` if it tells nothing."""
    start, end = _span(coverage)
    kinds = codes(coverage.get("type"))
    return CoverageFacts(
        status=str(coverage["status"]) if coverage.get("status") else None,
        start=start,
        end=end,
        kind=filing if filing != "ZZ" else None,
        is_eap="EAP" in kinds,
        ref=own(coverage),
    )


def eligibility(coverage: str, responses: Iterable[Resource]) -> Eligibility | None:
    """The newest answer on a Coverage (a reference); None if nobody asked."""
    mine = [
        (day, entry)
        for response in responses
        if str(response.get("status")) not in _DEAD
        and (day := parse_fhir_date(str(response.get("created", ""))))
        for entry in each(response, "insurance")
        if reference(entry.get("coverage")) == coverage
    ]
    if not mine:
        return None
    day, entry = max(mine, key=lambda pair: pair[0])
    items = list(each(entry, "item"))
    health = [item for item in items if MENTAL_HEALTH & set(codes(item.get("category")))]
    active = entry.get("inforce")
    return Eligibility(
        checked=day,
        active=active if isinstance(active, bool) else None,
        mental_health=any(item.get("excluded") is not True for item in health) if health else None,
        authorization_required=frozenset(
            code
            for item in items
            if item.get("authorizationRequired") is True
            for code in codes(item.get("productOrService"))
        ),
    )


def authorizations(responses: Iterable[Resource]) -> list[Authorization] | None:
    """Approvals of a patient: ClaimResponse with use preauthorization; None if there are none."""
    found = []
    for response in responses:
        number = response.get("preAuthRef")
        if response.get("use") == "preauthorization" and isinstance(number, str) and number:
            start, end = _span(response, "preAuthPeriod")
            found.append(Authorization(number=number, start=start, end=end))
    return found or None


def plan_periods(plans: Iterable[Resource]) -> list[tuple[date | None, date | None]]:
    """Periods of CarePlans that hold or held."""
    return [_span(plan) for plan in plans if str(plan.get("status")) in {"active", "completed", "on-hold"}]


def consents(found: Iterable[Resource], day: date | None = None) -> frozenset[str]:
    """Kinds of consent in force (on ``day``) that matter for claims, as the rules name them."""
    kinds = {
        _CONSENTS.get(code, "")
        for consent in found
        if consent.get("status") == "active" and not _ended(consent, day)
        for category in each(consent, "category")
        for code in codes(category, CONSENT_TYPE_SYSTEM)
    }
    return frozenset(kinds - {""})


def refusals(found: Iterable[Resource], kept: frozenset[str], payer: str, day: date | None) -> frozenset[str]:
    """``no-`` with each kind that was refused, was taken back, or had ended on ``day``, where ``kept`` has none of it.

    A release speaks here only if it is to this payer (a reference), to nobody by name, or for payment: who takes back
    a release to a school has not refused the plan. An assignment of benefits has no code of Chartside's, and is told by
    the words of its category.
    """
    ended = {kind for consent in found if _ended(consent, day) for kind in _refused_kinds(consent, payer)}
    return frozenset(f"no-{kind}" for kind in ended - kept)


def _ended(consent: Resource, day: date | None) -> bool:
    if consent.get("status") in {"inactive", "rejected"}:
        return True
    provision = part(consent, "provision")
    end = _span(provision)[1]
    over = end is not None and day is not None and end < day
    return consent.get("status") == "active" and (provision.get("type") == "deny" or over)


def _refused_kinds(consent: Resource, payer: str) -> set[str]:
    told = {code for category in each(consent, "category") for code in codes(category, CONSENT_TYPE_SYSTEM)}
    kinds = {_CONSENTS.get(code, "") for code in told} - {""}
    words = " ".join(_words(category) for category in each(consent, "category")).lower()
    kinds |= {"assignment"} if "assignment of benefits" in words else set()
    provision = part(consent, "provision")
    actors = {reference(actor.get("reference")) for actor in each(provision, "actor")}
    purposes = {str(purpose.get("code", "")) for purpose in each(provision, "purpose")}
    ours = not actors or payer in actors or "HPAYMT" in purposes
    return kinds if ours else kinds - {"release"}


def _words(concept: Resource) -> str:
    texts = [concept.get("text"), *(coding.get("display") for coding in each(concept, "coding"))]
    return " ".join(str(text) for text in texts if text)


def prior_claim(claim: Claim, answer: Resource | None) -> PriorClaim:
    """An earlier claim, with what a ClaimResponse says became of it."""
    rendering = claim.rendering or claim.billing
    payer = claim.insurance.payer
    return PriorClaim(
        id=claim.id,
        status=_became(claim, answer),
        claim_number=next((str(i.get("value", "")) for i in each(answer or {}, "identifier")), ""),
        created=claim.created,
        payer_id=payer.id if payer else "",
        lines=claim.lines,
        rendering_npi=rendering.npi if rendering else "",
        billing_npi=claim.billing.npi if claim.billing else "",
        billing_tax_id=claim.billing.tax_id if claim.billing else "",
        total=claim.total,
    )


def _became(claim: Claim, answer: Resource | None) -> str:
    if claim.status in _DEAD:
        return claim.status
    outcome = (answer or {}).get("outcome")
    if answer is not None and outcome in {"complete", "partial"} and _denied(answer):
        return "denied"
    if outcome == "complete":
        return "paid" if part(answer or {}, "payment") else "accepted"
    return {"error": "rejected", "partial": "accepted", "queued": "open"}.get(str(outcome), "")


def _denied(answer: Resource) -> bool:
    """Whether a payer that decided on a claim allowed nothing of it, as the answer says in words, or by amounts
    (``eligible``: what the plan would pay from). Nothing paid is no denial: it may be the deductible."""
    if "denied" in str(answer.get("disposition", "")).lower():
        return not _amount(part(part(answer, "payment"), "amount"))
    allowed = [
        _amount(part(entry, "amount"))
        for entries in (
            [*each(answer, "adjudication")],
            *([*each(i, "adjudication")] for i in each(answer, "item")),
        )
        for entry in entries
        if "eligible" in codes(entry.get("category"))
    ]
    return bool(allowed) and not any(allowed)


def _amount(money: Resource) -> Decimal:
    return parse_amount(str(money.get("value", ""))) or ZERO


def claim_answers(responses: Iterable[Resource]) -> dict[str, Resource]:
    """ClaimResponses to claims (not to preauthorisations) by the Claim's reference."""
    return {
        name: response
        for response in responses
        if response.get("use", "claim") == "claim" and str(response.get("status")) not in _DEAD
        if (name := reference(response.get("request")))
    }
