"""What the tests of billing against an EHR share: a clearinghouse in the config and the registry, claims to send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chartside.clock import FrozenClock
from chartside.context import Context
from chartside.host import Host
from chartside.testing import host_for
from chartside.testing.ehr import Ehr
from chartside_billing.clearinghouse import LocalClearinghouse
from chartside_billing.evening.account import Parties
from chartside_billing.model import Claim, Party, Person
from chartside_billing.x12.example import claim

Opened = Callable[..., AbstractContextManager[Host]]


@pytest.fixture(scope="session")
def parties() -> Parties:
    """Who sends to whom, as the example claim says it."""
    return Parties(claim().submitter or Party(), claim().receiver or Party(), "house")


@pytest.fixture
def house_table(tmp_path: Path) -> dict[str, Any]:
    """``[plugins.billing.clearinghouse]`` of a local one that sends."""
    return {
        "type": "local",
        "recipient": "house",
        "folder": str(tmp_path / "house"),
        "send": True,
        "submitter_id": "LARK01",
        "receiver_id": "HOUSE1",
        "receiver_name": "HOUSE",
    }


@pytest.fixture
def opened(ehr: Ehr, clock: FrozenClock, house_table: dict[str, Any]) -> Opened:
    """Open a host with billing, its clearinghouse in the registry. ``plugins``: others beside it; the rest are settings
    of billing (``clearinghouse=None``: none in the config)."""

    @contextmanager
    def open_it(plugins: dict[str, Any] | None = None, **settings: Any) -> Iterator[Host]:
        house = {"kind": "clearinghouse", "address": "localhost", "local": True, "data_classes": ["claim"]}
        billing = {"enabled": True, "clearinghouse": house_table, **settings}
        if billing["clearinghouse"] is None:
            del billing["clearinghouse"]
        tables = {"billing": billing, **(plugins or {})}
        with host_for(ehr, clock, plugins=tables, outbound={"house": house}) as host:
            yield host

    return open_it


@pytest.fixture
def context(opened: Opened) -> Iterator[Context]:
    """The plugin with a clearinghouse in the outbound registry."""
    with opened(clearinghouse=None) as host:
        yield host.context("billing")


@pytest.fixture
def house(context: Context, tmp_path: Path) -> LocalClearinghouse:
    """A clearinghouse in a folder."""
    return LocalClearinghouse(tmp_path / "house", context.clock)


@pytest.fixture
def claims(ehr: Ehr) -> list[Claim]:
    """Claims of the EHR, each under its id and of its client. What they say is the example's: assembling is another
    module's work."""
    return [
        example_of(c["id"], c["patient"]["reference"], c["meta"]["versionId"])
        for c in [c for c in ehr.all("Claim") if c["status"] == "active"][:20]
    ]


def example_of(number: str, patient: str, version: str = "1") -> Claim:
    """The example claim under another number, of a client of the EHR."""
    made = claim()
    assert isinstance(made.insurance.subscriber, Person)
    insurance = replace(made.insurance, subscriber=replace(made.insurance.subscriber, ref=patient))
    where = f"Claim/{number}"
    return replace(made, id=number, where=where, source=f"{where}/_history/{version}", insurance=insurance)


@pytest.fixture(scope="session")
def make_claim() -> Callable[..., Claim]:
    """See ``example_of``."""
    return example_of
