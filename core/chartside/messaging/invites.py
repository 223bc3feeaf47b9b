"""Calendar attachments (R-20, RFC 5545 and 5546): one stable UID a visit, neutral words, no attendee's name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import icalendar

from chartside.messaging.channel import Attachment

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Invite:
    """A visit on a calendar.

    ``uid``: opaque and the same for the visit's whole life (an ``effect_key`` of its id). ``changed``: when the visit
    was changed last, from which SEQUENCE follows, so that it rises without being stored anywhere.
    ``summary``: neutral words, such as "Appointment, Larkspur". ``organizer``: the practice's e-mail address.
    """

    uid: str
    start: datetime
    end: datetime
    changed: datetime
    summary: str
    organizer: str = ""

    def request(self, now: datetime) -> Attachment:
        """The visit as it stands (METHOD REQUEST): adds it to a calendar, or moves it there."""
        return self._attachment("REQUEST", "CONFIRMED", now)

    def cancel(self, now: datetime) -> Attachment:
        """The visit is off (METHOD CANCEL): above every request for it, also where the EHR tells no change."""
        return self._attachment("CANCEL", "CANCELLED", now)

    def _attachment(self, method: str, status: str, now: datetime) -> Attachment:
        calendar = icalendar.Calendar()
        calendar.add("prodid", "-//Chartside//Reminders//EN")
        calendar.add("version", "2.0")
        calendar.add("method", method)
        calendar.add_component(self._event(status, now))
        content_type = f"text/calendar; method={method}; charset=utf-8"
        return Attachment("appointment.ics", content_type, calendar.to_ical())

    def _event(self, status: str, now: datetime) -> icalendar.Event:
        event = icalendar.Event()
        event.add("uid", f"{self.uid}@chartside")
        event.add("sequence", sequence(self.changed) + (status == "CANCELLED"))
        event.add("dtstamp", now.astimezone(UTC))
        event.add("dtstart", self.start.astimezone(UTC))
        event.add("dtend", self.end.astimezone(UTC))
        event.add("summary", self.summary)
        event.add("status", status)
        event.add("class", "PRIVATE")
        if self.organizer:
            event.add("organizer", f"mailto:{self.organizer}")
        return event


def sequence(changed: datetime) -> int:
    """Minutes since 2020: a later change has a higher number, and it fits 31 bits until the year 6100."""
    return max(0, int((changed - _EPOCH).total_seconds() // 60))
