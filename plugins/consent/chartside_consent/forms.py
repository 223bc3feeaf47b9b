"""The forms that can be signed: those that are shipped, and a practice's own in their place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from chartside.codes import ConsentType
from chartside.errors import InputError

from .lint import each_item, element, kinds_of, problems

LARGEST = 1_000_000
"""Bytes of one form."""


@dataclass(frozen=True, slots=True)
class Form:
    """A Questionnaire that passed the lint. ``source``: ``shipped``, or the file's name."""

    kind: ConsentType
    questionnaire: Mapping[str, Any] = field(repr=False)
    source: str = "shipped"

    @property
    def language(self) -> str:
        """``en`` or ``es``."""
        return str(self.questionnaire["language"])

    @property
    def version(self) -> str:
        """The form's version."""
        return str(self.questionnaire["version"])

    @property
    def canonical(self) -> str:
        """URL and version, as ``QuestionnaireResponse.questionnaire`` has it."""
        return f"{self.questionnaire['url']}|{self.version}"

    @property
    def hash(self) -> str:
        """SHA-256 of the form's canonical JSON, in hex: which words were signed."""
        return sha256(self.questionnaire)

    @property
    def items(self) -> list[Mapping[str, Any]]:
        """All items."""
        return list(each_item(self.questionnaire))

    def text(self, code: str) -> str:
        """The words of an element; empty where the form has none."""
        return next((str(item["text"]) for item in self.items if element(item) == code), "")


def sha256(resource: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of JSON with sorted keys and no blanks, in UTF-8: the same on every machine."""
    text = json.dumps(resource, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_form(data: Any, source: str) -> Form:
    """A form out of JSON data. Raises InputError that names each fault (C-11)."""
    if found := problems(data):
        raise InputError(f"{source}: {'; '.join(found)}", mend="see: chartside consent lint")
    return Form(kinds_of(data)[0], data, source)


def read_file(path: Path) -> Any:
    """The JSON of a form's file. Raises InputError without its content."""
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path.name}: is larger than {LARGEST} bytes")
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise InputError(f"{path.name}: is no JSON", mend="give a FHIR Questionnaire as JSON") from None


class Forms:
    """Forms by kind and language. ``folder``: a practice's own, each in the place of the shipped one of its kind and
    language. Raises InputError for one that lacks something, or two of a kind and language.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._forms = {(form.kind, form.language): form for form in shipped()}
        own = list(_own(folder)) if folder else []
        for form in own:
            if sum((f.kind, f.language) == (form.kind, form.language) for f in own) > 1:
                raise InputError(
                    f"{form.source}: two forms are {form.kind.value} in {form.language}",
                    mend="keep one of them",
                )
            self._forms[form.kind, form.language] = form

    def __iter__(self) -> Iterator[Form]:
        return iter(sorted(self._forms.values(), key=lambda form: (form.kind.value, form.language)))

    def get(self, kind: ConsentType, language: str) -> Form:
        """The form of this kind, in this language or else in English."""
        return self._forms.get((kind, language)) or self._forms[kind, "en"]


def shipped() -> Iterable[Form]:
    """The forms of this package."""
    folder = files(__package__).joinpath("questionnaires")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".json"))
    return [read_form(json.loads(folder.joinpath(name).read_text("utf-8")), "shipped") for name in names]


def _own(folder: Path) -> Iterator[Form]:
    for path in _files(folder):
        yield read_form(read_file(path), path.name)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(
            "the folder of the practice's own forms is not there",
            mend="set plugins.consent.forms to a folder with Questionnaires, or remove the key",
        )
    return sorted(folder.glob("*.json"))


def own_problems(folder: Path | None) -> list[str]:
    """What is wrong with a practice's own forms, for ``chartside check``; none where all can be used."""
    try:
        Forms(folder)
    except InputError as error:
        return [str(error)]
    return []
