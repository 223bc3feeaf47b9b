"""The CapabilityStatement, written from the tables and options that the server itself obeys."""

from __future__ import annotations

from functools import lru_cache

import orjson

from chartside.sandbox.options import Options
from chartside.sandbox.parameters import table
from chartside.types import Resource

_SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def capability_statement(options: Options, base: str, *, secured: bool) -> bytes:
    """Return the CapabilityStatement of a server at ``base``."""
    statement: Resource = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-24",
        "kind": "instance",
        "software": {"name": "Chartside sandbox EHR"},
        "implementation": {
            "description": "An embedded EHR with invented people, for trials and tests",
            "url": base,
        },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [_rest(options, base, secured)],
    }
    if not options.no_patch:
        statement["patchFormat"] = ["application/json-patch+json"]
    return orjson.dumps(statement)


def _rest(options: Options, base: str, secured: bool) -> Resource:
    rest: Resource = {
        "mode": "server",
        "security": _security(base) if secured else {"cors": False},
        "resource": [_resource(options, name) for name in options.types()],
        "searchParam": [
            {"name": "_id", "type": "token"},
            {"name": "_lastUpdated", "type": "date"},
        ],
    }
    system = [("transaction", options.no_transaction or options.all_read_only), ("batch", options.no_batch)]
    interactions = [{"code": code} for code, absent in system if not absent]
    return rest | ({"interaction": interactions} if interactions else {})


def _security(base: str) -> Resource:
    token = base.rpartition("/")[0] + "/auth/token"
    return {
        "cors": False,
        "service": [{"coding": [{"system": _SECURITY_SERVICE, "code": "SMART-on-FHIR"}]}],
        "extension": [
            {
                "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                "extension": [{"url": "token", "valueUri": token}],
            }
        ],
    }


@lru_cache(maxsize=512)
def _search_params(name: str) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...], tuple[str, ...]]:
    params = table()[name]
    rows = tuple((p.name, "uri" if p.kind == "uri" else p.kind) for p in params.values())
    includes = tuple(f"{name}:{p.name}" for p in params.values() if p.kind == "reference")
    backward = tuple(
        f"{source}:{p.name}"
        for source, found in table().items()
        for p in found.values()
        if p.kind == "reference" and name in p.targets
    )
    return rows, includes, backward


def _resource(options: Options, name: str) -> Resource:
    rows, includes, backward = _search_params(name)
    writes = options.writes(name)
    common = [("_id", "token"), ("_lastUpdated", "date")]
    shown: Resource = {
        "type": name,
        "interaction": [{"code": code} for code in _interactions(options, writes)],
        "versioning": "versioned-update" if writes else "versioned",
        "readHistory": not options.no_history,
        "updateCreate": writes and not options.no_client_ids,
        "conditionalCreate": writes and not options.no_conditional_create,
        "conditionalRead": "not-match",
        "conditionalUpdate": writes and not options.no_conditional_update,
        "conditionalDelete": "single"
        if _deletes(options, writes) and not options.no_conditional_update
        else "not-supported",
        "searchParam": [{"name": key, "type": kind} for key, kind in (*common, *rows)],
    }
    if not options.no_include:
        kept = [value for value in backward if options.has(value.partition(":")[0])]
        shown |= {
            key: value
            for key, value in (("searchInclude", list(includes)), ("searchRevInclude", kept))
            if value
        }
    return shown


def _deletes(options: Options, writes: bool) -> bool:
    return writes and not options.no_delete


def _interactions(options: Options, writes: bool) -> list[str]:
    codes = [
        ("read", True),
        ("vread", not options.no_history),
        ("update", writes),
        ("patch", writes and not options.no_patch),
        ("delete", _deletes(options, writes)),
        ("history-instance", not options.no_history),
        ("history-type", not options.no_history),
        ("create", writes),
        ("search-type", True),
    ]
    return [code for code, able in codes if able]
