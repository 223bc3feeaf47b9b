"""PRV-007 to PRV-014: whether they may: licence, enrolment, scope, supervision."""

from __future__ import annotations

from datetime import date

from chartside_billing.model import ProviderFacts
from chartside_billing.rules.base import NEEDS, OK, WARNING, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import (
    EM,
    MFT_MHC,
    PRESCRIBER_ONLY,
    PRESCRIBING_PSYCHOLOGIST,
    STUDENT,
    TECHNICIAN_TESTING,
    TESTING_PROFESSIONAL,
    is_physician,
    is_prescriber,
    is_psychologist,
    is_social_worker,
    is_therapist,
)
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.prv import parties
from chartside_billing.rules.view import LineView, View


def licensed(facts: ProviderFacts, day: date, state: str) -> bool:
    """Whether a licence (or compact privilege) covers the day, and the state if one is given."""
    if state and facts.compact_states and state in facts.compact_states:
        return True
    return any(
        (q.start is None or q.start <= day)
        and (q.end is None or day <= q.end)
        and (not state or not q.state or q.state == state)
        for q in facts.qualifications or []
    )


@check("PRV-007", needs=("licence",))
def licence(v: View, k: Loaded) -> Outcome:
    """A licence of the rendering provider covers the day."""
    hits: list[Hit] = []
    unknown = False
    for line in v.lines:
        facts = line.provider.facts if line.provider else None
        if facts is None or facts.qualifications is None or line.day is None:
            unknown = True
            continue
        unknown = unknown or not any(q.start or q.end for q in facts.qualifications)
        if facts.active is False:
            hits.append(hit("The rendering provider is not active", line, about="active"))
        elif not licensed(facts, line.day, ""):
            hits.append(hit("No licence of the rendering provider covers the date of service", line))
        elif (state := _state_of(v, line)) and not licensed(facts, line.day, state):
            hits.append(
                hit(f"No licence of the rendering provider is of {state}, where the patient was", line)
            )
    return hits if hits or not unknown else NEEDS["licence"]


def patient_state(v: View, line: LineView) -> str:
    """Where the patient was: as the visit says, else the home address for a visit at home (POS 10, 12)."""
    if line.visit is not None and line.visit.patient_state:
        return line.visit.patient_state
    address = v.member.address if v.member else None
    return address.state if address is not None and line.pos in {"10", "12"} else ""


def _state_of(v: View, line: LineView) -> str:
    """Where the patient was: as the visit says, else the practice's state for a visit in person; empty: unknown."""
    if state := patient_state(v, line):
        return state
    remote = line.pos in {"02", "10"} or (
        line.visit is not None and line.visit.mode in {"video", "audio", "virtual"}
    )
    place = v.billing.address if v.billing else None
    return "" if remote or place is None or v.claim.facility is not None else place.state


@check("PRV-008")
def enrolled(v: View, k: Loaded) -> Outcome:
    """On the payer's roster that day."""
    payer, history = v.insurance.payer, v.claim.history
    if k.roster is None and history is not None and history.enrollment is not None:
        start, end, active = history.enrollment
        return [
            hit("The rendering provider's role at this payer does not cover the date of service", line)
            for line in v.lines
            if line.day and (not active or (start and line.day < start) or (end and line.day > end))
        ]
    if k.roster is None or payer is None:
        return NEEDS["roster"]
    roster, payer_id = k.roster, payer.id
    if not roster.knows(payer_id):
        return NEEDS["roster"]
    return [
        hit(
            "The rendering provider is not enrolled with this payer on the date of service",
            line,
            where="2310B NM109",
        )
        for line in v.lines
        if line.day and line.npi and not roster.enrolled(payer_id, line.npi, line.day)
    ]


@check("PRV-009")
def mft_mhc(v: View, k: Loaded) -> Outcome:
    """Medicare knows marriage and family therapists and mental health counsellors since 2024."""
    if not v.medicare:
        return OK
    start = date(2024, 1, 1)
    hits = [
        hit(
            "Medicare pays marriage and family therapists and mental health counsellors from 2024-01-01 only",
            line,
        )
        for line in v.lines
        if line.day and line.day < start and v.taxonomy_of(line) in MFT_MHC
    ]
    taxonomies = {v.taxonomy_of(line) for line in v.lines}
    if hits or not (taxonomies & MFT_MHC or "" in taxonomies):
        return hits
    if not taxonomies & MFT_MHC:
        return NEEDS["taxonomy"]
    payer = v.insurance.payer  # whether they are enrolled is judged by PRV-008
    return OK if k.roster is not None and payer and k.roster.knows(payer.id) else NEEDS["roster"]


@check("PRV-010")
def associates(v: View, k: Loaded) -> Outcome:
    """Associates do not stand as rendering provider unless the payer lets them."""
    if v.profile is not None and v.profile.associates_may_render:
        return OK
    hits = []
    known = False
    for line in v.lines:
        provider = line.provider
        facts = provider.facts if provider else None
        known = (
            known
            or bool(provider and provider.taxonomy)
            or (facts is not None and facts.pre_licensed is not None)
        )
        if v.taxonomy_of(line) == STUDENT or (facts is not None and facts.pre_licensed):
            supervised = v.claim.supervising is not None and bool(v.claim.supervising.npi)
            text = "The rendering provider is an associate or intern without an own licence"
            hits.append(hit(text, line, severity="warning" if supervised else ""))
    return hits if hits or known else NEEDS["taxonomy"]


@check("PRV-011", codes=PRESCRIBER_ONLY | TESTING_PROFESSIONAL | TECHNICIAN_TESTING)
def scope(v: View, k: Loaded) -> Outcome:
    """Medical services by prescribers, testing by those who may test."""
    hits: list[Hit] = []
    known = True
    for line in v.lines:
        code, taxonomy_code = line.code, v.taxonomy_of(line)
        if (
            code not in PRESCRIBER_ONLY
            and code not in TESTING_PROFESSIONAL
            and code not in TECHNICIAN_TESTING
        ):
            continue
        if not taxonomy_code:
            known = False
        elif code in PRESCRIBER_ONLY and code != "99211" and _may_not_prescribe(taxonomy_code):
            what = "An E/M service" if code in EM else "A service with medical decisions"
            hits.append(hit(f"{what} ({code}) is billed for a clinician who does not prescribe", line))
        elif code in TESTING_PROFESSIONAL and _may_not_test(v, taxonomy_code):
            hits.append(
                hit(f"Test evaluation ({code}) is outside this clinician's scope for this payer", line)
            )
        elif code in TESTING_PROFESSIONAL and taxonomy_code.startswith(_MASTERS):
            text = f"Test evaluation ({code}): most plans pay psychologists and physicians only"
            mend = "Ask the payer whether this licence may test; else it is a psychologist's service."
            hits.append(hit(text, line, severity=WARNING, mend=mend))
        elif code in TECHNICIAN_TESTING and taxonomy_code.startswith(("106S", "247", "246")):
            hits.append(
                hit(f"Technician testing ({code}) is billed under the technician, not the supervisor", line)
            )
    return hits if hits or known else NEEDS["taxonomy"]


_MASTERS = ("104", "101Y", "106H")
"""Social workers, counselors, marriage and family therapists."""


def _may_not_prescribe(taxonomy_code: str) -> bool:
    return is_therapist(taxonomy_code) and taxonomy_code != PRESCRIBING_PSYCHOLOGIST


def _may_not_test(v: View, taxonomy_code: str) -> bool:
    if taxonomy_code.startswith(("106S", "106E", "103K")):
        return True
    return v.medicare and (is_social_worker(taxonomy_code) or taxonomy_code.startswith(("101Y", "106H")))


@check("PRV-012")
def mandatory_assignment(v: View, k: Loaded) -> Outcome:
    """CLM07=A for those who must accept Medicare's assignment."""
    told = "assignment" not in v.claim.assumed
    if not v.medicare or (told and v.claim.assignment == "A"):
        return OK
    taxonomies = {v.taxonomy_of(line) for line in v.lines}
    if any(t and (is_therapist(t) or (is_prescriber(t) and not t.startswith("20"))) for t in taxonomies):
        text = "This kind of clinician must accept assignment for Medicare (CLM07=A)"
        return [hit(text, where="2300 CLM07")] if told else NEEDS["assignment"]
    return OK if all(taxonomies) else NEEDS["taxonomy"]


@check("PRV-013")
def exclusions(v: View, k: Loaded) -> Outcome:
    """On no exclusion list."""
    if k.excluded_npis is None:
        return NEEDS["exclusions"]
    excluded = k.excluded_npis
    return [
        hit(f"The {role} is on the loaded exclusion list", where=party.where or role)
        for role, party in parties(v)
        if party.npi in excluded
    ]


@check("PRV-014")
def supervisor(v: View, k: Loaded) -> Outcome:  # noqa: PLR0911 - one for each answer
    """A supervisor with an NPI who is somebody else, where the service was supervised."""
    claim = v.claim
    party = claim.supervising
    if party is not None:
        where = party.where or "2310D NM1*DQ"
        if not party.npi:
            return [hit("The supervising provider's NPI is missing", where=where)]
        if party.entity == "2":
            return [hit("The supervising provider is an organisation; it must be a person", where=where)]
        rendering_npi = v.rendering.npi if v.rendering else ""
        if party.npi == rendering_npi:
            return [hit("The supervising provider is the rendering provider", where=where)]
        return OK
    facts = v.rendering.facts if v.rendering else None
    if v.taxonomy == STUDENT or (facts is not None and facts.pre_licensed):
        return [
            hit("A supervised clinician gave the service, and no supervisor is named", where="2310D NM1*DQ")
        ]
    if facts is None and not v.taxonomy:
        return NotChecked(
            "needs to know whether the clinician works under supervision (PractitionerRole.code)"
        )
    return OK


_GRADUATE = ("20", "103T", "103G", "1041C", "106H", "363L", "364S")
"""Professions that take a master's degree or more."""


def is_same_kind(taxonomy_code: str, modifier: str) -> bool:
    """Whether a level-of-education or profession modifier can be true of this taxonomy (INC-003)."""
    if modifier == "AH":
        return is_psychologist(taxonomy_code)
    if modifier == "AJ":
        return is_social_worker(taxonomy_code)
    if modifier == "SA":
        return is_prescriber(taxonomy_code)
    if modifier == "AF":
        return is_physician(taxonomy_code)
    if modifier in {"HN", "HM"}:
        return not taxonomy_code.startswith(_GRADUATE)
    return modifier != "HO" or not is_physician(taxonomy_code)
