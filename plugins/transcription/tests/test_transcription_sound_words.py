"""What becomes of heard words: hotwords, loops, silence, speakers (T-4, T-6, T-7). No recogniser is needed here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chartside.errors import InputError
from chartside_transcription.alike import sounds, stretches
from chartside_transcription.audio.pieces import Piece
from chartside_transcription.engines.base import Heard, HeardWord
from chartside_transcription.hotwords import clean, read_hotwords, with_hotwords
from chartside_transcription.silence import is_speech
from chartside_transcription.speakers.clusters import assign, cluster, name_roles
from chartside_transcription.transcript import CLIENT, CLINICIAN, Transcript, Word


def heard(text: str, probability: float = 0.95, **other: Any) -> Heard:
    """Words of a third of a second; those written ``word?`` are unsure."""
    return Heard(
        tuple(
            HeardWord(w.rstrip("?"), n / 3, (n + 1) / 3, 0.3 if w.endswith("?") and w[:-1] else probability)
            for n, w in enumerate(text.split())
        ),
        **other,
    )


def said(found: Heard) -> str:
    return " ".join(word.text for word in found.words)


def test_an_unsure_stretch_becomes_the_hotword_that_is_heard_the_second_time() -> None:
    """T-4: "search or line" was sertraline; the word keeps its place and its full stop."""
    first = heard("Still taking search? or? line. I am tired.")
    second = heard("Still taking sertraline. I am tired.")
    asked: list[tuple[str, ...]] = []

    def again(words: tuple[str, ...]) -> Heard:
        asked.append(words)
        return second

    found = with_hotwords(first, ("sertraline", "Dr. Alvarez"), again)
    assert said(found) == "Still taking sertraline. I am tired."
    assert asked == [("sertraline",)]  # only what may be there is told to the recogniser
    assert found.words[2].start == first.words[2].start
    assert found.words[2].end == first.words[4].end


def test_nothing_changes_where_the_second_hearing_does_not_confirm() -> None:
    """T-4, no false insertions: the recogniser hears what it heard."""
    first = heard("Well, I am still taking search? or? line. I am tired.")
    elsewhere = heard("sertraline. I am still taking search or line. I am tired.")
    for second in (first, heard("something else"), elsewhere, Heard()):
        assert said(with_hotwords(first, ("sertraline",), lambda _, s=second: s)) == said(first)


def weighed(text: str, likely: str) -> Heard:
    """An engine that compares wordings: it is sure of the words ``likely`` and holds all others for improbable."""
    known = likely.split()
    return heard(text, weigh=lambda words, _: [-0.1 if word in known else -5.0 for word in words])


def never(_: tuple[str, ...]) -> Heard:
    """What the piece is not heard a second time by."""
    raise AssertionError


def test_an_engine_that_compares_wordings_does_not_hear_twice() -> None:
    """T-4: each stretch by itself, with its full stop; the hotword is as unsure as what stood there."""
    first = weighed(
        "Still taking search? or? line. Doctor Okon? quo? said so.",
        "Still taking sertraline. Doctor Okon quo said so.",
    )
    found = with_hotwords(first, ("sertraline", "Okonkwo"), never)
    assert [s.hotword for s in stretches(first.words, ("sertraline", "Okonkwo"))] == ["sertraline", "Okonkwo"]
    assert said(found) == "Still taking sertraline. Doctor Okon quo said so."
    assert (found.words[2].start, found.words[2].end) == (first.words[2].start, first.words[4].end)
    assert found.words[2].probability == 0.3


def test_a_hotword_has_to_be_likelier_than_what_was_written() -> None:
    """T-4, no false insertions."""
    first = weighed("Still taking search? or? line. I am", "Still taking search or line. I am")
    assert said(with_hotwords(first, ("sertraline",), never)) == said(first)
    undecided = heard("Still taking search? or? line.", weigh=lambda words, _: [0.0] * len(words))
    assert said(with_hotwords(undecided, ("sertraline",), never)) == said(undecided)


def test_another_drug_that_is_likelier_keeps_the_hotword_out() -> None:
    """T-4: bupropion may have been said where buspirone stands in the chart; it is not written either."""
    first = heard("I take busprone? daily", weigh=lambda words, _: [-("bupropion" not in words)] * len(words))
    assert said(with_hotwords(first, ("buspirone",), never)) == said(first)


def test_sure_words_and_speech_without_hotwords_are_not_heard_again() -> None:
    """T-4: it costs nothing where nothing is in doubt."""
    for text in ("Still taking search or line.", "I? went? to? the? park? today?", "the? of? and? a?"):
        assert with_hotwords(heard(text), ("sertraline", "lamotrigine"), never).words


def test_one_drug_never_replaces_another() -> None:
    """T-4: bupropion was said; buspirone stands in the chart. A marked doubt, not a swap."""
    assert stretches(heard("I take bupropion? daily").words, ("buspirone",)) == []
    first, second = heard("I take citalopram? daily"), heard("I take escitalopram daily")
    assert said(with_hotwords(first, ("escitalopram",), lambda _: second)) == "I take citalopram daily"
    first, second = heard("I take busprone? daily"), heard("I take bupropion daily")
    assert said(with_hotwords(first, ("buspirone",), lambda _: second)) == "I take busprone daily"


def test_a_hotword_does_not_cross_sentences_or_pauses() -> None:
    """T-4."""
    assert stretches(heard("search? or. line? here").words, ("sertraline",)) == []


@pytest.mark.parametrize(
    ("a", "b"),
    [("escitalopram", "acetalopram"), ("Phoebe", "feeby"), ("Okonkwo", "a conquo"), ("lithium", "lithiam")],
)
def test_alike_sounds_have_alike_skeletons(a: str, b: str) -> None:
    """Vowels and voicing are what is misheard most."""
    assert sounds(a)[:3] == sounds(b)[:3]


def test_hotwords_from_a_file(tmp_path: Path) -> None:
    """T-4: lines, commas, comments; what is no word is refused without repeating it."""
    path = tmp_path / "words.txt"
    path.write_text("# of this client\nsertraline\nDr. Alvarez, Maple Street\n\nsertraline\n", "utf-8")
    assert read_hotwords(path) == ("sertraline", "Dr. Alvarez", "Maple Street")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        read_hotwords(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_hotwords(tmp_path)
    for bad in (["x" * 61], ["a\tb\x00c"], [f"w{n}" for n in range(201)]):
        with pytest.raises(InputError):
            clean(bad)


def piece(seconds: float = 5.0) -> Piece:
    frames = round(seconds * 16_000 / 512)
    return Piece(np.zeros(frames * 512, np.int16), ((0, frames),), np.ones(frames, np.float32))


@pytest.mark.parametrize(
    ("found", "stands"),
    [
        (heard("I feel better this week."), True),
        (heard("Yes."), True),
        (heard("Thank you."), True),  # said surely
        (heard("Thank you.", 0.5, no_speech=0.5), False),
        (heard("you", 0.4, average=-0.9), False),
        (heard("Nobody said this.", no_speech=0.9, average=-1.4), False),
        (heard("Quietly said.", no_speech=0.9, average=-0.4), True),
        (Heard(), False),
    ],
)
def test_what_whisper_invents_is_dropped_and_what_is_said_stands(found: Heard, stands: bool) -> None:
    """T-6."""
    assert is_speech(piece(), found) is stands


def test_words_without_speech_are_dropped() -> None:
    """T-6: less voice than the shortest yes."""
    assert not is_speech(piece(0.1), heard("I feel better."))


def test_a_loop_is_a_loop_and_a_repeated_phrase_is_none() -> None:
    """T-6: real speech repeats itself, too; it must not be lost."""
    times = "it was the best of times it was the worst of times it was the age of wisdom it was the age of foolishness"
    assert not heard(times, repetition=3.0).loops
    assert not heard("I can't I can't I can't I can't I can't do it", repetition=2.6).loops
    assert heard("thank you very much " * 15, repetition=8.0).loops
    assert heard("so " * 60, repetition=9.0).loops
    assert not is_speech(piece(20), heard("thank you very much " * 15, repetition=8.0))


def voices(order: str, random: np.random.Generator) -> list[Any]:
    centres = {name: random.standard_normal(192) for name in sorted(set(order))}
    made = [centres[name] + 0.4 * random.standard_normal(192) for name in order]
    return [(v / np.linalg.norm(v)).astype(np.float32) for v in made]


@pytest.mark.parametrize(
    "order", ["AABBAABB", "ABABABABAB", "AAAAAAAAAB" * 3, "AABBCCAABBCC", "ABCDABCDABCD"]
)
def test_as_many_speakers_as_stated(order: str) -> None:
    """T-7: numbered by first appearance."""
    random = np.random.default_rng(7)
    count = len(set(order))
    labels = cluster(voices(order, random), count)
    assert labels.tolist() == [list(dict.fromkeys(order)).index(name) for name in order]


def test_a_cough_is_no_speaker() -> None:
    """T-7: one odd window does not take the place of a person."""
    random = np.random.default_rng(8)
    labels = cluster(voices("AABBAAXBBAAB", random), 2)
    assert [label for n, label in enumerate(labels.tolist()) if n != 6] == [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1]


def test_a_day_of_speech_is_clustered_in_little_memory() -> None:
    """T-3, T-7: the tree of four hours would take 400 MB; a sample of the windows decides."""
    import tracemalloc

    order = "AABBABBBA" * 1000
    made = voices(order, np.random.default_rng(9))
    tracemalloc.start()
    labels = cluster(made, 2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert labels.tolist() == [0 if name == "A" else 1 for name in order]
    assert peak < 100 << 20


def test_fewer_voices_than_stated() -> None:
    """Two were stated, one speaks: no crash, no invented words."""
    assert cluster(voices("A", np.random.default_rng(1)), 2).tolist() == [0]
    assert set(cluster(voices("AAAAAA", np.random.default_rng(1)), 2).tolist()) <= {0, 1}


TALK = (
    Word("How", 0.0, 0.3, 0.9),
    Word("are", 0.3, 0.6, 0.9),
    Word("you?", 0.6, 1.0, 0.9),
    Word("Fine,", 1.2, 1.5, 0.9),
    Word("thanks.", 1.5, 2.0, 0.9),
)


def test_a_phrase_goes_to_one_speaker() -> None:
    """T-7: a window that reaches over the end of a sentence does not split it."""
    found = assign(TALK, [(0.0, 1.1), (1.1, 2.1)], [0, 1])
    assert [word.speaker for word in found] == ["S1", "S1", "S1", "S2", "S2"]


def test_roles_are_stated_or_a_guess_that_says_so_and_one_action_swaps_them() -> None:
    """T-7."""
    words = assign(TALK, [(0.0, 1.1), (1.1, 2.1)], [0, 1])
    guessed, is_guess = name_roles(words)
    assert is_guess
    assert guessed[0].speaker == CLINICIAN
    stated, is_guess = name_roles(words, (CLIENT, CLINICIAN))
    assert not is_guess
    assert stated[0].speaker == CLIENT
    swapped = Transcript(guessed, 2.0, guessed=True).swap()
    assert [w.speaker for w in swapped.words] == [CLIENT] * 3 + [CLINICIAN] * 2
    assert not swapped.guessed
    assert swapped.swap().words == guessed


def test_a_transcript_comes_back_as_it_was_written() -> None:
    """Words with start, end, probability and speaker; what is no transcript is refused without its words."""
    import json

    once = Transcript(assign(TALK, [(0.0, 1.1), (1.1, 2.1)], [0, 1]), 2.0, "whisper", "base@1")
    again = Transcript.from_json(json.dumps(once.to_json()))
    assert again.words == once.words
    shape = once.to_json()
    assert shape["segments"][1] == {
        "speaker": "S2",
        "start": 1.2,
        "end": 2.0,
        "text": "Fine, thanks.",
        "words": [3, 4],
    }
    for bad in (
        "",
        "[]",
        "{",
        '{"format": "other"}',
        '{"format": "chartside-transcript/1", "words": [{"start": 1}]}',
    ):
        with pytest.raises(InputError):
            Transcript.from_json(bad)
