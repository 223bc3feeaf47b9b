"""What the rules find in the deck of made-up talk (``tests/decks/*.txt``), and what they find where nothing is.

Run: ``python plugins/transcription/tools/deck_draft.py [FILE ...]``: found and false by kind, and the failures.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chartside_transcription.draft import load_template, make_draft
from chartside_transcription.draft.rules import Rules
from chartside_transcription.typed import typed

DECKS = Path(__file__).resolve().parent.parent / "tests" / "decks"


@dataclass(frozen=True)
class Case:
    """``quoted``: what the sentences of ``kind`` must hold; empty where there must be none."""

    kind: str
    quoted: tuple[str, ...]
    talk: str

    @property
    def passed(self) -> bool:
        """Whether the draft is as wanted, and its check drops nothing of the rules' own."""
        draft = make_draft(typed(_between_two(self.talk).encode()), load_template("dap"), Rules())
        kinds = ("score", "score-said") if self.kind == "score-any" else (self.kind,)
        said = [s.text for section in draft.sections for s in section.sentences if s.kind in kinds]
        found = all(any(words.lower() in text.lower() for text in said) for words in self.quoted)
        return not draft.dropped and (found if self.quoted else not said)


def _between_two(talk: str) -> str:
    """With a word of the other one, where only one speaks: else it would be a dictation."""
    others = {"Client": "Clinician", "Other": "Clinician", "Clinician": "Client"}
    who = {line.partition(":")[0] for line in talk.strip().splitlines()}
    return talk if len(who) > 1 else f"{talk.strip()}\n{others[who.pop()]}: Mm.\n"


def cases(path: Path) -> Iterator[Case]:
    """One for each paragraph that begins with a sign."""
    for block in path.read_text("utf-8").split("\n\n"):
        head, _, talk = block.partition("\n")
        if head[:1] in "+-" and talk:
            kind, _, quoted = head[2:].partition("|")
            words = tuple(part.strip() for part in quoted.split("&") if part.strip())
            yield Case(kind.strip(), words, talk)


def main(files: list[str]) -> None:
    """Print the counts of each file."""
    for path in [Path(one) for one in files] or sorted(DECKS.glob("*.txt")):
        every, failed = Counter[tuple[str, bool]](), Counter[tuple[str, bool]]()
        for case in cases(path):
            key = (case.kind, bool(case.quoted))
            every[key] += 1
            if not case.passed:
                failed[key] += 1
                print(f"{'missed' if case.quoted else 'false'} {case.kind} {case.quoted}\n{case.talk}\n")
        for kind, wanted in sorted(every, reverse=True):
            bad, all_ = failed[kind, wanted], every[kind, wanted]
            print(
                f"{path.name} {kind}: "
                + (f"found {all_ - bad} of {all_}" if wanted else f"false {bad} of {all_}")
            )
        for wanted, word in ((True, "found"), (False, "false")):
            all_ = sum(n for (_, w), n in every.items() if w is wanted)
            bad = sum(n for (_, w), n in failed.items() if w is wanted)
            print(f"{path.name} all: {word} {all_ - bad if wanted else bad} of {all_}")


if __name__ == "__main__":
    main(sys.argv[1:])
