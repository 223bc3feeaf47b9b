"""What ``chartside check`` says, what is said where the extra is missing, words of the chart, the demo, the PDF."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from chartside.errors import PluginError
from chartside.testing.ehr import running_ehr
from chartside.testing.hosts import host_for
from chartside.testing.pdf import read_pdf
from chartside_transcription import checks, note, pdf
from chartside_transcription.chart import chart_hotwords
from chartside_transcription.settings import Settings
from chartside_transcription.transcript import Transcript, Word

SIGNER = "Practitioner/clinician-001"


def test_a_set_up_that_is_right_has_no_problem():
    """With signers named and the extra installed, nothing is told."""
    pytest.importorskip("faster_whisper", reason="pip install 'chartside[transcription]'")
    assert list(checks.problems(Settings(signers=(SIGNER,)))) == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "plugins.transcription.signers"),
        ({"template": "no-such.toml"}, "template"),
        ({"engine": "other"}, "choose one of: openai-endpoint, whisper"),
        ({"drafter": "oracle"}, "no drafter"),
        ({"engine": "openai-endpoint"}, "plugins.transcription.recipient"),
        ({"model_path": "/no/such/folder"}, "model"),
    ],
)
def test_what_is_wrong_is_told_with_its_mend(settings, told):
    """``chartside check``: one sentence for each, with the key."""
    found = list(checks.problems(Settings(**settings)))
    assert any(told in one for one in found), found
    assert all("->" in one for one in found)


def test_a_pdf_that_could_not_be_made_is_told_before_a_note_is_signed(monkeypatch):
    """``chartside check``: typst is missing; nothing is told where no PDF is wanted."""
    why = PluginError("typst is not installed for this Python itself", mend="pip install 'chartside[papers]'")
    monkeypatch.setattr(checks.papers, "problem", lambda: why)
    (told,) = checks.problems(Settings(signers=(SIGNER,), engine="openai-endpoint", recipient="asr"))
    assert "plugins.transcription.pdf: typst is not installed for this Python itself -> pip install" in told
    assert not list(
        checks.problems(Settings(signers=(SIGNER,), engine="openai-endpoint", recipient="asr", pdf=False))
    )


WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in {names!r} else real(name, *rest)
sys.argv = ["chartside", *{arguments!r}]
from chartside.cli import main
main()
"""
EXTRA = (
    "av",
    "ctranslate2",
    "faster_whisper",
    "kaldi_native_fbank",
    "numpy",
    "onnxruntime",
    "scipy",
    "typst",
)


def without_the_extra(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command where none of the extra's packages can be imported."""
    code = WITHOUT.format(names=set(EXTRA), arguments=arguments)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["transcribe", "draft", "note", "sign"])
def test_a_missing_extra_is_told_with_the_install_line(command, tmp_path):
    """Missing extra: one line, not a traceback."""
    sound = str(files("chartside_transcription").joinpath("demo.ogg"))
    config = tmp_path / "chartside.toml"
    config.write_text(
        '[practice]\nid = "p"\nname = "P"\nphone = "+1 518 555 0100"\ntime_zone = "America/New_York"\nstate = "NY"\n'
        '[ehr]\nbase_url = "http://127.0.0.1:9"\n[plugins.transcription]\nenabled = true\n'
    )
    more = {
        "note": ("--client", "Patient/1", "--config", str(config)),
        "sign": ("--as", SIGNER, "--yes", "--version", "v", "--config", str(config)),
    }
    told = without_the_extra("transcription", command, sound, *more.get(command, ()))
    assert told.returncode == 2
    assert "pip install 'chartside[transcription]'" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_draft_from_text_needs_no_extra(tmp_path):
    """T-8: ordering what was written down needs no recogniser."""
    talk = tmp_path / "talk.txt"
    talk.write_text("Client: I have been sleeping six hours a night.\nClinician: Good.\n")
    told = without_the_extra("transcription", "draft", str(talk))
    assert told.returncode == 0, told.stderr
    assert "sleeping six hours" in told.stdout


def test_words_of_the_chart(clock):
    """T-4: the client's drugs and the clinicians' names; an EHR that gives no drugs gives the others."""
    order = {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/c00001"},
        "medicationCodeableConcept": {"text": "sertraline 50 MG oral tablet"},
    }
    with running_ehr(clock, {"clients": 2}) as ehr:
        ehr.put({**order, "id": "m1"})
        ehr.put(
            {
                **order,
                "id": "m2",
                "subject": {"reference": "Patient/c00002"},
                "medicationCodeableConcept": {"text": "lamotrigine"},
            }
        )
        families = {p["name"][0]["family"] for p in ehr.all("Practitioner")}
        with host_for(ehr, clock, plugins={"transcription": {"enabled": True}}) as host:
            context = host.context("transcription")
            words = chart_hotwords(context, "Patient/c00001")
            assert "sertraline" in words
            assert not {"lamotrigine", "oral", "tablet", "MG"} & set(words)
            assert families & set(words)
            ehr.faults.add("403", path="/MedicationRequest", times=9)
            assert set(chart_hotwords(context, "Patient/c00001")) & families


def test_a_pdf_of_any_text():
    """T-10: markup and letters of other scripts do no harm; the same note gives the same bytes."""
    pytest.importorskip("typst", reason="pip install 'chartside[transcription]'")
    text = "Data\n- <b>Not</b> & markup </para>\n- ünïcode, 中文, \u202e\n" + "x" * 5_000
    made = pdf.pdf_of("DAP <note>", text, "Signed by Practitioner/1.")
    assert made.startswith(b"%PDF-")
    assert pdf.pdf_of("DAP <note>", text, "Signed by Practitioner/1.") == made


def test_a_pdf_shows_the_note_s_own_structure():
    """T-10, accessible: the title once, headings, points and lines tagged in their order; who signed at the end."""
    text = 'DAP note\n\nData\n- Slept six hours.\n- Client: "I walk."\n\nAssessment\n\nPlan\n- Walk.\nHe comes again.\n'
    read = read_pdf(pdf.pdf_of("DAP note", text, "Signed by Practitioner/1."))
    assert [(tag.type, tag.whole) for tag in read.tags("H1", "H2", "LBody", "P")] == [
        ("H1", "DAP note"),
        *[("H2", "Data"), ("LBody", "Slept six hours."), ("LBody", 'Client: "I walk."')],
        *[("H2", "Assessment"), ("H2", "Plan"), ("LBody", "Walk."), ("P", "He comes again.")],
        ("P", "Signed by Practitioner/1."),
    ]
    assert (read.untagged, read.unmatched, read.language, read.title) == ([], [], "en-US", "DAP note")


def test_a_pdf_keeps_every_word_of_a_long_note():
    """T-10: many pages, nothing lost, in order."""
    lines = [f"- Sentence {n} of the session, with some more words." for n in range(400)]
    read = read_pdf(pdf.pdf_of("DAP note", "\n".join(["DAP note", "", "Data", *lines]), "Signed."))
    assert read.pages > 5
    assert [f"- {tag.whole}" for tag in read.tags("LBody")] == lines


def test_a_pdf_without_its_library_is_told(monkeypatch):
    """A missing extra: the install line, and the key that leaves the PDF out."""

    def lacking(paper):
        raise PluginError("typst is not installed", mend="pip install 'chartside[papers]'")

    monkeypatch.setattr(pdf, "render_pdf", lacking)
    with pytest.raises(PluginError, match=r"pip install.*pdf = false"):
        pdf.pdf_of("t", "x", "f")


def test_what_is_signed_is_the_text_alone():
    """T-9: sources, marks and the warning go; what only looks like one stays."""
    said = "- Six [hours?] a night. {0:44-1:02:03 client}"
    draft = f"DAP note\n{note.WARNING}\n{note.GUESSED}\n\nData\n{said}\n\n\n\n- See [the form] {{here}}.\n"
    assert note.final_text(draft) == "DAP note\n\nData\n- Six hours a night.\n\n- See [the form] {here}.\n"


def test_marks_stand_at_their_own_words():
    """T-5: the marked one of two equal words, in its place."""
    from chartside_transcription.draft import Draft, Section, Sentence

    words = tuple(
        Word(text, n, n + 1, 0.9, "", marks)
        for n, (text, marks) in enumerate([("six", ()), ("or", ()), ("six", ("number",)), ("hours.", ())])
    )
    made = Draft("T", "dap", (Section("Data", (Sentence("six or six hours.", ((0, 3),)),)),), "rules", {})
    assert "- six or [six?] hours. {0:00-0:04}" in note.draft_text(made, Transcript(words))


@pytest.mark.slow
def test_the_demo_shows_and_signs():
    """How it is shown 7: the project's own recording, its draft with sources, signed."""
    pytest.importorskip("faster_whisper", reason="pip install 'chartside[transcription]'")
    told = subprocess.run(
        [str(Path(sys.executable).with_name("chartside")), "demo"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    part = told.stdout.partition("Transcription assistant")[2]
    assert "set aside" not in told.stdout
    for words in ("hours a night", "scale from", "hurting yourself", "final. The sound was on no disk"):
        assert words in " ".join(part.split()), part
