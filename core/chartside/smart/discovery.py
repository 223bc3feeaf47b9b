"""What an EHR's authorisation server can do: ``.well-known/smart-configuration``, else the CapabilityStatement.

Seen in the field and lived with: ``scopes_supported`` as an array of arrays or as one string, members missing,
an HTML page in place of the document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from chartside.config import is_loopback
from chartside.errors import FhirError, ServerError, SmartError
from chartside.fhir.capabilities import Capabilities
from chartside.fhir.origin import origin_of
from chartside.fhir.session import new_session
from chartside.smart.web import Reply, exchange, require_endpoint


@dataclass(frozen=True, slots=True)
class SmartConfiguration:
    """The parts that Chartside uses; ``raw`` is the whole. ``fallback``: found in the CapabilityStatement."""

    token_endpoint: str
    authorization_endpoint: str = ""
    issuer: str = ""
    jwks_uri: str = ""
    capabilities: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    algorithms: frozenset[str] = frozenset()
    grants: frozenset[str] = frozenset()
    auth_methods: frozenset[str] = frozenset()
    fallback: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def v2_scopes(self) -> bool:
        """Whether scopes are asked for as ``system/Patient.rs`` (SMART 2) or as ``system/Patient.read`` (SMART 1)."""
        if "permission-v2" in self.capabilities:
            return True
        if "permission-v1" in self.capabilities or self.fallback:
            return False
        tails = {scope.rpartition(".")[2].partition("?")[0] for scope in self.scopes if "/" in scope}
        v2 = any(tail and not set(tail) - set("cruds") for tail in tails)
        return v2 or not tails & {"read", "write", "*"}


def discover(base_url: str, *, session: requests.Session | None = None) -> SmartConfiguration:
    """Ask a FHIR server where its authorisation server is. No token is sent.

    Raises SmartError where neither place says it, or where an endpoint is not https, or is on this machine and the
    server is not; Unreachable, ServerError.
    """
    session = session or new_session(pool=1, user_agent="chartside")
    base = base_url.rstrip("/")
    known = _get(session, f"{base}/.well-known/smart-configuration", "smart-configuration")
    found = read_configuration(known.body) if known and known.status == 200 else None
    if found is not None:
        return _elsewhere(found, base)
    metadata = _get(session, f"{base}/metadata", "CapabilityStatement")
    found = _from_metadata(metadata) if metadata and metadata.status == 200 else None
    if found is None:
        if metadata and metadata.status >= 500:  # that of the former says nothing: some know no .well-known
            raise ServerError(
                "the server failed when it was asked where tokens come from",
                method="GET",
                resource_type="CapabilityStatement",
                status=metadata.status,
            )
        raise SmartError(
            "the server names no token endpoint, neither in .well-known/smart-configuration nor in its metadata",
            mend="check ehr.base_url (it ends before /Patient); if it is right, ask the vendor whether backend "
            "services are switched on",
        )
    return _elsewhere(found, base)


def _elsewhere(found: SmartConfiguration, base: str) -> SmartConfiguration:
    """What answers to this machine alone is not asked because a server out there says so (S-13)."""
    if is_loopback(origin_of(found.token_endpoint)[1]) and not is_loopback(origin_of(base)[1]):
        raise SmartError(
            "the server's token endpoint is on this machine",
            mend="ask the EHR's vendor for the right address",
        )
    return found


def read_configuration(body: Mapping[str, Any]) -> SmartConfiguration | None:
    """A smart-configuration (or OpenID) document; None where it names no token endpoint. Raises SmartError."""
    token = _text(body, "token_endpoint")
    if not token:
        return None
    return SmartConfiguration(
        token_endpoint=require_endpoint(token, "token endpoint"),
        authorization_endpoint=_text(body, "authorization_endpoint"),
        issuer=_text(body, "issuer"),
        jwks_uri=_text(body, "jwks_uri"),
        capabilities=_words(body, "capabilities"),
        scopes=_words(body, "scopes_supported"),
        algorithms=_words(body, "token_endpoint_auth_signing_alg_values_supported"),
        grants=_words(body, "grant_types_supported"),
        auth_methods=_words(body, "token_endpoint_auth_methods_supported"),
        raw=body,
    )


def _from_metadata(reply: Reply) -> SmartConfiguration | None:
    uris = Capabilities(reply.body).oauth_uris
    if not uris.get("token"):
        return None
    token = require_endpoint(uris["token"], "token endpoint")
    return SmartConfiguration(token, uris.get("authorize", ""), fallback=True)


def _get(session: requests.Session, url: str, what: str) -> Reply | None:
    """None where the answer is no JSON or too much; Unreachable is passed on."""
    try:
        return exchange(session, "GET", url, what=what)
    except FhirError as error:
        if error.retryable:
            raise
        return None


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _words(body: Mapping[str, Any], name: str) -> frozenset[str]:
    return frozenset(_flat(body.get(name)))


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from value.split()
    elif isinstance(value, list):
        for each in value:
            yield from _flat(each)
