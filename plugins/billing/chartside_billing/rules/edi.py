"""EDI: the interchange itself."""

from __future__ import annotations

import re

from chartside_billing.model import Claim, Party
from chartside_billing.rules.base import NEEDS, OK, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import MODIFIERS
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View
from chartside_billing.x12.mend import transliterate

VERSIONS = frozenset({"005010X222A1", "005010X222A2", "005010X222"})
_FOREIGN = re.compile(r"[^\x20-\x7e]|[`^]")
_DELIMITERS = re.compile(r"[*~^:|]")
_LATIN = "Write the name in Latin letters in the chart, as the insurer has it."
_NOTHING = (
    "Nothing: the writer repairs it and says so. Correct the chart only if the insurer writes it otherwise."
)
_RENDER = NotChecked("needs the written 837P: use `chartside billing write`, which validates what it writes")


@check("EDI-001")
def guide(v: View, k: Loaded) -> Outcome:
    """The reader's complaints, and what both public validators miss: HL04, BHT01, the guide's version."""
    claim = v.claim
    hits = [
        Hit(issue.message, issue.where)
        for issue in claim.issues
        if issue.fatal and not issue.code.startswith(("charset", "control"))
    ]
    if claim.envelope is None:
        return hits or _RENDER
    hits.extend(_header(v))
    if claim.billing_hl_child == "0":
        hits.append(
            hit(
                "HL04 of the billing provider says that no subscriber follows, but one does",
                where="2000A HL04",
            )
        )
    if claim.subscriber_hl_child == "0" and claim.patient is not None:
        hits.append(hit("HL04 of the subscriber says 0, but a patient loop follows", where="2000B HL04"))
    if claim.patient_hl_child == "1":
        hits.append(
            hit("HL04 of the patient says 1, but nothing can follow a patient loop", where="2000C HL04")
        )
    if not claim.lines:
        hits.append(hit("The claim has no service line", where=claim.where))
    hits.extend(
        hit(f"SV101-1 is {line.line.code_qualifier or 'empty'}, not HC", line)
        for line in v.lines
        if line.line.code_qualifier not in {"HC", "ER", "IV", "WK"}
    )
    return hits


def _header(v: View) -> list[Hit]:
    claim, envelope = v.claim, v.claim.envelope
    hits: list[Hit] = []
    if envelope is None:
        return hits
    if envelope.version and envelope.version not in VERSIONS:
        hits.append(hit("GS08 does not name the professional guide 005010X222A1", where="GS08"))
    if envelope.structure and envelope.structure != "0019":
        hits.append(hit("BHT01 is not 0019", where="BHT01"))
    if envelope.transaction_type and envelope.transaction_type not in {"CH", "RP", "31"}:
        hits.append(hit("BHT06 is none of CH, RP, 31", where="BHT06"))
    if claim.submitter is None or not (claim.submitter.last and claim.submitter.id):
        hits.append(hit("The submitter's name or id is missing", where="1000A NM1*41"))
    if claim.receiver is None or not (claim.receiver.last and claim.receiver.id):
        hits.append(hit("The receiver's name or id is missing", where="1000B NM1*40"))
    return hits


@check("EDI-002")
def control_numbers(v: View, k: Loaded) -> Outcome:
    """Trailers against headers, said against counted."""
    e = v.claim.envelope
    if e is None:
        return _RENDER
    cut = [i for i in v.claim.issues if i.code == "control-trailer"]
    if cut:  # the numbers and counts of a missing trailer say nothing more
        return [Hit(cut[0].message, cut[0].where)]
    pairs = (
        (e.se_control, e.st_control, "SE02 does not repeat ST02", "SE02"),
        (e.ge_control, e.gs_control, "GE02 does not repeat GS06", "GE02"),
        (e.iea_control, e.isa_control, "IEA02 does not repeat ISA13", "IEA02"),
    )
    hits = [hit(text, where=where) for said, meant, text, where in pairs if said.strip() != meant.strip()]
    counts = (
        (e.segments_said, e.segments_counted, "SE01 says {} segments, {} were counted", "SE01"),
        (e.sets_said, e.sets_counted, "GE01 says {} transaction sets, {} were counted", "GE01"),
        (e.groups_said, e.groups_counted, "IEA01 says {} groups, {} were counted", "IEA01"),
    )
    hits.extend(
        hit(text.format("no" if said is None else said, counted), where=where)
        for said, counted, text, where in counts
        if counted is not None and said != counted
    )
    hits.extend(Hit(i.message, i.where) for i in v.claim.issues if i.code.startswith("control") and i.fatal)
    return hits


@check("EDI-003")
def characters(v: View, k: Loaded) -> Outcome:
    """Letters outside the X12 sets, delimiters inside data. What the writer repairs in a claim that is still to be
    written is announced (info); in a file that is already written it is a warning."""
    claim = v.claim
    hits = [Hit(issue.message, issue.where) for issue in claim.issues if issue.code.startswith("charset")]
    odd = [text for text in _strings(claim) if not text.isalnum() or not text.isascii()]
    foreign = [text for text in odd if _FOREIGN.search(text)]
    if v.from_file:
        if foreign and not hits:
            text = "A name, address or note has letters outside the X12 character set"
            hits.append(hit(text, where="names, addresses"))
        return hits
    lost = [text for text in foreign if transliterate(text).count("?") > text.count("?")]
    if lost:
        text = "A name, address or note has letters without a plain Latin form: the claim cannot be written"
        hits.append(hit(text, where="names, addresses", mend=_LATIN))
    elif foreign:
        text = (
            "Accents or marks in a name, address or note are written in plain letters when the claim goes out"
        )
        hits.append(hit(text, where="names, addresses", severity="info", mend=_NOTHING))
    if any(_DELIMITERS.search(text) for text in odd):
        text = "A delimiter (* ~ ^ : |) in a name, address or note becomes a blank when the claim goes out"
        hits.append(hit(text, where="names, addresses", severity="info", mend=_NOTHING))
    return hits


def _strings(claim: Claim) -> list[str]:
    found = [claim.id, *(text for _, text in claim.notes)]
    parties: tuple[Party | None, ...] = (
        claim.billing,
        claim.insurance.subscriber,
        claim.insurance.payer,
        claim.patient,
        claim.rendering,
        claim.facility,
    )
    for party in parties:
        if party is not None:
            found += (party.last, party.first, party.middle)
            if party.address is not None:
                found += (party.address.line1, party.address.line2, party.address.city)
    return found


@check("EDI-004")
def usage(v: View, k: Loaded) -> Outcome:
    """T until the payer's profile says live."""
    envelope = v.claim.envelope
    if envelope is None:
        return _RENDER
    if envelope.usage not in {"T", "P"}:
        return [hit("ISA15 is neither T nor P", where="ISA15")]
    live = v.profile.live if v.profile else None
    if live is None:
        return NEEDS["live"]
    if envelope.usage == "P" and not live:
        return [hit("The file is marked as production, but this payer is not live yet", where="ISA15")]
    if envelope.usage == "T" and live:
        return [
            hit("The file is marked as a test, but this payer is live: it would not be paid", where="ISA15")
        ]
    return OK


@check("EDI-005")
def sizes(v: View, k: Loaded) -> Outcome:
    """50 lines, 12 diagnoses, 4 pointers, 4 modifiers, 5000 claims."""
    claim = v.claim
    hits: list[Hit] = []
    if len(claim.lines) > 50:
        hits.append(hit(f"{len(claim.lines)} service lines; a claim takes 50", where="2400 LX"))
    if len(claim.diagnoses) > 12:
        hits.append(hit(f"{len(claim.diagnoses)} diagnoses; a claim takes 12", where="2300 HI"))
    for line in v.lines:
        if len(line.line.pointers) > 4:
            hits.append(hit("More than 4 diagnosis pointers on a line", line, about="pointers"))
        if len(line.modifiers) > 4 or line.line.description in MODIFIERS:
            hits.append(hit("More than 4 modifiers on a line", line, about="modifier count"))
    envelope = claim.envelope
    if envelope is not None and (envelope.claims_counted or 0) > 5000:
        hits.append(hit("More than 5000 claims in one transaction set", where="ST"))
    return hits
