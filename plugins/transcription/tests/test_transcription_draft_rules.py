"""T-8, T-15: what the rules put where, from conversations and dictations that were written for these tests."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartside.errors import InputError
from chartside_transcription.dictation import dictated
from chartside_transcription.draft import load_template, make_draft
from chartside_transcription.draft.rules import MOST_REPORTS, Rules
from chartside_transcription.draft.template import BUILT_IN
from chartside_transcription.draft.utterances import utterances
from chartside_transcription.transcript import FORMAT, Transcript
from chartside_transcription.typed import typed

SESSION = """\
Clinician: How was your week?
Client: Hard. My mother was in the hospital, and I slept maybe three hours a night.
Clinician: On a scale from one to ten, how bad was the panic?
Client: A nine on Monday. Four by the weekend.
Clinician: Any thoughts of ending it, of not wanting to be alive?
Client: On Monday, yes. I thought about it for a minute. Not since then.
Client: Should I take the lorazepam again?
Clinician: Please ask Dr. Bloom before you take the lorazepam.
Clinician: Did you practice the grounding exercise?
Client: Twice.
Clinician: For next week, write down three things each evening.
Client: Okay, I can do that.
Client: My goal is to go back to the choir.
Client: Yeah.
Clinician: That sounds exhausting.
Clinician: I will see you next Thursday at ten.
"""
DICTATION = """\
Progress note, individual session. The client reports better sleep. Mood was described as calm. PHQ-9 score was seven.
She denied suicidal ideation. Family history is significant for bipolar disorder. Diagnosis remains panic disorder.
We practiced grounding. Current medications are sertraline and melatonin. Plan: continue weekly therapy.
See her again in May.
"""


def sections(text: str, template: str = "dap") -> dict[str, list[str]]:
    draft = make_draft(typed(text.encode()), load_template(template), Rules())
    assert draft.dropped == {}  # the rules pass their own check
    return {section.heading: [s.text for s in section.sentences] for section in draft.sections}


def test_a_session_as_a_dap_note():
    """T-8: scores, safety, medication, homework, goal and appointment stand in the words that were said."""
    assert sections(SESSION) == {
        "Data": [
            'Client: "My mother was in the hospital, and I slept maybe three hours a night."',
            'Clinician: "On a scale from one to ten, how bad was the panic?" '
            'Client: "A nine on Monday. Four by the weekend."',
            'Clinician: "Any thoughts of ending it, of not wanting to be alive?" '
            'Client: "On Monday, yes. I thought about it for a minute. Not since then."',
            'Client: "Should I take the lorazepam again?" '
            'Clinician: "Please ask Dr. Bloom before you take the lorazepam."',
            'Clinician: "Did you practice the grounding exercise?" Client: "Twice."',
        ],
        "Assessment": [],
        "Plan": [
            'Clinician: "For next week, write down three things each evening." Client: "Okay, I can do that."',
            'Client: "My goal is to go back to the choir."',
            'Clinician: "I will see you next Thursday at ten."',
        ],
    }


@pytest.mark.parametrize("template", BUILT_IN)
def test_every_template_has_a_place_for_every_kind(template):
    """T-8: nothing that was found is lost because a template has no heading for it."""
    said = [text for texts in sections(SESSION, template).values() for text in texts]
    assert len(said) == 8


def test_a_dictation_as_a_soap_note():
    """T-8, T-15: every sentence stands; a spoken heading holds until the next one."""
    assert sections(DICTATION, "soap") == {
        "Subjective": [
            "Progress note, individual session.",
            "The client reports better sleep.",
            "She denied suicidal ideation.",
            "Family history is significant for bipolar disorder.",
            "Current medications are sertraline and melatonin.",
        ],
        "Objective": ["Mood was described as calm.", "PHQ-9 score was seven.", "We practiced grounding."],
        "Assessment": ["Diagnosis remains panic disorder."],
        "Plan": ["Plan: continue weekly therapy.", "See her again in May."],
    }


@pytest.mark.parametrize(
    "cue", ["Plan:", "Plan.", "New section, plan.", "Heading plan.", "Treatment plan:", "Next heading: plan."]
)
def test_spoken_headings(cue):
    """T-15: with and without a cue."""
    found = sections(f"The client slept well. {cue} Walk every day.", "dap")
    assert "Walk every day." in " ".join(found["Plan"])


@pytest.mark.parametrize(
    "text", ["Her plan is to walk.", "Planning went well today.", "The assessment was long."]
)
def test_a_word_that_is_no_heading(text):
    """T-15: a heading's name within a sentence is a word."""
    found = sections(f"The client slept well. {text} It was raining all week.", "dap")
    assert "It was raining all week." in found["Data"]


def test_a_safety_question_stands_even_without_an_answer():
    """T-8: quoted, and never interpreted."""
    found = sections(
        "Clinician: Do you have thoughts of suicide?\nClinician: Take your time.\nClient: I feel tired."
    )
    assert 'Clinician: "Do you have thoughts of suicide?"' in found["Data"]


@pytest.mark.parametrize(
    "said",
    [
        "I want to die.",
        "I wanted to hurt myself.",
        "I don't want to be here anymore.",
        "He hits me when he drinks.",
        "They would be better off without me.",
        "I took an overdose last year.",
        "There is a gun in the house.",
        "I was cutting myself again.",
        "My stepfather abused me.",
        "I could hurt somebody.",
        "I wish I was dead.",
        "Sometimes I hope I do not wake up.",
        "I thought about killing him.",
        "I do not feel safe at home.",
        "I was burning myself.",
        "I just want to end it.",
        "She threatened me.",
        "He keeps two rifles in the basement.",
        "I said that I am going to kill you.",
        "I did not want to go on without her.",
        "I have the 988 number in my phone.",
    ],
)
def test_a_risk_statement_is_quoted_whole(said):
    """T-8: verbatim, with its span; no score and no word of ours beside it."""
    draft = make_draft(typed(f"Client: {said}\nClinician: Go on.".encode()), load_template("dap"), Rules())
    [sentence] = [s for section in draft.sections for s in section.sentences]
    assert (sentence.kind, sentence.text) == ("risk", f'Client: "{said}"')


def test_a_question_is_no_finding():
    """T-8: what only the clinician asks about is not in the note."""
    assert sections("Clinician: Are you sad, or angry at your sister?\nClient: No.\n")["Data"] == []


def test_an_hour_stays_a_note_and_loses_no_safety():
    """T-8: what is only told is chosen by topic; what is about safety, scores and plans all stands."""
    told = "\n".join(f"Client: I was tired at work on day {n}, and my sister called." for n in range(200))
    risk = "\n".join(f"Client: I thought of suicide on day {n}." for n in range(40))
    found = sections(f"Clinician: Hello.\n{told}\n{risk}")
    assert sum("tired" in text for text in found["Data"]) == MOST_REPORTS
    assert sum("suicide" in text for text in found["Data"]) == 40


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        (
            "client slept well period she ate comma and rested period",
            "client slept well. She ate, and rested.",
        ),
        ("any pain question mark no full stop", "any pain? No."),
        (
            "diagnosis colon panic disorder new paragraph she will return period",
            "diagnosis: panic disorder. She will return.",
        ),
        ("over a period of six weeks she slept period", "over a period of six weeks she slept."),
        ("history of colon cancer in her father period", "history of colon cancer in her father."),
        ("her grieving period ended period", "her grieving period ended."),
        ("the period was short period", "the period was short."),
        ("period", "period"),
        ("", ""),
    ],
)
def test_spoken_punctuation(spoken, written):
    """T-15: the signs are written; a word that may be meant as itself stays."""
    assert dictated(typed(spoken.encode())).text == written


@given(
    st.lists(
        st.sampled_from(
            ["comma", "period", "new", "line", "paragraph", "a", "sleep", "colon", "full", "stop"]
        )
    )
)
def test_spoken_punctuation_invents_nothing(words):
    """T-15: every word that stays was said, in its order and at its time."""
    before = typed(" ".join(words).encode())
    after = dictated(before)
    starts = [word.start for word in after.words]
    assert starts == sorted(starts)
    said = {word.start: word.text for word in before.words}
    for word in after.words:
        assert word.text.lower().rstrip(",.:;?!") == said[word.start].lower()


PIECES = [
    "Client: ",
    "Clinician: ",
    "\n",
    '"',
    "'",
    "“hi”",
    "n't ",
    "I want to die",
    "? ",
    ". ",
    "five-",
    "a b ",
    "and I ",
    "é",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=9), max_size=40).map("".join))
def test_any_text_makes_a_draft_or_none(text):
    """Whatever was typed or recognised: no crash, and the rules never fail their own check."""
    transcript = typed(text.encode("utf-8", "ignore"))
    draft = make_draft(transcript, load_template("dap"), Rules())
    assert set(draft.dropped) <= {"says nothing"}
    for sentence in (s for section in draft.sections for s in section.sentences):
        assert sentence.spans


def test_typed_transcripts():
    """Speakers by their usual names, with or without times; a line without a name goes on."""
    found = typed(b"[00:01] Therapist: Hello there.\nPatient: I slept.\nA lot.\nNote: not a speaker.\n")
    assert found.speakers == ["clinician", "client"]
    assert [u.text for u in utterances(found)] == [
        "Hello there.",
        "I slept.",
        "A lot.",
        "Note: not a speaker.",
    ]
    with pytest.raises(InputError, match="UTF-8"):
        typed(b"\xff\xfe")


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("Client: I am fine.\nMaria: She is not.", [("client", "I am fine."), ("other", "She is not.")]),
        (
            "Client: Fine.\nmother: No.\nClient: Yes.",
            [("client", "Fine."), ("other", "No."), ("client", "Yes.")],
        ),
        (
            "Therapist: Hello.\nMother: Hi.\nDr. Lee (school): Hi.\nMOTHER: So.",
            [("clinician", "Hello."), ("S1", "Hi."), ("S2", "Hi."), ("S1", "So.")],
        ),
        ("Client (Ana): Hello.\nJos\u00e9:\nHello, too.", [("client", "Hello."), ("other", "Hello, too.")]),
        ("Client: Hi.\nClient 2: Hello.", [("client", "Hi."), ("other", "Hello.")]),
        ("Ana: Hi.\nLi: Hello.\nAna: So.", [("S1", "Hi."), ("S2", "Hello."), ("S1", "So.")]),
        ("Client: He asked.\nI said: no.", [("client", "He asked. I said: no.")]),
        ("Client: When?\n10:30 works.\nAt 10: maybe.", [("client", "When? 10:30 works. At 10: maybe.")]),
        ("Client: Hard.\nMonday: no sleep.", [("client", "Hard. Monday: no sleep.")]),
        ("Data: Slept well.\nPlan: Go on.", [("", "Data: Slept well. Plan: Go on.")]),
    ],
)
def test_every_label_is_a_speaker_of_its_own(text, turns):
    """T-7: a name that is no role does not speak with the voice of who spoke before; a colon alone names nobody."""
    assert [(turn.speaker, turn.text) for turn in typed(text.encode()).turns()] == turns


def test_a_third_voice_is_quoted_as_such():
    """T-8: what a mother says of her child is not the client's statement."""
    found = typed(b"Clinician: Hello.\nMother: He wants to kill himself.\nClient: No.\n")
    [sentence] = make_draft(found, load_template("dap"), Rules()).sections[0].sentences
    assert sentence.text == 'Other: "He wants to kill himself."'


def test_what_no_reader_sees_is_taken_out():
    """No control or bidirectional character of a typed or JSON transcript comes as far as a note."""
    unseen = "\u202eno\u202c\x07\u2066 t\u200bruth"
    assert typed(f"Client: {unseen}".encode()).text == "no truth"
    words = [{"word": "n\u202eo\x00\ud800", "speaker": "cli\u202eent"}, {"word": "\u2066"}, {"word": "a\nb"}]
    read = Transcript.from_json(json.dumps({"format": FORMAT, "words": words}))
    assert [(word.text, word.speaker) for word in read.words] == [("no", "client"), ("a b", "")]


@pytest.mark.parametrize(
    ("talk", "quoted"),
    [
        (
            "Client: Sometimes I bite my arm.\nClinician: Does that often happen to you?\n"
            "Client: Most days. At night.\n",
            'Client: "Sometimes I bite my arm." Clinician: "Does that often happen to you?" '
            'Client: "Most days. At night."',
        ),
        (
            "Clinician: On thoughts of being better off dead you put zero. Is that right?\n"
            "Client: Zero is right. I have never had that.\n",
            'Clinician: "On thoughts of being better off dead you put zero. Is that right?" '
            'Client: "Zero is right. I have never had that."',
        ),
        (
            "Clinician: Do you feel safe at home?\n"
            "Client: Yes. No. I do. At night less. I take sertraline. He drinks.\n",
            'Clinician: "Do you feel safe at home?" '
            'Client: "Yes. No. I do. At night less. I take sertraline. He drinks."',
        ),
        ("Client: He pushed me.\nClinician: I hear you.\n", 'Client: "He pushed me."'),
        (
            "Client: What is the point of any of this.\nClinician: Mm.\n",
            'Client: "What is the point of any of this."',
        ),
        (
            "Clinician: Has anyone hit, pushed or threatened the other?\nClient: Never.\n",
            'Clinician: "Has anyone hit, pushed or threatened the other?" Client: "Never."',
        ),
    ],
)
def test_safety_stands_with_its_question_and_the_whole_answer(talk, quoted):
    """T-8: verbatim, however the question is worded that follows, and however long the answer is."""
    draft = make_draft(typed(talk.encode()), load_template("dap"), Rules())
    assert draft.dropped == {}
    assert quoted in [s.text for section in draft.sections for s in section.sentences if s.kind == "risk"]


def test_a_very_long_answer_about_safety_is_quoted_to_its_end():
    """T-8: in as many citations as it takes."""
    answer = " ".join(
        f"That was in the year {n}, and then it was over again for me." for n in range(1900, 1960)
    )
    draft = make_draft(
        typed(f"Clinician: Any thoughts of suicide?\nClient: {answer}\n".encode()),
        load_template("dap"),
        Rules(),
    )
    risk = " ".join(s.text for section in draft.sections for s in section.sentences if s.kind == "risk")
    assert draft.dropped == {}
    assert all(f"year {n}," in risk for n in range(1900, 1960))


@pytest.mark.parametrize(
    ("said", "risk"),
    [
        ("I am afraid of her spreadsheets.", False),
        ("I am afraid of her.", True),
        ("I am afraid of her when she drinks.", True),
        ("I'm scared of her every day.", True),
        ("I'm scared of her hurting me.", True),
        ("I am scared of my husband.", True),
    ],
)
def test_who_is_feared_is_a_person(said, risk):
    """T-8: "her spreadsheets" are no danger; she may be."""
    draft = make_draft(typed(f"Client: {said}\nClinician: Mm.\n".encode()), load_template("dap"), Rules())
    assert [s.kind == "risk" for section in draft.sections for s in section.sentences] in ([risk], [])
    assert any(s.kind == "risk" for section in draft.sections for s in section.sentences) == risk
