"""T-8: six invented sessions of different kinds; what the rules quote of them is what was said, by whom it was said."""

from __future__ import annotations

from pathlib import Path

import pytest

from chartside_transcription.draft import load_template, make_draft
from chartside_transcription.draft.rules import Rules
from chartside_transcription.typed import typed

SESSIONS = sorted((Path(__file__).parent / "sessions").glob("*.txt"))
QUOTED = {
    "child": 'Other: "Dr. Lindqvist raised the guanfacine to two milligrams on the first.',
    "couple": 'Client: "A four." Other: "I would have said six."',
    "grief": 'Clinician: "Let\'s meet in two weeks, on Friday the eleventh, at three, if that suits you."',
    "intake": 'Clinician: "Have you ever tried to end your life?" Client: "No. Never."',
    "substance": 'Client: "No, my brother came and took it when I was in detox.',
    "telehealth": "I was supposed to go to a hundred and I stayed at fifty",
}


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_a_session_is_quoted_and_nothing_else(path):
    """T-8: every sentence passes the check, and what is most looked for stands with its answer."""
    draft = make_draft(typed(path.read_bytes()), load_template("dap"), Rules())
    texts = [s.text for section in draft.sections for s in section.sentences]
    assert draft.dropped == {}
    assert any(QUOTED[path.stem] in text for text in texts), texts
