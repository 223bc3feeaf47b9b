"""The decoder, as a process of its own: encoded sound on standard input, 16 kHz mono 16-bit PCM on standard output.

A recording is hostile input for a large C library. Here it can do no harm: once its code is loaded, the process can
open nothing any more, neither file nor socket (RLIMIT_NOFILE), writes no file (RLIMIT_FSIZE 0, which also keeps sound
off the disk), leaves no core dump, and has little memory and time. The demuxer is chosen by the first bytes, so that a
playlist or another format that names further files is never read as one, and only sound is ever decoded.

Output: 8 bytes (the declared length in seconds as a little-endian double, 0 when unknown), then samples. A refusal is
one word of ``decode.REFUSALS`` on standard error and status 1.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

MEGABYTE = 1 << 20
MEMORY = 700 * MEGABYTE
"""Address space. The interpreter and the codecs take 130 MB of it; the rest bounds a bomb."""
CPU_SECONDS = 240
"""A four-hour recording takes about 30 s."""
LONGEST_IN_MEMORY = 256 * MEGABYTE
"""An MP4 on a pipe must be held whole (its index may lie at the end): 12 h at 48 kbit/s."""
LONGEST_WITHOUT_SOUND = 72 * MEGABYTE
"""Read without one decoded frame: pictures and an index may be large, but not without end."""
LONGEST_SECONDS = 4 * 3600.0
TOLERANCE = 1.0
"""Seconds by which a recording may be shorter than its header says."""
RATE = 16_000
RATES, MOST_CHANNELS = (4_000, 384_000), 32
"""Samples a second and channels of any recorder; a header that claims others is a bomb or damaged."""
UNKNOWN_LENGTH = 0x7FFF0000
"""A WAV that was written to a pipe says this or more of its length (sox 0x7FFFF..., ffmpeg 0xFFFFFFFF), or 0."""
DECODERS = (
    "aac,aac_fixed,alac,flac,libopus,mp3,mp3float,opus,vorbis,libvorbis,pcm_alaw,pcm_mulaw,pcm_u8,pcm_s16le,pcm_s16be,"
    "pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f64le,adpcm_ms,adpcm_ima_wav,gsm_ms,"
    "amrnb,amrwb,libopencore_amrnb,libopencore_amrwb"
)
"""Sound only: a picture or a film in the file is not even probed."""


def refuse(word: str) -> NoReturn:
    """End with one word for the parent."""
    sys.stdout.flush()
    sys.stderr.write(word)
    sys.stderr.flush()
    os._exit(1)


def leave_no_dump() -> None:
    """No core dump of this process, whose memory holds sound, not even through a crash handler (Linux, macOS)."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(4, 0)  # PR_SET_DUMPABLE: a handler that the kernel pipes dumps to does not ask for the limit


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def limit() -> None:
    """Bound memory and time; open nothing, outlive nobody, leave no dump. Windows has no such limits."""
    leave_no_dump()
    _prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL: this process ends with its parent
    try:
        import resource
    except ImportError:
        return
    for what, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 3),  # the three that are open
    ):
        with contextlib.suppress(ValueError, OSError):  # a limit that is already lower stays
            resource.setrlimit(what, (value, value))


def warm_up() -> None:
    """Decode a few samples of our own: ``av`` loads parts of itself only at use, and afterwards it may open nothing."""
    import av

    shape = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    own = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0" + shape + b"data\x04\0\0\0" + bytes(4)
    with av.open(io.BytesIO(own), mode="r", format="wav") as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE // 2)
        for frame in container.decode(audio=0):
            resampler.resample(frame)


def container_of(head: bytes) -> str:
    """The name of the demuxer for these first 12 bytes; empty when it is none of ours."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[4:8] == b"ftyp":
        return "mp4"
    for magic, name in ((b"OggS", "ogg"), (b"\x1aE\xdf\xa3", "matroska"), (b"fLaC", "flac"), (b"ID3", "mp3")):
        if head.startswith(magic):
            return name
    # MPEG audio without a tag: 11 bits of synchronisation, layer III
    return "mp3" if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 else ""


def size_of(source: Any) -> int:
    """Bytes of a regular file; 0 for a pipe."""
    return int(os.fstat(source.fileno()).st_size) if source.seekable() else 0


def wav_promise(head: bytes) -> tuple[int, float]:
    """Up to which byte a WAV goes by its header, and for how many seconds; 0 where the header does not know."""
    at, a_second = 12, 0
    while at + 8 <= len(head):
        name, length = head[at : at + 4], struct.unpack("<I", head[at + 4 : at + 8])[0]
        if name == b"fmt " and at + 20 <= len(head):
            a_second = struct.unpack("<I", head[at + 16 : at + 20])[0]
        if name == b"data":
            known = head[:4] == b"RIFF" and 0 < length < UNKNOWN_LENGTH
            return (at + 8 + length, length / max(a_second, 1)) if known else (0, 0.0)
        at += 8 + length + length % 2
    return 0, 0.0


class Watched:
    """The recording as the demuxer reads it. Reading on and on without any sound coming out ends it."""

    def __init__(self, source: Any) -> None:
        self._source, self.silent = source, 0
        if source.seekable():
            self.seek, self.tell = source.seek, source.tell

    def read(self, size: int = -1) -> bytes:
        """As of a file."""
        data: bytes = self._source.read(size)
        self.silent += len(data)
        if self.silent > LONGEST_WITHOUT_SOUND:
            refuse("broken")
        return data


def prepare(source: Any) -> tuple[Watched, str, float]:
    """The source as the demuxer takes it, the demuxer's name, and the seconds that the demuxer will not tell."""
    head = source.peek(4096)[:4096]
    if not head:
        refuse("empty")
    name = container_of(head)
    if not name:
        refuse("unknown")
    end, promised = wav_promise(head) if name == "wav" else (0, 0.0)
    if source.seekable():
        if end > size_of(source) + 1:
            refuse("cut")
        return Watched(source), name, 0.0
    if name != "mp4":
        return Watched(source), name, promised
    data = source.read(LONGEST_IN_MEMORY + 1)
    if len(data) > LONGEST_IN_MEMORY:
        refuse("large")
    return Watched(io.BytesIO(data)), name, 0.0


def declared_seconds(container: Any, stream: Any) -> float:
    """What the header says of the length; 0 where it says nothing."""
    if container.duration:
        return float(container.duration) / 1e6
    return float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0


def frames(container: Any, stream: Any) -> Iterator[Any]:
    """Decoded frames. A few damaged packets are skipped, as players do; more of them is a broken file."""
    import av

    good = bad = 0
    for packet in container.demux(stream):
        try:
            for frame in packet.decode():
                good += 1
                yield frame
        except av.error.InvalidDataError:
            bad += 1
            if bad > 20 + good // 50:
                refuse("broken")
    if not good:
        refuse("broken")


def pump(container: Any, handle: Watched, out: Any, promised: float) -> None:
    """Decode, resample, write."""
    import av

    stream = next((s for s in container.streams if s.type == "audio"), None)
    if stream is None:
        refuse("silent")
    if not RATES[0] <= (stream.sample_rate or 0) <= RATES[1] or not 0 < stream.channels <= MOST_CHANNELS:
        refuse("broken")
    declared = declared_seconds(container, stream) or promised
    if declared > LONGEST_SECONDS:
        refuse("long")
    out.write(struct.pack("<d", declared))
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    written = 0
    for frame in frames(container, stream):
        handle.silent = 0
        frame.pts = None  # gaps and jumps of the clock are no error
        for piece in resampler.resample(frame):
            out.write(memoryview(piece.planes[0])[: piece.samples * 2])
            written += piece.samples
        if written > LONGEST_SECONDS * RATE:
            refuse("long")
    for piece in resampler.resample(None):
        out.write(memoryview(piece.planes[0])[: piece.samples * 2])
        written += piece.samples
    if written / RATE < declared * 0.99 - TOLERANCE:
        refuse("cut")


def main() -> None:
    """Decode standard input to standard output."""
    import av

    warm_up()
    limit()
    source = open(0, "rb", buffering=1 << 16, closefd=False)  # noqa: SIM115 - lives as long as the process
    out = open(1, "wb", buffering=1 << 16, closefd=False)  # noqa: SIM115
    try:
        handle, name, promised = prepare(source)
        only = {"codec_whitelist": DECODERS, "protocol_whitelist": "none"}
        with av.open(handle, mode="r", format=name, metadata_errors="ignore", options=only) as container:
            pump(container, handle, out, promised)
        out.flush()
    except BrokenPipeError:
        os._exit(0)  # nobody listens any more
    except MemoryError:
        refuse("large")
    except (av.error.FFmpegError, ValueError, OSError):
        refuse("broken")


if __name__ == "__main__":
    main()
