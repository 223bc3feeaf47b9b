"""The part of ``chartside check`` that asks the servers: metadata, discovery, token, scopes, and where records live."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from chartside.checks import Finding, guarded, own
from chartside.config import Server
from chartside.fhir import TokenSource
from chartside.gate.client import Where
from chartside.host import Host
from chartside.manifest import Manifest


def live(host: Host) -> Iterator[Finding]:
    """Each server by itself; then, where all of them answer, each plugin."""
    wrong = False
    servers: tuple[tuple[Where, Server | None], ...] = (
        ("ehr", host.config.ehr),
        ("companion", host.config.companion),
    )
    for name, server in servers:
        if server:
            look = lambda n=name, s=server: _server(host, n, s)  # noqa: E731
            for finding in guarded(f"{name}.base_url", look):
                wrong |= finding.level == "error"
                yield finding
    if not wrong:
        yield from guarded("plugins", lambda: _recorded(host))
    yield from own(host, asked=not wrong)


def _server(host: Host, name: Where, server: Server) -> Iterator[Finding]:
    place = host.place(name, server)
    able = place.adapter.capabilities
    software = able.software or "a server that does not name itself"
    version = able.fhir_version
    if version.startswith("4.0"):
        yield Finding("ok", f"{name}.base_url", f"{software}, FHIR {version}, adapter {place.adapter.name}")
    else:
        mend = "use the base URL of its R4 endpoint"
        yield Finding("error", f"{name}.base_url", f"speaks FHIR {version or '?'}, Chartside speaks R4", mend)
    yield from guarded(f"{name}.auth", lambda: _token(name, place.tokens))


def _token(name: str, auth: TokenSource | None) -> Iterator[Finding]:
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


def _recorded(host: Host) -> Iterator[Finding]:
    for manifest in host.manifests:
        yield from _homes(host, manifest)
    yield Finding("ok", "ledger", f"effects are recorded in: {host.ledger.home}")
    yield _audited(host)


def _audited(host: Host) -> Finding:
    """Where the trail is the only copy of the accounting, its loss would be the accounting's."""
    text = f"AuditEvents are written to: {host.audit_home}"
    if host.audit_home.each_message:
        return Finding("ok", "audit", text)
    mend = f"back up {host.state / 'audit.jsonl'}, the only copy"
    return Finding(
        "warning", "audit", text, f"{mend}, or set [audit] singly = true" if host.audit_home.place else mend
    )


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
