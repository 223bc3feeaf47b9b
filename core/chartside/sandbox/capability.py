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
    statement: dict[str, object] = {
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


def _rest(options: Options, base: str, secured: bool) -> dict[str, object]:
    rest: dict[str, object] = {
        "mode": "server",
        "security": _security(base) if secured else {"cors": False},
        "resource": orjson.Fragment(_resources(options)),
    }
    system = [("transaction", options.no_transaction), ("batch", options.no_batch)]
    interactions = [{"code": code} for code, absent in system if not absent]
    return rest | ({"interaction": interactions} if interactions else {})


@lru_cache(maxsize=32)  # a sandbox for each test, most with the same options
def _resources(options: Options) -> bytes:
    return orjson.dumps([_resource(options, name) for name in options.types()])


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
def _pointing_at(name: str) -> tuple[tuple[str, str], ...]:
    """Return (type, parameter) of all references that may point to a type."""
    rows = ((source, p) for source, found in table().items() for p in found.values() if p.kind == "reference")
    return tuple((source, p.name) for source, p in rows if name in p.targets)


def _resource(options: Options, name: str) -> Resource:
    params = options.params(name).values()
    common = [(key, kind) for key, kind in _COLUMNS if options.understands(name, key)]
    creates, updates = options.allows(name, "create"), options.allows(name, "update")
    deletes = options.allows(name, "delete") and not options.no_conditional_update
    shown: Resource = {
        "type": name,
        "interaction": [{"code": code} for code in _CODES if options.allows(name, code)],
        "versioning": "versioned-update" if updates else "versioned",
        "readHistory": options.allows(name, "vread"),
        "updateCreate": updates and creates and not options.no_client_ids,
        "conditionalCreate": creates and not options.no_conditional_create,
        "conditionalRead": "not-match",
        "conditionalUpdate": updates and not options.no_conditional_update,
        "conditionalDelete": "single" if deletes else "not-supported",
        "searchParam": [
            {"name": key, "type": kind} for key, kind in (*common, *((p.name, p.kind) for p in params))
        ],
    }
    if not options.no_include:
        forward = [f"{name}:{p.name}" for p in params if p.kind == "reference"]
        backward = [f"{source}:{key}" for source, key in _pointing_at(name) if key in options.params(source)]
        kept = [value for value in backward if options.has(value.partition(":")[0])]
        shown |= {
            key: value for key, value in (("searchInclude", forward), ("searchRevInclude", kept)) if value
        }
    return shown


_COLUMNS = (("_id", "token"), ("_lastUpdated", "date"))
_CODES = (
    "read",
    "vread",
    "update",
    "patch",
    "delete",
    "history-instance",
    "history-type",
    "create",
    "search-type",
)
