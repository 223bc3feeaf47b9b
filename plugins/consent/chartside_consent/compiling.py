"""FHIR JSON -> ``Instrument``. Whatever is not understood is written down as the instrument's ``problem``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from chartside.codes import (
    ACT_REASON_SYSTEM,
    ACTION_SYSTEM,
    BASE,
    CONSENT_ACTION_SYSTEM,
    PARTICIPATION_TYPE_SYSTEM,
    ConsentType,
)
from chartside.errors import InputError
from chartside.gate.model import Action

from . import r5, references
from .dates import moment, span
from .directory import ROLE
from .reading import AUTHOR, CUSTODIAN, Murky, codings, concepts, data_rule, each, loose, who
from .rules import DENY, NONE, PERMIT, Instrument, Rule, Who
from .vocabulary import ADVANCE_DIRECTIVES, ALONE, EVERYTHING, NOTES, OPENS, TPO, Key, types

REPLACES = f"{BASE}/StructureDefinition/consent-replaces"
"""Extension of a Consent: the consent that it supersedes (valueReference)."""

_EFFECTS = {"permit": PERMIT, "deny": DENY}
_PROVISION = frozenset(
    [
        "id",
        "extension",
        "modifierExtension",
        "type",
        "period",
        "actor",
        "action",
        "securityLabel",
        "purpose",
        "class",
        "dataPeriod",
        "code",
        "data",
        "provision",
    ]
)
_IMPLIED = {
    ConsentType.PART2_TPO: TPO,  # 42 CFR 2.31(a)(5): a TPO consent is for treatment, payment, operations
    ConsentType.RESEARCH: frozenset({(ACT_REASON_SYSTEM, "HRESCH")}),
}
_UNTYPED = "a provision with criteria but without a type (permit or deny)"
_NO_TYPE = "a provision whose type is neither permit nor deny"
_BOTH_WAYS = "a provision in R5 that can be read as all that is permitted or as what is not"
_MODIFIER = "an unknown modifier extension"


def compile_consent(resource: Any) -> Instrument:
    """Compile a Consent, R4 or R5. Raises InputError for what is no Consent."""
    if not isinstance(resource, Mapping) or resource.get("resourceType") != "Consent":
        raise InputError("this is no Consent", mend="give FHIR Consent resources (R4 or R5) as JSON")
    form = resource
    try:
        form = r5.to_r4(resource) if r5.is_r5(resource) else resource
        return _Compiler(form).instrument()
    except (Murky, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        problem = (
            str(error) if isinstance(error, Murky) else "a date or another element that is no valid FHIR"
        )
        return _unreadable(form, problem)


def _unreadable(form: Mapping[str, Any], problem: str) -> Instrument:
    """What stands for a consent that cannot be computed: it closes all that it might speak about."""
    kinds = _kinds_of(form)
    meta = form.get("meta")
    return Instrument(
        id=str(form.get("id", "")),
        version=str(meta.get("versionId", "")) if isinstance(meta, Mapping) else "",
        updated=str(meta.get("lastUpdated", "")) if isinstance(meta, Mapping) else "",
        status=str(form.get("status", "")),
        patient=references.identity(references.of(form.get("patient"))),
        types=kinds,
        root=Rule("provision", NONE),
        problem=problem,
        replaces=_replaced_anyhow(form),
        **_reach(kinds)._asdict(),
    )


def _replaced_anyhow(form: Mapping[str, Any]) -> frozenset[str]:
    try:
        return replaced(form)
    except (Murky, AttributeError, TypeError):
        return frozenset()


class Reach(NamedTuple):
    """Which actions a consent may open and close; see ``Instrument``."""

    opens: frozenset[Action]
    closes: frozenset[Action]
    refuses: frozenset[Action]
    notes_only: bool


@lru_cache(maxsize=256)
def _reach(kinds: frozenset[ConsentType]) -> Reach:
    single = kinds if len(kinds) == 1 else kinds - ALONE
    return Reach(
        opens=frozenset(action for kind in single for action in OPENS[kind]),
        closes=frozenset(action for kind in kinds for action in OPENS[kind]),
        refuses=EVERYTHING if ConsentType.PRIVACY in kinds else frozenset(),
        notes_only=kinds <= NOTES,
    )


def speaks_of(resource: Mapping[str, Any]) -> frozenset[Action]:
    """The actions that a Consent could say anything about, told by its categories without compiling it."""
    reach = _reach(_kinds_of(resource))
    return reach.closes | reach.refuses


def concerns(resource: Mapping[str, Any], actions: frozenset[Action]) -> bool:
    """Whether a Consent could change a decision about these actions: by what it says, or by what it replaces."""
    try:
        return not actions.isdisjoint(speaks_of(resource)) or bool(replaced(resource))
    except (Murky, AttributeError, TypeError):
        return True


def _kinds_of(form: Mapping[str, Any]) -> frozenset[ConsentType]:
    """The instruments that it is; a privacy consent, which speaks about everything, where that cannot be read."""
    try:
        return types(loose(form.get("category")), loose(form.get("scope")))
    except (Murky, AttributeError, TypeError):
        return frozenset({ConsentType.PRIVACY})


def replaced(resource: Mapping[str, Any]) -> frozenset[str]:
    """References of the consents that it supersedes."""
    found = resource.get("extension")
    if not found:
        return frozenset()
    return frozenset(references.of(e.get("valueReference")) for e in each(found) if e.get("url") == REPLACES)


class _Compiler:
    """Compiles one Consent in R4 form."""

    def __init__(self, form: Mapping[str, Any]) -> None:
        self.form = form
        self.contained = {str(c.get("id")): c for c in each(form.get("contained"))}
        self.categories = loose(form.get("category"))
        self.scope = loose(form.get("scope"))
        self.kinds = types(self.categories, self.scope)
        self.custodians = {references.of(o) for o in each(form.get("organization"))}
        self.problem = ""

    def instrument(self) -> Instrument:
        form = self.form
        self._check_top()
        provision = form.get("provision") or self._spelt_out()
        root = self._rule(provision, "provision", None)
        patient = references.identity(references.of(form.get("patient")))
        meta = form.get("meta") or {}
        base, base_text = self._base(root)
        return Instrument(
            id=str(form.get("id", "")),
            version=str(meta.get("versionId", "")),
            updated=str(meta.get("lastUpdated", "")),
            status=str(form.get("status", "")),
            patient=patient,
            types=self.kinds,
            root=root,
            problem=self.problem,
            base=base,
            base_text=base_text,
            periods=tuple(p for p in (span(form.get("period")), span(provision.get("period"))) if p),
            signed=self._signed(),
            proxy=self._by_proxy(patient),
            replaces=replaced(form),
            ignored=not ADVANCE_DIRECTIVES.isdisjoint((*self.categories, *self.scope)),
            **_reach(self.kinds)._asdict(),
        )

    def _spelt_out(self) -> Mapping[str, Any]:
        """What the code alone says where no provision does: EMRGONLY limits disclosure to emergencies (v3-ActCode)."""
        codes = {code for _, code in (*self.categories, *loose(self.form.get("policyRule")))}
        if codes.isdisjoint({"EMRGONLY", "emrgonly"}):
            return {}
        purposes = [{"system": ACT_REASON_SYSTEM, "code": code} for code in ("ETREAT", "BTG")]
        return {"type": "deny", "provision": [{"type": "permit", "purpose": purposes}]}

    def _check_top(self) -> None:
        parts = (self.form, *each(self.form.get("policy")), *each(self.form.get("verification")))
        if any(part.get("modifierExtension") for part in parts):
            self.problem = _MODIFIER
        elif self.form.get("implicitRules"):
            self.problem = "implicit rules that are not known"
        elif "except" in self.form:
            self.problem = "exceptions in the form of FHIR STU3"

    def _signed(self) -> date | None:
        text = self.form.get("dateTime")
        return moment(text).first.date() if text else None

    def _by_proxy(self, patient: str) -> bool:
        """Whether somebody else than the client gave it."""
        people = [references.identity(references.of(p)) for p in each(self.form.get("performer"))]
        return any(p != patient and p.partition("/")[0] in {"RelatedPerson", "Patient"} for p in people)

    def _base(self, root: Rule) -> tuple[int, str]:
        """The base rule: the root's own type (PCF), or OPTIN and OPTOUT in ``policyRule`` (HL7 R4)."""
        codes = {code for _, code in loose(self.form.get("policyRule"))}
        if codes & {"OPTOUT", "OPTOUTE"}:  # E: with exceptions
            return DENY, "opt-out: nothing is allowed but what is permitted"
        if codes & {"OPTIN", "OPTINR"} and root.effect != PERMIT:  # R: with restrictions
            return PERMIT, "opt-in: normal access for treatment but what is denied"
        return NONE, {PERMIT: "permit at the root", DENY: "deny at the root"}.get(root.effect, "none")

    def _rule(self, provision: Mapping[str, Any], path: str, parent: Rule | None) -> Rule:
        """Compile a provision and all below it; ``parent`` is None at the root."""
        self._check(provision)
        effect = self._effect(provision)
        actors, author = self._actors(provision, effect)
        data = data_rule(provision, self.contained, author)
        if effect == NONE and (actors or data or provision.get("action") or provision.get("purpose")):
            self.problem = self.problem or _UNTYPED
        if effect == NONE and parent is not None:
            self.problem = self.problem or _UNTYPED
        rule = Rule(
            path=path,
            effect=effect,
            purposes=self._purposes(provision) or (parent.purposes if parent else self._implied()),
            actions=_actions(provision) or (parent.actions if parent else None),
            who=actors or (parent.who if parent else None),
            period=(span(provision.get("period")) or parent.period) if parent else None,
            data=data,
            only=parent is None and effect == PERMIT and data is not None,
            within=_within(parent) if effect == PERMIT and data is None else None,
        )
        nested = provision.get("provision")
        if not nested:
            return rule
        below = (self._rule(p, f"{path}.provision[{n}]", rule) for n, p in enumerate(each(nested)))
        return replace(rule, children=tuple(below))

    def _check(self, provision: Mapping[str, Any]) -> None:
        parts = [provision, *each(provision.get("actor"))]
        if any(part.get("modifierExtension") for part in parts):
            self.problem = self.problem or _MODIFIER
        if any(name not in _PROVISION for name in provision if not name.startswith("_")):
            self.problem = self.problem or "an element of a provision that is not known"

    def _effect(self, provision: Mapping[str, Any]) -> int:
        kind = provision.get("type")
        if kind is not None and kind not in _EFFECTS:
            self.problem = self.problem or (_BOTH_WAYS if kind == r5.EITHER else _NO_TYPE)
        return _EFFECTS.get(str(kind), NONE)

    def _implied(self) -> frozenset[Key] | None:
        return next((_IMPLIED[kind] for kind in sorted(self.kinds) if kind in _IMPLIED), None)

    def _purposes(self, provision: Mapping[str, Any]) -> frozenset[Key]:
        found = codings(provision.get("purpose"))
        return frozenset((system or ACT_REASON_SYSTEM, code) for system, code in found)

    def _actors(self, provision: Mapping[str, Any], effect: int) -> tuple[Who | None, Who | None]:
        """The recipients, and the authors whose data is meant (role AUT)."""
        recipients: list[Mapping[str, Any]] = []
        authors: list[Mapping[str, Any]] = []
        for actor in each(provision.get("actor")):
            roles = loose(actor.get("role"))
            person = actor.get("reference") or _by_role(roles)
            if AUTHOR in roles:
                authors.append(person)
            elif CUSTODIAN not in roles or (
                effect == PERMIT and references.of(person) not in self.custodians
            ):
                recipients.append(person)
        found = who(recipients, self.contained) if recipients else None
        if found and found.vague and self.kinds == {ConsentType.PART2_TPO}:
            # 42 CFR 2.31(a)(4)(ii): "my treating providers, health plans, third-party payers, and people helping
            # to operate this program" is a sufficient recipient.
            found = replace(found, anyone=True)
        return found, who(authors, self.contained) if authors else None


def _by_role(roles: list[Key]) -> Mapping[str, Any]:
    """R5 lets an actor be a role and nobody by name; a way of taking part (recipient ...) says nothing about who."""
    named = [f"{ROLE}{system}|{code}" for system, code in roles if system != PARTICIPATION_TYPE_SYSTEM]
    return {"reference": named[0]} if len(named) == 1 else {}


def _actions(provision: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(
        code if system in {CONSENT_ACTION_SYSTEM, ACTION_SYSTEM, ""} else f"{system}|{code}"
        for system, code in concepts(provision.get("action"))
    )


def _within(parent: Rule | None) -> Rule | None:
    """The nested rule with data criteria to which this one is an exception (the root's filter is apart)."""
    if parent is None or "." not in parent.path:
        return None
    return parent if parent.data else parent.within


def compile_all(resources: Any) -> list[Instrument]:
    """Compile many; what is already compiled is passed through."""
    return [r if isinstance(r, Instrument) else compile_consent(r) for r in resources]
