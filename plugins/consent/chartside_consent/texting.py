"""A client's text, or a call, that asks for no more texts: honoured at once, confirmed once (R-4 to R-7).

The confirmation goes out within five minutes or not at all, without marketing, and nothing follows it (47 CFR
64.1200(a)(12)). At night, when nothing may be sent, there is none; the opt-out counts all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from chartside import effect_key
from chartside.codes import (
    CONSENT_CHANNEL_SYSTEM,
    CONSENT_REVOCATION,
    ConsentType,
    MessageCategory,
    Purpose,
    TaskCode,
    has_coding,
)
from chartside.gate.model import Action, Decision, DecisionRequest, Outcome, Reason
from chartside.jobs.tasks import StaffTask
from chartside.messaging import numbers
from chartside.messaging.model import Intent, Rendered, Status, Way
from chartside.messaging.templates import Template

from .keeping import consents_of_many
from .optout import Kind, Reply, read_reply
from .recording import parts_of, revoked_at
from .revoking import Revocation, Revoked, revoke
from .signing import Channel

if TYPE_CHECKING:
    from chartside.context import Context

WINDOW: Final = timedelta(minutes=5)
"""47 CFR 64.1200(a)(12): a confirmation after that is presumed to be no confirmation."""

TEXTS: Final = {
    "opt-out.en": "{{ practice }}: you are opted out and will get no more texts from us. Questions: {{ contact }}.",
    "opt-out.es": "{{ practice }}: no le mandaremos mas mensajes de texto. Preguntas: {{ contact }}.",
    "some.en": "{{ practice }}: no more texts of this kind. To end all reply STOP. Questions: {{ contact }}.",
    "some.es": "{{ practice }}: no mas mensajes de este tipo. Para ninguno responda ALTO. Dudas: {{ contact }}.",
    "cancel.en": "{{ practice }}: you are opted out of our texts. To cancel a visit please call {{ contact }}.",
    "cancel.es": "{{ practice }}: no le mandaremos mas mensajes. Para cancelar una cita llame al {{ contact }}.",
    "clarify.en": "{{ practice }}: to end our texts reply STOP. To change a visit please call {{ contact }}.",
    "clarify.es": "{{ practice }}: para no recibir mensajes responda ALTO. Para cambiar una cita: {{ contact }}.",
}
"""The one text that answers. Each fits into one message of 160 letters with a name of 40."""

_ASKS: Final = {
    Kind.CANCEL: "A client texted CANCEL. By law that ends our texts, and they have been ended. "
    "The client may have meant a visit: please call.",
    Kind.CLARIFY: "A client's text may ask for an end of our texts, or to cancel a visit. Nothing was changed. "
    "Please read it and call the client.",
    Kind.DANGER: "A client's text sounds like danger to somebody's life. Please read it now and act by your crisis "
    "plan. No program answered it.",
}


@dataclass(frozen=True, slots=True)
class Inbound:
    """A text that came in. ``number``: where it came from, in E.164; ``id``: the provider's id of it, so that the same
    one delivered twice counts once. Whoever calls has passed it through the crisis router first (R-19).
    """

    patient: str
    text: str = field(repr=False)
    number: str = field(repr=False)
    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of it: ``reply`` (how it was read), ``revoked`` (what was taken back), ``confirmation`` (of the one
    text: sent, held back ... with the reason), ``task``: whether the staff was asked to look.
    """

    reply: Reply
    revoked: Revoked | None = None
    confirmation: str = ""
    task: bool = False


def on_text(context: Context, inbound: Inbound, *, dry_run: bool = False) -> Answered:
    """Read a client's text, and honour it where it ends the texts. A second delivery does nothing twice."""
    reply = read_reply(inbound.text)
    if reply.kind is Kind.NOTHING:
        return Answered(reply)
    revoked = None
    if reply.opts_out:  # before everything else: from here on nothing is sent
        asked = Revocation(
            inbound.patient, Channel.TEXT, inbound.at, ConsentType.TEXT_MESSAGES, category=reply.category
        )
        revoked = revoke(context, asked, dry_run=dry_run)
    asks = _task(context, inbound, reply)
    if asks and not dry_run:
        context.tasks.ask([asks])
    told = "" if reply.kind is Kind.DANGER else _confirm(context, inbound, reply, revoked, dry_run)
    return Answered(reply, revoked, told, bool(asks))


def _task(context: Context, inbound: Inbound, reply: Reply) -> StaffTask | None:
    if reply.kind not in _ASKS:
        return None
    key = effect_key(context.practice.id, "text", inbound.patient, inbound.id, reply.kind)
    urgent = "stat" if reply.kind is Kind.DANGER else "urgent"
    return StaffTask(key, TaskCode.FOLLOW_UP, _ASKS[reply.kind], inbound.patient, priority=urgent)


def _confirm(context: Context, inbound: Inbound, reply: Reply, revoked: Revoked | None, dry_run: bool) -> str:
    """The one text, through the only way to a client. Told in a few words what became of it.

    It is named by the consent that was taken back, so that a second STOP is not answered again.
    """
    if not context.settings.confirm_opt_out:
        return "no confirmation: switched off"
    way = Way(
        "sms",
        inbound.number,
        tuple(dict.fromkeys((context.practice.time_zone, *numbers.zones_of(inbound.number)))),
        lambda: render(context, reply),
    )
    intent = Intent(
        parts=(reply.kind, inbound.patient, *_about(context, inbound, revoked)),
        patient=inbound.patient,
        ways=(way,),
        until=inbound.at + WINDOW,
        category=MessageCategory.OPT_OUT,
        purpose=Purpose.REMIND,
        language=reply.language,
    )
    [outcome] = context.messages.deliver([intent], dry_run=dry_run)
    done = outcome.status in (Status.SENT, Status.ALREADY, Status.WOULD)
    return outcome.status.value if done else f"{outcome.status.value}: {outcome.reason}"


def _about(context: Context, inbound: Inbound, revoked: Revoked | None) -> tuple[str, ...]:
    if revoked:
        return (*revoked.consents, revoked.refusal)
    return (f"{inbound.at.astimezone(ZoneInfo(context.practice.time_zone)):%Y-%m-%d}",)  # one a day


def template(reply: Reply) -> Template:
    """The text for this reply."""
    some = reply.kind is Kind.OPT_OUT and reply.category is not None
    name = f"{'some' if some else reply.kind.value}.{reply.language}"
    return Template(f"consent.{name}", TEXTS[name])


def render(context: Context, reply: Reply) -> Rendered:
    """The text, filled in."""
    made = template(reply)
    practice = context.settings.short_name or context.practice.name
    contact = numbers.spoken(context.practice.phone)
    return Rendered(made.render({"practice": practice, "contact": contact}), template=made.id)


# --- the gate: one confirmation may follow an opt-out ------------------------------------------------------------


def confirming(context: Context, requests: Sequence[DecisionRequest]) -> dict[int, Decision]:
    """Permits, by the request's place, for the one text that confirms an opt-out by text of the last five minutes."""
    asked = {
        n: r
        for n, r in enumerate(requests)
        if r.action is Action.SMS and r.category == MessageCategory.OPT_OUT
    }
    if not asked:
        return {}
    consents = consents_of_many(context, list(dict.fromkeys(r.patient for r in asked.values())))
    found = {n: _recent(consents.get(r.patient, ()), r.at) for n, r in asked.items()}
    return {n: _permit(source) for n, source in found.items() if source}


def _permit(source: str) -> Decision:
    text = "One text may confirm an opt-out within five minutes (47 CFR 64.1200(a)(12))."
    return Decision(Outcome.PERMIT, (Reason(source, Outcome.PERMIT, "extension[consent-revocation]", text),))


def _recent(consents: Sequence[dict[str, object]], at: datetime) -> str:
    """The consent that was taken back by text within the window; empty for none."""
    for consent in consents:
        parts = {p.get("url"): p for p in parts_of(consent, CONSENT_REVOCATION)}
        channel = [parts.get("channel", {}).get("valueCoding")]
        ended = revoked_at(consent)
        by_text = has_coding(channel, CONSENT_CHANNEL_SYSTEM, Channel.TEXT)
        if ended and by_text and timedelta() <= at - ended <= WINDOW:
            return f"Consent/{consent['id']}"
    return ""
