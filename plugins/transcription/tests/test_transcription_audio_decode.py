"""Decoding: every format, from a file, a pipe and an upload; refusals; nothing left behind (T-2, T-3, T-16)."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from chartside.errors import InputError
from chartside_transcription.audio import RATE
from chartside_transcription.audio.child import CPU_SECONDS, MEMORY
from chartside_transcription.audio.decode import Decoding

FORMATS = ["wav", "mp3", "m4a", "ogg", "webm", "flac"]


def decoded(source: Any) -> Any:
    with Decoding(source) as blocks:
        found = list(blocks)
        return (np.concatenate(found) if found else np.zeros(0, np.int16)), blocks.declared


def alike(a: Any, b: Any) -> float:
    """The highest correlation within 0.1 s: codecs shift and colour."""
    length = min(len(a), len(b)) - 3200
    b = b[1600 : 1600 + length].astype(float)
    spectrum = np.fft.rfft(a[: length + 3200].astype(float)) * np.conj(np.fft.rfft(b, length + 3200))
    best = np.fft.irfft(spectrum, length + 3200)[:3200].max()
    return float(best / np.linalg.norm(a[1600 : 1600 + length].astype(float)) / np.linalg.norm(b))


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_decoded_from_file_pipe_and_upload(
    kind: str, talk: Any, encode: Callable[..., bytes], tmp_path: Path
) -> None:
    """T-16: the same sound comes out, whichever way it came in."""
    said = talk[: 4 * RATE]
    path = tmp_path / f"a.{kind}"
    path.write_bytes(encode(said, kind))
    data = path.read_bytes()
    chunks = (data[n : n + 1000] for n in range(0, len(data), 1000))
    by_file, declared = decoded(path)
    with path.open("rb") as file:
        by_handle, _ = decoded(file)
    by_upload, _ = decoded(chunks)
    in_memory, _ = decoded(io.BytesIO(data))
    assert np.array_equal(by_upload, in_memory)
    assert abs(len(by_file) / RATE - 4) < 0.15
    assert declared == pytest.approx(4, abs=0.15)
    assert alike(said, by_file) > 0.95
    assert np.array_equal(by_file, by_handle)
    assert abs(len(by_upload) - len(by_file)) <= RATE // 10
    assert alike(by_file, by_upload) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "rate", "layout", "codec"),
    [
        ("wav", 8_000, "stereo", "pcm_s16le"),
        ("wav", 8_000, "mono", "pcm_mulaw"),
        ("wav", 48_000, "stereo", "pcm_s24le"),
        ("wav", 44_100, "5.1", "pcm_f32le"),
        ("mp3", 22_050, "stereo", ""),
        ("m4a", 48_000, "stereo", ""),
        ("flac", 96_000, "stereo", ""),
    ],
)
def test_other_rates_and_channels_are_mixed_to_16_khz(
    kind: str, rate: int, layout: str, codec: str, talk: Any, encode: Callable[..., bytes]
) -> None:
    """T-16: a telephone's 8 kHz, a studio's 96 kHz, one to six channels."""
    said = talk[: 3 * RATE]
    found, _ = decoded(iter([encode(said, kind, rate=rate, layout=layout, codec=codec)]))
    assert abs(len(found) / RATE - 3) < 0.15
    assert alike(said, found) > 0.9


def test_a_wav_passes_bit_for_bit(talk: Any, encode: Callable[..., bytes]) -> None:
    """16 kHz mono needs no change."""
    found, _ = decoded(iter([encode(talk[:RATE], "wav")]))
    assert np.array_equal(found, talk[:RATE])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "empty"),
        (b"This is a letter, not a recording.", "this is no wav"),
        (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0", "damaged"),
    ],
)
def test_what_is_no_recording_is_told_with_its_mend(data: bytes, problem: str) -> None:
    """T-16."""
    with pytest.raises(InputError, match=problem) as refused:
        decoded(iter([data]))
    assert refused.value.mend


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wav", "m4a", "flac"])
def test_a_recording_that_was_cut_off_is_told(
    kind: str, talk: Any, encode: Callable[..., bytes], tmp_path: Path
) -> None:
    """T-16: half a session must not look like a whole one."""
    data = encode(talk[: 6 * RATE], kind)
    path = tmp_path / "a"
    path.write_bytes(data[: len(data) // 2])
    for source in (path, iter([path.read_bytes()])):
        with pytest.raises(InputError):
            decoded(source)


def test_a_wav_of_unknown_length_is_no_cut_one(talk: Any, encode: Callable[..., bytes]) -> None:
    """Recorders that write to a pipe do not know the length."""
    data = bytearray(encode(talk[: 2 * RATE], "wav"))
    at = data.find(b"data") + 4
    data[4:8] = data[at : at + 4] = b"\xff\xff\xff\xff"
    found, declared = decoded(iter([bytes(data)]))
    assert len(found) == 2 * RATE
    assert declared == 0


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    """A missing file, a folder, a device."""
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            decoded(path)
    with pytest.raises(InputError):
        decoded(Path("/dev/null"))


def test_an_upload_that_breaks_off_is_no_recording(talk: Any, encode: Callable[..., bytes]) -> None:
    """T-2: the error of the upload comes out, not half a transcript."""
    data = encode(talk[: 20 * RATE], "ogg")

    def broken() -> Iterator[bytes]:
        yield data[: len(data) // 2]
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        decoded(broken())


def test_leaving_early_ends_the_decoder(talk: Any, encode: Callable[..., bytes], tmp_path: Path) -> None:
    """T-1: when consent is revoked nothing is decoded any more."""
    path = tmp_path / "a.wav"
    path.write_bytes(encode(talk, "wav"))
    with Decoding(path) as blocks:
        next(iter(blocks))
        process = blocks._process
        assert process.poll() is None
    assert process.poll() is not None
    assert process.stdout is not None
    assert process.stdout.closed


def test_the_decoder_streams(talk: Any, encode: Callable[..., bytes]) -> None:
    """T-3: samples come out while the upload still goes on."""
    data, gate = encode(talk[: 30 * RATE], "ogg"), threading.Event()

    def upload() -> Iterator[bytes]:
        yield data[: len(data) // 2]
        assert gate.wait(60)
        yield data[len(data) // 2 :]

    with Decoding(upload()) as blocks:
        samples = iter(blocks)
        got = len(next(samples))
        gate.set()
        got += sum(len(block) for block in samples)
    assert got == pytest.approx(30 * RATE, abs=RATE // 10)


def feed(pipe: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):
        pipe.write(data)
        pipe.flush()


LEFT = """
import sys, time
from pathlib import Path
from chartside_transcription.audio.decode import Decoding
with Decoding(sys.stdin.buffer) as blocks:
    next(iter(blocks))
    print(blocks._process.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends the child with its parent")
def test_the_decoder_dies_with_its_parent_and_neither_leaves_a_dump(
    talk: Any, encode: Callable[..., bytes]
) -> None:
    """T-2: a killed host leaves no process with sound in it; a crash writes no core."""
    process = subprocess.Popen([sys.executable, "-c", LEFT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    data = encode(talk, "wav")  # the pipe is never closed: the child waits for more
    threading.Thread(target=feed, args=(process.stdin, data), daemon=True).start()
    child = int(process.stdout.readline())
    for pid in (process.pid, child):
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"Max core file size +0 +0", limits)
    bounds = {"address space": MEMORY, "cpu time": CPU_SECONDS, "file size": 0, "open files": 3}
    for (
        name,
        bound,
    ) in bounds.items():  # T-16: those of the decoder, once it runs; what the kernel holds it to
        assert re.search(rf"Max {name} +{bound} +{bound} ", limits), limits
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or "State:\tZ" in Path(f"/proc/{child}/status").read_text():
            break
        time.sleep(0.05)
    else:
        pytest.fail("the decoder outlived its parent")
    process.stdout.close()
