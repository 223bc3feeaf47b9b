"""Word error rates by group, with intervals, over a folder of recordings whose words are known (T-14).

The labels: a table ``labels.tsv`` (or ``labels.csv``, or ``MANIFEST.tsv``) in the folder, whose first line names the
columns:

- ``file``: the recording's name in the folder, and ``reference``: what is said in it (a line without is left out);
- ``speaker``, where known: the recordings of one speaker are not independent of each other;
- every other column (``accent``, ``gender``, ``room`` ...) is a way to group.

The intervals are bootstrap percentiles (Bisani and Ney 2004): speakers, or recordings where no speaker is given, are
drawn again with replacement 2,000 times. They tell how far the figure would move with other speakers of the same kind.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chartside.errors import InputError
from chartside_transcription.wer import Errors, word_errors

NAMES = ("labels.tsv", "labels.csv", "MANIFEST.tsv")
NO_GROUPS = frozenset({"file", "reference", "speaker", "sha256"})
MOST_VALUES = 20
"""A column with more values than this is no group."""
RESAMPLES, SEED = 2_000, 20_040_517
FEW_SPEAKERS, FEW_WORDS = 10, 1_000


@dataclass(frozen=True, slots=True)
class Label:
    """A recording whose words are known."""

    path: Path
    reference: str
    speaker: str
    groups: Mapping[str, str]
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one group; ``low`` and ``high`` are None where there is only one speaker (or recording)."""

    group: str
    recordings: int
    speakers: int
    errors: Errors
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, Any]:
        """As printed."""
        return {
            "group": self.group,
            "recordings": self.recordings,
            "speakers": self.speakers,
            "words": self.errors.words,
            "substitutions": self.errors.substitutions,
            "deletions": self.errors.deletions,
            "insertions": self.errors.insertions,
            "wer": round(self.errors.rate, 4),
            "interval_95": None if self.low is None else [round(self.low, 4), round(self.high or 0.0, 4)],
            "says_little": self.says_little,
        }

    @property
    def says_little(self) -> bool:
        """Too few speakers or words for a conclusion."""
        return self.speakers < FEW_SPEAKERS or self.errors.words < FEW_WORDS


@dataclass(frozen=True, slots=True)
class Report:
    """``refused``: recordings that could not be used, with the reason."""

    rows: tuple[Row, ...]
    refused: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """As printed."""
        return {
            "interval": f"bootstrap percentiles, {RESAMPLES} resamples of speakers (recordings where none is named)",
            "rows": [row.to_json() for row in self.rows],
            "refused": [{"file": name, "problem": problem} for name, problem in self.refused],
        }


def read_labels(folder: Path, table: Path | None = None) -> list[Label]:
    """The labelled recordings of a folder. Raises InputError that names the line, never its words."""
    path = table or next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if path is None:
        raise InputError(
            "the folder has no labels", mend=f"put a {NAMES[0]} with the columns file and reference there"
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            tabs = path.suffix == ".tsv"
            reader = csv.DictReader(
                lines, delimiter="\t" if tabs else ",", quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL
            )
            if not {"file", "reference"} <= set(reader.fieldnames or ()):
                raise InputError(f"{path.name}: its first line must name the columns file and reference")
            found = [_label(folder, row, f"{path.name}:{n}") for n, row in enumerate(reader, start=2)]
    except (OSError, UnicodeDecodeError, csv.Error):
        raise InputError(
            f"{path.name}: is no table in UTF-8", mend="save it as text, tab separated"
        ) from None
    labels = [label for label in found if label.reference]
    if not labels:
        raise InputError(f"{path.name}: no line has a reference")
    return labels


def _label(folder: Path, row: Mapping[str | None, Any], place: str) -> Label:
    if None in row or None in row.values() or not row["file"]:
        raise InputError(f"{place}: the line has another number of columns than the first")
    path = folder / row["file"]
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{place}: the recording lies outside the folder")
    groups = {str(k): v.strip() for k, v in row.items() if k not in NO_GROUPS}
    return Label(
        path, row["reference"].strip(), (row.get("speaker") or "").strip(), groups, row.get("sha256") or ""
    )


def measure(
    labels: Sequence[Label], hear: Callable[[Path], str], by: Sequence[str], tell: Callable[[int], None]
) -> Report:
    """Hear every recording and count. One that cannot be used is set aside and told."""
    columns = _columns(labels, by)
    counted: list[tuple[Label, Errors]] = []
    refused: list[tuple[str, str]] = []
    for n, label in enumerate(labels, start=1):
        try:
            _verify(label)
            counted.append((label, word_errors(label.reference, hear(label.path))))
        except InputError as error:
            refused.append((label.path.name, str(error)))
        tell(n)
    rows = [_row("all", counted)] if counted else []
    for column in columns:
        for value in sorted({label.groups[column] for label, _ in counted}):
            members = [pair for pair in counted if pair[0].groups[column] == value]
            rows.append(_row(f"{column}: {value or 'not stated'}", members))
    return Report(tuple(rows), tuple(refused))


def _columns(labels: Sequence[Label], by: Sequence[str]) -> list[str]:
    known = list(labels[0].groups)
    unknown = [name for name in by if name not in known]
    if unknown:
        raise InputError(
            f"the labels have no column {unknown[0]!r}", mend=f"they have: {', '.join(known) or 'none'}"
        )
    return list(by) or [k for k in known if 1 < len({label.groups[k] for label in labels}) <= MOST_VALUES]


def _verify(label: Label) -> None:
    if not label.sha256:
        return
    try:
        with label.path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"the recording cannot be read ({error.strerror})") from None
    if found != label.sha256:
        raise InputError("the recording is not the one that was labelled (its SHA-256 differs)")


def _row(group: str, counted: Sequence[tuple[Label, Errors]]) -> Row:
    units: dict[str, Errors] = {}
    for label, errors in counted:
        unit = f"speaker {label.speaker}" if label.speaker else f"file {label.path}"
        units[unit] = units.get(unit, Errors()) + errors
    total = sum(units.values(), Errors())
    low, high = interval(units.values())
    return Row(group, len(counted), len(units), total, low, high)


def interval(units: Iterable[Errors]) -> tuple[float | None, float | None]:
    """The 95 % bootstrap interval of the rate; the same figures give the same interval."""
    import numpy as np

    wrong, words = np.array([(unit.wrong, unit.words) for unit in units], float).T
    if len(words) < 2:
        return None, None
    drawn = np.random.default_rng(SEED).integers(0, len(words), (RESAMPLES, len(words)))
    rates = wrong[drawn].sum(axis=1) / np.maximum(words[drawn].sum(axis=1), 1)
    low, high = np.quantile(rates, (0.025, 0.975))
    return float(low), float(high)
