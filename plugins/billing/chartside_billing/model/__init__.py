"""The claim as this plugin thinks of it: what an 837P (005010X222A1) says, and what the chart knows beside it.

Two readers fill it (``chartside_billing.x12`` from a file, ``chartside_billing.fhir_claim`` from the EHR), one
writer and the rules read it. Money is ``Decimal`` in dollars, days are ``date``, instants are aware ``datetime``.
In what the 837P carries, an empty string or an empty list means "not sent". In what only the chart knows (``Visit``,
``Note``, ``CoverageFacts``, ``ProviderFacts``, ``History``), ``None`` means "not known", which is no answer: a rule
that needs it says "not checked". ``where`` is the place of a part in its source, for messages:
``"segment 23 CLM"``, ``"Claim.item[0]"``.

``extra`` keeps, in their order, the segments of a loop that no field holds, so that a file can be written back.
"""

from __future__ import annotations

from chartside_billing.model.claim import Claim, History, PriorClaim
from chartside_billing.model.cover import Authorization, CoverageFacts, Eligibility, Insurance
from chartside_billing.model.envelope import Envelope, SyntaxIssue
from chartside_billing.model.line import Attachment, Diagnosis, Line, LineAdjudication
from chartside_billing.model.parts import Address, Adjustment, Amount, Contact, DateSpan, Reference, Segment
from chartside_billing.model.people import Party, Person, ProviderFacts, Qualification
from chartside_billing.model.visit import Note, Visit

__all__ = [
    "Address",
    "Adjustment",
    "Amount",
    "Attachment",
    "Authorization",
    "Claim",
    "Contact",
    "CoverageFacts",
    "DateSpan",
    "Diagnosis",
    "Eligibility",
    "Envelope",
    "History",
    "Insurance",
    "Line",
    "LineAdjudication",
    "Note",
    "Party",
    "Person",
    "PriorClaim",
    "ProviderFacts",
    "Qualification",
    "Reference",
    "Segment",
    "SyntaxIssue",
    "Visit",
]
