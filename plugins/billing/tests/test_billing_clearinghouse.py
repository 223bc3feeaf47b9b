"""The way to the clearinghouse and back: transports, acknowledgements, payments, denials, the next payer."""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import paramiko
import pytest
from fhir.resources.R4B.documentreference import DocumentReference
from fhir.resources.R4B.paymentreconciliation import PaymentReconciliation
from fhir.resources.R4B.task import Task
from urllib3.exceptions import ProtocolError

from chartside.clock import FrozenClock
from chartside.errors import ChannelUnavailable, ConfigError, InputError, MessageRejected, OutcomeUnknown
from chartside_billing.clearinghouse import Answer, Clearinghouse, LocalClearinghouse
from chartside_billing.clearinghouse.answers import write_271, write_835
from chartside_billing.clearinghouse.base import interchange_number
from chartside_billing.clearinghouse.desk import Worked, read, work_in
from chartside_billing.clearinghouse.http import HttpAccount, HttpClearinghouse
from chartside_billing.clearinghouse.sftp import SftpAccount, SftpClearinghouse
from chartside_billing.evening.receive import as_document
from chartside_billing.model import Adjustment, Claim, Insurance
from chartside_billing.x12.acks import read_277, read_999
from chartside_billing.x12.example import claim
from chartside_billing.x12.read837 import read_837
from chartside_billing.x12.remit import PaidClaim, Remittance, balance, read_835, second_opinion
from chartside_billing.x12.remit_fhir import Matched, denied, match, work_items
from chartside_billing.x12.secondary import secondary_claim
from chartside_billing.x12.validate import check_all
from chartside_billing.x12.write270 import Inquiry, write_270
from chartside_billing.x12.write837 import Control, write_837

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
CONTROL = Control(
    created=datetime(2026, 11, 24, 20, 0), interchange=12, group=12, transaction=12, reference="B12"
)


def numbered(count: int) -> list[Claim]:
    return [replace(claim(), id=f"ACC{n:04}") for n in range(count)]


def ours(claims: list[Claim]) -> list[Matched]:
    return [Matched(f"Claim/{c.id.lower()}", c.id, f"Patient/p{c.id[3:]}", c.total) for c in claims]


def evening(folder: Path, claims: list[Claim]) -> list[Worked]:
    house = LocalClearinghouse(folder, FrozenClock(NOW))
    house.submit("a.837", write_837(claims, control=CONTROL).data)
    return [work_in(read(answer), ours(claims), now=NOW, appeal_days=90) for answer in house.fetch()]


def test_the_local_house_answers_999_277ca_and_835(tmp_path: Path) -> None:
    """Issue 4: a local clearinghouse for the demo; every claim is accounted for and the sums balance."""
    claims = numbered(40)
    house = LocalClearinghouse(tmp_path, FrozenClock(NOW))
    house.submit("a.837", write_837(claims, control=CONTROL).data)
    first, second, third = house.fetch()
    assert [g.status for g in read_999(first.data)] == ["A"]
    (report,) = read_277(second.data)
    assert [item.reference for item in report.claims] == [c.id for c in claims]
    (remittance,) = read_835(third.data)
    assert [c.id for c in remittance.claims] == [c.id for c in claims]
    assert balance(remittance) == []
    assert second_opinion(third.data) == []
    assert 0 < sum(denied(c) for c in remittance.claims) < 20


def test_a_file_submitted_again_is_answered_once(tmp_path: Path) -> None:
    """Doing it twice does it once."""
    house, data = LocalClearinghouse(tmp_path, FrozenClock(NOW)), write_837(numbered(3), control=CONTROL).data
    house.submit("a.837", data)
    for answer in list(house.fetch()):
        house.done(answer)
    house.submit("a.837", data)
    assert list(house.fetch()) == []


def test_an_interchange_number_is_not_used_twice() -> None:
    """EDI-002: ISA13 is another one each second, and for claims and questions of the same second."""
    moments = [NOW + timedelta(seconds=n) for n in range(1000)]
    numbers = [interchange_number(at, kind) for at in moments for kind in ("837", "270")]
    assert len(set(numbers)) == 2000
    assert all(0 < number < 1_000_000_000 for number in numbers)


def test_a_file_that_is_no_837p_is_rejected_by_999(tmp_path: Path) -> None:
    """pyx12 judges what the local house takes."""
    house = LocalClearinghouse(tmp_path, FrozenClock(NOW))
    broken = write_837(numbered(1), control=CONTROL).data.replace(b"CLM*", b"CLM**", 1)
    house.submit("bad.837", broken)
    (worked,) = [work_in(read(answer), [], now=NOW) for answer in house.fetch()]
    (task,) = worked.tasks
    assert "rejected" in task["description"]


def test_the_evening_gives_a_reconciliation_and_denial_tasks_once(tmp_path: Path) -> None:
    """ERA-004, S-20: the same mail worked in twice gives the same identifiers; resources are valid R4."""
    claims = numbered(40)
    once, twice = evening(tmp_path / "a", claims), evening(tmp_path / "a", claims)
    assert [w.reconciliations for w in once] == [w.reconciliations for w in twice]
    assert [w.tasks for w in once] == [w.tasks for w in twice]
    (reconciliation,) = [r for w in once for r in w.reconciliations]
    PaymentReconciliation.model_validate(reconciliation)
    assert len(reconciliation["detail"]) == 40
    assert all(d["request"]["reference"].startswith("Claim/acc") for d in reconciliation["detail"])
    tasks = [t for w in once for t in w.tasks]
    assert tasks
    for task in tasks:
        Task.model_validate(task)
        assert task["focus"]["reference"].startswith("Claim/")
        assert task["restriction"]["period"]["end"] == "2027-03-08"
    assert len({t["identifier"][0]["value"] for t in tasks}) == len(tasks)


def test_an_835_can_stay_as_a_document(tmp_path: Path) -> None:
    """billing.md: where the EHR stores no such resource, the answers stay as DocumentReferences."""
    worked = evening(tmp_path, numbered(3))[-1]
    document = as_document(worked.reconciliations, worked.answer)
    DocumentReference.model_validate(document)
    assert (
        read_835(base64.b64decode(document["content"][0]["attachment"]["data"]))[0].claims[0].id == "ACC0000"
    )
    assert document["identifier"] == worked.reconciliations[0]["identifier"]


def test_a_rejected_claim_of_a_277ca_becomes_a_task(tmp_path: Path) -> None:
    """ACK-001: A7 becomes a work item on the claim."""
    claims = numbered(2)
    assert claims[1].billing is not None
    claims[1] = replace(claims[1], billing=replace(claims[1].billing, id="1234567890"))
    worked = evening(tmp_path, claims)
    tasks = [t for w in worked if w.kind == "277" for t in w.tasks]
    assert [t["focus"]["reference"] for t in tasks] == ["Claim/acc0001"]


def test_an_answer_that_cannot_be_read_is_set_aside() -> None:
    """Fail soft in jobs: it is named, the rest goes on."""
    good = write_835(Remittance(trace="1", payer_id="P"), created=NOW)
    first, second = (
        work_in(read(answer), [], now=NOW) for answer in (Answer("x", b"hello"), Answer("y", good))
    )
    assert "does not begin with ISA" in first.problem
    assert (second.problem, len(second.reconciliations)) == ("", 1)


def test_an_835_delivered_again_in_another_envelope_is_the_same_payment(tmp_path: Path) -> None:
    """Nothing is posted twice: payer, payee, trace, day and sum make the payment, not ISA13."""
    house = LocalClearinghouse(tmp_path, FrozenClock(NOW))
    house.submit("a.837", write_837(numbered(3), control=CONTROL).data)
    data = list(house.fetch())[-1].data
    once = work_in(read(Answer("a", data)), [], now=NOW)
    (interchange,) = re.findall(rb"IEA\*1\*(\d{9})", data)
    again = work_in(read(Answer("b", data.replace(interchange, b"000999999"))), [], now=NOW)
    assert again.reconciliations[0]["identifier"] == once.reconciliations[0]["identifier"]
    assert [t["identifier"] for t in again.tasks] == [t["identifier"] for t in once.tasks]
    other = data.replace(b"TRN*1*", b"TRN*1*9", 1)
    assert work_in(read(Answer("c", other)), [], now=NOW).reconciliations != once.reconciliations


def test_what_is_no_answer_to_us_is_set_aside_and_stays(tmp_path: Path) -> None:
    """Nothing is lost: a claim file, and a 271 to a question that is not ours, are named and not taken away."""
    claims = work_in(read(Answer("a", write_837(numbered(1), control=CONTROL).data)), [], now=NOW)
    assert claims.problem == "a 837 is no answer"
    one = claim()
    assert one.insurance.payer is not None
    assert one.billing is not None
    assert one.insurance.subscriber is not None
    asked = Inquiry(one.insurance.payer, one.billing, one.insurance.subscriber, NOW.date(), "r1")
    data = write_271(write_270([asked], created=NOW, control=3), created=NOW, active=lambda _: True)
    assert "does not stand in the EHR" in work_in(read(Answer("b", data)), [], now=NOW).problem


def test_a_remittance_that_does_not_balance_makes_one_task(tmp_path: Path) -> None:
    """ERA-001: not one for each of its hundreds of places; seen in public files."""
    house = LocalClearinghouse(tmp_path, FrozenClock(NOW), lambda _: ("", ""))
    house.submit("a.837", write_837(numbered(20), control=CONTROL).data)
    broken = (
        list(house.fetch())[-1]
        .data.replace(b"*CO*45*30", b"*CO*45*29")
        .replace(b"CAS*CO*45*30", b"CAS*CO*45*29")
    )
    worked = work_in(read(Answer("a", broken)), ours(numbered(20)), now=NOW)
    (task,) = [t for t in worked.tasks if "does not balance" in t["description"]]
    assert "more" in task["description"]
    assert worked.reconciliations[0]["outcome"] == "partial"


def test_matching_is_to_exactly_one_claim() -> None:
    """ERA-002: by our number, else by the payer's; none or several are a work item."""
    paid = PaidClaim(id="acc1", charge=Decimal(100), payer_claim_number="P9", where="segment 9 CLP")
    one, two = Matched("Claim/1", "ACC1", total=Decimal(100)), Matched("Claim/2", "ACC1", total=Decimal(90))
    assert match(paid, [one]) == [one]
    assert match(paid, [one, two]) == [one]
    assert match(replace(paid, id="X"), [replace(one, number="Z", payer_claim_number="P9")])
    assert match(replace(paid, id="X"), [one]) == []
    remittance = Remittance(trace="1", claims=[paid])
    texts = [t["description"] for t in work_items(remittance, {}, now=NOW)]
    assert any("matches no claim of ours" in text for text in texts)


def test_takebacks_and_wrong_sums_are_work_items() -> None:
    """ERA-001, ERA-003."""
    back = PaidClaim(id="A", status="22", charge=Decimal(-100), paid=Decimal(-80), where="segment 9 CLP")
    remittance = Remittance(amount=Decimal(5), trace="1", claims=[back])
    texts = " ".join(
        t["description"] for t in work_items(remittance, {back.where: [Matched("Claim/1", "A")]}, now=NOW)
    )
    assert "Takeback of -$80.00" in texts
    assert "does not balance" in texts


def test_what_is_denied_and_what_is_only_unpaid() -> None:
    """A deductible or a contract is no denial; a zero line for another reason is."""

    def paid(*adjustments: Adjustment) -> PaidClaim:
        found = PaidClaim(id="A", status="1", charge=Decimal(100))
        found.adjustments = list(adjustments)
        return found

    hundred = Decimal(100)
    assert not denied(paid(Adjustment("PR", "1", hundred)))
    assert not denied(paid(Adjustment("CO", "45", hundred)))
    assert denied(paid(Adjustment("CO", "197", hundred)))
    assert denied(replace(paid(Adjustment("PR", "27", hundred)), status="4"))


def test_an_835_is_written_and_read_back() -> None:
    """What the model holds survives the writer, on the published files."""
    remittance = Remittance(
        amount=Decimal("60"),
        credit_or_debit="C",
        method="CHK",
        paid_on=date(2026, 11, 20),
        trace="77",
        payer_tax_id="1999999999",
        produced=date(2026, 11, 19),
        payer_name="ACME",
        payer_id="60054",
        payee_name="ELM",
        payee_npi="1234567893",
    )
    (again,) = read_835(write_835(remittance, created=NOW))
    blank = {"interchange": "", "control": "", "where": "", "test": False}
    assert replace(again, **blank) == replace(remittance, **blank)  # type: ignore[arg-type]


def test_the_next_payer_s_claim_carries_what_the_first_decided(tmp_path: Path) -> None:
    """COB-001, COB-002: 2320 paid amount, 2430 with reasons that balance; both validators pass it."""
    first = replace(claim(), others=[Insurance("S", "18", filing="CI", assignment="Y", release="Y")])
    first.others[0].subscriber = first.insurance.subscriber
    first.others[0].payer = replace(claim().insurance.payer, last="SECOND PLAN", id="22222")  # type: ignore[type-var]
    house = LocalClearinghouse(tmp_path, FrozenClock(NOW), lambda _: ("", ""))
    house.submit("a.837", write_837([claim()], control=CONTROL).data)
    (remittance,) = read_835(list(house.fetch())[-1].data)
    after = secondary_claim(first, remittance.claims[0], remittance)
    assert after.insurance.payer is not None
    assert (after.insurance.payer.id, after.insurance.sequence) == ("22222", "S")
    assert after.created is None  # made now: the decision is no later than the claim
    (other,) = after.others
    assert other.paid() == Decimal(100)
    (decision,) = after.lines[0].adjudications
    assert decision.paid is not None
    assert decision.paid + sum(a.amount for a in decision.adjustments) == Decimal(150)
    written = write_837([after], control=CONTROL)
    assert check_all(written.data) == []
    assert read_837(written.data)[0].others[0].paid() == Decimal(100)
    assert first.insurance.payer is not None
    assert first.insurance.payer.id == "60054"
    with pytest.raises(InputError, match="no further payer"):
        secondary_claim(claim(), remittance.claims[0], remittance)


class _House(BaseHTTPRequestHandler):
    """A clearinghouse's file API, as small as it can be."""

    files: dict[str, bytes]
    answers: dict[str, bytes]
    status: int

    def do_POST(self) -> None:
        name = parse_qs(urlsplit(self.path).query)["name"][0]
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] == "Bearer t0ken" and type(self).status == 201:
            type(self).files[name] = data
        self.send_response(type(self).status)
        self.send_header("Location", f"/elsewhere?name={name}")
        self.end_headers()

    def do_GET(self) -> None:
        name = urlsplit(self.path).path.removeprefix("/answers").strip("/")
        if name and not type(self).answers[name]:
            self.send_response(404)
            self.end_headers()
            return
        body = type(self).answers[name] if name else json.dumps(sorted(type(self).answers)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_DELETE(self) -> None:
        type(self).answers.pop(urlsplit(self.path).path.removeprefix("/answers/"))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def http_house() -> Iterator[tuple[type[_House], HttpClearinghouse]]:
    handler = type("Handler", (_House,), {"files": {}, "answers": {"r.835": b"ISA..."}, "status": 201})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield handler, HttpClearinghouse(HttpAccount(f"http://127.0.0.1:{server.server_port}", "t0ken"))
    server.shutdown()
    server.server_close()


def exchange(house: Clearinghouse) -> list[Answer]:
    house.submit("chartside-000000012.837", b"ISA*...")
    answers = list(house.fetch())
    for answer in answers:
        house.done(answer)
    assert list(house.fetch()) == []
    return answers


def test_http_upload_and_collection(http_house: tuple[type[_House], HttpClearinghouse]) -> None:
    """Issue 4: HTTP upload, against a real server."""
    handler, house = http_house
    assert exchange(house) == [Answer("r.835", b"ISA...")]
    assert handler.files == {"chartside-000000012.837": b"ISA*..."}


@pytest.mark.parametrize(
    ("status", "error"), [(400, MessageRejected), (503, ChannelUnavailable), (500, OutcomeUnknown)]
)
def test_http_failures_are_told_apart(
    http_house: tuple[type[_House], HttpClearinghouse], status: int, error: type[Exception]
) -> None:
    """Refused, not arrived, and nobody knows are three things."""
    handler, house = http_house
    handler.status = status
    with pytest.raises(error):
        house.submit("a", b"x")


def test_http_never_follows_to_another_place(http_house: tuple[type[_House], HttpClearinghouse]) -> None:
    """S-18: the registered host gets the file, or nobody; a redirect that keeps the body is a refusal."""
    handler, house = http_house
    handler.status = 307
    with pytest.raises(MessageRejected, match="307"):
        house.submit("a", b"x")
    assert handler.files == {}


def test_claims_take_no_way_that_the_environment_names(
    http_house: tuple[type[_House], HttpClearinghouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-18: a proxy of the environment is not the registered recipient."""
    handler, house = http_house
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    house.submit("a", b"x")
    assert handler.files == {"a": b"x"}


def test_nothing_was_sent_where_nobody_listens(unused: int) -> None:
    """A refused connection is no unknown outcome: the claims go with the next run, without a person."""
    with pytest.raises(ChannelUnavailable):
        HttpClearinghouse(HttpAccount(f"http://127.0.0.1:{unused}", "t")).submit("a", b"x")


@pytest.fixture
def unused() -> Iterator[int]:
    """A port that is bound, so that nobody else takes it, and does not listen."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_one_answer_that_cannot_be_had_holds_up_no_other(
    http_house: tuple[type[_House], HttpClearinghouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail soft: it is named and stays; so is one that is larger than any remittance."""
    handler, house = http_house
    handler.answers = {"a.835": b"", "b.999": b"ISA...", "c.835": b"x" * 100}
    monkeypatch.setattr("chartside_billing.clearinghouse.http.MAX_BYTES", 99)
    found = {answer.name: read(answer) for answer in house.fetch()}
    assert list(found) == ["a.835", "b.999", "c.835"]
    assert "404" in found["a.835"].problem
    assert "larger than any remittance" in found["c.835"].problem


def test_claims_never_travel_in_the_clear() -> None:
    """https only."""
    with pytest.raises(ConfigError, match="https"):
        HttpClearinghouse(HttpAccount("http://clearinghouse.example", "t"))


class _Login(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        good = (username, password) == ("elm", "s3cret")
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class _Files(paramiko.SFTPServerInterface):
    root: Path
    cut = False
    """Whether the line is cut when a file has got its name."""
    line: paramiko.Transport

    def _real(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def list_folder(self, path: str) -> Any:
        return [paramiko.SFTPAttributes.from_stat(p.stat(), p.name) for p in self._real(path).iterdir()]

    def stat(self, path: str) -> Any:
        if not self._real(path).exists():
            return paramiko.SFTP_NO_SUCH_FILE
        return paramiko.SFTPAttributes.from_stat(self._real(path).stat())

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        handle = paramiko.SFTPHandle(flags)
        mode = "wb" if flags & 1 else "rb"
        file = self._real(path).open(mode)
        handle.readfile = handle.writefile = file  # type: ignore[attr-defined]
        handle.stat = lambda: self.stat(path)  # type: ignore[method-assign]
        return handle

    def rename(self, oldpath: str, newpath: str) -> int:
        self._real(oldpath).rename(self._real(newpath))
        if self.cut:
            self.line.close()
        return paramiko.SFTP_OK

    def remove(self, path: str) -> int:
        self._real(path).unlink()
        return paramiko.SFTP_OK


@pytest.fixture(scope="module")
def host_key() -> paramiko.RSAKey:
    return paramiko.RSAKey.generate(2048)


@pytest.fixture
def sftp_house(tmp_path: Path, host_key: paramiko.RSAKey) -> Iterator[tuple[Path, SftpAccount]]:
    """A real SSH server on this machine."""
    key = host_key
    for folder in ("in", "out"):
        (tmp_path / "root" / folder).mkdir(parents=True)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    files = type("Files", (_Files,), {"root": tmp_path / "root"})

    lines: list[paramiko.Transport] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            lines.append(transport)
            transport.add_server_key(key)
            files.line = transport  # type: ignore[attr-defined]
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, files)
            # with an event it does not wait here for a client, which may hang up first (EOFError)
            transport.start_server(threading.Event(), _Login())

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    hosts = tmp_path / "known_hosts"
    hosts.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
    yield tmp_path / "root", SftpAccount("127.0.0.1", "elm", hosts, password="s3cret", port=port)
    listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
    listener.close()
    server.join()
    for line in lines:
        line.close()


def test_sftp_drop_and_collection(sftp_house: tuple[Path, SftpAccount]) -> None:
    """Issue 4: SFTP drop, against a real SSH server; no half-written file is ever visible under its name."""
    root, account = sftp_house
    (root / "out" / "r.835").write_bytes(b"ISA...")
    assert exchange(SftpClearinghouse(account)) == [Answer("r.835", b"ISA...")]
    assert [p.name for p in (root / "in").iterdir()] == ["chartside-000000012.837"]


def test_sftp_overwrites_no_file_of_ours(sftp_house: tuple[Path, SftpAccount]) -> None:
    """Two runs in one second: the first one's claims are not lost."""
    root, account = sftp_house
    house = SftpClearinghouse(account)
    house.submit("a.837", b"first")
    with pytest.raises(MessageRejected, match="there already"):
        house.submit("a.837", b"second")
    assert (root / "in" / "a.837").read_bytes() == b"first"


def test_a_line_that_is_cut_at_the_end_leaves_the_outcome_unknown(
    sftp_house: tuple[Path, SftpAccount], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file may have got its name: it must not be sent again blindly, whatever the error is called."""
    root, account = sftp_house
    monkeypatch.setattr(_Files, "cut", True)
    with pytest.raises(OutcomeUnknown):
        SftpClearinghouse(account).submit("a.837", b"x")
    assert (root / "in" / "a.837").exists()


def test_an_sftp_server_that_is_not_known_is_refused(
    sftp_house: tuple[Path, SftpAccount], tmp_path: Path
) -> None:
    """The server's key is pinned."""
    _, account = sftp_house
    empty = tmp_path / "none"
    empty.write_text("")
    with pytest.raises(ChannelUnavailable, match="SSHException"):
        SftpClearinghouse(replace(account, known_hosts=empty)).submit("a", b"x")


def test_the_next_payer_s_claim_says_who_the_patient_is_to_each_member(tmp_path: Path) -> None:
    """A child under one parent's plan, then under the other's, then under its own: SBR02, PAT01 and 2000C agree."""
    child = claim(dependent=True)
    other = Insurance("S", "19", filing="CI", assignment="Y", release="Y")
    other.subscriber = child.insurance.subscriber
    other.payer = replace(child.insurance.payer, last="SECOND PLAN", id="22222")  # type: ignore[type-var]
    house = LocalClearinghouse(tmp_path, FrozenClock(NOW), lambda _: ("", ""))
    house.submit("a.837", write_837([child], control=CONTROL).data)
    (remittance,) = read_835(list(house.fetch())[-1].data)
    for relationship, patient, sbr02 in (("19", child.patient, ""), ("18", None, "18")):
        first = replace(child, others=[replace(other, relationship=relationship)])
        after = secondary_claim(first, remittance.claims[0], remittance)
        assert after.others[0].relationship == "19"
        assert (after.patient, after.insurance.relationship) == (patient, sbr02)
        assert check_all(write_837([after], control=CONTROL).data) == []
    own = replace(claim(), others=[other])
    with pytest.raises(InputError, match="another patient"):
        secondary_claim(own, remittance.claims[0], remittance)
    paid = replace(remittance.claims[0], first="")
    after = secondary_claim(own, paid, remittance)
    assert (after.others[0].relationship, after.insurance.relationship) == ("18", "")
    assert after.patient is not None
    assert (after.patient.id, after.patient_relationship) == ("", "19")
    assert check_all(write_837([after], control=CONTROL).data) == []


def test_an_answer_that_breaks_off_is_named_and_stays(
    http_house: tuple[type[_House], HttpClearinghouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    """urllib3's own errors, which come while the body is read."""
    _, house = http_house

    def cut(*_: Any, **__: Any) -> bytes:
        raise ProtocolError("connection broken")

    monkeypatch.setattr("urllib3.response.HTTPResponse.read", cut)
    with pytest.raises(ChannelUnavailable, match="ProtocolError"):
        list(house.fetch())
