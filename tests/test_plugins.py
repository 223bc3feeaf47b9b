"""Finding, loading and isolating plugins (H-1, S-7's data side)."""

from __future__ import annotations

import re
import sys
import textwrap
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path

import pytest

from chartside import Job
from chartside import installed as listing
from chartside import plugins as module
from chartside.commands.plugins import describe
from chartside.errors import ManifestError
from chartside.manifest import Manifest, union
from chartside.plugins import Plugins, find
from chartside.resource_types import RESOURCE_TYPES

TOML = """
[plugin]
name = "{name}"
title = "Test"
api = {api}
[access]
Appointment = "rs"
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A function that installs a plugin package with the given code, and a patched entry point list."""
    entries = []
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(listing, "entry_points", lambda group: list(entries))

    def install(name, code, toml=None):
        package = tmp_path / f"pkg_{name}"
        package.mkdir()
        (package / "__init__.py").write_text(textwrap.dedent(code))
        text = TOML.format(name=name, api=1) if toml is None else toml
        if text:
            (package / "plugin.toml").write_text(text)
        entries.append(EntryPoint(name, f"pkg_{name}:plugin", "chartside.plugins"))

    yield install
    for name in [n for n in sys.modules if n.startswith("pkg_")]:
        del sys.modules[name]


GOOD = """
from chartside import Job, JobReport, hookimpl
class Plugin:
    @hookimpl
    def chartside_jobs(self):
        return [Job("j", "s", lambda c, o: JobReport())]
plugin = Plugin()
"""


def test_nothing_is_imported_that_is_not_enabled(installed):
    """H-1: finding reads manifests only."""
    installed("one", GOOD)
    found = find()
    assert found["one"].status == "installed"
    assert found["one"].manifest.access == {"Appointment": "rs"}
    assert "pkg_one" not in sys.modules
    Plugins(found, ["one"])
    assert found["one"].status == "loaded"


def test_a_hook_is_found_by_whatever_name_its_function_has(installed):
    """pluggy's ``specname``."""
    named = GOOD.replace(
        "@hookimpl\n    def chartside_jobs", "@hookimpl(specname='chartside_jobs')\n    def mine"
    )
    assert named != GOOD
    installed("one", named)
    plugins = Plugins(find(), ["one"])
    assert [name for name, _ in plugins.each("chartside_jobs", Job)] == ["one"]
    assert not plugins.has("one", "chartside_routes")


FAULTS = {
    "import": ("import does_not_exist_anywhere", None, "ModuleNotFoundError"),
    "raise": ("raise RuntimeError('Jane Doe 555-0101')", None, "RuntimeError"),
    "hook": (GOOD.replace("def chartside_jobs", "def chartside_jobz"), None, "PluginValidationError"),
    "manifest": (GOOD, "", "plugin.toml"),
    "toml": (GOOD, "[plugin", "no valid TOML"),
    "api": (GOOD, TOML.format(name="api", api=99), "speaks plugin api 99"),
    "name": (GOOD, TOML.format(name="other", api=1), "the entry point"),
    "hang": ("import time\ntime.sleep(60)", None, "no answer within"),
    "exit": ("raise SystemExit(0)", None, "raised SystemExit"),
    "recursive": ("import pkg_recursive", None, "AttributeError"),
    "nested": (GOOD, "a = " + "[" * 5000, "nested too deeply"),
    "huge": (GOOD, "#" * 2_000_000, "more than 1 MiB"),
    "binary": (GOOD, "\x00\x01", "no valid TOML"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_plugin_is_reported_and_the_rest_goes_on(installed, fault, monkeypatch):
    """H-1: never "loaded" of one that is not; the reason is named, without the error's text (it may hold PHI)."""
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    code, toml, reason = FAULTS[fault]
    installed("good", GOOD)
    installed(fault, code, toml)
    found = find()
    plugins = Plugins(found, ["good", fault])
    assert found[fault].status == "failed"
    assert reason in found[fault].problem
    assert "Jane" not in found[fault].problem
    assert [name for name, _ in plugins.each("chartside_jobs", Job)] == ["good"]


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError('secret')",
        "import time; time.sleep(30)",
        "import sys; sys.exit('secret')",
        "raise GeneratorExit",
        "yield 1 / 0",
        "return 7",
        "return ['secret']",
        "return [Job]+[object]",
    ],
)
def test_a_plugin_that_breaks_in_a_hook_is_set_aside(installed, body, monkeypatch):
    """H-1: one that raises, hangs, ends the process or gives nonsense when called is not called again."""
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    installed("bad", GOOD.replace('return [Job("j", "s", lambda c, o: JobReport())]', body))
    installed("good", GOOD)
    plugins = Plugins(find(), ["bad", "good"])
    assert plugins.loaded == ["bad", "good"]
    assert [name for name, _ in plugins.each("chartside_jobs", Job)] == ["good"]
    assert plugins.loaded == ["good"]
    assert "secret" not in plugins.found["bad"].problem


def test_union_is_the_declared_minimum():
    """H-3, S-7: the union of the enabled manifests, nothing more."""
    one = Manifest.model_validate({"plugin": {"name": "a", "title": "A", "api": 1}, "access": {"Task": "cs"}})
    two = Manifest.model_validate({"plugin": {"name": "b", "title": "B", "api": 1}, "access": {"Task": "ru"}})
    assert union([one, two]) == {"Task": "crus"}


@pytest.mark.parametrize("letters", ["", "x", "sr", "rr", "read"])
def test_access_letters_are_checked(tmp_path, letters):
    """A manifest that the host would misread is refused, and the key is named."""
    path = tmp_path / "plugin.toml"
    path.write_text(TOML.format(name="a", api=1).replace('"rs"', f'"{letters}"'))
    with pytest.raises(ManifestError, match=r"access\.Appointment"):
        Manifest.load(path)


def test_the_help_lives_with_a_broken_manifest(installed):
    """H-1: what `chartside --help` lists are the commands of those that can be read, and nothing is imported."""
    whole = TOML.format(name="sound", api=1).replace("api = 1", 'api = 1\ncommands = "a:b"')
    installed("sound", "raise RuntimeError", whole)
    for number, toml in enumerate(("", "[plugin", "plugin = 3", "[plugin]\ncommands = 1")):
        installed(f"broken{number}", "raise RuntimeError", toml)
    assert listing.commands() == {"sound": ("a:b", "Test.")}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[access]", "[acess]", "acess: no such key -> did you mean 'access'?"),
        ('title = "Test"', "", "plugin.title: is missing -> add `title = ...`"),
        ('"rs"', '"sr"', "access.Appointment: use the SMART v2 letters 'cruds'"),
        ("Appointment =", "Apointment =", "is no resource type of FHIR R4 -> did you mean 'Appointment'?"),
        ("Appointment =", "Taks =", "access.Taks: is no resource type of FHIR R4 -> did you mean 'Task'?"),
        ("Appointment =", "Frob =", "access.Frob: is no resource type of FHIR R4"),
        ("Appointment =", "DomainResource =", "access.DomainResource: is no resource type of FHIR R4"),
        ("[access]", "[operations]\nPatint = ['match']\n[access]", "did you mean 'Patient'?"),
        ("[access]", "[outbound]\nkinds = 'sms'\n[access]", "outbound.kinds: "),
    ],
)
def test_a_wrong_manifest_names_the_key_and_the_mend(tmp_path, old, new, said):
    """A plugin author reads what to write instead, not a validator's words."""
    path = tmp_path / "plugin.toml"
    path.write_text(TOML.format(name="a", api=1).replace(old, new))
    with pytest.raises(ManifestError) as caught:
        Manifest.load(path)
    assert said in str(caught.value)
    assert "Value error" not in str(caught.value)


def test_the_resource_types_are_those_of_the_models():
    """Every resource that `fhir.resources` has a model for can be declared."""
    folder = Path(find_spec("fhir.resources.R4B.task").origin).parent
    models = {
        found
        for file in folder.glob("*.py")
        for found in re.findall(r"^class (\w+)\(domainresource\.DomainResource\)", file.read_text(), re.M)
    }
    assert "Task" in models
    assert models <= RESOURCE_TYPES


def test_what_a_plugin_does_is_told_in_the_words_that_the_law_knows():
    """One list: what a compliance officer reads is what the rules judge."""
    features = {"transcribes": True, "talks_to_client": False, "unheard_of": True}
    manifest = Manifest.model_validate(
        {"plugin": {"name": "a", "title": "A", "api": 1}, "features": features}
    )
    told = "\n".join(describe(manifest))
    assert "turns speech into text by a model" in told
    assert "unheard of" in told
    assert "sends messages" not in told
