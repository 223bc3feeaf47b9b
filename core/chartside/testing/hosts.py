"""A whole host on a test's EHR."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chartside.clock import Clock
    from chartside.host import Host
    from chartside.testing.ehr import Ehr

PRACTICE = {
    "id": "test-practice",
    "name": "Larkspur Counseling",
    "phone": "+1 518 555 0100",
    "time_zone": "America/New_York",
    "state": "NY",
}


@contextmanager
def host_for(
    ehr: Ehr, clock: Clock, *, plugins: Mapping[str, Mapping[str, Any]], **tables: Any
) -> Iterator[Host]:
    """Open a host on a test's EHR, with these ``[plugins.*]`` tables.

    ``tables`` replace or add whole tables of the config (``practice``, ``companion``, ``channels``, ``outbound`` ...).
    Its state stands in a temporary folder that is removed. Raises ConfigErrors, as a wrong ``chartside.toml`` does.
    """
    from chartside.config import parse
    from chartside.host import Host

    with tempfile.TemporaryDirectory(prefix="chartside-test-") as name:
        folder = Path(name)
        data = {
            "practice": PRACTICE,
            "ehr": _ehr_table(ehr, folder, clock),
            "plugins": dict(plugins),
        } | tables
        with Host(parse(data, folder), clock=clock) as host:
            yield host


def _ehr_table(ehr: Ehr, folder: Path, clock: Clock) -> dict[str, Any]:
    """The ``[ehr]`` table. Where the EHR asks for tokens, a new key is made and registered there."""
    table: dict[str, Any] = {"base_url": ehr.base_url, "requests_per_second": 1000}
    authority = ehr.sandbox.authority
    if authority is not None and ehr.client is not None:
        from chartside.sandbox import Client
        from chartside.smart import KeyStore

        keys = KeyStore(folder / "keys", clock)
        keys.generate("ES384")
        client = Client("chartside-host", keys.jwks("ES384"), ehr.client_scopes)
        authority.register(client)
        table["auth"] = {"client_id": client.client_id, "algorithm": "ES384"}
    return table
