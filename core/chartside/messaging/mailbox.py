"""A mail server on this machine that delivers nowhere: the outside world of the demo.

It speaks as much SMTP (RFC 5321) as a sender needs, without encryption, on 127.0.0.1 only, and keeps every mail; in
memory, and as ``.eml`` files where a folder is named. It is no part of the host.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

_LONGEST_LINE = 1000
_LARGEST = 1024 * 1024


@dataclass(slots=True)
class Mailbox:
    """``mails``: what came, in order. ``folder``: also one file each, ``0001.eml``; any mail program opens it."""

    folder: Path | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, raw: bytes) -> None:
        """Keep one mail."""
        with self._lock:
            self.mails.append(message_from_bytes(raw, policy=SMTP))
            if self.folder:
                self.folder.mkdir(parents=True, exist_ok=True)
                (self.folder / f"{len(list(self.folder.iterdir())) + 1:04}.eml").write_bytes(raw)

    @contextmanager
    def running(self) -> Iterator[int]:
        """Listen on 127.0.0.1 in a thread; yield the port."""
        mailbox = self

        class Handler(_Session):
            take = staticmethod(mailbox.take)

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.05,), name="mailbox", daemon=True).start()
            try:
                yield int(server.server_address[1])
            finally:
                server.shutdown()


class _Session(socketserver.StreamRequestHandler):
    """One connection."""

    def take(self, raw: bytes) -> None:
        """Keep one mail."""
        raise NotImplementedError

    def handle(self) -> None:
        """Answer line by line until QUIT."""
        self._say("220 chartside mailbox")
        while line := self.rfile.readline(_LONGEST_LINE):
            verb = line[:4].strip().upper()
            if verb == b"QUIT":
                self._say("221 bye")
                return
            if verb == b"DATA":
                self._say("354 end with a dot")
                self._data()
            else:
                known = verb in (b"EHLO", b"HELO", b"MAIL", b"RCPT", b"RSET", b"NOOP")
                self._say("250 fine" if known else "502 not spoken here")

    def _data(self) -> None:
        lines: list[bytes] = []
        while (line := self.rfile.readline(_LARGEST)) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        self.take(b"".join(lines))
        self._say("250 kept")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
