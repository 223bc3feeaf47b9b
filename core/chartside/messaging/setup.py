"""``[channels]`` -> open channels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from chartside.clock import Clock
from chartside.config import ConfigErrors, problems
from chartside.errors import ConfigError
from chartside.messaging.channel import Channel


def built_in() -> list[type[Channel]]:
    """The channels that the host brings."""
    from chartside.messaging.local import LocalGateway
    from chartside.messaging.smtp import Smtp
    from chartside.messaging.twilio import Twilio

    return [LocalGateway, Smtp, Twilio]


def open_channels(
    tables: Mapping[str, Mapping[str, Any]], brought: Iterable[type[Channel]], *, clock: Clock
) -> dict[str, Channel]:
    """``{kind: channel}`` for ``[channels.KIND]``. Raises ConfigErrors with everything that is wrong."""
    if not tables:
        return {}
    known: dict[str, type[Channel]] = {}
    for kind in [*built_in(), *brought]:
        if known.setdefault(kind.name, kind) is not kind:
            raise ConfigErrors(
                [
                    ConfigError(
                        "channels", f"two installed channels are called {kind.name!r}", mend="uninstall one"
                    )
                ]
            )
    errors: list[ConfigError] = []
    opened: dict[str, Channel] = {}
    for name, table in tables.items():
        try:
            opened[name] = _open(name, dict(table), known, clock)
        except ConfigErrors as found:
            errors += found.errors
    if errors:
        raise ConfigErrors(errors)
    return opened


def _open(kind: str, table: dict[str, Any], known: Mapping[str, type[Channel]], clock: Clock) -> Channel:
    path = f"channels.{kind}"
    found = known.get(str(table.get("type", "")))
    fitting = sorted(name for name, channel in known.items() if channel.kind == kind)
    if found is None or found.kind != kind:
        mend = f"one of: {', '.join(fitting)}" if fitting else f"no installed channel carries {kind!r}"
        raise ConfigErrors([ConfigError(f"{path}.type", "names no channel of this kind", mend=mend)])
    try:
        return found.from_table(table, clock=clock)
    except ValidationError as error:
        raise ConfigErrors(problems(error, found.settings_model, path)) from None
