"""What is published: code systems, extensions and profiles, as plain data. ``build.py`` makes FHIR of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chartside import codes
from chartside.gate.model import Action
from chartside_billing import systems as billing
from chartside_billing.rules.book import RuleBook

CODE_SYSTEMS: dict[str, tuple[str, str, type[StrEnum] | tuple[str, ...], dict[str, str]]] = {
    # url: (title, what it is, its codes, their meanings)
    codes.CONSENT_TYPE_SYSTEM: (
        "Consent types of a therapy practice",
        "Instruments that therapy needs. LOINC has codes for two of them only (64292-6 release, 59284-0 privacy); "
        "none exists for text messages, recording or AI use.",
        codes.ConsentType,
        {
            "treatment": "to be treated",
            "telehealth": "to be treated at a distance",
            "text-messages": "to get text messages",
            "unencrypted-email": "to get e-mail that is not encrypted",
            "phone-calls": "to be called by an automatic system",
            "recording": "that a session's sound is recorded",
            "ai-use": "that a named AI tool is used for named purposes; an act of its own, never bundled",
            "release": "release of information to a named recipient (45 CFR 164.508)",
            "privacy": "how health information may be used and shared at large",
            "psychotherapy-notes": "authorisation for psychotherapy notes (45 CFR 164.508(a)(2)), alone",
            "part2-tpo": "one consent for all future treatment, payment and operations (42 CFR 2.31)",
            "sud-counseling-notes": "SUD counselling notes (42 CFR 2.11, 2.31(b)), alone",
            "proxy": "that somebody may act for the client",
            "research": "use for research",
        },
    ),
    codes.MESSAGE_CATEGORY_SYSTEM: (
        "Message categories",
        "What a message to a client, or to the staff, is about.",
        codes.MessageCategory,
        {
            "reminder": "of a visit",
            "confirmation": "of what the client answered",
            "cancellation": "of a visit",
            "waitlist": "an earlier visit is free",
            "billing": "about money",
            "intake": "forms and questions before the first visit",
            "consent": "about a consent",
            "opt-out": "confirms that no more messages will come",
            "crisis": "the crisis card",
            "staff": "for the staff",
        },
    ),
    codes.PURPOSE_SYSTEM: (
        "Purposes",
        "Purposes for which v3-ActReason has no code of its own; each is part of one that it has.",
        codes.Purpose,
        {
            "REMIND": "to remind of a visit (part of TREAT)",
            "SCHEDULE": "to make or move a visit (part of TREAT)",
            "SCRUB": "to look a claim over (part of HPAYMT)",
            "TRANSCRIBE": "to write down what was said (part of TREAT)",
            "DRAFT": "to draft a note by a model (part of TREAT)",
            "INSIGHT": "to count over many clients, de-identified (part of HOPERAT)",
        },
    ),
    codes.ACTION_SYSTEM: (
        "Actions",
        "What would be done to or with a client's data; HL7 consentaction has no codes for messages, recording or AI.",
        Action,
        {
            "read": "read within the granted access",
            "sms": "send a text message",
            "email": "send an e-mail",
            "call": "call by an automatic system",
            "record": "record a session",
            "transcribe": "turn speech into text by a model",
            "ai": "any other processing of the client's words by a model",
            "disclose": "send to a recipient outside the EHR",
            "insights": "count, aggregated and de-identified",
            "crisis": "show the crisis card or 988",
        },
    ),
    codes.TASK_CODE_SYSTEM: (
        "Task codes",
        "Why the staff is asked to look.",
        codes.TaskCode,
        {
            "claim-scrub": "a claim has findings",
            "review-draft": "a draft awaits review",
            "consent-renewal": "a consent ends soon",
            "consent-missing": "a consent is missing before a visit",
            "consent-not-computable": "a consent cannot be computed",
            "majority": "a client comes of age; a proxy's consents end",
            "break-glass-review": "the glass was broken",
            "undecided-effect": "it is not known whether something was sent",
            "follow-up": "anything else",
        },
    ),
    codes.CONSENT_CHANNEL_SYSTEM: (
        "Consent channels",
        "How a consent was given or taken back.",
        ("paper", "electronic", "in-person", "phone", "portal", "text", "email", "staff"),
        {
            "paper": "a paper was signed",
            "electronic": "a form was signed on a screen",
            "in-person": "said to somebody at the practice",
            "phone": "said on the phone",
            "portal": "said in the client portal",
            "text": "by a text message",
            "email": "by e-mail",
            "staff": "entered by the staff for another reason",
        },
    ),
    codes.CONSENT_ELEMENT_SYSTEM: (
        "Elements of a consent form",
        "What a form must say or ask; (M) marks a source that still has to be checked.",
        (
            "agreement",
            "ai",
            "alternatives",
            "authority",
            "conditions",
            "consequences",
            "copy",
            "cost",
            "discloser",
            "emergency",
            "expiry",
            "information",
            "limits",
            "participants",
            "purpose",
            "recipient",
            "redisclosure",
            "retention",
            "review",
            "revoke",
            "rights",
            "risks",
            "tool",
            "voluntary",
            "what",
        ),
        {
            "agreement": "the person's own yes or no (45 CFR 164.508(c)(1)(vi), 42 CFR 2.31)",
            "ai": "that AI is used, in so many words (C-13)",
            "alternatives": "what else can be chosen",
            "authority": "why the proxy may sign (45 CFR 164.508(c)(1)(vi))",
            "conditions": "whether care depends on signing (45 CFR 164.508(c)(2)(ii))",
            "consequences": "what follows from not signing (42 CFR 2.31(a)) (M)",
            "copy": "that the person gets a copy (45 CFR 164.508(c)(4))",
            "cost": "that texts may cost something",
            "discloser": "who may share it (45 CFR 164.508(c)(1)(ii), 42 CFR 2.31(a))",
            "emergency": "what happens in an emergency at a distance",
            "expiry": "a date or event on which it ends (45 CFR 164.508(c)(1)(v), 42 CFR 2.31(a))",
            "information": "what information it is about (45 CFR 164.508(c)(1)(i), 42 CFR 2.31(a))",
            "limits": "where it ends",
            "participants": "that everybody who takes part must agree (C-12)",
            "purpose": "what for (45 CFR 164.508(c)(1)(iv), 42 CFR 2.31(a))",
            "recipient": "who may receive it (45 CFR 164.508(c)(1)(iii), 42 CFR 2.31(a))",
            "redisclosure": "that it may be shared again (45 CFR 164.508(c)(2)(iii), 42 CFR 2.31(a))",
            "retention": "how long the sound is kept",
            "review": "that a clinician checks what AI wrote",
            "revoke": "how to take it back (45 CFR 164.508(c)(2)(i), 42 CFR 2.31(a), 47 CFR 64.1200(a)(10))",
            "rights": "the rights to see and to amend",
            "risks": "what may go wrong",
            "tool": "which AI tool (C-13)",
            "voluntary": "that care does not depend on it",
            "what": "what is agreed to",
        },
    ),
}


_RULES = {rule.id: rule.title for rule in RuleBook.load()}
CODE_SYSTEMS |= {
    billing.BILLING_SYSTEM: (
        "Codes of billing",
        "What billing says on its Tasks, of the whole Task, of what goes in and of how it ended.",
        billing.BillingCode,
        {
            "claim-rejected": "a clearinghouse or payer refused the claim, or the file that held it",
            "claim": "input: a claim that the Task is about",
            "next-payer": "a payer decided, and the claim goes on to the next one",
            "decision": "input: the 835 that holds the decision, and the claim's place in it",
            "money-at-risk": "input: dollars that are not paid if nothing is done",
            "resolved": "business status: nothing is found any more",
            "sent": "business status: the claim went out",
            "superseded": "business status: the payer took its decision back",
        },
    ),
    billing.RULE_SYSTEM: (
        "Claim rules",
        "The rules of the claim scrubber by their ids. Rules that a practice adds have ids of their own, which are not "
        "listed here.",
        tuple(_RULES),
        _RULES,
    ),
}
FRAGMENTS = frozenset({billing.RULE_SYSTEM})
"""Code systems to which others may add; their meanings are displays."""

NAMING_SYSTEMS: dict[str, tuple[str, str]] = {
    # url: (title, what an identifier of it names)
    codes.EFFECT_SYSTEM: (
        "Effect",
        "One effect of the ledger (a message, a claim's sending, a Task): opaque.",
    ),
    codes.CLAIM_TOKEN_SYSTEM: ("Claim token", "Which worker holds an effect, and until when."),
    codes.RECIPIENT_SYSTEM: ("Recipient of a message", "An HMAC of a number or address; readable by nobody."),
    codes.CONSENT_SYSTEM: ("Captured consent", "One captured instrument."),
    codes.CONSENT_RESPONSE_SYSTEM: ("Answers to a consent form", "The answers that a Consent rests on."),
    codes.TOOL_SYSTEM: ("AI tool", "The plugin whose tool acts."),
    codes.AI_DRAFT_SYSTEM: ("AI draft", "One text that a model wrote."),
    codes.AI_DEVICE_SYSTEM: ("AI model", "One model at one version."),
    codes.SOURCE_SYSTEM: ("Host", "The host and its plugins, as sources of audit events."),
    codes.OUTBOUND_SYSTEM: ("Outbound recipient", "A name in the practice's registry of recipients."),
    billing.FINDINGS_SYSTEM: ("Scrub findings", "Of a Task: the claim's version and its findings, opaque."),
    billing.SUBMISSION_SYSTEM: (
        "Claim submission",
        "Of a DocumentReference: the number of a sent interchange.",
    ),
    billing.REMITTANCE_SYSTEM: (
        "Remittance",
        "Of a PaymentReconciliation or the 835 kept in its place: payer, payee, trace number, day and sum.",
    ),
    billing.INVOICE_SYSTEM: ("Invoice", "Of an Invoice of the client's part: the claim's number."),
    billing.CHARGE_SYSTEM: ("Charge", "Of a ChargeItem: the claim's number and the line's."),
}
"""Identifier systems of Chartside's own."""


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
