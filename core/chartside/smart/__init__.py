"""SMART on FHIR: discovery, backend services, scopes, keys. Start with ``BackendTokens`` and ``KeyStore``.

The user-facing app launch (authorization code with PKCE) has its place here as ``chartside.smart.launch``:
it will share ``discovery``, ``scopes`` (levels ``user`` and ``patient``) and ``keys``.
"""

from __future__ import annotations

from chartside.smart.backend import BackendTokens, backend_services
from chartside.smart.discovery import SmartConfiguration, discover
from chartside.smart.keys import ALGORITHMS, Algorithm, KeyStore, SigningKey
from chartside.smart.scopes import lacking, scopes

__all__ = [
    "ALGORITHMS",
    "Algorithm",
    "BackendTokens",
    "KeyStore",
    "SigningKey",
    "SmartConfiguration",
    "backend_services",
    "discover",
    "lacking",
    "scopes",
]
