"""Audio is on no disk at any time: a traced run, and what is left after a SIGKILL in the middle (T-2)."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from chartside_transcription.audio import RATE

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="traced on Linux")]
CALLS = (
    "open,openat,openat2,creat,write,pwrite64,writev,pwritev,pwritev2,rename,renameat,renameat2,link,linkat,symlinkat,"
    "sendto,sendmsg,sendfile,copy_file_range,splice,socket,connect,memfd_create,mknod,truncate,ftruncate"
)
HARMLESS = re.compile(r'"/dev/(null|tty|urandom)"|"/proc/self/|"/sys/')


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment whose every writable place lies under one folder."""
    for name in ("home", "tmp", "cwd"):
        (tmp_path / name).mkdir()
    places = {"HOME": "home", "TMPDIR": "tmp", "XDG_CACHE_HOME": "home/cache", "XDG_RUNTIME_DIR": "tmp"}
    return {
        **{k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "LD_LIBRARY_PATH")},
        **{key: str(tmp_path / place) for key, place in places.items()},
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def command(*more: str) -> list[str]:
    code = "import sys; from chartside_transcription.cli import app; app(sys.argv[1:])"
    return [sys.executable, "-c", code, "transcribe", "-", "--fast", "--speakers", "2", *more]


@pytest.mark.skipif(shutil.which("strace") is None, reason="apt-get install strace")
def test_no_file_is_written_in_a_whole_run(
    talk: Any, encode: Callable[..., bytes], home: dict[str, str], tmp_path: Path
) -> None:
    """T-2: every system call of the host and of its decoder that could put sound on a disk or a network.

    One trace a thread (-ff): in a common one a call that another thread interrupts is cut in two, and its result lost.
    """
    trace = tmp_path / "trace"
    done = subprocess.run(
        [
            "strace",
            "-ff",
            "-y",
            "-qq",
            "-s",
            "16",
            "-o",
            str(trace),
            "-e",
            f"trace={CALLS}",
            *command("--json"),
        ],
        input=encode(talk[: 35 * RATE], "wav"),
        capture_output=True,
        env=home,
        cwd=tmp_path / "cwd",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert b'"words"' in done.stdout
    calls = [
        line for part in tmp_path.glob("trace.*") for line in part.read_text("utf-8", "replace").splitlines()
    ]
    lines = [line for line in calls if " = -1 " not in line]  # what failed wrote nothing
    lines = [line for line in lines if "/dev/shm/sem." not in line]  # a lock holds no sound
    assert sum("child.py" in line for line in lines) > 0  # the decoder was traced, too
    opened = [
        x
        for x in lines
        if re.search(r"\bopen(at2?)?\(|creat\(", x) and re.search("O_WRONLY|O_RDWR|O_CREAT", x)
    ]
    assert [x for x in opened if not HARMLESS.search(x)] == []
    written = [
        x for x in lines if re.search(r"\b(p?writev?2?|pwrite64|sendfile|splice|copy_file_range)\(", x)
    ]
    assert len(written) > 20
    targets = {found[1] for x in written if (found := re.search(r"\(\d+<([^>]*)>", x))}
    assert {t for t in targets if not re.match(r"pipe:|anon_inode:|socket:|/dev/null", t)} == set()
    assert not [x for x in lines if re.search(r"\b(connect|sendto|sendmsg)\(|socket\(AF_INET", x)]
    assert not [
        x for x in lines if re.search(r"\b(rename|link|symlink|mknod|f?truncate|memfd_create)\w*\(", x)
    ]
    assert [p for name in ("home", "tmp", "cwd") for p in (tmp_path / name).rglob("*") if p.is_file()] == []


def test_a_kill_in_the_middle_leaves_nothing(
    talk: Any, encode: Callable[..., bytes], home: dict[str, str], tmp_path: Path
) -> None:
    """T-2: SIGKILL while pieces are recognised; no file, no shared memory, no core, no process holds the canary."""
    random = np.random.default_rng(11)
    canary = random.integers(-200, 200, 64).astype(np.int16)
    sound = talk.copy()
    for at in range(0, len(sound) - 64, RATE):
        sound[at : at + 64] = canary
    before = {p: p.stat().st_mtime for p in Path("/dev/shm").glob("*")}
    process = subprocess.Popen(
        command(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=home,
        cwd=tmp_path / "cwd",
    )
    assert process.stdin is not None
    assert process.stderr is not None
    data = encode(sound, "wav")
    assert canary.tobytes() in data
    threading.Thread(target=_feed, args=(process.stdin, data), daemon=True).start()
    told = b""
    while b"transcribed" not in told:  # a piece is done, the next one is being heard
        told += process.stderr.read(1)
    [child] = _children(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()
    assert _ends(child)
    left = [p for name in ("home", "tmp", "cwd") for p in (tmp_path / name).rglob("*") if p.is_file()]
    assert left == []  # no file at all, so none with the canary, and no core
    for path in Path("/dev/shm").glob("*"):
        if path.is_file() and before.get(path) != path.stat().st_mtime:
            assert canary.tobytes() not in path.read_bytes()


def _feed(pipe: IO[bytes], data: bytes) -> None:
    try:
        pipe.write(data)
        pipe.flush()  # never closed: the decoder waits for more, as of a microphone
    except OSError:
        pass


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _ends(pid: int) -> bool:
    for _ in range(200):
        try:
            if "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False
