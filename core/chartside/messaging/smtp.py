"""E-mail by SMTP, encrypted on the way or not sent at all."""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email.errors import MessageError as MessageError_
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from chartside.config import Email, is_loopback
from chartside.errors import ChannelUnavailable, MessageError, MessageRejected, OutcomeUnknown
from chartside.messaging.channel import Channel, ChannelSettings, OutboundMessage, Receipt
from chartside.network import reading

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+\Z")
"""The common form, RFC 5321 without quotes: of ``a(b)@c.org`` smtplib makes ``a@c.org``, which is somebody else."""


class SmtpSettings(ChannelSettings):
    """``[channels.email]`` with ``type = "smtp"``.

    ``security``: ``starttls`` (port 587), ``tls`` (port 465), or ``none`` on this machine only. ``sender``: the
    practice's address. ``ca_file``: certificates to trust in place of the system's.
    """

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(gt=0, lt=65536)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    sender: Annotated[Email, Field(min_length=1)]
    sender_name: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    ca_file: Path | None = None
    timeout: Annotated[float, Field(gt=0, le=120)] = 20.0

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError('security = "none" is for this machine only; use "starttls" or "tls"')
        return self


PATIENCE = 240.0
"""Seconds for a whole message: a server that says a word now and then must not outlast the ledger's lease."""

MOST = 256 * 1024
"""Bytes that a mail server has to say in all of it."""


class _Plain(smtplib.SMTP):
    """``timeout`` is for each read; this is for the whole."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._until = time.monotonic() + PATIENCE
        super().__init__(*args, **options)

    def getreply(self) -> tuple[int, bytes]:
        """See smtplib, which opens the file where there is none, and closes it with STARTTLS."""
        if self.file is None and self.sock is not None:
            self.file = reading(self.sock, self._until, MOST)
        return super().getreply()


class _Encrypted(_Plain, smtplib.SMTP_SSL):
    """The same, encrypted from the beginning."""


class SmtpChannel(Channel):
    """Speaks to one mail server. SMTP cannot be asked about a message later, so an unknown outcome stays unknown."""

    name: ClassVar[str] = "smtp"
    kind: ClassVar[str] = "email"
    settings_model = SmtpSettings
    parallel: ClassVar[int] = 3  # Exchange Online takes three connections of one mailbox at once (M)
    # a third of a batch: 0.18 requests a reminder with transactions (100: 0.14, 10: 0.32)
    at_once: ClassVar[int] = 34

    @property
    def address(self) -> str:
        """See Channel."""
        return f"smtp://{self.settings.host}:{self.settings.port}"

    def ready(self) -> None:
        """See Channel: connects, encrypts, logs in, and leaves again."""
        with self._connection():
            pass

    def send(self, message: OutboundMessage) -> Receipt:
        """See Channel. A server that takes the mail with 250 has it, even if it then hangs up."""
        mail, content = self._written(message)
        with self._connection() as server:
            self._envelope(server, message.to)
            try:
                code, _ = server.data(content)
            except smtplib.SMTPDataError as error:  # refused before the text was handed over
                raise _meaning(error.smtp_code) from None
            except (smtplib.SMTPException, OSError):
                raise OutcomeUnknown("the mail server broke off while it was taking the message") from None
            if code != 250:
                raise _meaning(code)
        return Receipt(str(mail["Message-ID"]), at=self.clock.now())

    def lookup(self, message: OutboundMessage, since: datetime) -> Receipt | None:
        """See Channel."""
        raise OutcomeUnknown("SMTP cannot tell")

    def _written(self, message: OutboundMessage) -> tuple[EmailMessage, bytes]:
        """The mail as it goes over the wire. Raises MessageRejected for what no mail can be made of."""
        if not ADDRESS.match(message.to):
            raise MessageRejected("no address that is plain enough to be sure who reads it")
        try:
            mail = self.compose(message)
            return mail, mail.as_bytes(policy=SMTP)
        except (ValueError, TypeError, LookupError, MessageError_) as error:
            raise MessageRejected(f"no mail can be made of it ({type(error).__name__})") from None

    def compose(self, message: OutboundMessage) -> EmailMessage:
        """The mail: the Message-ID follows from the reference, so a repetition would be seen as one."""
        mail = EmailMessage()
        name = self.settings.sender_name.replace('"', "")
        mail["From"] = f'"{name}" <{self.settings.sender}>' if name else self.settings.sender
        mail["To"] = message.to
        mail["Subject"] = message.subject
        mail["Date"] = self.clock.now()
        mail["Message-ID"] = f"<{message.reference}@{self.settings.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        mail.set_content(message.body)
        for file in message.attachments:
            kind, _, parameters = file.content_type.partition(";")
            main, _, sub = kind.strip().partition("/")
            given = dict(p.strip().split("=", 1) for p in parameters.split(";") if "=" in p)
            mail.add_attachment(
                file.content, maintype=main, subtype=sub, filename=file.filename, params=given
            )
        mail["Content-Language"] = message.language  # last: setting the content drops Content-* headers
        return mail

    def _envelope(self, server: smtplib.SMTP, to: str) -> None:
        try:
            for code, _ in (server.mail(self.settings.sender), server.rcpt(to)):
                if code not in (250, 251):
                    raise _meaning(code)
        except (smtplib.SMTPException, OSError):
            raise ChannelUnavailable("the mail server broke off before the message") from None

    @contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        """A connection, encrypted and logged in. Raises ChannelUnavailable; nothing was sent then."""
        try:
            server = self._connect()
        except smtplib.SMTPAuthenticationError:
            raise ChannelUnavailable(
                "the mail server refuses the login", mend="correct channels.email.username and password"
            ) from None
        except ssl.SSLError:
            raise ChannelUnavailable(
                "the mail server's certificate or encryption is not to be trusted"
            ) from None
        except (smtplib.SMTPException, OSError) as error:
            raise ChannelUnavailable(f"no mail server ({type(error).__name__})") from None
        try:
            yield server
        finally:
            _leave(server)

    def _tls(self) -> ssl.SSLContext:
        file = self.settings.ca_file
        return ssl.create_default_context(cafile=str(file) if file else None)

    def _connect(self) -> smtplib.SMTP:
        s = self.settings
        if s.security == "tls":
            context = self._tls()
            server: smtplib.SMTP = _Encrypted(s.host, s.port, timeout=s.timeout, context=context)
        else:
            server = _Plain(s.host, s.port, timeout=s.timeout)
        try:
            if s.security == "starttls":
                server.starttls(context=self._tls())  # raises where the server does not offer it
            if s.username:
                server.login(s.username, s.password.get_secret_value())
            server.ehlo_or_helo_if_needed()
        except BaseException:
            server.close()
            raise
        return server


def _leave(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()


def _meaning(code: int) -> MessageError:
    """4xx: not now; 5xx: never (RFC 5321, 4.2.1)."""
    if 400 <= code < 500:
        return ChannelUnavailable(f"the mail server cannot take it now ({code})")
    return MessageRejected(f"the mail server refused the message ({code})")
