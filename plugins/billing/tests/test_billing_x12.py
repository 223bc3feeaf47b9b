"""X12: reading, writing back, and what two validators of others say of what we write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chartside.errors import InputError
from chartside_billing.cli_x12 import app
from chartside_billing.x12.acks import read_277, read_999
from chartside_billing.x12.example import claim
from chartside_billing.x12.read837 import read_837
from chartside_billing.x12.reading import read_document
from chartside_billing.x12.remit import balance, read_835
from chartside_billing.x12.segments import normalise, read_segments
from chartside_billing.x12.validate import check_all, check_pyx12, check_x12sdk
from chartside_billing.x12.write837 import Control, write_837

CONTROL = Control(created=datetime(2026, 11, 24, 9, 30), interchange=7, group=7, transaction=7)
PLACES = {"where", "envelope", "source", "issues", "created"}
NOT_PROFESSIONAL = {"demo.837i", "out-of-network-repriced-claim.837i", "ppo-repriced-claim.837i"}
NOT_PROFESSIONAL |= {"two-claims-single-provider.837i", "sample837-HL-nested.edi"}
PLACES |= {"billing_hl_child", "subscriber_hl_child", "patient_hl_child"}


def content(thing: Any) -> Any:
    """A claim without where it stood in its file."""
    if is_dataclass(thing):
        return {f.name: content(getattr(thing, f.name)) for f in fields(thing) if f.name not in PLACES}
    if isinstance(thing, list):
        return [content(part) for part in thing]
    if isinstance(thing, dict):
        return {key: content(part) for key, part in thing.items()}
    return thing


def x12_files(folder: Path) -> Iterator[Path]:
    return (p for p in sorted((folder / "x12").rglob("*")) if p.is_file() and p.suffix not in {".md", ".csv"})


def test_every_public_file_is_written_back_as_it_was(shared_data: Path) -> None:
    """Issue 4, shown 2: segments are read and written back; only blank space between them may differ."""
    for path in x12_files(shared_data):
        again = "".join(normalise(path).split())
        once = "".join(path.read_text().split())
        assert again.rstrip("~") == once.rstrip("~"), path.name


def test_public_837p_files_reread_equal_or_are_refused_with_segment_and_reason(shared_data: Path) -> None:
    """Issue 4, shown 2: every claim of a public 837P survives model, writer and reader."""
    read = 0
    for path in x12_files(shared_data):
        text = path.read_text()
        if "ST*837" not in text and "ST|837" not in text:
            continue
        if path.name in NOT_PROFESSIONAL or path.parent.name == "example_5010_837d":
            with pytest.raises(InputError, match=r"^segment \d+ "):
                read_837(path)
            continue
        claims = read_837(path)
        assert len(claims) == sum(seg.id == "CLM" for seg, _ in read_segments(text))
        if claims:
            again = read_837(write_837(claims, control=CONTROL, repair=False).data)
            assert content(again) == content(claims), path.name
            read += len(claims)
    assert read == 194


def test_public_835_files_reread_equal(shared_data: Path) -> None:
    """Issue 4, shown 2, and ERA-001: read, written, read again; the sums are checked."""
    unbalanced = set()
    for path in x12_files(shared_data):
        if "ST*835" in path.read_text():
            remittances = read_835(path)
            assert read_835(normalise(path)) == remittances
            if any(balance(r) for r in remittances):
                unbalanced.add(path.name)
    assert unbalanced == {"sample1.txt", "sample2.txt", "tertiary-payment.835"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "segment 1"),
        ("hello", "does not begin with ISA"),
        ("ISA*00*", "fewer than 16 elements"),
        ("ISA" + "*00" * 15 + "*:~GS*HC~ST*837*1~SE*2*1~GE*1*1~IEA*1*1~NM1*41~", "after IEA"),
        ("ISA" + "*00" * 15 + "*:~GS*HC*A*B*C*D*1*X*005010X222A1~NM1*41~", "outside a transaction set"),
        ("ISA" + "*00" * 15 + "*:~GS*HC~ST*837*1~HL*1**99~", "segment 4 HL"),
        ("ISA" + "*00" * 15 + "*:~GS*HC~ST*837*1~??*1~", "segment 4"),
    ],
)
def test_what_is_no_claim_file_is_refused_with_the_reason(text: str, reason: str) -> None:
    """Issue 4: a clear error that names the segment."""
    with pytest.raises(InputError, match=reason):
        read_837(text)


def test_delimiters_line_feeds_indents_and_a_missing_terminator_do_not_matter() -> None:
    """billing.md: any delimiters, line feed as terminator, indented segments, no last terminator."""
    plain = write_837([claim()], control=CONTROL).data.decode()
    odd = plain.replace("\n", "").replace("*", "|").replace(":", ">").replace("~", "\n   ").rstrip()
    assert content(read_837(odd)) == content(read_837(plain))


def test_a_cut_file_says_so_on_its_claims() -> None:
    """A file without its trailers keeps its claims and complains."""
    text = write_837([claim()], control=CONTROL).data.decode()
    cut = text[: text.index("\nSE*")]
    (found,) = read_837(cut)
    assert {issue.code for issue in found.issues} == {"control-trailer"}


def test_both_validators_pass_what_we_write() -> None:
    """Issue 4, shown 3: pyx12 and x12sdk find nothing in our 837P, known false alarms apart."""
    claims = [claim(), claim(dependent=True), claim(secondary=True), claim(frequency="7")]
    written = write_837(claims, control=CONTROL)
    assert check_all(written.data) == []
    assert len(read_837(written.data)) == 4


def test_the_validators_can_fail() -> None:
    """The check above is worth something: a broken file is found by both."""
    text = write_837([claim()], control=CONTROL).data.decode().replace("CLM*", "CLM**", 1)
    assert check_pyx12(text)
    assert check_x12sdk(text)


def test_known_false_alarms_are_named_not_hidden() -> None:
    """billing.md: x12sdk refuses sex U, which the guide allows."""
    odd = claim()
    assert odd.insurance.subscriber is not None
    odd.insurance.subscriber.sex = "U"
    found = check_x12sdk(write_837([odd], control=CONTROL).data)
    assert {p.false_alarm for p in found} <= {"x12sdk-sex"}
    assert check_pyx12(write_837([odd], control=CONTROL).data) == []


def test_the_same_claims_give_the_same_bytes() -> None:
    """The writer is deterministic given control numbers and time."""
    one, two = (write_837([claim(), claim(dependent=True)], control=CONTROL).data for _ in range(2))
    assert one == two
    assert b"*261124*0930*^*00501*000000007*0*T*:~" in one
    assert b"*P*:~" in write_837([claim()], control=CONTROL, production=True).data


def test_repairs_mend_the_format_only_and_say_so() -> None:
    """billing.md, repairs are not edits: trim, upper, transliterate, ICD dot; the claim itself stays as it is."""
    odd = claim()
    assert odd.insurance.subscriber is not None
    assert odd.billing is not None
    odd.insurance.subscriber.last = " Núñez*O’Neil "
    odd.diagnoses[0] = replace(odd.diagnoses[0], code="F41.1")
    odd.billing.tax_id = "12-3456789"
    written = write_837([odd], control=CONTROL)
    assert b"NM1*IL*1*NUNEZ O'NEIL*" in written.data
    assert b"HI*ABK:F411~" in written.data
    assert b"REF*EI*123456789~" in written.data
    assert {r.where for r in written.repairs} == {"2010BA NM103", "2300 HI", "2010AA REF02"}
    assert odd.insurance.subscriber.last == " Núñez*O’Neil "
    assert not any("Nu" in r.what or "O'Neil" in r.what for r in written.repairs)


def test_letters_without_a_plain_form_are_refused_not_invented() -> None:
    """A name that cannot be transliterated is no format repair; the place is named, the name is not."""
    odd = claim()
    assert odd.insurance.subscriber is not None
    odd.insurance.subscriber.last = "李"
    with pytest.raises(InputError, match="2010BA NM103: it has letters") as caught:
        write_837([odd], control=CONTROL)
    assert "李" not in str(caught.value)


def test_a_claim_that_lacks_what_the_guide_needs_is_refused_in_words() -> None:
    """The writer invents nothing."""
    odd = claim()
    odd.diagnoses, odd.release = [], ""
    with pytest.raises(InputError, match=r"release of information .*; a diagnosis"):
        write_837([odd], control=CONTROL)


@pytest.mark.parametrize(
    "control",
    [
        replace(CONTROL, sender_id="A" * 16),
        replace(CONTROL, receiver_id="A"),
        replace(CONTROL, interchange=10**9),
    ],
)
def test_what_does_not_fit_the_envelope_is_refused_never_cut(control: Control) -> None:
    """ISA has fixed widths."""
    with pytest.raises(InputError, match=r"ISA0|control number"):
        write_837([claim()], control=control)


def test_subscribers_and_dependants_get_their_levels() -> None:
    """HL04 and the parents are right for two patients of one subscriber (EDI-001)."""
    text = write_837([claim(dependent=True), claim(dependent=True)], control=CONTROL).data.decode()
    levels = [line for line in text.splitlines() if line.startswith("HL*")]
    assert levels == ["HL*1**20*1~", "HL*2*1*22*1~", "HL*3*2*23*0~"]


@pytest.mark.slow
def test_more_than_five_thousand_claims_go_into_further_sets() -> None:
    """EDI-005: 5,000 claims in a transaction set."""
    one = claim()
    text = write_837([one] * 5_001, control=CONTROL).data.decode()
    assert [line for line in text.splitlines() if line[:2] == "ST"] == [
        "ST*837*0007*005010X222A1~",
        "ST*837*0008*005010X222A1~",
    ]
    assert "GE*2*7~" in text


@pytest.mark.slow
def test_more_than_a_hundred_claims_of_one_patient_begin_a_new_level() -> None:
    """The guide repeats 2300 a hundred times; pyx12 counts."""
    claims = [replace(claim(dependent=n > 150), id=f"A{n}") for n in range(410)]
    data = write_837(claims, control=CONTROL).data
    assert check_pyx12(data) == []
    assert [found.id for found in read_837(data)] == [one.id for one in claims]


def test_a_999_tells_which_set_was_rejected_and_where(shared_data: Path) -> None:
    """ACK-001: sets, segments, elements and the claim that the receiver names."""
    (answer,) = read_999(shared_data / "x12/xlate-staedi/x12/simple999.edi")
    assert [(s.control, s.accepted) for s in answer.sets] == [
        ("0001", True),
        ("0002", False),
        ("0003", False),
    ]
    error = answer.sets[1].errors[0]
    assert (error.segment, error.position, error.claim_number, error.elements) == (
        "CLM",
        22,
        "123456789",
        [("2", "1")],
    )


def test_an_invalid_999_is_refused_with_its_segment(shared_data: Path) -> None:
    """A 999 whose parts stand in the wrong order."""
    with pytest.raises(InputError, match="segment 4 IK5"):
        read_999(shared_data / "x12/xlate-staedi/x12/invalid999.edi")


def test_a_277ca_tells_what_became_of_each_claim(shared_data: Path) -> None:
    """ACK-001: claim number, category, payer's number."""
    (report,) = read_277(shared_data / "x12/imsweb-x12-parser/277_5010/x12_277CA_accepted.txt")
    (item,) = report.claims
    assert (item.reference, item.statuses[0].category, item.payer_claim_number) == (
        "5781",
        "A2",
        "1107000000014420",
    )
    assert not item.rejected


def test_an_835_tells_payment_reasons_and_dates(shared_data: Path) -> None:
    """Claims, lines, adjustments with group and reason, trace."""
    folder = shared_data / "x12/keironstoddart-edi-835-parser/test_edi_835_files"
    (r,) = read_835(folder / "united_healthcare_legacy_sample.txt")
    assert (r.amount, r.paid_on, r.trace) == (Decimal("349.99"), date(2021, 2, 4), "1234567890")
    line = r.claims[0].lines[1]
    assert [(a.group, a.reason, a.amount) for a in line.adjustments] == [
        ("PR", "1", Decimal("105.26")),
        ("CO", "45", Decimal("79.60")),
    ]


@pytest.mark.slow
def test_read_shows_any_file_in_words_and_as_data(shared_data: Path) -> None:
    """Issue 4, without an EHR: ``read FILE`` and ``--json``."""
    runner = CliRunner()
    shown = runner.invoke(app, ["read", str(shared_data / "x12/LinuxForHealth-x12/demo-file/demo.835")])
    assert shown.exit_code == 0
    assert "The sums balance" in shown.stdout
    for path in x12_files(shared_data):
        result = runner.invoke(app, ["read", str(path), "--json"])
        assert result.exit_code in {0, 2}, path.name
        if result.exit_code == 0:
            assert json.loads(result.stdout)["kind"] in {"837", "835", "999", "277", "271"}
        else:
            assert result.stderr.startswith("error: "), path.name
    assert (
        "IMA"
        not in runner.invoke(
            app, ["read", str(shared_data / "x12/imsweb-x12-parser/277_5010/x12_277CA_accepted.txt")]
        ).stdout
    )


def test_write_gives_an_837p_and_its_repairs(tmp_path: Path) -> None:
    """Issue 4, without an EHR: ``write FILE --out``."""
    source, target = tmp_path / "in.837", tmp_path / "out.837"
    source.write_bytes(write_837([claim()], control=CONTROL).data)
    arguments = ["write", str(source), "--out", str(target), "--created", "2026-11-24", "--control", "9"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    (found,) = read_837(target)
    assert found.id == claim().id


def test_what_a_validator_refuses_is_not_written(tmp_path: Path) -> None:
    """Issue 4, shown 3: no file of ours leaves that pyx12 or x12sdk refuses."""
    source, target = tmp_path / "in.837", tmp_path / "out.837"
    text = write_837([claim()], control=CONTROL).data.decode().replace("*MI*W123456789~", "~")
    source.write_text(text)
    result = CliRunner().invoke(app, ["write", str(source), "--out", str(target)])
    assert (result.exit_code, target.exists()) == (1, False)
    assert "not written" in result.stderr
    asked = CliRunner().invoke(app, ["write", str(source), "--out", str(target), "--no-validate"])
    assert (asked.exit_code, target.exists()) == (0, True)


def test_errors_hold_no_content() -> None:
    """S-8: an error names places, never what stands there."""
    text = write_837([claim()], control=CONTROL).data.decode()
    for old, new in (
        ("SV1*", "SV9*SECRETNAME*"),
        ("CLM*", "CLX*SECRETNAME*"),
        ("NM1*IL", "NM1*ZZ*SECRETNAME"),
    ):
        with pytest.raises(InputError) as caught:
            read_837(text.replace(old, new))
        assert "SECRETNAME" not in str(caught.value)


def test_read_document_refuses_what_it_cannot_say() -> None:
    """An 834 is not read, and the error lists what is."""
    text = "ISA" + "*00" * 15 + "*:~GS*BE*A*B*C*D*1*X*005010X220A1~ST*834*1~SE*2*1~GE*1*1~IEA*1*1~"
    with pytest.raises(InputError, match="837, 835"):
        read_document(text)


def test_claims_are_told_apart(shared_data: Path) -> None:
    """Guides of other claim kinds are refused, not misread."""
    for name in ("moov-io-x12/example_5010_837d/sample.txt", "LinuxForHealth-x12/demo-file/demo.837i"):
        with pytest.raises(InputError, match=r"segment 2 GS: this is an? (institutional|dental)"):
            read_837(shared_data / "x12" / name)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("HL*2*1*", "HL*3*1*", "hl"),
        ("HL*2*1*", "HL*2*9*", "hl"),
        ("HI*ABK", "MOA*1~\nHI*ABK", "order"),
        ("LX*1~", "HI*ABF:F319~\nLX*1~", "order"),
        ("LX*1~", "LX*1~\nSV1*HC:90834*1*UN*1***1~", "repeat"),
        ("*11:B:1*", "*11>B>1*", "separator"),
    ],
)
def test_faults_of_structure_are_issues_of_the_claim(old: str, new: str, code: str) -> None:
    """EDI-001: the claim is read, and the fault is named with its segment."""
    text = write_837([claim()], control=CONTROL).data.decode()
    assert old in text
    (found,) = read_837(text.replace(old, new, 1))
    assert found.id == "ACC1001"
    assert code in {
        issue.code for issue in found.issues if issue.fatal and issue.where.startswith("segment ")
    }
