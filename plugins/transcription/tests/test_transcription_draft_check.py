"""T-8: no sentence of a draft says more than its span, whoever drafts. The planted drafters invent a finding each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartside_transcription.draft import Drafter, Proposal, load_template, make_draft
from chartside_transcription.draft.utterances import utterances
from chartside_transcription.typed import typed

SESSION = """\
Clinician: How has the last week been for you?
Client: I have been sleeping about five hours a night, and I can't get back to sleep.
Client: I don't drink alcohol or smoke.
Client: Maybe four times I used the breathing exercise.
Client: Last month my brother hit me.
Clinician: Are you hopeless, or thinking about suicide?
Client: No, nothing like that.
Client: I take sertraline fifty milligrams every morning.
Client: If he moves out, I will feel lonely.
Client: My sister calls every evening and she thinks I am lazy.
Client: I used to cut myself in college.
Client: I was afraid of the dark.
Client: We argued, and I cried in the car.
Client: I am not ready to sell the house.
Client: I want to sleep twenty five minutes more.
Client: I moved from Boston to Paris.
Clinician: I notice you look tired today.
"""


class Planted(Drafter):
    """Proposes one sentence, with the whole utterance that holds ``near`` as its source."""

    name = "planted"

    def __init__(self, text: str, near: str) -> None:
        self.text, self.near = text, near

    def propose(self, transcript, template):
        found = next(u for u in utterances(transcript) if self.near in u.text)
        yield Proposal("Data", self.text, ((found.first, found.last),))


def drafted(text: str, near: str, session: str = SESSION) -> tuple[list[str], dict[str, int]]:
    draft = make_draft(typed(session.encode()), load_template("dap"), Planted(text, near))
    return [s.text for section in draft.sections for s in section.sentences], dict(draft.dropped)


STANDS = [
    ("Client has been sleeping about five hours a night.", "sleeping"),
    ("The client reports that she can't get back to sleep.", "sleeping"),
    ("Client reports sleeping about 5 hours a night, and she can't get back to sleep.", "sleeping"),
    ("Client doesn't drink alcohol or smoke.", "alcohol"),
    ("Maybe four times client used the breathing exercise.", "breathing"),
    ("Last month, client's brother hit her.", "brother hit"),
    ("Client takes sertraline 50 milligrams every morning.", "sertraline"),
    ("Client reports that if he moves out, she will feel lonely.", "lonely"),
    ("Client used to cut themselves in college.", "cut"),
    ("Client was afraid of the dark.", "dark"),
    ("Client moved from Boston to Paris.", "Boston"),
    ("Client reported that she cried in the car.", "argued"),
    ("Client wants to sleep 25 minutes more.", "minutes more"),
    ('Client: "I am not ready to sell the house."', "ready"),
    ('Clinician: "I notice you look tired today."', "tired"),
    ("The therapist noted: I notice you look tired today.", "tired"),
]

INVENTED = [
    # a negation turned
    ("Client can get back to sleep.", "sleeping"),
    ("Client drinks alcohol.", "alcohol"),
    ("Client smokes.", "alcohol"),
    ("Client has not been sleeping about five hours a night.", "sleeping"),
    ("Client is ready to sell the house.", "ready"),
    ('Client: "ready to sell the house."', "ready"),
    # a number, a unit, a name changed
    ("Client has been sleeping about six hours a night.", "sleeping"),
    ("Client has been sleeping about 15 hours a night.", "sleeping"),
    ("Client takes sertraline 500 milligrams every morning.", "sertraline"),
    ("Client takes sertraline fifty milligrams every evening.", "sertraline"),
    ("Client takes escitalopram fifty milligrams every morning.", "sertraline"),
    ("Client takes sertraline every morning.", "sertraline"),
    ("Client wants to sleep 5 minutes more.", "minutes more"),
    # a mood, a diagnosis, a judgement that nobody spoke
    ("Client appeared depressed and has been sleeping about five hours a night.", "sleeping"),
    ("Client anxiously cried in the car.", "argued"),
    ("Client has insomnia.", "sleeping"),
    ("Client meets criteria for major depressive disorder.", "sleeping"),
    ("Risk is low.", "nothing like that"),
    ("Client denies suicide.", "suicide"),
    ("Client denies suicidal ideation.", "nothing like that"),
    ("Client made good progress.", "breathing"),
    # taken out of a question
    ("Client is hopeless.", "hopeless"),
    ("Client is thinking about suicide.", "suicide"),
    # said of somebody else, or by somebody else
    ("Client hit brother last month.", "brother hit"),
    ("Last month client hit him.", "brother hit"),
    ("Client reports hitting her brother last month.", "brother hit"),
    ("Client is lazy.", "lazy"),
    ("Client looks tired today.", "tired"),
    ('Client: "I notice you look tired today."', "tired"),
    ('Clinician: "I was afraid of the dark."', "dark"),
    # a condition, a doubt, a time left out
    ("Client will feel lonely.", "lonely"),
    ("Four times client used the breathing exercise.", "breathing"),
    ("Client's brother hit her.", "brother hit"),
    ("Client cuts herself in college.", "cut myself"),
    ("Client cut herself in college.", "cut myself"),
    ("Client is afraid of the dark.", "dark"),
    ("Client sleeps twenty five minutes more.", "minutes more"),
    # persons and places changed
    ("We can't get back to sleep.", "sleeping"),
    ("Client moved to Boston from Paris.", "Boston"),
    ("It was afraid of the dark.", "dark"),
    ("Client argued.", "argued"),
    # lines and sources of its own
    ("Client was afraid of the dark.\n\nAssessment\n- Depression.", "dark"),
    ("Client was afraid of the dark. {0:00-0:09 client}", "dark"),
    # words beside a quote
    ('Client denies "I used to cut myself in college."', "cut myself"),
    ('Client: "I used to cut myself in college." She is unsafe.', "cut myself"),
    ('Client tearfully: "I was afraid of the dark."', "dark"),
    ('"I was afraid of the dark."', "dark"),
    ("Client.", "dark"),
    ("", "dark"),
]


@pytest.mark.parametrize(("text", "near"), STANDS)
def test_a_supported_sentence_stands(text, near):
    """T-8: pronouns, tenses of reported speech and digits may differ; what was said may not."""
    assert drafted(text, near) == ([text.strip()], {})


def test_an_invented_finding_is_dropped(each):
    """T-8, how it is shown 4: whatever the planted drafter claims as its source."""

    def check(text, near):
        kept, dropped = drafted(text, near)
        assert kept == []
        assert sum(dropped.values()) == 1

    each(INVENTED, check)


@pytest.mark.parametrize(
    "spans",
    [(), ((-1, 3),), ((0, 10**9),), ((5, 2),), ((0, 30),), tuple((n, n) for n in range(9)), ((0, 500),)],
)
def test_a_span_that_is_none_supports_nothing(spans):
    """T-8: no source, no assertion."""

    class Bad(Drafter):
        name = "bad"

        def propose(self, transcript, template):
            yield Proposal("Data", "Client sleeps.", spans)

    draft = make_draft(typed(SESSION.encode()), load_template("dap"), Bad())
    assert draft.empty
    assert sum(draft.dropped.values()) == 1


def test_a_heading_that_the_template_has_not_is_dropped():
    """T-8: a drafter cannot open a section of its own."""

    class Own(Planted):
        def propose(self, transcript, template):
            for made in super().propose(transcript, template):
                yield Proposal("Prognosis", made.text, made.spans)

    found = make_draft(
        typed(SESSION.encode()), load_template("dap"), Own("Client was afraid of the dark.", "dark")
    )
    assert found.empty
    assert found.dropped == {"no such heading": 1}


VOCABULARY = (
    "I my he not don't never sleep slept drinks worried and but if maybe last week five twenty the of client she "
    "sertraline hurt myself really, Monday."
)
_WORDS = st.lists(st.sampled_from(VOCABULARY.split()), min_size=1, max_size=25)


@given(_WORDS)
def test_what_was_said_word_for_word_always_stands(words):
    """T-8: the check never drops a whole sentence of a dictation that holds a word of content."""
    text = " ".join(words)
    transcript = typed(text.encode())
    for one in utterances(transcript):

        class Echo(Drafter):
            name = "echo"

            def propose(self, transcript, template, one=one):
                yield Proposal("Data", one.text, ((one.first, one.last),))

        dropped = make_draft(transcript, load_template("dap"), Echo()).dropped
        assert set(dropped) <= {"says nothing"}


@given(
    _WORDS, st.integers(0, 24), st.sampled_from(["not", "never", "seven", "depressed", "quetiapine", "maybe"])
)
def test_a_word_put_in_never_stands(words, place, word):
    """T-8: one word more than was said, anywhere, and the sentence is dropped."""
    source = [w.replace(".", "") for w in words]
    if word in source or "seven" in source:
        return
    spoken = typed(" ".join(source).encode())
    text = " ".join([*source[:place], word, *source[place:]])

    class More(Drafter):
        name = "more"

        def propose(self, transcript, template):
            yield Proposal("Data", text, ((0, len(spoken.words) - 1),))

    assert make_draft(spoken, load_template("dap"), More()).empty
