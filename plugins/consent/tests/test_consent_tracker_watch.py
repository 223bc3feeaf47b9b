"""The daily watch and the coverage report: what the staff is told, once (C-14; rule 6; coverage without N+1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import requests

from chartside.codes import ConsentType
from chartside.jobs.model import JobOptions
from chartside_consent.coverage import coverage, summary
from chartside_consent.recording import record
from chartside_consent.revoking import Revocation, revoke
from chartside_consent.signing import Channel

TODAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_the_start(tracker):
    tracker.clock.set(TODAY)


def watch(tracker, **options):
    report = tracker.host.run("consent.watch", JobOptions(**options))
    assert not report.failed, report.notes
    return report


def findings(tracker, patient):
    return [
        (row["finding"], row["when"])
        for row in watch(tracker, dry_run=True).rows
        if row["client"] == patient[8:]
    ]


def codes(tracker, patient):
    return [t["code"]["coding"][0]["code"] for t in tracker.tasks(patient)]


def test_the_staff_is_told_thirty_and_seven_days_before_the_end(tracker, sign):
    """Expiry watch: one Task at each step, however often the job runs; none before, none after a renewal."""
    patient = tracker.new()
    record(
        tracker.context,
        sign("release", patient, TODAY - timedelta(days=300), answers={"expiry": "2027-01-15"}),
    )
    for day, tasks in ((datetime(2026, 12, 15), 0), (datetime(2026, 12, 16), 1), (datetime(2027, 1, 7), 1)):
        tracker.clock.set(day.replace(hour=15, tzinfo=UTC))
        watch(tracker)
        assert len(tracker.tasks(patient)) == tasks
    tracker.clock.set(datetime(2027, 1, 8, 15, tzinfo=UTC))
    watch(tracker)
    watch(tracker)
    first, second = tracker.tasks(patient)
    assert codes(tracker, patient) == ["consent-renewal"] * 2
    assert first["restriction"]["period"]["end"].startswith("2027-01-15T23:59")
    assert (first["priority"], second["priority"]) == ("routine", "urgent")
    tracker.clock.set(datetime(2027, 1, 16, 15, tzinfo=UTC))
    assert findings(tracker, patient) == []


def test_a_renewed_consent_needs_no_task(tracker, sign):
    """What follows is signed already."""
    patient = tracker.new()
    record(tracker.context, sign("treatment", patient, TODAY - timedelta(days=350)))
    assert [what for what, _ in findings(tracker, patient)] == ["ends soon"]
    record(tracker.context, sign("treatment", patient, TODAY))
    assert findings(tracker, patient) == []
    revoked = tracker.new()
    record(tracker.context, sign("treatment", revoked, TODAY - timedelta(days=350)))
    revoke(tracker.context, Revocation(revoked, Channel.PAPER, TODAY, ConsentType.TREATMENT))
    assert findings(tracker, revoked) == []


@pytest.mark.parametrize(("state", "age"), [("NY", 18), ("AL", 19), ("MS", 21)])
def test_a_proxys_permits_end_at_majority_with_a_task(tracker, sign, state, age):
    """C-14, a clock test: the age is that of the client's state; one Task for all that the proxy signed."""
    born = f"{2027 - age}-01-10"
    patient = tracker.new(born=born, state=state)
    proxy = {"signer": tracker.guardian(patient), "relation": "father", "authority": "parent"}
    for kind in ("text-messages", "unencrypted-email"):
        record(tracker.context, sign(kind, patient, TODAY, **proxy))
    assert findings(tracker, patient) == []

    def texts_allowed():
        from chartside.gate.model import Action, DecisionRequest

        now = tracker.clock.now()
        asked = DecisionRequest(
            patient, Action.SMS, now, purpose="REMIND", category="reminder", location=state
        )
        return tracker.context.decide([asked])[0].permitted

    tracker.clock.set(datetime(2026, 12, 12, 15, tzinfo=UTC))
    watch(tracker)
    watch(tracker)
    [task] = tracker.tasks(patient)
    assert codes(tracker, patient) == ["majority"]
    assert "2027-01-10" in task["description"]
    tracker.clock.set(datetime(2027, 1, 9, 15, tzinfo=UTC))
    assert texts_allowed()
    tracker.clock.set(datetime(2027, 1, 10, 15, tzinfo=UTC))
    assert not texts_allowed()
    record(tracker.context, sign("text-messages", patient, tracker.clock.now()))
    assert texts_allowed()


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"modifierExtension": [{"url": "https://x.example/e", "valueBoolean": True}]}, "modifier extension"),
        ({"provision": {"type": "permit", "actor": [{"reference": {"display": "them"}}]}}, "not known"),
        ({"provision": {"action": [{"text": "?"}]}}, "in words only"),
    ],
    ids=["modifier", "actor", "words"],
)
def test_what_cannot_be_computed_is_one_task(tracker, consent, broken, words):
    """consent.md, rule 6: not computable is a deny, and a Task for the staff; one, not one for each decision or run."""
    patient = tracker.new()
    made = consent("text-messages", id=f"murky-{tracker.count}", patient={"reference": patient}, **broken)
    tracker.ehr.put(made)
    for _ in range(3):
        watch(tracker)
    [task] = tracker.tasks(patient)
    assert codes(tracker, patient) == ["consent-not-computable"]
    assert words in task["description"]
    assert task["focus"] == {"reference": f"Consent/{made['id']}"}


def test_an_unknown_age_is_told(tracker, sign):
    """C-14: a proxy signed, and the chart does not say when the client was born."""
    patient = tracker.new()
    proxy = {"signer": tracker.guardian(patient), "relation": "aunt", "authority": "court order"}
    record(tracker.context, sign("text-messages", patient, TODAY, **proxy))
    person = tracker.ehr.read("Patient", patient[8:])
    tracker.ehr.put({k: v for k, v in person.items() if k != "birthDate"})
    assert [what for what, _ in findings(tracker, patient)] == ["cannot be computed"]


def test_a_second_run_writes_nothing(tracker, sign):
    """The whole practice of this module: no resource is written by a second run, none by a dry run."""
    patient = tracker.new()
    record(tracker.context, sign("treatment", patient, TODAY - timedelta(days=350)))

    def count():
        return tracker.ehr.sandbox.store.query(
            "SELECT count(*) FROM resource WHERE type NOT IN ('AuditEvent')", ()
        )

    before = count()
    watch(tracker, dry_run=True)
    assert count() == before
    watch(tracker)
    after = count()
    assert after != before
    watch(tracker)
    assert count() == after


def test_an_ehr_without_tasks_is_told_where_they_went(make_tracker, sign):
    """The ladder: the next best place in the EHR."""
    with make_tracker(absent=frozenset({"Task"})) as tracker:
        record(tracker.context, sign("treatment", tracker.new(), TODAY - timedelta(days=350)))
        report = watch(tracker)
        assert any("Communication in the EHR" in note for note in report.notes)
        assert len(tracker.ehr.all("Communication")) == 1


def test_an_ehr_without_any_place_for_tasks_shows_them(make_tracker, sign):
    """The bottom of the ladder: the report still names them, and says what to do."""
    with make_tracker(absent=frozenset({"Task", "Communication"})) as tracker:
        record(tracker.context, sign("treatment", tracker.new(), TODAY - timedelta(days=350)))
        report = watch(tracker)
        assert report.counts["ends soon"] == 1
        assert any("set up [companion]" in note for note in report.notes)


# --- coverage --------------------------------------------------------------------------------------------------------


def visit(tracker, patient, days=2, place="office", status="booked", **more):
    start = (tracker.clock.now() + timedelta(days=days)).isoformat()
    people = [{"actor": {"reference": r}, "status": "accepted"} for r in (patient, f"Location/{place}")]
    made = {"resourceType": "Appointment", "id": f"a-{patient[8:]}-{days}", "status": status, "start": start}
    tracker.ehr.put({**made, "participant": people, **more})


@pytest.fixture(scope="module")
def places(tracker):
    system = "http://terminology.hl7.org/CodeSystem/location-physical-type"
    for id, code in (("office", "bu"), ("video", "vi")):
        physical = {"coding": [{"system": system, "code": code}]}
        tracker.ehr.put({"resourceType": "Location", "id": id, "physicalType": physical})


def standing(tracker, patient):
    found = [c for c in coverage(tracker.context) if c.visit.patient == patient]
    return {kind.value: state for kind, state in found[0].standing.items()} if found else None


def test_what_a_visit_needs(tracker, sign, places):
    """Coverage: telehealth only for a virtual visit; the text consent for reminders; the next visit counts."""
    patient = tracker.new()
    visit(tracker, patient)
    assert standing(tracker, patient) == {"treatment": "missing", "text-messages": "missing"}
    visit(tracker, patient, days=1, place="video")
    assert standing(tracker, patient)["telehealth"] == "missing"
    for kind in ("treatment", "telehealth", "text-messages"):
        record(tracker.context, sign(kind, patient, TODAY))
    assert set(standing(tracker, patient).values()) == {"ok"}
    typed = tracker.new()
    concept = {"coding": [{"system": "https://x.example", "code": "telehealth"}]}
    visit(tracker, typed, serviceType=[concept])
    assert "telehealth" in standing(tracker, typed)


@pytest.mark.parametrize(
    ("state", "make"),
    [
        ("revoked", {"status": "inactive"}),
        ("refused", {"status": "rejected"}),
        ("refused", {"provision": {"type": "deny"}}),
        ("draft", {"status": "draft"}),
        ("expired", {"provision": {"type": "permit", "period": {"end": "2026-11-23"}}}),
        ("ends before", {"provision": {"type": "permit", "period": {"end": "2026-11-25"}}}),
        ("ok", {"provision": {"type": "permit", "period": {"end": "2026-11-26"}}}),
        ("not yet", {"provision": {"type": "permit", "period": {"start": "2026-12-24"}}}),
        ("cannot be computed", {"modifierExtension": [{"url": "https://x.example", "valueBoolean": True}]}),
    ],
)
def test_why_one_is_lacking(tracker, consent, places, state, make):
    """Coverage: each reason in a word, at the time of the visit."""
    patient = tracker.new()
    visit(tracker, patient)
    tracker.ehr.put(consent("treatment", id=f"c-{tracker.count}", patient={"reference": patient}, **make))
    assert standing(tracker, patient)["treatment"] == state


def test_visits_that_do_not_count(tracker, places):
    """Cancelled, declined, past, later than the window, without a start: not in the report, and nothing breaks."""
    for n, more in enumerate(
        (
            {"status": "cancelled"},
            {"days": 9},
            {"days": -1},
            {"start": None},
            {"start": "soon"},
            {"participant": [{"actor": {"display": "somebody"}, "status": "accepted"}]},
            {"participant": 7},
        )
    ):
        patient = tracker.new()
        visit(tracker, patient, **more)
        assert standing(tracker, patient) is None, n


def test_a_practice_says_what_its_visits_need(make_tracker, places):
    """Settings per practice."""
    needs = {
        "every_visit": ["treatment", "privacy"],
        "by_type": {"intake": ["release"]},
        "reminders_by": ["email"],
    }
    with make_tracker(settings={"needs": needs}) as tracker:
        patient = tracker.new()
        visit(tracker, patient, appointmentType={"coding": [{"code": "intake"}]})
        assert list(standing(tracker, patient)) == ["treatment", "privacy", "release", "unencrypted-email"]


def test_coverage_is_read_in_few_round_trips(make_tracker, sign, places):
    """No N+1: fifty-four clients more cost one search more (of fifty ids)."""
    costs = []
    for clients in (6, 60):
        with make_tracker() as tracker:
            for _ in range(clients):
                visit(tracker, tracker.new())
            assert len(coverage(tracker.context)) == clients  # and the capability statement is known by now
            before = requests_of(tracker.ehr)
            counts = summary(coverage(tracker.context))
            costs.append(requests_of(tracker.ehr) - before)
            assert counts["treatment: missing"] == clients
    assert costs == [4, 5]


def requests_of(ehr):
    return requests.get(ehr.base_url.replace("/fhir", "/_sandbox/requests"), timeout=10).json()["total"]


# --- the hooks -------------------------------------------------------------------------------------------------------


def test_the_demo_shows_coverage_and_one_explained_decision(make_tracker):
    """Issue 2, "shown", 5: a table by ids, its sums, and a decision with its reasons; nothing is written."""
    from dataclasses import fields

    from chartside.demo import Stage

    with make_tracker(clients=20) as tracker:
        said, tables = [], []
        parts = {
            "say": said.append,
            "table": lambda columns, rows, title: tables.append((columns, rows, title)),
        }
        parts |= {"host": tracker.host, "gateway": tracker.gateway}
        stage = Stage(**{field.name: parts.get(field.name) for field in fields(Stage)})
        before = tracker.ehr.sandbox.store.query(
            "SELECT count(*) FROM resource WHERE type != 'AuditEvent'", ()
        )
        tracker.host.plugins.call("chartside_demo", "consent", context=tracker.context, stage=stage)
        after = tracker.ehr.sandbox.store.query(
            "SELECT count(*) FROM resource WHERE type != 'AuditEvent'", ()
        )
    [(columns, rows, title)] = tables
    assert columns == ("client", "visit", "when", "lacks")
    assert rows
    assert "coverage" in title
    assert any("clients with a visit" in line for line in said)
    assert any(line.startswith("DENY: sms for REMIND") for line in said)
    assert before == after


def test_check_tells_of_forms_that_cannot_be_used(make_tracker, tmp_path):
    """``chartside check``: the file and what it lacks."""
    (tmp_path / "bad.json").write_text('{"resourceType": "Questionnaire"}')
    with make_tracker(settings={"forms": str(tmp_path)}) as tracker:
        found = tracker.host.plugins.call("chartside_check", "consent", context=tracker.context)
    assert len(found) == 1
    assert "bad.json: it has no url" in found[0]


def test_the_law_stands_in_the_explanation(tracker, sign):
    """explain: consent, provision path, base rule, and the law's own rule with its id."""
    from chartside.codes import TOOL_SYSTEM
    from chartside.gate.model import Action
    from chartside_consent.answering import ask

    patient = tracker.new(state="IL")
    record(tracker.context, sign("recording", patient, TODAY))
    answer = ask(
        tracker.context, patient, Action.RECORD, purpose="TRANSCRIBE", actor=f"{TOOL_SYSTEM}|transcription"
    )
    text = "\n".join(answer.lines())
    assert "recording consent" in text
    assert " provision]" in text
    assert "[US-IL-WOPR-RECORDING]" in text
    assert answer.decision.permitted
