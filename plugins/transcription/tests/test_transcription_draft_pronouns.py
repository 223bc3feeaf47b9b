"""T-8: a drafter's pronoun is no fact: it is the client's own, or it is flagged; another one is not believed."""

from __future__ import annotations

import pytest

from chartside_transcription.draft import Drafter, Proposal, load_template, make_draft
from chartside_transcription.draft.pronouns import in_record, said_of_themselves
from chartside_transcription.draft.utterances import utterances
from chartside_transcription.note import draft_text, final_text, marked_words
from chartside_transcription.typed import typed

TALK = "Clinician: How do you sleep?\nClient: I sleep five hours a night.\nClient: My brother says he sees me tired.\n"
SLEEPS, SEES = (
    "Client reports that {} sleeps five hours a night.",
    "Client reports that {} brother says {} sees {} tired.",
)
CONTRADICTS = {"pronoun that the client does not use": 1}


class Planted(Drafter):
    name = "planted"

    def __init__(self, text, near):
        self.text, self.near = text, near

    def propose(self, transcript, template):
        [one] = [u for u in utterances(transcript) if self.near in u.text]
        yield Proposal("Data", self.text, ((one.first, one.last),))


def drafted(text, near="sleep five", *, says="", record=frozenset()):
    talk = typed(f"{TALK}Client: {says}\n".encode())
    return make_draft(talk, load_template("dap"), Planted(text, near), record), talk


@pytest.mark.parametrize("word", ["she", "he", "She"])
def test_a_pronoun_that_nobody_knows_is_marked_for_a_look(word):
    """It stands in the draft as a word to be looked at; who signs sees it."""
    draft, talk = drafted(SLEEPS.format(word))
    [sentence] = draft.sections[0].sentences
    assert sentence.doubtful == (word.lower(),)
    text = draft_text(draft, talk)
    assert f"[{word}?] sleeps" in text
    assert marked_words(text) == [word]
    assert f"that {word} sleeps" in final_text(text)
    assert draft.to_json(talk)["sections"][0]["sentences"][0]["doubtful"] == [word.lower()]


def test_they_asserts_nothing_of_a_client_of_whom_nothing_is_known():
    draft, _ = drafted("Client reports that they sleep five hours a night.")
    [sentence] = draft.sections[0].sentences
    assert sentence.doubtful == ()


@pytest.mark.parametrize(
    "says",
    [
        "I use they them pronouns.",
        "My pronouns are they/them.",
        "I go by they.",
        "I prefer they and them, please.",
        "Please use they slash them.",
    ],
)
def test_what_the_client_says_of_themselves_holds(says):
    """Also against the record, which may be older."""
    for record in (frozenset(), frozenset({"she"})):
        refused, _ = drafted(SLEEPS.format("she"), says=says, record=record)
        assert (refused.empty, refused.dropped) == (True, CONTRADICTS)
        kept, _ = drafted("Client reports that they sleep five hours a night.", says=says, record=record)
        assert kept.sections[0].sentences[0].doubtful == ()


@pytest.mark.parametrize(("word", "stands"), [("he", True), ("she", False), ("they", False)])
def test_what_the_record_says_holds_where_the_client_says_nothing(word, stands):
    text = SLEEPS.format(word).replace("they sleeps", "they sleep")
    draft, _ = drafted(text, record=frozenset({"he"}))
    assert [s.doubtful for s in draft.sections[0].sentences] == [()] * stands
    assert draft.dropped == ({} if stands else CONTRADICTS)


def test_two_are_two():
    for word in ("she sleeps", "they sleep"):
        draft, _ = drafted(f"Client reports that {word} five hours a night.", says="I use she or they.")
        assert not draft.empty
    draft, _ = drafted(SLEEPS.format("he"), says="I use she or they.")
    assert draft.dropped == CONTRADICTS


def test_somebody_elses_pronoun_is_the_one_that_was_said():
    """The brother stays "he", and only the client's pronouns are marked."""
    draft, _ = drafted(SEES.format("her", "he", "her"), "brother")
    [sentence] = draft.sections[0].sentences
    assert sentence.doubtful == ("her",)
    draft, _ = drafted(SEES.format("her", "she", "her"), "brother")
    assert draft.empty


def test_what_is_no_word_on_pronouns():
    for text in (
        "They call me at nine.",
        "I use them for cooking.",
        "I prefer that they leave.",
        "He said call me, he cried.",
    ):
        assert (
            said_of_themselves(typed(f"Client: {text}\nClinician: I use she and her.\n".encode()))
            == frozenset()
        )


def extension(code, **inner):
    concept = {"coding": [{"system": "http://loinc.org", "code": code}]}
    parts = [{"url": "value", "valueCodeableConcept": concept}, *({"url": k, **v} for k, v in inner.items())]
    return {"url": "http://hl7.org/fhir/StructureDefinition/individual-pronouns", "extension": parts}


def test_pronouns_of_the_record():
    """By HL7's extension, and an EHR's own with the same codes; gender is none; those of before are none."""
    assert in_record({"gender": "female"}) == frozenset()
    assert in_record({"extension": [extension("LA29520-6")]}) == {"they"}
    ended = extension("LA29519-8", period={"valuePeriod": {"end": "2020-01-01"}})
    assert in_record({"extension": [ended, extension("LA29518-0")]}) == {"he"}
    own = {
        "url": "x",
        "valueCodeableConcept": {"coding": [{"system": "http://loinc.org", "code": "LA29519-8"}]},
    }
    assert in_record({"extension": [own]}) == {"she"}
    for broken in ({"extension": 3}, {"extension": [None, {"extension": 3, "valueCodeableConcept": "x"}]}):
        assert in_record(broken) == frozenset()
