"""Analytics: figures counted by hand against the report, and the plot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

from typer.testing import CliRunner

from chartside.clock import FrozenClock
from chartside_billing.analytics import Denials, Report, Unbilled, lines, report, svg, unbilled_visits
from chartside_billing.clearinghouse import LocalClearinghouse
from chartside_billing.cli_analytics import app
from chartside_billing.model import Adjustment, Claim
from chartside_billing.x12.acks import ClaimStatus, Status, StatusReport
from chartside_billing.x12.example import claim
from chartside_billing.x12.remit import PaidClaim, Remittance
from chartside_billing.x12.write837 import Control, write_837

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)


def sent(*numbers: str) -> list[Claim]:
    return [replace(claim(), id=number) for number in numbers]


def paid(number: str, amount: int, *reasons: Adjustment, status: str = "1") -> PaidClaim:
    return PaidClaim(number, status, Decimal(150), Decimal(amount), adjustments=list(reasons))


def test_the_figures_are_those_counted_by_hand() -> None:
    """Issue 4: first-pass rate, denials by reason and payer, days to pay."""
    denial = Adjustment("CO", "197", Decimal(150))
    remittance = Remittance(
        payer_name="ACME",
        paid_on=date(2026, 11, 16),
        claims=[
            paid("a", 100, Adjustment("CO", "45", Decimal(50))),
            paid("B", 0, denial, status="4"),
            paid("C", 0, denial, status="4"),
            paid("STRANGER", 1),
        ],
    )
    later = Remittance(payer_name="ACME", paid_on=date(2026, 11, 30), claims=[paid("B", 150)])
    acks = [StatusReport(True, items=[ClaimStatus("claim", "D", [Status("A7", "562")])])]
    found = report(sent("A", "B", "C", "D", "E"), [later, remittance], acks)
    assert (found.sent, found.rejected, found.decided) == (5, 1, 3)
    assert found.first_pass == 1 / 4  # A of A, B, C, D; E is still out
    assert found.denials == [Denials("ACME", "CO-197", 2, Decimal(300))]
    assert found.days_to_pay == {"ACME": (2, 21.0, 28)}
    assert "Paid at the first pass: 25%" in list(lines(found))


def test_no_data_is_no_rate() -> None:
    """Nothing decided is not 0 %."""
    assert report(sent("A"), []).first_pass is None
    assert "no data" in " ".join(lines(Report()))


def test_unbilled_visits_are_finished_ones_that_nothing_bills() -> None:
    """DOC-007: by Claim.item.encounter, ChargeItem.context and the like; cancelled visits do not count."""

    def visit(number: str, status: str = "finished", day: str = "2026-11-01") -> dict[str, object]:
        return {
            "resourceType": "Encounter",
            "id": number,
            "status": status,
            "period": {"start": f"{day}T09:00:00Z"},
        }

    billed = [
        {"resourceType": "Claim", "item": [{"encounter": [{"reference": "Encounter/1"}]}]},
        {
            "resourceType": "ChargeItem",
            "context": {"reference": "https://ehr.example/fhir/Encounter/2/_history/1"},
        },
    ]
    billed += [
        {
            "resourceType": "Claim",
            "status": "cancelled",
            "item": [{"encounter": [{"reference": "Encounter/3"}]}],
        }
    ]
    visits = [visit("1"), visit("2"), visit("3"), visit("4", "cancelled"), visit("5", day="2026-11-23")]
    found = unbilled_visits(visits, billed, today=date(2026, 11, 24), after_days=14)
    assert found == [Unbilled("Encounter/3", date(2026, 11, 1), 23)]


def test_the_plot_is_well_formed_and_can_be_read_aloud() -> None:
    """SVG with title and description; names are escaped."""
    found = Report(
        denials=[Denials("A & B <plan>", "CO-29", 1, Decimal(150)), Denials("C", "CO-16", 1, Decimal(75))]
    )
    root = ElementTree.fromstring(svg(found))
    names = {child.tag.rpartition("}")[2]: child.text for child in root}
    assert names["title"] == "Denied money by payer and reason"
    widths = [int(child.attrib["width"]) for child in root if child.tag.endswith("rect")]
    assert widths[0] == 2 * widths[1]


def test_the_command_counts_files(tmp_path: Path) -> None:
    """``chartside billing analytics`` over a sent file and the local house's answers."""
    claims = sent(*(f"ACC{n:04}" for n in range(40)))
    source = tmp_path / "a.837"
    source.write_bytes(write_837(claims, control=Control(created=NOW)).data)
    LocalClearinghouse(tmp_path, FrozenClock(NOW)).submit("a.837", source.read_bytes())
    files = [str(p) for p in (tmp_path / "out").iterdir()]
    result = CliRunner().invoke(app, [str(source), *files, "--plot", str(tmp_path / "d.svg")])
    assert result.exit_code == 0, result.output
    assert "Claims sent 40, rejected before adjudication 0, decided 40" in result.stdout
    assert (tmp_path / "d.svg").read_text().startswith("<svg")
