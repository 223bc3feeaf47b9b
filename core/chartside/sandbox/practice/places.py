"""Where invented people live: real states, time zones and area codes, invented streets.

Telephone numbers are of the form ``area-555-01xx``: the North American plan keeps exchange 555, lines 0100 to 0199, for
fiction, in every area code; ``phonenumbers`` takes them as valid. That gives 100 numbers for each area code,
so a practice of more clients than ``len(AREAS) * 100`` has clients who share a number, as families do.
"""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A town: two-letter state, IANA time zone, city, first three digits of its ZIP codes."""

    state: str
    zone: str
    city: str
    zip3: str


_NEW_YORK, _CHICAGO, _DENVER = "America/New_York", "America/Chicago", "America/Denver"

_STATES: tuple[tuple[Place, str], ...] = (
    (
        Place("NY", _NEW_YORK, "Albany", "122"),
        "212 315 332 347 516 518 585 607 631 646 680 716 718 838 845 914 917 929 934",
    ),
    (Place("PA", _NEW_YORK, "Harrisburg", "171"), "215 223 267 272 412 445 484 570 610 717 724 814 878"),
    (
        Place("FL", _NEW_YORK, "Orlando", "328"),
        "239 305 321 352 386 407 561 689 727 754 772 786 813 863 904 941 954",
    ),
    (Place("GA", _NEW_YORK, "Atlanta", "303"), "404 470 478 678 706 762 770 912"),
    (Place("IL", _CHICAGO, "Springfield", "627"), "217 224 309 312 331 618 630 708 773 779 815 847 872"),
    (
        Place("TX", _CHICAGO, "Austin", "787"),
        "210 214 254 281 325 346 361 409 430 432 469 512 682 713 737 806 817 830 832 903 936 940 956 972 979",
    ),
    (Place("TX", _DENVER, "El Paso", "799"), "915"),
    (Place("CO", _DENVER, "Denver", "802"), "303 719 720 970"),
    (Place("AZ", "America/Phoenix", "Phoenix", "850"), "480 520 602 623 928"),
    (
        Place("CA", "America/Los_Angeles", "Sacramento", "958"),
        "209 213 310 323 408 415 424 442 510 530 559 562 619 626 628 650 657 661 669 707 714 747 760 805 818 831 "
        "858 909 916 925 949 951",
    ),
    (Place("WA", "America/Los_Angeles", "Seattle", "981"), "206 253 360 425 509"),
    (Place("HI", "Pacific/Honolulu", "Honolulu", "968"), "808"),
)

AREAS: tuple[tuple[Place, str], ...] = tuple(
    (place, area) for place, codes in _STATES for area in codes.split()
)
"""Every area code with its place."""

HOME = Place("NY", _NEW_YORK, "Albany", "122")
"""Where the practice is."""

HOME_PHONE = "+15185550100"
"""The practice's own number; no client has it."""

STREETS = (
    "Maplewood Lane",
    "Old Mill Road",
    "Harbor View",
    "Sycamore Court",
    "Juniper Street",
    "Larkspur Avenue",
)
