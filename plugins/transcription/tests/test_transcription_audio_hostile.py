"""500 and more files that nobody should trust, made by code, always the same ones (T-16).

Each must end in a clear refusal or in a bounded number of samples; the decoder's limits bound its memory and time.
"""

from __future__ import annotations

import gzip
import io
import itertools
import random
import re
import shutil
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chartside.errors import InputError
from chartside_transcription.audio import RATE, child
from chartside_transcription.audio.child import CPU_SECONDS, LONGEST_SECONDS
from chartside_transcription.audio.decode import REFUSALS, Decoding

Made = tuple[str, bytes]
HEADS = {
    "wav": b"RIFF\xff\xff\xff\x7fWAVE",
    "mp4": b"\0\0\0\x18ftypM4A \0\0\0\0",
    "ogg": b"OggS\0\x02",
    "webm": b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1f",
    "flac": b"fLaC\0\0\0\x22",
    "id3": b"ID3\x04\0\0\0\0\x0f\x76",
    "mp3": b"\xff\xfb\x90\x64",
}
CLEAR = {message for message, _ in REFUSALS.values()} | {
    "the recording could not be decoded within the limits of time and memory"
}


@pytest.fixture(scope="module")
def files(talk: Any, encode: Callable[..., bytes]) -> list[Made]:
    """All of them; two seconds of speech are what they are made from."""
    return list(hostile(talk[: 2 * RATE], encode))


def judge(name: str, data: bytes | Path) -> str:
    """The refusal, or "" where some sound came out; fails for anything else."""
    samples, refusal = 0, None
    try:
        with Decoding(iter([data]) if isinstance(data, bytes) else data) as blocks:
            for block in blocks:
                samples += len(block)
    except InputError as error:
        refusal = error
    assert samples <= LONGEST_SECONDS * RATE, name
    if refusal is None:
        return ""
    assert any(str(refusal).startswith(clear) for clear in CLEAR), (name, str(refusal))
    assert refusal.mend, name
    return str(refusal)


@pytest.mark.slow
def test_a_slice_of_the_hostile_files_is_refused_or_bounded(files: list[Made], tmp_path: Path) -> None:
    """T-16, on a pipe and as a file; every 80th here, all of them among the slow tests."""
    for name, data in files[::80]:
        judge(name, data)
        path = tmp_path / "file"
        path.write_bytes(data)
        judge(name, path)


@pytest.mark.slow
def test_all_hostile_files_are_refused_or_bounded(files: list[Made], tmp_path: Path) -> None:
    """T-16: at least 500, each on a pipe and as a file; the kernel holds memory and time (tests of the decoder)."""
    assert len({name for name, _ in files}) == len(files) >= 500
    refused = 0
    for name, data in files:
        path = tmp_path / "file"
        path.write_bytes(data)
        refused += bool(judge(name, path)) + bool(judge(name, data))
    assert refused > len(files)  # the others are damaged so little that a player plays them, too


@pytest.mark.slow
def test_playlists_films_archives_and_headers_that_lie_are_refused(files: list[Made]) -> None:
    """T-16: what names other files or addresses, what holds no sound, what promises more than it has."""
    kinds = (
        "playlist",
        "list.",
        "key.m3u8",
        "bomb",
        "film-only",
        "empty",
        "rate-0",
        "channels-0",
        "program",
        "url",
        "name",
    )
    some = [(name, data) for name, data in files if name.startswith(kinds)]
    assert len(some) > 15
    for name, data in some[::2]:  # the others among all of them, slowly
        assert judge(name, data), name
    lying = dict(files)
    assert "cut off" in judge("a pipe", lying["cut-5.wav"])
    assert "longer than four hours" in judge("ten hours", lying["ten-hours.flac"])


@pytest.mark.slow
def test_ten_hours_of_silence_are_refused_at_four(tmp_path: Path) -> None:
    """T-16: a sparse WAV that truly is ten hours long, and an MP3 whose header does not say how long it is."""
    long = tmp_path / "ten-hours.wav"
    with long.open("wb") as file:
        file.write(_wav(RATE, 1, 16, declared=10 * 3600 * 2 * RATE, real=0))
        file.truncate(44 + 10 * 3600 * 2 * RATE)
    assert "longer than four hours" in judge("ten hours", long)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wav", "mp4", "ogg", "mp3", "webm", "flac", "id3", "nothing"])
def test_streams_without_end_are_ended(kind: str) -> None:
    """T-16: what is sent for ever is taken to the limit and not further."""
    head = _wav(RATE, 1, 16, declared=0xFFFFFFFF, real=0) if kind == "wav" else HEADS.get(kind, b"")
    before = time.process_time()
    with (
        pytest.raises(InputError) as refused,
        Decoding(itertools.chain([head], itertools.repeat(bytes(1 << 16)))) as blocks,
    ):
        for _ in blocks:
            pass
    assert any(str(refused.value).startswith(clear) for clear in CLEAR)
    assert time.process_time() - before < CPU_SECONDS


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="apt-get install strace")
def test_nothing_that_a_file_names_is_opened(tmp_path: Path, files: list[Made]) -> None:
    """T-16: once the decoder reads the recording, the kernel lets it open neither file nor socket."""
    kinds = ("reference", "list.ff", "playlist.", "mp4-playlist.", "film-only.mp4")
    for name, data in [pair for pair in files if pair[0].startswith(kinds)]:
        trace = tmp_path / "trace"
        calls = "trace=open,openat,openat2,socket,connect,execve,prlimit64,setrlimit"
        command = ["strace", "-f", "-o", str(trace), "-e", calls, sys.executable, "-I", child.__file__]
        done = subprocess.run(command, input=data, capture_output=True, timeout=120)
        assert b"root:" not in done.stdout, name
        lines = trace.read_text().splitlines()
        [locked] = [n for n, line in enumerate(lines) if "RLIMIT_NOFILE, {rlim_cur=3" in line]
        assert not [line for line in lines[locked + 1 :] if re.search(r"\) = \d", line)], name


def hostile(samples: Any, encode: Callable[..., bytes]) -> Iterator[Made]:
    """Name and bytes, from two seconds of speech."""
    good = {kind: encode(samples, kind) for kind in ("wav", "mp3", "m4a", "ogg", "webm", "flac")}
    dice = random.Random(5)
    yield from _cut(good)
    yield from _damaged(good, dice)
    yield from _mixed(good)
    yield from _noise(dice)
    yield from _wav_headers()
    yield from _texts()
    yield from _archives(good)
    yield from _metadata(good)
    yield from _claims(good)
    yield from _pictures()


def _cut(good: dict[str, bytes]) -> Iterator[Made]:
    for kind, data in good.items():
        for n in range(20):
            yield f"cut-{n}.{kind}", data[: len(data) * n // 20]
        for n in range(1, 13, 3):
            yield f"head-{n}.{kind}", data[:n]


def _damaged(good: dict[str, bytes], dice: random.Random) -> Iterator[Made]:
    for kind, data in good.items():
        for n in range(18):
            bad = bytearray(data)
            where = len(bad) if n % 3 else min(200, len(bad))  # a third of them in the header
            for _ in range(1 << (n % 10)):
                bad[dice.randrange(where)] = dice.randrange(256)
            yield f"damaged-{n}.{kind}", bytes(bad)
        for n in range(4):  # a hole
            at = dice.randrange(len(data))
            yield f"hole-{n}.{kind}", data[:at] + bytes(4000) + data[at + 4000 :]


def _mixed(good: dict[str, bytes]) -> Iterator[Made]:
    for one, data in good.items():
        for other, rest in good.items():
            if one != other:
                yield f"{one}-then-{other}", data[: len(data) // 3] + rest
                yield f"{one}-head-{other}", data[:16] + rest[16:]


def _noise(dice: random.Random) -> Iterator[Made]:
    yield "empty", b""
    for n in range(15):
        yield f"random-{n}", dice.randbytes(1 << (n + 3))
    for name, head in HEADS.items():
        for n in range(5):
            yield f"random-{n}-after-{name}", head + dice.randbytes(1 << (3 * n + 4))
        yield f"zeros-after-{name}", head + bytes(1 << 20)
        yield f"ones-after-{name}", head + b"\xff" * (1 << 18)


def _wav(rate: int, channels: int, bits: int, tag: int = 1, declared: int = 4000, real: int = 4000) -> bytes:
    block = channels * bits // 8
    shape = struct.pack("<HHIIHH", tag, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    head = struct.pack("<I4sI", 36 + declared & 0xFFFFFFFF, b"WAVE", 0)[:8]
    return (
        b"RIFF"
        + head
        + b"fmt "
        + struct.pack("<I", 16)
        + shape
        + b"data"
        + struct.pack("<I", declared)
        + bytes(real)
    )


def _wav_headers() -> Iterator[Made]:
    for rate in (0, 1, 7, 100, 3999, 400_000, 2**31 - 1, 2**32 - 1):
        yield f"rate-{rate}.wav", _wav(rate, 1, 16)
    for channels in (0, 33, 255, 4096, 65535):
        yield f"channels-{channels}.wav", _wav(16_000, channels, 16)
    for bits in (0, 1, 3, 64, 65535):
        yield f"bits-{bits}.wav", _wav(16_000, 1, bits)
    for tag in (0, 2, 0x11, 0x50, 0x55, 0x161, 0xFFFE, 0xFFFF):
        yield f"codec-{tag}.wav", _wav(16_000, 1, 16, tag)
    hours = 10 * 3600 * 32_000
    yield "ten-hours-claimed.wav", _wav(16_000, 1, 16, declared=hours)
    yield "ten-hours-slow.wav", _wav(4_000, 1, 8, declared=hours // 8, real=4000)
    yield "size-claimed.wav", _wav(16_000, 1, 16, declared=2**32 - 2)
    yield "no-data.wav", _wav(16_000, 1, 16, declared=0, real=0)
    yield "chunk-of-4-gb.wav", b"RIFF\xff\xff\xff\xffWAVELIST\xfe\xff\xff\xff" + bytes(1000)
    yield "chunks-without-end.wav", b"RIFF\xff\xff\xff\xffWAVE" + b"junk\0\0\0\0" * 200_000
    yield "fmt-twice.wav", _wav(16_000, 1, 16)[:36] + _wav(8_000, 2, 8)[12:]
    yield "rf64.wav", b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0" + b"\xff" * 28 + _wav(16_000, 1, 16)[12:]


SECRET = "file:///etc/passwd"


def _texts() -> Iterator[Made]:
    texts = {
        "playlist.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{SECRET}\n#EXT-X-ENDLIST\n",
        "playlist-http.m3u8": "#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n",
        "key.m3u8": f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{SECRET}"\n#EXTINF:1,\nx.ts\n',
        "list.ffconcat": f"ffconcat version 1.0\nfile '{SECRET}'\n",
        "list.pls": f"[playlist]\nFile1={SECRET}\nNumberOfEntries=1\n",
        "stream.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
        "list.asx": f'<asx version="3.0"><entry><ref href="{SECRET}"/></entry></asx>',
        "manifest.mpd": f'<?xml version="1.0"?><MPD><BaseURL>{SECRET}</BaseURL></MPD>',
        "picture.svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{SECRET}"/></svg>',
        "entities.xml": '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>',
        "page.html": "<html><audio src='http://127.0.0.1:9/a.wav'></html>",
        "words.txt": "This is no recording.",
        "name.txt": SECRET,
        "url.txt": "http://127.0.0.1:9/a.wav",
        "subfile": "subfile,,start,0,end,100,,:/etc/passwd",
        "script.sh": "#!/bin/sh\ncat /etc/passwd\n",
    }
    for name, text in texts.items():
        yield name, text.encode()
        for head in ("id3", "ogg", "wav", "mp4"):
            yield f"{head}-{name}", HEADS[head] + text.encode()


def _archives(good: dict[str, bytes]) -> Iterator[Made]:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("sound.wav", good["wav"])
        file.writestr("bomb", bytes(20 << 20))
    yield "bomb.zip", held.getvalue()
    yield "bomb.gz", gzip.compress(bytes(20 << 20), mtime=0)
    yield "sound.wav.gz", gzip.compress(good["wav"], mtime=0)
    yield "program.exe", b"MZ" + bytes(200)
    yield "program.elf", b"\x7fELF" + bytes(200)
    yield "paper.pdf", b"%PDF-1.7\n" + bytes(200)
    yield "picture.png", b"\x89PNG\r\n\x1a\n" + bytes(200)
    yield "other.aiff", b"FORM\0\0\0\x2eAIFFCOMM" + bytes(40)
    yield "other.au", b".snd" + bytes(40)
    yield "other.wma", bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(80)


def _id3_frame(name: bytes, data: bytes) -> bytes:
    size = bytes(len(data) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return name + size + b"\0\0" + data


def _id3(body: bytes, declared: int = -1) -> bytes:
    size = len(body) if declared < 0 else declared
    return b"ID3\x04\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + body


def _box(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data) + 8) + name + data


def _metadata(good: dict[str, bytes]) -> Iterator[Made]:
    yield "id3-claims-256-mb.mp3", _id3(b"", 0xFFFFFFF) + good["mp3"]
    yield "id3-of-64-mb.mp3", _id3(bytes(64 << 20)) + good["mp3"]
    yield "id3-of-frames.mp3", _id3(_id3_frame(b"TXXX", b"\x03a\0b") * 100_000) + good["mp3"]
    picture = b"\0image/png\0\x03\0\x89PNG\r\n\x1a\n" + struct.pack(
        ">I4sIIBBBBBI", 13, b"IHDR", 60_000, 60_000, 8, 6, 0, 0, 0, 0
    )
    yield "id3-picture.mp3", _id3(_id3_frame(b"APIC", picture + bytes(1000))) + good["mp3"]
    yield "id3-nested.mp3", _id3(b"") * 50_000 + good["mp3"]
    info = b"INFO" + b"INAM\x10\0\0\0" + b"a" * 16
    yield "list-of-32-mb.wav", good["wav"] + b"LIST" + struct.pack("<I", 32 << 20) + info + bytes(32 << 20)
    comment = struct.pack("<I", 4) + b"test" + struct.pack("<I", 0xFFFFFFFF)
    yield (
        "comments-of-4-billion.flac",
        b"fLaC\x04" + struct.pack(">I", len(comment))[1:] + comment + good["flac"][4:],
    )
    block = b"\x06\xff\xff\xff" + bytes(0xFFFFFF)
    yield "pictures-of-64-mb.flac", b"fLaC" + block * 4 + good["flac"][4:]
    for name in (b"udta", b"meta", b"moov", b"free", b"uuid"):
        yield (
            f"{name.decode()}-of-32-mb.m4a",
            good["m4a"][:32] + _box(name, bytes(32 << 20)) + good["m4a"][32:],
        )
    nested = b""
    for _ in range(2_000):
        nested = _box(b"moov", nested)
    yield "boxes-in-boxes.m4a", HEADS["mp4"] + b"\0\0\0\0\0\0\0\0" + nested
    for name in (b"stts", b"stsz", b"stco", b"stsc", b"elst"):
        at = good["m4a"].find(name)
        if at > 0:
            yield (
                f"{name.decode()}-of-4-billion.m4a",
                good["m4a"][: at + 8] + b"\xff" * 8 + good["m4a"][at + 16 :],
            )
    alis = struct.pack(">I4sI", 12 + len(SECRET), b"url ", 0) + SECRET.encode()
    yield (
        "reference-to-a-file.m4a",
        good["m4a"].replace(b"url \0\0\0\x01", b"url \0\0\0\0") + _box(b"dref", alis),
    )
    yield (
        "tags-without-end.webm",
        good["webm"] + b"\x12\x54\xc3\x67\x01\xff\xff\xff\xff\xff\xff\xff" + bytes(1 << 20),
    )
    yield "pages-of-nothing.ogg", good["ogg"][:200] + (b"OggS" + bytes(23)) * 100_000
    yield (
        "segment-unknown.webm",
        HEADS["webm"] + b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" + bytes(1 << 16),
    )


def _claims(good: dict[str, bytes]) -> Iterator[Made]:
    """Ten hours in the header, two seconds in the file."""
    flac = bytearray(good["flac"])
    flac[21:26] = bytes([flac[21] & 0xF0 | 0, 0x22, 0x55, 0x10, 0])
    yield "ten-hours.flac", bytes(flac)
    ogg = bytearray(good["ogg"])
    at = ogg.rfind(b"OggS")
    ogg[at + 6 : at + 14] = struct.pack("<q", 36_000 * 48_000)
    yield "ten-hours.ogg", bytes(ogg)
    m4a = bytearray(good["m4a"])
    for name, offset in ((b"mvhd", 16), (b"mdhd", 16), (b"tkhd", 20)):
        at = m4a.find(name) + 4
        m4a[at + offset : at + offset + 4] = struct.pack(">I", 0xFFFFFFFF)
    yield "ten-hours.m4a", bytes(m4a)
    webm = bytearray(good["webm"])
    at = webm.find(b"\x44\x89\x88")
    if at > 0:
        webm[at + 3 : at + 11] = struct.pack(">d", 36_000_000.0)
    yield "ten-hours.webm", bytes(webm)
    frame = good["mp3"][-417:]
    yield "xing-claims.mp3", b"\xff\xfb\x90\x64" + bytes(32) + b"Xing\0\0\0\x0f" + b"\xff" * 120 + frame


def _pictures() -> Iterator[Made]:
    import av

    for kind, container, codec in (
        ("mp4", "mp4", "mpeg4"),
        ("webm", "matroska", "mpeg4"),
        ("large", "mp4", "png"),
    ):
        held = io.BytesIO()
        with av.open(held, "w", format=container) as file:
            stream = file.add_stream(codec, rate=25)
            side = 2048 if kind == "large" else 64
            stream.width = stream.height = side
            stream.pix_fmt = "rgb24" if codec == "png" else "yuv420p"
            for _ in range(2):
                file.mux(stream.encode(av.VideoFrame(side, side, stream.pix_fmt)))
            file.mux(stream.encode(None))
        yield f"film-only.{kind}", held.getvalue()
