"""A clearinghouse by SFTP: files are dropped into one folder and answers wait in another. Needs paramiko."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chartside.errors import ChannelUnavailable, ConfigError, MessageRejected, OutcomeUnknown
from chartside_billing.clearinghouse.base import TOO_LARGE, Answer, Clearinghouse
from chartside_billing.x12.segments import MAX_BYTES

TIMEOUT = 30
"""Seconds for connecting and for each answer of the server."""


@dataclass(frozen=True, slots=True)
class SftpAccount:
    """Where and as whom. ``known_hosts`` pins the server's key: an unknown server is refused."""

    host: str
    user: str
    known_hosts: Path
    key_file: Path | None = None
    password: str = ""
    port: int = 22
    outbox: str = "in"
    """The clearinghouse's folder for our files."""
    inbox: str = "out"
    """Its folder for answers."""


class SftpClearinghouse(Clearinghouse):
    """Drop and collect by SFTP. A file is written under a passing name and then renamed, so none is read half."""

    name = "sftp"

    def __init__(self, account: SftpAccount) -> None:
        self._account = account

    @contextmanager
    def _session(self) -> Iterator[Any]:
        try:
            import paramiko
        except ImportError:
            raise ConfigError(
                "billing", "paramiko is not installed", mend="pip install 'chartside[billing]'"
            ) from None
        a = self._account
        client = paramiko.SSHClient()
        try:
            client.load_host_keys(str(a.known_hosts))
            client.set_missing_host_key_policy(paramiko.RejectPolicy())
            client.connect(
                a.host,
                a.port,
                a.user,
                password=a.password or None,
                key_filename=str(a.key_file) if a.key_file else None,
                timeout=TIMEOUT,
                allow_agent=False,
                look_for_keys=False,
            )
            sftp = client.open_sftp()
            sftp.get_channel().settimeout(TIMEOUT)
            yield sftp
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise ChannelUnavailable(f"the SFTP server cannot be used ({type(error).__name__})") from None
        finally:
            client.close()

    def submit(self, name: str, data: bytes) -> None:
        """Write under a passing name, then rename. Raises MessageRejected where a file of this name is there already:
        it would be overwritten, and its claims lost."""
        with self._session() as sftp:
            target = posixpath.join(self._account.outbox, name)
            passing = f"{target}.part"
            if _is_there(sftp, target):
                raise MessageRejected("a file of this name is there already")
            with sftp.open(passing, "wb") as out:
                out.write(data)
            try:
                sftp.rename(passing, target)
            except Exception:  # a dropped line is told by several classes, and none says whether it was done
                raise OutcomeUnknown(
                    "the file was sent, its renaming was not confirmed", mend="look there"
                ) from None

    def fetch(self) -> Iterator[Answer]:
        """The files of the inbox by age."""
        with self._session() as sftp:
            entries = [e for e in sftp.listdir_attr(self._account.inbox) if stat.S_ISREG(e.st_mode or 0)]
            for entry in sorted(entries, key=lambda e: (e.st_mtime or 0, e.filename)):
                with sftp.open(posixpath.join(self._account.inbox, entry.filename), "rb") as file:
                    data = file.read(MAX_BYTES + 1)
                if len(data) > MAX_BYTES:
                    yield Answer(entry.filename, b"", TOO_LARGE)
                else:
                    yield Answer(entry.filename, data)

    def done(self, answer: Answer) -> None:
        """Take it away."""
        with self._session() as sftp:
            sftp.remove(posixpath.join(self._account.inbox, posixpath.basename(answer.name)))


def _is_there(sftp: Any, path: str) -> bool:
    try:
        sftp.stat(path)
    except FileNotFoundError:
        return False
    return True
