"""Which texts end the texts (R-4 to R-7): phrasings in two languages, with slips, and false positives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartside.codes import MessageCategory
from chartside_consent.optout import Kind, distance, read_reply

OPT_OUT = [
    "STOP",
    "stop",
    "Stop.",
    "STOP!!!",
    "stop please",
    "Please stop",
    "S T O P",
    "s.t.o.p",
    "st0p",
    "stpo",
    "sotp",
    "stopp",
    "STOOOP",
    "sstop",
    "dtop",
    "stop stop stop",
    "STOPALL",
    "stop all",
    "quit",
    "QUIT",
    "Quit!",
    "end",
    "END",
    "End.",
    "revoke",
    "Revoke",
    "opt out",
    "OPT OUT",
    "opt-out",
    "optout",
    "Opt me out",
    "I want to opt out",
    "opting out",
    "unsubscribe",
    "UNSUBSCRIBE",
    "unsub",
    "unsubscibe",
    "unsubsribe",
    "unsubcribe",
    "Please unsubscribe me",
    "stop texting me",
    "Stop sending me messages",
    "stop the texts",
    "please stop these texts",
    "no more texts",
    "No more messages please",
    "don't text me",
    "do not text me anymore",
    "dont text me",
    "Do not contact me",
    "I don't want these texts",
    "i dont want to get text messages any more",
    "take me off your list",
    "Take me off this",
    "remove me",
    "Remove my number",
    "remove me from your texts",
    "delete my number",
    "leave me alone",
    "stop bothering me",
    "STOP. I don't want this",
    "Stop! This is too much",
    "please end these messages",
    "quit texting me",
    "can you stop texting me",
    "could you please stop the messages",
    "How do I stop these texts?",
    "i revoke my consent",
    "I withdraw my permission to text me",
    "cancel text messages",
    "cancel these texts",
    "turn off the texts",
    "enough with the texts",
    "wrong number",
    "not interested",
    "never text me again",
    "lose my number",
    "I no longer want to receive texts",
    "i'd rather not get messages",
    "remove",
    "stop now",
    "STOP NOW PLEASE",
    "hi please stop thanks",
    "i said stop",
    "stop it",
    "ALTO",
    "alto",
    "Alto por favor",
    "parar",
    "PARE",
    "pare por favor",
    "basta",
    "Basta ya",
    "baja",
    "fin",
    "FIN",
    "terminar",
    "detener",
    "no más",
    "no mas mensajes",
    "No más mensajes por favor",
    "no me manden mensajes",
    "no me escriban más",
    "No me envíen textos",
    "ya no quiero mensajes",
    "no quiero recibir mensajes de texto",
    "dejen de escribirme",
    "deje de mandarme mensajes",
    "dejen de enviarme textos",
    "quiero darme de baja",
    "darme de baja",
    "quítenme de la lista",
    "Quiteme de la lista",
    "borren mi número",
    "retiro mi permiso",
    "paren los mensajes",
    "desuscribir",
    "cancelen los mensajes",
    "dejenme en paz",
    "stop 🛑",
    '"STOP"',
    "stop text",
    "end texts",
    "Stop messaging this number",
    "do not message me",
    "unsuscribe",
    "cease",
    "i want to stop getting these",
    "Para",
    "make it stop",
]
CANCEL = [
    "CANCEL",
    "cancel",
    "Cancel.",
    "CANCEL please",
    "cancelar",
    "Cancelar",
    "cancela",
    "canceled",
    "please cancel",
]
CLARIFY = [
    "cancel my appointment Tuesday",
    "Cancel Tuesday",
    "I need to cancel",
    "can I cancel tomorrow",
    "cancelar mi cita",
    "quiero cancelar la cita del martes",
    "please don't unsubscribe me",
    "don't stop the reminders",
    "why did you stop texting me",
    "did you stop sending reminders?",
    "step",
    "shop",
    "quite",
    "end session early tomorrow",
    "what happens if I opt out?",
    "cancel the visit and text me",
    "top",
]
NOTHING = [
    "I'll stop by at 5",
    "I'll be there at 5 end of day",
    "stop by tomorrow",
    "See you at the end of the week",
    "I want to stop smoking",
    "I quit my job",
    "I quit smoking!",
    "the bus stop is closed, running late",
    "ok thanks",
    "yes",
    "1",
    "2",
    "3",
    "confirm",
    "see you then",
    "running 10 minutes late",
    "I can't make it",
    "my weekend was good",
    "we ended up at home",
    "Is it at the end of the hall?",
    "non stop rain here",
    "I stopped taking the meds",
    "feliz fin de semana",
    "no puedo ir mañana",
    "para mañana está bien",
    "para confirmar",
    "gracias",
    "Hi, this is Ana. What time is my appointment?",
    "can you text me the address?",
    "please text me when ready",
    "send me a message tomorrow",
    "me pueden mandar un mensaje",
    "start",
    "I don't know if you got my text",
    "I never got your message",
    "I quit the gym, text me later",
    "remove the stitches tomorrow? text me",
    "START",
    "I need a refill",
    "ok, no problem",
    "no",
    "n",
    "No thank you",
    "at the next stop I get off",
    "la parada del bus está lejos",
    "por fin llegó",
    "can we move to Friday",
    "the session ends at 4",
    "don't forget to text me",
]
DANGER = [
    "I want to end it all",
    "I want to end my life",
    "stop living",
    "i want to die",
    "I'm going to kill myself",
    "quit life",
    "can't go on",
    "quiero morir",
    "me quiero morir",
    "ya no puedo más",
    "stop the pain",
    "no quiero vivir",
]
CATEGORIES = [
    ("stop the reminders", "reminder"),
    ("stop text reminders", "reminder"),
    ("no more reminders", "reminder"),
    ("no more billing texts", "billing"),
    ("stop sending me bills by text", "billing"),
    ("don't text me about openings", "waitlist"),
    ("no quiero recordatorios", "reminder"),
    ("no me manden facturas", "billing"),
    ("stop all reminders and texts", None),
    ("stop all messages", None),
    ("stop reminders and bills", None),
]

TABLE = [
    *((text, Kind.OPT_OUT) for text in OPT_OUT),
    *((text, Kind.CANCEL) for text in CANCEL),
    *((text, Kind.CLARIFY) for text in CLARIFY),
    *((text, Kind.NOTHING) for text in NOTHING),
    *((text, Kind.DANGER) for text in DANGER),
]


def test_how_a_text_is_read(each):
    """R-4, R-7: any reasonable phrasing; "stop by" is none; what is not sure is for a person."""

    def check(text, kind):
        assert read_reply(text).kind is kind

    each(TABLE, check)


def test_the_table_is_large():
    """At least 100 phrasings that opt out, and 30 that look like it and do not."""
    assert len(set(OPT_OUT)) >= 100
    assert len(set(NOTHING) | set(CLARIFY)) >= 50


@pytest.mark.parametrize(("text", "category"), CATEGORIES)
def test_one_category_or_all(text, category):
    """R-6: a category that is named; a bare opt-out, or "all", is global."""
    reply = read_reply(text)
    assert reply.opts_out
    assert reply.category == (MessageCategory(category) if category else None)


@pytest.mark.parametrize("text", ["STOP", "unsubscribe", "Alto", "basta"])
def test_a_bare_opt_out_is_global(text):
    """R-6."""
    assert read_reply(text).category is None


def test_the_language_of_the_answer():
    """The confirmation is in the words that the client used."""
    assert read_reply("no me manden mensajes").language == "es"
    assert read_reply("stop texting me").language == "en"


@given(st.text(max_size=300))
def test_no_text_breaks_it(text):
    """Bad input of any kind: it always answers."""
    assert read_reply(text).kind in Kind


def test_a_long_text_is_read_quickly_and_safely():
    """A text of a million letters is cut, not searched."""
    assert read_reply("a stop " * 200_000).kind is not Kind.DANGER


def test_slips_are_counted():
    """Optimal string alignment: one swap is one slip."""
    slips = [distance("stop", word) for word in ("stop", "stpo", "stp", "sttop", "slop")]
    assert slips == [0, 1, 1, 1, 1]
