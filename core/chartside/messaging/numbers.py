"""Telephone numbers: their one written form, and where they may be."""

from __future__ import annotations

import phonenumbers
from phonenumbers import timezone as number_zones

from chartside.clock import zones


def normal(value: str, region: str = "US") -> str:
    """The number as E.164 (``+13125550142``); empty where it is no valid number, or has an extension: without it a
    message would reach whoever answers for the whole house.

    >>> normal("(312) 555-0142"), normal("12"), normal("+1 312 555 0142 ext. 5")
    ('+13125550142', '', '')
    """
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return ""
    if number.extension or not phonenumbers.is_valid_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def spoken(value: str, region: str = "US") -> str:
    """The number as people of that region write it, for the text of a message."""
    form = phonenumbers.PhoneNumberFormat.NATIONAL
    return phonenumbers.format_number(phonenumbers.parse(value, region), form)


def zones_of(number: str) -> tuple[str, ...]:
    """Every IANA zone that a number of this area may be in; empty where that is not known."""
    found = number_zones.time_zones_for_number(phonenumbers.parse(number, "US"))
    return tuple(zone for zone in found if is_zone(zone))


def is_zone(name: str) -> bool:
    """Whether this is an IANA zone that is known here."""
    return name in zones()
