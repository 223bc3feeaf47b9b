"""The config file: every mistake is told, with its key's path and a mend (H-2)."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chartside.config import ConfigErrors, load, parse, problems

GOOD = """
[practice]
id = "riverside"
name = "Riverside Counseling"
phone = "+1 312 555 0142"
time_zone = "America/Chicago"
state = "IL"

[ehr]
base_url = "https://ehr.example.org/fhir"
[ehr.auth]
client_id = "abc"

[plugins.scheduling]
enabled = true
"""


def write(tmp_path, text):
    path = tmp_path / "chartside.toml"
    path.write_text(text)
    return path


def test_a_good_file_loads(tmp_path):
    """H-2: no error where there is none; paths are resolved beside the file."""
    config = load(write(tmp_path, GOOD))
    assert config.enabled() == ["scheduling"]
    assert config.path(config.ehr.auth.keys) == tmp_path / "keys"


MISTAKES = {
    "unknown key": ("client_id =", "clientid =", "ehr.auth.clientid", "client_id"),
    "zone misspelt": ("America/Chicago", "America/Chicgo", "practice.time_zone", "America/Chicago"),
    "plain http": ("https://ehr", "http://ehr", "ehr.base_url", "https"),
    "no URL": ("https://ehr.example.org/fhir", "ehr.example.org", "ehr.base_url", "URL"),
    "no port": ("https://ehr.example.org/", "https://ehr.example.org:99999/", "ehr.base_url", "URL"),
    "blank in URL": ("example.org/fhir", "example.org/my fhir", "ehr.base_url", "URL"),
    "dots in URL": ("ehr.example.org", "ehr..example.org", "ehr.base_url", "URL"),
    "bracket in URL": ("https://ehr", "https://[ehr", "ehr.base_url", "URL"),
    "password in URL": ("https://ehr", "https://me:secret@ehr", "ehr.base_url", "auth"),
    "state": ('"IL"', '"Illinois"', "practice.state", "two capital letters"),
    "phone": ("+1 312 555 0142", "call us", "practice.phone", "+1 312 555 0142"),
    "missing": ('name = "Riverside Counseling"\n', "", "practice.name", "add"),
    "enabled is no boolean": ("enabled = true", 'enabled = "yes"', "plugins.scheduling.enabled", "true"),
    "TOML": ("[practice]", "[practice", "chartside.toml", "mend the line"),
    "empty secret": (
        '"abc"',
        '{ "$env" = "CHARTSIDE_TEST_ABSENT" }',
        "ehr.auth.client_id",
        "environment variable",
    ),
    "keys in state": ('"abc"', '"abc"\nkeys = "state/keys"', "ehr.auth.keys", "folder of their own"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_named_with_its_mend(tmp_path, name):
    """H-2: the key's path and the mend stand in the message."""
    old, new, path, mend = MISTAKES[name]
    assert old in GOOD
    with pytest.raises(ConfigErrors) as caught:
        load(write(tmp_path, GOOD.replace(old, new, 1)))
    assert any(path in str(error) and mend in str(error) for error in caught.value.errors), str(caught.value)


@pytest.mark.parametrize(
    ("auth", "good"),
    [
        ('client_id = "abc"', False),
        ('client_id = "abc"\nkeys = "./keys/../keys"', False),
        ('client_id = "abc"\nkeys = "others"', True),
        ('client_id = "def"', True),
    ],
)
def test_two_servers_do_not_know_us_as_the_same(tmp_path, auth, good):
    """S-13: a companion that names the EHR's token endpoint as its own would be sent the EHR's token."""
    text = f'{GOOD}\n[companion]\nbase_url = "https://second.example.org/fhir"\n[companion.auth]\n{auth}\n'
    path = write(tmp_path, text)
    if good:
        assert load(path).companion
        return
    with pytest.raises(ConfigErrors, match=r"companion\.auth\.client_id.*client id of its own"):
        load(path)


def test_all_mistakes_are_told_at_once(tmp_path):
    """H-2: three mistakes, three errors."""
    text = (
        GOOD.replace("America/Chicago", "Mars/Base").replace('"IL"', '"x"').replace("client_id", "klient_id")
    )
    with pytest.raises(ConfigErrors) as caught:
        load(write(tmp_path, text))
    paths = {error.path for error in caught.value.errors}
    assert {"practice.time_zone", "practice.state", "ehr.auth.klient_id", "ehr.auth.client_id"} <= paths


def test_secrets_come_from_env_and_file(tmp_path, monkeypatch):
    """A secret is pointed at, never written into the file."""
    monkeypatch.setenv("CHARTSIDE_TEST_ID", "from-env")
    (tmp_path / "token").write_text("from-file\n")
    text = (
        GOOD.replace('"abc"', '{ "$env" = "CHARTSIDE_TEST_ID" }')
        + '[channels.sms]\ntoken = { "$file" = "token" }\n'
    )
    config = load(write(tmp_path, text))
    assert config.ehr.auth.client_id == "from-env"
    assert config.channels["sms"]["token"] == "from-file"


def test_absent_file_names_the_mend(tmp_path):
    """H-2: a new user is told to run `chartside init`."""
    with pytest.raises(ConfigErrors, match="chartside init"):
        load(tmp_path / "chartside.toml")


def test_a_value_of_a_wrong_kind_is_no_crash(tmp_path):
    """Bad input gives a clear error, whatever its form."""
    for data in ({"practice": 3, "ehr": []}, {"practice": {}, "ehr": {"base_url": 7}}, {}):
        with pytest.raises(ConfigErrors):
            parse(data, tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe\x00", "folder"])
def test_a_secret_that_cannot_be_read_names_its_key_and_mend(tmp_path, content):
    """H-2: absent, empty, no text, a folder: one line with the key's path, never a traceback, never the secret."""
    if content == "folder":
        (tmp_path / "token").mkdir()
    elif content is not None:
        (tmp_path / "token").write_bytes(content)
    write = GOOD + '[channels.sms]\ntoken = { "$file" = "token" }\n'
    (tmp_path / "chartside.toml").write_text(write)
    with pytest.raises(ConfigErrors, match=r"channels\.sms\.token.*write the secret into token"):
        load(tmp_path / "chartside.toml")


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000, "[practice]\n[practice]\n", "#" * 2_000_000, "a = 1\na = 2"]
)
def test_a_file_that_is_no_toml(tmp_path, text):
    """H-2: bottomless, huge, or with a table or key twice."""
    (tmp_path / "chartside.toml").write_text(text)
    with pytest.raises(ConfigErrors, match="no valid TOML"):
        load(tmp_path / "chartside.toml")


class _Folder(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["local"]
    folder: str


class _Mailbox(BaseModel):
    type: Literal["sftp"]
    host: str


class _Settings(BaseModel):
    house: Annotated[_Folder | _Mailbox, Field(discriminator="type")] | None = None


def test_a_key_in_a_table_of_some_kind_is_named_as_it_is_written():
    """H-2: pydantic's name for the kind that it took is no key of the file; the keys of that kind are told."""
    with pytest.raises(ValidationError) as caught:
        _Settings.model_validate({"house": {"type": "local", "folderr": "x"}})
    told = {p.path: p.mend for p in problems(caught.value, _Settings, "plugins.billing")}
    assert told == {
        "plugins.billing.house.folder": "add `folder = ...`",
        "plugins.billing.house.folderr": "did you mean 'folder'?",
    }


def test_a_typo_in_a_key_that_the_config_has_of_its_own(tmp_path):
    """``folder`` is a key of [state], though not of the file's top."""
    path = tmp_path / "chartside.toml"
    path.write_text(GOOD + '[state]\nfoldr = "x"\n')
    with pytest.raises(ConfigErrors, match="did you mean 'folder'"):
        load(path)
