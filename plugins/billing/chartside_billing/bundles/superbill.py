"""A superbill stored as a DocumentReference: what its text holds of what insurers' forms ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from chartside.types import Resource
from chartside_billing.bundles.estimate import DAY
from chartside_billing.bundles.notes import inline_texts
from chartside_billing.dates import parse_fhir_date
from chartside_billing.documents import Superbill, SuperbillLine
from chartside_billing.fhir_claim.pick import codes, each, own, part
from chartside_billing.x12.graph import Graph

_CODE = re.compile(r"\b(9\d{4}|[GHST]\d{4})\b")
_ICD = re.compile(r"\b[A-TV-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?\b")
_NPI = re.compile(r"\b[12]\d{9}\b")
_TIN = re.compile(r"\b\d{2}-\d{7}\b|\b(?:TIN|EIN|tax id)\D{0,12}\d{9}\b", re.IGNORECASE)
_DEGREE = re.compile(r"\b(LCSW|LMFT|LPC|LPCC|LMHC|PhD|PsyD|MD|DO|PMHNP|NP|MSW|LCPC|LICSW)\b", re.IGNORECASE)


def superbills(graph: Graph) -> Iterator[Superbill]:
    """Every DocumentReference that says it is a superbill and whose text can be read."""
    for document in graph.of("DocumentReference"):
        concept = part(document, "type")
        told = " ".join([*codes(concept), str(concept.get("text", "")), str(document.get("description", ""))])
        text = " ".join(inline_texts(document))
        if "superbill" in told.lower() and text.strip() and text != document.get("description"):
            yield _read(document, text, graph)


def _read(document: Resource, text: str, graph: Graph) -> Superbill:
    low = text.lower()
    births = [str(p.get("birthDate", "")) for p in graph.of("Patient")]
    names = [str(n.get("family", "")).lower() for p in graph.of("Patient") for n in each(p, "name")]
    npi, tin, degree = _NPI.search(text), _TIN.search(text), _DEGREE.search(text)
    bill = Superbill(
        own(document),
        provider_name="provider" if "provider" in low or "profesional" in low or degree else "",
        credential=degree.group(0) if degree else "",
        npi=npi.group(0) if npi else "",
        tin=tin.group(0) if tin else "",
        has_address=bool(re.search(r"\b[A-Z]{2}\s+\d{5}\b", text)) or "address" in low or "dirección" in low,
        has_patient_name=any(n and n in low for n in names)
        or any(w in low for w in ("patient", "client", "paciente")),
        has_birth_date=any(b and b in text for b in births)
        or any(w in low for w in ("birth", "dob", "nacimiento")),
        has_signature="sign" in low or "firma" in low,
        paid=Decimal(0) if "paid" in low or "pagado" in low else None,
        where=own(document),
    )
    day = parse_fhir_date("2000-01-01") if DAY.search(text) else None
    pos = "11" if re.search(r"\bPOS\b|place of service", text, re.IGNORECASE) else ""
    units = Decimal(1) if "unit" in low or "unidad" in low else None
    charge = Decimal(1) if "$" in text or "charge" in low else None
    diagnoses = tuple(_ICD.findall(text))
    bill.lines = [SuperbillLine(day, pos, code, units, charge, diagnoses) for code in _CODE.findall(text)]
    return bill
