"""An R5 Consent turned into the R4 form that the compiler reads (C-16).

R5 has no ``provision.type``: ``decision`` is the default, a provision is "an exception to the base policy", and nested
provisions are exceptions to those; so the direction alternates with the depth. HL7's own R5 examples are written
that way (``consent-example-OrgToOrg``: decision deny, and the provision is what is allowed). The short name of the
same element says "Constraints to the base", and consents turned from R4 element by element mean that: what stood at
R4's root now stands in the one provision. Read as exceptions, these would turn a client's will upside down, so:

- *permit* with a provision that names purposes is a constraint: a permit must describe its purposes
  (45 CFR 164.508(c)(1)(iv)), and "for treatment" does not mean "for everything but treatment". Where several stand side
  by side, only those for care are.
- *permit* in an authorisation (release, AI use, research ...) with a provision that names recipients or actions is one,
  too: what an authorisation names is what it allows.
- *deny* with a provision of purposes alone could be read both ways, so it allows nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chartside.codes import ConsentType
from chartside.types import Resource

from .reading import loose
from .vocabulary import TPO, types

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
_GENERAL = frozenset({ConsentType.PRIVACY, ConsentType.TREATMENT, ConsentType.TELEHEALTH})
"""Consents that speak about care or data at large; all others authorise something that they name."""

_DATA = frozenset(
    ["class", "code", "data", "dataPeriod", "documentType", "expression", "resourceType", "securityLabel"]
)
_OTHER = {"permit": "deny", "deny": "permit"}
_OPT = {"OPTIN": "permit", "OPTOUT": "deny"}


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
    basis = consent.get("regulatoryBasis")
    if isinstance(basis, list) and basis:
        form["policyRule"] = basis[0]
    decision = consent.get("decision") or next((_OPT[c] for c in _codes(basis) if c in _OPT), None)
    provisions = consent.get("provision", [])
    provisions = provisions if isinstance(provisions, list) else [provisions]
    authorises = not types(loose(consent.get("category")), ()) & _GENERAL
    form["provision"] = _root(decision, provisions, authorises=authorises)
    if consent.get("decision"):
        form.pop("policyRule", None)
    return form


def _root(decision: Any, provisions: list[Any], *, authorises: bool) -> Resource:
    if decision == "deny" and provisions and all(map(_purposes_alone, provisions)):
        return {"type": "deny"}
    if decision == "permit" and len(provisions) == 1 and _constrains(provisions[0], authorises):
        single: Resource = _typed(provisions[0], "permit")
        return single
    permits = [
        decision == "permit" and (_for_care(p) or (authorises and _constrains(p, authorises)))
        for p in provisions
    ]
    if any(permits):
        pairs = zip(provisions, permits, strict=True)
        return {"provision": [_typed(p, "permit" if permit else "deny") for p, permit in pairs]}
    root: Resource = {"type": decision} if decision else {}
    if provisions:
        root["provision"] = [_typed(p, _OTHER.get(str(decision), "")) for p in provisions]
    return root


def _constrains(provision: Any, authorises: bool) -> bool:
    """Whether a permit's provision says for what, to whom or how it permits."""
    if not isinstance(provision, Mapping):
        return False
    return bool(
        provision.get("purpose") or (authorises and (provision.get("actor") or provision.get("action")))
    )


def _purposes_alone(provision: Any) -> bool:
    if not isinstance(provision, Mapping) or not provision.get("purpose"):
        return False
    return not provision.get("actor") and not provision.get("provision") and _DATA.isdisjoint(provision)


def _for_care(provision: Any) -> bool:
    purposes = provision.get("purpose", ()) if isinstance(provision, Mapping) else ()
    return any(isinstance(p, Mapping) and (p.get("system"), p.get("code")) in TPO for p in purposes)


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
