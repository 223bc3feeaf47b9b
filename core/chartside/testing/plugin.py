"""The pytest plugin of the test kit: fixtures for plugin authors.

It is loaded by every pytest run on a machine where Chartside is installed, so it imports pytest and nothing else until
a test asks for one of its fixtures.

===================  =====================================================================================
``sekmet``           a FHIR R4 server that others wrote, open (skips where it is not installed)
``sekmet_smart``     the same, behind SMART backend services: ``.client("RS384")``, ``.client("ES384")``
``oidc``             an authorisation server that others wrote, with the same two clients
===================  =====================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chartside.testing.peers import Peer

OIDC_AUDIENCE = "http://127.0.0.1/fhir"
OIDC_REDIRECT = "http://127.0.0.1/callback"
OIDC_SCOPES = (
    "system/*.cruds",
    "system/*.rs",
    "system/Patient.rs",
    "system/Appointment.rs",
    "system/Communication.cruds",
    "system/Patient.read",
    "system/Appointment.read",
    "patient/*.rs",
    "user/*.cruds",
)


@pytest.fixture(scope="session")
def sekmet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Give a running sekmet-fhir that asks for no token: ``.base_url``."""
    yield from _sekmet(request.config.rootpath, tmp_path_factory.mktemp("sekmet"), secured=False)


@pytest.fixture(scope="session")
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

    node = peers.node_folder(request.config.rootpath)
    if node is None:
        pytest.skip(f"oidc-provider (and node 20 or later) is not installed: {peers.INSTALL}")
    folder = tmp_path_factory.mktemp("oidc")
    with peers.run_oidc(
        node, folder, audience=OIDC_AUDIENCE, scopes=OIDC_SCOPES, redirect_uri=OIDC_REDIRECT
    ) as peer:
        yield peer
