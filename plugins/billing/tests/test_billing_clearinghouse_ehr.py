"""The evening against an EHR: claims go out once, answers are worked in once, whatever happens in between."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest
from fhir.resources.R4B.invoice import Invoice
from fhir.resources.R4B.paymentreconciliation import PaymentReconciliation
from fhir.resources.R4B.task import Task as TaskR4

from chartside.audit import Event
from chartside.clock import FrozenClock
from chartside.context import Context
from chartside.errors import ChannelUnavailable, MessageRejected, OutboundRefused, OutcomeUnknown
from chartside.overdue import until
from chartside.testing import host_for
from chartside.testing.ehr import Ehr
from chartside_billing.clearinghouse import LocalClearinghouse
from chartside_billing.clearinghouse.answers import write_999
from chartside_billing.clearinghouse.base import interchange_number
from chartside_billing.clearinghouse.refused import (
    SentClaim,
    SentFile,
    of_group,
    of_interchange,
    of_report,
    refused_claims,
)
from chartside_billing.codes.importers import Options, import_set
from chartside_billing.evening.account import Parties
from chartside_billing.evening.receive import receive
from chartside_billing.evening.submit import submit
from chartside_billing.evening.worklist import worklist
from chartside_billing.model import Claim
from chartside_billing.x12.acks import ClaimStatus, GroupAnswer, InterchangeAnswer, Status, StatusReport
from chartside_billing.x12.read837 import read_837
from chartside_billing.x12.remit_fhir import Matched

Send = Callable[[list[Claim]], dict[str, int]]


@pytest.fixture
def send(context: Context, house: LocalClearinghouse, parties: Parties, clock: FrozenClock) -> Send:
    """Send claims; the counts of the report."""

    def send_them(claims: list[Claim]) -> dict[str, int]:
        clock.advance(1)  # an interchange is numbered by its second
        return dict(submit(context, house, claims, parties).counts)

    return send_them


def test_claims_go_out_once(claims: list[Claim], send: Send) -> None:
    """Doing it twice does it once: a second evening sends nothing, nor does a new version of what went out; a
    replacement (7) is another claim."""
    assert send(claims) == {"sent": 20}
    assert send(claims) == {"sent before": 20}
    touched = replace(claims[0], source=claims[0].source + "1", provider_signature="N")
    assert send([touched]) == {"sent before": 1}
    replacement = replace(claims[0], frequency="7", original_claim_number="P1")
    assert send([replacement, claims[1]]) == {"sent": 1, "sent before": 1}


def test_a_rejected_claim_goes_out_again_when_its_task_is_completed(
    ehr: Ehr, context: Context, house: LocalClearinghouse, claims: list[Claim], send: Send
) -> None:
    """ACK-001: a person mends and completes the Task of the rejection; until then the claim waits, then goes once."""
    assert claims[0].billing is not None
    unroutable = replace(claims[0], billing=replace(claims[0].billing, id="1234567890"))
    send([unroutable, claims[1]])
    receive(context, house)
    (task,) = [t for t in ehr.all("Task") if "did not get through" in t.get("description", "")]
    assert task["focus"] == {"reference": f"Claim/{claims[0].id}"}
    waits = "rejected before: waits until its task is closed"
    assert send(claims[:2]) == {waits: 1, "sent before": 1}
    ehr.put({**task, "status": "completed"})
    assert send(claims[:2]) == {"sent": 1, "sent before": 1}
    assert send(claims[:2]) == {"sent before": 2}


def test_a_refused_file_names_its_claims_and_they_go_out_again(
    ehr: Ehr, context: Context, house: LocalClearinghouse, claims: list[Claim], send: Send, clock: FrozenClock
) -> None:
    """ACK-001: a 999 that rejects a whole file; a Task with every claim, a worklist line each; completed, they go once.
    The same for a TA1 and for a 277CA above the claims. No claim of another file is named."""
    send(claims[:3])
    for answer in list(house.fetch()):
        house.done(answer)
    send(claims[3:5])
    mine, number = [f"Claim/{c.id}" for c in claims[3:5]], f"{interchange_number(clock.now()):09}"
    (sent,) = [p for p in house._in.iterdir() if number in p.name]
    for answer in list(house.fetch()):
        house.done(answer)
    (house._out / "r.999").write_bytes(write_999(sent.read_bytes(), accepted=False, created=clock.now()))
    first = receive(context, house)
    assert first.counts["tasks"] == 1, first
    (task,) = [t for t in ehr.all("Task") if "nothing of it is with the payer" in t.get("description", "")]
    assert [i["valueReference"]["reference"] for i in task["input"]] == mine
    assert task["focus"]["reference"].startswith("DocumentReference/")
    assert all(name in task["description"] for name in mine)
    assert not [name for name in ehr.practice.canaries() if name in str(task)]
    TaskR4.model_validate(task)
    lines = [work for work in worklist(context) if work.task == f"Task/{task['id']}"]
    assert [work.claim for work in lines if work.at_risk > 0] == mine
    assert send(claims[3:5]) == {"rejected before: waits until its task is closed": 2}
    ehr.put({**task, "status": "completed"})
    assert send(claims[:5]) == {"sent": 2, "sent before": 3}
    assert send(claims[:5]) == {"sent before": 5}


def test_a_file_refused_in_another_way_names_its_claims_too() -> None:
    """TA1, a 999 without a set, a 277CA above the claims; an unknown file says that its claims are not known."""
    files = {"000000012": SentFile("DocumentReference/1", (SentClaim("Claim/1"), SentClaim("Claim/2", "S")))}
    batch = StatusReport(True, items=[ClaimStatus("receiver", "12", [Status("A8", "33")])])
    now = datetime(2026, 11, 24, tzinfo=UTC)
    for tasks in (
        [of_interchange(InterchangeAnswer("000000012", "R", "020"), files, now)],
        list(of_group(GroupAnswer("HC", "12", "", status="R"), files, now)),
        list(of_report(batch, [], files, now)),
    ):
        (task,) = tasks
        assert refused_claims(task) == [SentClaim("Claim/1"), SentClaim("Claim/2", "S")]
    (unknown,) = of_group(GroupAnswer("HC", "13", "", status="R"), files, now)
    assert refused_claims(unknown) == []
    assert "not known here" in unknown["description"]
    with_errors = of_interchange(InterchangeAnswer("000000012", "E", "020"), files, now)
    assert refused_claims(with_errors) == []


def test_a_claim_to_the_next_payer_that_is_refused_does_not_send_the_first_again(
    ehr: Ehr, context: Context, claims: list[Claim], send: Send
) -> None:
    """Two payers, one claim number: the Task of one's refusal says nothing of the other."""
    send(claims[:1])
    task = of_group(
        GroupAnswer("HC", "12", "", status="R"),
        {"000000012": SentFile("DocumentReference/1", (SentClaim(f"Claim/{claims[0].id}", "S"),))},
        context.clock.now(),
    )
    ehr.put({**next(iter(task)), "id": "refused", "status": "completed"})
    assert send(claims[:1]) == {"sent before": 1}


def test_nothing_goes_to_a_clearinghouse_that_is_not_registered(
    ehr: Ehr, clock: FrozenClock, opened: Any, parties: Parties, claims: list[Claim], tmp_path: Path
) -> None:
    """S-18, S-9: no entry in the outbound registry, no file; what goes out stands in the audit trail first, and so does
    what the gate decided (C-8)."""
    house = LocalClearinghouse(tmp_path / "house", clock)
    with host_for(ehr, clock, plugins={"billing": {"enabled": True}}) as host:
        with pytest.raises(OutboundRefused, match="no registered recipient"):
            submit(host.context("billing"), house, claims, parties)
        assert list(house.fetch()) == []
    with opened(clearinghouse=None) as host:
        clock.advance(3600)
        submit(host.context("billing"), house, claims, parties)
        records = list(host.auditor.trail.records())
        assert [r.target for r in records if r.event is Event.DISCLOSURE] == [c.source for c in claims]
        decided = [r for r in records if r.event is Event.DECISION]
        assert [(r.patient, r.purpose) for r in decided] == [
            (c.member.ref, "HPAYMT") for c in claims if c.member
        ]


def test_the_answers_are_worked_in_once(
    ehr: Ehr, context: Context, house: LocalClearinghouse, claims: list[Claim], send: Send
) -> None:
    """Phase of the evening: 999, 277CA and 835 give one PaymentReconciliation and a Task for each denial, once."""
    send(claims)
    answers = list(house.fetch())
    before = len(ehr.all("Task"))
    report = receive(context, house)
    assert [row["kind"] for row in report.rows] == ["999", "277", "835"]
    assert list(house.fetch()) == []
    (payment,) = ehr.all("PaymentReconciliation")
    PaymentReconciliation.model_validate(payment)
    assert {d["request"]["reference"] for d in payment["detail"]} == {f"Claim/{c.id}" for c in claims}
    denials = len(ehr.all("Task")) - before
    assert denials == report.counts["tasks"] > 0
    for answer in answers:  # the same mail again
        (house._out / answer.name).write_bytes(answer.data)
    again = receive(context, house)
    assert (again.counts["payments known"], again.counts["tasks known"]) == (1, denials)
    assert len(ehr.all("PaymentReconciliation")) == 1
    assert len(ehr.all("Task")) == before + denials


@pytest.mark.slow
@pytest.mark.ehr(clients=12)
def test_draft_invoices_of_the_client_s_part_are_written_once_and_only_if_asked_for(
    ehr: Ehr, opened: Any, tmp_path: Path
) -> None:
    """INV-001: PR of the remittance and nothing else; status draft, for a person to look at."""
    kept: dict[Path, bytes] = {}
    for wanted in (False, True):
        with opened(invoices=wanted, charges=wanted) as host:
            host.run("billing.submit")
            answers = list((tmp_path / "house" / "out").iterdir())
            kept = {path: path.read_bytes() for path in answers} or kept
            report = host.run("billing.answers")
            assert bool(report.counts["draft invoices"]) is wanted
            for path, data in kept.items():  # the same mail again
                path.write_bytes(data)
    with opened(invoices=True) as host:
        assert host.run("billing.answers").counts["draft invoices"] == 0
    invoices = ehr.all("Invoice")
    assert len(invoices) > 2
    stored = {f"ChargeItem/{c['id']}": c for c in ehr.all("ChargeItem")}
    assert len(stored) == len(invoices)
    for invoice in invoices:
        (line,) = invoice["lineItem"]
        charge = stored[line["chargeItemReference"]["reference"]]
        assert charge["priceOverride"] == line["priceComponent"][0]["amount"]
        assert charge["subject"] == invoice["subject"]
        Invoice.model_validate(invoice)
        assert invoice["status"] == "draft"
        assert invoice["totalNet"]["value"] == 20
        assert invoice["subject"]["reference"].startswith("Patient/")


def test_an_ehr_that_fails_leaves_the_answer_for_the_next_run(
    ehr: Ehr, context: Context, house: LocalClearinghouse, claims: list[Claim], send: Send
) -> None:
    """Nothing is taken away at the clearinghouse before it stands in the EHR."""
    send(claims)
    ehr.faults.add("403", path="/PaymentReconciliation", times=50)
    first = receive(context, house)
    assert first.failed
    assert [a.name for a in house.fetch()] != []
    ehr.faults.clear()
    receive(context, house)
    assert len(ehr.all("PaymentReconciliation")) == 1
    assert list(house.fetch()) == []


def test_garbled_mail_is_set_aside_and_the_rest_goes_on(
    ehr: Ehr, context: Context, house: LocalClearinghouse, claims: list[Claim], send: Send
) -> None:
    """Fail soft in jobs."""
    send(claims)
    (house._out / "0-garbled.835").write_bytes(b"no X12")
    report = receive(context, house)
    assert report.counts["set aside"] == 1
    assert len(ehr.all("PaymentReconciliation")) == 1
    assert [a.name for a in house.fetch()] == ["0-garbled.835"]


def test_hostile_mail_holds_up_no_other(
    ehr: Ehr, context: Context, house: LocalClearinghouse, claims: list[Claim], send: Send
) -> None:
    """A day at the end of time, a number that would mean something in a search, an answer to a stranger's question."""
    send(claims)
    (mail,) = [a for a in house.fetch() if a.name.endswith(".835")]
    text = mail.data.decode()
    late = re.sub(r"(BPR(?:\*[^*~]*){15}\*)\d{8}", r"\g<1>99991231", text)
    assert late != text
    (house._out / mail.name).write_bytes(late.encode())
    strange = text.replace(f"CLP*{claims[0].id.upper()}*", "CLP*A,B|C$D*").replace("TRN*1*", "TRN*1*9")
    assert strange != text
    (house._out / "strange.835").write_bytes(strange.encode())
    report = receive(context, house, appeal_days=90)
    assert not report.failed, report.notes
    assert report.counts["835 worked in"] == 2
    assert list(house.fetch()) == []


def test_two_files_in_one_second_have_two_numbers(
    context: Context, house: LocalClearinghouse, parties: Parties, claims: list[Claim]
) -> None:
    """The number of an interchange is its second's; a taken one is not used again."""
    for part in (claims[:2], claims[2:4]):
        assert submit(context, house, part, parties).counts["sent"] == 2
    assert len(list(house._in.iterdir())) == 2


class Broken(LocalClearinghouse):
    """A house whose line is cut: surely before, or nobody knows when."""

    error: Exception = ChannelUnavailable("down")

    def submit(self, name: str, data: bytes) -> None:
        raise self.error


@pytest.mark.slow
def test_what_surely_did_not_leave_goes_out_later(
    context: Context,
    parties: Parties,
    claims: list[Claim],
    send: Send,
    tmp_path: Path,
    house: LocalClearinghouse,
) -> None:
    """ChannelUnavailable gives the claims back, and so does a file that was refused as a whole (a token that ended)."""
    for error in (ChannelUnavailable("down"), MessageRejected("the clearinghouse refused the file (401)")):
        broken = Broken(tmp_path, context.clock)
        broken.error = error
        report = submit(context, broken, claims, parties)
        assert report.failed
    assert send(claims) == {"sent": 20}


def test_what_may_have_left_is_never_sent_again_blindly(
    context: Context,
    parties: Parties,
    claims: list[Claim],
    send: Send,
    tmp_path: Path,
    house: LocalClearinghouse,
) -> None:
    """OutcomeUnknown: the claims stay begun."""
    broken = Broken(tmp_path, context.clock)
    broken.error = OutcomeUnknown("cut")
    with pytest.raises(OutcomeUnknown):
        submit(context, broken, claims, parties)
    assert "sent" not in send(claims)
    assert list(house.fetch()) == []


class Slow:
    """What takes so long that the job is past its limit: nothing goes out then, or what went out is recorded so."""

    def __init__(self, inner: Any, over: Flag) -> None:
        self._inner, self._over = inner, over
        self.recipient = getattr(inner, "recipient", None)

    def disclose(self, *args: Any, **options: Any) -> None:
        self._over.set()
        self._inner.disclose(*args, **options)

    def submit(self, *args: Any) -> None:
        self._inner.submit(*args)
        self._over.set()


def test_a_job_that_is_overdue_gives_back_what_did_not_leave_and_records_what_did(
    context: Context, house: LocalClearinghouse, parties: Parties, claims: list[Claim], clock: FrozenClock
) -> None:
    """H-1, R-10: neither is left as begun, which nobody could decide."""
    over = Flag()
    late: Any = replace(context, outlet=Slow(context.outlet, over))  # type: ignore[arg-type]
    with until(over):
        assert submit(late, house, claims[:2], parties).failed
    assert not list(house._in.iterdir())
    over = Flag()
    with until(over):
        assert submit(context, Slow(house, over), claims[:2], parties).counts["sent"] == 2  # type: ignore[arg-type]
    clock.advance(1)
    assert submit(context, house, claims[:2], parties).counts == {"sent before": 2}


@pytest.mark.slow
def test_a_claim_that_cannot_be_written_holds_up_no_other(
    context: Context, house: LocalClearinghouse, parties: Parties, claims: list[Claim]
) -> None:
    """One bad record is set aside, counted, shown."""
    claims[3] = replace(claims[3], diagnoses=[])
    claims[5] = replace(claims[5], pos="AB")
    report = submit(context, house, claims, parties)
    assert (report.counts["sent"], report.counts["set aside"]) == (18, 2)
    assert "a diagnosis" in report.set_aside[0]
    assert "refused before it left: pyx12 segment 21 CLM" in report.set_aside[1]
    dry = submit(context, house, claims, parties, dry_run=True)
    assert dry.counts["would go out, where not sent before"] == 18


@pytest.mark.ehr(clients=16, absent=frozenset({"Claim", "PaymentReconciliation"}))
def test_an_ehr_without_claims_sends_its_visits_and_keeps_the_files(
    ehr: Ehr, opened: Any, tmp_path: Path
) -> None:
    """billing.md: claims built in memory; the sent 837P and the 835 stay as DocumentReferences; denials are Tasks on
    the Encounter. A second run sends nothing."""
    fees = tmp_path / "fees.csv"
    rows = ("90791,210", "90832,95", "90834,130", "90837,175", "90847,150", "90853,60")
    fees.write_text("code,fee\n" + "\n".join(rows) + "\n")
    sets = tmp_path / "sets"
    import_set("fees", fees, Options(sets, date(2026, 1, 1)))
    with opened(codes=str(sets), video_place="10") as host:
        sent = host.run("billing.submit")
        assert not sent.failed, sent.notes
        assert sent.counts["sent"] > 5, (sent, host.run("billing.scrub").rows)
        assert host.run("billing.submit").counts["sent"] == 0
        answers = host.run("billing.answers")
        assert not answers.failed, answers.notes
    kept = {d["type"]["text"]: d for d in ehr.all("DocumentReference")}
    assert kept.keys() == {"Claims (X12 837P)", "Remittance (X12 835)"}
    data = base64.b64decode(kept["Claims (X12 837P)"]["content"][0]["attachment"]["data"])
    claims = read_837(data)
    assert len(claims) == sent.counts["sent"]
    assert {f"Encounter/{c.id.lower()}" for c in claims} <= {
        f"Encounter/{e['id']}" for e in ehr.all("Encounter")
    }
    focuses = {t["focus"]["reference"] for t in ehr.all("Task") if t.get("focus")}
    assert answers.counts["tasks"] > 0
    assert all(name.startswith("Encounter/") for name in focuses)


def test_a_refusal_that_may_be_of_either_payer_s_claim_sends_neither() -> None:
    """ACK-001: the batch is no file that is known, and the claim has gone to a second payer, too."""
    report = StatusReport(True, items=[ClaimStatus("claim", "A1", [Status("A7", "562")])])
    ours = [Matched("Claim/1", "A1", "Patient/1", Decimal(1))]
    now = datetime(2026, 11, 24, tzinfo=UTC)
    (known,) = of_report(report, ours, {}, now, later=frozenset({"Claim/2"}))
    assert refused_claims(known) == [SentClaim("Claim/1")]
    (doubtful,) = of_report(report, ours, {}, now, later=frozenset({"Claim/1"}))
    assert refused_claims(doubtful) == []
    assert "resend it by hand" in doubtful["description"]
    assert doubtful["focus"] == {"reference": "Claim/1"}
