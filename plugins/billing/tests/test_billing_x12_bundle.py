"""FHIR Bundles as 837P: the map of billing.md, judged by validators that others wrote."""

from __future__ import annotations

import copy
import json
import random
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chartside.errors import InputError
from chartside.testing.ehr import Ehr
from chartside_billing.cli_x12 import app
from chartside_billing.x12.bundle import claims_from_bundle
from chartside_billing.x12.read837 import read_837
from chartside_billing.x12.required import missing
from chartside_billing.x12.validate import check_all
from chartside_billing.x12.write837 import Control, write_837

CONTROL = Control(created=datetime(2026, 11, 24, 9, 30))
KINDS = ("Claim", "Patient", "Coverage", "Organization", "Practitioner", "PractitionerRole")


@pytest.fixture
def bundle(ehr: Ehr) -> dict[str, Any]:
    """The sandbox practice's claims with what they reference; its tax number and payer addresses are added."""
    resources = [copy.deepcopy(r) for kind in KINDS for r in ehr.all(kind)]
    for resource in resources:
        if resource["resourceType"] == "Organization" and resource["id"] == "practice":
            resource["identifier"].append({"system": "http://hl7.org/fhir/sid/us-ein", "value": "12-3456789"})
    faulty = set(ehr.practice.faults) if hasattr(ehr.practice, "faults") else set()
    kept = [r for r in resources if not (r["resourceType"] == "Claim" and r["id"] in faulty)]
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in kept]}


def test_claims_of_an_ehr_become_an_837p_that_both_validators_pass(bundle: dict[str, Any]) -> None:
    """Issue 4, shown 3, and ``write BUNDLE``: what can be written passes pyx12 and x12sdk."""
    claims = [c for c in claims_from_bundle(bundle) if c.insurance.subscriber is not None]
    assert len(claims) > 20
    good = [c for c in claims if not missing(c)]
    assert len(good) > 20
    written = write_837(good, control=CONTROL)
    assert check_all(written.data) == []
    again = read_837(written.data)
    assert [(c.id, c.total) for c in again] == [(c.id, c.total) for c in good]


def test_the_map_of_a_dependant_s_corrected_claim() -> None:
    """2000C for a dependant, REF*F8 for ``related``, REF*G1 for preAuthRef, supervisor 2310D, ICD without its dot."""
    resource = {
        "resourceType": "Claim",
        "id": "c1",
        "meta": {"versionId": "3"},
        "use": "claim",
        "type": {"coding": [{"code": "professional"}]},
        "patient": {"reference": "#p"},
        "contained": [
            {
                "resourceType": "Patient",
                "id": "p",
                "name": [{"family": "Rivera", "given": ["Leo"]}],
                "gender": "male",
            },
            {"resourceType": "Patient", "id": "s", "name": [{"family": "Rivera", "given": ["Ana"]}]},
            {
                "resourceType": "Coverage",
                "id": "cov",
                "subscriberId": "W1",
                "subscriber": {"reference": "#s"},
                "relationship": {"coding": [{"code": "child"}]},
                "type": {"coding": [{"code": "HMO"}]},
                "payor": [{"reference": "#pay"}],
            },
            {"resourceType": "Organization", "id": "pay", "name": "Acme", "identifier": [{"value": "60054"}]},
            {
                "resourceType": "Practitioner",
                "id": "sup",
                "name": [{"family": "Stone", "suffix": ["LCSW", "Jr."]}],
            },
        ],
        "careTeam": [{"provider": {"reference": "#sup"}, "role": {"coding": [{"code": "supervisor"}]}}],
        "related": [{"reference": {"value": "PAYER9"}}],
        "insurance": [
            {"sequence": 1, "focal": True, "coverage": {"reference": "#cov"}, "preAuthRef": ["AUTH1"]}
        ],
        "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": {"coding": [{"code": "F41.1"}]}}],
        "item": [
            {
                "sequence": 1,
                "productOrService": {"coding": [{"code": "90837"}]},
                "modifier": [{"coding": [{"code": "95"}]}],
                "diagnosisSequence": [1],
                "servicedDate": "2026-11-02",
                "quantity": {"value": 1},
                "net": {"value": 150.5},
            }
        ],
    }
    (claim,) = claims_from_bundle(resource)
    assert (claim.source, claim.frequency, claim.original_claim_number) == (
        "Claim/c1/_history/3",
        "7",
        "PAYER9",
    )
    assert (claim.patient_relationship, claim.insurance.relationship, claim.insurance.filing) == (
        "19",
        "",
        "HM",
    )
    assert claim.patient is not None
    assert claim.insurance.subscriber is not None
    assert claim.supervising is not None
    assert (claim.patient.first, claim.insurance.subscriber.first, claim.insurance.subscriber.id) == (
        "Leo",
        "Ana",
        "W1",
    )
    assert (claim.prior_authorization, claim.diagnoses[0].code, claim.supervising.suffix) == (
        "AUTH1",
        "F411",
        "Jr.",
    )
    assert (claim.lines[0].modifiers, claim.lines[0].charge) == (("95",), Decimal("150.5"))


def test_what_is_no_bundle_of_claims_is_refused() -> None:
    """A clear error."""
    for source in ([], {}, {"resourceType": "Patient"}, {"resourceType": "Bundle"}, "x", None):
        with pytest.raises(InputError):
            claims_from_bundle(source)


def test_write_a_bundle_from_the_command_line(bundle: dict[str, Any], tmp_path: Path) -> None:
    """``chartside billing write BUNDLE``: a claim that lacks something is named with its place."""
    source, out = tmp_path / "b.json", tmp_path / "o.837"
    claims = [e for e in bundle["entry"] if e["resource"]["resourceType"] == "Claim"]
    rest = [e for e in bundle["entry"] if e not in claims]
    results = set()
    for entry in claims[:6]:
        source.write_text(json.dumps({**bundle, "entry": [entry, *rest]}))
        result = CliRunner().invoke(app, ["write", str(source), "--out", str(out), "--created", "2026-11-24"])
        results.add(result.exit_code)
        assert result.exit_code == 0 or "error: Claim/" in result.stderr
    assert 0 in results


def test_mutated_bundles_give_an_error_or_claims(bundle: dict[str, Any]) -> None:
    """Issue 4, shown 6: FHIR that nobody would write must not crash the reader."""
    rng = random.Random(3)
    entry = next(e for e in bundle["entry"] if e["resource"]["resourceType"] == "Claim")
    text = json.dumps({**bundle, "entry": [entry, *bundle["entry"][-60:]]})
    for _ in range(300):
        place = rng.randrange(len(text) - 20)
        broken = (
            text[:place]
            + rng.choice(["null", "[]", "{}", '"x"', "0", ""])
            + text[place + rng.randrange(1, 12) :]
        )
        try:
            source = json.loads(broken)
        except ValueError:
            continue
        try:
            write_837(claims_from_bundle(source), control=CONTROL)
        except InputError:
            continue


@pytest.mark.slow
@pytest.mark.parametrize("value", [None, [], {}, "x", 0, [None], [1], [{}], {"a": 1}])
def test_every_element_may_be_of_the_wrong_kind(bundle: dict[str, Any], value: Any) -> None:
    """Each element of a Claim and of what it references, one at a time, replaced by something else."""
    claim = bundle["entry"][0]["resource"]
    named = {
        claim["patient"]["reference"],
        claim["insurance"][0]["coverage"]["reference"],
        "Organization/practice",
    }
    few = [e for e in bundle["entry"] if "{resourceType}/{id}".format(**e["resource"]) in named]
    few += [
        e for e in bundle["entry"] if e["resource"]["resourceType"] in {"Practitioner", "PractitionerRole"}
    ]
    small = {**bundle, "entry": [bundle["entry"][0], *few]}
    for index, entry in enumerate(small["entry"]):
        for key in list(entry["resource"]):
            changed = copy.deepcopy(small)
            changed["entry"][index]["resource"][key] = value
            try:
                write_837(claims_from_bundle(changed), control=CONTROL)
            except InputError:
                continue
