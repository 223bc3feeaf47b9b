"""Loops 2010 to 2440 from the model. Loops that no field holds come back from ``extra`` in their places."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chartside_billing.model import Claim, Insurance, Line, LineAdjudication, Party, Person, Reference
from chartside_billing.model import Segment as Extra
from chartside_billing.money import x12_amount
from chartside_billing.x12 import parts
from chartside_billing.x12.emit import Emitter, split_groups
from chartside_billing.x12.loops import CHILDREN, ORDER

Loops = list[tuple[str, Callable[[], None]]]


def write_party(emitter: Emitter, loop: str, qualifier: str, party: Party, *, role: str = "") -> None:
    """Any NM1 loop."""
    built: list[parts.Elements] = [parts.nm1(qualifier, party)]
    if party.address is not None:
        built += [
            segment for segment in (parts.n3(party.address), parts.n4(party.address)) if len(segment) > 1
        ]
    if role and party.taxonomy:
        built.append(parts.prv(role, party.taxonomy))
    if isinstance(party, Person) and party.has_demographics and "DMG" in ORDER[loop]:
        built += [segment for segment in (parts.dmg(party),) if len(segment) > 1]
    if party.tax_id:
        built.append(("REF", party.tax_id_qualifier or "EI", party.tax_id))
    built += [parts.ref(reference) for reference in party.references]
    built += [parts.per(contact) for contact in party.contacts]
    emitter.body(loop, built, party.extra, ("NM1", "N3", "N4", "PRV", "DMG"))


def write_insurance_people(emitter: Emitter, insurance: Insurance, loops: tuple[str, str]) -> None:
    """Subscriber and payer."""
    if insurance.subscriber is not None:
        write_party(emitter, loops[0], "IL", insurance.subscriber)
    if insurance.payer is not None:
        write_party(emitter, loops[1], "PR", insurance.payer)


def write_claim(emitter: Emitter, claim: Claim) -> None:
    """2300 and everything under it."""
    built: list[parts.Elements] = [parts.clm(claim)]
    built += [parts.dtp(qualifier, span) for qualifier, span in claim.dates.items()]
    built += [parts.pwk(attachment) for attachment in claim.attachments]
    if claim.patient_paid is not None:
        built.append(("AMT", "F5", x12_amount(claim.patient_paid)))
    built += _references(claim, parts.CLAIM_REFERENCES)
    built += [parts.ref(reference) for reference in claim.references]
    built += [parts.trim(("NTE", kind, text)) for kind, text in claim.notes]
    built += parts.hi(claim.diagnoses)
    own, groups = split_groups("2300", claim.extra)
    emitter.body("2300", built, own, ("CLM",))
    loops: Loops = []
    _add_party(loops, emitter, "2310A", "DN", claim.referring, "RF")
    _add_party(loops, emitter, "2310B", "82", claim.rendering, "PE")
    _add_party(loops, emitter, "2310C", "77", claim.facility)
    _add_party(loops, emitter, "2310D", "DQ", claim.supervising)
    loops += [("2320", lambda other=other: _other(emitter, other)) for other in claim.others]  # type: ignore[misc]
    loops += [("2400", lambda line=line: _line(emitter, line)) for line in claim.lines]  # type: ignore[misc]
    _write_loops(emitter, "2300", loops, groups)


def _references(thing: object, names: dict[str, str]) -> list[parts.Elements]:
    pairs = ((qualifier, getattr(thing, name)) for qualifier, name in names.items())
    return [parts.ref(Reference(qualifier, value)) for qualifier, value in pairs if value]


def _add_party(
    loops: Loops, emitter: Emitter, loop: str, qualifier: str, party: Party | None, role: str = ""
) -> None:
    if party is not None:
        loops.append((loop, lambda: write_party(emitter, loop, qualifier, party, role=role)))


def _write_loops(
    emitter: Emitter, parent: str, loops: Loops, groups: Sequence[tuple[str, list[Extra]]]
) -> None:
    """Inner loops in the guide's order, each kind in the order that it came."""
    order = [child for child, _, _ in CHILDREN[parent]]
    for loop, segments in groups:
        loops.append((loop, lambda loop=loop, segments=segments: emitter.body(loop, [], segments)))  # type: ignore[misc]
    for _, write in sorted(loops, key=lambda entry: order.index(entry[0])):
        write()


def _other(emitter: Emitter, insurance: Insurance) -> None:
    """2320 and 2330."""
    built: list[parts.Elements] = [parts.sbr(insurance), *parts.cas(insurance.adjustments)]
    built += [("AMT", a.qualifier, x12_amount(a.amount)) for a in insurance.amounts]
    if insurance.assignment or insurance.release or insurance.signature_source:
        built.append(parts.oi(insurance))
    own, groups = split_groups("2320", insurance.extra)
    emitter.body("2320", built, own, ("SBR", "OI"))
    loops: Loops = []
    if insurance.subscriber is not None:
        _add_party(loops, emitter, "2330A", "IL", insurance.subscriber)
    if insurance.payer is not None:
        loops.append(("2330B", lambda: _other_payer(emitter, insurance)))
    _write_loops(emitter, "2320", loops, groups)


def _other_payer(emitter: Emitter, insurance: Insurance) -> None:
    payer = insurance.payer or Party()
    built: list[parts.Elements] = [parts.nm1("PR", payer)]
    if payer.address is not None:
        built += [
            segment for segment in (parts.n3(payer.address), parts.n4(payer.address)) if len(segment) > 1
        ]
    built += [parts.per(contact) for contact in payer.contacts]
    if insurance.adjudicated is not None:
        built.append(parts.dtp("573", insurance.adjudicated))
    built += [parts.ref(reference) for reference in payer.references]
    built += _references(insurance, parts.PAYER_REFERENCES)
    emitter.body("2330B", built, payer.extra, ("NM1", "N3", "N4"))


def _line(emitter: Emitter, line: Line) -> None:
    """2400 and everything under it."""
    built: list[parts.Elements] = [("LX", str(line.number))]
    if line.code or line.charge_raw or line.charge is not None:
        built.append(parts.sv1(line))
    if line.dates.raw or line.dates.start:
        built.append(parts.dtp("472", line.dates))
    built += _references(line, parts.LINE_REFERENCES)
    built += [parts.trim(("NTE", kind, text)) for kind, text in line.notes]
    own, groups = split_groups("2400", line.extra)
    emitter.body("2400", built, own, ("LX", "SV1"))
    loops: Loops = []
    _add_party(loops, emitter, "2420A", "82", line.rendering, "PE")
    _add_party(loops, emitter, "2420C", "77", line.facility)
    _add_party(loops, emitter, "2420D", "DQ", line.supervising)
    _add_party(loops, emitter, "2420E", "DK", line.ordering)
    _add_party(loops, emitter, "2420F", "DN", line.referring, "RF")
    loops += [("2430", lambda a=a: _adjudication(emitter, a)) for a in line.adjudications]  # type: ignore[misc]
    _write_loops(emitter, "2400", loops, groups)


def _adjudication(emitter: Emitter, adjudication: LineAdjudication) -> None:
    built: list[parts.Elements] = [parts.svd(adjudication), *parts.cas(adjudication.adjustments)]
    if adjudication.adjudicated is not None:
        built.append(parts.dtp("573", adjudication.adjudicated))
    if adjudication.remaining is not None:
        built.append(("AMT", "EAF", x12_amount(adjudication.remaining)))
    emitter.body("2430", built, adjudication.extra, ("SVD",))
