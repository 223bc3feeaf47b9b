"""Secondary claims out of the evening's answers: once, clean, never on a decision that was taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chartside import JobOptions
from chartside.clock import FrozenClock
from chartside.host import Host
from chartside.jobs.model import JobReport
from chartside.testing.ehr import Ehr
from chartside_billing import follow_up
from chartside_billing.clearinghouse.answers import write_835, write_999
from chartside_billing.evening import next_payer, receive
from chartside_billing.evening.account import Parties, open_house
from chartside_billing.evening.next_payer import Prepared
from chartside_billing.evening.secondary import is_next_payer
from chartside_billing.evening.submit import clean_claims
from chartside_billing.evening.worklist import worklist
from chartside_billing.fhir_claim.payers import later_coverages, payers_after_the_first, with_later
from chartside_billing.fhir_claim.pick import own
from chartside_billing.model import Adjustment, Claim
from chartside_billing.scrub import Report
from chartside_billing.x12.example import claim
from chartside_billing.x12.read837 import read_837
from chartside_billing.x12.remit import PaidClaim, PaidLine, Remittance, read_835
from chartside_billing.x12.secondary import decided_on, secondary_claims, standing_decision, told_apart
from chartside_billing.x12.validate import check_all

pytestmark = pytest.mark.ehr(clients=6)
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def host(opened: Any) -> Iterator[Host]:
    with opened() as made:
        yield made


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Where the clearinghouse's answers lie."""
    folder = tmp_path / "house" / "out"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def first(ehr: Ehr, host: Host) -> Claim:
    """A clean claim whose client has a second Coverage; the Claim itself names the first one only."""
    claim = sorted(clean_claims(host.context("billing"), JobOptions()), key=lambda c: c.where)[0]
    stored = ehr.read(*claim.where.split("/"))
    cover = ehr.read(*stored["insurance"][0]["coverage"]["reference"].split("/"))
    payer = ehr.read(*cover["payor"][0]["reference"].split("/"))
    number = {**payer["identifier"][0], "value": "22222"}
    ehr.put({**payer, "id": "payer-second", "name": "Second Plan", "identifier": [number]})
    ehr.put({**cover, "order": 1})
    second = {**cover, "id": "second", "order": 2, "payor": [{"reference": "Organization/payer-second"}]}
    ehr.put({**second, "subscriberId": "SEC12345"})
    return claim


def decision(claim: Claim, *, sign: int = 1, copay: str = "20", **changes: Any) -> PaidClaim:
    """80 % allowed, a copayment: the first payer's decision; with ``sign`` -1 its reversal."""
    line = claim.lines[0]
    charge = line.charge or Decimal(0)
    contract, share = charge / 5, Decimal(copay)
    paid = PaidLine(
        code=line.code,
        modifiers=line.modifiers,
        charge=charge * sign,
        paid=(charge - contract - share) * sign,
        units=Decimal(1),
        start=line.dates.start,
        adjustments=[Adjustment("CO", "45", contract * sign), Adjustment("PR", "3", share * sign)],
    )
    return replace(
        PaidClaim(
            id=claim.id,
            status="1" if sign > 0 else "22",
            charge=paid.charge,
            paid=paid.paid,
            patient_responsibility=share * sign,
            filing="CI",
            payer_claim_number="P77",
            frequency="1",
            last="X",
            lines=[paid],
        ),
        **changes,
    )


def remittance(trace: str, *claims: PaidClaim) -> Remittance:
    return Remittance(
        amount=sum((c.paid for c in claims), Decimal(0)),
        credit_or_debit="C",
        method="CHK",
        paid_on=date(2026, 11, 23),
        trace=trace,
        payer_tax_id="1999999999",
        produced=date(2026, 11, 23),
        payer_name="FIRST",
        payer_id="1",
        payee_name="LARK",
        payee_npi="1234567893",
        claims=list(claims),
    )


def answer(host: Host, inbox: Path, made: Remittance, clock: FrozenClock) -> Any:
    for old in inbox.iterdir():
        old.unlink()
    (inbox / f"{made.trace}.835").write_bytes(write_835(made, created=clock.now()))
    clock.advance(60)
    report = host.run("billing.answers")
    assert not report.failed, report.notes
    return report


def submit(host: Host, clock: FrozenClock) -> dict[str, int]:
    clock.advance(60)
    report = host.run("billing.submit")
    assert not report.failed, (report.notes, report.set_aside)
    return dict(report.counts)


def sent(inbox: Path) -> list[tuple[Claim, bytes]]:
    """Claims to later payers that went out, each with its file."""
    files = [path.read_bytes() for path in sorted((inbox.parent / "in").glob("*.837"))]
    return [(one, data) for data in files for one in read_837(data) if one.insurance.sequence == "S"]


def tasks(ehr: Ehr) -> list[dict[str, Any]]:
    return [task for task in ehr.all("Task") if is_next_payer(task)]


def test_the_next_payer_s_claim_goes_out_once_with_the_first_one_s_decision(
    ehr: Ehr, host: Host, inbox: Path, first: Claim, clock: FrozenClock
) -> None:
    """Issue 4, secondary claims' COB, end to end: 2320, 2330, 2430; both validators pass it; a second run sends
    nothing; the second payer's own answer makes no third claim."""
    submit(host, clock)
    answer(host, inbox, remittance("T1", decision(first)), clock)
    (task,) = tasks(ehr)
    assert task["focus"] == {"reference": first.where}
    assert "Secondary claim ready" in task["description"]
    (work,) = [w for w in worklist(host.context("billing")) if w.task == f"Task/{task['id']}"]
    assert work.at_risk == 20
    answer(host, inbox, remittance("T1", decision(first)), clock)  # the same mail again
    assert tasks(ehr) == [task]
    counts = submit(host, clock)
    assert (counts["sent"], counts["next payers' claims ready"]) == (1, 1)
    ((claim, data),) = sent(inbox)
    assert check_all(data) == []
    assert claim.insurance.payer is not None
    assert claim.insurance.subscriber is not None
    assert (claim.insurance.payer.id, claim.insurance.subscriber.id) == ("22222", "SEC12345")
    (other,) = claim.others
    paid = decision(first)
    assert (other.paid(), other.sequence) == (paid.paid, "P")
    assert claim.lines[0].adjudications[0].adjustments == paid.lines[0].adjustments
    assert [t["status"] for t in tasks(ehr)] == ["completed"]
    assert "sent" not in submit(host, clock)
    report = host.run("billing.answers")  # 999, 277CA and the second payer's 835
    assert not report.failed
    assert report.counts["835 worked in"] == 1
    assert len(tasks(ehr)) == 1
    assert "sent" not in submit(host, clock)
    assert len(sent(inbox)) == 1


@pytest.mark.slow
def test_a_decision_that_was_taken_back_makes_no_claim(
    ehr: Ehr, host: Host, inbox: Path, first: Claim, clock: FrozenClock
) -> None:
    """CLP02 22: the Task closes; the correction counts, in the same payment or a later one; mail in any order again."""
    submit(host, clock)
    answer(host, inbox, remittance("T1", decision(first)), clock)
    answer(host, inbox, remittance("T2", decision(first, sign=-1)), clock)
    assert [t["status"] for t in tasks(ehr)] == ["cancelled"]
    assert "sent" not in submit(host, clock)
    both = remittance("T3", decision(first, sign=-1), decision(first, copay="30"))
    answer(host, inbox, both, clock)
    answer(host, inbox, remittance("T2", decision(first, sign=-1)), clock)  # delivered late, again
    assert sorted(t["status"] for t in tasks(ehr)) == ["cancelled", "requested"]
    assert submit(host, clock)["sent"] == 1
    ((claim, _),) = sent(inbox)
    assert [a.amount for a in claim.lines[0].adjudications[0].adjustments if a.group == "PR"] == [Decimal(30)]


@pytest.mark.slow
def test_a_correction_after_the_claim_went_out_asks_a_person(
    ehr: Ehr, host: Host, inbox: Path, first: Claim, clock: FrozenClock
) -> None:
    """No second original to a payer that has one: a replacement needs its number."""
    submit(host, clock)
    answer(host, inbox, remittance("T1", decision(first)), clock)
    assert submit(host, clock)["sent"] == 1
    answer(host, inbox, remittance("T2", decision(first, sign=-1), decision(first, copay="30")), clock)
    assert "sent" not in submit(host, clock)
    assert len(sent(inbox)) == 1
    (task,) = [t for t in tasks(ehr) if t["status"] == "requested"]
    assert "replacement (frequency 7)" in task["description"]
    assert not host.run("billing.answers").failed
    assert [t for t in tasks(ehr) if t["status"] == "requested"] == [task], "a second run writes nothing"
    told = [t for t in ehr.all("Task") if "took its decision on claim" in t.get("description", "")]
    assert [t["focus"]["reference"] for t in told] == [first.where]


@pytest.mark.slow
def test_a_refused_claim_to_the_next_payer_goes_out_again_when_it_is_mended(
    ehr: Ehr, host: Host, inbox: Path, first: Claim, clock: FrozenClock
) -> None:
    """Its file is refused (999); its Task completed, that claim goes once more, and not the first payer's."""
    submit(host, clock)
    answer(host, inbox, remittance("T1", decision(first)), clock)
    submit(host, clock)
    ((_, data),) = sent(inbox)
    for old in inbox.iterdir():
        old.unlink()
    (inbox / "r.999").write_bytes(write_999(data, accepted=False, created=clock.now()))
    host.run("billing.answers")
    assert "sent" not in submit(host, clock)
    (task,) = [t for t in ehr.all("Task") if "nothing of it is with the payer" in t.get("description", "")]
    ehr.put({**task, "status": "completed"})
    assert submit(host, clock)["sent"] == 1
    assert len(sent(inbox)) == 2
    assert "sent" not in submit(host, clock)
    assert [t["status"] for t in tasks(ehr)] == ["completed"]


@pytest.mark.slow
def test_two_decisions_without_a_reversal_send_nothing_on_a_guess(
    ehr: Ehr, host: Host, inbox: Path, first: Claim, clock: FrozenClock
) -> None:
    """Some payers correct without taking back: a person says which holds, then the claim goes."""
    answer(host, inbox, remittance("T1", decision(first)), clock)
    answer(host, inbox, remittance("T2", decision(first, copay="30")), clock)
    submit(host, clock)
    assert sent(inbox) == []
    older, newer = sorted(tasks(ehr), key=lambda t: str(t["authoredOn"]))
    assert "more than once" in older["description"]
    assert "more than once" in newer["description"]
    ehr.put({**older, "status": "completed"})
    submit(host, clock)
    ((claim, _),) = sent(inbox)
    assert [a.amount for a in claim.lines[0].adjudications[0].adjustments if a.group == "PR"] == [Decimal(30)]


@pytest.mark.ehr(clients=6, absent=frozenset({"Task"}))
def test_without_tasks_the_staff_is_told_once_to_write_it_by_hand(
    ehr: Ehr, host: Host, inbox: Path, first: Claim, clock: FrozenClock
) -> None:
    """The ladder: no Task that could be worked on, so nothing is kept for it."""
    for _ in range(2):
        answer(host, inbox, remittance("T1", decision(first)), clock)
    told = [c for c in ehr.all("Communication") if "left to the next payer" in str(c.get("payload"))]
    assert len(told) == 1
    assert "by hand" in str(told[0]["payload"])
    assert not [d for d in ehr.all("DocumentReference") if "835" in d["type"]["text"]]


@pytest.mark.parametrize(
    "change", [{"crossover": "SECOND PLAN"}, {"status": "19"}, {"status": "4"}, {"status": "2"}]
)
def test_no_claim_where_the_payer_passed_it_on_denied_it_or_was_the_second(
    ehr: Ehr, host: Host, inbox: Path, first: Claim, clock: FrozenClock, change: dict[str, str]
) -> None:
    """Crossover, denial (appeal first), and the decision of the last payer."""
    answer(host, inbox, remittance("T1", decision(first, **change)), clock)
    assert tasks(ehr) == []


def test_a_third_payer_s_claim_is_left_to_a_person_and_the_report_says_so(
    ehr: Ehr, host: Host, inbox: Path, first: Claim, clock: FrozenClock
) -> None:
    """The second payer's 835 (CLP02 2): the claim after it tells what two payers did."""
    second = ehr.read("Coverage", "second")
    ehr.put({**second, "id": "third", "order": 3})
    report = answer(host, inbox, remittance("T2", decision(first, status="2")), clock)
    assert report.counts["next payers' claims that a person writes"] == 1
    (task,) = tasks(ehr)
    assert "what both did, and a person writes it" in task["description"]
    submit(host, clock)
    assert sent(inbox) == []
    assert tasks(ehr) == [task]


@pytest.mark.slow
def test_errors_hold_the_claim_and_stand_in_its_task(
    ehr: Ehr, host: Host, inbox: Path, first: Claim, clock: FrozenClock
) -> None:
    """All rules judge it; mended in the chart, it is ready at the next run."""
    ehr.put({**ehr.read("Coverage", "second"), "subscriberId": ""})
    answer(host, inbox, remittance("T1", decision(first)), clock)
    (task,) = tasks(ehr)
    assert "error" in task["description"]
    rules = [o["type"]["coding"][0]["code"] for o in task["output"]]
    assert rules
    assert not [name for name in ehr.practice.canaries() if name in str({**task, "for": ""})]
    (work,) = [w for w in worklist(host.context("billing")) if w.task == f"Task/{task['id']}"]
    assert set(work.rules) == set(rules)
    assert not [c for c, _ in sent(inbox)]
    submit(host, clock)
    assert not sent(inbox)
    ehr.put({**ehr.read("Coverage", "second"), "subscriberId": "SEC12345"})
    submit(host, clock)
    assert len(sent(inbox)) == 1


def test_where_sending_is_not_enabled_the_task_says_that_it_is_ready(
    ehr: Ehr, opened: Any, first: Claim, inbox: Path, clock: FrozenClock, house_table: dict[str, Any]
) -> None:
    """The same setting as for the first payers' claims."""
    with opened(clearinghouse={**house_table, "send": False}) as host:
        answer(host, inbox, remittance("T1", decision(first)), clock)
        assert "sent" not in submit(host, clock)
    (task,) = tasks(ehr)
    assert "set send = true" in task["description"]
    assert task["status"] == "requested"


def test_an_order_that_does_not_tell_makes_no_second_payer() -> None:
    """Coverage.order: two without one, or of one, are nobody's order; a Claim that names its payers is believed."""

    def cover(name: str, order: int | None = None, **more: Any) -> dict[str, Any]:
        told = {"order": order} if order else {}
        who = {"beneficiary": {"reference": "Patient/1"}}
        return {"resourceType": "Coverage", "id": name, "status": "active", **who, **told, **more}

    claim = {
        "resourceType": "Claim",
        "patient": {"reference": "Patient/1"},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/a"}}],
        "item": [{"servicedDate": "2026-11-02"}],
    }
    assert later_coverages(claim, [cover("a"), cover("b")]) == []
    assert [c["id"] for c in later_coverages(claim, [cover("b", 2), cover("a", 1)])] == ["b"]
    assert later_coverages(claim, [cover("a", 1), cover("b", 2, period={"end": "2026-10-31"})]) == []
    assert later_coverages(claim, [cover("a", 2), cover("b", 1)]) == []
    both = with_later(claim, [cover("a", 1), cover("b", 2)])
    assert [i["coverage"]["reference"] for i in both["insurance"]] == ["Coverage/a", "Coverage/b"]
    assert payers_after_the_first(both, []) == 1
    assert with_later(both, [cover("a", 1), cover("b", 2), cover("c", 3)]) == both


@pytest.mark.parametrize(
    "change",
    [
        {"id": "OTHER"},
        {"charge": Decimal(1)},
        {"member_id": "Z9", "last": "SOMEBODY"},
        {"first": "?"},
    ],
)
def test_what_was_decided_for_another_patient_is_told_apart(change: dict[str, Any]) -> None:
    """ERA-002, COB: number, total and patient (CLP01, CLP03, NM1*QC) have to agree; the payer's spelling may not."""
    mine = claim()
    assert mine.member is not None
    total = mine.total or Decimal(0)
    own = PaidClaim(id=mine.id.lower(), charge=total, member_id="PAYERS", last=mine.member.last.lower())
    assert told_apart(mine, own) == ""
    assert told_apart(mine, replace(own, **change)) != ""
    made, left = secondary_claims([mine, replace(mine)], [remittance("T", own)])
    assert (made, len(left)) == ([], 2)
    assert "several claims" in left[0]


def test_a_task_whose_decision_is_of_another_claim_makes_no_claim(
    ehr: Ehr, host: Host, inbox: Path, first: Claim, clock: FrozenClock
) -> None:
    """The Task and the kept 835 are the EHR's: focus, place or document may have been changed since."""
    other = replace(decision(first), id="SOMEBODY-ELSE", payer_claim_number="P78")
    made = remittance("T1", decision(first), other)
    answer(host, inbox, made, clock)
    (task,) = tasks(ehr)
    assert "Secondary claim ready" in task["description"]
    another = next(c for c in ehr.all("Claim") if own(c) != first.where and c["status"] == "active")
    (remitted,) = read_835(write_835(made, created=clock.now()))
    mine, moved = (paid.where for paid in remitted.claims)
    wrong_place = [{**i, "valueString": moved} if i.get("valueString") == mine else i for i in task["input"]]
    assert wrong_place != task["input"]
    for changed in ({"focus": {"reference": own(another)}}, {"input": wrong_place}):
        ehr.put({**task, **changed})
        submit(host, clock)
        assert sent(inbox) == []
    ehr.put(task)
    submit(host, clock)
    ((after, _),) = sent(inbox)
    assert after.others[0].claim_number == "P77"


def test_a_decision_is_dated_before_money_that_moves_later() -> None:
    """DTP*573: the day of an EFT may lie ahead, and a decision dated in the future is refused (COB-003)."""
    made = remittance("T1")
    assert decided_on(made) == date(2026, 11, 23)
    assert decided_on(replace(made, paid_on=date(2026, 12, 7))) == date(2026, 11, 23)
    assert decided_on(replace(made, produced=None)) == date(2026, 11, 23)
    assert decided_on(Remittance()) is None


def test_of_several_decisions_the_one_that_stands_counts() -> None:
    """835s take back, correct and split; the file command and the evening see the same."""
    one, back = PaidClaim(id="A", status="1"), PaidClaim(id="A", status="22")
    assert standing_decision([one]) == 0
    assert standing_decision([one, back, replace(one, status="2")]) == 2
    assert standing_decision([one, back]) == "a reversal"
    assert "in parts" in str(standing_decision([one, one]))
    assert "passed it on" in str(standing_decision([replace(one, status="19")]))


class Killed(BaseException):
    """The process ends here, whatever catches errors."""


@pytest.mark.slow
def test_a_takeback_is_told_once_wherever_the_run_is_killed(
    ehr: Ehr, host: Host, inbox: Path, first: Claim, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim went to the next payer, the first one takes back: told before the payment is written, since one that
    is known is not looked at again."""
    answer(host, inbox, remittance("T1", decision(first)), clock)
    (task,) = tasks(ehr)
    ehr.put({**task, "status": "completed"})
    context = host.context("billing")
    house, _ = open_house(context)
    left, done = 0, []

    def dying(real: Any) -> Any:
        def write(*arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            done.append(real.__name__)
            return real(*arguments)

        return write

    for name in ("_once", "_put"):
        monkeypatch.setattr(receive, name, dying(getattr(receive, name)))
    made = write_835(remittance("T2", decision(first, sign=-1)), created=clock.now())
    for old in inbox.iterdir():
        old.unlink()
    (inbox / "T2.835").write_bytes(made)
    for left in range(3):
        with pytest.raises(Killed):
            receive.receive(context, house)
    left = 99
    receive.receive(context, house)
    assert done == ["_put", "_put", "_once", "_put", "_once", "_put"]
    told = [t for t in ehr.all("Task") if "took its decision on claim" in t.get("description", "")]
    assert [t["focus"]["reference"] for t in told] == [first.where]
    assert len(ehr.all("PaymentReconciliation")) == 2
    assert list(inbox.iterdir()) == []


def test_why_the_next_payer_s_claim_cannot_be_written_stands_in_its_task(
    ehr: Ehr, host: Host, parties: Parties
) -> None:
    """What the writer or a validator refuses is a person's; its Task says what it is, once."""
    task = follow_up.task("t1", "20 dollars are left to the next payer.", NOW)
    stored = ehr.put({**task, "id": "next", "focus": {"reference": "Claim/1"}})
    mine, context, report = replace(claim(), billing=None), host.context("billing"), JobReport()
    one = Prepared(stored, mine, Report(mine.id, "", "", "claim", mine.total))
    assert one.clean
    (told,) = next_payer.writable(context, [one], parties, report)
    next_payer.tell(context, [told], send=True)
    after = ehr.read("Task", "next")
    assert "lacks a billing provider" in after["description"]
    assert "by hand" in after["description"]
    assert report.counts["next payers' claims with errors"] == 1
    next_payer.tell(context, [replace(told, task=after)], send=True)
    assert ehr.read("Task", "next") == after
