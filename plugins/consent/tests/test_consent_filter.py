from __future__ import annotations

from chartside_consent.engine import decide
from chartside_consent.filtering import filter_bundle


def bundle(*resources, **more):
    entries = [{"resource": r, "search": {"mode": "match"}} for r in resources]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries, **more}


def test_what_is_not_permitted_is_gone_and_not_counted(consent, ask, observation) -> None:
    """C-7: the entry is removed and ``total`` lowered, so that its absence cannot be seen."""
    root = {
        "type": "permit",
        "provision": [{"type": "deny", "securityLabel": observation("R")["meta"]["security"]}],
    }
    found = bundle(observation("N", id="a"), observation("R", id="b"), observation("N", id="c"))
    filtered = filter_bundle(found, lambda r: decide([consent(root=root)], ask(resource=r)))
    assert [e["resource"]["id"] for e in filtered["entry"]] == ["a", "c"]
    assert filtered["total"] == 2
    assert len(found["entry"]) == 3


def test_the_total_of_many_pages_falls_by_what_this_page_lost(consent, ask, observation) -> None:
    """C-7: ``total`` counts all pages; includes do not count."""
    found = bundle(observation("N", id="a"), total=40)
    found["entry"].append({"resource": observation("N", id="b"), "search": {"mode": "include"}})
    filtered = filter_bundle(found, lambda r: decide([], ask(resource=r)))
    assert filtered["total"] == 39
    assert "entry" not in filtered


def test_a_bundle_without_total_gets_none(consent, ask, observation) -> None:
    """C-7: nothing is invented; an OperationOutcome stays."""
    found = bundle(observation("N"), {"resourceType": "OperationOutcome", "issue": []})
    del found["total"]
    filtered = filter_bundle(found, lambda r: decide([], ask(resource=r)))
    assert "total" not in filtered
    assert [e["resource"]["resourceType"] for e in filtered["entry"]] == ["OperationOutcome"]
