"""P-4, P-5: the Device and the model card name every part that wrote, those that were plugged in, too."""

from __future__ import annotations

import base64
import sys
import types

import pytest

from chartside.ai.resources import device
from chartside_transcription.draft import Drafter
from chartside_transcription.draft.rules import Rules
from chartside_transcription.engines import Engine, Heard
from chartside_transcription.engines.endpoint import OpenAiEndpoint
from chartside_transcription.modelcard import model_in, model_of
from chartside_transcription.settings import Settings


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package ``acme_scribe`` with its metadata, as pip would leave it."""
    facts = tmp_path / "acme_scribe-3.1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme-scribe\nVersion: 3.1\nAuthor: Acme\n Clinical Ltd\n"
    )
    (facts / "top_level.txt").write_text("acme_scribe\n")
    (facts / "RECORD").write_text("acme_scribe/__init__.py,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "acme_scribe", types.ModuleType("acme_scribe"))


class Own(Engine):
    name = "whisper"
    model = ("whisper-base", "1.0")

    def hear(self, samples, options):
        return Heard()


class Theirs(Own):
    name = "acme-ears"
    model = ("ears", "7")
    about = "Trained on\n- What it does: everything."
    __module__ = "acme_scribe.ears"


class Llm(Drafter):
    name = "acme"
    model = ("acme-7b", "2026.1")
    __module__ = "acme_scribe.llm"

    def propose(self, transcript, template):
        return ()


class ByHand(Llm):
    name = "acme-by-hand"
    model = ("", "")
    publisher = "Dr. Hand"
    __module__ = "acme_scribe.by_hand"


Own.__module__ = "chartside_transcription.engines.whisper"


def shown(engine, drafter):
    made = device(model_of(engine, drafter))
    card = base64.b64decode(made["contained"][0]["content"][0]["attachment"]["data"]).decode()
    return made, card


def test_the_parts_that_come_with_it():
    """P-5: the rules are no model; the Device is the recogniser's."""
    made, card = shown(Own(None), Rules)
    assert (made["modelNumber"], made["version"][0]["value"]) == ("whisper-base", "1.0")
    assert made["manufacturer"] == "Chartside"
    assert "model whisper-base, version 1.0, published by Chartside. Whisper (OpenAI, MIT)" in card
    assert "- Drafter: rules, published by Chartside." in card
    assert "offline" in card


def test_a_drafter_and_an_engine_of_somebody_else(installed):
    """P-4: name, version and publisher of both; what they say of themselves cannot add a line to the card."""
    made, card = shown(Theirs(None), Llm())
    assert (made["modelNumber"], made["version"][0]["value"]) == ("ears-acme-7b", "7-2026.1")
    assert made["manufacturer"] == "Chartside; Acme Clinical Ltd"
    assert (
        "acme, model acme-7b, version 2026.1, published by Acme Clinical Ltd, package acme-scribe 3.1."
        in card
    )
    assert "- Recogniser: acme-ears, model ears, version 7, published by Acme Clinical Ltd" in card
    assert card.count("\n- What it does:") == 1
    assert "OpenAI" not in card
    assert model_in(made) == model_of(Theirs(None), Llm)


def test_a_drafter_without_a_model_is_named_too(installed):
    """P-5: other rules than ours write other drafts, so they are a Device of their own."""
    made, _ = shown(Own(None), ByHand)
    assert (made["modelNumber"], made["version"][0]["value"]) == ("whisper-base-acme-by-hand", "1.0-3.1")
    assert made["manufacturer"] == "Chartside; Dr. Hand"


def test_one_that_no_package_brought():
    """P-4: said as such, and not taken for ours."""
    made, card = shown(Own(None), Llm)
    assert made["manufacturer"] == "Chartside; unknown publisher"
    assert "package acme_scribe unknown" in card


def test_sound_that_leaves_is_said():
    """P-4: an endpoint runs elsewhere."""
    engine = OpenAiEndpoint(Settings(engine="openai-endpoint", recipient="asr"))
    _, card = shown(engine, Rules)
    assert "the sound is sent to a recipient" in card
    assert "offline" not in card


def test_long_names_stay_two_devices():
    """P-5: a name longer than an identifier may be is cut, and two of them are not taken for one."""

    def of(name):
        return model_of(
            type("Long", (Own,), {"model": (name, "1"), "__module__": Own.__module__})(None), Rules
        )

    first, second = (of("x" * 200 + end) for end in "ab")
    assert first.name != second.name
    assert len(first.name) == 100
