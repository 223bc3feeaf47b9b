"""The tracker against a FHIR server that others wrote (issue 2, "shown", 3): capture, decide, supersede, revoke."""

from __future__ import annotations

import base64
import json
import uuid
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import requests

from chartside.clock import FrozenClock, SystemClock
from chartside.codes import ConsentType
from chartside.config import parse
from chartside.gate.model import Action, DecisionRequest
from chartside.host import Host
from chartside.messaging.gateway import Gateway
from chartside.messaging.model import Intent, Rendered, Status, Way
from chartside.smart import KeyStore
from chartside.testing.hosts import PRACTICE
from chartside_consent.keeping import Keeper, left_over
from chartside_consent.recording import record
from chartside_consent.revoking import Revocation, revoke
from chartside_consent.signing import Channel

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC).replace(microsecond=0)
ZONE = f"Etc/GMT{NOW.hour - 12:+d}" if NOW.hour != 12 else "Etc/GMT"
"""Where it is about noon: tokens need the true time, texts an allowed hour."""
AUTH = {"client_id": "", "algorithm": "ES384"}


class Site:
    """A host on a peer, and the peer itself by plain HTTP."""

    def __init__(self, base, host, clock, gateway, headers):
        self.base, self.host, self.clock, self.gateway, self.headers = base, host, clock, gateway, headers
        self.context = host.context("consent")
        self.patient = f"Patient/{uuid.uuid4()}"
        self.put({"resourceType": "Patient", "id": self.patient[8:], "birthDate": "1980-01-01"})

    def put(self, resource):
        url = f"{self.base}/{resource['resourceType']}/{resource['id']}"
        answer = requests.put(url, json=resource, headers=self.headers, timeout=20)
        assert answer.status_code in (200, 201), answer.text

    def all(self, kind, **params):
        answer = requests.get(f"{self.base}/{kind}", params=params, headers=self.headers, timeout=20).json()
        return [entry["resource"] for entry in answer.get("entry", [])]

    def consents(self):
        return self.all("Consent", patient=self.patient[8:])

    def permitted(self):
        asked = DecisionRequest(
            self.patient, Action.SMS, self.clock.now(), purpose="REMIND", category="reminder", location="NY"
        )
        return self.context.decide([asked])[0].permitted

    def in_force(self):
        present = self.consents()
        gone = {c["id"] for c in left_over(present)}
        return [c["id"] for c in present if c["status"] == "active" and c["id"] not in gone]

    def remind(self, recheck=None, number="+15185550123"):
        way = Way("sms", number, (ZONE,), lambda: Rendered("Your visit", template="t"))
        intent = Intent(
            ("reminder", "Appointment/1", str(uuid.uuid4()), "24h"),
            self.patient,
            (way,),
            self.clock.now() + timedelta(hours=3),
            category="reminder",
            purpose="REMIND",
            location="NY",
        )
        return next(iter(self.host.context("scheduling").messages.deliver([intent], recheck)))


@contextmanager
def site(base, folder, auth=None, headers=None, bundles=True):
    clock, gateway = FrozenClock(NOW), Gateway()
    with gateway.running() as url:
        data = {
            "practice": {**PRACTICE, "time_zone": ZONE},
            "ehr": {"base_url": base, "requests_per_second": 1000, **({"auth": auth} if auth else {})},
            "outbound": {
                "local": {
                    "kind": "sms",
                    "address": url,
                    "local": True,
                    "data_classes": ["contact", "appointment"],
                }
            },
            "channels": {"sms": {"type": "gateway", "recipient": "local", "url": url}},
            "plugins": {"consent": {"enabled": True}, "scheduling": {"enabled": True}},
        }
        with Host(parse(data, folder), clock=clock) as host:
            if not bundles:
                host.route.ehr.client.capabilities().raw["rest"][0].pop("interaction", None)
            yield Site(base, host, clock, gateway, headers or {})


@pytest.fixture(params=["transactions", "one by one"])
def open_site(request, sekmet, tmp_path):
    with site(sekmet.base_url, tmp_path, bundles=request.param == "transactions") as found:
        yield found


@pytest.fixture
def signed(sign):
    def made(found, days=0, kind="text-messages", **more):
        return sign(kind, found.patient, found.clock.now() - timedelta(days=days), **more)

    return made


def life(found, signed):
    """Capture, decide, supersede, revoke between decision and sending, revoke again."""
    assert not found.permitted()
    first = record(found.context, signed(found, days=9))
    assert found.permitted()
    second = record(found.context, signed(found))
    assert {f"Consent/{c['id']}": c["status"] for c in found.consents()} == {
        first.consent: "inactive",
        second.consent: "active",
    }
    assert record(found.context, signed(found)).status == "already"
    assert len(found.consents()) == 2
    assert found.remind().status is Status.SENT
    found.clock.advance(1)
    decided = []

    def meanwhile(intents):
        decided.append(found.permitted())
        asked = Revocation(found.patient, Channel.PHONE, found.clock.now(), ConsentType.TEXT_MESSAGES)
        assert revoke(found.context, asked).status == "revoked"
        return [""] * len(intents)

    assert found.remind(meanwhile, "+15185550124").status is Status.HELD
    assert decided == [True]
    assert len(found.gateway.messages) == 1
    again = Revocation(found.patient, Channel.PHONE, found.clock.now(), ConsentType.TEXT_MESSAGES)
    assert revoke(found.context, again).status == "already"
    assert {c["status"] for c in found.consents()} == {"inactive"}
    for done in (first, second):
        targets = [t["reference"] for p in found.all("Provenance", target=done.consent) for t in p["target"]]
        assert done.consent in targets


def test_the_life_of_a_consent_on_sekmet(open_site, signed):
    """Capture, decide, revoke between decision and send (the text is not sent), supersede."""
    life(open_site, signed)


@pytest.fixture
def behind_smart(sekmet_smart, tmp_path):
    """Opens a site that is signed in by private_key_jwt, with the scopes of the manifests and no more."""
    client = sekmet_smart.client("ES384")
    KeyStore(tmp_path / "keys", SystemClock()).add(client.private, "ES384")
    form = client.form(sekmet_smart.token_url, "system/*.cruds")
    token = requests.post(sekmet_smart.token_url, data=form, timeout=10).json()["access_token"]
    headers, auth = {"Authorization": f"Bearer {token}"}, {**AUTH, "client_id": client.client_id}
    return lambda **more: site(sekmet_smart.base_url, tmp_path, auth, headers, **more)


def test_the_life_of_a_consent_behind_smart(behind_smart, signed):
    """The same with a token. This server lets nobody post a bundle who may not create every type: used without them."""
    with behind_smart(bundles=False) as found:
        life(found, signed)


def test_a_server_that_offers_bundles_and_forbids_them(behind_smart, signed):
    """The transaction is refused (403) and nothing was written: then it goes one by one, in the safe order."""
    with behind_smart() as found:
        first = record(found.context, signed(found, days=9))
        second = record(found.context, signed(found))
        states = {f"Consent/{c['id']}": c["status"] for c in found.consents()}
        assert states == {first.consent: "inactive", second.consent: "active"}
        asked = Revocation(found.patient, Channel.PHONE, found.clock.now(), ConsentType.TEXT_MESSAGES)
        assert revoke(found.context, asked).consents == (second.consent,)
        assert not found.permitted()


@pytest.mark.parametrize("kind", [k.value for k in ConsentType if k is not ConsentType.PROXY])
def test_sekmet_keeps_every_kind(sekmet, tmp_path, signed, kind):
    """What is written is what is kept: the extensions, too."""
    with site(sekmet.base_url, tmp_path) as found:
        done = record(found.context, signed(found, kind=kind))
        [consent] = found.consents()
        assert f"Consent/{consent['id']}" == done.consent
        assert len(consent["extension"]) == 2
        answers = json.loads(
            base64.b64decode(consent["sourceAttachment"]["data"])
        )  # it has no QuestionnaireResponse
        assert answers["item"][-1]["answer"] == [{"valueBoolean": True}]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_superseding_killed_at_any_write_on_sekmet(open_site, signed, monkeypatch, number, after):
    """C-6: never two in force, never none; the next run completes it."""
    record(open_site.context, signed(open_site, days=9))
    count = SimpleNamespace(value=0)

    class Killed(BaseException):
        pass

    def wrapped(inner):
        def call(self, *arguments):
            count.value += 1
            if count.value == number and not after:
                raise Killed
            result = inner(self, *arguments)
            if count.value == number:
                raise Killed
            return result

        return call

    signing = signed(open_site)
    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(Keeper, "_one", wrapped(Keeper._one))
        patch.setattr(Keeper, "_all", wrapped(Keeper._all))
        record(open_site.context, signing)
    assert count.value
    assert len(open_site.in_force()) == 1
    assert open_site.permitted()
    done = record(open_site.context, signing)
    assert open_site.in_force() == [done.consent[8:]]
    assert sorted(c["status"] for c in open_site.consents()) == ["active", "inactive"]


def test_the_watch_on_sekmet(open_site, signed):
    """Tasks once; a second run writes nothing."""
    record(open_site.context, signed(open_site, days=350, kind="treatment"))
    first = open_site.host.run("consent.watch")
    assert not first.failed, first.notes
    tasks = open_site.all("Task", patient=open_site.patient[8:])
    again = open_site.host.run("consent.watch")
    assert not again.failed
    assert len(tasks) == len(open_site.all("Task", patient=open_site.patient[8:])) == 1
    assert any(note.startswith("0 new tasks") for note in again.notes)
