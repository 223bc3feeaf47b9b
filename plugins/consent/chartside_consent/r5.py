"""An R5 Consent turned into the R4 form that the compiler reads (C-16).

R5 has no ``provision.type``: ``decision`` is the default, and a provision is "an exception to the base policy", nested
ones exceptions to that; so the direction alternates with the depth. HL7's examples (OrgToOrg, Emergency, notLabs) and
the pairs of the open LEAP engine are written that way, and so it is read here.

But the short name of the same element says "Constraints to the base", and consents turned from R4 element by element
mean that: what stood at R4's root now stands in the one provision. Where the exception would make no sense it is one:

- *permit* but not for treatment, payment or operations; but not normal data; but not anything (a provision that holds
  nothing but others). Where several stand side by side, only those for care are.
- *permit* in an authorisation (release, AI use, research ...) whose provision names recipients, purposes or actions:
  what an authorisation names is what it allows.
- Consents that claim a profile of IHE PCF and name purposes, which PCF puts at the root.

Where both make sense (care and a recipient: "only to them", or "not to them"? *deny* and research alone: nothing but
research, or a refusal of it?), nothing is guessed: ``EITHER``. A provision that has kept its ``type`` needs none of
this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chartside.codes import ACT_REASON_SYSTEM, CONFIDENTIALITY_SYSTEM, ConsentType
from chartside.types import Resource

from .reading import Murky, codings, loose
from .vocabulary import TPO, Key, broader, types

_ONLY_R5 = frozenset(
    [
        "decision",
        "subject",
        "date",
        "grantor",
        "grantee",
        "manager",
        "controller",
        "regulatoryBasis",
        "policyBasis",
        "policyText",
        "period",
    ]
)
EITHER = "either"
"""Stands for the type of a provision that can be read as a limit to the decision or as an exception to it."""

_GENERAL = frozenset({ConsentType.PRIVACY, ConsentType.TREATMENT, ConsentType.TELEHEALTH})
"""Consents that speak about care or data at large; all others authorise something that they name."""

_OTHER = {"permit": "deny", "deny": "permit"}
_OPT = {"OPTIN": "permit", "OPTINR": "permit", "OPTOUT": "deny", "OPTOUTE": "deny"}
_PCF = "https://profiles.ihe.net/ITI/PCF/"
_SILENT = frozenset(["id", "extension", "period", "provision"])
"""Elements of a provision that are no criteria."""

_CARE = TPO | {(ACT_REASON_SYSTEM, code) for code in ("ETREAT", "BTG")}
_NORMAL = frozenset((CONFIDENTIALITY_SYSTEM, code) for code in "ULMN")
_RESEARCH: Key = (ACT_REASON_SYSTEM, "HRESCH")


def is_r5(consent: Mapping[str, Any]) -> bool:
    """Whether the resource is written in R5."""
    return isinstance(consent.get("provision"), list) or not _ONLY_R5.isdisjoint(consent)


def to_r4(consent: Mapping[str, Any]) -> Resource:
    """The same consent with R4's elements; ``period`` stays at the top and bounds the whole."""
    form = {key: value for key, value in consent.items() if key not in _ONLY_R5 or key == "period"}
    for new, old in (("subject", "patient"), ("date", "dateTime"), ("controller", "organization")):
        if new in consent:
            form[old] = consent[new]
    if people := consent.get("grantor") or consent.get("grantee"):
        form["performer"] = people
    if "policyBasis" in consent:
        form["policy"] = consent["policyBasis"]
    basis = consent.get("regulatoryBasis")
    if isinstance(basis, list) and basis:
        form["policyRule"] = basis[0]
    decision = consent.get("decision") or next((_OPT[c] for c in _codes(basis) if c in _OPT), None)
    provisions = consent.get("provision", [])
    provisions = provisions if isinstance(provisions, list) else [provisions]
    form["provision"] = _Reader(consent).root(decision, provisions)
    if consent.get("decision"):
        form.pop("policyRule", None)
    return form


class _Reader:
    """Finds out what the provisions of one consent mean."""

    def __init__(self, consent: Mapping[str, Any]) -> None:
        meta = consent.get("meta")
        profiles = meta.get("profile") if isinstance(meta, Mapping) else None
        self.pcf = isinstance(profiles, list) and any(str(p).startswith(_PCF) for p in profiles)
        self.authorises = not types(loose(consent.get("category")), ()) & _GENERAL

    def root(self, decision: Any, provisions: list[Any]) -> Resource:
        """R4's root provision."""
        if (
            len(provisions) == 1
            and isinstance(provisions[0], Mapping)
            and self._is_root(decision, provisions[0])
        ):
            single: Resource = _typed(provisions[0], str(decision or ""))
            return single
        if any(isinstance(p, Mapping) and "type" in p for p in provisions):
            other = _OTHER.get(str(decision), "")
            return {"type": decision, "provision": [_typed(p, other) for p in provisions]}
        if decision == "deny" and provisions and all(map(self._refuses, provisions)):
            return {"type": EITHER}
        effects = [self._effect(decision, p, alone=len(provisions) == 1) for p in provisions]
        kept = not (decision == "permit" and "permit" in effects)
        root: Resource = {"type": decision} if decision and kept else {}
        if provisions:
            root["provision"] = [_typed(p, effect) for p, effect in zip(provisions, effects, strict=True)]
        return root

    def _is_root(self, decision: Any, provision: Mapping[str, Any]) -> bool:
        """Whether the one provision is R4's root, moved."""
        if "type" in provision:
            return decision in (None, provision["type"])
        if provision.get("provision") and provision.keys() <= _SILENT:
            return True
        purposes = _keys(provision.get("purpose"))
        if decision == "deny":
            return self.pcf and bool(purposes) and purposes <= TPO
        if decision != "permit":
            return False
        if self.pcf and purposes:
            return True
        return self._effect(decision, provision, alone=True) == "permit"

    def _effect(self, decision: Any, provision: Any, *, alone: bool) -> str:
        """The type of a provision that stands beside others or speaks against the decision."""
        if not isinstance(provision, Mapping) or decision != "permit":
            return _OTHER.get(str(decision), "")
        if self.authorises:
            return "permit" if any(provision.get(n) for n in ("purpose", "actor", "action")) else "deny"
        purposes, labels = _keys(provision.get("purpose")), _keys(provision.get("securityLabel"))
        if purposes & _CARE:
            sure = not provision.get("actor") and (not labels or bool(labels & _NORMAL))
            return "permit" if sure else EITHER
        if alone and purposes and any(_of_projects(key) for key in purposes):
            return EITHER
        return "permit" if labels and labels <= _NORMAL else "deny"

    def _refuses(self, provision: Any) -> bool:
        """Whether it names purposes alone, and none of them is care."""
        if not isinstance(provision, Mapping) or provision.keys() - _SILENT != {"purpose"}:
            return False
        return not provision.get("provision") and not _keys(provision["purpose"]) & _CARE


def _of_projects(purpose: Key) -> bool:
    """Research, or what an organisation defines for itself: people consent to these, and people except them."""
    return _RESEARCH in broader(purpose) or purpose[0] != ACT_REASON_SYSTEM


def _keys(value: Any) -> frozenset[Key]:
    """The concepts of a list of Codings; what cannot be read is the compiler's to tell."""
    try:
        return frozenset(codings(value))
    except Murky:
        return frozenset()


def _typed(provision: Any, effect: str) -> Any:
    """The provision with a ``type``, its nested ones with the other."""
    if not isinstance(provision, Mapping):
        return provision
    form = {k: v for k, v in provision.items() if k not in {"resourceType", "documentType", "provision"}}
    if classes := [*provision.get("resourceType", ()), *provision.get("documentType", ())]:
        form["class"] = classes
    effect = str(provision.get("type") or effect)
    if effect:
        form["type"] = effect
    if nested := provision.get("provision"):
        form["provision"] = [_typed(n, _OTHER.get(effect, "")) for n in nested]
    return form


def _codes(concepts: Any) -> list[str]:
    concepts = concepts if isinstance(concepts, list) else []
    codings = (c for concept in concepts if isinstance(concept, Mapping) for c in concept.get("coding", ()))
    return [str(coding.get("code")) for coding in codings if isinstance(coding, Mapping)]
