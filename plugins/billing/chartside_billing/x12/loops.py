"""The loops of an 837P (005010X222A1): a flat list of segments becomes a tree, and the guide's order is kept here.

Only what decides *where* a segment belongs is checked here: HL03, NM101, and what may open or stand in a loop.
Whether
a loop is complete is the rules' and the validators' business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from chartside_billing.model import SyntaxIssue
from chartside_billing.x12.segments import Seg, refuse

# Segment order inside each loop, from the implementation guide. The first id opens the loop.
ORDER: dict[str, tuple[str, ...]] = {
    "ST": ("BHT", "REF"),
    "1000A": ("NM1", "PER"),
    "1000B": ("NM1",),
    "2000A": ("HL", "PRV", "CUR"),
    "2010AA": ("NM1", "N3", "N4", "REF", "PER"),
    "2010AB": ("NM1", "N3", "N4"),
    "2010AC": ("NM1", "N3", "N4", "REF"),
    "2000B": ("HL", "SBR", "PAT"),
    "2010BA": ("NM1", "N3", "N4", "DMG", "REF", "PER"),
    "2010BB": ("NM1", "N3", "N4", "REF"),
    "2000C": ("HL", "PAT"),
    "2010CA": ("NM1", "N3", "N4", "DMG", "REF", "PER"),
    "2300": ("CLM", "DTP", "PWK", "CN1", "AMT", "REF", "K3", "NTE", "CR1", "CR2", "CRC", "HI", "HCP"),
    "2310A": ("NM1", "PRV", "REF"),
    "2310B": ("NM1", "PRV", "REF"),
    "2310C": ("NM1", "N3", "N4", "REF", "PER"),
    "2310D": ("NM1", "REF"),
    "2310E": ("NM1", "N3", "N4"),
    "2310F": ("NM1", "N3", "N4"),
    "2320": ("SBR", "CAS", "AMT", "DMG", "OI", "MOA"),
    "2330A": ("NM1", "N3", "N4", "REF"),
    "2330B": ("NM1", "N3", "N4", "PER", "DTP", "REF"),
    "2330C": ("NM1", "REF"),
    "2330D": ("NM1", "REF"),
    "2330E": ("NM1", "REF"),
    "2330F": ("NM1", "REF"),
    "2330G": ("NM1", "REF"),
    "2400": (
        *(
            "LX",
            "SV1",
            "SV5",
            "PWK",
            "CR1",
            "CR2",
            "CR3",
            "CRC",
            "DTP",
            "QTY",
            "MEA",
            "CN1",
            "REF",
            "AMT",
            "K3",
            "NTE",
        ),
        *("PS1", "IMM", "HSD", "HCP"),
    ),
    "2410": ("LIN", "CTP", "REF"),
    "2420A": ("NM1", "PRV", "REF"),
    "2420B": ("NM1", "REF"),
    "2420C": ("NM1", "N3", "N4", "REF"),
    "2420D": ("NM1", "REF"),
    "2420E": ("NM1", "N3", "N4", "REF", "PER"),
    "2420F": ("NM1", "PRV", "REF"),
    "2420G": ("NM1", "N3", "N4"),
    "2420H": ("NM1", "N3", "N4"),
    "2430": ("SVD", "CAS", "DTP", "AMT"),
    "2440": ("LQ", "FRM"),
}
# The loops under each loop in their order, with the qualifiers (NM101, HL03) that open them.
CHILDREN: dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    "ST": (("1000A", "NM1", ("41",)), ("1000B", "NM1", ("40",)), ("2000A", "HL", ("20",))),
    "2000A": (
        ("2010AA", "NM1", ("85",)),
        ("2010AB", "NM1", ("87",)),
        ("2010AC", "NM1", ("PE",)),
        ("2000B", "HL", ("22",)),
    ),
    "2000B": (
        ("2010BA", "NM1", ("IL",)),
        ("2010BB", "NM1", ("PR",)),
        ("2300", "CLM", ()),
        ("2000C", "HL", ("23",)),
    ),
    "2000C": (("2010CA", "NM1", ("QC",)), ("2300", "CLM", ())),
    "2300": (
        ("2310A", "NM1", ("DN", "P3")),
        ("2310B", "NM1", ("82",)),
        ("2310C", "NM1", ("77",)),
        ("2310D", "NM1", ("DQ",)),
        ("2310E", "NM1", ("PW",)),
        ("2310F", "NM1", ("45",)),
        ("2320", "SBR", ()),
        ("2400", "LX", ()),
    ),
    "2320": (
        ("2330A", "NM1", ("IL",)),
        ("2330B", "NM1", ("PR",)),
        ("2330C", "NM1", ("DN", "P3")),
        ("2330D", "NM1", ("82",)),
        ("2330E", "NM1", ("77",)),
        ("2330F", "NM1", ("DQ",)),
        ("2330G", "NM1", ("85",)),
    ),
    "2400": (
        ("2410", "LIN", ()),
        ("2420A", "NM1", ("82",)),
        ("2420B", "NM1", ("QB",)),
        ("2420C", "NM1", ("77",)),
        ("2420D", "NM1", ("DQ",)),
        ("2420E", "NM1", ("DK",)),
        ("2420F", "NM1", ("DN", "P3")),
        ("2420G", "NM1", ("PW",)),
        ("2420H", "NM1", ("45",)),
        ("2430", "SVD", ()),
        ("2440", "LQ", ()),
    ),
}
OPENERS = frozenset({"NM1", "HL", "CLM", "SBR", "LX", "LIN", "SVD", "LQ"})
_STANDARD = {
    "N2",
    "N3",
    "N4",
    "PER",
    "REF",
    "PRV",
    "DMG",
    "PAT",
    "CUR",
    "DTP",
    "DTM",
    "PWK",
    "CN1",
    "AMT",
    "K3",
    "NTE",
}
_STANDARD |= {
    "CR1",
    "CR2",
    "CR3",
    "CR5",
    "CR6",
    "CRC",
    "HI",
    "HCP",
    "QTY",
    "MEA",
    "CAS",
    "OI",
    "MOA",
    "MIA",
    "SV1",
    "SV4",
}
_STANDARD |= {"SV5", "PS1", "IMM", "HSD", "CTP", "FRM", "LS", "LE", "TRN", "INS"}
_ONCE = {"SBR", "PAT", "SV1", "OI", "N3", "N4", "DMG", "PRV", "MOA", "SV5"}
"""Segments of which a loop holds one."""
_CHILD = {
    (parent, opener, qualifier): child
    for parent, children in CHILDREN.items()
    for child, opener, qualifiers in children
    for qualifier in qualifiers or ("",)
}


@dataclass(slots=True)
class Loop:
    """One loop: the segments of its own, and the loops under it in the order that they came."""

    id: str
    segments: list[Seg] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    issues: list[SyntaxIssue] = field(default_factory=list)

    @property
    def where(self) -> str:
        """The place of its first segment."""
        return self.segments[0].where if self.segments else ""

    def all(self, *ids: str) -> list[Loop]:
        """The loops directly under it with one of these ids."""
        return [loop for loop in self.loops if loop.id in ids]

    def first(self, name: str) -> Seg | None:
        """Its first segment of that id."""
        return next((seg for seg in self.segments if seg.elements[0] == name), None)

    def every(self, name: str) -> Iterator[Seg]:
        """Its segments of that id."""
        return (seg for seg in self.segments if seg.elements[0] == name)

    def flat(self) -> Iterator[Seg]:
        """Its segments and those of all loops under it."""
        yield from self.segments
        for loop in self.loops:
            yield from loop.flat()


def build_tree(body: Iterable[Seg]) -> Loop:
    """The tree of a transaction set's body. Raises InputError at the first segment that belongs nowhere."""
    stack = [Loop("ST")]
    for seg in body:
        if seg.elements[0] in OPENERS and _open(stack, seg):
            continue
        home, complaint = _home(stack, seg)
        if complaint:
            home.issues.append(SyntaxIssue("order", f"{seg.id} {complaint}", seg.where))
        if seg.elements[0] in _ONCE and home.first(seg.elements[0]) is not None:
            home.issues.append(SyntaxIssue("repeat", f"{seg.id} stands twice in loop {home.id}", seg.where))
        home.segments.append(seg)
    return stack[0]


def _open(stack: list[Loop], seg: Seg) -> bool:
    """Open the loop that this segment begins, under the nearest open loop that may hold it."""
    name = seg.elements[0]
    if name == "SBR" and stack[-1].id == "2000B":
        return False
    qualifier = seg.get(3 if name == "HL" else 1)
    for depth in range(len(stack) - 1, -1, -1):
        child = _CHILD.get((stack[depth].id, name, qualifier)) or _CHILD.get((stack[depth].id, name, ""))
        if child:
            del stack[depth + 1 :]
            loop = Loop(child, [seg])
            stack[depth].loops.append(loop)
            stack.append(loop)
            return True
    what = {"HL": " with this HL03", "NM1": " with this NM101"}.get(name, "")
    raise refuse(seg, f"no loop of an 837P can begin here{what}")


def _home(stack: list[Loop], seg: Seg) -> tuple[Loop, str]:
    """The nearest open loop that may hold the segment, with a complaint if that is not where it stands.

    A segment that the standard knows but no open loop does stays where it stands, so that the claim can be read.
    """
    name = seg.elements[0]
    for loop in reversed(stack):
        if name in ORDER[loop.id] and not (loop.id == "ST" and len(stack) > 1):
            return loop, "" if loop is stack[-1] else "stands behind loops that it must precede"
    if name in _STANDARD and len(stack) > 1:
        return stack[-1], f"cannot stand in loop {stack[-1].id} of an 837P"
    raise refuse(seg, f"it cannot stand in loop {stack[-1].id} of an 837P")


def check_levels(tree: Loop) -> Iterator[SyntaxIssue]:
    """HL01 counts up by one over the transaction set, HL02 names the level above, HL04 says whether one follows."""
    expected = 0
    for loop, above in _levels(tree, ""):
        head, expected = loop.segments[0], expected + 1
        if head.get(1).strip() != str(expected):
            yield SyntaxIssue(
                "hl", f"HL01 is not {expected}: levels are counted from 1 without gaps", head.where
            )
        if head.get(2).strip() != above:
            yield SyntaxIssue("hl", "HL02 does not name the level above", head.where)
        if head.get(4).strip() == "1" and not loop.all("2000B", "2000C"):
            yield SyntaxIssue("hl", "HL04 says that a level follows, and none does", head.where)


def _levels(loop: Loop, above: str) -> Iterator[tuple[Loop, str]]:
    for inner in loop.loops:
        if inner.id in {"2000A", "2000B", "2000C"}:
            yield inner, above
            yield from _levels(inner, inner.segments[0].get(1).strip())


def rank(loop_id: str, segment_id: str) -> int:
    """Where a segment stands inside its loop; behind the rest if the guide does not know it there."""
    order = ORDER[loop_id]
    return order.index(segment_id) if segment_id in order else len(order)
