"""``chartside transcription transcribe`` as a user meets it (T-16)."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
from typer.testing import CliRunner

from chartside_transcription.audio import RATE
from chartside_transcription.cli import app

pytest.importorskip("faster_whisper", reason="pip install 'chartside[transcription]'")
RUN = "import sys; from chartside_transcription.cli import app; app(sys.argv[1:])"


@pytest.fixture(scope="module")
def recording(talk: Any, encode: Callable[..., bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds."""
    path = tmp_path_factory.mktemp("sound") / "session.ogg"
    path.write_bytes(encode(talk[: 8 * RATE], "ogg"))
    return path


def run(*arguments: str, data: bytes | None = None) -> Any:
    return CliRunner().invoke(app, ["transcribe", *arguments], input=data)


@pytest.mark.slow
def test_text_by_speaker_with_times_and_progress_on_standard_error(recording: Path) -> None:
    """T-3, T-7: what a person reads; the fast model."""
    done = run(str(recording), "--fast", "--speakers", "2", "--roles", "clinician,client")
    assert done.exit_code == 0, done.output
    assert re.search(r"^0:0\d  \w+: \S", done.stdout, re.MULTILINE)
    assert "transcribed 0:08" in done.stderr
    assert "transcribed" not in done.stdout


@pytest.mark.slow
def test_json_from_standard_input(recording: Path) -> None:
    """The documented shape: words with start, end, probability, speaker."""
    done = run("-", "--fast", "--json", "--quiet", data=recording.read_bytes())
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert set(found["words"][0]) == {"word", "start", "end", "probability", "speaker", "marks"}
    assert found["model"] == "whisper-tiny.en@1a5afae0"
    assert done.stderr == ""


def test_errors_are_one_line_and_status_2(tmp_path: Path) -> None:
    """T-16: what is wrong, and how to mend it; no traceback."""
    letter = tmp_path / "letter.docx"
    letter.write_bytes(b"PK\x03\x04 a letter")
    for arguments, problem in (
        ([str(letter), "--fast"], "this is no wav, mp3, m4a, ogg, webm or flac"),
        ([str(tmp_path / "none.wav"), "--fast"], "cannot be read"),
    ):
        done = run(*arguments)
        assert done.exit_code == 2
        assert problem in done.stderr
        assert "Traceback" not in done.output
        assert isinstance(done.exception, SystemExit)


def test_a_missing_extra_is_told_with_the_install_line(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of its packages is missing."""
    for name in ("faster_whisper", "av", "kaldi_native_fbank"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            done = run(str(recording), "--fast", "--speakers", "2")
        assert done.exit_code == 2, (name, done.output)
        assert "pip install 'chartside[transcription]'" in done.stderr


def _feed(pipe: IO[bytes], data: bytes) -> None:
    try:
        pipe.write(data)
        pipe.flush()
    except OSError:
        pass


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_it_cleanly(talk: Any, encode: Callable[..., bytes]) -> None:
    """No traceback, no child left, status 130."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "transcribe", "-", "--fast"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    threading.Thread(target=_feed, args=(process.stdin, encode(talk, "wav")), daemon=True).start()
    told = b""
    while b"transcribed" not in told:
        told += process.stderr.read(1)
    import os

    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    told += process.stderr.read()
    assert process.wait(60) == 130, told
    assert b"Traceback" not in told
