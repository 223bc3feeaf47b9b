"""The billing part of ``chartside demo``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from chartside.demo import Stage, world
from chartside.errors import ConfigError


def played(folder: Path) -> tuple[str, list[Sequence[Sequence[str]]]]:
    """What the demo says, and its tables."""
    said: list[str] = []
    tables: list[Sequence[Sequence[str]]] = []
    with world(folder, clients=20) as running:
        host = running.host
        stage = Stage(
            folder=folder,
            host=host,
            gateway=running.gateway,
            mailbox=running.mailbox,
            say=said.append,
            table=lambda _columns, rows, _title: tables.append(rows),
        )
        host.plugins.call("chartside_demo", "billing", context=host.context("billing"), stage=stage)
    return "\n".join(said), tables


@pytest.mark.slow
def test_the_demo_scrubs_sends_and_prints_an_invoice(tmp_path: Path) -> None:
    """Issue 4, shown 7: the findings' table of the invented practice, a second run without writes, one invoice PDF."""
    text, tables = played(tmp_path)
    assert tables[0]
    assert all(row[0].startswith("Claim/") for row in tables[0])
    assert "Run again: 0 tasks written" in text
    assert "Run again: 0 sent" in text
    assert (tmp_path / "invoice.pdf").read_bytes().startswith(b"%PDF-")


def test_the_demo_claims_nothing_of_what_could_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra nothing is validated and nothing is sent, and the demo says so."""

    def lacks(*_: object) -> None:
        raise ConfigError("billing", "pyx12 is not installed", mend="pip install 'chartside[billing]'")

    monkeypatch.setattr("chartside_billing.evening.submit.open_house", lacks)
    text, _ = played(tmp_path)
    assert "Nothing was sent: billing: pyx12 is not installed" in text
    assert "clearinghouse took" not in text
