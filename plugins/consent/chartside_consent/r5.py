"""An R5 Consent turned into the R4 form that the compiler reads (C-16).

R5 has no ``provision.type``: ``decision`` is the base, a provision is "an exception to the base policy", and nested
provisions are exceptions to those; so the direction alternates with the depth. HL7's own R5 examples are written
that way (``consent-example-OrgToOrg``: decision deny, and the provision is what is allowed). The short name of the
same element says "Constraints to the base", and consents turned from R4 element by element mean that: ``permit``
with a first provision for treatment, payment or operations would, read as an exception, permit everything but
care. That one form is read as the constraint it must be; outside of it such a consent says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chartside.types import Resource

from .vocabulary import TPO

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
    form["provision"] = _root(decision, provisions)
    if consent.get("decision"):
        form.pop("policyRule", None)
    return form


def _root(decision: Any, provisions: list[Any]) -> Resource:
    constrains = decision == "permit" and any(map(_for_care, provisions))
    if constrains and len(provisions) == 1:
        single: Resource = _typed(provisions[0], "permit")
        return single
    if constrains:
        return {"provision": [_typed(p, "permit" if _for_care(p) else "deny") for p in provisions]}
    root: Resource = {"type": decision} if decision else {}
    if provisions:
        root["provision"] = [_typed(p, _OTHER.get(str(decision), "")) for p in provisions]
    return root


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
