"""The practice's account at its clearinghouse, as the config names it and the outbound registry permits it (S-18)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chartside.errors import ConfigError, OutboundRefused
from chartside_billing.clearinghouse.base import Clearinghouse
from chartside_billing.model import Contact, Party
from chartside_billing.settings import AnyHouse, HttpHouse, LocalHouse, Settings
from chartside_billing.x12.parties import national

if TYPE_CHECKING:
    from chartside.context import Context

KIND = "clearinghouse"


@dataclass(frozen=True, slots=True)
class Parties:
    """Who sends, to whom, and whether it is meant (ISA15 P). ``recipient``: the entry of the outbound registry."""

    submitter: Party
    receiver: Party
    recipient: str
    production: bool = False


def open_house(context: Context) -> tuple[Clearinghouse, Parties]:
    """The clearinghouse of the config. Raises ConfigError where there is none, OutboundRefused where the registry does
    not hold it, at this address, for claims."""
    settings: Settings = context.settings
    house = settings.clearinghouse
    if house is None:
        mend = "add [plugins.billing.clearinghouse]; docs/billing.md shows it"
        raise ConfigError("plugins.billing.clearinghouse", "is not configured", mend=mend)
    registered = context.outlet.recipient(KIND, house.recipient, "claim")
    if isinstance(house, LocalHouse):
        if not registered.local:
            mend = f"set local = true under [outbound.{house.recipient}]"
            raise OutboundRefused("a clearinghouse of type local is on this machine", mend=mend)
    elif _host(house) != registered.host:
        mend = f"correct outbound.{house.recipient}.address, or the address under [plugins.billing.clearinghouse]"
        raise OutboundRefused("the clearinghouse's address is not the registered one", mend=mend)
    return _opened(context, house), _parties(context, house)


def _host(house: AnyHouse) -> str:
    if isinstance(house, HttpHouse):
        return urlsplit(house.url).hostname or ""
    return "" if isinstance(house, LocalHouse) else house.host.lower()


def _opened(context: Context, house: AnyHouse) -> Clearinghouse:
    settings: Settings = context.settings
    if isinstance(house, LocalHouse):
        from chartside_billing.clearinghouse.local import LocalClearinghouse

        return LocalClearinghouse(settings.path(house.folder), context.clock)
    if isinstance(house, HttpHouse):
        from chartside_billing.clearinghouse.http import HttpAccount, HttpClearinghouse

        return HttpClearinghouse(HttpAccount(house.url, house.token))
    from chartside_billing.clearinghouse.sftp import SftpAccount, SftpClearinghouse

    return SftpClearinghouse(
        SftpAccount(
            host=house.host,
            user=house.user,
            known_hosts=settings.path(house.known_hosts),
            key_file=settings.path(house.key_file) if house.key_file else None,
            password=house.password,
            port=house.port,
            outbox=house.outbox,
            inbox=house.inbox,
        )
    )


def _parties(context: Context, house: AnyHouse) -> Parties:
    name = house.submitter_name or context.practice.name
    contact = Contact(house.contact, national(house.phone or context.practice.phone))
    return Parties(
        submitter=Party(
            entity="2", last=name, id_qualifier="46", id=house.submitter_id, contacts=[contact], where="1000A"
        ),
        receiver=Party(
            entity="2", last=house.receiver_name, id_qualifier="46", id=house.receiver_id, where="1000B"
        ),
        recipient=house.recipient,
        production=house.production,
    )
