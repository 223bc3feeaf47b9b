"""What the documentation says is true: hooks, help, snippets (habits.md)."""

from __future__ import annotations

import inspect
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
generate = runpy.run_path(str(ROOT / "docs" / "generate.py"))
"""How the generated parts are made; `make docs` writes them anew."""


def test_every_hook_is_documented_with_its_signature():
    """habits.md: the page says what the code says."""
    assert generate["section"](ROOT / "docs" / "plugins.md", "hooks").split() == generate["hooks"]().split()


def test_the_readme_lists_the_commands():
    """The command list of the README is that of `chartside --help`."""
    assert generate["section"](ROOT / "README.md", "commands").split() == generate["commands"]().split()


def test_the_readme_shows_the_demo():
    """What one sees is there: reminders sent, some held back, and a second run that sends nothing."""
    shown = generate["section"](ROOT / "README.md", "demo")
    assert "held back" in shown
    assert "Run again: 0 sent" in shown


def snippets():
    found = []
    for path in DOCS:
        for number, code in enumerate(
            re.findall(r"^```python\n(.*?)^```", path.read_text("utf-8"), re.M | re.S)
        ):
            if "def test_" in code:
                found.append(pytest.param(code, id=f"{path.name}-{number}"))
    return found


@pytest.mark.parametrize("code", snippets())
def test_snippets_run(code, request):
    """Each snippet that is a test is run as one, with the fixtures that it names."""
    space: dict[str, object] = {}
    exec(compile(code, "<docs>", "exec"), space)
    tests = [value for name, value in space.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        names = inspect.signature(test).parameters
        test(**{name: request.getfixturevalue(name) for name in names})


def test_toml_snippets_of_manifests_are_valid():
    """A manifest in the docs is one that the host reads."""
    import tomllib

    from chartside.manifest import Manifest

    seen = 0
    for path in DOCS:
        for code in re.findall(r"^```toml\n(.*?)^```", path.read_text("utf-8"), re.M | re.S):
            data = tomllib.loads(code)
            if "plugin" in data:
                seen += 1
                assert Manifest.model_validate(data).name
    assert seen


PRACTICE = {"id": "p", "name": "P", "phone": "+1 312 555 0142", "time_zone": "America/Chicago", "state": "IL"}


def config_snippets():
    import tomllib

    found = []
    for path in DOCS:
        for number, code in enumerate(
            re.findall(r"^ *```toml\n(.*?)^ *```", path.read_text("utf-8"), re.M | re.S)
        ):
            data = tomllib.loads(inspect.cleandoc(code))
            if "plugin" not in data:
                found.append(pytest.param(data, id=f"{path.name}-{number}"))
    return found


@pytest.mark.parametrize("data", config_snippets())
def test_config_snippets_are_accepted(data, tmp_path, monkeypatch):
    """Each snippet of chartside.toml passes the checks of the host, the channels and the plugins."""
    from chartside.clock import SystemClock
    from chartside.config import parse
    from chartside.gate.outbound import OutboundRegistry
    from chartside.host import Host
    from chartside.messaging.settings import MessagingSettings
    from chartside.messaging.setup import open_channels

    for name in ("TWILIO_AUTH_TOKEN", "MAIL_PASSWORD", "REVIEWER_TOKEN"):
        monkeypatch.setenv(name, "a-secret-that-is-long-enough-for-all")
    config = parse(
        {"practice": PRACTICE, "ehr": {"base_url": "https://ehr.example.org/fhir"}, **data}, tmp_path
    )
    OutboundRegistry.from_config(config.outbound)
    MessagingSettings.read(config.messaging)
    open_channels(config.channels, [], clock=SystemClock())
    with Host(config) as host:
        for name in config.enabled():
            assert host.settings(name) is not None


def test_links_lead_somewhere():
    """Relative links in the docs point at files that exist."""
    for path in DOCS:
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
