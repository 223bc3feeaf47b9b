"""Answers as the facts that the rules judge."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from chartside.clock import FrozenClock
from chartside.errors import InputError
from chartside_billing.clearinghouse import LocalClearinghouse
from chartside_billing.rules.settings import ScrubSettings
from chartside_billing.scrub import Scrubber
from chartside_billing.scrub_files import read_any
from chartside_billing.x12.acks import read_277, read_999
from chartside_billing.x12.example import claim
from chartside_billing.x12.facts import acknowledgement_facts, remittance_facts
from chartside_billing.x12.remit import read_835
from chartside_billing.x12.write837 import Control, write_837

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)


def test_answers_become_the_facts_that_rules_judge(tmp_path: Path) -> None:
    """ERA and ACK rules get their documents from these readers."""
    house = LocalClearinghouse(tmp_path, FrozenClock(NOW))
    claims = [replace(claim(), id=f"ACC{n}") for n in range(5)]
    house.submit("a.837", write_837(claims, control=Control(created=NOW, group=12)).data)
    acks, report, era = (answer.data for answer in house.fetch())
    found = acknowledgement_facts("12", read_999(acks), read_277(report))
    assert (found.received, found.accepted, len(found.claim_statuses)) == (True, True, 5)
    assert acknowledgement_facts("13", read_999(acks), []).received is False
    (remittance,) = read_835(era)
    facts = remittance_facts(remittance)
    assert (facts.paid, [c.matches for c in facts.claims]) == (remittance.amount, [None] * 5)
    assert facts.claims[0].lines[0].charge == Decimal(150)


def test_a_finding_on_an_answer_names_the_exact_place() -> None:
    """ACK-001, ERA-001: segment and loop, of our file (999) or of the answer, and what is wrong with which element."""
    scrubber = Scrubber(*ScrubSettings().scrubbing(NOW.date()))

    def places(rule: str, text: str) -> list[str]:
        ((document, _),) = read_any(text).documents
        return [f.where for f in scrubber.document(document).findings if f.rule.id == rule]

    nines = "AK1*HC*12*005010X222A1~AK2*837*0001~IK3*NM1*23*2010BB*8~IK4*9**7~IK3*HI*30*2300*I4~IK5*R~AK9*R*1*1*0~"
    refused = ["your file's segment 23 NM1, loop 2010BB, element 9 (code 7)"]
    assert places("ACK-001", file("999", "FA", "005010X231A1", nines)) == [
        *refused,
        "your file's segment 30 HI, loop 2300, code I4",
    ]
    status = "BHT*0085*08*1*20261124*1200*TH~HL*1**PT~NM1*QC*1*ROE~TRN*2*A1~STC*A7:562:85*20261124*U*150~"
    assert places("ACK-001", file("277", "HN", "005010X214", status)) == [
        "segment 8 STC, loop 2200D, claim A1"
    ]
    paid = "BPR*I*90*C*CHK************20261124~TRN*1*T1*1999999999~LX*1~CLP*A1*1*100*90**CI*P1~{}SVC*HC:90834*100*{}~"
    assert places("ERA-001", file("835", "HP", "005010X221A1", paid.format("CAS*CO*45*10~", 95))) == [
        "segment 9 SVC, loop 2110"
    ]


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("835", "BPR*I*90~LX*1~CLP*A*1*1*1~CAS*CO*45*x~", "segment 7 CAS, loop 2100: CAS03 is no amount"),
        ("835", "BPR*I*90~LX*1~CLP*A*1*1*1~SVC*HC:1*x~", "segment 7 SVC, loop 2110: SVC02 is no amount"),
        ("835", "BPR*I*90~LX*1~CLP*A*1*1*1~FOO*1~", "segment 7 FOO, loop 2100: an 835 has no such segment"),
        ("999", "AK1*HC*12~IK3*NM1*2~", "segment 5 IK3, loop 2000: it stands before the transaction set"),
        ("999", "AK1*HC*12~AK2*837*1~IK4*2~", "segment 6 IK4, loop 2100: it stands before the segment error"),
        ("277", "BHT*0085*08*1~HL*1**77~", "segment 5 HL, loop 2000: HL03 is no level"),
    ],
)
def test_an_answer_that_cannot_be_read_says_where(kind: str, body: str, told: str) -> None:
    """Segment position and loop, and nothing of the content."""
    version = {"835": ("HP", "005010X221A1"), "999": ("FA", "005010X231A1"), "277": ("HN", "005010X214")}[
        kind
    ]
    with pytest.raises(InputError) as error:
        read_any(file(kind, *version, body))
    assert str(error.value).startswith(told)


def file(kind: str, group: str, version: str, body: str) -> str:
    """An interchange with one transaction set."""
    head = "ISA*00*          *00*          *ZZ*A              *ZZ*B              *261124*1200*^*00501*000000001*0*P*:~"
    count = body.count("~") + 2
    start = f"GS*{group}*A*B*20261124*1200*1*X*{version}~ST*{kind}*0001~"
    return f"{head}{start}{body}SE*{count}*0001~GE*1*1~IEA*1*000000001~"
