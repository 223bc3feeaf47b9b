"""Servers that others wrote, started for a test run: sekmet-fhir, Medplum (FHIR R4), oidc-provider (OAuth 2).

They live in ``.peers`` beside the project's ``pyproject.toml`` (``CHARTSIDE_PEERS`` names another folder) and are
installed by ``.ci/peers.sh``. Everything listens on 127.0.0.1, on a port that was free, with a temporary folder.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from joserfc.jwk import ECKey, RSAKey

from chartside.testing.keys import SmartClient, make_client

INSTALL = "install the peers with `.ci/peers.sh`"
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A running server: its FHIR base (or issuer), its token endpoint, and the clients registered at it."""

    base_url: str
    token_url: str
    clients: tuple[SmartClient, ...]

    def client(self, alg: str) -> SmartClient:
        """Return the client that signs with ``alg`` (RS384, ES384)."""
        return next(client for client in self.clients if client.alg == alg)


@dataclass(frozen=True, slots=True)
class Medplum:
    """Medplum's in-memory FHIR dialect (``base_url``), and its validator."""

    base_url: str
    validate_url: str

    def issues(
        self, resources: Sequence[Mapping[str, Any]], profiles: Sequence[Mapping[str, Any]] = ()
    ) -> list[list[str]]:
        """Return for each resource what its StructureDefinition forbids: ``place: text``.

        ``profiles``: StructureDefinitions that count where ``meta.profile`` names them.
        """
        body = json.dumps({"resources": list(resources), "profiles": list(profiles)}).encode()
        request = Request(self.validate_url, body, {"Content-Type": "application/json"})  # noqa: S310 - 127.0.0.1
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            found = json.load(answer)
        return [
            [_issue(issue) for issue in part if issue["severity"] in ("error", "fatal")] for part in found
        ]


def _issue(issue: Mapping[str, Any]) -> str:
    return f"{', '.join(issue.get('expression', []))}: {issue.get('details', {}).get('text', '')}"


def peers_folder(root: Path) -> Path:
    """Return the folder in which the peers are installed."""
    return Path(os.environ.get("CHARTSIDE_PEERS", root / ".peers"))


def sekmet_command(root: Path) -> Path | None:
    """Return sekmet's command, or None where it is not installed."""
    command = peers_folder(root) / "sekmet" / "bin" / "sekmet"
    return command if command.exists() else None


def node_folder(root: Path, package: str) -> Path | None:
    """Return the folder with an npm package, or None where it (or node) is not installed."""
    folder = peers_folder(root) / "node"
    return folder if (folder / "node_modules" / package).exists() and shutil.which("node") else None


@contextmanager
def run_sekmet(command: Path, folder: Path, *, secured: bool) -> Iterator[Peer]:
    """Run sekmet with its simulator off; ``secured``: only with a token of SMART backend services."""
    port = _free_port()
    root = f"http://127.0.0.1:{port}"
    clients = (make_client("chartside-rsa", "RS384"), make_client("chartside-ec", "ES384"))
    settings = {
        "host": "127.0.0.1",
        "port": port,
        "base_url": f"{root}/fhir",
        "data_dir": str(folder),
        "own_private_key_path": str(folder / "sekmet.pem"),
        "simulator": {"enabled": False},
        "log_inbound": False,
        "server_auth": {
            "types": ["smart"] if secured else ["none"],
            "smart_clients": [
                {"client_id": c.client_id, "jwks": c.jwks, "scopes": "system/*.cruds"} for c in clients
            ],
        },
    }
    config = folder / "settings.yaml"
    config.write_text(json.dumps(settings))  # JSON is YAML
    with _process([str(command), "serve", "--config", str(config)], folder) as (process, log):
        _wait_for(f"{root}/fhir/metadata", process, log)
        yield Peer(f"{root}/fhir", f"{root}/auth/token", clients)


@contextmanager
def run_oidc(
    node: Path, folder: Path, *, audience: str, scopes: tuple[str, ...], redirect_uri: str, ttl: int = 300
) -> Iterator[Peer]:
    """Run oidc-provider: client credentials, authorisation code with PKCE, rotating refresh tokens.

    Its access tokens are JWTs (ES384) for ``audience``; ``ttl`` seconds is how long they hold.
    """
    clients = (make_client("chartside-rsa", "RS384"), make_client("chartside-ec", "ES384"))
    config = folder / "oidc.json"
    config.write_text(json.dumps(_oidc_config(clients, audience, scopes, redirect_uri, ttl)))
    script = files("chartside.testing").joinpath("oidc.mjs")
    with _process(["node", str(script), str(config), str(node)], folder) as (process, log):
        issuer = _first_line(process, log)["issuer"]
        yield Peer(issuer, f"{issuer}/token", clients)


@contextmanager
def run_medplum(node: Path, folder: Path) -> Iterator[Medplum]:
    """Run Medplum's in-memory dialect."""
    script = files("chartside.testing").joinpath("medplum.mjs")
    with _process(["node", str(script), str(node)], folder) as (process, log):
        root = _first_line(process, log)["root"]
        yield Medplum(f"{root}/fhir", f"{root}/validate")


def _oidc_config(
    clients: tuple[SmartClient, ...], audience: str, scopes: tuple[str, ...], redirect_uri: str, ttl: int
) -> dict[str, object]:
    registered = [
        {
            "client_id": client.client_id,
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": client.alg,
            "jwks": client.jwks,
            "grant_types": ["client_credentials", "authorization_code", "refresh_token"],
            "response_types": ["code"],
            "redirect_uris": [redirect_uri],
            "scope": " ".join(("openid", "offline_access", "fhirUser", "launch", *scopes)),
        }
        for client in clients
    ]
    own = [
        RSAKey.generate_key(2048, {"kid": "rs", "use": "sig", "alg": "RS256"}).as_dict(private=True),
        ECKey.generate_key("P-384", {"kid": "ec", "use": "sig", "alg": "ES384"}).as_dict(private=True),
    ]
    return {"clients": registered, "jwks": {"keys": own}, "scopes": scopes, "audience": audience, "ttl": ttl}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _process(command: list[str], folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    log = folder / "peer.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(command, cwd=folder, stdout=sink, stderr=subprocess.STDOUT)  # noqa: S603
        try:
            yield process, log
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _first_line(process: subprocess.Popen[bytes], log: Path) -> dict[str, str]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("{"):
                found: dict[str, str] = json.loads(line)
                return found
        time.sleep(0.05)
    raise RuntimeError(f"the peer did not start: {log.read_text(errors='replace')[-2000:]}")


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own http://127.0.0.1
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the peer did not start: {log.read_text(errors='replace')[-2000:]}")
