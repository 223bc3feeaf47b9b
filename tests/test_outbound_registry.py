"""S-18: every recipient outside the EHR stands in the outbound registry, else it is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chartside.audit import Event
from chartside.clock import FrozenClock
from chartside.config import ConfigErrors
from chartside.errors import OutboundRefused
from chartside.gate.outbound import OutboundRegistry
from chartside.testing import Ehr, host_for

AT = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
TWILIO = {
    "kind": "sms",
    "address": "https://api.twilio.com",
    "baa_date": "2026-01-15",
    "expires": "2026-12-15",
    "data_classes": ["contact", "appointment"],
}
GATEWAY = {"kind": "sms", "address": "http://127.0.0.1:8025", "local": True, "data_classes": ["contact"]}


def registry(**tables: dict[str, Any]) -> OutboundRegistry:
    return OutboundRegistry.from_config(tables or {"twilio": TWILIO, "gateway": GATEWAY})


def test_a_registered_recipient_gets_what_its_agreement_covers() -> None:
    found = registry().check("sms", "twilio", AT, "contact")
    assert found.host == "api.twilio.com"


@pytest.mark.parametrize(
    ("kind", "name", "at", "data_class", "says"),
    [
        ("sms", "unknown", AT, "contact", "no registered recipient"),
        ("email", "twilio", AT, "contact", "no registered recipient"),
        ("sms", "twilio", AT, "transcript", "class 'transcript'"),
        ("sms", "twilio", AT, "", "class ''"),
        ("sms", "twilio", datetime(2026, 1, 14, 23, tzinfo=UTC), "contact", "not in force yet"),
        ("sms", "twilio", datetime(2026, 12, 16, tzinfo=UTC), "contact", "is over"),
    ],
)
def test_everything_else_is_refused_with_a_mend(
    kind: str, name: str, at: datetime, data_class: str, says: str
) -> None:
    with pytest.raises(OutboundRefused, match=says) as raised:
        registry().check(kind, name, at, data_class)
    assert raised.value.mend


def test_an_empty_registry_refuses_everybody() -> None:
    with pytest.raises(OutboundRefused):
        OutboundRegistry({}).check("sms", "twilio", AT, "contact")


@pytest.mark.parametrize("zone", ["UTC", "America/Chicago", "Pacific/Auckland"])
def test_the_day_of_the_end_still_counts_whole(zone: str) -> None:
    last = datetime(2026, 12, 15, 23, 59, tzinfo=ZoneInfo(zone))
    assert registry().check("sms", "twilio", last, "contact")


def test_a_recipient_on_this_machine_needs_no_agreement() -> None:
    assert registry().check("sms", "gateway", AT, "contact").local


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"address": "https://sms.example.com", "local": True}, "local = true is for this machine"),
        ({"address": "http://127.0.0.1.evil.example", "local": True}, "must be https"),
        ({"baa_date": None}, "needs baa_date"),
        ({"expires": None}, "needs baa_date and expires"),
        ({"expires": "2026-01-01"}, "before baa_date"),
        ({"address": "http://api.twilio.com"}, "must be https"),
        ({"address": "https://user:secret@api.twilio.com"}, "must hold no password"),
        ({"address": "https://"}, "names no machine"),
        ({"data_classes": []}, "outbound.x.data_classes"),
        ({"data_classes": ["everything"]}, "outbound.x.data_classes.0"),
        ({"kind": "SMS!"}, "outbound.x.kind"),
        ({"baa": "2026-01-01"}, "outbound.x.baa: no such key"),
    ],
)
def test_mistakes_in_the_config_name_their_key(change: dict[str, Any], path: str) -> None:
    """H-2: the key's path and what is wrong; a secret in an address is not repeated."""
    with pytest.raises(ConfigErrors) as raised:
        registry(x={**TWILIO, **change})
    assert path in str(raised.value)
    assert "outbound.x" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ConfigErrors) as raised:
        registry(x={**TWILIO, "kind": "SMS!"}, y={**TWILIO, "expires": None})
    assert len(raised.value.errors) == 2


def test_a_channel_cannot_go_to_another_machine() -> None:
    """The registered address is the one that is used."""
    registry().check_address("sms", "twilio", "https://api.twilio.com/2010-04-01/Accounts")
    for other in ("https://api.twilio.com.evil.example/", "https://evil.example/?https://api.twilio.com", ""):
        with pytest.raises(OutboundRefused):
            registry().check_address("sms", "twilio", other)


def test_agreements_that_end_soon_are_told() -> None:
    assert registry().expiring(AT) == ["outbound.twilio: the agreement ends on 2026-12-15; renew it in time"]
    later = datetime(2027, 1, 1, tzinfo=UTC)
    assert "ended on 2026-12-15" in registry().expiring(later)[0]
    assert registry().expiring(datetime(2026, 6, 1, tzinfo=UTC)) == []


def test_a_plugin_asks_for_the_kinds_that_its_manifest_declares(ehr: Ehr, clock: FrozenClock) -> None:
    """S-18, S-7, S-9: the outlet gives what is registered and declared, and writes each disclosure down first."""
    house = {"kind": "clearinghouse", "address": "127.0.0.1", "local": True, "data_classes": ["claim"]}
    plugins = {"billing": {"enabled": True}}
    with host_for(ehr, clock, plugins=plugins, outbound={"house": house, "gateway": GATEWAY}) as host:
        outlet = host.context("billing").outlet
        with pytest.raises(OutboundRefused, match="may not get data"):
            outlet.recipient("clearinghouse", "house", "audio")
        with pytest.raises(OutboundRefused, match="may not send to a 'sms'"):
            outlet.disclose("sms", "gateway", "contact", [("Patient/c00001", "")], purpose="HPAYMT")
        assert list(host.auditor.trail.records()) == []
        about = [("Patient/c00001", "Claim/1")]
        assert outlet.disclose("clearinghouse", "house", "claim", about, purpose="HPAYMT").host == "127.0.0.1"
        (told,) = host.auditor.trail.records()
        assert (told.event, told.recipient, told.patient) == (Event.DISCLOSURE, "house", "Patient/c00001")
    assert [event["type"]["code"] for event in ehr.all("AuditEvent")] != []
