"""The registration bundle that an EHR's marketplace wants, written from the enabled manifests and nothing else (H-3).

Sources: OAuth 2.0 Dynamic Client Registration (RFC 7591) for the metadata's names; SMART App Launch 2.2 for scopes;
45 CFR 170.315 (b)(11) for the source attributes of decision support (*unconfirmed*: HTI-5 proposes to drop them).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from chartside import __version__
from chartside.commands.plugins import describe
from chartside.config import Config
from chartside.manifest import Manifest, union
from chartside.smart.keys import KeyStore

Target = Literal["smart", "epic", "oracle", "athena"]
TARGETS: tuple[Target, ...] = ("smart", "epic", "oracle", "athena")

_NOTES: Mapping[Target, str] = {
    "smart": "Register the client with client-metadata.json; the scopes are SMART v2.",
    "epic": "Choose a backend OAuth 2.0 app and upload jwks.json. Instead of scopes, tick the APIs of apis.txt.",
    "oracle": "Choose a system account app. Oracle Health speaks SMART v1 scopes: scopes.txt is written in them.",
    "athena": "Choose a 2-legged app. athenahealth speaks SMART v1 scopes; at most 50 token requests a minute.",
}


def files(config: Config, manifests: list[Manifest], keys: KeyStore, target: Target) -> dict[str, str]:
    """``{file name: text}`` of the bundle; the same input gives the same text."""
    access = union(manifests)
    algorithm = config.ehr.auth.algorithm if config.ehr.auth else "ES384"
    scopes = _scopes(access, v1=target in ("oracle", "athena"))
    jwks = keys.jwks(algorithm)
    bundle = {
        "README.txt": _NOTES[target]
        + "\nEverything here follows from the enabled plugins; nothing here is secret.\n",
        "client-metadata.json": _json(_metadata(config, scopes, jwks)),
        "jwks.json": _json(jwks),
        "scopes.txt": "\n".join(scopes) + "\n",
        "launch-urls.txt": "This is a backend service: it has no launch URL and no redirect URL.\n",
        "access.txt": "\n\n".join("\n".join(describe(m)) for m in manifests) + "\n",
        "privacy-notice.txt": _privacy(config, manifests),
        "source-attributes.json": _json(_attributes(manifests)),
    }
    if target == "epic":
        bundle["apis.txt"] = "\n".join(_apis(access)) + "\n"
    return bundle


def write(folder: Path, bundle: Mapping[str, str]) -> None:
    """Write the bundle into a folder that is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in bundle.items():
        (folder / name).write_text(text, "utf-8")


def _scopes(access: Mapping[str, str], *, v1: bool) -> list[str]:
    if not v1:
        return [f"system/{kind}.{letters}" for kind, letters in access.items()]
    words = {"read": "rs", "write": "cud"}
    return [
        f"system/{k}.{w}" for k, have in access.items() for w, need in words.items() if set(need) & set(have)
    ]


def _metadata(config: Config, scopes: list[str], jwks: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "client_name": f"Chartside for {config.practice.name}",
        "software_id": "chartside",
        "software_version": __version__,
        "grant_types": ["client_credentials"],
        "response_types": [],
        "redirect_uris": [],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": config.ehr.auth.algorithm if config.ehr.auth else "ES384",
        "jwks": jwks,
        "scope": " ".join(scopes),
    }


_EPIC_VERBS = {"c": "Create", "r": "Read", "u": "Update", "d": "Delete", "s": "Search"}


def _apis(access: Mapping[str, str]) -> list[str]:
    return [f"{kind}.{_EPIC_VERBS[letter]} (R4)" for kind, letters in access.items() for letter in letters]


def _privacy(config: Config, manifests: list[Manifest]) -> str:
    kinds = sorted({kind for manifest in manifests for kind in manifest.outbound.kinds})
    return "\n".join(
        [
            f"How Chartside uses the records of {config.practice.name}",
            "",
            "Records stay in the EHR. On Chartside's own disk stand keys, times, and ids in an audit trail.",
            "What a plugin may read and write is listed in access.txt; the software refuses it everything else.",
            "A client gets a message, is recorded, or has a program work on their words only with their own consent.",
            f"Recipients outside the EHR: {', '.join(kinds) or 'none'}, each under an agreement (45 CFR 164.504 (e)).",
            "Text that a program wrote is marked as such, and is final only when a named clinician signs it.",
            "The software makes no diagnosis, no prediction about a client, and infers no emotion or mental state.",
            "",
        ]
    )


def _attributes(manifests: list[Manifest]) -> dict[str, Any]:
    """Source attributes of decision support, 45 CFR 170.315 (b)(11)(iv); *unconfirmed*, see the module's text."""
    rows = [
        {
            "intervention": manifest.plugin.title,
            "developer": "the Chartside project (Apache-2.0)",
            "purpose": manifest.plugin.summary or manifest.plugin.title,
            "intended_users": "staff and clinicians of a therapy practice",
            "cautioned_out_of_scope": "diagnosis, prediction, triage, any decision without a person",
            "uses_a_model_that_writes_text": manifest.declares("writes_ai_text"),
            "data_used": sorted(manifest.access),
        }
        for manifest in manifests
    ]
    return {"status": "unconfirmed: 45 CFR 170.315 (b)(11)", "interventions": rows}


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"
