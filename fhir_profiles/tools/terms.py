"""What is published of words: code systems and the names of identifiers, as plain data; see ``definitions.py``."""

from __future__ import annotations

from enum import StrEnum

from chartside import codes
from chartside.gate.model import Action
from chartside_billing import systems as billing
from chartside_billing.rules.book import RuleBook
from chartside_consent.elements import WORDS

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
        tuple(WORDS),
        dict(WORDS),
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
