"""The one way to a client: a real FHIR ledger, gateway and trail (R-3, R-8, R-10, R-11, R-17)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from threading import Event as Flag

import pytest

from chartside.audit import Auditor, Event, Observer, Trail
from chartside.clock import FrozenClock
from chartside.codes import MessageCategory
from chartside.config import Practice
from chartside.errors import (
    AuditUnavailable,
    CircuitOpen,
    JobOverdue,
    OriginRefused,
    ServerError,
    Unreachable,
)
from chartside.fhir import Budget, FhirClient
from chartside.gate.model import Decision, Reason
from chartside.gate.model import Outcome as Verdict
from chartside.gate.outbound import OutboundRegistry
from chartside.jobs.fhir_ledger import FhirLedger
from chartside.manifest import Manifest
from chartside.messaging.attempt import telling
from chartside.messaging.gateway import Gateway
from chartside.messaging.local import GatewaySettings, LocalGatewayChannel
from chartside.messaging.model import Intent, Rendered, Status, Way
from chartside.messaging.service import Messages, _said
from chartside.overdue import require_wanted, until

LEASE = timedelta(minutes=5)
PRACTICE = Practice(
    id="p", name="Larkspur", phone="+1 518 555 0100", time_zone="America/New_York", state="NY"
)
MANIFEST = Manifest.model_validate(
    {"plugin": {"name": "tester", "title": "T", "api": 1}, "outbound": {"kinds": ["sms", "email"]}}
)


class Second(LocalGatewayChannel):
    """The same gateway under another kind, so that there is a second way."""

    name, kind = "second", "email"


class World:
    """EHR, gateway, gate and clock of one test; ``messages(worker)`` opens the service as another worker."""

    def __init__(self, ehr, gateway, url, folder, clock):
        self.ehr, self.gateway, self.url, self.clock, self.folder = ehr, gateway, url, clock, folder
        self.denied: dict[str, str] = {}
        self.client = FhirClient(ehr.base_url, budget=Budget(10_000, 1000))
        entry = {"address": url, "local": True, "data_classes": ["appointment"]}
        self.tables = {"sms": {**entry, "kind": "sms"}, "mail": {**entry, "kind": "email"}}
        self.trail = Trail(folder / "audit.jsonl")

    def decide(self, requests):
        return [self.answer(r) for r in requests]

    def answer(self, request):
        outcome = (
            Verdict.DENY if request.action.value in self.denied.get(request.patient, "") else Verdict.PERMIT
        )
        return Decision(outcome, (Reason("Consent/c1", outcome),))

    def messages(self, worker="w1", manifest=MANIFEST):
        ledger = FhirLedger(
            self.client, "Communication", worker=worker, clock=self.clock, lease=LEASE, audit_events=True
        )
        channels = {
            kind: made(GatewaySettings(type="x", recipient=name, url=self.url, timeout=2), clock=self.clock)
            for kind, made, name in (("sms", LocalGatewayChannel, "sms"), ("email", Second, "mail"))
        }
        return Messages(
            plugin=manifest,
            practice=PRACTICE,
            settings={},
            channels=lambda: channels,
            registry=OutboundRegistry.from_config(self.tables),
            decide=self.decide,
            ledger=lambda: ledger,
            auditor=Auditor(self.trail, Observer("h", "p", self.ehr.base_url), sink=lambda _events: None),
            secret=b"s" * 32,
            clock=self.clock,
            lease=LEASE,
        )

    def intent(self, n=1, kinds=("sms",), zones=("America/New_York",), number=None):
        to = number or f"+15185550{100 + n}"
        ways = tuple(Way(kind, to, zones, lambda: Rendered(f"Reminder {n}")) for kind in kinds)
        return Intent(
            parts=("Appointment/1", str(n)),
            patient=f"Patient/{n}",
            ways=ways,
            until=self.clock.now() + timedelta(hours=20),
            category=MessageCategory.REMINDER,
            purpose="REMIND",
            about=f"Appointment/{n}",
        )

    def run(self, *intents, worker="w1", **options):
        return [o.status for o in self.messages(worker).deliver(intents, **options)]

    def bodies(self):
        return [m.body for m in self.gateway.messages]

    def records(self):
        return [r for r in self.ehr.all("Communication") if "effect" in str(r.get("identifier"))]


@pytest.fixture
def world(ehr, tmp_path):
    gateway = Gateway()
    with gateway.running() as url:
        made = World(ehr, gateway, url, tmp_path, FrozenClock(ehr.sandbox.store.clock.now()))
        yield made
        made.client.close()


def test_sent_once_and_recorded(world):
    """R-10: each is sent once, whoever runs again; the EHR holds that it was, and neither text nor number."""
    intents = [world.intent(n) for n in range(1, 4)]
    assert world.run(*intents) == [Status.SENT] * 3
    assert world.run(*intents) == [Status.ALREADY] * 3
    assert world.run(*intents, worker="w2") == [Status.ALREADY] * 3
    assert sorted(world.bodies()) == ["Reminder 1", "Reminder 2", "Reminder 3"]
    assert {r["status"] for r in world.records()} == {"completed"}
    assert "Reminder 1" not in str(world.records())
    assert "5185550101" not in str(world.records())


def test_audit_names_consent_and_recipient(world):
    """S-9, C-8: a decision and a disclosure for each message, in the trail and in the EHR."""
    world.run(world.intent())
    events = [r.event for r in world.trail.records()]
    assert events == [Event.DECISION, Event.DISCLOSURE]
    disclosure = list(world.trail.records())[1]
    assert (disclosure.patient, disclosure.recipient, disclosure.consents) == (
        "Patient/1",
        "sms",
        ("Consent/c1",),
    )
    assert len(world.ehr.all("AuditEvent")) == 2


def test_no_consent_no_message_no_record(world):
    """Promise 3: a denial leaves no half-made record behind."""
    world.denied["Patient/1"] = "sms"
    [outcome] = world.messages().deliver([world.intent()])
    assert (outcome.status, outcome.reason) == (Status.HELD, "opted out")
    assert world.bodies() == []
    assert world.records() == []


def test_revoked_between_decision_and_send(world):
    """R-11, C-5: consent is asked again at the moment of sending."""

    def revoke(intents):
        world.denied["Patient/1"] = "sms"
        return [""] * len(intents)

    assert world.run(world.intent(), recheck=revoke) == [Status.HELD]
    assert world.bodies() == []
    assert [r["status"] for r in world.records()] == ["not-done"]


def test_cancelled_meanwhile(world):
    """R-11: what the plugin reads again drops the message."""
    assert world.run(world.intent(), recheck=lambda i: ["cancelled"] * len(i)) == [Status.HELD]
    assert world.bodies() == []


@pytest.mark.parametrize(
    ("zones", "held"),
    [
        (("America/New_York",), False),
        (("Pacific/Honolulu",), True),
        (("America/New_York", "Pacific/Honolulu"), True),
    ],
)
def test_quiet_hours_at_the_recipients_place(world, zones, held):
    """R-8: 10:00 in New York is 05:00 in Honolulu; every candidate zone must allow it."""
    assert world.run(world.intent(zones=zones)) == [Status.HELD if held else Status.SENT]


def test_another_way_only_after_a_definite_failure_and_with_consent(world):
    """R-17: the number is refused, so the next way is taken; where that is not permitted, none."""
    world.gateway.rejects = frozenset({"+15185550101", "+15185550102"})
    world.denied["Patient/2"] = "email"
    [one] = world.messages().deliver([world.intent(1, ("sms", "email"))])
    assert (one.status, one.channel) == (Status.FAILED, "email")  # this gateway refuses the number either way
    world.gateway.rejects = frozenset({"+15185550102"})
    [two] = world.messages().deliver([world.intent(2, ("sms", "email"))])
    assert (two.status, two.reason) == (Status.HELD, "sms: the gateway refused the message; email: opted out")
    world.denied["Patient/3"] = "sms"
    [three] = world.messages().deliver([world.intent(3, ("sms", "email"))])
    assert (three.status, three.channel) == (Status.SENT, "email")


def test_who_texted_stop_to_the_provider(world):
    """R-5, R-17: said as what it is, also where the mail went out, so that the staff can record it in the EHR."""
    world.gateway.stopped = frozenset({"+15185550101", "+15185550102"})
    world.denied["Patient/2"] = "email"
    intents = [world.intent(n, ("sms", "email")) for n in (1, 2)]
    intents = [replace(i, ways=(i.ways[0], replace(i.ways[1], to="+15185550199"))) for i in intents]
    told = {o.intent.patient: (o.status, o.channel, o.reason) for o in world.messages().deliver(intents)}
    assert told == {
        "Patient/1": (Status.SENT, "email", "sms: the client stopped texts at the provider"),
        "Patient/2": (
            Status.HELD,
            "email",
            "sms: the client stopped texts at the provider; email: opted out",
        ),
    }
    [alone] = world.messages().deliver([world.intent(1)])
    assert (alone.status, alone.reason) == (Status.HELD, "given up earlier")


@pytest.fixture
def by_twos(monkeypatch):
    """A provider that cannot be asked later: two in progress at once."""
    monkeypatch.setattr(LocalGatewayChannel, "at_once", 2)


def test_few_are_in_progress_where_the_provider_cannot_be_asked(world, by_twos, monkeypatch):
    """R-10: what a crash in the middle would leave for the staff to look at."""
    send, seen = LocalGatewayChannel.send, []

    def watched(self, message):
        seen.append(sum(r["status"] == "in-progress" for r in world.records()))
        return send(self, message)

    monkeypatch.setattr(LocalGatewayChannel, "send", watched)
    assert world.run(*[world.intent(n) for n in range(1, 6)]) == [Status.SENT] * 5
    assert max(seen) == 2
    assert {r["status"] for r in world.records()} == {"completed"}


def test_the_ehr_goes_away_between_two_groups(world, by_twos, monkeypatch):
    """R-10: what was sent is recorded, the rest is given back, and the next run sends exactly that."""
    begin, calls = FhirLedger.begin, []

    def failing(self, claims):
        calls.append(claims)
        if len(calls) == 2:
            cut = Unreachable("cut")
            cut.server = "the EHR"
            raise cut
        return begin(self, claims)

    monkeypatch.setattr(FhirLedger, "begin", failing)
    intents = [world.intent(n) for n in range(1, 6)]
    told = list(world.messages().deliver(intents))
    assert sorted(o.status for o in told) == [Status.FAILED] * 3 + [Status.SENT] * 2
    assert {o.reason for o in told} == {"", "no answer from the EHR; the next run tries again"}
    assert sorted(world.run(*intents, worker="w2")) == [Status.ALREADY] * 2 + [Status.SENT] * 3
    assert len(world.bodies()) == len(set(world.bodies())) == 5


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unreachable("cut"), "no answer from the companion server"),
        (CircuitOpen("open"), "no answer from the companion server"),
        (ServerError("failed", status=503), "the companion server answered 503"),
        (OriginRefused("away"), "the companion server cannot be used (OriginRefused)"),
        (AuditUnavailable("full"), "the audit cannot be written"),
    ],
)
def test_the_server_that_failed_is_named(error, said):
    """Whoever mends it must not look at the EHR where it is the companion server that is down."""
    error.server = "the companion server"
    assert _said(error) == said


def slowly(world, monkeypatch, owner, name, seconds):
    """The clock moves by so much at each call, as behind a slow server."""
    real = getattr(owner, name)

    def slow(*args, **options):
        world.clock.advance(seconds)
        return real(*args, **options)

    monkeypatch.setattr(owner, name, slow)


def test_behind_a_slow_server_consent_is_asked_again_and_it_goes_out(world, by_twos, monkeypatch):
    """C-5: claiming used up the permit; each group is decided anew, and who took the consent back gets nothing."""
    slowly(world, monkeypatch, FhirLedger, "claim", 90)
    slowly(world, monkeypatch, FhirLedger, "begin", 25)
    looked = []

    def recheck(intents):
        looked.append(len(intents))
        if len(looked) > 1:
            world.denied["Patient/3"] = "sms"
        return [""] * len(intents)

    told = world.run(*[world.intent(n) for n in range(1, 6)], recheck=recheck)
    assert sorted(told) == [Status.HELD] + [Status.SENT] * 4
    assert looked == [5, 2, 2, 1], "all after the claim, then each group"
    assert sorted(world.bodies()) == [f"Reminder {n}" for n in (1, 2, 4, 5)]


def test_nothing_is_begun_that_cannot_go_out_in_time(world, by_twos, monkeypatch):
    """S-9: no disclosure stands in the audit, and no record in progress, of what a slow server kept from going out."""
    with monkeypatch.context() as slow:
        slowly(world, slow, world, "decide", 70)
        intents = [world.intent(n) for n in range(1, 4)]
        told = list(world.messages().deliver(intents))
    assert [o.status for o in told] == [Status.FAILED] * 3
    assert {"too slow" in o.reason for o in told} == {True}
    assert list(world.trail.records()) == []
    assert {r["status"] for r in world.records()} == {"preparation"}
    assert world.bodies() == []
    assert world.run(*intents, worker="w2") == [Status.SENT] * 3


def test_few_are_begun_at_once_where_each_needs_its_own_requests(world, monkeypatch):
    """What a slow server without Bundles takes to begin must fit into the time of a permit."""
    begin, sizes = FhirLedger.begin, []

    def watched(self, claims):
        sizes.append(len(claims))
        return begin(self, claims)

    monkeypatch.setattr(FhirLedger, "begin", watched)
    monkeypatch.setattr("chartside.messaging.service._SINGLY", 2)
    messages = world.messages()
    messages._ledger().together = False
    assert [o.status for o in messages.deliver([world.intent(n) for n in range(1, 6)])] == [Status.SENT] * 5
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize(
    ("ways", "said"),
    [
        ([("sms", "no consent"), ("email", "no consent")], "no consent"),
        ([("sms", "opted out"), ("email", "no consent")], "opted out"),
        ([("sms", "no consent"), ("email", "opted out")], "opted out"),
        ([("sms", "no consent"), ("email", "quiet hours")], "sms: no consent; email: quiet hours"),
        (
            [("sms", "the provider refused it"), ("email", "opted out")],
            "sms: the provider refused it; email: opted out",
        ),
    ],
)
def test_the_telling_reason(ways, said):
    """Issue 2, "shown", 1: who opted out is told apart from who was never asked, whatever the other ways say."""
    assert telling(ways) == said


def test_caps_for_each_number(world):
    """R-3: one a day for a number, also in one batch, also when two clients share it; three a week."""
    shared = "+15185550199"
    intents = [world.intent(n, number=shared) for n in (1, 2)]
    assert sorted(world.run(*intents)) == [Status.HELD, Status.SENT]
    for day in range(1, 5):
        world.clock.advance(24 * 3600)
        status = world.run(world.intent(10 + day, number=shared))
        assert status == [Status.SENT if day < 3 else Status.HELD]


def test_what_corrects_is_not_held_up_by_mail_only(world):
    """R-3, R-20: a calendar entry is taken back the same day; the law's caps hold for texts, whatever they say."""
    for kind, then in (("email", Status.SENT), ("sms", Status.HELD)):
        first, second = world.intent(1, (kind,)), replace(world.intent(2, (kind,)), corrects=True)
        second = replace(second, ways=tuple(replace(way, to=first.ways[0].to) for way in second.ways))
        assert world.run(first) == [Status.SENT]
        assert world.run(second) == [then]


@pytest.mark.parametrize("fault", ["fail-after", "cut-after", "fail-before", "cut-before", "busy"])
def test_an_unclear_answer_is_asked_about(world, fault):
    """R-10: the provider is asked. What it has is done. What it has not seen may still be on its way, so it is asked
    again when the lease is over, and only then does the message go out again: once."""
    world.gateway.fault = lambda n: fault if n == 0 else ""
    first = world.run(world.intent())
    assert first[0] in (Status.SENT, Status.UNDECIDED)
    assert world.run(world.intent(), worker="w2")[0] is not Status.SENT
    world.clock.advance(600)
    second = world.run(world.intent())
    assert second == ([Status.ALREADY] if first == [Status.SENT] else [Status.SENT])
    assert world.bodies() == ["Reminder 1"]


def test_what_the_provider_cannot_tell_is_a_persons_to_decide(world):
    """R-10: never sent again blindly, not even after the lease."""
    world.gateway.fault, world.gateway.blind = (lambda n: "cut-after"), True
    assert world.run(world.intent()) == [Status.UNDECIDED]
    world.clock.advance(600)
    assert world.run(world.intent(), worker="w2") == [Status.UNDECIDED]
    assert len(world.bodies()) == 1
    assert [r["status"] for r in world.records()] == ["in-progress"]


def test_dry_run_writes_and_sends_nothing(world):
    """--dry-run: who would get what, and why not."""
    world.denied["Patient/2"] = "sms"
    before = len(world.ehr.sandbox.seen)
    assert sorted(world.run(world.intent(1), world.intent(2), dry_run=True)) == [Status.HELD, Status.WOULD]
    assert {method for method, _, _ in world.ehr.sandbox.seen[before:]} <= {"GET"}
    assert world.bodies() == []


def test_who_is_not_in_the_registry_gets_nothing(world):
    """S-18: no entry, another machine, or a kind that the manifest does not declare."""
    world.tables.pop("sms")
    assert world.run(world.intent()) == [Status.HELD]
    world.tables["sms"] = {
        "kind": "sms",
        "address": "http://127.0.0.9:1",
        "local": True,
        "data_classes": ["appointment"],
    }
    assert world.run(world.intent()) == [Status.HELD]
    silent = Manifest.model_validate({"plugin": {"name": "tester", "title": "T", "api": 1}})
    assert [o.status for o in world.messages(manifest=silent).deliver([world.intent()])] == [Status.HELD]
    assert world.bodies() == []


def test_no_phi_in_reprs(world):
    """S-8, R-12: what might reach a traceback shows no number and no text."""
    intent = world.intent()
    assert "518555" not in repr(intent)
    assert "Reminder" not in repr(intent.ways[0].render())


def test_a_channel_that_breaks_on_one_message(world, monkeypatch):
    """R-10: the others of the batch go out; the one may have been sent, so it stays undecided and is not sent again."""
    send = LocalGatewayChannel.send

    def broken(self, message):
        if message.body == "Reminder 2":
            raise KeyError(message.to)
        return send(self, message)

    monkeypatch.setattr(LocalGatewayChannel, "send", broken)
    messages = world.messages()
    intents = [world.intent(n) for n in (1, 2, 3)]
    for others in (Status.SENT, Status.ALREADY):
        told = {o.intent.parts[1]: o.status for o in messages.deliver(intents)}
        assert told == {"1": others, "2": Status.UNDECIDED, "3": others}
    assert sorted(world.bodies()) == ["Reminder 1", "Reminder 3"]


@pytest.mark.parametrize("notices", [True, False])
def test_a_job_that_is_overdue_in_the_middle_of_a_batch_sends_nothing_and_gives_it_back(world, notices):
    """H-1, R-10: whether or not the plugin's own look at each message notices; the next run need not wait."""
    over = Flag()

    def recheck(intents):
        over.set()
        if notices:
            require_wanted()  # as its client does
        return [""] * len(intents)

    intents = [world.intent(n) for n in (1, 2)]
    with until(over), pytest.raises(JobOverdue):
        list(world.messages().deliver(intents, recheck))
    assert world.bodies() == []
    assert world.run(*intents, worker="w2") == [Status.SENT] * 2
