"""Texts of messages: the alphabet, the length, the words (R-2, R-3), and calendar files (R-20)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import icalendar
import pytest

from chartside.messaging import gsm7
from chartside.messaging.invites import Invite, sequence
from chartside.messaging.templates import Template

WORST = {
    "practice": "M" * 40,
    "contact": "(518) 555-0100",
    "day": "Wed Sep 30",
    "time": "12:30 PM EST",
    "keys": "Reply STOP",
}
GOOD = "{{ practice }}: {{ day }} {{ time }}"


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("", 0),
        ("abc", 3),
        ("ñéüà", 4),
        ("€", 2),
        ("[{^}]", 10),
        ("á", None),
        ("ç", None),
        ("Ç", 1),
        ("👍", None),
        ("\n", 1),
    ],
)
def test_cost(text, cost):
    """R-2: extension letters take two places; other letters do not stand in the alphabet at all."""
    assert gsm7.cost(text) == cost


def test_plain():
    """R-2: what can be written plainly is; what cannot is left for the lint to name."""
    assert gsm7.plain("Clínica “Ánimo” – mié") == 'Clinica "Animo" - mié'
    assert gsm7.foreign(gsm7.plain("山")) == "山"


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (GOOD, ""),
        ("{{ practice }} {{ day }}", "{{ time }} is missing"),
        (GOOD + " with {{ clinician }}", "'clinician' is no variable"),
        (GOOD + " for therapy", "'therapy'"),
        (GOOD + " Dr. Smith, PhD", "'PhD'"),
        (GOOD + " your counseling visit", "'counseling'"),
        (GOOD + " su terapia", "'terapia'"),
        (GOOD + " psiquiatra", "'psiquiatra'"),
        (GOOD + " EMDR", "'EMDR'"),
        (GOOD + " you owe 20", "'owe'"),
        (GOOD + " saldo pendiente", "'saldo'"),
        (GOOD + " 20% discount", "'discount'"),
        (GOOD + " 山", "alphabet"),
        (GOOD + " " + "x" * 120, "shorten it by"),
        (GOOD + " {{ 'the' ~ 'rapy' }}", "'therapy'"),
        (GOOD + " {{ 1 / 0 }}", "cannot be read"),
        (GOOD + " {{ day | round }}", "cannot be read"),
        (GOOD + " {{ self.__init__.__globals__ }}", "cannot be read"),
        (GOOD + "{% include '/etc/passwd' %}", "cannot be read"),
        ("{{ practice", "cannot be read"),
        ("{{ practice.__class__ }} {{ day }} {{ time }}", "cannot be read"),
        ("{% for x in range(9) %}{{ practice }}{% endfor %}{{ day }}{{ time }}", "'range' is no variable"),
    ],
)
def test_lint(source, named):
    """R-2, R-3: neutral, short, and only the variables that are allowed; the same rules for everybody's texts."""
    problems = Template("t", source).lint(WORST)
    assert bool(problems) is bool(named)
    assert named in " ".join(problems)


def test_an_email_may_be_long_but_not_telling():
    """R-2: length is of text messages only; words are of all."""
    assert Template("t", GOOD + " " + "x" * 500, one_text=False).lint(WORST) == []
    assert Template("t", GOOD + " diagnosis", one_text=False).lint(WORST)


def test_render_errors_hold_no_values():
    """S-8: what goes wrong in a text does not tell what was to be in it."""
    with pytest.raises(ValueError, match="template t: UndefinedError") as caught:
        Template("t", "{{ nobody }}").render({"practice": "Secretname"})
    assert "Secretname" not in str(caught.value)


NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)


def parsed(attachment):
    calendar = icalendar.Calendar.from_ical(attachment.content)
    [event] = calendar.walk("VEVENT")
    return calendar, event


def invite(start=NOW + timedelta(hours=20), changed=NOW - timedelta(days=1)):
    return Invite("ab12", start, start + timedelta(minutes=50), changed, "Appointment", "desk@example.org")


def test_request_and_cancel():
    """R-20: one UID for the visit's life, METHOD, neutral words, nobody's name."""
    for attachment, method, status in (
        (invite().request(NOW), "REQUEST", "CONFIRMED"),
        (invite().cancel(NOW), "CANCEL", "CANCELLED"),
    ):
        calendar, event = parsed(attachment)
        assert (calendar["METHOD"], event["STATUS"], event["UID"]) == (method, status, "ab12@chartside")
        assert f"method={method}" in attachment.content_type
        assert event["SUMMARY"] == "Appointment"
        assert event["CLASS"] == "PRIVATE"
        assert "ATTENDEE" not in event
        assert "DESCRIPTION" not in event
        assert event.decoded("dtstart") == NOW + timedelta(hours=20)


def test_sequence_rises_with_each_change():
    """R-20: a visit that was moved carries a higher SEQUENCE, though nothing is stored anywhere."""
    first = parsed(invite().request(NOW))[1]
    again = parsed(invite().request(NOW + timedelta(days=1)))[1]
    moved = parsed(invite(NOW + timedelta(hours=30), NOW).request(NOW))[1]
    assert first["SEQUENCE"] == again["SEQUENCE"] < moved["SEQUENCE"]
    off = parsed(invite().cancel(NOW))[1]
    assert off["SEQUENCE"] > first["SEQUENCE"], "also where the EHR does not say when it was cancelled"
    assert 0 <= sequence(datetime(2100, 1, 1, tzinfo=UTC)) < 2**31
