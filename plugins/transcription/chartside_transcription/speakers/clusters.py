"""Windows of voice into as many speakers as the clinician stated, and words to speakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from chartside_transcription.transcript import CLIENT, CLINICIAN, Word

MOST_WINDOWS = 2_000
"""The tree grows with the square of its windows: of a longer recording every n-th is taken, all go to the nearest."""
SENTENCE_END = (".", "?", "!")
LONG_PAUSE = 0.6
"""Seconds between words at which the speaker may change although no sentence ended."""


def cluster(embeddings: Sequence[NDArray[np.float32]], count: int) -> NDArray[np.int64]:
    """Average linkage by cosine distance into ``count`` groups, numbered by first appearance.

    Groups of less than two windows are noise (a cough, overlapping speech): the tree is cut deeper until ``count`` real
    groups stand, and the odd windows go to the nearest of them.
    """
    vectors = np.stack(embeddings)
    if count <= 1 or len(vectors) <= count:
        return np.minimum(np.arange(len(vectors)), max(count, 1) - 1)
    sample = vectors[:: -(-len(vectors) // MOST_WINDOWS)]
    labels, kept = _grown(sample, count)
    return _by_appearance(_nearest(vectors, _centres(sample, labels, kept)))


def _grown(vectors: NDArray[np.float32], count: int) -> tuple[NDArray[np.int64], list[int]]:
    """A label for each vector, and the labels of the ``count`` largest real groups."""
    from scipy.cluster.hierarchy import fcluster, linkage

    tree = linkage(vectors.astype(np.float64), "average", metric="cosine")
    smallest = max(2, len(vectors) // 100)
    for cut in range(count, min(count + 10, len(vectors)) + 1):
        labels = fcluster(tree, cut, "maxclust")
        names, sizes = np.unique(labels, return_counts=True)
        real = names[sizes >= smallest]
        if len(real) >= count:
            break
    else:
        labels = fcluster(tree, count, "maxclust")
        names, sizes = np.unique(labels, return_counts=True)
        real = names
    return labels, sorted(real.tolist(), key=lambda name: -int(sizes[names == name][0]))[:count]


def _centres(
    vectors: NDArray[np.float32], labels: NDArray[np.int64], kept: Sequence[int]
) -> NDArray[np.float32]:
    centres = np.stack([vectors[labels == name].mean(axis=0) for name in kept])
    return np.asarray(centres / np.linalg.norm(centres, axis=1, keepdims=True), np.float32)


def _nearest(vectors: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.asarray(np.argmax(vectors @ centres.T, axis=1), np.int64)


def _by_appearance(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    order = {name: n for n, name in enumerate(dict.fromkeys(labels.tolist()))}
    return np.array([order[name] for name in labels.tolist()])


def assign(
    words: Sequence[Word], windows: Sequence[tuple[float, float]], labels: Sequence[int]
) -> tuple[Word, ...]:
    """Each word gets the speaker who holds most of its phrase; a phrase ends with a sentence or a pause."""
    if not windows or not words:
        return tuple(words)
    order = np.argsort([start for start, _ in windows])
    starts = np.array([windows[n][0] for n in order])
    ends = np.array([windows[n][1] for n in order])
    names = np.array([labels[n] for n in order])
    given: list[Word] = []
    for phrase in phrases(words):
        a, b = phrase[0].start, phrase[-1].end
        overlap = np.minimum(ends, b) - np.maximum(starts, a)
        if overlap.max() > 0:
            held = np.bincount(names, weights=np.maximum(overlap, 0))
            best = int(held.argmax())
        else:
            best = int(names[np.argmin(np.abs((starts + ends) / 2 - (a + b) / 2))])
        given += [replace(word, speaker=f"S{best + 1}") for word in phrase]
    return tuple(given)


def phrases(words: Sequence[Word]) -> list[list[Word]]:
    """Words between sentence ends or pauses."""
    found: list[list[Word]] = []
    for word in words:
        last = found[-1][-1] if found else None
        if last is None or last.text.endswith(SENTENCE_END) or word.start - last.end > LONG_PAUSE:
            found.append([])
        found[-1].append(word)
    return found


def name_roles(words: Sequence[Word], roles: Sequence[str] = ()) -> tuple[tuple[Word, ...], bool]:
    """Roles for S1, S2 ...: the stated ones in the order of first speaking; else a guess, told by the second value.

    The guess for two: who asks the larger part of the questions is the clinician. With more, nobody is guessed.
    """
    voices = list(dict.fromkeys(word.speaker for word in words if word.speaker))
    if roles:
        names = dict(zip(voices, roles, strict=False))
        return tuple(replace(w, speaker=names.get(w.speaker, w.speaker)) for w in words), False
    if len(voices) != 2:
        return tuple(words), len(voices) > 1
    asked = {v: _share_of_questions(words, v) for v in voices}
    clinician = max(voices, key=lambda v: asked[v])
    names = {v: CLINICIAN if v == clinician else CLIENT for v in voices}
    return tuple(replace(w, speaker=names.get(w.speaker, w.speaker)) for w in words), True


def _share_of_questions(words: Sequence[Word], voice: str) -> float:
    said = [w.text for w in words if w.speaker == voice]
    ends = sum(text.endswith(SENTENCE_END) for text in said)
    return sum(text.endswith("?") for text in said) / max(ends, 1)
