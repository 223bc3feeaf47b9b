"""Signing keys: made, rotated, published, retired (S-3, S-5, S-22)."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta

import pytest
from joserfc.jwk import ECKey

from chartside.clock import FrozenClock
from chartside.errors import SmartError
from chartside.smart import ALGORITHMS, KeyStore


@pytest.fixture
def clock():
    return FrozenClock(datetime(2026, 11, 24, 12, tzinfo=UTC))


@pytest.fixture
def keys(tmp_path, clock):
    return KeyStore(tmp_path / "keys", clock)


def test_key_files_are_for_their_owner_only(keys, tmp_path):
    """S-5: mode 0600 in a folder of mode 0700."""
    keys.generate("ES384")
    [file] = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    file.chmod(0o640)
    with pytest.raises(SmartError, match="chmod 600"):
        keys.keys()


def test_keys_lie_outside_the_data_folder(tmp_path, clock):
    """S-5."""
    with pytest.raises(SmartError):
        KeyStore(tmp_path / "data" / "keys", clock, outside=tmp_path / "data")
    KeyStore(tmp_path / "keys", clock, outside=tmp_path / "data")


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_rotation_publishes_first_signs_later_and_retires_last(keys, clock, algorithm):
    """S-5: the EHR has a day to fetch the new key; the old one goes an hour after the change."""
    old = keys.generate(algorithm)
    new = keys.rotate(algorithm, lead=timedelta(hours=24))
    assert keys.current(algorithm).kid == old.kid
    assert {k["kid"] for k in keys.jwks()["keys"]} == {old.kid, new.kid}
    clock.advance(timedelta(hours=24))
    assert keys.current(algorithm).kid == new.kid
    assert keys.retire(algorithm) == []
    clock.advance(timedelta(hours=1))
    assert keys.retire(algorithm) == [old.kid]
    assert [k["kid"] for k in keys.jwks()["keys"]] == [new.kid]


def test_the_published_set_holds_no_secret(keys, tmp_path):
    keys.generate("RS384")
    keys.generate("ES384")
    keys.publish(tmp_path / "jwks.json")
    published = json.loads((tmp_path / "jwks.json").read_text())
    assert [(k["kty"], k["alg"], k["use"]) for k in published["keys"]] == [
        ("EC", "ES384", "sig"),
        ("RSA", "RS384", "sig"),
    ]
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & {name for k in published["keys"] for name in k}


def test_kinds_of_keys_can_be_published_apart(keys):
    """sekmet-fhir fails on a set in which an RSA key stands first, so EC comes first, or alone."""
    keys.generate("RS384")
    keys.generate("ES384")
    assert [k["kty"] for k in keys.jwks("ES384")["keys"]] == ["EC"]
    assert [k["kty"] for k in keys.jwks("RS384")["keys"]] == ["RSA"]


def test_a_key_survives_being_read_again(keys, tmp_path, clock):
    made = keys.generate("ES384")
    again = KeyStore(tmp_path / "keys", clock).current("ES384")
    assert again.public() == made.public()
    assert "key=" not in repr(again)


def test_a_registered_key_is_taken_in_with_its_id(keys):
    jwk = ECKey.generate_key("P-384", {"kid": "from-the-vendor"}).as_dict(private=True)
    assert keys.add(jwk, "ES384").kid == "from-the-vendor"
    assert keys.current("ES384").kid == "from-the-vendor"
    public = {k: v for k, v in jwk.items() if k != "d"}
    for bad, algorithm in ((public, "ES384"), (jwk, "RS384"), ({}, "ES384")):
        with pytest.raises(SmartError):
            keys.add(bad, algorithm)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"algorithm": "none"}', b"\xff"])
def test_a_damaged_key_file_is_named(keys, tmp_path, content):
    keys.generate("ES384")
    [file] = (tmp_path / "keys").iterdir()
    file.write_bytes(content)
    with pytest.raises(SmartError, match="damaged"):
        keys.current("ES384")


def test_no_key_says_what_to_do(keys):
    with pytest.raises(SmartError, match="chartside keys"):
        keys.current("ES384")


def test_a_key_can_be_deleted(keys, tmp_path):
    """S-22."""
    keys.delete(keys.generate("ES384").kid)
    assert list((tmp_path / "keys").iterdir()) == []
    with pytest.raises(SmartError):
        keys.delete("../jwks")
