"""Segments on their way out: cleaned, completed from what the reader kept, in the guide's order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chartside_billing.model import Claim, Insurance
from chartside_billing.model import Segment as Extra
from chartside_billing.x12 import parts
from chartside_billing.x12.loops import CHILDREN, OPENERS, ORDER, rank
from chartside_billing.x12.mend import Mender


class Emitter:
    """Collects segments. ``loop`` names the loop that is being written, for repairs' places."""

    def __init__(self, mender: Mender) -> None:
        self.mender = mender
        self.segments: list[tuple[str, ...]] = []
        self.loop = ""

    def raw(self, *elements: str) -> None:
        """A segment of the envelope, as it is."""
        self.segments.append(elements)

    def add(self, elements: parts.Elements | Extra, template: Extra | None = None) -> None:
        """A segment of a loop; ``template`` fills the places that the model has no field for."""
        if template is not None:
            elements = _overlay(elements, template)
        name = str(elements[0])
        cleaned = [self._element(element, name, position) for position, element in enumerate(elements)]
        trimmed = [str(e) for e in parts.trim(cleaned)]
        if len(trimmed) > 1 or name in OPENERS:
            self.segments.append(tuple(trimmed))

    def _element(self, element: parts.Element, name: str, position: int) -> str:
        if position == 0:
            return str(element)
        if isinstance(element, str):
            if ":" in element and _composite(name, position):
                return ":".join(
                    self.mender.clean(part, name, position, self.loop) for part in element.split(":")
                )
            return self.mender.clean(element, name, position, self.loop)
        pieces = [self.mender.clean(part, name, position, self.loop) for part in element]
        while pieces and not pieces[-1]:
            pieces.pop()
        return ":".join(pieces)

    @staticmethod
    def template(extra: Iterable[Extra], name: str) -> Extra | None:
        """The kept original of a segment."""
        return next((segment for segment in extra if segment[0] == name), None)

    def body(
        self, loop: str, built: Sequence[parts.Elements], extra: Sequence[Extra], once: Sequence[str] = ()
    ) -> None:
        """The segments of one loop in the guide's order. Those of ``once`` are completed from ``extra``."""
        self.loop = loop
        own = [segment for segment in extra if segment[0] not in once]
        templates = {name: self.template(extra, name) for name in once}
        entries: list[tuple[int, parts.Elements | Extra, Extra | None]] = []
        for elements in built:
            name = str(elements[0])
            entries.append((rank(loop, name), elements, templates.pop(name, None)))
        entries += [(rank(loop, name), kept, None) for name, kept in templates.items() if kept is not None]
        entries += [(rank(loop, segment[0]), segment, None) for segment in own]
        for _, elements, template in sorted(entries, key=lambda entry: entry[0]):
            self.add(elements, template)

    def subscriber_level(self, insurance: Insurance) -> None:
        """SBR and PAT of 2000B."""
        built: list[parts.Elements] = [parts.sbr(insurance)]
        person = insurance.subscriber
        if person is not None and person.death_date is not None:
            built.append(parts.pat(person, ""))
        own, _ = split_groups("2000B", insurance.extra)
        self.body("2000B", built, own, ("SBR", "PAT"))

    def patient_level(self, claim: Claim) -> None:
        """PAT of 2000C."""
        kept = self.template(claim.patient.extra, "PAT") if claim.patient else None
        self.add(parts.pat(claim.patient, claim.patient_relationship), kept)


def _composite(name: str, position: int) -> bool:
    """Elements that the reader keeps joined: procedures, diagnoses, pointers and the like."""
    return name in {
        "HI",
        "SV1",
        "SV5",
        "SVD",
        "CLM",
        "CTP",
        "LIN",
        "REF",
        "MEA",
        "HCP",
        "PWK",
        "OI",
        "CRC",
        "SV3",
    }


def _overlay(base: parts.Elements | Extra, template: Extra) -> parts.Elements:
    """``base`` with its empty places, and empty components, filled from ``template``."""
    merged: list[parts.Element] = []
    for position in range(max(len(base), len(template))):
        mine = base[position] if position < len(base) else ""
        kept = template[position] if position < len(template) else ""
        if isinstance(mine, tuple):
            pieces = kept.split(":")
            width = max(len(mine), len(pieces))
            left, right = (*mine, *[""] * width)[:width], (*pieces, *[""] * width)[:width]
            merged.append(tuple(a or b for a, b in zip(left, right, strict=True)))
        else:
            merged.append(mine or kept)
    return tuple(merged)


def split_groups(loop: str, extra: Sequence[Extra]) -> tuple[list[Extra], list[tuple[str, list[Extra]]]]:
    """Kept segments as the loop's own, and the inner loops (id and segments) that stand among them."""
    own: list[Extra] = []
    groups: list[tuple[str, list[Extra]]] = []
    openers = CHILDREN.get(loop, ())
    for segment in extra:
        opened = next(
            (child for child, name, _ in openers if name == segment[0] and _opens(child, openers, segment)),
            None,
        )
        if opened:
            groups.append((opened, [segment]))
        elif groups and segment[0] in ORDER[groups[-1][0]]:
            groups[-1][1].append(segment)
        else:
            own.append(segment)
    return own, groups


def _opens(child: str, openers: Sequence[tuple[str, str, tuple[str, ...]]], segment: Extra) -> bool:
    qualifiers = next(q for c, _, q in openers if c == child)
    return not qualifiers or (len(segment) > 1 and segment[1] in qualifiers)
