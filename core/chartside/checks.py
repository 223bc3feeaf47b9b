"""What ``chartside check`` looks at. Each check yields findings and goes on; none hides the next."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from chartside.config import Config, ConfigErrors, load, parse
from chartside.errors import ChartsideError, ConfigError, FhirError, OutboundRefused, PluginError, SmartError
from chartside.host import ALWAYS_ON, Host
from chartside.installed import read_toml
from chartside.plugins import bounded
from chartside.servers import require_known

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
    errors, host = _open(path, offline=offline)
    for error in errors:
        yield _finding(error)
    if host is None:
        return
    if not errors:
        yield Finding("ok", str(path), "can be read")
    wrong = {error.path for error in errors}
    with host:
        yield from _once(_looks(host, wrong, offline=offline or _unasked(wrong)))
    if not offline and _unasked(wrong):
        text = "was not asked, for what is wrong above stands in the way"
        yield Finding("warning", "ehr", text, "mend that, then run `chartside check` again")


def _looks(host: Host, wrong: Collection[str], *, offline: bool) -> Iterator[Finding]:
    """Each look by itself. ``wrong``: keys that were left out, so that what hangs on them is not judged."""
    yield from _plugins(host)
    looks = [_left_as_it_was, _settings, _messaging, _outbound, _channels, _policy, _adapters, _keys]
    named = _NAME.isdisjoint(wrong)  # else a stand-in would mark the folder of state as its own
    if named:
        looks += [_secret, _state]
    for look in looks:
        yield from guarded(look.__name__.strip("_"), lambda look=look: look(host))  # type: ignore[misc]
    if not offline:
        from chartside.checks_live import live

        yield from live(host)
    elif named:
        yield from own(host, asked=False)


def _once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """What two looks come upon is told once."""
    yield from dict.fromkeys(findings)


_STAND_INS: dict[str, Any] = {
    "practice": {
        "id": "p",
        "name": "P",
        "phone": "+1 312 555 0142",
        "time_zone": "America/Chicago",
        "state": "IL",
    },
    "ehr": {"base_url": "https://ehr.example.org/fhir", "auth": {"client_id": "p"}},
}
_ROUNDS = 8
"""The whole file, its cross checks, the packs of law, the plugins: each may stop the reading of the rest."""

_NOWHERE = "http://127.0.0.1:0/fhir"
_NAME = {"practice", "practice.id"}


def _unasked(wrong: Collection[str]) -> bool:
    """Whether a server is half configured, or who asks it is not known."""
    return not _NAME.isdisjoint(wrong) or any(
        path.split(".")[0] in ("ehr", "companion", "state") for path in wrong
    )


def _open(path: Path, *, offline: bool) -> tuple[list[ConfigError], Host | None]:
    """The host on what is right in the config, and what is wrong in it. None where nothing is left of it."""
    found: dict[tuple[str, str], ConfigError] = {}
    try:
        data: dict[str, Any] = read_toml(path)
    except (OSError, ValueError):
        data = {}
    for _ in range(_ROUNDS):
        try:
            config = parse(data, path.parent.resolve()) if data else load(path)
            left_out = {error.path for error in found.values()}
            return list(found.values()), Host(
                _unreachable(config) if offline or _unasked(left_out) else config
            )
        except ConfigErrors as errors:
            found |= {(error.path, Exception.__str__(error)): error for error in errors.errors}
            if not data:
                break
            for error in errors.errors:
                _leave_out(data, _STAND_INS, _keys_of(error))
    return list(found.values()), None


def _unreachable(config: Config) -> Config:
    """A plugin that asks the EHR all the same finds nobody there."""
    servers = {"ehr": config.ehr, "companion": config.companion}
    away = {name: each and each.model_copy(update={"base_url": _NOWHERE}) for name, each in servers.items()}
    return config.model_copy(update=away)


def _keys_of(error: ConfigError) -> list[str]:
    """What to leave out: of a plugin, and of the companion, the whole table."""
    keys = error.path.split(".")
    return keys[: {"plugins": 2, "companion": 1}.get(keys[0], len(keys))]


def _leave_out(table: dict[str, Any], stand_ins: Any, keys: Sequence[str]) -> None:
    """Take a value out, or put a stand-in in its place, so that what stands beside it can be looked at."""
    key, *below = keys
    inner, instead = table.get(key), stand_ins.get(key) if isinstance(stand_ins, dict) else None
    if below and isinstance(inner, dict):
        _leave_out(inner, instead, below)
    elif isinstance(inner, dict) and any(name.startswith("$") for name in inner):
        table[key] = instead or "-"  # a secret that is not there
    elif instead is not None:
        table[key] = deepcopy(instead)
    else:
        table.pop(key, None)


def guarded(name: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Run one check; what it raises is a finding, too."""
    try:
        yield from look()
    except ConfigErrors as errors:
        yield from map(_finding, errors.errors)
    except ConfigError as error:
        yield _finding(error)
    except ChartsideError as error:
        yield Finding("error", name, Exception.__str__(error), error.mend)
    except Exception as error:  # one check that breaks must not hide the others
        yield Finding("error", name, f"the check itself failed: {type(error).__name__}")


def _finding(error: ConfigError) -> Finding:
    where, _, text = Exception.__str__(error).partition(": ")
    return Finding("error", where, text, error.mend)


def own(host: Host, *, asked: bool) -> Iterator[Finding]:
    """What each plugin itself finds wrong. ``asked``: the servers were; where not, they are away, as was told."""
    for name in host.plugins.loaded:
        if _opens(host, name):
            yield from guarded(f"plugins.{name}", lambda name=name: _own(host, name, asked=asked))  # type: ignore[misc]


def _own(host: Host, name: str, *, asked: bool) -> Iterator[Finding]:
    said: list[str] = []

    def ask() -> None:
        for sentence in host.plugins.call("chartside_check", name, context=host.context(name)) or ():
            said.append(str(sentence))

    broken: ChartsideError | None = None
    try:
        bounded(ask, name)
    except (FhirError, SmartError) as error:
        broken = error if asked else None
    yield from (_said(name, sentence) for sentence in said)
    if broken:
        raise broken


def _said(name: str, sentence: str) -> Finding:
    """``where: what -> mend``, or a plain sentence."""
    where, colon, rest = sentence.partition(": ")
    if not (colon and where.startswith("plugins.")):
        where, rest = f"plugins.{name}", sentence
    text, _, mend = rest.partition(" -> ")
    return Finding("error", where, text, mend)


def _opens(host: Host, name: str) -> bool:
    """Whether its settings, the state and its key are whole; where they are not, that was told already."""
    try:
        host.context(name)
    except (ChartsideError, OSError):
        return False
    return True


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
        if any(m.declares("bills_payers") for m in host.manifests):
            rule = "a client's restriction (45 CFR 164.522(a)(1)(vi))"
            text += f"; a claim needs none and goes out, and nobody looks for {rule}"
        yield Finding("warning", "plugins.consent", text, "write `enabled = true` under [plugins.consent]")


def _settings(host: Host) -> Iterator[Finding]:
    for name in host.config.enabled():
        if host.plugins.found[name].loaded:
            try:
                host.settings(name)
            except ConfigErrors as errors:
                yield from map(_finding, errors.errors)
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
                text = f"can send to recipients of kind {kind!r}, and none stands in [outbound]: they get nothing"
                yield Finding("warning", f"plugins.{manifest.name}", text, mend)
    for sentence in host.outbound.expiring(host.clock.now()):
        where, _, text = sentence.partition(": ")
        yield Finding("warning", where, text, "sign a new agreement, then write its dates there")


def _channels(host: Host) -> Iterator[Finding]:
    from chartside.messaging.attempt import DATA_CLASS
    from chartside.messaging.setup import KINDS

    for kind, channel in host.channels.items():
        try:
            host.outbound.check(kind, channel.settings.recipient, host.clock.now(), DATA_CLASS)
            host.outbound.check_address(kind, channel.settings.recipient, channel.address)
            yield Finding("ok", f"channels.{kind}", f"by {channel.name}")
        except OutboundRefused as error:
            text = f"nothing can be sent: {Exception.__str__(error)}"
            yield Finding("error", f"channels.{kind}", text, error.mend)
    wanted = {kind for manifest in host.manifests for kind in manifest.outbound.kinds}
    for kind in sorted(wanted & host.outbound.kinds() & set(KINDS) - set(host.channels)):
        text = f"is missing, so nothing is sent to the recipients of kind {kind!r} in [outbound]"
        yield Finding("warning", f"channels.{kind}", text, f"add [channels.{kind}]: docs/messaging.md")


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


def _adapters(host: Host) -> Iterator[Finding]:
    for name, server in (("ehr", host.config.ehr), ("companion", host.config.companion)):
        if server:
            require_known(host.adapters, server.adapter, f"{name}.adapter")
    yield from ()


def _keys(host: Host) -> Iterator[Finding]:
    for name, server in (("ehr", host.config.ehr), ("companion", host.config.companion)):
        if server and server.auth:
            keys, algorithm = host.config.path(server.auth.keys), server.auth.algorithm
            yield from guarded(f"{name}.auth.keys", lambda k=keys, a=algorithm: _key(host, k, a))  # type: ignore[misc]


def _secret(host: Host) -> Iterator[Finding]:
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
