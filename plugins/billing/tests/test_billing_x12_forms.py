"""X12 files in the forms in which they are met: other separators, encodings, several sets, cut ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from chartside.errors import InputError
from chartside_billing.model import Party
from chartside_billing.x12.example import claim
from chartside_billing.x12.read837 import read_837
from chartside_billing.x12.reading import read_document
from chartside_billing.x12.write837 import Control, write_837

CONTROL = Control(created=datetime(2026, 11, 24, 9, 30))
TEXT = write_837([claim(), claim(dependent=True)], control=CONTROL).data.decode()
FLAT = TEXT.replace("\n", "")
SET = FLAT[FLAT.index("ST*") : FLAT.index("GE*")]
GROUP = FLAT[FLAT.index("GS*") : FLAT.index("IEA*")]
TA1 = (
    "ISA*00*          *00*          *ZZ*A              *ZZ*B              *260101*0000*^*00501*000000001*0*T*:~"
    "TA1*000000007*260101*0000*R*006~IEA*0*000000001~"
)


def with_two_sets() -> str:
    second = SET.replace("ST*837*0001", "ST*837*0002").replace("*0001~", "*0002~")
    return FLAT.replace(SET, SET + second).replace("GE*1*", "GE*2*")


def with_two_groups() -> str:
    second = GROUP.replace("*0930*1*X", "*0930*2*X").replace("GE*1*1", "GE*1*2")
    return FLAT.replace(GROUP, GROUP + second).replace("IEA*1*", "IEA*2*")


@pytest.mark.parametrize(
    ("data", "claims", "issues"),
    [
        (TEXT.replace("\n", "\r\n").encode(), 2, set()),
        (b"\xef\xbb\xbf" + TEXT.encode(), 2, set()),
        ((TEXT.replace("~\n", "~   \n   ") + "   \n\n").encode(), 2, set()),
        (FLAT.replace("*", "\x1d").replace("~", "\x1c").replace(":", "\x1f").encode(), 2, set()),
        (TEXT.replace("~\n", "\r").encode(), 2, set()),
        (with_two_sets().encode(), 4, set()),
        (with_two_groups().encode(), 4, set()),
        ((TEXT + TEXT).encode(), 4, set()),
        (FLAT[: FLAT.index("IEA")].encode(), 2, {"control-trailer"}),
    ],
    ids=["crlf", "bom", "blanks", "separators", "cr", "sets", "groups", "interchanges", "no IEA"],
)
def test_forms_that_are_met_are_read(data: bytes, claims: int, issues: set[str]) -> None:
    """billing.md: any separators, several sets, groups and interchanges; no claim is lost, faults are told."""
    found = read_837(data)
    assert len(found) == claims
    assert {issue.code for one in found for issue in one.issues} == issues


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_names_are_read_in_either_encoding(encoding: str) -> None:
    """Latin-1 is what older senders write."""
    found = read_837(TEXT.replace("RIVERA", "PEÑA").encode(encoding))
    assert found[0].insurance.subscriber is not None
    assert found[0].insurance.subscriber.last == "PEÑA"


def test_a_ta1_is_read() -> None:
    """The interchange itself refused."""
    assert list(read_document(TA1.encode()).lines()) == ["Interchange 000000007: rejected, code 006"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (TEXT.lower().encode(), "segment 1: the file does not begin with ISA"),
        (TEXT.encode("utf-16"), "segment 1: the file does not begin with ISA"),
        (b"", "segment 1"),
        (TEXT.replace("005010X222A1", "004010X098A1").encode(), "segment 2 GS: version '004010X098A1'"),
    ],
    ids=["lower case", "utf-16", "empty", "4010"],
)
def test_other_files_are_refused_with_segment_and_reason(data: bytes, reason: str) -> None:
    """Issue 4, shown 2."""
    with pytest.raises(InputError, match=reason):
        read_837(data)


def test_claims_of_two_submitters_keep_theirs() -> None:
    """Seen in a public file: two groups of one interchange, each with its own 1000A."""
    other = Party(entity="2", last="OAK THERAPY", id_qualifier="46", id="OAK01")
    first, second = read_837(TEXT)[:1], read_837(TEXT.replace("ELM THERAPY", "OAK THERAPY"))[:1]
    again = read_837(write_837([*first, *second], control=CONTROL, repair=False).data)
    assert [c.submitter.last for c in again if c.submitter] == ["ELM THERAPY", "OAK THERAPY"]
    ends = {"submitter": other, "receiver": first[0].receiver}
    account = read_837(write_837([*first, *second], control=CONTROL, **ends).data)  # type: ignore[arg-type]
    assert {c.submitter.last for c in account if c.submitter} == {"OAK THERAPY"}


def test_empty_diagnoses_behind_the_last_one_are_no_diagnoses() -> None:
    """Seen in a public file: ``HI*BK:1739*:*:``."""
    (found, _) = read_837(TEXT.replace("HI*ABK:F411", "HI*ABK:F411*:*:"))
    assert [d.code for d in found.diagnoses] == ["F411"]


def test_a_claim_without_a_billing_provider_is_written_back_without_one() -> None:
    """Nothing is made up, not even an empty NM1."""
    bare = [replace(read_837(TEXT)[0], billing=None)]
    (again,) = read_837(write_837(bare, control=CONTROL, repair=False).data)
    assert again.billing is None
