"""The file around a claim: envelopes and what a reader saw wrong in the form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(slots=True)
class Envelope:
    """ISA, GS, ST, BHT and their trailers, with what the reader counted. Claims of one transaction set share it."""

    sender_qualifier: str = ""
    sender_id: str = ""
    receiver_qualifier: str = ""
    receiver_id: str = ""
    usage: str = ""
    """ISA15: T or P."""
    isa_control: str = ""
    iea_control: str = ""
    group_sender: str = ""
    group_receiver: str = ""
    gs_control: str = ""
    ge_control: str = ""
    version: str = ""
    """GS08."""
    st_control: str = ""
    se_control: str = ""
    st_version: str = ""
    segments_said: int | None = None
    """SE01."""
    segments_counted: int | None = None
    sets_said: int | None = None
    """GE01."""
    sets_counted: int | None = None
    groups_said: int | None = None
    """IEA01."""
    groups_counted: int | None = None
    claims_counted: int | None = None
    """CLM segments in the transaction set."""
    structure: str = ""
    """BHT01."""
    purpose: str = ""
    """BHT02: 00 original, 18 reissue."""
    reference: str = ""
    """BHT03."""
    created: date | None = None
    """BHT04."""
    created_time: str = ""
    transaction_type: str = ""
    """BHT06: CH chargeable, RP reporting, 31 subrogation."""
    element_separator: str = "*"
    component_separator: str = ":"
    repetition_separator: str = "^"
    segment_terminator: str = "~"


@dataclass(slots=True)
class SyntaxIssue:
    """What a reader saw wrong in the form: a machine word, a plain sentence without content, the place.

    ``fatal``: the receiver will refuse the file for it. Becomes a finding of EDI-001 (of EDI-003 if ``code`` begins
    with ``charset``).
    """

    code: str
    message: str
    where: str = ""
    fatal: bool = True
