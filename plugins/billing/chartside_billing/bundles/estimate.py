"""What a Good Faith Estimate holds (45 CFR 149.610(c)), from its text and a predetermination Claim beside it."""

from __future__ import annotations

import re

from chartside.types import Resource
from chartside_billing.dates import parse_fhir_date
from chartside_billing.documents import Estimate, EstimateLine
from chartside_billing.fhir_claim.pick import codes, each, part
from chartside_billing.money import parse_amount
from chartside_billing.rules.codesets import STATES
from chartside_billing.x12.graph import Graph

_CODE = re.compile(r"\b(9\d{4}|[GHST]\d{4}|0\d{3}T)\b")
DAY = re.compile(
    r"\b(\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{2,4}|[A-Z][a-z]{2,8}\.? \d{1,2}, \d{4}"
    r"|\d{1,2} (?:de )?[a-z]{3,10} (?:de )?\d{4})\b"
)
"""Also with the month as a word, in English and in Spanish."""
_MONEY = re.compile(r"\$\s?(\d[\d,]*(?:\.\d{2})?)")
_NPI = re.compile(r"\b[12]\d{9}\b")
_TIN = re.compile(r"\b\d{2}-\d{7}\b|\b(?:TIN|EIN|tax id)\D{0,12}\d{9}\b", re.IGNORECASE)
_PLACE = re.compile(r"\b[A-Z]{2}\s+\d{5}\b|,\s*(?:" + "|".join(sorted(STATES)) + r")\b")
_TOTAL = re.compile(r"total[^$\n]{0,60}\$\s?(\d[\d,]*(?:\.\d{2})?)", re.IGNORECASE)


def fill(estimate: Estimate, text: str, priced: Resource, graph: Graph) -> None:
    """Note what the estimate's text (if it is readable) and its priced Claim hold; nothing readable: not judged."""
    items = list(each(priced, "item"))
    if not text.strip() and not items:
        estimate.readable = False
        return
    low = text.lower()
    names = [str(n.get("family", "")) for p in graph.of("Patient") for n in each(p, "name")]
    births = [str(p.get("birthDate", "")) for p in graph.of("Patient")]
    estimate.has_name = (
        bool(items)
        or any(n and n.lower() in low for n in names)
        or any(word in low for word in ("patient:", "client:"))
    )
    estimate.has_birth_date = (
        bool(items)
        or any(b and (b in text or _american(b) in text) for b in births)
        or any(word in low for word in ("birth", "dob", "nacimiento"))
    )
    estimate.lines = [_line(item) for item in items] or _lines(text)
    estimate.has_provider_name = bool(priced.get("provider")) or any(
        word in low for word in ("provider", "clinician", "profesional")
    )
    wordless = bool(items) and not text.strip()  # a Claim has no place for what only the paper says
    estimate.has_npi = bool(_NPI.search(text)) or wordless
    estimate.has_tin = bool(_TIN.search(text)) or wordless
    estimate.has_location = bool(_PLACE.search(text)) or bool(items) or "state" in low or "location" in low
    estimate.lists_separate_items = wordless or "separate" in low or "por separado" in low
    estimate.has_disclaimers = wordless or any(
        dispute in low and (contract in low or name in low)
        for dispute, contract, name in (
            ("dispute", "not a contract", "estimate"),
            ("disputa", "no es un contrato", "estimación"),
        )
    )
    total = _TOTAL.search(text)
    amount = parse_amount(total.group(1).replace(",", "")) if total else None
    priced_total = parse_amount(str(part(priced, "total").get("value", "")))
    estimate.total = amount if amount is not None else priced_total
    if estimate.total is None and estimate.lines and all(line.charge is not None for line in estimate.lines):
        charges = [line.charge for line in estimate.lines if line.charge is not None]
        estimate.total = sum(charges[1:], charges[0])


def _american(day: str) -> str:
    year, _, rest = day.partition("-")
    month, _, number = rest.partition("-")
    return f"{month}/{number}/{year}"


def _line(item: Resource) -> EstimateLine:
    return EstimateLine(
        next(iter(codes(item.get("productOrService"))), ""),
        parse_fhir_date(str(item.get("servicedDate") or part(item, "servicedPeriod").get("start", ""))),
        parse_amount(str(part(item, "net").get("value", part(item, "unitPrice").get("value", "")))),
    )


def _lines(text: str) -> list[EstimateLine]:
    """One line for each code that the text names; a day and a price count if the text has them."""
    day = parse_fhir_date("2000-01-01") if DAY.search(text) else None
    money = _MONEY.search(text)
    charge = parse_amount(money.group(1).replace(",", "")) if money else None
    return [EstimateLine(code, day, charge) for code in dict.fromkeys(_CODE.findall(text))]
