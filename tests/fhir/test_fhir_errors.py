"""Statuses and OperationOutcomes become typed errors that say nothing of the content (H-4, S-19)."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
import traceback
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.fhir.conftest import FAST

from chartside import errors
from chartside.clock import FrozenClock
from chartside.fhir import FhirClient
from chartside.fhir.answers import retry_after

SECRET = "Zebediah-Quux-555-0199"
OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "processing", "diagnostics": f"no {SECRET}"}],
}
TABLE = [
    (400, "GET", errors.Rejected),
    (401, "GET", errors.Unauthorized),
    (403, "GET", errors.Forbidden),
    (404, "GET", errors.NotFound),
    (405, "PUT", errors.Rejected),
    (409, "PUT", errors.VersionConflict),
    (409, "POST", errors.Rejected),
    (410, "GET", errors.Gone),
    (412, "PUT", errors.VersionConflict),
    (412, "POST", errors.MultipleMatches),
    (422, "POST", errors.Rejected),
    (429, "GET", errors.RateLimited),
    (500, "GET", errors.ServerError),
    (501, "GET", errors.Rejected),
    (503, "GET", errors.ServerError),
    (300, "GET", errors.InvalidAnswer),
    (307, "POST", errors.InvalidAnswer),
]


def ask(client, method):
    if method == "GET":
        return client.read("Patient", "12")
    if method == "POST":
        return client.create({"resourceType": "Patient"}, if_none_exist=f"identifier=x|{SECRET}")
    return client.update({"resourceType": "Patient", "id": "12", "meta": {"versionId": "3"}})


@pytest.mark.parametrize(
    "body", [OUTCOME, b"", b"<html>" + SECRET.encode() + b"</html>"], ids=["fhir", "empty", "html"]
)
@pytest.mark.parametrize(("status", "method", "kind"), TABLE)
def test_a_status_is_an_error_of_its_own_kind(server, client, status, method, kind, body):
    """H-4: with an OperationOutcome, with an empty body, with an HTML page."""
    server.reply(status, body, X_Request_Id="req-7")
    with pytest.raises(errors.FhirError) as caught:
        ask(client, method)
    error = caught.value
    assert type(error) is kind
    assert (error.method, error.resource_type, error.status, error.request_id) == (
        method,
        "Patient",
        status,
        "req-7",
    )
    assert error.issues == ((("error", "processing"),) if body is OUTCOME else ())


@pytest.mark.parametrize(
    ("code", "kind"), [("multiple-matches", errors.MultipleMatches), ("conflict", errors.Rejected)]
)
def test_the_code_of_an_issue_decides_where_the_status_does_not(server, client, code, kind):
    """H-4: some servers answer 400 where FHIR says 412."""
    server.reply(400, {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]})
    with pytest.raises(kind):
        client.create({"resourceType": "Patient"}, if_none_exist="identifier=a|b")


@pytest.mark.parametrize(
    "issues",
    [None, "x", [None], [{"severity": 5, "code": SECRET}], [{"code": "a b"}], [{"severity": "error"}]],
)
def test_a_dirty_operation_outcome_gives_no_issues_and_no_text(server, client, issues):
    """S-19: whatever is no code of FHIR's form is left out."""
    server.reply(422, {"resourceType": "OperationOutcome", "issue": issues})
    with pytest.raises(errors.Rejected) as caught:
        client.read("Patient", "12")
    assert caught.value.issues == ()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", ["a\r\nb: c", "x" * 200, "käse", "a b", ""])
def test_a_request_id_is_plain_or_our_own(server, client, value):
    """S-19: a server's header cannot write into our log."""
    server.reply(404, b"", **({"X_Request_Id": value.replace("\r\n", " ")} if value else {}))
    with pytest.raises(errors.NotFound) as caught:
        client.read("Patient", "12")
    assert len(caught.value.request_id) == 32
    assert caught.value.request_id == server.seen[0].headers["X-Request-Id"]


def test_a_401_for_want_of_scope_is_forbidden(server, client):
    """H-4: another token would not mend it (RFC 6750)."""
    server.reply(401, b"", WWW_Authenticate='Bearer error="insufficient_scope"')
    with pytest.raises(errors.Forbidden):
        client.read("Patient", "12")


def test_nothing_of_the_content_is_in_errors_logs_and_tracebacks(server, client, nowhere, caplog):
    """S-8, S-19: ids, query values, diagnostics and the causes that requests would chain."""
    caplog.set_level(logging.DEBUG)
    server.reply(400, OUTCOME)
    told = []
    for act in (
        lambda: list(client.search("Patient", {"name": SECRET})),
        lambda: client.read("Patient", SECRET),
        lambda: client.create({"resourceType": "Patient", "id": SECRET}, if_none_exist={"name": SECRET}),
    ):
        with pytest.raises(errors.FhirError) as caught:
            act()
        told += traceback.format_exception(caught.value)
    client = FhirClient(nowhere, retries=FAST)
    for act in (
        lambda: list(client.search("Patient", {"name": SECRET})),
        lambda: client.read("Patient", SECRET),
    ):
        with pytest.raises(errors.FhirError) as caught:
            act()
        assert caught.value.__context__ is None or SECRET not in repr(caught.value.__context__)
        told += traceback.format_exception(caught.value)
    assert SECRET not in "".join(told) + caplog.text
    assert "GET Patient 400" in caplog.text


def test_retry_after_in_seconds_and_as_a_date():
    from datetime import UTC, datetime

    now = FrozenClock(datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)).now()
    assert retry_after("7", now) == 7.0
    assert retry_after("Tue, 24 Nov 2026 12:00:30 GMT", now) == 30.0
    assert retry_after("Tue, 24 Nov 2026 11:00:30 GMT", now) == 0.0
    assert retry_after("soon", now) is None
    assert retry_after("", now) is None


def test_an_error_says_which_server_it_was(server):
    """Of a practice's two servers, whoever mends it must know which."""
    server.reply(503)
    with (
        FhirClient(server.url, retries=FAST, name="the companion server") as client,
        pytest.raises(errors.ServerError) as caught,
    ):
        client.read("Patient", "1")
    assert caught.value.server == "the companion server"


def certificate(folder):
    """A self-signed certificate of an hour that lies behind."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    day = datetime(2020, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, day, day + timedelta(hours=1))
    path = folder / "server.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(pem + made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    return path


@pytest.fixture
def over_tls(tmp_path):
    """A port on which a server shows an expired certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    with contextlib.suppress(ssl.SSLError), listening.accept()[0] as taken:
                        context.wrap_socket(taken, server_side=True).close()

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def test_a_certificate_that_is_refused_is_told(over_tls):
    """Errors say what is wrong: a certificate is mended elsewhere than a server that is down."""
    expected = pytest.raises(errors.Unreachable, match=r"certificate is refused \(.*certificate.*\)")
    with FhirClient(f"https://127.0.0.1:{over_tls}/fhir", retries=FAST) as client, expected as told:
        client.read("Patient", SECRET)
    assert SECRET not in str(told.value)


def test_a_name_that_nobody_has_is_told(monkeypatch):
    """So is a base URL with a slip in the machine's name."""

    def unknown(*_asked):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    expected = pytest.raises(errors.Unreachable, match="name is not known")
    with FhirClient("https://ehr.invalid/fhir", retries=FAST) as client, expected:
        client.read("Patient", SECRET)
