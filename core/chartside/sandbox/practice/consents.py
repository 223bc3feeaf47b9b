"""Consents of every kind, as a real practice has them: active, revoked, expired, missing, refused."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from chartside.codes import CONSENT_SCOPE_SYSTEM, CONSENT_TYPE_SYSTEM, ConsentType, coding
from chartside.sandbox.practice.people import Client
from chartside.types import Resource

KINDS = ("active", "missing", "revoked", "expired", "deny", "draft", "not-yet")
"""What can be true of one instrument of one client."""

_WEIGHTS: dict[ConsentType, tuple[int, ...]] = {
    ConsentType.TREATMENT: (94, 2, 1, 1, 1, 1, 0),
    ConsentType.TEXT_MESSAGES: (66, 12, 8, 5, 5, 2, 2),
    ConsentType.UNENCRYPTED_EMAIL: (52, 30, 6, 4, 6, 1, 1),
    ConsentType.RECORDING: (22, 66, 4, 3, 4, 1, 0),
    ConsentType.AI_USE: (14, 76, 3, 2, 4, 1, 0),
}

_MESSAGES = (ConsentType.TEXT_MESSAGES, ConsentType.UNENCRYPTED_EMAIL)

_DISPLAY = {
    ConsentType.TREATMENT: "Treatment",
    ConsentType.TEXT_MESSAGES: "Text messages",
    ConsentType.UNENCRYPTED_EMAIL: "Unencrypted e-mail",
    ConsentType.RECORDING: "Recording of sessions",
    ConsentType.AI_USE: "Use of AI",
    ConsentType.PROXY: "Proxy of a minor",
}


def consents(client: Client, now: datetime, rng: random.Random) -> list[tuple[str, Resource | None]]:
    """Return for each instrument its kind, and the Consent unless it is missing."""
    found: list[tuple[str, Resource | None]] = []
    for instrument, weights in _WEIGHTS.items():
        kind = rng.choices(KINDS, weights)[0]
        if client.number <= len(KINDS) and instrument in _MESSAGES:
            kind = KINDS[client.number - 1]  # so that the smallest practice has every kind
        found.append((f"{instrument.value}:{kind}", consent(client, instrument, kind, now)))
    if client.guardian is not None:
        found.append(("proxy:active", consent(client, ConsentType.PROXY, "active", now)))
    return found


def consent(client: Client, instrument: ConsentType, kind: str, now: datetime) -> Resource | None:
    """Return a Consent of this kind; None for ``missing``."""
    if kind == "missing":
        return None
    signed = now - timedelta(days=90 + client.number % 400)
    start, end = signed, now + timedelta(days=365)
    if kind == "expired":
        end = now - timedelta(days=1 + client.number % 40)
    if kind == "not-yet":
        start = now + timedelta(days=30)
    performer = f"RelatedPerson/{client.guardian['id']}" if client.guardian else f"Patient/{client.id}"
    return {
        "resourceType": "Consent",
        "id": f"{client.id}-{instrument.value}",
        "status": {"revoked": "inactive", "draft": "draft"}.get(kind, "active"),
        "scope": {"coding": [coding(CONSENT_SCOPE_SYSTEM, "patient-privacy")]},
        "category": [{"coding": [coding(CONSENT_TYPE_SYSTEM, instrument.value, _DISPLAY[instrument])]}],
        "patient": client.reference,
        "dateTime": signed.isoformat(timespec="seconds"),
        "performer": [{"reference": performer}],
        "organization": [{"reference": "Organization/practice"}],
        "policy": [{"uri": f"https://chartside.dev/sandbox/policy/{instrument.value}"}],
        "provision": {
            "type": "deny" if kind == "deny" else "permit",
            "period": {"start": start.date().isoformat(), "end": end.date().isoformat()},
        },
    }
