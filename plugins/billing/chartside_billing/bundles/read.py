"""Claims and documents out of a Bundle."""

from __future__ import annotations

from dataclasses import dataclass, field

from chartside.errors import InputError
from chartside.types import Resource
from chartside_billing.bundles import claim as claims
from chartside_billing.bundles import cover, history, papers, visits
from chartside_billing.bundles.flat import flat
from chartside_billing.documents import Document
from chartside_billing.fhir_claim import assemble, facts
from chartside_billing.fhir_claim.pick import own, reference
from chartside_billing.fhir_claim.visits import visit_of
from chartside_billing.model import Claim
from chartside_billing.x12.graph import Graph
from chartside_billing.x12.mend import Mender
from chartside_billing.x12.segments import Delimiters
from chartside_billing.x12.tidy import tidy

EMPTY = "the Bundle holds no professional Claim (type professional, use claim) and no other document that rules judge"


@dataclass(slots=True)
class Bundled:
    """What a Bundle holds. ``documents``: each with its reference."""

    claims: list[Claim] = field(default_factory=list)
    documents: list[tuple[Document, str]] = field(default_factory=list)


def read_bundle(source: object) -> Bundled:
    """Everything that rules can judge. Raises InputError if there is nothing."""
    graph = Graph([("", resource) for resource in flat(source)])
    found = Bundled()
    pairs = assemble(graph).claims
    if graph.of("Claim"):  # a visit without a claim says nothing in a Bundle that was made around a claim
        pairs = [(claim, resource) for claim, resource in pairs if resource.get("resourceType") == "Claim"]
    else:
        pairs = _unbilled(graph, pairs)
    sent = _answered(graph)
    waiting = {reference(r.get("patient")) for _, r in pairs if own(r) not in sent}
    for claim, resource in pairs:
        if own(resource) not in sent or reference(resource.get("patient")) not in waiting:
            found.claims.append(_enriched(claim, resource, graph))
    found.documents = list(papers.documents(graph, answers=not waiting))
    if not found.claims and not found.documents:
        raise InputError(EMPTY)
    return found


def _unbilled(graph: Graph, pairs: list[tuple[Claim, Resource]]) -> list[tuple[Claim, Resource]]:
    """Visits of a Bundle without any Claim: as claims where a code is known, else bare, for the rules of the record."""
    whole = [(c, r) for c, r in pairs if c.lines and c.lines[0].code]
    known = {own(resource) for _, resource in whole}
    billed = {reference(c.get("context")) for c in graph.of("ChargeItem")}
    bare = [
        (Claim(id=str(e.get("id", "")), source=own(e), where=own(e), visits=[visit_of(e, graph, None)]), e)
        for e in graph.of("Encounter")
        if e.get("status") == "finished" and own(e) not in known | billed and not graph.of("Invoice")
    ]
    return whole + bare


def _answered(graph: Graph) -> set[str]:
    """Claims that a payer answered: beside a claim that waits to be sent they are its history."""
    return set(facts.claim_answers(graph.of("ClaimResponse")))


def _enriched(claim: Claim, resource: Resource, graph: Graph) -> Claim:
    """All that the Bundle says, with numbers in X12's form: an EHR writes 60601-1234 and (312) 555-0100."""
    if resource.get("resourceType") == "Claim":
        claims.refine(claim, resource, graph)
        cover.refine(claim, resource, graph)
    else:
        claim.status = "unbilled"
    visits.refine(claim, resource, graph)
    history.refine(claim, resource, graph)
    return tidy(claim, Mender(Delimiters()))
