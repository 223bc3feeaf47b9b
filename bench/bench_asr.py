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
import sys
import tempfile
import wave
from collections import defaultdict
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import permutations
from pathlib import Path
from typing import Any

from asr_engines import ENGINES, Peer
from asr_sounds import HOTWORDS, Recording, hour, no_speech, sets_of

from chartside_transcription.report import Label, interval, read_labels
from chartside_transcription.wer import Errors, normalise, word_errors

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "asr"
MOST_CPU, MOST_MEMORY = 1.1, 0.8
COLLAR = 0.25
SPHINX_SETS = ("other readers", "dictation")
"""Enough to see how far it is behind; it takes twice the time of the others."""


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
    asked = parser.parse_args()
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
