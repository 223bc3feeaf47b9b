"""An invented, complete behavioural claim with its variants: for examples, benchmarks, fuzzing and tests."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from chartside_billing.model import (
    Address,
    Adjustment,
    Amount,
    Claim,
    Contact,
    DateSpan,
    Diagnosis,
    Insurance,
    Line,
    LineAdjudication,
    Party,
    Person,
)

DAY = date(2026, 11, 2)


def _payer(name: str, number: str) -> Party:
    return Party(entity="2", last=name, id_qualifier="PI", id=number)


def _member() -> Person:
    return Person(
        entity="1",
        last="RIVERA",
        first="ANA",
        id_qualifier="MI",
        id="W123456789",
        address=Address("12 ELM ST", "", "CHICAGO", "IL", "606011234"),
        birth_date=date(1988, 4, 9),
        sex="F",
    )


def _primary() -> Insurance:
    """The other payer's decision, for a secondary claim."""
    return Insurance(
        sequence="P",
        relationship="18",
        filing="CI",
        subscriber=_member(),
        payer=_payer("FIRST PLAN", "11111"),
        amounts=[Amount("D", Decimal("80"))],
        assignment="Y",
        release="Y",
    )


def claim(*, dependent: bool = False, secondary: bool = False, frequency: str = "1") -> Claim:
    """One session of 53 minutes or more, office, one diagnosis."""
    paid = LineAdjudication(
        payer_id="11111",
        paid=Decimal("80"),
        code="90837",
        quantity=Decimal("1"),
        adjustments=[Adjustment("CO", "45", Decimal("70"))],
        adjudicated=DateSpan(date(2026, 11, 10)),
    )
    return Claim(
        id="ACC1001",
        submitter=Party(
            entity="2",
            last="ELM THERAPY",
            id_qualifier="46",
            id="ELM01",
            contacts=[Contact("BILLING", "3125550100")],
        ),
        receiver=Party(entity="2", last="CLEARING HOUSE", id_qualifier="46", id="CH001"),
        billing=Party(
            entity="2",
            last="ELM THERAPY",
            id_qualifier="XX",
            id="1234567893",
            tax_id="123456789",
            tax_id_qualifier="EI",
            taxonomy="101YM0800X",
            address=Address("1 MAIN ST", "STE 2", "CHICAGO", "IL", "606011234"),
        ),
        insurance=Insurance(
            sequence="S" if secondary else "P",
            relationship="" if dependent else "18",
            filing="CI",
            subscriber=_member(),
            payer=_payer("ACME HEALTH", "60054"),
        ),
        patient=Person(
            entity="1",
            last="RIVERA",
            first="LEO",
            birth_date=date(2015, 6, 1),
            sex="M",
            address=Address("12 ELM ST", "", "CHICAGO", "IL", "606011234"),
        )
        if dependent
        else None,
        patient_relationship="19" if dependent else "",
        others=[_primary()] if secondary else [],
        total=Decimal("150"),
        pos="11",
        frequency=frequency,
        provider_signature="Y",
        assignment="A",
        benefits_assigned="Y",
        release="Y",
        original_claim_number="PAYER123" if frequency == "7" else "",
        diagnoses=[Diagnosis("F411", "ABK")],
        rendering=Party(
            entity="1", last="STONE", first="JO", id_qualifier="XX", id="1245319599", taxonomy="101YM0800X"
        ),
        lines=[
            Line(
                number=1,
                code="90837",
                charge=Decimal("150"),
                quantity=Decimal("1"),
                pointers=(1,),
                dates=DateSpan(DAY),
                control_number="L1",
                adjudications=[paid] if secondary else [],
            )
        ],
    )
