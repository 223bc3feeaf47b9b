"""Every system URL and code that Chartside reads or writes, in one place.

Chartside's own URLs begin with ``BASE`` and are published as resources in ``chartside_profiles``. The rest
are HL7's, LOINC's, DICOM's and IHE's. A name ending in ``_SYSTEM`` is a CodeSystem or identifier system.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from chartside.types import Resource

BASE: Final = "https://chartside.dev/fhir"

# Chartside's own code systems (see fhir_profiles)
CONSENT_TYPE_SYSTEM: Final = f"{BASE}/CodeSystem/consent-type"
MESSAGE_CATEGORY_SYSTEM: Final = f"{BASE}/CodeSystem/message-category"
PURPOSE_SYSTEM: Final = f"{BASE}/CodeSystem/purpose"
ACTION_SYSTEM: Final = f"{BASE}/CodeSystem/action"
TASK_CODE_SYSTEM: Final = f"{BASE}/CodeSystem/task-code"
CONSENT_ELEMENT_SYSTEM: Final = f"{BASE}/CodeSystem/consent-element"
"""Codes of ``CONSENT_ELEMENT``: the required elements of a consent form."""
CONSENT_CHANNEL_SYSTEM: Final = f"{BASE}/CodeSystem/consent-channel"
"""How a consent was given or revoked: paper, electronic, phone, portal, text, email, in-person, staff."""

# Chartside's own identifier systems
EFFECT_SYSTEM: Final = f"{BASE}/effect"
"""``Communication.identifier`` and ``Task.identifier`` of an effect of the ledger."""
CLAIM_TOKEN_SYSTEM: Final = f"{BASE}/claim-token"
"""Which worker holds a claim, and until when; meaningless outside the ledger."""
RECIPIENT_SYSTEM: Final = f"{BASE}/recipient"
"""An HMAC of the number or address that a message went to: for caps, and readable by nobody."""
CONSENT_SYSTEM: Final = f"{BASE}/consent"
"""``Consent.identifier`` of a captured instrument."""
CONSENT_RESPONSE_SYSTEM: Final = f"{BASE}/consent-response"
"""``QuestionnaireResponse.identifier`` of the answers that a Consent rests on."""
TOOL_SYSTEM: Final = f"{BASE}/tool"
"""Identifier of an actor in a Consent or a request: the plugin whose AI tool it is (``transcription``)."""
AI_DRAFT_SYSTEM: Final = f"{BASE}/ai-draft"
"""``DocumentReference.identifier`` of an AI draft: writing it twice writes it once."""
AI_DEVICE_SYSTEM: Final = f"{BASE}/ai-device"
"""``Device.identifier``: one model at one version."""
SOURCE_SYSTEM: Final = f"{BASE}/host"
"""``AuditEvent.source.observer`` and agent identifiers: the host and its plugins."""
OUTBOUND_SYSTEM: Final = f"{BASE}/outbound"
"""Identifier of a recipient: its name in the outbound registry."""

# Profiles (canonical URLs)
PROFILE: Final = f"{BASE}/StructureDefinition"
CONSENT_PROFILE: Final = f"{PROFILE}/chartside-consent"
REMINDER_PROFILE: Final = f"{PROFILE}/chartside-reminder"
SCRUB_TASK_PROFILE: Final = f"{PROFILE}/chartside-scrub-task"
AI_DRAFT_PROFILE: Final = f"{PROFILE}/chartside-ai-draft"
AI_PROVENANCE_PROFILE: Final = f"{PROFILE}/chartside-ai-provenance"
AI_DEVICE_PROFILE: Final = f"{PROFILE}/chartside-ai-device"

# Extensions of Consent and its form (see fhir_profiles): what R4 has no element for
CONSENT_REPLACES: Final = f"{PROFILE}/consent-replaces"
"""valueReference: the consent that it supersedes. Repeats."""
CONSENT_FORM: Final = f"{PROFILE}/consent-form"
"""questionnaire (canonical with version), version (string), language (code), hash (string: SHA-256 of the form's
canonical JSON, hex), responseHash (string: that of the answers), medium (code of ``CONSENT_CHANNEL_SYSTEM``)."""
CONSENT_TERMS: Final = f"{PROFILE}/consent-terms"
"""information (string: what it is about, in words), expiry (string: an event, or "none"), revoke (string: how),
jurisdiction (code: ``US-IL``). Each at most once."""
CONSENT_AUTHORITY: Final = f"{PROFILE}/consent-authority"
"""Of one who signed for the client: relation (string), authority (string). 45 CFR 164.508(c)(1)(vi)."""
CONSENT_WITNESS: Final = f"{PROFILE}/consent-witness"
"""valueReference (or its display alone): who saw it signed."""
CONSENT_ELEMENT: Final = f"{PROFILE}/consent-element"
"""valueCoding, on ``Questionnaire.item``: which required element it is (R4 lets display items have no code, que-3)."""
CONSENT_REVOCATION: Final = f"{PROFILE}/consent-revocation"
"""time (dateTime), channel (code of ``CONSENT_CHANNEL_SYSTEM``), actor (Reference: who revoked), reason (code)."""

# HL7, LOINC and others
ACT_REASON_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ACT_CODE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
OBSERVATION_VALUE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
CONFIDENTIALITY_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
CONSENT_SCOPE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
CONSENT_ACTION_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/consentaction"
CONSENT_CATEGORY_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/consentcategorycodes"
PARTICIPATION_TYPE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
ROLE_CODE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
PROVENANCE_PARTICIPANT_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
DATA_OPERATION_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
AUDIT_TYPE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
AUDIT_ENTITY_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
OBJECT_ROLE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/object-role"
SECURITY_SOURCE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/security-source-type"
RESTFUL_SYSTEM: Final = "http://hl7.org/fhir/restful-interaction"
RESOURCE_TYPES_SYSTEM: Final = "http://hl7.org/fhir/resource-types"
AI_DEVICE_TYPE_SYSTEM: Final = "http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIdeviceTypeCS"
AI_INPUTS_SYSTEM: Final = "http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIinputsCS"
AI_MODEL_CARD_EXTENSION: Final = (
    "http://hl7.org/fhir/uv/aitransparency/StructureDefinition/aitransparency.modelCardDescription"
)
AI_KIND_EXTENSION: Final = "http://hl7.org/fhir/uv/aitransparency/StructureDefinition/aitransparency.AIKind"
DICOM_SYSTEM: Final = "http://dicom.nema.org/resources/ontology/DCM"
LOINC_SYSTEM: Final = "http://loinc.org"
NPI_SYSTEM: Final = "http://hl7.org/fhir/sid/us-npi"

LOINC_RELEASE: Final = "64292-6"
"""Release of information."""
LOINC_PRIVACY_CONSENT: Final = "59284-0"
"""Consent document (IHE PCF: ``Consent.category``)."""
LOINC_PROGRESS_NOTE: Final = "11506-3"
LOINC_PSYCHOTHERAPY_NOTE: Final = "80796-6"

AI_ASSERTED: Final = "AIAST"
"""``meta.security``: artificial intelligence asserted (v3-ObservationValue)."""
DICTATION_ASSERTED: Final = "DICTAST"
"""``meta.security``: dictation asserted, for text that speech recognition wrote (v3-ObservationValue)."""


class ConsentType(StrEnum):
    """Codes of ``CONSENT_TYPE_SYSTEM``: the instruments that therapy needs."""

    TREATMENT = "treatment"
    TELEHEALTH = "telehealth"
    TEXT_MESSAGES = "text-messages"
    UNENCRYPTED_EMAIL = "unencrypted-email"
    PHONE_CALLS = "phone-calls"
    RECORDING = "recording"
    AI_USE = "ai-use"
    RELEASE = "release"
    PRIVACY = "privacy"
    PSYCHOTHERAPY_NOTES = "psychotherapy-notes"
    PART2_TPO = "part2-tpo"
    SUD_COUNSELING_NOTES = "sud-counseling-notes"
    PROXY = "proxy"
    RESEARCH = "research"


class MessageCategory(StrEnum):
    """Codes of ``MESSAGE_CATEGORY_SYSTEM``: what a message to a client is about."""

    REMINDER = "reminder"
    CONFIRMATION = "confirmation"
    CANCELLATION = "cancellation"
    WAITLIST = "waitlist"
    BILLING = "billing"
    INTAKE = "intake"
    CONSENT = "consent"
    OPT_OUT = "opt-out"
    CRISIS = "crisis"
    STAFF = "staff"


class Purpose(StrEnum):
    """Codes of ``PURPOSE_SYSTEM``, for what v3-ActReason has no code."""

    REMIND = "REMIND"
    SCHEDULE = "SCHEDULE"
    SCRUB = "SCRUB"
    TRANSCRIBE = "TRANSCRIBE"
    DRAFT = "DRAFT"
    INSIGHT = "INSIGHT"


class TaskCode(StrEnum):
    """Codes of ``TASK_CODE_SYSTEM``: why the staff is asked to look."""

    CLAIM_SCRUB = "claim-scrub"
    REVIEW_DRAFT = "review-draft"
    CONSENT_RENEWAL = "consent-renewal"
    CONSENT_MISSING = "consent-missing"
    CONSENT_NOT_COMPUTABLE = "consent-not-computable"
    MAJORITY = "majority"
    BREAK_GLASS = "break-glass-review"
    UNDECIDED_EFFECT = "undecided-effect"
    FOLLOW_UP = "follow-up"


def coding(system: str, code: str, display: str = "") -> Resource:
    """A FHIR Coding."""
    return {"system": system, "code": code, **({"display": display} if display else {})}


def concept(system: str, code: str, display: str = "") -> Resource:
    """A FHIR CodeableConcept with one coding."""
    return {"coding": [coding(system, code, display)]}


def purpose_coding(purpose: str) -> Resource:
    """The Coding of a request's purpose: ``system|code``, a Chartside purpose, or a v3-ActReason code."""
    system, bar, code = purpose.rpartition("|")
    if bar:
        return coding(system, code)
    return coding(PURPOSE_SYSTEM if purpose in Purpose.__members__ else ACT_REASON_SYSTEM, purpose)


def has_coding(codings: Any, system: str, code: str) -> bool:
    """Whether a list of Codings (as a server sent it, so of any form) holds this system and code."""
    if not isinstance(codings, list):
        return False
    return any(isinstance(c, dict) and c.get("system") == system and c.get("code") == code for c in codings)
