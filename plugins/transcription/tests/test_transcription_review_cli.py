"""The commands of review, as a practice uses them: drafts without an EHR, list to amend with one (T-8, T-9)."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from typer.testing import CliRunner

from chartside.clock import FrozenClock
from chartside.codes import CONSENT_TYPE_SYSTEM, ConsentType, coding
from chartside.testing.ehr import running_ehr
from chartside.testing.plugin import NOW
from chartside_transcription.cli import app

TALK = """\
Clinician: Have you had any thoughts of hurting yourself?
Client: No, nothing like that. I have been sleeping sixty hours a week.
Clinician: We will meet again next Tuesday at three.
"""
SIGNER = "Practitioner/clinician-001"
CONFIG = """\
[practice]
id = "larkspur"
name = "Larkspur Counseling"
phone = "+1 518 555 0100"
time_zone = "America/New_York"
state = "NY"

[ehr]
base_url = "{url}"
adapter = "{adapter}"
requests_per_second = 1000

[plugins.consent]
enabled = true

[plugins.transcription]
enabled = true
signers = ["Practitioner/clinician-001"]
"""


def run(*arguments: str, given: str | None = None):
    return CliRunner().invoke(app, list(arguments), input=given)


@pytest.fixture(scope="module")
def ehr():
    with running_ehr(FrozenClock(NOW), {"clients": 2}) as found:
        yield found


@pytest.fixture
def config(ehr, tmp_path):
    path = tmp_path / "chartside.toml"
    path.write_text(CONFIG.format(url=ehr.base_url, adapter="generic"))
    return str(path)


@pytest.fixture
def draft(ehr, config):
    """A filed draft's id."""
    from pathlib import Path

    from chartside.config import load
    from chartside.host import Host
    from chartside_transcription.draft import load_template, make_draft
    from chartside_transcription.draft.rules import Rules
    from chartside_transcription.permit import Sitting
    from chartside_transcription.service import reviewer
    from chartside_transcription.typed import typed

    transcript = typed(TALK.encode())
    with Host(load(Path(config)), clock=FrozenClock(NOW)) as host:
        made = make_draft(transcript, load_template("dap"), Rules())
        review = reviewer(host.context("transcription"))
        return review.file(made, transcript, Sitting("Patient/c00001"), config)


@pytest.mark.parametrize("template", ["soap", "DAP", "birp", "girp"])
def test_a_draft_from_text_without_an_ehr(tmp_path, template):
    """T-8: no config, no EHR; each sentence with its words; the safety question with its answer."""
    path = tmp_path / "talk.txt"
    path.write_text(TALK)
    shown = run("draft", str(path), "--template", template)
    assert shown.exit_code == 0, shown.output
    assert (
        'Clinician: "Have you had any thoughts of hurting yourself?" Client: "No, nothing like that.'
        in shown.output
    )
    assert "words 0-7" in shown.output
    found = json.loads(run("draft", str(path), "--template", template, "--json").stdout)
    words = TALK.replace("Clinician: ", "").replace("Client: ", "").split()
    for sentence in (s for section in found["sections"] for s in section["sentences"]):
        for span in sentence["spans"]:
            first, last = span["words"]
            assert span["text"] == " ".join(words[first : last + 1])


def test_a_practices_own_template(tmp_path):
    """T-8: headings of their own; a wrong one is told with its place."""
    talk, own = tmp_path / "talk.txt", tmp_path / "own.toml"
    talk.write_text(TALK)
    own.write_text('title = "Our note"\n[[section]]\nheading = "Safety"\nkinds = ["risk"]\n')
    shown = run("draft", str(talk), "--template", str(own))
    assert "Our note" in shown.output
    assert "Safety" in shown.output
    assert "Tuesday" not in shown.output  # the template has no place for it
    for text, told in (
        ("title = 3", "title"),
        ('title = "x"', "section"),
        ('title = "x"\n[[section]]\nheading = "a"\nkinds = ["mood"]', "kinds"),
        ("not toml", "TOML"),
    ):
        own.write_text(text)
        refused = run("draft", str(talk), "--template", str(own))
        assert refused.exit_code == 2
        assert told in refused.output
    assert run("draft", str(talk), "--template", "nothing").exit_code == 2


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("a.txt", b"", 1),
        ("a.txt", b"Client: Yeah.\n", 1),
        ("a.txt", b"\xff\xfe\x00", 2),
        ("a.json", b"{}", 2),
        ("a.json", b"[" * 100_000, 2),
        ("a.json", b'{"format": "chartside-transcript/1", "words": [{"word": 3}]}', 2),
        ("a.json", b'{"format": "chartside-transcript/1", "words": []}', 1),
    ],
    ids=str,
)
def test_a_transcript_that_is_none(tmp_path, name, data, status):
    """Nothing said: no draft (1); no transcript: a clear error (2)."""
    path = tmp_path / name
    path.write_bytes(data)
    shown = run("draft", str(path))
    assert shown.exit_code == status
    assert "Traceback" not in shown.output


def test_from_the_list_to_an_amendment(ehr, config, draft):
    """T-9: list, show, edit from a pipe, changes, swap, sign after the question, amend."""
    opts = ("--config", config)
    assert draft in run("list", *opts).output
    assert draft not in run("list", "--client", "Patient/c00002", *opts).output
    text = run("show", draft, *opts).stdout
    assert "{0:" in text
    assert "DRAFT" in text
    assert "{0:" not in run("show", draft, "--final", *opts).stdout
    edited = run("edit", draft, "-", "--as", SIGNER, *opts, given=text.replace("sixty", "forty"))
    assert edited.exit_code == 0, edited.output
    shown = run("changes", draft, *opts).stdout
    assert f"{SIGNER}:" in shown
    assert "+- Clinician" in shown
    assert run("swap", draft, "--as", SIGNER, *opts).exit_code == 0
    assert run("swap", draft, "--as", SIGNER, *opts).exit_code == 0
    refused = run("sign", draft, "--as", SIGNER, *opts, given="n\n")
    assert refused.exit_code == 1
    assert ehr.read(*draft.split("/"))["docStatus"] == "preliminary"
    signed = run("sign", draft, "--as", SIGNER, *opts, given="y\n")
    assert signed.exit_code == 0, signed.output
    assert "forty hours a week" in signed.output
    assert ehr.read(*draft.split("/"))["docStatus"] == "final"
    assert draft not in run("list", *opts).output
    amended = run("amend", draft, "-", "--as", SIGNER, *opts, given="Amended: thirty hours a week.")
    assert amended.exit_code == 0, amended.output
    assert ehr.read(*amended.stdout.strip().split("/"))["docStatus"] == "amended"


def test_who_is_not_named_does_nothing(config, draft):
    """T-9: the error names the key of the config that mends it."""
    for command in (("sign", draft, "--yes", "--version", "v"), ("swap", draft), ("edit", draft, "-")):
        told = run(*command, "--as", "Practitioner/stranger", "--config", config, given="text of a stranger")
        assert told.exit_code == 2
        assert "plugins.transcription.signers" in told.output


def test_nobody_is_asked_only_where_a_version_is_named(config, draft):
    """T-9: --yes signs no text that may have changed since it was read."""
    told = run("sign", draft, "--yes", "--as", SIGNER, "--config", config)
    assert told.exit_code == 2
    assert "--version" in told.output


def test_a_change_may_name_the_version_that_was_shown(config, draft):
    """T-9: --version as `show` prints it; another one is refused, and the draft stands."""
    opts = ("--config", config)
    shown = run("show", draft, *opts)
    version = shown.stderr.split()[-1]
    changed = shown.stdout.replace("sixty", "fifty")
    for command in (
        ("edit", draft, "-", "--as", SIGNER),
        ("swap", draft, "--as", SIGNER),
        ("discard", draft, "-y"),
    ):
        told = run(*command, "--version", "another", *opts, given=changed)
        assert told.exit_code == 2
        assert "read it again" in told.output, told.output
    assert run("show", draft, *opts).stdout == shown.stdout
    edit = ("edit", draft, "-", "--as", SIGNER, "--version", version, *opts)
    assert run(*edit, given=changed).exit_code == 0
    assert run(*edit, given=changed).exit_code == 2
    newer = run("show", draft, *opts).stderr.split()[-1]
    assert run("discard", draft, "--yes", "--version", newer, *opts).exit_code == 0


def test_a_discarded_draft_is_gone_from_the_list(config, draft):
    """T-9: asked first."""
    assert run("discard", draft, "--config", config, given="n\n").exit_code == 1
    assert draft in run("list", "--config", config).output
    assert run("discard", draft, "--yes", "--config", config).exit_code == 0
    assert draft not in run("list", "--config", config).output


def test_a_recording_without_consent_is_not_read(config, ehr, tmp_path):
    """T-1: the consents come first, before the file is looked at."""
    told = run("note", str(tmp_path / "no-such.wav"), "--client", "Patient/c00001", "--config", config)
    assert told.exit_code == 2
    assert "not permitted" in told.output
    assert "cannot be read" not in told.output


def test_where_no_draft_is_taken_the_command_says_so(ehr, tmp_path):
    """T-10: a draft in the memory of a command would be lost: refused before anything is recorded."""
    path = tmp_path / "oracle.toml"
    path.write_text(CONFIG.format(url=ehr.base_url, adapter="oracle-health"))
    told = run("note", str(path), "--client", "Patient/c00001", "--config", str(path))
    assert told.exit_code == 2
    assert "chartside serve" in told.output


@pytest.mark.slow
def test_a_recording_becomes_a_draft_once(config, ehr):
    """T-1, T-8: from sound to a filed draft by the real engine; the same recording again finds it."""
    pytest.importorskip("faster_whisper", reason="pip install 'chartside[transcription]'")
    for kind in (ConsentType.RECORDING, ConsentType.AI_USE):
        ehr.put(
            {
                "resourceType": "Consent",
                "id": f"cli-{kind.value}",
                "status": "active",
                "scope": {"text": "x"},
                "category": [{"coding": [coding(CONSENT_TYPE_SYSTEM, kind.value)]}],
                "patient": {"reference": "Patient/c00002"},
                "dateTime": "2026-01-05",
                "provision": {"type": "permit"},
            }
        )
    sound = str(files("chartside_transcription").joinpath("demo.ogg"))
    arguments = (
        "note",
        sound,
        "--client",
        "Patient/c00002",
        "--roles",
        "clinician,client",
        "-q",
        "--config",
        config,
    )
    first = run(*arguments)
    assert first.exit_code == 0, first.output
    assert run(*arguments).stdout == first.stdout
    assert "hours a night" in run("show", first.stdout.strip(), "--config", config).stdout
