"""What ``chartside check`` looks at. Each check yields findings and goes on; none hides the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chartside.config import Config, ConfigErrors, load
from chartside.errors import ChartsideError, ConfigError, PluginError
from chartside.host import ALWAYS_ON, Host
from chartside.manifest import Manifest
from chartside.plugins import find


@dataclass(frozen=True, slots=True)
class Finding:
    """``where``: a key of the config, a plugin or a server."""

    level: Literal["ok", "warning", "error"]
    where: str
    text: str
    mend: str = ""


def checks(path: Path, *, offline: bool = False) -> Iterator[Finding]:
    """All findings. A config that cannot be read ends it; anything else does not."""
    try:
        config = load(path)
    except ConfigErrors as errors:
        yield from _errors(errors)
        return
    yield Finding("ok", str(path), "can be read")
    missing = [name for name in config.enabled() if name not in find()]
    yield from (
        Finding(
            "error",
            f"plugins.{name}",
            "enabled, but not installed",
            f"pip install it, or remove [plugins.{name}]",
        )
        for name in missing
    )
    kept = {name: table for name, table in config.plugins.items() if name not in missing}
    with Host(config.model_copy(update={"plugins": kept})) as host:
        yield from _plugins(host)
        for look in (_settings, _outbound, _channels, _policy, _keys):
            yield from _guarded(look, host)
        if not offline:
            yield from _guarded(_live, host)


def _guarded(look: Callable[[Host], Iterator[Finding]], host: Host) -> Iterator[Finding]:
    """Run one check; what it raises is a finding, too."""
    try:
        yield from look(host)
    except ConfigErrors as errors:
        yield from _errors(errors)
    except ConfigError as error:
        yield from _errors(ConfigErrors([error]))
    except ChartsideError as error:
        yield Finding("error", "", Exception.__str__(error), error.mend)
    except Exception as error:  # one check that breaks must not hide the others
        yield Finding("error", look.__name__.strip("_"), f"the check itself failed: {type(error).__name__}")


def _errors(errors: ConfigErrors) -> Iterator[Finding]:
    for error in errors.errors:
        where, _, text = Exception.__str__(error).partition(": ")
        yield Finding("error", where, text, error.mend)


def _plugins(host: Host) -> Iterator[Finding]:
    for name, plugin in host.plugins.found.items():
        if plugin.problem and (plugin.enabled or name in host.config.plugins):
            yield Finding(
                "error", f"plugins.{name}", plugin.problem, "mend or uninstall it; the other plugins run"
            )
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
                yield Finding("error", f"plugins.{name}", str(error))


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
        yield Finding("warning", where, text)


def _channels(host: Host) -> Iterator[Finding]:
    for kind, channel in host.channels.items():
        yield Finding("ok", f"channels.{kind}", f"by {channel.name}")


def _policy(host: Host) -> Iterator[Finding]:
    stale = list(host.policy.stale_rules(host.clock.now()))
    if stale:
        text = f"{len(stale)} rules of law are unverified, or were verified more than 180 days ago; first: {stale[0]}"
        yield Finding("warning", "policy", text, "have counsel confirm them: chartside policy show")


def _keys(host: Host) -> Iterator[Finding]:
    from chartside.smart.keys import KeyStore

    config: Config = host.config
    for name, server in (("ehr", config.ehr), ("companion", config.companion)):
        if server and server.auth:
            store = KeyStore(
                config.path(server.auth.keys), host.clock, outside=config.path(config.state.folder)
            )
            key = store.current(server.auth.algorithm)
            yield Finding(
                "ok", f"{name}.auth.keys", f"signs with {server.auth.algorithm} key {key.kid[:12]}..."
            )
    assert host.secret
    yield Finding("ok", "state.key", "is whole")


def _live(host: Host) -> Iterator[Finding]:
    """Ask the servers: metadata, discovery, token, scopes; then say where everything would live."""
    route = host.route
    for name, place in (("ehr", route.ehr), ("companion", route.companion)):
        if place is None:
            continue
        able = place.client.capabilities()
        software = able.software or "a server that does not name itself"
        yield Finding(
            "ok", f"{name}.base_url", f"{software}, FHIR {able.fhir_version}, adapter {place.adapter.name}"
        )
        if not able.fhir_version.startswith("4.0"):
            mend = "use the base URL of its R4 endpoint"
            yield Finding(
                "error", f"{name}.base_url", f"speaks FHIR {able.fhir_version}, Chartside speaks R4", mend
            )
        yield from _token(name, place.tokens)
    for manifest in host.manifests:
        yield from _homes(host, manifest)
    for name, sentences in host.plugins.each("chartside_check", lambda name: {"context": host.context(name)}):
        yield from (Finding("error", f"plugins.{name}", sentence) for sentence in sentences)
    yield Finding("ok", "ledger", f"effects are recorded in: {host.ledger.home}")


def _token(name: str, auth: object) -> Iterator[Finding]:
    from chartside.smart import BackendTokens

    if not isinstance(auth, BackendTokens):
        return
    auth.token()
    lacking = auth.lacking()
    for scope in lacking:
        mend = "let the practice's administrator grant it, or disable the plugin that needs it"
        yield Finding("error", f"{name}.auth", f"the scope {scope} is not granted", mend)
    if not lacking:
        yield Finding("ok", f"{name}.auth", f"token granted with {len(auth.scopes())} scopes")


def _homes(host: Host, manifest: Manifest) -> Iterator[Finding]:
    """Where each type that a plugin writes would live, and what it reads that is not to be had."""
    for kind, letters in sorted(manifest.access.items()):
        place = host.route.place(host.route.home(kind, letters))
        rung = host.route.rung(kind, letters, shapes=kind == "Task")
        where = f"plugins.{manifest.name}"
        if set(letters) & set("cud"):
            level: Literal["ok", "warning"] = "ok" if rung.native else "warning"
            yield Finding(level, where, f"{kind} ({letters}) -> {rung}")
        elif not place.adapter.supports_all(kind, letters):
            text = f"{kind} cannot be {'searched' if 's' in letters else 'read'} here, so the plugin does without"
            yield Finding("warning", where, text)
