"""The billing part of ``chartside demo``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chartside.demo import Stage, world


def test_the_demo_scrubs_sends_and_prints_an_invoice(tmp_path: Path) -> None:
    """Issue 4, shown 7: the findings' table of the invented practice, a second run without writes, one invoice PDF."""
    said: list[str] = []
    tables: list[Sequence[Sequence[str]]] = []
    with world(tmp_path, clients=20) as running:
        host = running.host
        stage = Stage(
            folder=tmp_path,
            host=host,
            gateway=running.gateway,
            mailbox=running.mailbox,
            say=said.append,
            table=lambda _columns, rows, _title: tables.append(rows),
        )
        host.plugins.call("chartside_demo", "billing", context=host.context("billing"), stage=stage)
    text = "\n".join(said)
    assert tables[0]
    assert all(row[0].startswith("Claim/") for row in tables[0])
    assert "Run again: 0 tasks written" in text
    assert "Run again: 0 sent" in text
    assert (tmp_path / "invoice.pdf").read_bytes().startswith(b"%PDF-")
