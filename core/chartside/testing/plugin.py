"""The pytest plugin of the test kit: fixtures for plugin authors.

It is loaded by every pytest run on a machine where Chartside is installed, so it imports pytest and nothing else until
a test asks for one of its fixtures.

===================  =========================================================================================
``clock``            a clock that stands at 2026-11-24T15:00:00Z until it is told to move
``ehr``              a running sandbox EHR with an invented practice, at the time of ``clock``
``practice``         that practice: what was planted in it
``faults``           what goes wrong at that EHR: ``faults.add("429", path="/Task", times=2)``
``context``          a plugin's context on that EHR; needs ``@pytest.mark.chartside_plugin("name", ...)``
``respx_requests``   a respx router that answers whatever is asked through ``requests``
``sekmet``           a FHIR R4 server that others wrote, open (skips where it is not installed)
``sekmet_smart``     the same, behind SMART backend services: ``.client("RS384")``, ``.client("ES384")``
``oidc``             an authorisation server that others wrote, with the same two clients
``medplum``          another FHIR R4 dialect (no next links, versions that are no numbers), and an independent validator
===================  =========================================================================================

``@pytest.mark.ehr(...)`` shapes the EHR: ``clients``, ``seed``, ``secured``, ``scopes``, ``latency``, and every field
of ``chartside.sandbox.Options`` (``no_transaction=True``, ``read_only=frozenset({"Appointment"})`` ...).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import respx

    from chartside.clock import FrozenClock
    from chartside.context import Context
    from chartside.sandbox import Faults
    from chartside.sandbox.practice import Practice
    from chartside.testing.ehr import Ehr
    from chartside.testing.peers import Medplum, Peer

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
OIDC_AUDIENCE = "http://127.0.0.1/fhir"
OIDC_REDIRECT = "http://127.0.0.1/callback"
OIDC_SCOPES = (
    "system/*.cruds",
    "system/*.rs",
    "system/*.read",
    "system/Patient.rs",
    "system/Patient.read",
    "system/Appointment.rs",
    "system/Appointment.read",
    "system/Communication.cruds",
    "patient/*.rs",
    "user/*.cruds",
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    config.addinivalue_line("markers", "ehr(**options): shapes the sandbox EHR of the `ehr` fixture")
    config.addinivalue_line(
        "markers", "chartside_plugin(name, **settings): the plugin whose context the `context` fixture gives"
    )


@pytest.fixture
def clock() -> FrozenClock:
    """Give a clock that stands still: ``clock.advance(3600)``."""
    from chartside.clock import FrozenClock

    return FrozenClock(NOW)


@pytest.fixture
def ehr(request: pytest.FixtureRequest, clock: FrozenClock) -> Iterator[Ehr]:
    """Give a running sandbox EHR with an invented practice of 40 clients."""
    from chartside.testing.ehr import running_ehr

    settings: dict[str, object] = {}
    for mark in reversed(list(request.node.iter_markers("ehr"))):  # the nearest mark wins
        settings |= mark.kwargs
    with running_ehr(clock, settings) as found:
        yield found


@pytest.fixture
def practice(ehr: Ehr) -> Practice:
    """Give the practice of the EHR."""
    return ehr.practice


@pytest.fixture
def faults(ehr: Ehr) -> Faults:
    """Give what goes wrong at the EHR: nothing, until it is told to."""
    return ehr.faults


@pytest.fixture
def context(request: pytest.FixtureRequest, ehr: Ehr, clock: FrozenClock) -> Iterator[Context]:
    """Give the context of the plugin that ``@pytest.mark.chartside_plugin("name", setting=...)`` names."""
    from chartside.testing.hosts import host_for

    mark = request.node.get_closest_marker("chartside_plugin")
    if mark is None or len(mark.args) != 1:
        pytest.fail('the fixture `context` needs @pytest.mark.chartside_plugin("name of the plugin")')
    name = mark.args[0]
    with host_for(ehr, clock, plugins={name: {"enabled": True, **mark.kwargs}}) as host:
        yield host.context(name)


@pytest.fixture
def respx_requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[respx.Router]:
    """Give a respx router that answers everything that is asked through ``requests``, on any session."""
    import requests
    import respx

    from chartside.testing.respx_adapter import RespxAdapter

    router = respx.Router(assert_all_called=False)
    adapter = RespxAdapter(router)
    monkeypatch.setattr(requests.Session, "get_adapter", lambda self, url: adapter)
    yield router
    router.reset()


@pytest.fixture(scope="module")  # one for each file, so that no file finds what another one has written
def sekmet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Give a running sekmet-fhir that asks for no token: ``.base_url``."""
    yield from _sekmet(request.config.rootpath, tmp_path_factory.mktemp("sekmet"), secured=False)


@pytest.fixture(scope="module")
def sekmet_smart(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Give a running sekmet-fhir behind SMART backend services: ``.base_url``, ``.token_url``, ``.client(alg)``."""
    yield from _sekmet(request.config.rootpath, tmp_path_factory.mktemp("sekmet-smart"), secured=True)


def _sekmet(root: Path, folder: Path, *, secured: bool) -> Iterator[Peer]:
    from chartside.testing import peers

    command = peers.sekmet_command(root)
    if command is None:
        pytest.skip(f"sekmet-fhir is not installed: {peers.INSTALL}")
    with peers.run_sekmet(command, folder, secured=secured) as peer:
        yield peer


@pytest.fixture(scope="session")
def oidc(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Give a running oidc-provider: ``.base_url`` is its issuer; its tokens are for ``OIDC_AUDIENCE``."""
    from chartside.testing import peers

    node = peers.node_folder(request.config.rootpath, "oidc-provider")
    if node is None:
        pytest.skip(f"oidc-provider (and node 20 or later) is not installed: {peers.INSTALL}")
    folder = tmp_path_factory.mktemp("oidc")
    with peers.run_oidc(
        node, folder, audience=OIDC_AUDIENCE, scopes=OIDC_SCOPES, redirect_uri=OIDC_REDIRECT
    ) as peer:
        yield peer


@pytest.fixture(scope="session")
def medplum(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Medplum]:
    """Give Medplum's in-memory FHIR dialect: ``.base_url``, ``.issues(resources, profiles)``."""
    from chartside.testing import peers

    node = peers.node_folder(request.config.rootpath, "@medplum/fhir-router")
    if node is None:
        pytest.skip(f"@medplum/fhir-router (and node 20 or later) is not installed: {peers.INSTALL}")
    with peers.run_medplum(node, tmp_path_factory.mktemp("medplum")) as server:
        yield server
