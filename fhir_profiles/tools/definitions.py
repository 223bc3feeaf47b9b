"""What is published: extensions and profiles, as plain data (words: ``terms.py``). ``build.py`` makes FHIR of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from terms import CODE_SYSTEMS

from chartside import codes


@dataclass(frozen=True)
class Profile:
    """A profile or extension. ``rules``: element id -> changes; ``invariants``: key -> (sentence, FHIRPath)."""

    url: str
    type: str
    title: str
    text: str
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    invariants: dict[str, tuple[str, str]] = field(default_factory=dict)
    extensions: dict[str, str] = field(default_factory=dict)


def coded(path: str, system: str) -> str:
    """FHIRPath: the codings of a system in the concepts there."""
    return f"{path}.coding.where(system = '{system}')"


def among(path: str, system: str) -> str:
    """FHIRPath: every code of the system there is one of the system's."""
    wanted = " or ".join(f"code = '{code}'" for code in CODE_SYSTEMS[system][2])
    return f"{coded(path, system)}.all({wanted})"


ONE, MANY = {"min": 1, "max": "1"}, {"min": 1}
EFFECT = f"identifier.where(system = '{codes.EFFECT_SYSTEM}' and value.exists()).count() = 1"
AIAST = f"system = '{codes.OBSERVATION_VALUE_SYSTEM}' and code = '{codes.AI_ASSERTED}'"
AI_ROLE = f"role.coding.where(system = '{codes.AI_DEVICE_TYPE_SYSTEM}' and code = 'Artificial-Intelligence').exists()"
TYPE = codes.CONSENT_TYPE_SYSTEM
_ALONE = " or ".join(
    f"code = '{c}'" for c in ("recording", "ai-use", "psychotherapy-notes", "sud-counseling-notes")
)

PROFILES = [
    Profile(
        codes.CONSENT_PROFILE,
        "Consent",
        "Consent of a client",
        "One instrument: who, what, for what, how long, from which form, and how it was taken back. Never deleted. "
        "One level of exceptions may stand in it, and more are never written.",
        rules={
            "Consent.identifier": MANY,
            "Consent.patient": ONE,
            "Consent.dateTime": ONE,
            "Consent.performer": MANY,
            "Consent.provision": ONE,
            "Consent.provision.type": ONE,
            "Consent.modifierExtension": {"max": "0"},
            "Consent.provision.modifierExtension": {"max": "0"},
        },
        invariants={
            "chs-1": ("Its category says which instrument it is", f"{coded('category', TYPE)}.exists()"),
            "chs-2": ("The instrument is one of Chartside's", among("category", TYPE)),
            "chs-3": (
                "Recording, AI use and protected notes stand alone",
                f"{coded('category', TYPE)}.where({_ALONE}).exists() implies {coded('category', TYPE)}.count() = 1",
            ),
            "chs-4": (
                "Exceptions go one level deep at most",
                "provision.provision.provision.empty()",
            ),
            "chs-5": (
                "What was taken back says so, when and how",
                f"extension.where(url = '{codes.CONSENT_REVOCATION}').exists() implies "
                "(status = 'inactive' or provision.type = 'deny')",
            ),
        },
        extensions={
            "form": codes.CONSENT_FORM,
            "terms": codes.CONSENT_TERMS,
            "authority": codes.CONSENT_AUTHORITY,
            "witness": codes.CONSENT_WITNESS,
            "replaces": codes.CONSENT_REPLACES,
            "revocation": codes.CONSENT_REVOCATION,
        },
    ),
    Profile(
        codes.REMINDER_PROFILE,
        "Communication",
        "Message to a client",
        "A reminder or another message as the ledger remembers it: one identifier for one effect, claimed before it is "
        "sent. The words are the template's id, the text itself only where the practice wants it.",
        rules={
            "Communication.identifier": MANY,
            "Communication.category": MANY,
            "Communication.medium": ONE,
            "Communication.subject": ONE,
            "Communication.recipient": MANY,
            "Communication.payload": {"max": "1"},
        },
        invariants={
            "chs-1": ("It has the identifier of one effect", EFFECT),
            "chs-2": (
                "Its category is one of Chartside's",
                f"{coded('category', codes.MESSAGE_CATEGORY_SYSTEM)}.exists() and "
                f"{among('category', codes.MESSAGE_CATEGORY_SYSTEM)}",
            ),
            "chs-3": (
                "What was completed says when it was sent",
                "status = 'completed' implies sent.exists()",
            ),
            "chs-4": ("What was not done says why", "status = 'not-done' implies statusReason.exists()"),
        },
    ),
    Profile(
        codes.SCRUB_TASK_PROFILE,
        "Task",
        "Findings on a claim",
        "What the scrubber found on one claim: an output for each rule, the same as an OperationOutcome, and the day "
        "by which it must be mended.",
        rules={
            "Task.contained": MANY,
            "Task.identifier": MANY,
            "Task.code": {
                "min": 1,
                "patternCodeableConcept": codes.concept(
                    codes.TASK_CODE_SYSTEM, codes.TaskCode.CLAIM_SCRUB.value
                ),
            },
            "Task.description": ONE,
            "Task.focus": ONE,
            "Task.authoredOn": ONE,
            "Task.output": MANY,
        },
        invariants={
            "chs-1": ("It has the identifier of one effect", EFFECT),
            "chs-2": ("It holds the findings as an OperationOutcome", "contained.issue.exists()"),
            "chs-3": ("It is about a claim", "focus.reference.contains('Claim/')"),
            "chs-4": ("Each finding names its rule", "output.where(type.coding.exists()).exists()"),
        },
    ),
    Profile(
        codes.AI_DRAFT_PROFILE,
        "DocumentReference",
        "Text that a model wrote",
        "Preliminary until a named clinician has signed it; the label AIAST stays also afterwards.",
        rules={
            "DocumentReference.meta": ONE,
            "DocumentReference.identifier": MANY,
            "DocumentReference.docStatus": ONE,
            "DocumentReference.type": ONE,
            "DocumentReference.subject": ONE,
            "DocumentReference.date": ONE,
            "DocumentReference.author": MANY,
            "DocumentReference.description": ONE,
        },
        invariants={
            "chs-1": (
                "It is labelled as asserted by artificial intelligence",
                f"meta.security.where({AIAST}).exists()",
            ),
            "chs-2": (
                "It has the identifier of an AI draft",
                f"identifier.where(system = '{codes.AI_DRAFT_SYSTEM}' and value.exists()).exists()",
            ),
            "chs-3": (
                "Final is what somebody has signed, and nothing else",
                "(docStatus = 'final' or docStatus = 'amended') implies authenticator.exists()",
            ),
            "chs-4": (
                "A draft is signed by nobody",
                "docStatus = 'preliminary' implies authenticator.empty()",
            ),
            "chs-5": ("A model is its author", "author.where(reference.contains('Device/')).exists()"),
        },
    ),
    Profile(
        codes.AI_PROVENANCE_PROFILE,
        "Provenance",
        "How a text of a model came to be",
        "Which model wrote it, from what; the clinician is its verifier after signing and never before.",
        rules={
            "Provenance.meta": ONE,
            "Provenance.reason": MANY,
            "Provenance.activity": ONE,
            "Provenance.agent.type": ONE,
        },
        invariants={
            "chs-1": ("One agent is the model", f"agent.where({AI_ROLE}).exists()"),
            "chs-2": ("It says why: artificial intelligence", f"reason.coding.where({AIAST}).exists()"),
            "chs-3": (
                "Only a practitioner verifies",
                "agent.where(type.coding.where(code = 'verifier').exists())"
                ".all(who.reference.contains('Practitioner/'))",
            ),
            "chs-4": (
                "What a practitioner verified tells which draft it was",
                "agent.where(type.coding.where(code = 'verifier').exists()).exists() implies "
                "entity.where(role = 'revision').exists()",
            ),
        },
    ),
    Profile(
        codes.AI_DEVICE_PROFILE,
        "Device",
        "A model at one version",
        "Each version is a Device of its own, so that what a bad one wrote can be found; its model card goes along.",
        rules={
            "Device.identifier": MANY,
            "Device.contained": MANY,
            "Device.extension": {"min": 2},
            "Device.manufacturer": ONE,
            "Device.deviceName": MANY,
            "Device.version": ONE,
            "Device.type": ONE,
        },
        invariants={
            "chs-1": (
                "It has the identifier of one model at one version",
                f"identifier.where(system = '{codes.AI_DEVICE_SYSTEM}' and value.exists()).count() = 1",
            ),
            "chs-2": (
                "Its model card is at hand",
                f"extension.where(url = '{codes.AI_MODEL_CARD_EXTENSION}').exists() and contained.content.exists()",
            ),
            "chs-3": (
                "It is an artificial intelligence",
                f"type.coding.where(system = '{codes.AI_DEVICE_TYPE_SYSTEM}').exists()",
            ),
        },
    ),
]

# Extensions: url -> (title, what it is, its parts and their types; a string for a simple one)
EXTENSIONS: dict[str, tuple[str, str, dict[str, tuple[str, int]] | str]] = {
    codes.CONSENT_REPLACES: ("Replaces", "The consent that this one supersedes.", "Reference"),
    codes.CONSENT_ELEMENT: ("Element", "Which required element of a consent form this item is.", "Coding"),
    codes.CONSENT_WITNESS: ("Witness", "Who saw it signed.", "Reference"),
    codes.CONSENT_FORM: (
        "Form",
        "From which form it was taken: version, language, SHA-256 of the form and of the answers.",
        {
            "questionnaire": ("canonical", 1),
            "version": ("string", 1),
            "language": ("code", 1),
            "hash": ("string", 1),
            "responseHash": ("string", 1),
            "medium": ("Coding", 0),
        },
    ),
    codes.CONSENT_TERMS: (
        "Terms",
        "What R4 has no element for: the information in words, the event on which it ends, how to take it back, "
        "whose law.",
        {
            "information": ("string", 0),
            "expiry": ("string", 0),
            "revoke": ("string", 0),
            "jurisdiction": ("code", 0),
        },
    ),
    codes.CONSENT_AUTHORITY: (
        "Authority",
        "Of one who signed for the client (45 CFR 164.508(c)(1)(vi)).",
        {"relation": ("string", 1), "authority": ("string", 1)},
    ),
    codes.CONSENT_REVOCATION: (
        "Revocation",
        "When, how and by whom it was taken back.",
        {"time": ("dateTime", 1), "channel": ("Coding", 1), "actor": ("Reference", 1), "reason": ("code", 0)},
    ),
}

CONTEXTS = {codes.CONSENT_ELEMENT: "Questionnaire.item"}
"""Where an extension may stand, if not at a Consent."""
