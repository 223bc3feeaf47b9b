"""What is wrong with a consent form, one sentence each (C-11, C-13).

The shipped forms and a practice's own pass the same rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from chartside.codes import CONSENT_ELEMENT, CONSENT_ELEMENT_SYSTEM, CONSENT_TYPE_SYSTEM, ConsentType

from .elements import ANSWERED, REQUIRED, WORDS
from .loose import dicts

LANGUAGES: Final = ("en", "es")
KINDS: Final = frozenset({"boolean", "choice", "date", "string", "text"})
"""Kinds of answers that can be recorded."""

_AI: Final = re.compile(
    r"\b(?:AI|A\.I\.|IA|I\.A\.)(?!\w)|artificial intelligence|inteligencia artificial", re.I
)
_RECORDS: Final = re.compile(
    r"\brecord(?:ed|ing|ings)\b|\brecord (?:my|our|your|the) (?:session|visit|sound|call|voice)|"
    r"\bgrab\w+|\btranscri\w+",
    re.I,
)
"""Recording of sound; the records of a chart are another thing."""
_SYMBOLS: Final = {ConsentType.AI_USE: (_AI, "AI"), ConsentType.RECORDING: (_RECORDS, "recording")}


def problems(form: Any) -> list[str]:
    """What is wrong with a Questionnaire as a consent form; empty where it may be used."""
    if not isinstance(form, Mapping) or form.get("resourceType") != "Questionnaire":
        return ["this is no Questionnaire -> give a FHIR R4 Questionnaire as JSON"]
    found = [*_head(form)]
    try:
        items = list(each_item(form))
    except ValueError as error:
        return [*found, str(error)]
    found += _items(items)
    kinds = kinds_of(form)
    if len(kinds) != 1:
        mend = "one instrument, one form: give Questionnaire.code exactly one code of the consent types"
        return [*found, f"it is {len(kinds)} kinds of consent at once -> {mend}"]
    return [*found, *_elements(kinds[0], items), *_affirmative(kinds[0], items), *_bundled(kinds[0], items)]


def kinds_of(form: Mapping[str, Any]) -> list[ConsentType]:
    """The kinds of consent that a form says it is."""
    codes = [c for c in dicts(form.get("code")) if c.get("system") == CONSENT_TYPE_SYSTEM]
    return [ConsentType(c["code"]) for c in codes if c.get("code") in set(ConsentType)]


def each_item(form: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All items, those of groups included. Raises ValueError for what cannot be a list of items."""
    stack = [form.get("item", [])]
    while stack:
        items = stack.pop(0)
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            raise ValueError("its items are no list of objects -> see Questionnaire.item of FHIR R4")
        for item in items:
            yield item
            if "item" in item:
                stack.append(item["item"])


def element(item: Mapping[str, Any]) -> str:
    """Which required element an item is; empty for none."""
    found = [e.get("valueCoding") for e in dicts(item.get("extension")) if e.get("url") == CONSENT_ELEMENT]
    codes = [c.get("code") for c in dicts(found) if c.get("system") == CONSENT_ELEMENT_SYSTEM]
    return str(codes[0]) if codes else ""


def _head(form: Mapping[str, Any]) -> Iterator[str]:
    for name in ("url", "version", "title"):
        if not isinstance(form.get(name), str) or not form[name].strip():
            yield f"it has no {name} -> a recorded consent must say which form, in which version, was signed"
    if form.get("language") not in LANGUAGES:
        yield f"its language is not one of {', '.join(LANGUAGES)}"
    if form.get("status") != "active":
        yield "its status is not active -> only a form in force can be signed"


def _items(items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    seen: set[str] = set()
    for item in items:
        name, kind = item.get("linkId"), item.get("type")
        if not isinstance(name, str) or not name or name in seen:
            yield "an item has no linkId of its own"
            continue
        seen.add(name)
        if kind not in KINDS | {"display", "group"}:
            yield f"item {name}: answers of this type cannot be recorded -> use {', '.join(sorted(KINDS))}"
        if not str(item.get("text", "")).strip():
            yield f"item {name}: has no text"
        if kind == "choice" and not dicts(item.get("answerOption")):
            yield f"item {name}: a choice without options"


def _elements(kind: ConsentType, items: list[Mapping[str, Any]]) -> Iterator[str]:
    by_code = {element(item): item for item in items if str(item.get("text", "")).strip()}
    for name in REQUIRED[kind]:
        item = by_code.get(name)
        if item is None:
            yield f"lacks {name!r}: {WORDS[name]}"
        elif item.get("type") != "display" and item.get("required") is not True:
            yield f"{name!r} may be left blank, but it must be there: {WORDS[name]} -> set required"
        elif name in ANSWERED and item.get("type") not in KINDS:
            yield f"{name!r} must be answered by the person: {WORDS[name]} -> ask for it"


def _affirmative(kind: ConsentType, items: list[Mapping[str, Any]]) -> Iterator[str]:
    """A yes that the person gives, not one that stands there already (C-13)."""
    agreements = [item for item in items if element(item) == "agreement"]
    if len(agreements) > 1:
        yield "'agreement' stands there more than once -> one form, one yes"
    for item in agreements:
        if item.get("type") != "boolean":
            yield "'agreement' must be a yes or no -> make it a boolean"
        if item.get("initial") or item.get("readOnly") or item.get("enableWhen"):
            yield "'agreement' is filled in beforehand, locked or hidden -> the person must give it"
        sign = _SYMBOLS.get(kind)
        if sign and not sign[0].search(str(item.get("text", ""))):
            yield f"'agreement' does not name {sign[1]} -> the yes itself must say what it is a yes to (C-13)"
    if kind is ConsentType.AI_USE:
        said = [str(item.get("text", "")) for item in items if element(item) == "ai"]
        if said and not any(_AI.search(text) for text in said):
            yield "'ai' does not say AI or artificial intelligence -> say it in so many words (C-13)"


def _bundled(kind: ConsentType, items: list[Mapping[str, Any]]) -> Iterator[str]:
    """AI and recording have forms of their own; a sentence in another form is no consent to them (C-13)."""
    for item in items:
        text, name = str(item.get("text", "")), item.get("linkId")
        if kind is not ConsentType.AI_USE and _AI.search(text):
            yield f"item {name}: speaks of AI in a form for something else -> use a form of the kind ai-use (C-13)"
        asks = item.get("type") not in ("display", "group")
        if asks and kind not in _SYMBOLS and _RECORDS.search(text):
            yield f"item {name}: asks for recording in a form for something else -> use the kind recording (C-13)"
