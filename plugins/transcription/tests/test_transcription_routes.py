"""The routes under /transcription: upload by chunks and review, on a real server, with hostile callers (T-1, T-9)."""

from __future__ import annotations

import io
import socket
import sys
import time
import wave
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests
from starlette.responses import JSONResponse

from chartside.clock import FrozenClock
from chartside.codes import (
    CONSENT_SCOPE_SYSTEM,
    CONSENT_TYPE_SYSTEM,
    PURPOSE_SYSTEM,
    ConsentType,
    coding,
)
from chartside.errors import ConsentRefused
from chartside.loopback import serving
from chartside.serve import pages
from chartside.testing.ehr import running_ehr
from chartside.testing.hosts import host_for
from chartside.testing.plugin import NOW
from chartside_transcription import bodies

pytest.importorskip("av", reason="pip install 'chartside[transcription]'")
FIRST, SECOND = "Practitioner/clinician-001", "Practitioner/clinician-002"
TOKENS = {FIRST: "f" * 40, SECOND: "s" * 40}
ALLOWED, REFUSED = "Patient/routes-1", "Patient/routes-2"


@pytest.fixture(scope="module")
def world(asr_server):
    """A served host with consent and transcription, recognising at a server on this machine; its URL and the EHR."""
    clock = FrozenClock(NOW)
    transcription = {
        "enabled": True,
        "engine": "openai-endpoint",
        "recipient": "asr",
        "reviewers": TOKENS,
    }
    outbound = {"asr": {"kind": "asr", "address": asr_server.url, "local": True, "data_classes": ["audio"]}}
    with running_ehr(clock, {"clients": 2}) as ehr:
        for reference in (ALLOWED, REFUSED):
            ehr.put(
                {"resourceType": "Patient", "id": reference.partition("/")[2], "address": [{"state": "NY"}]}
            )
        for id in ("clinician-001", "clinician-002"):
            ehr.put({"resourceType": "Practitioner", "id": id, "active": True})
        for kind in (ConsentType.RECORDING, ConsentType.AI_USE):
            consent(ehr, ALLOWED, kind)
        consent(ehr, REFUSED, ConsentType.RECORDING)
        plugins = {"consent": {"enabled": True}, "transcription": transcription}
        with host_for(ehr, clock, plugins=plugins, outbound=outbound) as host, serving(pages(host)) as url:
            yield f"{url}/transcription", ehr, host


@pytest.fixture(autouse=True)
def answers(asr_server):
    asr_server.answer = lambda: JSONResponse(asr_server.verbose())


def consent(ehr, patient, kind, *, status="active", **provision):
    ehr.put(
        {
            "resourceType": "Consent",
            "id": f"{patient.partition('/')[2]}-{kind.value}",
            "status": status,
            "scope": {"coding": [coding(CONSENT_SCOPE_SYSTEM, "patient-privacy")]},
            "category": [{"coding": [coding(CONSENT_TYPE_SYSTEM, kind.value)]}],
            "patient": {"reference": patient},
            "dateTime": "2026-10-01T10:00:00Z",
            "performer": [{"reference": patient}],
            "policy": [{"uri": "https://example.org/policy"}],
            "provision": {"type": "permit", **provision},
        }
    )


class Caller:
    """A reviewer's client."""

    def __init__(self, url, who=FIRST):
        self.url, self.headers = url, {"Authorization": f"Bearer {TOKENS[who]}"}

    def __call__(self, method, path, **more):
        headers = {**self.headers, **more.pop("headers", {})}
        return requests.request(method, f"{self.url}{path}", headers=headers, timeout=20, **more)


@pytest.fixture
def call(world):
    return Caller(world[0])


@pytest.fixture(scope="module")
def sound(talk):
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.asarray(talk[: 16_000 * 6], "<i2").tobytes())
    return held.getvalue()


def recorded(call, sound, size=60_000):
    """Record, end, wait; the draft's id."""
    started = call("POST", "/sessions", json={"client": ALLOWED, "speakers": 1})
    assert started.status_code == 201, started.text
    assert "review" in started.json()["duties"]
    path = f"/sessions/{started.json()['id']}"
    for at in range(0, len(sound), size):
        assert call("POST", f"{path}/chunks", data=sound[at : at + size]).status_code == 202
    assert call("POST", f"{path}/end").json()["state"] in ("ending", "filing", "done")
    return ended(call, path)


def ended(call, path):
    for _ in range(300):
        state = call("GET", path).json()
        if state["state"] in ("done", "failed"):
            return state
        time.sleep(0.05)
    raise AssertionError(state)


def test_from_chunks_to_a_signed_note(world, call, sound):
    """The whole way by HTTP: start, chunks, end, list, read, edit, changes, sign, amend."""
    _, ehr, _ = world
    state = recorded(call, sound)
    assert state["state"] == "done", state
    draft = f"/drafts/{state['draft']}"
    assert state["draft"] in [d["id"] for d in call("GET", "/drafts").json()["drafts"]]
    read = call("GET", f"{draft}/text")
    assert read.headers["cache-control"] == "no-store"
    text, stale = read.json()["text"], tag(call, draft)
    assert "hours a night" in text
    other = text.replace("night", "night in all").encode()
    assert call("PUT", f"{draft}/text", data=other, headers=stale).status_code == 204
    [change] = call("GET", f"{draft}/changes").json()["changes"]
    assert change["editor"] == FIRST
    nothing_unread(call, draft, ("PUT", "text"), ("POST", "sign"), ("POST", "swap"), ("POST", "discard"))
    assert ehr.read(*state["draft"].split("/"))["docStatus"] == "preliminary"
    assert call("POST", f"{draft}/swap", headers=tag(call, draft)).status_code == 204
    assert call("POST", f"{draft}/sign", headers=tag(call, draft)).json() == {"document": state["draft"]}
    assert ehr.read(*state["draft"].split("/"))["docStatus"] == "final"
    changed = call("PUT", f"{draft}/text", data=b"changed after signing", headers=tag(call, draft))
    assert changed.status_code == 403
    nothing_unread(call, draft, ("POST", "amend"))
    amended = call("POST", f"{draft}/amend", data=b"Amended: seven hours a night.", headers=tag(call, draft))
    assert ehr.read(*amended.json()["document"].split("/"))["docStatus"] == "amended"


def tag(call, draft):
    """``If-Match`` with the version that stands there."""
    return {"If-Match": call("GET", f"{draft}/text").headers["etag"]}


def nothing_unread(call, draft, *acts):
    """T-9: no change without the version read (428), nor of another one than stands there (412)."""
    for method, act in acts:
        for given, status in (("", 428), ("*", 428), ('"another"', 412), ('W/"another"', 412)):
            answer = call(
                method, f"{draft}/{act}", data=b"Not read at all, this one.", headers={"If-Match": given}
            )
            assert answer.status_code == status, act


@pytest.mark.slow
def test_no_sound_touches_the_disk(world, call, sound):
    """T-2: nothing is opened for writing in this process while a megabyte is uploaded, but the audit trail."""
    opened: list[str] = []
    watching = True

    def hook(event, arguments):
        if watching and event == "open":
            path, mode, flags = arguments
            writes = (mode and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & 3)
            if writes and isinstance(path, str | bytes):
                opened.append(str(path))

    sys.addaudithook(hook)
    assert recorded(call, sound + b"\0" * 900_000, size=900_000)["state"] == "done"
    watching = False
    assert [path for path in opened if "audit.jsonl" not in path and path != "/dev/null"] == []


def test_nobody_without_a_token_gets_in(world):
    """Every route asks, and tells nothing: not even whether an id exists."""
    url, _, _ = world
    for method, path in (
        ("POST", "/sessions"),
        ("GET", "/sessions/x"),
        ("POST", "/sessions/x/chunks"),
        ("POST", "/sessions/x/end"),
        ("GET", "/drafts"),
        ("GET", "/drafts/DocumentReference/1/text"),
        ("PUT", "/drafts/DocumentReference/1/text"),
        ("GET", "/drafts/DocumentReference/1/changes"),
        ("POST", "/drafts/DocumentReference/1/sign"),
    ):
        for value in (
            "",
            "Bearer",
            "Bearer ",
            "Bearer wrong",
            f"Basic {'f' * 40}",
            "Bearer " + "f" * 39,
            "Bearer \xff",
        ):
            headers = {"Authorization": value.encode("latin-1")} if value else {}
            answer = requests.request(method, f"{url}{path}", headers=headers, timeout=10)
            assert (answer.status_code, answer.json()) == (401, {"error": "not signed in"})


def test_another_sites_page_gets_nowhere(world, call):
    """No cookie, so nothing that a browser adds by itself: a forged or rebound request is not signed in.

    With a token that a page got hold of, a browser still tells that another site asks; no answer may be read there.
    """
    url, _, _ = world
    evil = {"Host": "evil.example", "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for method, path in (
        ("GET", "/drafts"),
        ("POST", "/sessions"),
        ("POST", "/drafts/DocumentReference/1/sign"),
    ):
        answer = requests.request(method, f"{url}{path}", headers=evil, cookies={"a": "b"}, timeout=10)
        assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
        assert call(method, path, headers=evil).status_code == 403
    asked = {
        **evil,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization",
    }
    preflight = requests.options(f"{url}/drafts/DocumentReference/1/text", headers=asked, timeout=10)
    assert preflight.status_code == 405
    rebound = requests.get(f"{url}/drafts", headers={"Host": "evil.example"}, timeout=10)
    assert rebound.status_code == 401
    for one in (preflight, rebound, call("GET", "/drafts")):
        assert not [name for name in one.headers if name.lower().startswith("access-control-")]


def test_every_answer_is_private(world, call):
    """No cache keeps it, no page frames it, no script in it runs, no address of ours is told on; errors, too."""
    url, _, _ = world
    for answer in (
        call("GET", "/drafts"),
        call("GET", "/sessions/none"),
        call("GET", "/drafts/DocumentReference/none/text"),
        call("POST", "/sessions", data=b"{"),
        requests.get(f"{url}/drafts", timeout=10),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'; frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] == "application/json"


def test_no_address_names_a_client(call):
    """No PHI in URLs: whose drafts are wanted stands in the body."""
    told = call("GET", f"/drafts?patient={ALLOWED}")
    assert (told.status_code, "POST /drafts/search" in told.json()["error"]) == (400, True)
    assert call("POST", "/drafts/search", json={"patient": ALLOWED}).status_code == 200
    for wrong in ({"patient": "Patient/1&_id=2"}, {"patient": ""}, {}, {"patient": ALLOWED, "x": 1}):
        assert call("POST", "/drafts/search", json=wrong).status_code == 400


def test_what_is_not_ours_is_neither_read_nor_changed(world, call):
    """A document of the EHR that this plugin did not write, labelled as AI or not, is no draft."""
    _, ehr, _ = world
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "AIAST"}
    for id, meta in (("plain", {}), ("other-ai", {"security": [label]})):
        for text in ("c2VjcmV0", "c2VjcmV0IHR3bw=="):
            ehr.put(
                {
                    "resourceType": "DocumentReference",
                    "id": id,
                    "meta": meta,
                    "status": "current",
                    "docStatus": "preliminary",
                    "type": {"text": "A letter"},
                    "subject": {"reference": ALLOWED},
                    "content": [{"attachment": {"contentType": "text/plain", "data": text}}],
                }
            )
        path, read = f"/drafts/DocumentReference/{id}", {"If-Match": '"x"'}
        for method, act in (
            ("GET", "text"),
            ("GET", "changes"),
            ("PUT", "text"),
            ("POST", "sign"),
            ("POST", "swap"),
            ("POST", "discard"),
            ("POST", "amend"),
        ):
            told = call(method, f"{path}/{act}", data=b"Five words of a note.", headers=read)
            assert (told.status_code, "secret" in told.text) == (400, False), act
        assert ehr.read("DocumentReference", id)["docStatus"] == "preliminary"


def test_a_recording_belongs_to_who_started_it(world, sound):
    """Another reviewer can neither feed nor end nor see it."""
    url, _, _ = world
    first, second = Caller(url), Caller(url, SECOND)
    id = first("POST", "/sessions", json={"client": ALLOWED, "speakers": 1}).json()["id"]
    for method, path in (("GET", ""), ("POST", "/chunks"), ("POST", "/end"), ("POST", "/discard")):
        assert second(method, f"/sessions/{id}{path}").status_code == 404
    assert first("POST", f"/sessions/{id}/discard").json()["state"] == "failed"


def test_without_consent_nothing_starts(world, call):
    """How it is shown 3: 403 that names what is missing."""
    answer = call("POST", "/sessions", json={"client": REFUSED})
    assert answer.status_code == 403
    assert "transcribe (the client), ai (the client)" in answer.json()["error"]


def test_who_agreed_to_be_written_down_has_not_agreed_to_a_draft(world, call):
    """C-13, T-1: AI is permitted for what the client chose, and for nothing else."""
    _, ehr, _ = world
    patient = "Patient/routes-3"
    ehr.put({"resourceType": "Patient", "id": "routes-3", "address": [{"state": "NY"}]})
    consent(ehr, patient, ConsentType.RECORDING)
    consent(ehr, patient, ConsentType.AI_USE, purpose=[coding(PURPOSE_SYSTEM, "TRANSCRIBE")])
    told = call("POST", "/sessions", json={"client": patient})
    assert told.status_code == 403
    assert "not permitted: ai (the client);" in told.json()["error"]
    assert "--action ai --purpose DRAFT" in told.json()["error"]


def test_a_consent_taken_back_after_the_talk_ends_in_no_draft(world):
    """T-1, C-5: it is asked again before a note is drafted of what was written down."""
    from chartside_transcription.permit import Sitting
    from chartside_transcription.service import Service
    from chartside_transcription.typed import typed

    _, ehr, host = world
    service = Service(host.context("transcription"))
    before = len(ehr.all("DocumentReference"))
    said = typed(b"Client: I have been sleeping six hours a night.\nClinician: Good.\n")
    with pytest.raises(ConsentRefused, match="transcribe"):
        service.file(said, Sitting(REFUSED), "taken back")
    assert len(ehr.all("DocumentReference")) == before


def test_who_reads_a_draft_is_told_that_the_consent_was_taken_back(world, call):
    """C-5: what was drafted while it held is the clinician's to decide; nothing of it is signed unknowing."""
    from chartside_transcription.permit import Sitting
    from chartside_transcription.service import Service
    from chartside_transcription.typed import typed

    _, ehr, host = world
    patient = "Patient/routes-4"
    ehr.put({"resourceType": "Patient", "id": "routes-4", "address": [{"state": "NY"}]})
    consent(ehr, patient, ConsentType.RECORDING)
    consent(ehr, patient, ConsentType.AI_USE)
    said = typed(b"Client: I have been sleeping six hours a night.\nClinician: Good.\n")
    id = Service(host.context("transcription")).file(said, Sitting(patient), "before")
    assert call("GET", f"/drafts/{id}/text").json()["notice"] == ""
    consent(ehr, patient, ConsentType.AI_USE, status="inactive")
    assert "taken back" in call("GET", f"/drafts/{id}/text").json()["notice"]
    signed = call("POST", f"/drafts/{id}/sign", headers=tag(call, f"/drafts/{id}"))
    assert signed.status_code == 200
    assert call("GET", f"/drafts/{id}/text").json()["notice"] == ""


def test_pause_and_resume(call, sound):
    """T-1: a paused recording takes nothing (409) until it is resumed."""
    path = f"/sessions/{call('POST', '/sessions', json={'client': ALLOWED}).json()['id']}"
    assert call("POST", f"{path}/pause").json()["state"] == "paused"
    assert call("POST", f"{path}/chunks", data=sound[:1000]).status_code == 409
    assert call("POST", f"{path}/pause").status_code == 409
    assert call("POST", f"{path}/resume").json()["state"] == "recording"
    assert call("POST", f"{path}/chunks", data=sound[:1000]).status_code == 202
    call("POST", f"{path}/discard")
    assert call("POST", f"{path}/chunks", data=sound[:1000]).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"client": "Patient/1", "speakers": 1e9}',
        b'{"client": "Patient/1", "speakers": "2"}',
        b'{"client": "Practitioner/1"}',
        b'{"client": "Patient/../../x"}',
        b'{"client": ["Patient/1"]}',
        b'{"client": "Patient/1", "admin": true}',
        b'{"client": "Patient/1", "participants": ["x"]}',
        b'{"client": "Patient/1\\n"}',
    ],
    ids=lambda body: body[:40].decode("latin-1"),
)
def test_a_start_that_is_none(call, body):
    """400 that names the key, never the value."""
    answer = call("POST", "/sessions", data=body)
    assert answer.status_code == 400
    assert "error" in answer.json()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/sessions/none", 404),
        ("POST", "/sessions/none/chunks", 404),
        ("GET", "/drafts/DocumentReference/none/text", 404),
        ("GET", "/drafts/Patient/routes-1/text", 400),
        ("GET", "/drafts/DocumentReference/../Patient/routes-1/text", 400),
        ("GET", "/drafts/DocumentReference%2F..%2FPatient%2Froutes-1/text", 400),
        ("GET", "/drafts/waiting-none/text", 400),
        ("POST", "/drafts/DocumentReference/none/sign", 428),
        ("POST", "/drafts/DocumentReference/none/publish", 400),
        ("PUT", "/drafts/DocumentReference/none/text", 428),
        ("DELETE", "/drafts", 405),
        ("GET", "/drafts?patient=Patient/1%26_id%3D2", 400),
        ("GET", "/drafts/DocumentReference/%2E%2E/text", 400),
        ("GET", "/drafts/DocumentReference/%2E/changes", 400),
        ("GET", "/nothing", 404),
    ],
)
def test_a_wrong_path_is_told(world, method, path, status):
    """A clear status, and no way out of the documents."""
    url, _, _ = world
    request = requests.Request(method, url, headers=Caller(url).headers).prepare()
    request.url = f"{url}{path}"  # as it stands, dots and all
    with requests.Session() as session:
        answer = session.send(request, timeout=20)
    assert answer.status_code == status, answer.text
    assert "Traceback" not in answer.text


@pytest.mark.slow
def test_a_text_that_is_none(call, sound):
    """An edit in no UTF-8, an empty one, one of 2 MB: refused, and the draft stands."""
    draft = f"/drafts/{recorded(call, sound)['draft']}"
    before, read = call("GET", f"{draft}/text").json(), tag(call, draft)
    for data, status in ((b"\xff\xfe", 400), (b"  \n", 400), (b"a\0b", 400), (b"x" * (2 << 20), 413)):
        assert call("PUT", f"{draft}/text", data=data, headers=read).status_code == status
    assert call("GET", f"{draft}/text").json() == before
    assert call("POST", f"{draft}/discard", headers=read).status_code == 204


def test_a_body_has_a_limit_of_size(call):
    """413, whether the length is declared or comes in chunks without end."""
    path = f"/sessions/{call('POST', '/sessions', json={'client': ALLOWED}).json()['id']}"

    def endless():
        for _ in range(64):
            yield b"\0" * 65_536

    assert call("POST", f"{path}/chunks", data=b"\0" * (3 << 20)).status_code == 413
    assert call("POST", f"{path}/chunks", data=endless()).status_code == 413
    call("POST", f"{path}/discard")


def test_a_body_has_a_limit_of_time(world, call, monkeypatch):
    """408 for a body that never ends; the connection does not hold a thread."""
    monkeypatch.setattr(bodies, "SLOWEST", 0.3)
    url, _, _ = world
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), 10) as line:
        head = f"POST {place.path}/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKENS[FIRST]}\r\n"
        line.sendall(f"{head}Content-Length: 500\r\n\r\n{{".encode())
        assert b"408" in line.recv(200).split(b"\r\n")[0]


def test_a_caller_who_hangs_up_does_no_harm(world, call):
    """A connection cut in the middle of a chunk: the next one is served."""
    url, _, _ = world
    place = urlsplit(url)
    id = call("POST", "/sessions", json={"client": ALLOWED}).json()["id"]
    for _ in range(20):
        with socket.create_connection((place.hostname, place.port), 10) as line:
            head = f"POST {place.path}/sessions/{id}/chunks HTTP/1.1\r\nHost: x\r\n"
            line.sendall(
                f"{head}Authorization: Bearer {TOKENS[FIRST]}\r\nContent-Length: 5000\r\n\r\nabc".encode()
            )
    assert call("GET", f"/sessions/{id}").json()["state"] == "recording"
    call("POST", f"/sessions/{id}/discard")


def test_a_form_with_a_file_is_no_way_to_the_disk(world, call, sound):
    """T-2: a multipart upload is bytes like any other: no form is parsed, so nothing is spooled."""
    path = f"/sessions/{call('POST', '/sessions', json={'client': ALLOWED}).json()['id']}"
    assert call("POST", f"{path}/chunks", files={"file": ("a.wav", sound)}).status_code == 202
    call("POST", f"{path}/end")
    assert ended(call, path)["state"] == "failed"


@pytest.mark.slow
def test_an_ehr_that_is_down_is_told_as_such(world, call):
    """503 where trying again may help; no content in the error."""
    _, ehr, _ = world
    ehr.faults.add("503", path="/DocumentReference", times=50)
    try:
        answer = call("GET", "/drafts/DocumentReference/x/text")
    finally:
        ehr.faults.clear()
    assert answer.status_code == 503


def test_without_reviewers_there_are_no_routes():
    """Fail closed: no token in the config, no way in."""
    clock = FrozenClock(NOW)
    with running_ehr(clock, {"clients": 1}) as ehr:
        for reviewers in ({}, None):
            table = {"enabled": True} | ({} if reviewers is None else {"reviewers": reviewers})
            with host_for(ehr, clock, plugins={"transcription": table}) as host, serving(pages(host)) as url:
                assert requests.get(f"{url}/transcription/drafts", timeout=10).status_code == 404


@pytest.mark.parametrize(
    "tokens", [{FIRST: "short"}, {FIRST: ""}, {FIRST: "t" * 40, SECOND: "t" * 40}, {"nurse": "t" * 40}]
)
def test_a_weak_or_shared_token_is_refused(tokens):
    """An empty secret lets nobody in; two people cannot be told apart by one token."""
    from chartside.config import ConfigErrors

    clock = FrozenClock(NOW)
    with running_ehr(clock, {"clients": 1}) as ehr:
        plugins = {"transcription": {"enabled": True, "reviewers": tokens}}
        with host_for(ehr, clock, plugins=plugins) as host, pytest.raises(ConfigErrors) as told:
            host.context("transcription")
        assert "reviewers" in str(told.value)
        assert "tttt" not in str(told.value)


def test_sound_leaves_only_after_its_disclosure_is_in_the_audit(world, call, asr_server, monkeypatch):
    """S-10, S-18: no audit, no disclosure, no recording; with it, one record that names client and recipient."""
    from chartside.audit import Event
    from chartside.errors import AuditUnavailable

    _, _, host = world
    outlet = host.context("transcription").outlet
    told = []

    class Auditor:
        def record(self, records):
            told.extend(records)
            raise AuditUnavailable("the trail cannot be written")

    asr_server.seen.clear()
    with monkeypatch.context() as patched:
        patched.setattr(outlet, "_auditor", Auditor())
        assert call("POST", "/sessions", json={"client": ALLOWED}).status_code == 503
    assert [(r.event, r.patient, r.recipient, r.data_class) for r in told] == [
        (Event.DISCLOSURE, ALLOWED, "asr", "audio")
    ]
    assert asr_server.seen == []
