"""The engines that ``bench_asr.py`` compares, each in a process of its own: ``python asr_engines.py NAME``."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from asr_sounds import read_wav

from chartside_transcription.audio import RATE
from chartside_transcription.offline import stay_offline


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
            [sys.executable, __file__, name],
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


if __name__ == "__main__":
    serve(sys.argv[1])
