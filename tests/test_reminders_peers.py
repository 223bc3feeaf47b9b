"""The reminders against servers that others wrote: sekmet-fhir, and tokens of oidc-provider (issue 1, "shown", 2)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

import chartside.host as host_module
from chartside.clock import FrozenClock, SystemClock
from chartside.config import load
from chartside.host import Host
from chartside.manifest import Manifest, union
from chartside.messaging.gateway import Gateway
from chartside.plugins import find
from chartside.sandbox import Sandbox, TrustedIssuer
from chartside.smart import KeyStore
from chartside.testing import peers
from chartside_scheduling import trial

pytestmark = pytest.mark.slow

COUNT = 25
AUDIENCE = "http://127.0.0.1/fhir"
AUTH = '\n[ehr.auth]\nclient_id = "{client}"\nalgorithm = "{algorithm}"\n'


def midday_zone(now):
    """A zone in which it is about noon now: tokens need the true time, reminders an allowed hour."""
    ahead = 12 - now.hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def configured(folder, ehr, gateway, client, algorithm):
    """A config that signs in with the client's registered key."""
    KeyStore(folder / "keys", SystemClock()).add(client.private, algorithm)
    auth = AUTH.format(client=client.client_id, algorithm=algorithm)
    path = folder / "chartside.toml"
    path.write_text(trial.CONFIG.format(ehr=ehr, gateway=gateway, auth=auth), "utf-8")
    return load(path)


def run(config, now, *, bundles=True):
    with Host(config, clock=FrozenClock(now)) as host:
        if not bundles:
            host.route.ehr.client.capabilities().raw["rest"][0].pop("interaction", None)
        report = host.run(trial.JOB)
        home = host.ledger.home
    assert not report.failed, report.notes
    return report, home


def signed_in(peer, client):
    """Headers for filling and checking the server, with rights that the host does not get."""
    form = client.form(peer.token_url, "system/*.cruds")
    token = requests.post(peer.token_url, data=form, timeout=10).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def fill(base_url, headers, now):
    """The trial's practice into a server, over HTTP."""
    for resource in trial.clients(COUNT, now, midday_zone(now)):
        url = f"{base_url}/{resource['resourceType']}/{resource['id']}"
        answer = requests.put(url, json=resource, headers=headers, timeout=10)
        assert answer.status_code in (200, 201), answer.text


def check(base_url, headers, first, again, gateway):
    """Each sent once, the second run nothing; what the EHR remembers of each."""
    assert first.counts["sent"] == COUNT, first.counts
    assert again.counts["already sent"] == COUNT, again.counts
    assert sorted(Counter(m.reference for m in gateway.messages).values()) == [1] * COUNT
    for row in first.rows:
        record = requests.get(f"{base_url}/{row['recorded']}", headers=headers, timeout=10).json()
        assert record["status"] == "completed"
        assert record["about"] == [{"reference": f"Appointment/{row['appointment']}"}]


def forget(base_url, headers):
    """Take the records away again: the server is shared by all tests of a run."""
    for kind in ("Communication", "Appointment"):
        listed = requests.get(f"{base_url}/{kind}?_count=200", headers=headers, timeout=10).json()
        for entry in listed.get("entry", []):
            requests.delete(f"{base_url}/{kind}/{entry['resource']['id']}", headers=headers, timeout=10)


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_reminders_on_sekmet(sekmet_smart, tmp_path, algorithm):
    """S-3, R-10: a real FHIR server behind private_key_jwt; each is sent once, and a second run sends nothing.

    This server lets nobody post a bundle who may not create every type, and the host asks for no such right: so
    it is used as one without bundles.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    client, gateway = sekmet_smart.client(algorithm), Gateway()
    headers = signed_in(sekmet_smart, client)
    fill(sekmet_smart.base_url, headers, now)
    with gateway.running() as url:
        config = configured(tmp_path, sekmet_smart.base_url, url, client, algorithm)
        first, home = run(config, now, bundles=False)
        again, _ = run(config, now, bundles=False)
    assert home == "Communication in the EHR"
    check(sekmet_smart.base_url, headers, first, again, gateway)
    forget(sekmet_smart.base_url, headers)


def test_reminders_on_open_sekmet_with_transactions(sekmet, tmp_path):
    """R-10: the same with the transactions of a server that others wrote."""
    now, gateway = datetime.now(UTC).replace(microsecond=0), Gateway()
    fill(sekmet.base_url, {}, now)
    with gateway.running() as url:
        (tmp_path / "chartside.toml").write_text(
            trial.CONFIG.format(ehr=sekmet.base_url, gateway=url, auth=""), "utf-8"
        )
        config = load(tmp_path / "chartside.toml")
        first, _ = run(config, now)
        again, _ = run(config, now)
    check(sekmet.base_url, {}, first, again, gateway)
    forget(sekmet.base_url, {})


@pytest.fixture(scope="module")
def issuer(request, tmp_path_factory):
    """A real oidc-provider that knows exactly the scopes that this host's manifests come to."""
    node = peers.node_folder(request.config.rootpath, "oidc-provider")
    if node is None:
        pytest.skip(f"oidc-provider (and node 20 or later) is not installed: {peers.INSTALL}")
    found = find()
    manifests = [found[name].manifest for name in ("consent", "scheduling")]
    own = Manifest.load(Path(host_module.__file__).with_name("plugin.toml"))
    scopes = tuple(f"system/{kind}.{letters}" for kind, letters in union([own, *manifests]).items())
    folder = tmp_path_factory.mktemp("issuer")
    with peers.run_oidc(
        node, folder, audience=AUDIENCE, scopes=scopes, redirect_uri="http://127.0.0.1/callback"
    ) as peer:
        yield peer


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_reminders_with_a_token_of_another_authorisation_server(issuer, tmp_path, algorithm):
    """S-3, H-3: the EHR trusts oidc-provider, which gives the host its token for private_key_jwt."""
    now = datetime.now(UTC).replace(microsecond=0)
    configuration = requests.get(f"{issuer.base_url}/.well-known/smart-configuration", timeout=10).json()
    keys = requests.get(configuration["jwks_uri"], timeout=10).json()
    guard, gateway = TrustedIssuer(issuer.base_url, AUDIENCE, keys, configuration), Gateway()
    sandbox = Sandbox(guard=guard)
    sandbox.store.bulk(trial.clients(COUNT, now, midday_zone(now)))
    with sandbox.running() as ehr, gateway.running() as url:
        config = configured(tmp_path, ehr, url, issuer.client(algorithm), algorithm)
        report, _ = run(config, now)
    sandbox.close()
    assert report.counts["sent"] == COUNT, (report.counts, report.notes)
    assert len(gateway.messages) == COUNT
