"""The words of a reminder, in English and Spanish, the practice's own or those that are shipped (R-2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from chartside import effect_key
from chartside.messaging.invites import Invite
from chartside.messaging.model import Rendered
from chartside.messaging.numbers import spoken
from chartside.messaging.templates import Template

if TYPE_CHECKING:
    from chartside.clock import Clock
    from chartside.config import Practice
    from chartside_scheduling.settings import Settings
    from chartside_scheduling.visits import Visit

# No "a las" in Spanish: one o'clock is "a la una". No "más": its accent does not stand in the GSM alphabet.
SHIPPED = {
    "sms.en": "{{ practice }}: your appointment is {{ day }} at {{ time }}. Changes: {{ contact }}. {{ keys }}",
    "sms.es": "{{ practice }}: su cita es el {{ day }}, {{ time }}. Cambios: {{ contact }}. {{ keys }}",
    "email.en": "Hello,\n\nyour appointment with {{ practice }} is on {{ day }} at {{ time }}.\n\n"
    "To change it, please call {{ contact }}.\n",
    "email.es": "Hola:\n\nsu cita con {{ practice }} es el {{ day }}, {{ time }}.\n\n"
    "Para cambiarla, llame al {{ contact }}.\n",
    "cancelled.en": "Hello,\n\nyour appointment with {{ practice }} on {{ day }} at {{ time }} was cancelled.\n\n"
    "To make a new one, please call {{ contact }}.\n",
    "cancelled.es": "Hola:\n\nsu cita con {{ practice }} del {{ day }}, {{ time }}, fue cancelada.\n\n"
    "Para pedir otra, llame al {{ contact }}.\n",
}
SUBJECTS = {
    "email": {"en": "Your appointment", "es": "Su cita"},
    "cancelled": {"en": "Your appointment was cancelled", "es": "Su cita fue cancelada"},
}
SUMMARIES = {"en": "Appointment", "es": "Cita"}
LANGUAGES = tuple(SUMMARIES)

_KEYS = {"en": "Reply STOP to opt out.", "es": "Responda STOP para no recibir avisos."}
_REPLY_KEYS = {
    "en": "Reply 1=yes 2=move 3=cancel STOP=end",
    "es": "Responda 1=ok 2=mover 3=cancelar STOP=fin",
}
# Written out, for the machine's locale must not change what clients read; all letters stand in the GSM alphabet.
_DAYS = {
    "en": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    "es": ["lun", "mar", "mié", "jue", "vie", "sab", "dom"],
}
_MONTHS = {
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "es": ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"],
}
_HALVES = {"en": ("AM", "PM"), "es": ("am", "pm")}


class Texts:
    """Makes texts. ``settings`` and ``practice`` are those of the plugin's context."""

    def __init__(self, settings: Settings, practice: Practice) -> None:
        self._settings, self._practice = settings, practice
        self._zone = ZoneInfo(practice.time_zone)
        self._sources = {**SHIPPED, **settings.texts}

    def language(self, wanted: str) -> str:
        """The client's language where there is a text in it, else the practice's."""
        return wanted if wanted in LANGUAGES else self._settings.language

    def template(self, kind: str, language: str) -> Template:
        """The text for one kind of channel, or for the e-mail about a cancelled visit, and language."""
        name = f"{kind}.{language}"
        own = "own." if name in self._settings.texts else ""
        return Template(f"reminder.{own}{name}", self._sources[name], one_text=kind == "sms")

    def render(self, kind: str, language: str, visit: Visit, client_zone: str, clock: Clock) -> Rendered:
        """The message. The time is the practice's; its zone is named where the client's clock shows another hour."""
        template = self.template(kind, language)
        start = visit.start.astimezone(self._zone)
        other = bool(client_zone) and start.utcoffset() != start.astimezone(ZoneInfo(client_zone)).utcoffset()
        zone = f" {start.tzname()}" if other else ""
        body = template.render(self._values(kind, language, start, zone))
        if kind == "sms":
            return Rendered(body, template=template.id)
        invite = self._invite(visit, language)
        file = invite.cancel(clock.now()) if kind == "cancelled" else invite.request(clock.now())
        return Rendered(
            body, SUBJECTS[kind][language], (file,) if self._settings.calendar else (), template.id
        )

    def problems(self) -> list[str]:
        """What is wrong with the texts, one sentence each, for ``chartside check``."""
        found = []
        for name in self._sources:
            kind, _, language = name.partition(".")
            found += self.template(kind, language).lint(self.worst(kind, language))
        return found

    def worst(self, kind: str, language: str) -> dict[str, str]:
        """The longest values that a text can be filled with here."""
        zones = [datetime(2026, month, 1, tzinfo=self._zone).tzname() or "" for month in (1, 7)]
        longest = datetime(2026, 9, 30, 12, 30, tzinfo=self._zone)
        return self._values(kind, language, longest, f" {max(zones, key=len)}")

    def _values(self, kind: str, language: str, start: datetime, zone: str) -> dict[str, str]:
        name = self._settings.short_name if kind == "sms" else ""
        keys = (_REPLY_KEYS if self._settings.reply_keys else _KEYS)[language]
        return {
            "practice": name or self._practice.name,
            "contact": spoken(self._practice.phone),
            "day": day_of(start, language),
            "time": time_of(start, language) + zone,
            "keys": keys,
        }

    def _invite(self, visit: Visit, language: str) -> Invite:
        uid = effect_key(self._practice.id, "calendar", visit.reference)
        end = max(visit.end, visit.start + timedelta(minutes=1))
        summary = SUMMARIES[language]
        return Invite(uid, visit.start, end, visit.changed, summary, self._practice.email)


def day_of(at: datetime, language: str) -> str:
    """``Tue Nov 24``; ``mar 24 nov``."""
    day, month = _DAYS[language][at.weekday()], _MONTHS[language][at.month - 1]
    return f"{day} {month} {at.day}" if language == "en" else f"{day} {at.day} {month}"


def time_of(at: datetime, language: str) -> str:
    """``3:05 PM``; ``3:05 pm``."""
    return f"{at.hour % 12 or 12}:{at.minute:02d} {_HALVES[language][at.hour >= 12]}"
