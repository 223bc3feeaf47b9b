"""Quiet hours, over clock changes, travel and year end (R-8, R-9)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartside.messaging.caps import Caps
from chartside.messaging.hours import Hours
from chartside.messaging.numbers import is_zone, normal, spoken, zones_of

NY, LA, PHX, HNL = "America/New_York", "America/Los_Angeles", "America/Phoenix", "Pacific/Honolulu"
GUAM, SYDNEY, LORD_HOWE = "Pacific/Guam", "Australia/Sydney", "Australia/Lord_Howe"


def at(text, zone="UTC", fold=0):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


ALLOWED = [
    # an ordinary day, both edges
    (at("2026-11-24 08:59:59", NY), (NY,), False),
    (at("2026-11-24 09:00:00", NY), (NY,), True),
    (at("2026-11-24 19:59:59", NY), (NY,), True),
    (at("2026-11-24 20:00:00", NY), (NY,), False),
    # spring forward, 2026-03-08: 09:00 comes an hour sooner
    (at("2026-03-07 14:00"), (NY,), True),  # EST: 09:00
    (at("2026-03-08 12:59"), (NY,), False),
    (at("2026-03-08 13:00"), (NY,), True),  # EDT: 09:00
    (at("2026-03-09 00:00"), (NY,), False),  # EDT: 20:00
    # fall back, 2026-11-01: 09:00 comes an hour later
    (at("2026-11-01 13:30"), (NY,), False),  # EST: 08:30, though it was EDT 09:30 the day before
    (at("2026-11-01 14:00"), (NY,), True),
    (at("2026-11-02 00:59"), (NY,), True),
    (at("2026-11-02 01:00"), (NY,), False),
    # Arizona keeps its clocks: in summer an hour behind Denver, in winter with it
    (at("2026-07-01 16:00"), (PHX,), True),
    (at("2026-12-01 15:59"), (PHX,), False),
    # travel: the same instant at the place where the client says to be
    (at("2026-11-24 10:00", NY), (LA,), False),
    (at("2026-11-24 12:00", NY), (LA,), True),
    (at("2026-11-24 10:00", NY), (SYDNEY,), False),
    # year end, when it is another year elsewhere
    (at("2026-12-31 19:30", NY), (NY,), True),
    (at("2026-12-31 19:30", NY), (SYDNEY,), True),  # 11:30 on New Year's Day
    (at("2027-01-01 00:30"), (NY,), True),  # still 19:30 on New Year's Eve
    # only the number is known: every candidate must allow it
    (at("2026-11-24 09:30", NY), (NY, LA), False),
    (at("2026-11-24 12:30", NY), (NY, LA), True),
    (at("2026-11-24 12:30", NY), (NY, LA, HNL), False),
    (at("2026-11-24 14:00", NY), (NY, LA, HNL), True),
    # half-hour clock change (Lord Howe, 2026-10-04)
    (at("2026-10-03 22:00"), (LORD_HOWE,), True),  # +11: 09:00
    (at("2026-10-03 21:59"), (LORD_HOWE,), False),
    (at("2026-11-24 12:00", NY), (), False),
]


@pytest.mark.parametrize(("instant", "zones", "allowed"), ALLOWED)
def test_allowed(instant, zones, allowed):
    """R-8, R-9."""
    assert Hours().allowed(instant, zones) is allowed


NEXT = [
    (at("2026-11-24 12:00", NY), (NY,), at("2026-11-24 12:00", NY)),
    (at("2026-11-24 03:00", NY), (NY,), at("2026-11-24 09:00", NY)),
    (at("2026-11-24 20:00", NY), (NY,), at("2026-11-25 09:00", NY)),
    (at("2026-03-07 21:00", NY), (NY,), at("2026-03-08 13:00")),  # over the gap
    (at("2026-10-31 21:00", NY), (NY,), at("2026-11-01 14:00")),  # over the overlap
    (at("2026-12-31 21:00", NY), (NY,), at("2027-01-01 09:00", NY)),
    (at("2026-11-24 09:00", NY), (NY, LA), at("2026-11-24 09:00", LA)),
    (at("2026-11-24 19:30", LA), (NY, LA), at("2026-11-25 09:00", LA)),
    (at("2026-11-24 09:00", NY), (NY, HNL, GUAM), at("2026-11-24 18:00", NY)),
    (at("2026-11-24 09:00", NY), (NY, "Asia/Dhaka"), None),  # no hour suits both in winter
    (at("2026-07-24 09:00", NY), (NY, "Asia/Dhaka"), at("2026-07-24 09:00", NY)),
]


@pytest.mark.parametrize(("instant", "zones", "opens"), NEXT)
def test_next_allowed(instant, zones, opens):
    """R-8, R-9."""
    assert Hours().next_allowed(instant, zones) == opens


def test_a_window_that_opens_within_a_clock_change():
    """R-9: an opening that does not exist, and one that comes twice."""
    gap, overlap = Hours(time(2, 30), time(20)), Hours(time(1, 30), time(20))
    opens = gap.next_allowed(at("2026-03-08 01:00", NY), (NY,))
    assert opens is not None
    assert gap.allowed(opens, (NY,))
    second = overlap.next_allowed(at("2026-11-01 01:10", NY, fold=1), (NY,))
    assert second == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # 01:30 for the second time


@given(
    minutes=st.integers(0, 2 * 366 * 24 * 60),
    zones=st.lists(
        st.sampled_from([NY, LA, PHX, HNL, GUAM, SYDNEY, LORD_HOWE]), min_size=1, max_size=3, unique=True
    ),
)
def test_next_is_the_first_allowed(minutes, zones):
    """R-8, R-9: what next_allowed gives is allowed, and no minute before it is."""
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    opens = Hours().next_allowed(start, zones)
    steps = range(0, 26 * 60, 7)
    if opens is None:
        assert not any(Hours().allowed(start + timedelta(minutes=m), zones) for m in steps)
    else:
        assert Hours().allowed(opens, zones)
        earlier = (start + timedelta(minutes=m) for m in steps)
        assert not any(Hours().allowed(each, zones) for each in earlier if each < opens)


def test_zones_of_numbers():
    """R-8: candidates of a number; one area code may lie in two zones, a toll-free one anywhere."""
    assert zones_of(normal("(212) 555-0142")) == (NY,)
    assert zones_of(normal("808 555 0142")) == (HNL,)
    assert len(zones_of(normal("800 555 0199"))) > 5
    assert all(is_zone(zone) for zone in zones_of(normal("800 555 0199")))
    assert Hours().next_allowed(at("2026-11-24 09:00", NY), zones_of(normal("850 555 0142"))) is not None


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+1 (312) 555-0142", "+13125550142"),
        ("312.555.0142", "+13125550142"),
        ("tel 3125550142", "+13125550142"),
        ("555-0142", ""),
        ("none", ""),
        ("", ""),
        ("+44 20 7946 0018", "+442079460018"),
    ],
)
def test_numbers(written, number):
    """Numbers as clients' records hold them."""
    assert normal(written) == number


def test_spoken():
    """The practice's number as clients would dial it."""
    assert spoken("+1 518 555 0100") == "(518) 555-0100"


DAYS = [timedelta(days=d, hours=h) for d, h in ((0, 0), (1, 0), (3, 0), (6, 23))]


@pytest.mark.parametrize(
    ("ago", "reached"),
    [
        ([], ""),
        ([DAYS[0]], "cap-day"),
        ([timedelta(hours=8)], "cap-day"),
        ([timedelta(hours=13)], ""),  # yesterday evening at the recipient's place
        ([DAYS[1], DAYS[2]], ""),
        ([DAYS[1], DAYS[2], DAYS[3]], "cap-week"),
        ([DAYS[1], DAYS[2], timedelta(days=7)], ""),
    ],
)
def test_caps(ago, reached):
    """R-3: one on a calendar day at the recipient's place, three in any seven days."""
    now = at("2026-11-24 10:00", NY)
    assert Caps().reached([now - each for each in ago], now, NY) == reached
