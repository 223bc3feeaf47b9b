"""Word errors, speakers, speed and memory of the transcription beside plain faster-whisper and pocketsphinx.

    python bench/bench_asr.py [--data ../shared/data/asr] [--minutes 60] [--every 1] [--set dictation]

Every engine is a process of its own; they take turns file by file, so that a busy machine slows all alike. Plain is
``WhisperModel(...).transcribe(file, language="en", beam_size=5, vad_filter=True, word_timestamps=True)`` with the same
verified weights in int8. CPU seconds are those of the process and of its decoder, loading left out. Peak memory is the
sum of the peaks (VmHWM) of the process and of its children, loading included. Confusion: the share of the reference's
speech that goes to the wrong speaker, best mapping, 0.25 s collar at changes (NIST md-eval's convention).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import wave
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from chartside_transcription.audio import RATE
from chartside_transcription.offline import stay_offline
from chartside_transcription.report import Label, interval, read_labels
from chartside_transcription.wer import Errors, normalise, word_errors

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "asr"
HOTWORDS = [
    "escitalopram",
    "lisinopril",
    "melatonin",
    "sertraline",
    "bupropion",
    "lamotrigine",
    "Dr. Alvarez",
    "Dr. Okonkwo",
    "Maple Street Clinic",
]
"""As of a chart: some are said in the recordings, half of them are not."""
MOST_CPU, MOST_MEMORY = 1.1, 0.8
COLLAR = 0.25
SPHINX_SETS = ("other readers", "dictation")
"""Enough to see how far it is behind; it takes twice the time of the others."""


# --- the engines, each in a process of its own


def spent() -> float:
    """CPU seconds of this process and of the children that ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def ours() -> Any:
    from chartside_transcription.engines.whisper import Whisper
    from chartside_transcription.pipeline import Options, transcribe
    from chartside_transcription.settings import Settings

    engine = Whisper(Settings())

    def run(task: dict[str, Any]) -> dict[str, Any]:
        options = Options(task["speakers"], hotwords=tuple(task["hotwords"]))
        found = transcribe(Path(task["path"]), engine, options)
        return {
            "text": found.text,
            "words": [(w.start, w.end, w.speaker, w.text, bool(w.marks)) for w in found.words],
        }

    engine.hear(np.zeros(RATE, np.int16), _no_options())  # loaded before the clock runs
    return run


def _no_options() -> Any:
    from chartside_transcription.engines.base import EngineOptions

    return EngineOptions()


def plain() -> Any:
    from faster_whisper import WhisperModel

    from chartside_transcription import weights

    model = WhisperModel("base", device="cpu", compute_type="int8", files=weights.load(weights.BASE))

    def run(task: dict[str, Any]) -> dict[str, Any]:
        segments, _ = model.transcribe(
            task["path"],
            language="en",
            beam_size=5,
            vad_filter=True,
            word_timestamps=True,
            hotwords=", ".join(task["hotwords"]) or None,
        )
        found = [next(segments, None)] if task.get("begin") else list(segments)
        return {"text": " ".join(s.text for s in found if s), "words": []}

    return run


def sphinx() -> Any:
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def run(task: dict[str, Any]) -> dict[str, Any]:
        decoder.start_utt()
        decoder.process_raw(read_wav(Path(task["path"])).tobytes(), full_utt=True)
        decoder.end_utt()
        found = decoder.hyp()
        return {"text": found.hypstr if found else "", "words": []}

    return run


ENGINES = {"chartside": ours, "faster-whisper": plain, "pocketsphinx": sphinx}


def serve(name: str) -> None:
    """Take tasks on standard input, a line each; answer on standard output."""
    stay_offline()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    run = ENGINES[name]()
    for line in sys.stdin:
        before, began = spent(), time.perf_counter()
        answer = run(json.loads(line))
        answer |= {"cpu": spent() - before, "wall": time.perf_counter() - began}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class Peer:
    """An engine's process, and the peak of its memory and of its children's."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._own = self._child = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def __call__(self, task: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    @property
    def peak(self) -> float:
        """GB."""
        return self._own + self._child

    def _watch(self) -> None:
        while self._process.poll() is None:
            self._own = max(self._own, _high_water(self._process.pid))
            tasks = Path(f"/proc/{self._process.pid}/task")
            try:
                children = [int(c) for t in tasks.iterdir() for c in (t / "children").read_text().split()]
            except OSError:
                children = []
            self._child = max(self._child, sum(_high_water(pid, child=True) for pid in children))
            time.sleep(0.05)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def _high_water(pid: int, *, child: bool = False) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return 0.0
    if child and b"child.py" not in command:
        return 0.0  # forked, not yet itself: it still shows its parent's figure
    return next((int(x.split()[1]) / 1e6 for x in status.splitlines() if x.startswith("VmHWM")), 0.0)


# --- the recordings


@dataclass
class Recording:
    path: Path
    reference: str
    speakers: int = 1
    rttm: Path | None = None
    hotwords: list[str] = field(default_factory=list)


def sets_of(labels: list[Label], folder: Path, every: int) -> dict[str, list[Recording]]:
    """The recordings by what they are good for."""
    known = {label.path.stem: label for label in labels}
    given = {name: Recording(label.path, label.reference) for name, label in known.items()}
    read = [r for name, r in sorted(given.items()) if name[0].isdigit()][::every]
    dictation = [r for name, r in given.items() if name.startswith("dict")]
    talks = [r for name, r in given.items() if name.startswith(("dlg", "mix"))]
    for talk in talks:
        talk.speakers, talk.rttm = 2, talk.path.with_suffix(".rttm")
    names = ("az_", "two_", "jfk", "sense_")
    return {
        "read": read,
        "other readers": [r for name, r in given.items() if name.startswith(names)],
        "two speakers": talks,
        "dictation": dictation,
        "dictation, hotwords": [Recording(r.path, r.reference, hotwords=HOTWORDS) for r in dictation],
        "read, hotwords": [
            Recording(r.path, r.reference, hotwords=HOTWORDS) for r in read[:: max(1, 2 // every)]
        ],
        "noise": [_changed(r, folder, "noise", in_a_room) for r in read],
        "telephone": [_changed(r, folder, "telephone", on_a_phone) for r in read],
    }


def _changed(recording: Recording, folder: Path, name: str, change: Any) -> Recording:
    path = folder / f"{name}-{recording.path.name}"
    write_wav(path, change(read_wav(recording.path)))
    return Recording(path, recording.reference)


def read_wav(path: Path) -> np.ndarray[Any, np.dtype[np.int16]]:
    """16 kHz mono samples."""
    with wave.open(str(path)) as file:
        found = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        rate = file.getframerate()
    if rate == RATE:
        return found
    from scipy.signal import resample_poly

    return np.asarray(resample_poly(found.astype(np.float32), RATE, rate).clip(-32768, 32767), np.int16)


def write_wav(path: Path, samples: np.ndarray[Any, Any]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.asarray(samples).clip(-32768, 32767).astype("<i2").tobytes())


def in_a_room(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Echo of 0.3 s (exponential decay) and 15 dB of pink noise."""
    random = np.random.default_rng(1)
    tail = random.standard_normal(RATE * 3 // 10) * np.exp(-np.linspace(0, 6.9, RATE * 3 // 10)) * 0.08
    tail[0] = 1.0
    wet = np.convolve(samples.astype(float), tail)[: len(samples)]
    noise = pink(len(wet), random)
    return wet + noise * np.sqrt(np.mean(wet**2) / np.mean(noise**2)) * 10 ** (-15 / 20)


def on_a_phone(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """300 to 3,400 Hz at 8 kHz, as of G.711, with its 8 bits (mu-law)."""
    from scipy.signal import butter, resample_poly, sosfilt

    band = butter(4, (300, 3400), "bandpass", fs=RATE, output="sos")
    narrow = resample_poly(sosfilt(band, samples.astype(float)), 1, 2) / 32768
    law = np.sign(narrow) * np.log1p(255 * np.abs(narrow).clip(0, 1)) / np.log(256)
    back = np.round(law * 127) / 127
    return resample_poly(np.sign(back) * (np.power(256, np.abs(back)) - 1) / 255, 2, 1) * 32768


def pink(count: int, random: np.random.Generator) -> np.ndarray[Any, Any]:
    spectrum = np.fft.rfft(random.standard_normal(count))
    made: np.ndarray[Any, Any] = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1), count)
    return made / np.abs(made).max()


def no_speech(folder: Path) -> Iterator[tuple[str, Path]]:
    """40 s each of what nobody says."""
    random, count = np.random.default_rng(2), 40 * RATE
    t = np.arange(count) / RATE
    chords = [(220.0, 277.2, 329.6), (196.0, 246.9, 293.7), (174.6, 220.0, 261.6), (164.8, 207.7, 246.9)]
    music = np.zeros(count)
    for n, at in enumerate(range(0, count, RATE // 2)):
        part = t[: min(RATE // 2, count - at)]
        tones = sum(np.sin(2 * np.pi * f * k * part) / k for f in chords[n // 4 % 4] for k in (1, 2, 3))
        music[at : at + len(part)] += tones * np.exp(-3 * part)
    knocks = np.zeros(count)
    for at in random.integers(0, count - 800, 60):
        knocks[at : at + 800] += random.standard_normal(800) * np.exp(-np.arange(800) / 120)
    wind = pink(count, random) * (0.5 + 0.5 * np.sin(2 * np.pi * 0.3 * t))
    for name, sound in {
        "silence": np.zeros(count),
        "hiss": random.standard_normal(count) * 0.05,
        "fan": pink(count, random),
        "hum": np.sin(2 * np.pi * 60 * t) + 0.3 * np.sin(2 * np.pi * 180 * t),
        "music": music,
        "knocks": knocks,
        "wind": wind,
        "tone": np.sin(2 * np.pi * 1000 * t),
    }.items():
        path = folder / f"no-speech-{name}.wav"
        write_wav(path, sound / max(float(np.abs(sound).max()), 1e-9) * (12_000 if sound.any() else 0))
        yield name, path


def hour(labels: list[Label], folder: Path, minutes: float) -> Path:
    """Readers, dictations and talks one after the other, again and again."""
    path, wanted, have = folder / "long.wav", int(minutes * 60 * RATE), 0
    sounds = [read_wav(label.path) for label in labels if label.reference]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        while have < wanted:
            for sound in sounds:
                pause = np.zeros(RATE // 2, np.int16)
                part = np.concatenate([sound, pause])[: wanted - have]
                file.writeframes(part.tobytes())
                have += len(part)
    return path


# --- figures


def confusion(rttm: Path, words: list[list[Any]]) -> float:
    """The share of the reference's speech, in frames of 10 ms, that goes to the wrong speaker."""
    truth: dict[str, set[int]] = defaultdict(set)
    collar: set[int] = set()
    for line in rttm.read_text().splitlines():
        parts = line.split()
        start, length = float(parts[3]), float(parts[4])
        truth[parts[7]] |= set(range(round(start * 100), round((start + length) * 100)))
        for edge in (start, start + length):
            collar |= set(range(round((edge - COLLAR) * 100), round((edge + COLLAR) * 100)))
    heard: dict[str, set[int]] = defaultdict(set)
    for start, end, speaker, *_ in words:
        heard[speaker] |= set(range(round(start * 100), round(end * 100)))
    scored = (set().union(*truth.values()) & set().union(*heard.values())) - collar
    names, voices = list(truth), list(heard)
    names += [""] * max(0, len(voices) - len(names))
    best = max(
        len(
            set().union(*(truth.get(n, set()) & heard[v] for n, v in zip(order, voices, strict=False)))
            & scored
        )
        for order in permutations(names, len(voices))
    )
    return 1 - best / len(scored)


@dataclass
class Marks:
    """Do the marks stand where the errors are? Words are compared one by one, so a number's parts count singly."""

    marked: int = 0
    wrong: int = 0
    both: int = 0

    def add(self, reference: str, words: list[list[Any]]) -> None:
        said = [part for word in reference.split() for part in normalise(word)]
        heard = [(part, word[4]) for word in words for part in normalise(word[3])]
        matcher = SequenceMatcher(None, said, [part for part, _ in heard], autojunk=False)
        right = {b + n for _, b, size in matcher.get_matching_blocks() for n in range(size)}
        self.marked += sum(mark for _, mark in heard)
        self.wrong += len(heard) - len(right)
        self.both += sum(mark and n not in right for n, (_, mark) in enumerate(heard))

    def __str__(self) -> str:
        return (
            f"of {self.marked} marked words {self.both / max(self.marked, 1):.0%} are wrong, "
            f"of {self.wrong} wrong words {self.both / max(self.wrong, 1):.0%} are marked"
        )


@dataclass
class Score:
    units: list[Errors] = field(default_factory=list)
    cpu: float = 0.0
    wall: float = 0.0
    audio: float = 0.0

    @property
    def errors(self) -> Errors:
        return sum(self.units, Errors())


def seconds(path: Path) -> float:
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


def compare(peers: list[Peer], name: str, recordings: list[Recording]) -> dict[str, Score]:
    """One set, file by file in turns; prints its lines."""
    scores = {peer.name: Score() for peer in (peers if name in SPHINX_SETS else peers[:2])}
    confused: dict[str, float] = {}
    marks = Marks()
    for recording in recordings:
        for peer in peers if name in SPHINX_SETS else peers[:2]:
            task = {
                "path": str(recording.path),
                "speakers": recording.speakers,
                "hotwords": recording.hotwords,
            }
            answer = peer(task)
            score = scores[peer.name]
            score.units.append(word_errors(recording.reference, answer["text"]))
            score.cpu += answer["cpu"]
            score.wall += answer["wall"]
            score.audio += seconds(recording.path)
            if answer["words"]:
                marks.add(recording.reference, answer["words"])
            if recording.rttm and answer["words"]:
                confused[recording.path.stem] = confusion(recording.rttm, answer["words"])
    for who, score in scores.items():
        low, high = interval(score.units)
        span = "" if low is None or high is None else f" ({low:.1%}-{high:.1%})"
        print(
            f"{name:20} {who:15} {len(recordings):3} files {score.errors.words:5} words  "
            f"WER {score.errors.rate:6.2%}{span:16}  CPU/audio {score.cpu / score.audio:.3f}  "
            f"real-time factor {score.wall / score.audio:.3f}",
            flush=True,
        )
    print(f"{name:20} {marks}")
    for stem, share in confused.items():
        print(f"{name:20} confusion of speakers in {stem}: {share:.2%}")
    return scores


class Verdicts:
    """Claims, each met or missed."""

    def __init__(self) -> None:
        self.missed = 0

    def __call__(self, claim: str, met: bool) -> None:
        self.missed += not met
        print(f"{'met   ' if met else 'MISSED'}  {claim}", flush=True)


def judge(scores: dict[str, dict[str, Score]], verdict: Verdicts) -> None:
    for name, by in scores.items():
        us, them = by["chartside"], by["faster-whisper"]
        claim = f"{name}: WER {us.errors.rate:.2%} not above plain's {them.errors.rate:.2%}"
        verdict(claim, us.errors.wrong <= them.errors.wrong)
    if {"dictation", "dictation, hotwords"} <= set(scores):
        us, them = scores["dictation, hotwords"]["chartside"], scores["dictation"]["faster-whisper"]
        verdict(
            f"dictation with hotwords: {us.errors.rate:.2%} below plain's {them.errors.rate:.2%}",
            us.errors.wrong < them.errors.wrong,
        )
    cpu = [sum(by[who].cpu for by in scores.values()) for who in ("chartside", "faster-whisper")]
    verdict(
        f"CPU per audio second {cpu[0] / cpu[1]:.2f} times plain's, at most {MOST_CPU}",
        cpu[0] <= MOST_CPU * cpu[1],
    )


def meeting(us: Peer, data: Path) -> None:
    path = data / "sample.wav"
    if path.exists():
        answer = us({"path": str(path), "speakers": 2, "hotwords": []})
        share = confusion(path.with_suffix(".rttm"), answer["words"])
        print(f"{'meeting, overlap':20} confusion of speakers in sample: {share:.2%}")


def quiet(peers: list[Peer], folder: Path, verdict: Verdicts) -> None:
    for name, path in no_speech(folder):
        words = {}
        for peer in peers[:2]:
            words[peer.name] = len(
                peer({"path": str(path), "speakers": 2, "hotwords": HOTWORDS})["text"].split()
            )
        verdict(f"no words in {name}: {words}", words["chartside"] == 0)


def long(labels: list[Label], folder: Path, minutes: float, verdict: Verdicts) -> None:
    """Peak memory of fresh processes; plain shows its peak before its first words, so it is not run to the end."""
    path = hour(labels, folder, minutes)
    for name in ("chartside", "faster-whisper"):
        peer = Peer(name)
        answer = peer({"path": str(path), "speakers": 2, "hotwords": HOTWORDS, "begin": True})
        print(
            f"{minutes:g} minutes           {name:15} peak {peer.peak:.2f} GB, {len(answer['text'].split())} words, "
            f"CPU/audio {answer['cpu'] / seconds(path):.3f}"
        )
        if name == "chartside":
            verdict(f"peak memory {peer.peak:.2f} GB, at most {MOST_MEMORY}", peer.peak <= MOST_MEMORY)
        peer.close()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument(
        "--minutes", type=float, default=60, help="length of the long recording; 0 leaves it out"
    )
    parser.add_argument("--every", type=int, default=1, help="take every n-th of the single sentences")
    parser.add_argument("--set", action="append", default=[], help="only this set; may be given again")
    parser.add_argument("--no-sphinx", action="store_true", help="leave pocketsphinx out")
    parser.add_argument("--serve", choices=list(ENGINES), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve)
        return 0
    if not asked.data.is_dir():
        print(f"no recordings in {asked.data}: give their folder with --data")
        return 0
    labels = read_labels(asked.data)
    verdict = Verdicts()
    with tempfile.TemporaryDirectory(prefix="chartside-bench-") as held:
        folder = Path(held)
        peers = [Peer(name) for name in ENGINES if not (asked.no_sphinx and name == "pocketsphinx")]
        wanted = asked.set
        sets = sets_of(labels, folder, asked.every)
        scores = {
            name: compare(peers, name, some) for name, some in sets.items() if not wanted or name in wanted
        }
        if not wanted:
            meeting(peers[0], asked.data)
            quiet(peers, folder, verdict)
        judge(scores, verdict)
        for peer in peers:
            print(f"peak memory of {peer.name} over these: {peer.peak:.2f} GB")
            peer.close()
        if asked.minutes and not wanted:
            long(labels, folder, asked.minutes, verdict)
    return 1 if verdict.missed else 0


if __name__ == "__main__":
    sys.exit(main())
