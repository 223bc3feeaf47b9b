"""When an AI says that it is one, and what a bot may not be called."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from chartside.gate.policy import PolicyBook
from chartside.gate.policy_disclosure import Conversation, Due, Schedule, asks_if_human, due, schedule
from chartside.gate.policy_persona import persona_problems, refused_words

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)

ENGLISH = """
Are you human?
are you a human
Are you a real person?
are u real
r u a bot
R U HUMAN???
Are you a robot?
Are you an AI?
are you ai or human
Are you A.I.?
are you a computer?
Are you a machine or a person?
You're a bot, aren't you?
youre not a real person are you
Am I talking to a human?
Am I talking to a real person or a bot?
am i texting a robot
Am I speaking with a person?
Is this a bot?
is this a real person
Is this AI?
Is this automated?
Is this an automated message?
is that chatgpt?
Is it a human on the other end?
is there a human there
Is there a real person behind this?
is anyone real there
Is anybody there or is it a machine?
Who am I talking to, a person or a machine?
who's writing this, a bot?
Who wrote this, a human?
what are you
What are you exactly?
Who are you?
Tell me if you are a person.
Prove you are human
be honest, are you a bot?
Seriously, is this a chatbot
Did a human write this?
Does a person read these?
Do I get to talk to a human or just software?
Human or bot?
bot?
AI or not
hey so quick question... are you like an actual person??
I need to know if I'm talking to a computer
So you're a computer program?
Are there any real people here?
are you alive
Aren't you a robot?
is my therapist writing this or an algorithm
Are you siri or alexa or what
""".strip().splitlines()

SPANISH = """
¿Eres humano?
eres humana
Eres un robot?
¿Eres un bot?
eres una persona real
¿Es usted una persona?
Es usted una máquina?
¿Eres una inteligencia artificial?
eres IA?
¿Eres una I.A.?
sos un bot?
¿Estoy hablando con una persona?
estoy hablando con un robot
¿Hablo con una máquina?
¿Con quién estoy hablando, una persona o un robot?
Esto es un bot?
¿Es esto automático?
¿Hay alguien ahí?
¿Hay una persona real ahí?
¿Quién eres?
¿Qué eres?
Dime si eres humano
¿Me contesta una persona o una computadora?
me responde un programa?
¿Acaso eres una persona de verdad?
¿Quién escribe esto, una máquina?
eres de verdad?
¿Robot o humano?
eres real?
¿Estás automatizado?
""".strip().splitlines()

NO_QUESTION = """
I want to cancel my appointment
YES
Stop
can we move it to Tuesday
My computer is broken, can we do it by phone
I am only human
are you open on Monday?
Is the office downtown?
Thank you so much
I feel like a failure
Necesito cambiar mi cita
Gracias
Mi computadora no funciona
¿Están abiertos el lunes?
I'm running late
What time is it?
Soy una persona muy cansada
""".strip().splitlines()


def test_there_are_enough_phrasings() -> None:
    """P-2: at least 50."""
    assert len(set(ENGLISH)) >= 50
    assert len(set(ENGLISH + SPANISH)) >= 80


def test_the_question_is_recognised(each: Callable[..., None]) -> None:
    """P-2: "are you human?", English and Spanish, as people type it."""

    def check(text: str) -> None:
        assert asks_if_human(text)
        assert asks_if_human(f"Hi. {text.upper()}\nthanks")
        assert due(NOW, Conversation(NOW, NOW, minor=False), text) is Due.ASKED

    each({text: (text,) for text in ENGLISH + SPANISH}, check)


@pytest.mark.parametrize("text", NO_QUESTION)
def test_other_messages_are_not_taken_for_it(text: str) -> None:
    assert not asks_if_human(text)


def test_a_hostile_text_costs_nothing() -> None:
    assert not asks_if_human("are " * 100_000)
    assert asks_if_human("x" * 3_000 + ". Are you a bot?")


def test_invisible_characters_and_accents_do_not_hide_it() -> None:
    assert asks_if_human("are\u200b you a b\u00adot?")
    assert asks_if_human("ｅｒｅｓ ｈｕｍａｎｏ")


@pytest.mark.parametrize(
    ("conversation", "expected"),
    [
        (Conversation(), Due.START),
        (Conversation(NOW - timedelta(minutes=59), NOW, minor=False), None),
        (Conversation(NOW - timedelta(hours=20), NOW, minor=False), None),
        (Conversation(NOW - timedelta(minutes=59), NOW, minor=True), None),
        (Conversation(NOW - timedelta(minutes=60), NOW, minor=True), Due.INTERVAL),
        (Conversation(NOW - timedelta(minutes=60), NOW, minor=None), Due.INTERVAL),
        (Conversation(NOW - timedelta(days=7), NOW - timedelta(days=7), minor=False), Due.RETURNED),
        (Conversation(NOW - timedelta(days=7), NOW - timedelta(days=6, hours=23), minor=False), None),
    ],
)
def test_when_it_is_due(conversation: Conversation, expected: Due | None) -> None:
    """P-2: at the start, after 7 days, hourly for minors; an unknown age counts as a minor's."""
    assert due(NOW, conversation) is expected


def effects(features: set[str], state: str) -> list[object]:
    return list(PolicyBook.load().evaluate(features, location=state, licence_states=[state], at=NOW))


def test_new_york_shortens_the_interval_for_everyone() -> None:
    """NY (M): every 3 hours; Utah: after 7 days."""
    plan = schedule(effects({"companion_chatbot"}, "NY"))  # type: ignore[arg-type]
    assert plan.everyone == timedelta(hours=3)
    adult = Conversation(NOW - timedelta(hours=3), NOW, minor=False)
    assert due(NOW, adult, plan=plan) is Due.INTERVAL
    assert due(NOW, adult) is None


def test_a_law_can_only_shorten() -> None:
    strict = Schedule(absence=timedelta(days=1), everyone=timedelta(hours=1))
    plan = schedule(effects({"companion_chatbot", "mental_health_chatbot"}, ""), strict)  # type: ignore[arg-type]
    assert plan == strict


# --- P-7


@pytest.mark.parametrize(
    "text",
    [
        "Hi, I'm Ana, your therapist.",
        "I am a licensed counselor",
        "Dr. Bot at your service",
        "I can diagnose you",
        "Let me give you a diagnosis",
        "I'm human, just like you",
        "I'm a real person",
        "Your AI psychologist",
        "THERAPIST",
        "t h e r a p i s t",
        "thera\u200bpist",
        "ｔｈｅｒａｐｉｓｔ",
        "psycho-therapist Ana",
        "Soy tu terapeuta",
        "Soy psicóloga",
        "Puedo diagnosticar",
        "Soy humana",
        "I am not a robot, I am a therapist",
        "No worries, I am human",
    ],
)
def test_a_persona_that_claims_too_much_is_refused(text: str) -> None:
    """P-7: therapist, psychologist, diagnose, human, in both languages and in disguise."""
    assert persona_problems(["fine", text])
    assert persona_problems(["fine", text])[0].startswith("persona string 2")


@pytest.mark.parametrize(
    "text",
    [
        "I am an AI assistant of Willow Practice. I am not a human and not a therapist.",
        "I am not a licensed therapist or psychologist.",
        "I cannot diagnose.",
        "Soy un asistente de inteligencia artificial; no soy una persona ni un terapeuta.",
        "To reach a person, call the office.",
        "I can help with appointments and forms.",
    ],
)
def test_the_disclosure_itself_passes(text: str) -> None:
    """P-7 must not forbid what P-2 requires."""
    assert refused_words(text) == []
