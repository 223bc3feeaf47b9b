"""The interactions of the FHIR RESTful API (R4, 3.1.0), on a store, within the options."""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import parse_qsl

import jsonpatch
import orjson

from chartside.sandbox.capability import capability_statement
from chartside.sandbox.dates import iso
from chartside.sandbox.exchange import Answer, Ask, Permit, etag
from chartside.sandbox.options import Options
from chartside.sandbox.outcome import Refusal, not_supported, outcome
from chartside.sandbox.search import Searcher
from chartside.sandbox.store import Row, Store
from chartside.sandbox.validate import ID, check_form, check_model
from chartside.types import Resource

_TAG = re.compile(r'^(?:W/)?"([^"]*)"$')


class Engine:
    """Answers interactions. Everything that is refused is a Refusal."""

    def __init__(self, store: Store, options: Options, *, secured: bool = False) -> None:
        self.store, self.options, self.secured = store, options, secured
        self.searcher = Searcher(store, options)
        self._statements: dict[str, bytes] = {}

    def answer(self, ask: Ask) -> Answer:
        """Do one interaction, whole or not at all."""
        with self.store.atomic():
            return self._route(ask)

    def _route(self, ask: Ask) -> Answer:
        match ask.method, ask.path:
            case "GET", ("metadata",):
                return Answer(200, self._statement(ask.base))
            case "POST", ():
                from chartside.sandbox.bundles import answer_bundle  # it calls back into the engine

                return answer_bundle(self, ask)
            case _, ():
                raise not_supported("an interaction with the whole system")
        resource_type = ask.path[0]
        if not self.options.has(resource_type):
            raise Refusal(404, "not-supported", "this server does not have that resource type")
        return self._type_route(ask, resource_type)

    def _statement(self, base: str) -> bytes:
        if base not in self._statements:
            self._statements[base] = capability_statement(self.options, base, secured=self.secured)
        return self._statements[base]

    def _type_route(self, ask: Ask, resource_type: str) -> Answer:
        match ask.method, ask.path[1:]:
            case ("GET", ()) | ("POST", ("_search",)):
                self._may(ask, resource_type, "search-type", "s")
                return self.searcher.answer(ask)
            case "POST", ():
                return self._create(ask, resource_type)
            case ("PUT" | "PATCH" | "DELETE") as method, ():
                return self._conditional(ask, method, resource_type)
            case method, (resource_id,) if resource_id[:1] not in "_$":
                return self._instance(ask, method, resource_type, resource_id)
        return self._past(ask, resource_type)

    def _past(self, ask: Ask, resource_type: str) -> Answer:
        match ask.method, ask.path[1:]:
            case "GET", ("_history",):
                return self._history(ask, resource_type, None)
            case "GET", (resource_id, "_history"):
                return self._history(ask, resource_type, resource_id)
            case "GET", (resource_id, "_history", version):
                return self._vread(ask, resource_type, resource_id, version)
        raise not_supported("this operation", status=404 if ask.method == "GET" else 405)

    def _instance(self, ask: Ask, method: str, resource_type: str, resource_id: str) -> Answer:
        ways = {"GET": self._read, "PUT": self._update, "PATCH": self._patch, "DELETE": self._delete}
        if method not in ways:
            raise Refusal(405, "not-supported", "this method is not supported here")
        return ways[method](ask, resource_type, resource_id)

    # --- reading

    def _read(self, ask: Ask, resource_type: str, resource_id: str) -> Answer:
        self._may(ask, resource_type, "read", "r")
        row = self._existing(resource_type, resource_id)
        if ask.if_none_match and ask.if_none_match == etag(row):
            return Answer(304, b"", row)
        return Answer(200, row.body or b"", row)

    def _existing(self, resource_type: str, resource_id: str) -> Row:
        row = self.store.read(resource_type, resource_id)
        if row is None:
            raise Refusal(404, "not-found", f"no such {resource_type}")
        if row.deleted:
            raise Refusal(410, "deleted", f"this {resource_type} was deleted", headers={"ETag": etag(row)})
        return row

    def _vread(self, ask: Ask, resource_type: str, resource_id: str, version: str) -> Answer:
        self._may(ask, resource_type, "vread", "r")
        for row in self.store.history(resource_type, resource_id):
            if str(row.version) == version:
                if row.deleted:
                    raise Refusal(410, "deleted", "this version is the deletion")
                return Answer(200, row.body or b"", row)
        raise Refusal(404, "not-found", "no such version")

    def _history(self, ask: Ask, resource_type: str, resource_id: str | None) -> Answer:
        from chartside.sandbox.history import history_bundle

        if resource_id:
            self._may(ask, resource_type, "history-instance", "r")
        else:
            self._may(ask, resource_type, "history-type", "s")
        rows = self.store.history(resource_type, resource_id)
        if resource_id is not None and not rows:
            raise Refusal(404, "not-found", f"no such {resource_type}")
        return Answer(200, history_bundle(ask, rows))

    # --- writing

    def _may(self, ask: Ask, resource_type: str, interaction: str, letter: str) -> None:
        """Refuse what the token's scopes (403) or the server (405) do not allow."""
        ask.permit(resource_type, letter)
        if not self.options.allows(resource_type, interaction):
            raise not_supported(f"{interaction} of {resource_type}", status=405)

    def _checked(self, body: Any, resource_type: str) -> Resource:
        resource = check_form(body, resource_type)
        if self.options.validate:
            check_model(resource)
        return dict(resource)

    def _create(self, ask: Ask, resource_type: str) -> Answer:
        self._may(ask, resource_type, "create", "c")
        if ask.if_none_exist:
            if self.options.no_conditional_create:
                raise Refusal(412, "not-supported", "conditional create is not supported by this server")
            found = self.one_match(resource_type, ask.if_none_exist, ask.permit)
            if found is not None:
                return Answer(200, self._shown(ask, found), found, self._location(found))
        resource = self._checked(ask.body, resource_type)
        return self._store(ask, {**resource, "id": ask.assigned_id or str(uuid.uuid4())}, "POST", 201)

    def one_match(self, resource_type: str, criteria: str, permit: Permit) -> Row | None:
        """Return the one resource that meets the criteria (``a=b&c=d``), None if none; Refusal 412 if several."""
        pairs = parse_qsl(criteria.lstrip("?"), keep_blank_values=True)
        rows = self.searcher.matches(resource_type, pairs, permit)
        if len(rows) > 1:
            raise Refusal(412, "multiple-matches", "more than one resource meets the criteria")
        return rows[0] if rows else None

    def _update(self, ask: Ask, resource_type: str, resource_id: str) -> Answer:
        self._may(ask, resource_type, "update", "u")
        resource = self._checked(ask.body, resource_type)
        if resource.get("id", resource_id) != resource_id or not ID.match(resource_id):
            raise Refusal(400, "invalid", "the id of the body is not the id of the address")
        row = self.store.read(resource_type, resource_id)
        self._check_match(ask, row)
        if ask.if_none_match == "*" and row is not None and not row.deleted:
            raise Refusal(412, "conflict", "there is one already")
        if row is None:
            self._may(ask, resource_type, "create", "c")
            if self.options.no_client_ids:
                raise Refusal(405, "not-supported", "this server gives the ids itself: use create")
        status = 200 if row and not row.deleted else 201
        return self._store(ask, {**resource, "id": resource_id}, "PUT", status)

    def _check_match(self, ask: Ask, row: Row | None) -> None:
        if not ask.if_match:
            return
        tag = _TAG.match(ask.if_match.strip())
        if tag is None:
            raise Refusal(400, "value", 'If-Match is of the form W/"3"')
        if row is None or row.deleted or str(row.version) != tag.group(1):
            raise Refusal(412, "conflict", "the resource has another version by now: read it again")

    def _patch(self, ask: Ask, resource_type: str, resource_id: str) -> Answer:
        self._may(ask, resource_type, "patch", "u")
        row = self._existing(resource_type, resource_id)
        self._check_match(ask, row)
        if "json-patch" not in ask.content_type:
            raise Refusal(415, "not-supported", "a patch is application/json-patch+json")
        patched = self._checked(_patched(row.resource(), ask.body), resource_type)
        if patched.get("id") != resource_id:
            raise Refusal(422, "invalid", "a patch cannot change the id")
        return self._store(ask, patched, "PATCH", 200)

    def _delete(self, ask: Ask, resource_type: str, resource_id: str) -> Answer:
        self._may(ask, resource_type, "delete", "d")
        row = self.store.read(resource_type, resource_id)
        self._check_match(ask, row)
        if row is None:
            raise Refusal(404, "not-found", f"no such {resource_type}")
        return Answer(204, b"", row if row.deleted else self.store.delete(row))

    def _conditional(self, ask: Ask, method: str, resource_type: str) -> Answer:
        if self.options.no_conditional_update:
            raise Refusal(412, "not-supported", "conditional interactions are not supported by this server")
        ask.permit(resource_type, "s")
        rows = self.searcher.matches(resource_type, ask.query, ask.permit)
        if len(rows) > 1:
            raise Refusal(412, "multiple-matches", "more than one resource meets the criteria")
        if rows:
            return self._instance(ask, method, resource_type, rows[0].id)
        if method == "PUT":
            return self._upsert(ask, resource_type)
        raise Refusal(404, "not-found", "no resource meets the criteria")

    def _upsert(self, ask: Ask, resource_type: str) -> Answer:
        resource = check_form(ask.body, resource_type)
        if "id" in resource:
            return self._update(ask, resource_type, resource["id"])
        return self._create(ask, resource_type)

    def _store(self, ask: Ask, resource: Resource, method: str, status: int) -> Answer:
        row = self.store.put(resource, method)
        return Answer(status, self._shown(ask, row), row, self._location(row) if status == 201 else "")

    @staticmethod
    def _location(row: Row) -> str:
        return f"{row.type}/{row.id}/_history/{row.version}"

    @staticmethod
    def _shown(ask: Ask, row: Row) -> bytes:
        if "return=minimal" in ask.prefer:
            return b""
        if "return=OperationOutcome" in ask.prefer:
            text = f"stored as version {row.version} at {iso(row.updated)}"
            return orjson.dumps(outcome("informational", text, severity="information"))
        return row.body or b""


def _patched(resource: Resource, patch: Any) -> Any:
    if not isinstance(patch, list):
        raise Refusal(400, "structure", "a JSON Patch is an array of operations")
    try:
        return jsonpatch.apply_patch(resource, patch)
    except jsonpatch.JsonPatchTestFailed:
        raise Refusal(422, "conflict", "a test of the patch failed") from None
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError):
        raise Refusal(422, "invalid", "the patch cannot be applied") from None
