"""The one place where the parts are put together: config -> servers, gate, ledger, audit, contexts, jobs."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ValidationError

from chartside.adapter import Adapter
from chartside.ai import AiWriter, binds, guard_effect, guard_entries
from chartside.alone import alone
from chartside.audit import Auditor, Observer, Trail
from chartside.audit.decisions import decided
from chartside.audit.deliver import deliver
from chartside.audit.home import AuditHome, audit_home
from chartside.clock import Clock, SystemClock
from chartside.config import Config, ConfigErrors, Server, problems
from chartside.context import Context
from chartside.errors import ConfigError, InputError, PluginError
from chartside.fhir import Create
from chartside.gate.client import GatedFhir
from chartside.gate.gate import Gate
from chartside.gate.model import Decision, DecisionRequest
from chartside.gate.outbound import OutboundRegistry
from chartside.gate.outlet import Outlet
from chartside.gate.places import Place, Route, Where
from chartside.gate.policy import PolicyBook
from chartside.jobs.fhir_ledger import FhirLedger
from chartside.jobs.ledger import Ledger
from chartside.jobs.local_ledger import LocalLedger
from chartside.jobs.model import Job, JobOptions, JobReport
from chartside.jobs.plugin_ledger import PluginLedger
from chartside.jobs.tasks import Tasks
from chartside.manifest import Manifest, union
from chartside.once import Parts, once
from chartside.plugins import Found, Plugins, find
from chartside.running import run_job
from chartside.servers import Adapters, by_name, connect
from chartside.state import claim_folder, load_secret

if TYPE_CHECKING:
    from chartside.messaging.channel import Channel
    from chartside.messaging.service import Messages

ALWAYS_ON = ("adapters",)
"""Plugins that need no line in the config: they declare no access."""

LEASE = timedelta(minutes=5)
"""How long a claim is respected after its worker went silent: longer than any channel's time-out."""

_log = logging.getLogger("chartside.host")


class Host:
    """One practice, opened. Use it as a context manager; nothing is asked of a server before it is needed."""

    def __init__(self, config: Config, *, clock: Clock | None = None, lease: timedelta = LEASE) -> None:
        self.config, self.clock, self.lease = config, clock or SystemClock(), lease
        self.worker, self.making = secrets.token_hex(8), Parts()
        found = find()
        self._require_installed(found)
        self._refuse_forbidden(found)
        self.plugins = Plugins(found, [*ALWAYS_ON, *config.enabled()])
        self.own = Manifest.load(Path(__file__).with_name("plugin.toml"))
        self._closers: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back connections, threads and files."""
        for close in reversed(self._closers):
            close()
        self._closers.clear()

    def _require_installed(self, found: dict[str, Any]) -> None:
        missing = [name for name in self.config.enabled() if name not in found]
        if missing:
            mend = f"pip install it, or remove the table; installed: {', '.join(found)}"
            raise ConfigErrors(
                [ConfigError(f"plugins.{n}", "enabled, but not installed", mend=mend) for n in missing]
            )

    def _refuse_forbidden(self, found: Mapping[str, Found]) -> None:
        """P-1: a plugin is not even imported whose features the law forbids where the practice is licensed."""
        for name in self.config.enabled():
            manifest = found[name].manifest
            features = [f for f, on in manifest.features.items() if on] if manifest else []
            if features:
                effects = self.policy.refusals(features, self.licence_states, self.clock.now())
                if effects:
                    laws = ", ".join(f"{effect.rule.law} ({effect.rule.id})" for effect in effects)
                    found[name].problem = f"refused, for {laws} forbids what it does: {effects[0].rule.text}"

    @property
    def licence_states(self) -> tuple[str, ...]:
        """Where the practice's clinicians are licensed; its own state where the config does not say."""
        return tuple(self.config.policy.licence_states) or (self.config.practice.state,)

    # --- servers -----------------------------------------------------------------------------------

    @property
    def manifests(self) -> list[Manifest]:
        """The host's own and those of the loaded plugins: what the scopes are computed from."""
        loaded = [self.plugins.found[name].manifest for name in self.plugins.loaded]
        return [self.own, *(manifest for manifest in loaded if manifest)]

    @once
    def adapters(self) -> Adapters:
        """All adapters, by name."""
        return by_name(
            kind for _, kinds in self.plugins.each("chartside_adapters", Adapter) for kind in kinds
        )

    @once
    def route(self) -> Route:
        """EHR and companion. Each is connected when it is first needed, so that one which hangs holds up only what
        lives there."""
        second = self.config.companion
        return Route(self.place("ehr", self.config.ehr), self.place("companion", second) if second else None)

    def place(self, name: Where, server: Server) -> Place:
        """One of the servers."""
        return self.making.get(("place", name), lambda: self._connect(name, server))

    def _connect(self, name: Where, server: Server) -> Place:
        access = union(self.manifests)
        place = connect(self.config, server, lambda: self.adapters, access, self.clock, name)
        self._closers.append(place.client.close)
        return place

    # --- gate and audit ----------------------------------------------------------------------------

    @once
    def outbound(self) -> OutboundRegistry:
        """Who may receive anything outside the EHR (S-18)."""
        return OutboundRegistry.from_config(self.config.outbound)

    @once
    def policy(self) -> PolicyBook:
        """The packs of law. Raises ConfigErrors for one that cannot be read."""
        try:
            return PolicyBook.load([self.config.path(pack) for pack in self.config.policy.packs])
        except InputError as error:
            text = Exception.__str__(error)
            raise ConfigErrors([ConfigError("policy.packs", text, mend=error.mend)]) from None

    @once
    def gate(self) -> Gate:
        """Consent, then law."""
        return Gate(self.plugins, self.context, self._law)

    def _law(self, request: DecisionRequest) -> Decision | None:
        return self.policy.decide(request, licence_states=self.licence_states)

    @once
    def secret(self) -> bytes:
        """The practice's own secret, made at first use: keys the audit trail and the opaque ledger."""
        key, trail = self.config.path(self.config.state.key), self.state / "audit.jsonl"
        if trail.exists() and not key.exists():
            mend = "write the right path, or restore the key; for a new beginning move the trail aside"
            raise ConfigError(
                "state.key", f"{key} is not there, but the audit trail made with it is", mend=mend
            )
        return load_secret(key)

    @once
    def state(self) -> Path:
        """The folder for state, made at first use, for this user only."""
        folder = self.config.path(self.config.state.folder)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        claim_folder(folder / "practice", self.config.practice.id)
        return folder

    @once
    def auditor(self) -> Auditor:
        """The trail, and AuditEvents where a server takes them."""
        trail, who = Trail(self.state / "audit.jsonl", self.secret), observer(self.config, self.outbound)
        return Auditor(trail, who, sink=self._sink, each_message=lambda: self.audit_home.each_message)

    def _sink(self, events: Sequence[dict[str, Any]]) -> None:
        """AuditEvents to their home; nowhere where no server takes them, the trail has them."""
        place = self.audit_home.place
        if place:
            deliver(place.client, [Create(event) for event in events])

    @once
    def audit_home(self) -> AuditHome:
        """Where AuditEvents live. Raises FhirError, SmartError, ConfigError."""
        return audit_home(self.route, singly=self.config.audit.singly)

    # --- ledger and messages -----------------------------------------------------------------------

    @once
    def ledger(self) -> Ledger:
        """The first home that takes claims: the EHR, the companion, else the local opaque ledger."""
        for place, where in ((self.route.ehr, "the EHR"), (self.route.companion, "the companion server")):
            kind = next((k for k in ("Communication", "Task") if place and _takes_claims(place, k)), None)
            if place and kind:
                audit = place is self.audit_home.place
                return FhirLedger(
                    place.client,
                    kind,
                    worker=self.worker,
                    clock=self.clock,
                    lease=self.lease,
                    audit_events=audit,
                    place=where,
                )
        ledger = LocalLedger(
            self.state / "ledger.db", self.secret, worker=self.worker, clock=self.clock, lease=self.lease
        )
        self._closers.append(ledger.close)
        return ledger

    @once
    def channels(self) -> dict[str, Channel]:
        """The configured channels by kind (sms, email ...). Raises ConfigErrors."""
        from chartside.messaging.channel import Channel
        from chartside.messaging.setup import open_channels

        brought = [kind for _, kinds in self.plugins.each("chartside_channels", Channel) for kind in kinds]
        return open_channels(self.config.channels, brought, clock=self.clock)

    def _messages(self, manifest: Manifest) -> Messages:
        from chartside.messaging.service import Messages

        return Messages(
            plugin=manifest,
            practice=self.config.practice,
            # What a model may have worded is not kept in the chart: there it would pass for somebody's words (P-3).
            settings=self.config.messaging | ({"record_text": False} if binds(manifest) else {}),
            channels=lambda: self.channels,
            registry=self.outbound,
            decide=self.gate.decide,
            ledger=lambda: self.ledger,
            auditor=self.auditor,
            secret=self.secret,
            clock=self.clock,
            lease=self.lease,
        )

    # --- plugins' side -----------------------------------------------------------------------------

    def context(self, name: str) -> Context:
        """A loaded plugin's context; no server is asked for it. Raises ConfigErrors for its settings, ConfigError if it
        is not loaded."""
        return self.making.get(("context", name), lambda: self._make_context(name))

    def _make_context(self, name: str) -> Context:
        plugin = self.plugins.found.get(name)
        if plugin is None or not plugin.loaded or plugin.manifest is None:
            problem = plugin.problem if plugin and plugin.problem else "not enabled"
            raise ConfigError(
                f"plugins.{name}", problem, mend=f"write `enabled = true` under [plugins.{name}]"
            )
        manifest = plugin.manifest
        fhir = GatedFhir(manifest, self.route, self.auditor, self.clock, guard_entries)
        letters = manifest.access.get("Task", "cs")

        def may(kind: str, asked: str) -> bool:
            return all(manifest.allows(kind, letter) for letter in asked)

        return Context(
            plugin=manifest,
            practice=self.config.practice,
            settings=self.settings(name),
            fhir=fhir,
            messages=self._messages(manifest),
            ledger=PluginLedger(lambda: self.ledger, lambda resource: guard_effect(manifest, resource)),
            tasks=Tasks(fhir, lambda: self.route.rung("Task", letters, may=may), self.clock),
            ai=AiWriter(fhir, manifest, self.auditor, self.clock),
            decide=self.gate.decide,
            decided=lambda asked, found: self.auditor.record(decided(name, asked, found)),
            outlet=Outlet(manifest, lambda: self.outbound, self.auditor, self.clock),
            alone=lambda what: alone(self.state, f"{name}-{what}"),
            clock=self.clock,
            log=logging.getLogger(f"chartside.plugin.{name}"),
        )

    def settings(self, name: str) -> BaseModel | None:
        """A plugin's settings, checked by its own model, whose validators find the config's folder in
        ``info.context["folder"]`` (for paths). Raises ConfigErrors."""
        table = {k: v for k, v in self.config.plugins.get(name, {}).items() if k != "enabled"}
        manifest = self.plugins.found[name].manifest
        target = manifest.plugin.settings if manifest else ""
        if not target:
            if table:
                mend = "this plugin has no settings; remove the keys"
                raise ConfigErrors(
                    [ConfigError(f"plugins.{name}.{k}", "no such key", mend=mend) for k in table]
                )
            return None
        model = _attribute(target)
        try:
            made: BaseModel = model.model_validate(table, context={"folder": self.config.folder})
        except ValidationError as error:
            raise ConfigErrors(problems(error, model, f"plugins.{name}")) from None
        return made

    def jobs(self) -> dict[str, tuple[str, Job]]:
        """``{"plugin.job": (plugin, job)}`` of all loaded plugins."""
        listed = [(name, job) for name, jobs in self.plugins.each("chartside_jobs", Job) for job in jobs]
        return {f"{name}.{job.name}": (name, job) for name, job in listed}

    def run(self, job: str, options: JobOptions | None = None) -> JobReport:
        """Run one job. What goes wrong is in the report; a plugin that raises anything else, ends the process, or
        takes longer than its job's limit is set aside."""
        jobs = self.jobs()
        if job not in jobs:
            plugin = self.plugins.found.get(job.partition(".")[0])
            problem = (
                f"its plugin is set aside: {plugin.problem}" if plugin and plugin.problem else "no such job"
            )
            raise ConfigError(
                job, problem, mend=f"one of: {', '.join(sorted(jobs)) or '(no plugin is enabled)'}"
            )
        name, found = jobs[job]
        return run_job(self, name, found, options or JobOptions())


def observer(config: Config, outbound: OutboundRegistry) -> Observer:
    """Who writes this practice's audit."""
    auth = config.ehr.auth
    return Observer(
        host=auth.client_id if auth else "chartside",
        practice=config.practice.id,
        server=config.ehr.base_url,
        recipients=outbound.addresses,
    )


def _takes_claims(place: Place, kind: str) -> bool:
    """A claim needs a conditional create, and updates; a server that lacks either cannot hold the ledger."""
    return place.adapter.supports_all(kind, "crus") and place.client.capabilities().conditional_create(kind)


def _attribute(target: str) -> Any:
    from importlib import import_module

    module, _, name = target.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError):
        raise PluginError(
            f"settings = {target!r} names nothing", mend="write module:Class into plugin.toml"
        ) from None
