"""The three papers for clients: invoice, superbill, Good Faith Estimate."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from chartside.errors import InputError
from chartside.papers import Beside, Block, Bullets, Facts, Grid, Heading, Paper, Signature, Text
from chartside_billing.money import ZERO, dollars, x12_amount
from chartside_billing.papers.data import Bill, Client, EstimateData, Provider, Service
from chartside_billing.papers.words import show_day, tag, words

Words = dict[str, str]


def invoice(bill: Bill, language: str = "en") -> Paper:
    """What the client owes: its part (PR) of each line, or the whole charge where no insurer decided (INV-001)."""
    w = words(language)
    lines = tuple(_invoice_line(service, language) for service in bill.services)
    owed = sum((_owed(service) for service in bill.services), ZERO)
    paid = sum((service.paid for service in bill.services), ZERO)
    charged = sum((service.charge for service in bill.services), ZERO)
    total = (w["total"], "", dollars(charged), dollars(charged - owed), dollars(owed), dollars(paid))
    head = (w["date"], w["service"], w["charge"], w["insurance_part"], w["your_part"], w["paid"])
    blocks: list[Block] = [
        Heading(f"{w['invoice']} {bill.number}", 1),
        Facts(
            tuple(
                _facts(
                    [(w["date"], show_day(bill.issued, language)), (w["due"], show_day(bill.due, language))]
                )
            )
        ),
        *_who(bill.practice, bill.client, w, language),
        *_provider(bill.rendering, w),
        Grid(w["services"], head, lines, frozenset({2, 3, 4, 5}), total),
        Facts(((w["balance"], dollars(owed - paid)),), strong=True),
    ]
    if any(service.responsibility is not None for service in bill.services):
        blocks.append(Text(w["no_write_off"]))
    if bill.payment:
        blocks += [Heading(w["how_to_pay"]), Text(bill.payment)]
    return Paper(f"{w['invoice']} {bill.number}", tag(language), bill.practice.name, blocks)


def _owed(service: Service) -> Decimal:
    return service.charge if service.responsibility is None else service.responsibility


def _invoice_line(service: Service, language: str) -> tuple[str, ...]:
    owed = _owed(service)
    amounts = (dollars(service.charge), dollars(service.charge - owed), dollars(owed), dollars(service.paid))
    return (show_day(service.day, language), _named(service), *amounts)


def _named(service: Service) -> str:
    code = "\u00a0".join((service.code, *service.modifiers))
    return f"{service.label} ({code})" if service.label else code


def superbill(bill: Bill, language: str = "en") -> Paper:
    """What a client hands in to an insurer (SB-001). Raises InputError naming what it lacks."""
    _complete_superbill(bill)
    w = words(language)
    head = (w["date"], w["place"], w["service"], w["diagnosis"], w["units"], w["charge"], w["paid"])
    rows = tuple(
        (
            *(show_day(s.day, language), s.pos, _named(s), _diagnoses(s), x12_amount(s.units)),
            *(dollars(s.charge), dollars(s.paid)),
        )
        for s in bill.services
    )
    charged, paid = sum((s.charge for s in bill.services), ZERO), sum((s.paid for s in bill.services), ZERO)
    total = (w["total"], "", "", "", "", dollars(charged), dollars(paid))
    blocks: list[Block] = [
        Heading(w["superbill"], 1),
        Facts(tuple(_facts([(w["number"], bill.number), (w["date"], show_day(bill.issued, language))]))),
        *_who(bill.practice, bill.client, w, language),
        *_provider(bill.rendering, w),
        Grid(w["services"], head, rows, frozenset({4, 5, 6}), total),
        Facts(((w["balance"], dollars(charged - paid)),), strong=True),
        Text(w["superbill_note"]),
        Signature(w["signature"]),
    ]
    return Paper(w["superbill"], tag(language), bill.practice.name, blocks)


def _complete_superbill(bill: Bill) -> None:
    practice, rendering, client = bill.practice, bill.rendering, bill.client
    needed = {
        "the practice's name": practice.name,
        "the practice's address": practice.address,
        "the tax number": practice.tin,
        "the provider's name": rendering.name,
        "the provider's credential": rendering.credential,
        "the provider's NPI": rendering.npi,
        "the client's name": client.name,
        "the client's date of birth": client.birth_date,
        "a service": bill.services,
    }
    lacks = [name for name, value in needed.items() if not value]
    for number, service in enumerate(bill.services, 1):
        parts = {
            "date": service.day,
            "place": service.pos,
            "code": service.code,
            "diagnosis": service.diagnoses,
        }
        lacks += [f"the {name} of line {number}" for name, value in parts.items() if not value]
    if lacks:
        raise InputError(f"the superbill lacks {'; '.join(lacks)}")


def estimate(data: EstimateData, language: str = "en") -> Paper:
    """A Good Faith Estimate with the content and disclaimers of 45 CFR 149.610(c). Raises InputError naming
    what it lacks."""
    _complete_estimate(data)
    w = words(language)
    when = show_day(data.scheduled, language) or w["not_scheduled"]
    facts = [
        (w["date"], show_day(data.given, language)),
        (w["primary"], data.primary),
        (w["scheduled"], when),
    ]
    if data.until and data.given:
        period = f"{show_day(data.given, language)} {w['to']} {show_day(data.until, language)}"
        facts += [(w["period"], period), (w["frequency"], data.frequency)]
    diagnoses = list(dict.fromkeys(d for service in data.services for d in service.diagnoses))
    facts.append((w["diagnoses"], " ".join(map(dotted, diagnoses))))
    blocks: list[Block] = [
        Heading(w["estimate"], 1),
        Facts(tuple(_facts(facts))),
        *_who(data.practice, data.client, w, language),
        *_by_provider(data, w, language),
        Facts(((w["expected_total"], dollars(sum((s.charge for s in data.services), ZERO))),), strong=True),
        Heading(w["separate"]),
        Text(w["separate_note"]),  # 149.610 (c)(1)(vi): directly above the list
        Bullets(tuple(data.separate), numbered=True) if data.separate else Text(w["none"]),
        Heading(w["rights"]),
        *(Text(w[key]) for key in ("d_only", "d_more", "d_contract")),
        Heading(w["dispute"]),
        *(Text(w[key]) for key in ("d_dispute", "d_talk", "d_how", "d_quality")),
    ]
    return Paper(w["estimate"], tag(language), data.practice.name, blocks)


def _complete_estimate(data: EstimateData) -> None:
    needed = {
        "the client's name": data.client.name,
        "the client's date of birth": data.client.birth_date,
        "the main service in words": data.primary,
        "the day it was given": data.given,
        "a service": data.services,
        "how often (recurring services)": data.frequency or not data.until,
    }
    lacks = [name for name, value in needed.items() if not value]
    lacks += [f"the practice's {name}" for name in _lacking(data.practice)]
    for n, service in enumerate(data.services, 1):
        lacks += [f"the {name} of line {n}" for name in ("code", "charge") if not getattr(service, name)]
        if service.provider is not None:
            lacks += [f"the provider's {name} of line {n}" for name in _lacking(service.provider)]
    if lacks:
        raise InputError(f"the estimate lacks {'; '.join(lacks)}", mend="45 CFR 149.610(c) asks for it")
    if data.given and data.until and data.until > _twelve_months(data.given):
        raise InputError("the estimate covers more than twelve months", mend="give a new one after that")


def _lacking(p: Provider) -> list[str]:
    """What each provider or facility on an estimate is named with: 149.610 (c)(1)(v)."""
    needed = {"name": p.name, "NPI": p.npi, "tax number": p.tin, "state": p.state, "address": p.address}
    return [name for name, value in needed.items() if not value]


def _twelve_months(day: date) -> date:
    from chartside_billing.dates import add_years

    return add_years(day, 1)


def _by_provider(data: EstimateData, w: Words, language: str) -> Iterator[Block]:
    """The itemised list, one table for each provider or facility."""
    groups: dict[str, tuple[Provider, list[Service]]] = {}
    for service in data.services:
        provider = service.provider or data.practice
        groups.setdefault(provider.npi or provider.name, (provider, []))[1].append(service)
    head = (w["service"], w["diagnosis"], w["units"], w["charge"])
    for provider, services in groups.values():
        yield Heading(f"{w['by_provider']} {provider.name}")
        yield Facts(
            tuple(
                _facts(
                    [
                        (w["npi"], provider.npi),
                        (w["tin"], provider.tin),
                        (w["state"], provider.state),
                        (w["location"], provider.address),
                    ]
                )
            )
        )
        dated = any(s.day for s in services)
        rows = tuple(
            (
                *((show_day(s.day, language),) if dated else ()),
                *(_named(s), _diagnoses(s), x12_amount(s.units), dollars(s.charge)),
            )
            for s in services
        )
        empty = ("",) * (3 if dated else 2)
        total = (w["total"], *empty, dollars(sum((s.charge for s in services), ZERO)))
        last = len(total) - 1
        yield Grid(
            w["expected"], (w["date"], *head) if dated else head, rows, frozenset({last - 1, last}), total
        )


def _provider(r: Provider, w: Words) -> Iterator[Block]:
    """Who gave the service, if named."""
    named = [(w["name"], ", ".join(filter(None, (r.name, r.credential)))), (w["npi"], r.npi)]
    if r.name:
        yield Heading(w["provider"])
        yield Facts(tuple(_facts(named)))


def _facts(pairs: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in pairs if value)


def _who(practice: Provider, client: Client, w: Words, language: str) -> Iterator[Block]:
    ours = [
        (w["name"], practice.name),
        (w["address"], practice.address),
        (w["phone"], practice.phone),
        (w["npi"], practice.npi),
        (w["tin"], practice.tin),
    ]
    theirs = [
        (w["name"], client.name),
        (w["born"], show_day(client.birth_date, language)),
        (w["address"], client.address),
        (w["insurer"], client.insurer),
        (w["member"], client.member_id),
    ]
    yield Beside(
        (Heading(w["practice"]), Facts(tuple(_facts(ours)))),
        (Heading(w["client"]), Facts(tuple(_facts(theirs)))),
    )


def dotted(icd: str) -> str:
    """``F41.1``: as people write an ICD-10-CM code."""
    return f"{icd[:3]}.{icd[3:]}" if len(icd) > 3 and "." not in icd else icd


def _diagnoses(service: Service) -> str:
    return " ".join(dotted(code) for code in service.diagnoses)
