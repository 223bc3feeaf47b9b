"""What a rule is made of: its data, its check, and the two things that a check may answer.

A check is a pure function ``check(view, loaded) -> Outcome``. It returns ``OK`` (an empty tuple), hits, or
``NotChecked`` with what is missing. The registry binds checks to the ids of ``rulebook.toml``::

    @check("ADD-007", codes={"90840"})
    def crisis_base(v: View, k: Loaded) -> Outcome:
        return [hit("...", line) for line in v.lines if ...]

``codes`` names the procedure codes without which the rule has nothing to say; ``needs`` what must be known first
(keys of ``NEEDS``). Both let the scrubber leave the call out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from chartside_billing.rules.loaded import Loaded
    from chartside_billing.rules.view import LineView, View

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)


@dataclass(frozen=True, slots=True)
class Hit:
    """One fault. ``message`` says what is wrong, in plain words and without names; ``where`` the place.

    ``lines`` are the numbers of the lines whose payment is at risk; none: the whole claim. ``severity`` is set
    only where the fault is milder than the rule's own severity. ``mend`` replaces the rule's mend. ``about`` names the
    part at fault where line and place are too coarse to tell two faults apart (a diagnosis code, a modifier).
    """

    message: str
    where: str = ""
    lines: tuple[int, ...] = ()
    severity: str = ""
    mend: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class NotChecked:
    """The rule could not be judged; ``reason`` begins with what to do: "load ...", "needs ..."."""

    reason: str


Outcome: TypeAlias = Sequence[Hit] | NotChecked
CheckFunction: TypeAlias = "Callable[[View, Loaded], Outcome]"

OK: tuple[Hit, ...] = ()

NEEDS: dict[str, NotChecked] = {
    "visit": NotChecked(
        "needs the visit (Encounter): scrub the claim from the EHR, or a Bundle that holds it"
    ),
    "note": NotChecked("needs the visit's note (DocumentReference or Composition)"),
    "minutes": NotChecked("needs the session's minutes (note, Encounter.length or Encounter.period)"),
    "attendance": NotChecked("needs to know who attended (Encounter.participant or the note)"),
    "mode": NotChecked("needs to know how the session was held (Encounter.class, virtual service)"),
    "history": NotChecked(
        "needs the patient's earlier claims: scrub from the EHR, or a Bundle that holds them"
    ),
    "member": NotChecked("needs the patient (2010BA, 2010CA, Claim.patient)"),
    "assignment": NotChecked(
        "needs whether assignment is accepted (an extension of the Claim named assignment); it goes out as A"
    ),
    "covers": NotChecked("needs the patient's other coverages: ask Medicaid (270) who else pays"),
    "visits": NotChecked("needs the patient's earlier visits: scrub from the EHR"),
    "consents": NotChecked("needs the patient's consents: scrub from the EHR with the consent tracker"),
    "plans": NotChecked("needs the patient's treatment plans (CarePlan): scrub from the EHR"),
    "payments": NotChecked("needs the patient's payments (PaymentNotice): scrub from the EHR"),
    "coverage": NotChecked("needs the Coverage: scrub the claim from the EHR, or a Bundle that holds it"),
    "eligibility": NotChecked("load an eligibility answer: ask the payer (270) first"),
    "authorizations": NotChecked("load the payer's authorisations (ClaimResponse, use preauthorization)"),
    "licence": NotChecked(
        "load the clinician's licences (Practitioner.qualification with its period and issuer)"
    ),
    "taxonomy": NotChecked("needs the clinician's taxonomy code (PRV03, PractitionerRole.specialty)"),
    "diagnoses": NotChecked("needs the visit's diagnoses (Condition, Encounter.diagnosis)"),
    "icd": NotChecked("load the ICD-10-CM code set: `chartside billing import icd10 FILE`"),
    "hcpcs": NotChecked("load the procedure code list: `chartside billing import hcpcs FILE`"),
    "ncci": NotChecked("load the NCCI pairs: `chartside billing import ncci-ptp FILE`"),
    "mue": NotChecked("load the MUE table: `chartside billing import mue FILE`"),
    "aoc": NotChecked("load the NCCI add-on code file: `chartside billing import aoc FILE`"),
    "taxonomies": NotChecked("load the NUCC taxonomy: `chartside billing import taxonomy FILE`"),
    "payers": NotChecked("load your clearinghouse's payer list: `chartside billing import payers FILE`"),
    "fees": NotChecked("load your fee schedule: `chartside billing import fees FILE`"),
    "profile": NotChecked("load this payer's profile: add it under [plugins.billing.payers] in the config"),
    "roster": NotChecked(
        "load the payer enrolments of your clinicians: [[plugins.billing.roster]] in the config"
    ),
    "exclusions": NotChecked("load the OIG LEIE/SAM list: exclusions_file in the config"),
    "opt_out": NotChecked("load who opted out of Medicare: opted_out_npis in the config"),
    "telehealth": NotChecked("load the Medicare telehealth list of that year: telehealth_file in the config"),
    "devices": NotChecked("needs the device's monitored days (Device, Observation): scrub from the EHR"),
    "live": NotChecked("say in the payer's profile whether claims go live: live = true or false"),
    "acks": NotChecked(
        "needs the file's acknowledgements (999, 277CA): read them with `chartside billing read`"
    ),
}


def hit(
    message: str, *at: LineView, where: str = "", severity: str = "", mend: str = "", about: str = ""
) -> Hit:
    """A hit on these lines; on the whole claim if none is named. ``where`` defaults to the first line's place."""
    return Hit(
        message,
        where or (at[0].where if at else ""),
        tuple(line.number for line in at if line.own),
        severity,
        mend,
        about,
    )


@dataclass(frozen=True, slots=True)
class Check:
    """A check function with what lets the scrubber skip it."""

    id: str
    function: CheckFunction
    codes: frozenset[str] | None = None
    needs: tuple[str, ...] = ()


CHECKS: dict[str, Check] = {}
"""Every check of the package by rule id; filled when ``chartside_billing.rules`` is imported."""


def check(
    rule_id: str, *, codes: Iterable[str] | None = None, needs: Sequence[str] = ()
) -> Callable[[CheckFunction], CheckFunction]:
    """Bind a function to a rule id. A second one for the same id is a mistake of ours."""

    def bind(function: CheckFunction) -> CheckFunction:
        if rule_id in CHECKS:
            raise ValueError(f"{rule_id}: two checks")
        CHECKS[rule_id] = Check(
            rule_id, function, frozenset(codes) if codes is not None else None, tuple(needs)
        )
        return function

    return bind
