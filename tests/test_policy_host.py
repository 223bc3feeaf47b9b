"""P-1 at the host: a plugin that the law forbids is not started; the packs of the config; what `check` says of them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from chartside import host as host_module
from chartside.checks import _policy
from chartside.config import ConfigErrors, parse
from chartside.gate.model import Action, DecisionRequest
from chartside.host import Host
from chartside.manifest import Manifest
from chartside.plugins import Found
from chartside.testing.hosts import PRACTICE

Open = Callable[..., Host]


def installed(name: str, **features: bool) -> Found:
    """A plugin that must not be imported when it is refused: its module does not exist."""
    table = {"plugin": {"name": name, "title": name, "api": 1}, "features": features}
    entry = EntryPoint(name, f"nowhere_{name}:plugin", "chartside.plugins")
    return Found(name, entry, Manifest.model_validate(table))


@pytest.fixture
def open_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: Any) -> Open:
    def opened(*plugins: Found, state: str = "WY", **tables: Any) -> Host:
        found = {p.name: p for p in plugins}
        monkeypatch.setattr(host_module, "find", lambda: found)
        data = {
            "practice": {**PRACTICE, "state": state},
            "ehr": {"base_url": "http://127.0.0.1:9/fhir"},
            "plugins": {name: {"enabled": True} for name in found},
            **tables,
        }
        return Host(parse(data, tmp_path), clock=clock)

    return opened


def test_a_forbidden_plugin_is_not_started(open_host: Open) -> None:
    """P-1: refused by name, with the law; it is not imported, and the others are not held up."""
    host = open_host(installed("scorer", scores_risk=True), installed("plain", talks_to_client=True))
    refused, plain = host.plugins.found["scorer"], host.plugins.found["plain"]
    assert refused.status == "failed"
    assert "US-FDA-DEVICE" in refused.problem
    assert "forbids what it does" in refused.problem
    assert "forbids" not in plain.problem


def test_a_decider_that_is_refused_denies(open_host: Open, clock: Any) -> None:
    """Fail closed: a consent plugin that the law (or anything else) keeps from starting opens nothing."""
    host = open_host(installed("consents", decides=True, scores_risk=True))
    [decision] = host.gate.decide([DecisionRequest("Patient/1", Action.READ, clock.now(), location="WY")])
    assert not decision.permitted
    assert "consents" in decision.reasons[0].text


@pytest.mark.parametrize(("state", "refused"), [("NV", True), ("WY", False)])
def test_the_law_of_the_practices_licences_decides(open_host: Open, state: str, refused: bool) -> None:
    """P-1: Nevada forbids AI in direct care; Wyoming has no such rule."""
    host = open_host(installed("carer", ai_direct_care=True), state=state)
    assert ("NV AB 406" in host.plugins.found["carer"].problem) is refused


def test_a_licence_elsewhere_counts(open_host: Open) -> None:
    host = open_host(installed("carer", ai_direct_care=True), policy={"licence_states": ["WY", "NV"]})
    assert "NV AB 406" in host.plugins.found["carer"].problem


def test_a_switched_off_feature_is_none(open_host: Open) -> None:
    host = open_host(installed("scorer", scores_risk=False))
    assert "FDA" not in host.plugins.found["scorer"].problem


@pytest.mark.parametrize(("location", "denied"), [("NV", True), ("WY", False), ("", True)])
def test_the_clients_place_decides_at_the_gate(
    open_host: Open, clock: Any, location: str, denied: bool
) -> None:
    """P-1: what is lawful for the practice may be forbidden for this client; an unknown place is the strictest."""
    host = open_host()
    features = frozenset({"ai_direct_care"})
    asked = DecisionRequest("Patient/1", Action.READ, clock.now(), location=location, features=features)
    [decision] = host.gate.decide([asked])
    assert (not decision.permitted) is denied


PACK = """
[pack]
name = "own"
date = 2026-11-24

[[rule]]
id = "WY-OWN"
jurisdiction = "WY"
law = "the practice's own rule"
status = "enacted"
trigger = { any = ["talks_to_client"] }
forbid = true
text = "No messages at all: the practice decided so."
source = "house rules"
basis = "primary"
verified_on = 2026-11-01
case = [
  { expect = "deny", features = ["talks_to_client"] },
  { expect = "allow", features = ["records_audio"] },
]
"""


def test_packs_of_the_config_replace_the_shipped_ones(open_host: Open, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(PACK, encoding="utf-8")
    host = open_host(installed("sender", talks_to_client=True), policy={"packs": ["own.toml"]})
    assert "WY-OWN" in host.plugins.found["sender"].problem


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[pack", "no valid TOML"),
        (PACK.replace("forbid = true", "forbid = 7"), "rule.0.forbid"),
        (None, "cannot be read"),
    ],
)
def test_a_broken_pack_opens_nothing(open_host: Open, tmp_path: Path, text: str | None, says: str) -> None:
    """Fail closed: without its law the host does not start, and says which file and key."""
    if text is not None:
        (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigErrors) as caught:
        open_host(installed("sender", talks_to_client=True), policy={"packs": ["own.toml"]})
    [error] = caught.value.errors
    assert error.path == "policy.packs"
    assert "own.toml" in str(error)
    assert says in str(error)


def test_check_warns_of_unconfirmed_law_and_of_words_that_no_rule_knows(open_host: Open) -> None:
    """P-6, P-1."""
    host = open_host(installed("odd", reads_minds=True))
    texts = [f"{finding.level} {finding.where} {finding.text}" for finding in _policy(host)]
    assert any("laws are unconfirmed" in text for text in texts)
    assert any("'reads_minds', which no rule of law knows" in text for text in texts)
