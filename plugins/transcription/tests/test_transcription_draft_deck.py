"""T-8: the decks of made-up talk, half of it to be found and half near misses; what still fails is named here."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from chartside_transcription.draft import Template, load_template, make_draft
from chartside_transcription.draft.rules import Rules
from chartside_transcription.typed import typed

spec = importlib.util.spec_from_file_location(
    "deck_draft", Path(__file__).parent.parent / "tools" / "deck_draft.py"
)
deck = importlib.util.module_from_spec(spec)
sys.modules["deck_draft"] = deck
spec.loader.exec_module(deck)

KNOWN = {
    "draft.txt": {
        "I skipped it on the nights I was drinking.",  # the drug is named only afterwards
        "He prescribed nothing to us as kids, he just left the rules open.",
        "I came in because it was raining, and sat with the dog.",
    },
    "traps.txt": set(),
}


@pytest.mark.parametrize("name", KNOWN)
def test_what_belongs_in_a_note_is_found_and_what_looks_like_it_is_not(name):
    """Follow-ups on medication, homework, appointments, scores told later, the reason for coming."""
    failed = [case.talk for case in deck.cases(deck.DECKS / name) if not case.passed]
    assert {talk.splitlines()[0].partition(": ")[2] for talk in failed} == KNOWN[name]


def drafted(talk, template=None):
    draft = make_draft(typed(talk.encode()), template or load_template("dap"), Rules())
    assert draft.dropped == {}
    return [(s.kind, s.text) for section in draft.sections for s in section.sentences]


def test_a_medication_is_followed_until_somebody_asks_something_else():
    """T-8: what is said of "it" belongs to the drug that was named before, and to no later subject."""
    talk = "Client: I take Zoloft.\nClient: It makes me groggy.\n{}Client: I missed two days of it.\n"
    for between, found in (("Clinician: Mm.\n", 3), ("Clinician: And school?\n", 2)):
        assert [kind for kind, _ in drafted(talk.format(between))].count("medication") == found


def test_a_score_stands_with_the_test_that_it_is_of():
    """T-8: cited from the sentence that names the test to the one that tells the number."""
    [(kind, text)] = drafted(
        "Client: Mm.\nClinician: Your ISI is back.\nClient: And?\nClinician: You got a five.\n"
    )
    assert (kind, text) == (
        "score",
        'Clinician: "Your ISI is back." Client: "And?" Clinician: "You got a five."',
    )


def test_no_rule_for_a_talk_takes_a_statement_about_safety():
    """T-8: it is quoted as such, whatever was asked or named before."""
    for before in (
        "What brings you in today?",
        "Are you taking the Zoloft?",
        "I looked at your PHQ-9.",
        "Try it each night.",
    ):
        found = drafted(f"Clinician: {before}\nClient: I want to die.\nClinician: You scored eleven.\n")
        assert [text for kind, text in found if kind == "risk"] == ['Client: "I want to die."']


@pytest.mark.parametrize("said", ["Send it back to me.", "I spend it all.", "We mend it."])
def test_to_send_it_is_not_to_end_it(said):
    """T-8: a statement about safety is a word, no ending of another."""
    assert not [kind for kind, _ in drafted(f"Client: {said}\nClinician: Mm.\n") if kind == "risk"]


def test_a_template_from_before_has_a_place_for_the_reason():
    """T-8: where no heading names the kind, it stands where reports do."""
    own = Template.model_validate({"title": "Own", "section": [{"heading": "Told", "kinds": ["report"]}]})
    talk = "Clinician: What brings you in today?\nClient: I can't sleep.\n"
    assert drafted(talk, own) == [
        ("reason", 'Clinician: "What brings you in today?" Client: "I can\'t sleep."')
    ]
