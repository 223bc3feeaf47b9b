"""What the documentation says is true: hooks, help, snippets (habits.md)."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chartside import hookspecs
from chartside.cli import build

ROOT = Path(__file__).resolve().parent.parent
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
HOOKS = [f for name, f in vars(hookspecs).items() if name.startswith("chartside_")]


def hooks_text():
    """The generated section of docs/plugins.md."""
    parts = []
    for hook in HOOKS:
        signature = str(inspect.signature(hook)).replace("'", "")
        text = inspect.cleandoc(hook.__doc__ or "")
        parts.append(f"### `{hook.__name__}{signature}`\n\n{text}\n")
    return "\n".join(parts)


def test_every_hook_is_documented_with_its_signature():
    """Run `python tests/test_docs.py` to write the section anew."""
    section = (
        (ROOT / "docs" / "plugins.md")
        .read_text("utf-8")
        .split("<!-- hooks -->\n")[1]
        .split("<!-- /hooks -->")[0]
    )
    assert section.strip() == hooks_text().strip()


def help_text():
    """`chartside --help`, without the frame that depends on the terminal."""
    output = CliRunner().invoke(build(["--help"]), ["--help"], env={"COLUMNS": "100", "TERM": "dumb"}).output
    rows = re.findall(r"^│ (\w[\w-]*) +(.+?) +│$", output, re.M)
    return "\n".join(f"{name:<14} {text}" for name, text in rows if not name.startswith("-"))


def test_the_readme_lists_the_commands():
    """The command list of the README is that of `chartside --help`."""
    readme = (ROOT / "README.md").read_text("utf-8")
    block = readme.split("<!-- commands -->\n```text\n")[1].split("\n```")[0]
    assert block == help_text()


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

    for name in ("TWILIO_AUTH_TOKEN", "MAIL_PASSWORD"):
        monkeypatch.setenv(name, "a-secret-of-some-length")
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


if __name__ == "__main__":
    page = ROOT / "docs" / "plugins.md"
    head, rest = page.read_text("utf-8").split("<!-- hooks -->\n")
    page.write_text(
        f"{head}<!-- hooks -->\n\n{hooks_text()}\n<!-- /hooks -->{rest.split('<!-- /hooks -->')[1]}", "utf-8"
    )
    print(help_text())
