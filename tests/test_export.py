"""The registration bundle follows from the enabled manifests, and from nothing else (H-3)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from chartside.clock import FrozenClock
from chartside.config import parse
from chartside.export import TARGETS, files, write
from chartside.manifest import Manifest
from chartside.smart.keys import KeyStore

CONFIG = {
    "practice": {
        "id": "riverside",
        "name": "Riverside Counseling",
        "phone": "+1 312 555 0142",
        "time_zone": "America/Chicago",
        "state": "IL",
    },
    "ehr": {"base_url": "https://ehr.example.org/fhir", "auth": {"client_id": "abc"}},
}
MANIFEST = Manifest.model_validate(
    {
        "plugin": {"name": "scheduling", "title": "Reminders", "api": 1},
        "access": {"Appointment": "rs", "Communication": "crus"},
        "outbound": {"kinds": ["sms"]},
    }
)


@pytest.fixture
def keys(tmp_path):
    store = KeyStore(tmp_path / "keys", FrozenClock(datetime(2026, 11, 24, tzinfo=UTC)))
    store.generate("ES384")
    store.generate("RS384")
    return store


GOLDEN = {
    "smart": "system/Appointment.rs\nsystem/Communication.crus\n",
    "epic": "system/Appointment.rs\nsystem/Communication.crus\n",
    "oracle": "system/Appointment.read\nsystem/Communication.read\nsystem/Communication.write\n",
    "athena": "system/Appointment.read\nsystem/Communication.read\nsystem/Communication.write\n",
}


@pytest.mark.parametrize("target", TARGETS)
def test_scopes_are_the_declared_minimum(tmp_path, keys, target):
    """H-3: golden scopes in each vendor's syntax."""
    bundle = files(parse(CONFIG, tmp_path), [MANIFEST], keys, target)
    assert bundle["scopes.txt"] == GOLDEN[target]


def test_no_secret_leaves(tmp_path, keys):
    """The bundle is public: the JWKS holds no private member, and one algorithm only."""
    bundle = files(parse(CONFIG, tmp_path), [MANIFEST], keys, "epic")
    [key] = json.loads(bundle["jwks.json"])["keys"]
    assert key["kty"] == "EC"
    assert not {"d", "p", "q", "k"} & set(key)
    assert "Communication.Update (R4)" in bundle["apis.txt"]
    write(tmp_path / "out", bundle)
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(bundle)
