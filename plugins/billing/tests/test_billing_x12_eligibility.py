"""Eligibility (270/271)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from fhir.resources.R4B.coverageeligibilityrequest import CoverageEligibilityRequest
from fhir.resources.R4B.coverageeligibilityresponse import CoverageEligibilityResponse

from chartside.errors import InputError
from chartside_billing.model import Person
from chartside_billing.x12.eligibility import (
    Benefit,
    EligibilityAnswer,
    check_form,
    describe,
    read_271,
    to_request,
    to_response,
    write_270,
)
from chartside_billing.x12.example import claim

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
DEMO = "x12/LinuxForHealth-x12/demo-file/demo.271"


def request() -> dict[str, object]:
    made = to_request(
        "Patient/1", "Organization/p", "Organization/i", "Coverage/1", created=NOW, day=NOW.date()
    )
    return {**made, "id": "r1"}


def test_a_271_tells_cover_and_behavioural_benefits(shared_data: Path) -> None:
    """Active cover, service types of mental health, copayments."""
    (answer,) = read_271(shared_data / DEMO)
    assert (answer.active, answer.mental_health) == (True, True)
    assert [b.amount for b in answer.benefits if b.kind == "B"][:2] == [Decimal(10), Decimal(30)]
    assert "cover active" in next(iter(describe(answer)))


def test_what_a_271_does_not_say_is_not_known() -> None:
    """None is no answer; a refusal is shown with its raw code."""
    assert EligibilityAnswer().active is None
    assert EligibilityAnswer(benefits=[Benefit("1", ("30",))]).mental_health is None
    assert EligibilityAnswer(benefits=[Benefit("6", ("MH",))]).mental_health is False
    assert "reason 72" in " ".join(describe(EligibilityAnswer(rejections=["72"])))


def test_request_and_response_are_valid_r4(shared_data: Path) -> None:
    """CoverageEligibilityRequest and -Response."""
    CoverageEligibilityRequest.model_validate(request())
    (answer,) = read_271(shared_data / DEMO)
    response = to_response(answer, request(), created=NOW)
    CoverageEligibilityResponse.model_validate(response)
    assert response["insurance"][0]["inforce"] is True
    refused = to_response(EligibilityAnswer(rejections=["72"]), request(), created=NOW)
    CoverageEligibilityResponse.model_validate(refused)
    assert refused["outcome"] == "error"


def test_our_270_passes_x12sdk_and_a_broken_one_does_not() -> None:
    """x12sdk judges the 270 that we write."""
    one = claim()
    assert one.insurance.payer is not None
    assert one.billing is not None
    assert isinstance(one.insurance.subscriber, Person)
    data = write_270(
        one.insurance.payer,
        one.billing,
        one.insurance.subscriber,
        day=date(2026, 12, 1),
        created=NOW,
        control=5,
    )
    check_form(data)
    with pytest.raises(InputError, match="x12sdk"):
        check_form(data.replace(b"HL*3*2*22*0~", b"HL*3*2*99*0~"))
