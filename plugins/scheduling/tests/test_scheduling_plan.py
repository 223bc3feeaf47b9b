"""Steps, visits, people, texts: the pure part of the reminders (R-1, R-2, R-8, R-10)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartside.clock import FrozenClock
from chartside.codes import ROLE_CODE_SYSTEM
from chartside.config import Practice
from chartside.messaging import gsm7
from chartside_scheduling import visits
from chartside_scheduling.people import TIMEZONE, is_minor, reach
from chartside_scheduling.settings import Settings
from chartside_scheduling.steps import Rules
from chartside_scheduling.texts import SHIPPED, Texts, day_of, time_of
from chartside_scheduling.visits import Visit

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
RULES = Rules((72, 24), {"short": (4,), "none": ()}, 2, 24)


def hours(n):
    return timedelta(hours=n)


@pytest.mark.parametrize(
    ("left", "types", "step"),
    [
        (80, (), None),
        (72, (), 72),
        (60, (), 72),
        (48.1, (), 72),
        (48, (), None),  # a day late: the host was down, and the next step comes soon
        (24, (), 24),
        (20, (), 24),  # both steps passed: only the nearest
        (2, (), 24),
        (1.9, (), None),  # too short notice
        (-1, (), None),
        (20, ("short",), None),
        (3, ("short", "other"), 4),
        (20, ("none",), None),
        (20, ("short", "none"), None),
    ],
)
def test_due(left, types, step):
    """R-1: 72 and 24 hours before by default, other steps by type; after a pause the nearest step only."""
    assert RULES.due(NOW + hours(left), types, NOW) == step


def test_a_step_holds_over_a_night():
    """R-8: what comes due at 20:00 may still go out at 09:00; 13 hours late is within the default."""
    assert Settings().rules.due(NOW + hours(72 - 13), (), NOW) == 72


@given(left=st.floats(-10, 400), types=st.sets(st.sampled_from(["short", "none", "other"])))
def test_whatever_is_due_lies_in_a_window(left, types):
    """Cost: only the windows are searched, and nothing that is due lies outside of them."""
    start = NOW + hours(left)
    if RULES.due(start, types, NOW) is not None:
        assert any(window.start <= start < window.end for window in RULES.windows(NOW))


def test_windows_are_few_and_narrow():
    """Cost: the search spans what may be due, not the whole calendar; windows that touch are one."""
    assert [(w.start - NOW, w.end - NOW) for w in Rules((72, 24), {}, 2, 24).windows(NOW)] == [
        (hours(2), hours(24) + timedelta(seconds=1)),
        (hours(48), hours(72) + timedelta(seconds=1)),
    ]
    assert [(w.start - NOW, w.end - NOW) for w in Rules((72, 24), {}, 2, 24).gaps(NOW)] == [
        (hours(0), hours(2)),
        (hours(24) + timedelta(seconds=1), hours(48)),
    ]
    assert len(Rules((48, 24), {}, 2, 24).windows(NOW)) == 1
    assert RULES.until(NOW + hours(20), 24) == NOW + hours(18)
    assert RULES.until(NOW + hours(72), 72) == NOW + hours(24)


# --- visits ----------------------------------------------------------------------------------------------


def appointment(**changes):
    made = {
        "resourceType": "Appointment",
        "id": "a1",
        "status": "booked",
        "start": "2026-11-25T09:00:00-05:00",
        "participant": [
            {"actor": {"reference": "Patient/p1"}, "status": "accepted"},
            {"actor": {"reference": "https://ehr.example.org/fhir/Patient/p2"}, "status": "needs-action"},
            {"actor": {"reference": "Patient/p3"}, "status": "declined"},
            {"actor": {"reference": "Practitioner/d1"}, "status": "accepted"},
        ],
    }
    return made | changes


def test_a_visit():
    """A group has several clients; who declined is left out; the zone of the start is heeded."""
    base = "https://ehr.example.org/fhir/"
    visit = visits.read(appointment(), lambda reference: reference.removeprefix(base))
    assert visit.patients == ("Patient/p1", "Patient/p2")
    assert visit.start == datetime(2026, 11, 25, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    "reference",
    [
        "https://other.example.org/fhir/Patient/p1",
        "Patient/p1,p2",
        "Patient/",
        "Patient/a b",
        "Patient/..",
        "Patient/\x1b[31m",
        "Practice/Patient/p1",
        "#Patient/p1",
        "urn:uuid:7d2a",
        7,
    ],
)
def test_a_reference_that_leads_elsewhere_is_nobody(reference):
    """The same id at another server is another person; what is no reference never gets into a search."""
    other = {"actor": {"reference": reference}, "status": "accepted"}
    assert visits.read(appointment(participant=[other])) == "no client takes part"


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "proposed"},
        {"status": ["booked"]},
        {"status": None},
        {"start": None},
        {"start": "2026-11-25"},
        {"start": "2026-11-25T09:00:00"},
        {"start": "soon"},
        {"participant": []},
        {"participant": "nobody"},
        {"id": 7},
    ],
)
def test_what_is_no_visit_says_why(changes):
    """H-4: one bad record is set aside, with a reason and without its content."""
    assert isinstance(visits.read(appointment(**changes)), str)


def test_what_a_version_is():
    """R-10: a note, an arrival, another versionId is no reason to write again; another start is."""
    first = visits.read(appointment(meta={"versionId": "1", "lastUpdated": "2026-11-20T10:00:00Z"}))
    noted = visits.read(
        appointment(meta={"versionId": "9", "lastUpdated": "2026-11-24T10:00:00Z"}, comment="x")
    )
    same = visits.read(appointment(start="2026-11-25T14:00:00Z"))
    moved = visits.read(appointment(start="2026-11-25T15:00:00Z"))
    assert first.version == noted.version == same.version != moved.version


# --- people -------------------------------------------------------------------------------------------------


def patient(**changes):
    made = {
        "resourceType": "Patient",
        "id": "p1",
        "birthDate": "1980-01-01",
        "address": [{"state": "NY"}],
        "communication": [
            {"language": {"coding": [{"code": "en"}]}},
            {"language": {"coding": [{"code": "es-MX"}]}, "preferred": True},
        ],
        "telecom": [
            {"system": "phone", "value": "(518) 555-0142", "use": "mobile", "rank": 2},
            {"system": "email", "value": "client@example.org", "rank": 3},
        ],
    }
    return made | changes


def phone(**changes):
    return {"system": "phone", "value": "518 555 0142", "use": "mobile"} | changes


def reached(person, guardians=()):
    return reach(person, guardians, ("sms", "email"), NOW, 18)


def guardian(n=1, **changes):
    made = {
        "resourceType": "RelatedPerson",
        "id": f"g{n}",
        "relationship": [{"coding": [{"system": ROLE_CODE_SYSTEM, "code": "GUARD"}]}],
        "telecom": [phone(value=f"518 555 011{n}")],
    }
    return made | changes


def test_how_a_client_is_reached():
    """R-3, R-17: the numbers that the client gave, in the client's order; language and state for texts and law."""
    found = reached(patient())
    assert dict(found.addresses) == {"sms": "+15185550142", "email": "client@example.org"}
    assert (found.language, found.state, found.recipient, found.problem) == ("es", "NY", "", "")
    assert "555" not in repr(found)
    preferred = patient(telecom=[phone(rank=2), {"system": "email", "value": "a@example.org", "rank": 1}])
    assert list(reached(preferred).addresses) == ["email", "sms"]


@pytest.mark.parametrize(
    "telecom",
    [
        [],
        None,
        [phone(use="old")],
        [phone(use="work")],
        [phone(use="home")],
        [phone(value="12")],
        [phone(period={"end": "2026-01-01T00:00:00Z"})],
        [phone(period={"end": "2026-11-22"})],
        [phone(period={"end": "2026-10"})],
        [phone(period={"end": "2025"})],
        [phone(period={"end": "2026-11-22T09:00:00"})],
        [phone(period={"end": "long ago"})],
        [{"system": "email", "value": "nobody"}],
        [{"system": "email", "value": "a@b.org\nBcc: c@d.org"}],
        [{"system": "email", "value": "a(b)@c.org"}],
        [{"system": "email", "value": "a@b@c.org"}],
        [{"system": "fax", "value": "518 555 0142"}],
    ],
)
def test_nobody_is_written_to_at_such_addresses(telecom):
    """R-3: old, at work, a landline, ended, no number at all, a second header line."""
    assert reached(patient(telecom=telecom)).problem == "no mobile number or e-mail address"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"deceasedBoolean": True}, "deceased"),
        ({"deceasedDateTime": "2026-11-01"}, "deceased"),
        ({"active": False}, "the client's record is inactive"),
        ({"deceasedBoolean": False}, ""),
    ],
)
def test_who_is_not_written_to(changes, problem):
    """Held, with the reason."""
    assert reached(patient(**changes)).problem == problem


def test_a_record_that_was_merged_is_not_used():
    """What a client took back may stand in the record that is left."""
    merged = patient(link=[{"other": {"reference": "Patient/2"}, "type": "replaced-by"}])
    assert reached(merged).problem == "the client's record was merged into another"
    assert not reached(patient(link=[{"other": {"reference": "Patient/2"}, "type": "replaces"}])).problem


def test_an_extension_is_no_number_to_text():
    """R-3: without it the text would reach the front desk of the client's workplace."""
    telecom = [{"system": "phone", "value": "+1 212 555 0133 ext. 5", "use": "mobile"}]
    assert reached(patient(telecom=telecom)).problem == "no mobile number or e-mail address"


def test_a_start_without_its_zone_is_told_as_such():
    """Seen in the field; the vendor has to mend it, so IT staff must know what."""
    assert visits.read(appointment(start="2026-11-25T11:00:00")).startswith("its start has no time zone")
    assert visits.read(appointment(start="2026-11-25")) == "no start or id that can be read"


def test_minors_through_their_one_guardian():
    """A minor's own number is never used; with two guardians the staff must say whom, lest a secret be told."""
    minor = patient(birthDate="2012-05-01")
    assert reached(minor).problem == "minor: no guardian contact"
    found = reached(minor, [guardian()])
    assert (found.recipient, dict(found.addresses)) == ("RelatedPerson/g1", {"sms": "+15185550111"})
    assert reached(minor, [guardian(), guardian(2)]).problem.startswith("minor: more than one guardian")
    one = reached(minor, [guardian(), guardian(2, telecom=[])])  # so the staff says whom: one number is left
    assert one.recipient == found.recipient
    assert reached(minor, [guardian(active=False)]).problem == "minor: no guardian contact"
    friend = guardian(relationship=[{"coding": [{"system": ROLE_CODE_SYSTEM, "code": "FRND"}]}])
    assert reached(minor, [friend]).problem == "minor: no guardian contact"
    assert reached(minor, [guardian(telecom=[])]).problem == "minor: no guardian contact"
    assert reached(minor, [guardian(id="g 1")]).problem == "minor: no guardian contact"


@pytest.mark.parametrize(
    ("born", "minor"),
    [
        ("2008-11-24", False),  # eighteen today
        ("2008-11-25", True),
        ("2008-11", True),  # perhaps not before the thirtieth
        ("2008", True),
        ("2007", False),
        ("2008-02-29", False),
        ("", False),
    ],
)
def test_age(born, minor):
    """A date of month or year counts from its last day."""
    assert is_minor({"birthDate": born}, date(2026, 11, 24), 18) is minor


def test_zones():
    """R-8: the stated zone alone; else the practice's and every one of the number's."""
    stated = patient(extension=[{"url": TIMEZONE, "valueCode": "Pacific/Honolulu"}])
    assert reached(stated).zones("sms", "America/New_York") == ("Pacific/Honolulu",)
    nonsense = patient(extension=[{"url": TIMEZONE, "valueCode": "Mars/Olympus"}])
    assert reached(nonsense).zones("sms", "America/Chicago") == ("America/Chicago", "America/New_York")
    assert reached(nonsense).zones("email", "America/Chicago") == ("America/Chicago",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(name=st.sampled_from(sorted(appointment())), value=JSON)
def test_garbled_appointments_raise_nothing(name, value):
    """H-4: a record that makes no sense is set aside, never fatal."""
    visits.read(appointment(**{name: value, "meta": value, "appointmentType": value, "serviceType": value}))
    visits.read(appointment(participant=[{"actor": value, "status": value}], serviceType=[{"coding": value}]))


@given(name=st.sampled_from(["birthDate", "address", "communication", "telecom", "extension"]), value=JSON)
def test_garbled_clients_raise_nothing(name, value):
    """H-4: nor is a client's record, or a guardian's."""
    reached(patient(**{name: value}))
    reached(
        patient(telecom=[{"system": "phone", "value": value, "use": value, "rank": value, "period": value}])
    )
    reached(patient(extension=[{"url": TIMEZONE, "valueCode": value}], address=[{"state": value}]))
    reached(patient(birthDate="2015"), [guardian(relationship=[{"coding": [{"code": value}]}], active=value)])


# --- texts -----------------------------------------------------------------------------------------------

PRACTICE = Practice(
    id="p", name="Larkspur", phone="+1 518 555 0100", time_zone="America/New_York", state="NY"
)
VISIT = Visit("a1", datetime(2026, 11, 25, 20, 5, tzinfo=UTC), NOW, ("Patient/p1",), frozenset(), NOW)


def texts(practice=PRACTICE, **settings):
    return Texts(Settings(**settings), practice)


def test_shipped_texts_are_right_at_their_worst():
    """R-2: at most 160 GSM-7 letters in every language, with the longest name that a config takes and all keys."""
    longest = PRACTICE.model_copy(update={"name": "M" * 40})
    made = texts(longest, reply_keys=True)
    assert made.problems() == []
    for name in ("sms.en", "sms.es"):
        kind, language = name.split(".")
        text = made.template(kind, language).render(made.worst(kind, language))
        assert 0 < gsm7.cost(text) <= 160
    assert set(SHIPPED) == {
        f"{kind}.{language}" for kind in ("sms", "email", "cancelled") for language in ("en", "es")
    }


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Larkspur: your appointment is Wed Nov 25 at 3:05 PM. Changes: (518) 555-0100. {keys}"),
        ("es", "Larkspur: su cita es el mié 25 nov, 3:05 pm. Cambios: (518) 555-0100. {keys}"),
    ],
)
def test_a_text(language, text):
    """R-2: practice, day, time, contact, keys; nothing else. The EHR gets the template's id."""
    made = texts().render("sms", language, VISIT, "America/New_York", FrozenClock(NOW))
    keys = {"en": "Reply STOP to opt out.", "es": "Responda STOP para no recibir avisos."}[language]
    assert (made.body, made.template) == (text.format(keys=keys), f"reminder.sms.{language}")


def test_the_zone_is_named_where_the_clients_clock_differs():
    """R-9: a client elsewhere reads the practice's time with its zone, and cannot be an hour off."""
    body = texts().render("sms", "en", VISIT, "America/Chicago", FrozenClock(NOW)).body
    assert "3:05 PM EST" in body


def test_email_has_a_calendar_file():
    """R-20: by default, and not where the practice does not want it."""
    made = texts().render("email", "es", VISIT, "", FrozenClock(NOW))
    assert made.subject == "Su cita"
    assert [a.filename for a in made.attachments] == ["appointment.ics"]
    assert texts(calendar=False).render("email", "es", VISIT, "", FrozenClock(NOW)).attachments == ()


def test_a_practices_own_text_is_held_to_the_same_rules():
    """R-2: also the practice's name, which may be too long or hold foreign letters for the alphabet."""
    own = {"sms.en": "{{ practice }}: your therapy session is {{ day }} at {{ time }}"}
    assert any("'therapy'" in problem for problem in texts(texts=own).problems())
    good = {"sms.en": "{{ practice }}: see you {{ day }}, {{ time }}. {{ keys }}"}
    made = texts(texts=good)
    assert made.problems() == []
    assert made.template("sms", "en").id == "reminder.own.sms.en"
    assert any("山" in problem for problem in texts(PRACTICE.model_copy(update={"name": "山"})).problems())
    with pytest.raises(ValueError, match=r"sms\.fr"):
        Settings(texts={"sms.fr": "x"})


@given(at=st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)))
def test_days_and_times_fit_the_alphabet(at):
    """R-2: every day of the year in every language."""
    for language in ("en", "es"):
        assert gsm7.cost(day_of(at, language) + time_of(at, language)) is not None


def test_noon_and_midnight():
    """12 AM is midnight."""
    assert [time_of(datetime(2026, 1, 1, h), "en") for h in (0, 11, 12, 23)] == [
        "12:00 AM",
        "11:00 AM",
        "12:00 PM",
        "11:00 PM",
    ]
