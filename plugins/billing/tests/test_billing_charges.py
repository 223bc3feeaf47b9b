"""ChargeItems in the EHR: one for each line, once; a changed visit gets a new one; the Invoice names them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.chargeitem import ChargeItem

from chartside import JobOptions
from chartside.clock import FrozenClock
from chartside.host import Host
from chartside.testing import Ehr, host_for
from chartside_billing.codes.importers import Options, import_set
from chartside_billing.fhir_claim.charges import key_of, name_of, plan
from chartside_billing.systems import CHARGE_SYSTEM

pytestmark = pytest.mark.ehr(clients=6)


@contextmanager
def opened(ehr: Ehr, clock: FrozenClock, **settings: Any) -> Iterator[Host]:
    table = {"enabled": True, "charges": True, **settings}
    with host_for(ehr, clock, plugins={"billing": table}) as host:
        yield host


@pytest.fixture
def host(ehr: Ehr, clock: FrozenClock) -> Iterator[Host]:
    with opened(ehr, clock) as made:
        yield made


def run(host: Host, *, dry_run: bool = False) -> Counter[str]:
    report = host.run("billing.charges", JobOptions(dry_run=dry_run))
    assert not report.failed, (report.notes, report.set_aside)
    return +report.counts


def charges(ehr: Ehr, status: str = "billable") -> dict[str, dict[str, Any]]:
    return {name_of(c): c for c in ehr.all("ChargeItem") if c["status"] == status and name_of(c)}


def active(ehr: Ehr) -> list[dict[str, Any]]:
    return sorted((c for c in ehr.all("Claim") if c["status"] == "active"), key=lambda c: str(c["id"]))


def test_each_line_s_charge_is_written_once(ehr: Ehr, host: Host) -> None:
    """Issue 4, papers: FHIR ChargeItem; a second run writes nothing."""
    dry = run(host, dry_run=True)
    assert ehr.all("ChargeItem") == []
    first = run(host)
    found = charges(ehr)
    assert len(found) == first["charges written"] == dry["charges written (would be)"] > 2
    for claim in active(ehr):
        item = found.get(f"{claim['id'][:20]}-1")
        if item is not None:
            ChargeItem.model_validate(item)
            assert item["subject"] == claim["patient"]
            assert item["context"] == claim["item"][0]["encounter"][0]
            assert item["priceOverride"]["value"] == claim["item"][0]["net"]["value"]
    assert run(host) == {"charges unchanged": len(found)}
    assert charges(ehr) == found


def test_without_the_setting_no_charge_is_written(ehr: Ehr, clock: FrozenClock) -> None:
    """What is written into the chart is asked for first."""
    with opened(ehr, clock, charges=False) as host:
        assert run(host) == {}
    assert ehr.all("ChargeItem") == []


@pytest.mark.slow
def test_a_changed_claim_gets_a_new_charge_and_the_old_one_is_withdrawn(ehr: Ehr, host: Host) -> None:
    """Entered-in-error and a new one, also back to what it said first; a cancelled claim has no charge."""
    run(host)
    claim = active(ehr)[0]
    name = f"{claim['id'][:20]}-1"
    first = charges(ehr)[name]
    fee = claim["item"][0]["net"]["value"]
    for wanted, counts in (
        (fee + 5, {"charges written": 1, "charges withdrawn": 1}),
        (fee, {"charges restored": 1, "charges withdrawn": 1}),
    ):
        claim["item"][0]["net"] = {"value": wanted, "currency": "USD"}
        ehr.put(claim)
        done = run(host)
        done.pop("charges unchanged")
        assert done == counts
        assert charges(ehr)[name]["priceOverride"]["value"] == wanted
        assert charges(ehr, "entered-in-error")[name]["priceOverride"]["value"] != wanted
    assert charges(ehr)[name]["id"] == first["id"]
    ehr.put({**claim, "status": "cancelled"})
    assert run(host)["charges withdrawn"] == 1
    assert name not in charges(ehr)
    assert run(host)["charges withdrawn"] == 0
    ehr.put(claim)
    assert run(host)["charges restored"] == 1
    assert charges(ehr)[name]["id"] == first["id"]
    assert run(host)["charges restored"] == 0


def test_a_visit_whose_charge_the_ehr_keeps_gets_none_from_here(ehr: Ehr, host: Host) -> None:
    """No clinical data is duplicated: the EHR's own charge is the visit's charge."""
    claim = active(ehr)[0]
    item = {
        "resourceType": "ChargeItem",
        "id": "theirs",
        "status": "billable",
        "code": claim["item"][0]["productOrService"],
        "subject": claim["patient"],
        "context": claim["item"][0]["encounter"][0],
    }
    ehr.put(item)
    assert run(host)["lines whose charge the EHR keeps by itself"] == 1
    assert f"{claim['id'][:20]}-1" not in charges(ehr)


def test_what_the_staff_did_to_a_charge_stays() -> None:
    """Billed, or withdrawn by a person: it is not written again."""

    def item(status: str, amount: int = 100) -> dict[str, Any]:
        names = [(CHARGE_SYSTEM, "A-1"), ("https://chartside.dev/fhir/effect", str(amount))]
        identifiers = [{"system": system, "value": value} for system, value in names]
        return {"resourceType": "ChargeItem", "status": status, "identifier": identifiers}

    for status in ("billed", "not-billable", "entered-in-error"):
        made = plan([item("billable")], [item(status)])
        assert (made.new, made.withdrawn, made.restored) == ([], [], [])
    changed = plan([item("billable", 120)], [item("billed")])
    assert [key_of(i) for i in changed.new] == ["120"]
    assert [i["status"] for i in changed.withdrawn] == ["entered-in-error"]


def test_what_we_withdrew_is_restored_when_its_claim_comes_back() -> None:
    """A cancelled claim that is active again is charged again; what a person withdrew after that stays so."""
    names = [(CHARGE_SYSTEM, "A-1"), ("https://chartside.dev/fhir/effect", "100"), ("urn:theirs", "7")]
    item = {
        "status": "billable",
        "identifier": [{"system": system, "value": value} for system, value in names],
    }
    (gone,) = plan([], [item], ["A-1"]).withdrawn
    assert gone["status"] == "entered-in-error"
    assert (name_of(gone), key_of(gone)) == ("A-1", "100")
    back = plan([item], [gone])
    assert (back.new, back.withdrawn, back.kept) == ([], [], {})
    assert back.restored == [item]
    by_hand = {**item, "status": "entered-in-error"}
    assert plan([item], [by_hand]).restored == []


@pytest.mark.ehr(clients=6, all_read_only=True)
def test_a_read_only_ehr_shows_the_charges_only(ehr: Ehr, host: Host) -> None:
    """The ladder's end: no other resource stands for a ChargeItem."""
    report = host.run("billing.charges")
    assert report.rows
    assert not report.failed
    assert "takes no ChargeItem" in " ".join(report.notes)
    assert ehr.all("ChargeItem") == []


@pytest.mark.ehr(clients=6, absent=frozenset({"Claim"}))
def test_without_claims_the_visits_are_charged_and_a_cancelled_one_is_not(
    ehr: Ehr, clock: FrozenClock, tmp_path: Path
) -> None:
    """An EHR without Claim: visits by the fee schedule; what was written here is not taken for the EHR's own charge."""
    fees = tmp_path / "fees.csv"
    for fee in (95, 99):
        rows = (f"{code},{fee}\n" for code in (90791, 90832, 90834, 90837, 90847, 90853))
        fees.write_text("code,fee\n" + "".join(rows))
        sets = tmp_path / f"sets{fee}"
        import_set("fees", fees, Options(sets, date(2026, 1, 1)))
        with opened(ehr, clock, codes=str(sets), video_place="10") as host:
            run(host)
            before = charges(ehr)
            assert {c["priceOverride"]["value"] for c in before.values()} == {fee}
            if fee == 99:
                name, item = sorted(before.items())[0]
                visit = ehr.read(*item["context"]["reference"].split("/"))
                ehr.put({**visit, "status": "entered-in-error"})
                run(host)
                assert charges(ehr).keys() == before.keys() - {name}


def test_the_charges_of_a_claim_that_was_made_late_are_known(ehr: Ehr, host: Host) -> None:
    """The visit is older than the window, the claim is new: a second run writes nothing."""
    claim = active(ehr)[0]
    ehr.put({**claim, "item": [{**item, "servicedDate": "2026-08-03"} for item in claim["item"]]})
    run(host)
    assert charges(ehr)[f"{claim['id'][:20]}-1"]["occurrenceDateTime"] == "2026-08-03"
    assert run(host).keys() == {"charges unchanged"}
