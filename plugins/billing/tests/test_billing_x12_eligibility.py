"""Eligibility (270/271)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.coverageeligibilityrequest import CoverageEligibilityRequest
from fhir.resources.R4B.coverageeligibilityresponse import CoverageEligibilityResponse

from chartside import JobOptions
from chartside.clock import FrozenClock
from chartside.errors import InputError
from chartside.testing import Ehr
from chartside_billing.clearinghouse import LocalClearinghouse
from chartside_billing.model import Person
from chartside_billing.x12.eligibility import (
    Benefit,
    EligibilityAnswer,
    check_form,
    describe,
    read_271,
    to_request,
    to_response,
)
from chartside_billing.x12.example import claim
from chartside_billing.x12.write270 import Inquiry, write_270

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


def inquiry(**changes: object) -> Inquiry:
    one = claim(dependent=bool(changes.get("dependent")))
    assert one.insurance.payer is not None
    assert one.billing is not None
    assert isinstance(one.insurance.subscriber, Person)
    made = Inquiry(
        one.insurance.payer, one.billing, one.insurance.subscriber, date(2026, 12, 1), "r1", one.patient
    )
    return replace(made, **{k: v for k, v in changes.items() if k != "dependent"})  # type: ignore[arg-type]


def test_our_270_passes_x12sdk_and_a_broken_one_does_not() -> None:
    """x12sdk judges the 270 that we write: a subscriber, a dependant, a name beyond ASCII."""
    person = inquiry().subscriber
    odd = inquiry(subscriber=replace(person, last="Núñez*~"), trace="r3")
    data = write_270([inquiry(), inquiry(dependent=True, trace="r2"), odd], created=NOW, control=5)
    check_form(data)
    assert b"NUNEZ" in data.upper()
    with pytest.raises(InputError, match="x12sdk"):
        check_form(data.replace(b"HL*3*2*22*0~", b"HL*3*2*99*0~"))


def test_a_question_that_lacks_something_is_not_asked() -> None:
    """It names what is missing, not whose."""
    with pytest.raises(InputError, match="the question lacks the member number; the client's date of birth"):
        write_270(
            [inquiry(subscriber=replace(inquiry().subscriber, id="", birth_date=None))],
            created=NOW,
            control=1,
        )


def test_the_made_up_house_answers_each_question_under_its_trace(tmp_path: Path) -> None:
    """TRN02 of the question comes back, for a dependant, too; x12sdk reads the answer."""
    house = LocalClearinghouse(tmp_path, FrozenClock(NOW))
    data = write_270([inquiry(), inquiry(dependent=True, trace="r2")], created=NOW, control=5)
    house.submit("q.270", data)
    (answer,) = house.fetch()
    check_form(answer.data)
    found = [one for one in read_271(answer.data) if one.benefits]
    assert [one.trace for one in found] == ["r1", "r2"]
    assert all(one.active is not None for one in found)


@pytest.mark.ehr(clients=12)
def test_coming_clients_are_asked_about_once_and_the_answer_stands_in_the_ehr(
    ehr: Ehr, clock: FrozenClock, opened: Any
) -> None:
    """COV-003: Request, 270, 271, Response; a second run asks nobody; the scrub then knows the cover."""
    with opened() as host:
        dry = host.run("billing.eligibility", JobOptions(dry_run=True))
        first = host.run("billing.eligibility")
        assert first.counts["asked"] == dry.counts["would be asked"] > 3
        assert host.run("billing.eligibility").counts["asked"] == 0
        answers = host.run("billing.answers")
        assert answers.counts["eligibility answers"] == first.counts["asked"], answers
        requests = {f"CoverageEligibilityRequest/{r['id']}": r for r in ehr.all("CoverageEligibilityRequest")}
        responses = ehr.all("CoverageEligibilityResponse")
        assert len(requests) == len(responses) == first.counts["asked"]
        for response in responses:
            CoverageEligibilityResponse.model_validate(response)
            asked = requests[response["request"]["reference"]]
            assert response["insurance"][0]["coverage"] == asked["insurance"][0]["coverage"]
            assert response["patient"] == asked["patient"]
        clock.advance(8 * 86400)
        host.run("billing.eligibility")
    asked_on = [r["insurance"][0]["coverage"]["reference"] for r in ehr.all("CoverageEligibilityRequest")]
    assert len(asked_on) > len(requests)
    assert len(asked_on) == len(set(asked_on)), "asked again though the answer is fresh"
