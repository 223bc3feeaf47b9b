"""States by the first three digits of their ZIP codes (USPS Domestic Mail Manual, labelling list L002)."""

from __future__ import annotations

_RANGES = """
NY 005 063 100-149; PR 006-007 009; VI 008; MA 010-027 055; RI 028-029; NH 030-038; ME 039-049; VT 050-054 056-059
CT 060-069; NJ 070-089; AE 090-099; PA 150-196; DE 197-199; DC 200 202-205 569; VA 201 220-246; MD 206-219; WV 247-268
NC 270-289; SC 290-299; GA 300-319 398-399; FL 320-349; AA 340; AL 350-369; TN 370-385; MS 386-397; KY 400-427
OH 430-459; IN 460-479; MI 480-499; IA 500-528; WI 530-549; MN 550-567; SD 570-577; ND 580-588; MT 590-599; IL 600-629
MO 630-658; KS 660-679; NE 680-693; LA 700-714; AR 716-729; OK 730-732 734-749; TX 733 750-799 885; CO 800-816
WY 820-831 834; ID 832-838; UT 840-847; AZ 850-865; NM 870-884; NV 889-898; CA 900-961; AP 962-966; HI 967-968
GU 969; MP 969; PW 969; FM 969; MH 969; AS 967; OR 970-979; WA 980-994; AK 995-999
"""


def _states() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for entry in _RANGES.replace("\n", ";").split(";"):
        state, *ranges = entry.split() or [""]
        for first, _, last in (text.partition("-") for text in ranges):
            for number in range(int(first), int(last or first) + 1):
                found.setdefault(f"{number:03}", set()).add(state)
    return {prefix: frozenset(states) for prefix, states in found.items()}


_STATES = _states()


def zip_fits(zip_code: str, state: str) -> bool:
    """Whether a ZIP code may be of a state; some few routes cross a border, so that a misfit is no proof."""
    states = _STATES.get(zip_code[:3])
    return states is None or state in states
