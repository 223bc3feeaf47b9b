"""What a drafter proposes, and what stands in a draft after the check.

A drafter (an LLM, for instance) implements ``Drafter`` in a package of its own::

    from chartside_transcription.draft import Drafter, Proposal

    class MyDrafter(Drafter):
        name = "mine"

        def propose(self, transcript, template):
            # words 12 to 18 of the transcript are: "I sleep about five hours a night."
            yield Proposal("Data", "Client sleeps about five hours a night.", ((12, 18),))

Whatever it proposes, a sentence whose words are not in its span is dropped, and the check is not the drafter's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from chartside_transcription.draft.template import Template
    from chartside_transcription.transcript import Transcript

FORMAT = "chartside-draft/1"
Span = tuple[int, int]
"""Indices of the first and the last word in the transcript, last included."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A sentence for a section (its heading), with the words that it claims as its source."""

    heading: str
    text: str
    spans: tuple[Span, ...]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that passed the check; ``edited`` when a person wrote or changed it, who then answers for it.

    ``doubtful``: words of a drafter's own to be looked at (a pronoun for a client whose pronouns are not known).
    """

    text: str
    spans: tuple[Span, ...]
    kind: str = ""
    edited: bool = False
    doubtful: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """Empty when nothing was said that belongs here: the clinician writes it or leaves it out."""

    heading: str
    sentences: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """``dropped``: why proposals did not pass, counted by reason."""

    title: str
    template: str
    sections: tuple[Section, ...]
    drafter: str
    dropped: Mapping[str, int]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to sign: a silent recording gives no note (T-6)."""
        return not any(section.sentences for section in self.sections)

    def to_json(self, transcript: Transcript) -> dict[str, Any]:
        """With each span's words, times and speaker, so that a reader can check it without the transcript."""
        return {
            "format": FORMAT,
            "title": self.title,
            "template": self.template,
            "drafter": self.drafter,
            "dropped": dict(self.dropped),
            "sections": [
                {
                    "heading": section.heading,
                    "sentences": [
                        {
                            "text": sentence.text,
                            "kind": sentence.kind,
                            "doubtful": list(sentence.doubtful),
                            "spans": [span_json(transcript, span) for span in sentence.spans],
                        }
                        for sentence in section.sentences
                    ],
                }
                for section in self.sections
            ],
        }


def span_json(transcript: Transcript, span: Span) -> dict[str, Any]:
    """A citation: which words, when, by whom, and the words themselves."""
    words = transcript.words[span[0] : span[1] + 1]
    return {
        "words": list(span),
        "start": round(words[0].start, 2),
        "end": round(words[-1].end, 2),
        "speaker": words[0].speaker,
        "text": " ".join(word.text for word in words),
    }


class Drafter(ABC):
    """Proposes sentences. See the module's docstring for a complete example."""

    name: ClassVar[str]
    model: ClassVar[tuple[str, str]] = ("", "")
    """Name and version, where a model writes: they stand in the Device of the Provenance."""

    publisher: ClassVar[str] = ""
    """Who answers for it, for the Device and the model card; empty: the author of its package."""

    about: ClassVar[str] = ""
    """A sentence or two for the model card: what it was trained on, where it is known to fail."""

    @abstractmethod
    def propose(self, transcript: Transcript, template: Template) -> Iterable[Proposal]:
        """Sentences in the order of the note."""
