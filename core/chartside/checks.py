"""What ``chartside check`` looks at. Each check yields findings and goes on; none hides the next."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from chartside.config import Config, ConfigErrors, load, parse
from chartside.errors import ChartsideError, ConfigError, OutboundRefused, PluginError
from chartside.host import ALWAYS_ON, Host
from chartside.installed import read_toml
from chartside.plugins import find

PLACEHOLDERS = {"name": "My Practice", "client_id": "put-the-client-id-here"}
"""What ``chartside init`` writes for a person to replace."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``where``: a key of the config, a plugin or a server."""

    level: Literal["ok", "warning", "error"]
    where: str
    text: str
    mend: str = ""


def checks(path: Path, *, offline: bool = False) -> Iterator[Finding]:
    """All findings. What cannot be read in the config is told, and the rest of it is looked at all the same."""
    try:
        config = load(path)
        yield Finding("ok", str(path), "can be read")
    except ConfigErrors as errors:
        yield from _errors(errors)
        rest = _rest(path, errors)
        if rest is None:
            return
        config, offline = rest, True  # a server that is half configured is not asked
    missing = [name for name in config.enabled() if name not in find()]
    for name in missing:
        mend = f"pip install it, or remove [plugins.{name}]"
        yield Finding("error", f"plugins.{name}", "enabled, but not installed", mend)
    kept = {name: table for name, table in config.plugins.items() if name not in missing}
    with Host(config.model_copy(update={"plugins": kept})) as host:
        yield from _plugins(host)
        for look in (_left_as_it_was, _settings, _messaging, _outbound, _channels, _policy, _keys, _state):
            yield from guarded(look.__name__.strip("_"), lambda look=look: look(host))  # type: ignore[misc]
        if not offline:
            from chartside.checks_live import live

            yield from live(host)


_STAND_INS = {
    "practice": {
        "id": "p",
        "name": "P",
        "phone": "+1 312 555 0142",
        "time_zone": "America/Chicago",
        "state": "IL",
    },
    "ehr": {"base_url": "https://ehr.example.org/fhir"},
}


def _rest(path: Path, errors: ConfigErrors) -> Config | None:
    """The config without the tables that are wrong, so that the others can be checked, too."""
    try:
        data: dict[str, Any] = read_toml(path)
    except (OSError, ValueError):
        return None
    for error in errors.errors:
        table, *below = error.path.split(".")
        inner = data.get(table)
        if table in ("plugins", "channels", "outbound") and below and isinstance(inner, dict):
            inner.pop(below[0], None)
        else:
            data.pop(table, None)
    try:
        return parse({**_STAND_INS, **data}, path.parent.resolve())
    except ConfigErrors:
        return None


def guarded(name: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Run one check; what it raises is a finding, too."""
    try:
        yield from look()
    except ConfigErrors as errors:
        yield from _errors(errors)
    except ConfigError as error:
        yield from _errors(ConfigErrors([error]))
    except ChartsideError as error:
        yield Finding("error", name, Exception.__str__(error), error.mend)
    except Exception as error:  # one check that breaks must not hide the others
        yield Finding("error", name, f"the check itself failed: {type(error).__name__}")


def _errors(errors: ConfigErrors) -> Iterator[Finding]:
    for error in errors.errors:
        where, _, text = Exception.__str__(error).partition(": ")
        yield Finding("error", where, text, error.mend)


def _plugins(host: Host) -> Iterator[Finding]:
    for name, plugin in host.plugins.found.items():
        if plugin.problem and (plugin.enabled or name in host.config.plugins):
            mend = "mend or uninstall it; the other plugins run"
            yield Finding("error", f"plugins.{name}", plugin.problem, mend)
        elif plugin.loaded and name not in ALWAYS_ON:
            yield Finding("ok", f"plugins.{name}", "loaded")
    deciders = [m for m in host.manifests if m.declares("decides")]
    if not deciders:
        text = "no consent plugin is enabled: whatever needs a consent is refused"
        yield Finding("warning", "plugins.consent", text, "write `enabled = true` under [plugins.consent]")


def _settings(host: Host) -> Iterator[Finding]:
    for name in host.config.enabled():
        if host.plugins.found[name].loaded:
            try:
                host.settings(name)
            except ConfigErrors as errors:
                yield from _errors(errors)
            except PluginError as error:
                yield Finding("error", f"plugins.{name}", Exception.__str__(error), error.mend)


def _left_as_it_was(host: Host) -> Iterator[Finding]:
    auth = host.config.ehr.auth
    if host.config.practice.name == PLACEHOLDERS["name"]:
        text = "is still what `chartside init` wrote; clients read it in messages"
        yield Finding(
            "warning", "practice.name", text, "write your own: id, name, phone, time zone and state"
        )
    if auth and auth.client_id == PLACEHOLDERS["client_id"]:
        text = "is still what `chartside init` wrote"
        mend = "register the app (`chartside app export` writes what the EHR wants), then put the id that it gave here"
        yield Finding("warning", "ehr.auth.client_id", text, mend)


def _messaging(host: Host) -> Iterator[Finding]:
    from chartside.messaging.settings import MessagingSettings

    MessagingSettings.read(host.config.messaging)
    yield from ()


def _outbound(host: Host) -> Iterator[Finding]:
    known = host.outbound.kinds()
    for manifest in host.manifests:
        for kind in manifest.outbound.kinds:
            if kind not in known:
                mend = (
                    f"add [outbound.NAME] with kind = {kind!r}, once there is an agreement with the recipient"
                )
                text = (
                    f"sends to recipients of kind {kind!r}, and none stands in [outbound]: they get nothing"
                )
                yield Finding("warning", f"plugins.{manifest.name}", text, mend)
    for sentence in host.outbound.expiring(host.clock.now()):
        where, _, text = sentence.partition(": ")
        yield Finding("warning", where, text, "sign a new agreement, then write its dates there")


def _channels(host: Host) -> Iterator[Finding]:
    from chartside.messaging.attempt import DATA_CLASS

    for kind, channel in host.channels.items():
        try:
            host.outbound.check(kind, channel.settings.recipient, host.clock.now(), DATA_CLASS)
            host.outbound.check_address(kind, channel.settings.recipient, channel.address)
            yield Finding("ok", f"channels.{kind}", f"by {channel.name}")
        except OutboundRefused as error:
            text = f"nothing can be sent: {Exception.__str__(error)}"
            yield Finding("error", f"channels.{kind}", text, error.mend)


def _policy(host: Host) -> Iterator[Finding]:
    stale = list(host.policy.stale_rules(host.clock.now()))
    if stale:
        text = (
            f"{len(stale)} laws are unconfirmed, or were verified more than 180 days ago; first: {stale[0]}"
        )
        yield Finding("warning", "policy", text, "have counsel confirm them; list: chartside policy stale")
    for name in host.config.enabled():
        manifest = host.plugins.found[name].manifest
        for word in host.policy.unknown_features(manifest.features if manifest else ()):
            text = f"declares the feature {word!r}, which no rule of law knows: none can judge it"
            mend = f"use one of: {', '.join(sorted(host.policy.features))}"
            yield Finding("warning", f"plugins.{name}", text, mend)


def _keys(host: Host) -> Iterator[Finding]:
    for name, server in (("ehr", host.config.ehr), ("companion", host.config.companion)):
        if server and server.auth:
            keys, algorithm = host.config.path(server.auth.keys), server.auth.algorithm
            yield from guarded(f"{name}.auth.keys", lambda k=keys, a=algorithm: _key(host, k, a))  # type: ignore[misc]
    assert host.secret
    yield Finding("ok", "state.key", "is whole")


def _key(host: Host, folder: Path, algorithm: Literal["ES384", "RS384"]) -> Iterator[Finding]:
    from chartside.smart.keys import KeyStore

    store = KeyStore(folder, host.clock, outside=host.config.path(host.config.state.folder))
    kid = store.current(algorithm).kid
    yield Finding("ok", "auth.keys", f"signs with {algorithm} key {kid[:12]}...")


def _state(host: Host) -> Iterator[Finding]:
    """S-10: without a place for the audit trail nothing would ever be read or sent."""
    try:
        if not os.access(host.state, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        text = f"the audit trail cannot be written there ({error.strerror})"
        mend = "give this user the right to write there, or name another folder"
        yield Finding("error", "state.folder", text, mend)
