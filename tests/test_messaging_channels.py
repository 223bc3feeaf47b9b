"""Channels against real servers: the local gateway, SMTP (aiosmtpd), and Twilio's HTTP interface."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
import traceback
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from chartside.clock import FrozenClock
from chartside.config import ConfigErrors
from chartside.errors import (
    ChannelUnavailable,
    InputError,
    MessageRejected,
    OutcomeUnknown,
    RecipientStopped,
)
from chartside.messaging import Attachment, DeliveryStatus, OutboundMessage, Receipt, web
from chartside.messaging import smtp as smtp_module
from chartside.messaging.gateway import Gateway
from chartside.messaging.local import GatewaySettings, LocalGatewayChannel
from chartside.messaging.sending import Sender
from chartside.messaging.setup import open_channels
from chartside.messaging.signatures import HEADER, Verifier, sign

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
CLOCK = FrozenClock(NOW)
TEXT = OutboundMessage("+13125550142", "Larkspur: your appointment is Wed Nov 25.", "ref-1")
SECRETS = ("3125550142", "Larkspur", "Canary", "kanarienvogel")


def channel(kind, **table):
    return open_channels({kind: table}, clock=CLOCK)[kind]


def fails(call, kind):
    """The call raises this error, and nothing of the message is in its traceback."""
    with pytest.raises(kind) as caught:
        call()
    told = "".join(traceback.format_exception(caught.value))
    assert not [secret for secret in SECRETS if f"{secret}" in told.replace(__file__, "")]


# --- the gateway ---------------------------------------------------------------------------------------


@pytest.fixture
def gateway():
    made = Gateway()
    with made.running() as url:
        made.url = url
        yield made


@pytest.fixture
def local(gateway):
    found = channel("sms", type="gateway", recipient="g", url=gateway.url, timeout=0.5)
    yield found
    found.close()


class Gateway(Gateway):
    url = ""


def test_gateway_sends_and_remembers(gateway, local):
    """R-10: a receipt, and an answer to "have you seen it?"; a repetition is taken again, as real ones do."""
    assert local.lookup(TEXT, NOW) is None
    receipt = local.send(TEXT)
    assert local.lookup(TEXT, NOW).id == receipt.id
    local.send(TEXT)
    assert [m.body for m in gateway.messages] == [TEXT.body] * 2


@pytest.mark.parametrize(
    ("fault", "error", "taken"),
    [
        ("busy", ChannelUnavailable, 0),
        ("fail-before", OutcomeUnknown, 0),
        ("fail-after", OutcomeUnknown, 1),
        ("cut-before", OutcomeUnknown, 0),
        ("cut-after", OutcomeUnknown, 1),
        ("slow", OutcomeUnknown, 1),
    ],
)
def test_gateway_faults(gateway, local, fault, error, taken):
    """R-10: what each end of an exchange means for the message."""
    gateway.fault = lambda _n: fault
    fails(lambda: local.send(TEXT), error)
    assert len(gateway.messages) == taken


def test_gateway_refuses(gateway, local):
    """R-17: a definite failure."""
    gateway.rejects = frozenset({TEXT.to})
    fails(lambda: local.send(TEXT), MessageRejected)


def test_gateway_that_never_ends(gateway, local, monkeypatch):
    """S-14: a provider's answer is believed up to a megabyte."""
    monkeypatch.setattr(web, "MOST", 20)
    fails(lambda: local.send(TEXT), OutcomeUnknown)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"error": "x", "code": "recipient-stopped"}', RecipientStopped),
        (b'{"error": "this address may not send"}', ChannelUnavailable),
        (b"<html>Forbidden</html>", ChannelUnavailable),
        (b'["recipient-stopped"]', ChannelUnavailable),
        (b"", ChannelUnavailable),
    ],
)
def test_gateway_forbids(local, monkeypatch, body, error):
    """R-5: that the client stopped is said by the code alone; a firewall's 403 is no client's word."""
    monkeypatch.setattr("chartside.messaging.local.exchange", lambda *_a, **_o: web.Reply(403, body))
    with pytest.raises(error):
        local.send(TEXT)


def test_no_more_calls_at_once_than_a_channel_takes():
    """A mail server that takes three connections of one mailbox refuses the fourth."""
    now, most, lock = [0], [0], threading.Lock()

    class Narrow(LocalGatewayChannel):
        parallel = 2

        def send(self, message):
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            time.sleep(0.001)
            with lock:
                now[0] -= 1
            return Receipt("1")

    settings = GatewaySettings(type="x", recipient="g", url="http://127.0.0.1:9")
    narrow = Narrow(settings, clock=CLOCK)
    sender = Sender(lambda: {"sms": narrow}, CLOCK, timedelta(minutes=5))
    one = SimpleNamespace(via=SimpleNamespace(kind="sms"), key="k", message=lambda: TEXT)
    assert sender.send([(one, None)] * 20, sender.deadline()) == [None] * 20
    assert 1 <= most[0] <= 2


def test_gateway_that_is_not_there():
    """R-17: nothing was sent, so it may be tried again; it cannot be asked either."""
    gone = channel("sms", type="gateway", recipient="g", url="http://127.0.0.1:9")
    fails(lambda: gone.send(TEXT), ChannelUnavailable)
    fails(lambda: gone.lookup(TEXT, NOW), ChannelUnavailable)


def test_blind_gateway(gateway, local):
    """R-10: a provider that cannot tell says so."""
    gateway.blind = True
    fails(lambda: local.lookup(TEXT, NOW), OutcomeUnknown)


def test_gateway_calls_back_signed(gateway, local):
    """R-18, S-12: each delivery is told, signed; the signature is good once, in its time, for its body."""
    got, told = {}, threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got["body"] = self.rfile.read(int(self.headers["Content-Length"]))
            got["signature"] = self.headers[HEADER]
            self.send_response(204)
            self.end_headers()
            told.set()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    gateway.callback, gateway.secret = f"http://127.0.0.1:{server.server_port}/", b"shared"
    local.send(TEXT)
    assert told.wait(10)
    server.shutdown()
    server.server_close()
    assert json.loads(got["body"])["reference"] == "ref-1"
    verifier, now = Verifier(b"shared"), datetime.now(UTC)
    verifier.check(got["signature"], got["body"], now)
    with pytest.raises(InputError, match="came before"):
        verifier.check(got["signature"], got["body"], now)


@pytest.mark.parametrize(
    ("header", "body", "after"),
    [
        ("", b"x", 0),
        ("t=1", b"x", 0),
        ("garbage", b"x", 0),
        (sign(b"other", b"x", NOW), b"x", 0),
        (sign(b"shared", b"x", NOW), b"y", 0),
        (sign(b"shared", b"x", NOW), b"x", 301),
        (sign(b"shared", b"x", NOW), b"x", -301),
        (sign(b"shared", b"x", NOW).replace("t=", "t=1"), b"x", 0),
    ],
)
def test_signatures_that_are_refused(header, body, after):
    """S-12: no signature, another secret, another body, too old, too new, a changed time."""
    with pytest.raises(InputError):
        Verifier(b"shared").check(header, body, NOW + timedelta(seconds=after))


def test_an_empty_secret_lets_nobody_in():
    """S-12."""
    with pytest.raises(ValueError, match="empty secret"):
        Verifier(b"")


# --- SMTP --------------------------------------------------------------------------------------------------


class Mailbox:
    """A mail server's inside: keeps what comes, refuses what it is told to."""

    def __init__(self):
        self.mails, self.refuse_rcpt, self.refuse_data, self.port = [], "", "", free_port()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.refuse_rcpt:
            return self.refuse_rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.refuse_data == "hang up":
            server.transport.abort()
            return "421 gone"
        if self.refuse_data:
            return self.refuse_data
        self.mails.append(envelope)
        return "250 OK"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost, made for this run, as its own authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    pem = folder / "cert.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, folder / "key.pem")
    return pem, context


@pytest.fixture
def mail(certificate):
    """A real SMTP server that wants STARTTLS and a login."""
    box = Mailbox()

    def login(server, session, envelope, mechanism, data):
        return AuthResult(success=data.password == b"kanarienvogel")

    server = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        tls_context=certificate[1],
        require_starttls=True,
        auth_required=True,
        authenticator=login,
    )
    server.start()
    yield box
    server.stop()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def smtp(box, certificate, **changes):
    table = {
        "type": "smtp",
        "recipient": "mail",
        "host": "localhost",
        "port": box.port,
        "username": "desk",
        "password": "kanarienvogel",
        "sender": "desk@example.org",
        "sender_name": "Larkspur",
        "ca_file": str(certificate[0]),
        "timeout": 2,
    }
    return channel("email", **(table | changes))


ICS = Attachment("appointment.ics", "text/calendar; method=REQUEST; charset=utf-8", b"BEGIN:VCALENDAR\r\n")
MAIL = OutboundMessage("Canary@example.org", "Hola, su cita es mañana.", "ref-2", "Su cita", (ICS,), "es")


def test_email_arrives_encrypted_with_its_calendar(mail, certificate):
    """R-20: over STARTTLS with a login; text, calendar file with its method, a Message-ID from the reference."""
    smtp(mail, certificate).ready()
    receipt = smtp(mail, certificate).send(MAIL)
    [envelope] = mail.mails
    found = message_from_bytes(envelope.content)
    assert envelope.rcpt_tos == ["Canary@example.org"]
    assert found["Message-ID"] == receipt.id == "<ref-2@example.org>"
    assert found["Content-Language"] == "es"
    body, calendar = found.get_payload()
    assert body.get_payload(decode=True).decode().strip() == "Hola, su cita es mañana."
    assert calendar.get_content_type() == "text/calendar"
    assert calendar.get_param("method") == "REQUEST"
    assert calendar.get_filename() == "appointment.ics"


@pytest.mark.parametrize(
    ("rcpt", "data", "error"),
    [
        ("550 no such user", "", MessageRejected),
        ("450 greylisted", "", ChannelUnavailable),
        ("", "554 spam", MessageRejected),
        ("", "451 later", ChannelUnavailable),
        ("", "hang up", OutcomeUnknown),
    ],
)
def test_email_refusals(mail, certificate, rcpt, data, error):
    """R-17: 4xx may be tried again, 5xx is for good, a server that hangs up may have it."""
    mail.refuse_rcpt, mail.refuse_data = rcpt, data
    fails(lambda: smtp(mail, certificate).send(MAIL), error)


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "a(b)@example.org"},
        {"to": "jos\u00e9@example.org"},
        {"to": "a@b@example.org"},
        {"to": "a@example.org\r\nBcc: b@example.org"},
        {"to": '"a b"@example.org'},
        {"subject": "Visit\r\nBcc: b@example.org"},
        {"reference": "r\r\nBcc: b@example.org"},
    ],
)
def test_no_mail_to_whom_it_was_not_meant_for(mail, certificate, changes):
    """Of `a(b)@c.org` smtplib makes `a@c.org`; a line's end in a header adds recipients."""
    with pytest.raises(MessageRejected):
        smtp(mail, certificate).send(replace(MAIL, **changes))
    assert not mail.mails


@pytest.mark.slow
def test_email_needs_trust_login_and_encryption(mail, certificate, tmp_path):
    """S-5: an untrusted certificate, a wrong password, and plain text over the net are all refused."""
    empty = smtp(mail, certificate, ca_file=None)
    fails(lambda: empty.send(MAIL), ChannelUnavailable)
    fails(smtp(mail, certificate, password="wrong").ready, ChannelUnavailable)
    fails(smtp(mail, certificate, port=9).ready, ChannelUnavailable)
    with pytest.raises(ConfigErrors, match="this machine only"):
        smtp(mail, certificate, host="mail.example.org", security="none")
    assert mail.mails == []


def test_a_server_without_starttls_gets_nothing(certificate):
    """No silent fall-back to plain text."""
    box = Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=box.port)
    server.start()
    try:
        fails(lambda: smtp(box, certificate, username="").send(MAIL), ChannelUnavailable)
        assert box.mails == []
        smtp(box, certificate, username="", security="none").send(MAIL)
        assert len(box.mails) == 1
    finally:
        server.stop()


GREETING = b"220 x\r\n250 x\r\n250 x\r\n250 x\r\n354 x\r\n"


@pytest.mark.parametrize(
    ("limits", "replies", "pause", "error"),
    [
        ({"PATIENCE": 0.05}, b"220-x\r\n", 0.001, ChannelUnavailable),
        ({"MOST": 4000}, b"220-x\r\n", 0.0, ChannelUnavailable),
        ({"MOST": 4000}, GREETING + b"250-x\r\n", 0.0, OutcomeUnknown),
    ],
)
def test_a_mail_server_that_never_ends_its_reply(certificate, monkeypatch, limits, replies, pause, error):
    """S-14: each line comes in time. Before the message nothing was sent; after it, nobody knows (R-10)."""
    for name, value in limits.items():
        monkeypatch.setattr(smtp_module, name, value)
    *good, last = replies.splitlines(keepends=True)

    def serve():
        with contextlib.suppress(OSError), listener.accept()[0] as peer:
            for reply in good:
                peer.sendall(reply)
                peer.recv(65536)
            until = time.monotonic() + 10
            while time.monotonic() < until:
                peer.sendall(last)
                time.sleep(pause)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        box = SimpleNamespace(port=listener.getsockname()[1])
        fails(
            lambda: smtp(box, certificate, host="127.0.0.1", username="", security="none").send(MAIL), error
        )


def test_email_cannot_be_asked_about(mail, certificate):
    """R-10: SMTP cannot tell, and says so."""
    with pytest.raises(OutcomeUnknown):
        smtp(mail, certificate).lookup(MAIL, NOW)


# --- Twilio ---------------------------------------------------------------------------------------------


class FakeTwilio(ThreadingHTTPServer):
    """Twilio's Messages resource over HTTP, as far as it is used: create, list by number, errors."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), FakeTwilioHandler)
        self.sent, self.asked, self.answer, self.status = [], [], None, "queued"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class FakeTwilioHandler(BaseHTTPRequestHandler):
    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.asked.append((self.path, self.headers["Authorization"]))
        message = {
            "sid": f"SM{len(self.server.sent):032x}",
            "to": form["To"][0],
            "from": form.get("From", [None])[0],
            "body": form["Body"][0],
            "status": self.server.status,
            "date_created": "Tue, 24 Nov 2026 15:00:01 +0000",
            "num_segments": "1",
        }
        if self.server.answer == "cut":
            self.server.sent.append(message)
            self.connection.close()
            return
        if self.server.answer:
            self.reply(*self.server.answer)
            return
        self.server.sent.append(message)
        self.reply(201, message)

    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        found = [m for m in reversed(self.server.sent) if m["to"] == query["To"][0]]
        self.reply(
            200, {"messages": found, "page": 0, "page_size": 50, "uri": self.path, "next_page_uri": None}
        )

    def reply(self, status, data):
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def twilio():
    pytest.importorskip("twilio", reason="pip install 'chartside[twilio]'")
    server = FakeTwilio()
    yield server
    server.shutdown()
    server.server_close()


def twilio_channel(server, **changes):
    table = {
        "type": "twilio",
        "recipient": "twilio",
        "account_sid": "AC" + "0" * 32,
        "api_key": "SK" + "1" * 32,
        "auth_token": "kanarienvogel",
        "sender": "+1 518 555 0100",
        "base_url": server.url,
        "timeout": 2,
    }
    return channel("sms", **(table | changes))


def test_twilio_sends(twilio):
    """The form that Twilio documents, with the key's own secret."""
    receipt = twilio_channel(twilio).send(TEXT)
    assert receipt.status is DeliveryStatus.ACCEPTED
    [sent] = twilio.sent
    assert (sent["to"], sent["from"], sent["body"]) == (TEXT.to, "+15185550100", TEXT.body)
    [(path, login)] = twilio.asked
    assert path == f"/2010-04-01/Accounts/AC{'0' * 32}/Messages.json"
    assert login.startswith("Basic ")
    assert twilio_channel(twilio, sender="MG" + "a" * 32).send(TEXT).id


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((400, {"code": 21211, "message": "The 'To' number +13125550142 is not valid"}), MessageRejected),
        ((400, {"code": 21610, "message": "+13125550142 has unsubscribed"}), RecipientStopped),
        ((401, {"code": 20003, "message": "Authenticate"}), ChannelUnavailable),
        ((429, {"code": 20429, "message": "Too many requests"}), ChannelUnavailable),
        ((500, {"code": 20500, "message": "Internal +13125550142"}), OutcomeUnknown),
        ("cut", OutcomeUnknown),
    ],
)
def test_twilio_errors(twilio, answer, error):
    """R-10, R-17, R-12: what each answer means; Twilio's own words, with the number in them, go nowhere."""
    twilio.answer = answer
    fails(lambda: twilio_channel(twilio).send(TEXT), error)


def test_twilio_says_who_texted_stop(twilio):
    """R-6: an opt-out with the provider is told as one, with what to record; no number in it."""
    twilio.answer = (400, {"code": 21610, "message": "+13125550142 has unsubscribed"})
    with pytest.raises(MessageRejected, match=r"stopped texts.*consent opt-out") as caught:
        twilio_channel(twilio).send(TEXT)
    assert "555" not in str(caught.value)


def test_twilio_lookup(twilio):
    """R-10: found by number and text after a cut; absent with certainty only when it would be listed by now."""
    made, since = twilio_channel(twilio), NOW - timedelta(hours=24)
    assert made.lookup(TEXT, since) is None
    with pytest.raises(OutcomeUnknown):
        made.lookup(TEXT, NOW - timedelta(seconds=30))
    twilio.answer = "cut"
    with pytest.raises(OutcomeUnknown):
        made.send(TEXT)
    twilio.answer = None
    assert made.lookup(TEXT, since).id == twilio.sent[0]["sid"]
    assert made.lookup(OutboundMessage(TEXT.to, "Another text", "ref-9"), since) is None
    twilio.sent[0]["status"] = "undelivered"
    assert made.lookup(TEXT, since).status is DeliveryStatus.FAILED


# --- set-up ------------------------------------------------------------------------------------------------


def test_everything_wrong_is_told_at_once():
    """H-2: each with the key's path; no secret is repeated."""
    tables = {
        "sms": {
            "type": "twilio",
            "recipient": "t",
            "account_sid": "kanarienvogel",
            "sender": "x",
            "auth_token": "z",
        },
        "email": {"type": "gateway", "recipient": "g"},
        "pigeon": {"type": "smtp"},
    }
    with pytest.raises(ConfigErrors) as caught:
        open_channels(tables, clock=CLOCK)
    told = str(caught.value)
    paths = {error.path for error in caught.value.errors}
    assert {
        "channels.sms.account_sid",
        "channels.sms.sender",
        "channels.email.type",
        "channels.pigeon",
    } <= paths
    assert "kanarienvogel" not in told


def test_a_second_channel_of_the_same_name_is_refused():
    """The hook hands over classes keyed by name."""

    class Twin(LocalGatewayChannel):
        name = "gateway"

    with pytest.raises(ConfigErrors, match="two channels are called 'gateway'"):
        open_channels({}, [Twin], clock=CLOCK)


def test_reprs_hide_people():
    """R-12, S-8."""
    assert not [s for s in SECRETS if s in repr(MAIL) + repr(TEXT)]
