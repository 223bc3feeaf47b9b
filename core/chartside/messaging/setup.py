"""``[channels.*]`` -> open channels. Everything that is wrong is told at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from chartside.clock import Clock
from chartside.config import ConfigErrors, problems
from chartside.errors import ConfigError
from chartside.messaging.channel import Channel

KINDS = ("sms", "email", "call")


def built_in() -> list[type[Channel]]:
    """The channels that Chartside brings."""
    from chartside.messaging.local import LocalGatewayChannel
    from chartside.messaging.smtp import SmtpChannel
    from chartside.messaging.twilio import TwilioChannel

    return [LocalGatewayChannel, TwilioChannel, SmtpChannel]


def open_channels(
    tables: Mapping[str, Mapping[str, Any]], brought: Iterable[type[Channel]] = (), *, clock: Clock
) -> dict[str, Channel]:
    """The configured channels by kind. ``brought``: classes of plugins. Raises ConfigErrors with all that is wrong."""
    known: dict[str, type[Channel]] = {}
    errors: list[ConfigError] = []
    for each in (*built_in(), *brought):
        if known.setdefault(each.name, each) is not each:
            mend = "uninstall one of the plugins that bring it"
            errors.append(ConfigError("channels", f"two channels are called {each.name!r}", mend=mend))
    channels: dict[str, Channel] = {}
    for kind, table in tables.items():
        try:
            channels[kind] = _open(kind, table, known, clock)
        except ConfigErrors as several:
            errors += several.errors
        except ConfigError as error:
            errors.append(error)
    if errors:
        raise ConfigErrors(errors)
    return channels


def _open(kind: str, table: Mapping[str, Any], known: Mapping[str, type[Channel]], clock: Clock) -> Channel:
    path = f"channels.{kind}"
    if kind not in KINDS:
        raise ConfigError(path, "no such kind of channel", mend=f"use one of: {', '.join(KINDS)}")
    found = known.get(str(table.get("type", "")))
    fitting = sorted(name for name, each in known.items() if each.kind == kind)
    if found is None or found.kind != kind:
        mend = f"use one of: {', '.join(fitting) or '(none is installed)'}"
        raise ConfigError(f"{path}.type", "no such channel of this kind", mend=mend)
    try:
        return found.from_table(table, clock=clock)
    except ValidationError as error:
        raise ConfigErrors(problems(error, found.settings_model, path)) from None
