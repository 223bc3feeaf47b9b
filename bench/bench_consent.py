"""C-17: the time of one decision over ten consents, and of ten thousand clients' decisions from files in memory.

Run: ``python bench/bench_consent.py``. One core, pure Python; garbage collection stays on. The requests differ from
one another and are prepared anew each time, as the gate does; the consents are compiled once.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from chartside.codes import ACT_REASON_SYSTEM, CONSENT_TYPE_SYSTEM, coding, concept
from chartside.gate.model import Action, DecisionRequest
from chartside_consent.compiling import compile_consent
from chartside_consent.engine import answer, decide
from chartside_consent.query import prepare

NOW = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
PURPOSES = ("TREAT", "HPAYMT", "HOPERAT", "HRESCH")
KINDS = (
    "treatment",
    "text-messages",
    "unencrypted-email",
    "recording",
    "ai-use",
    "release",
    "part2-tpo",
    "research",
)


def _consent(number: int, kind: str, rng: random.Random) -> dict[str, Any]:
    purposes = [coding(ACT_REASON_SYSTEM, code) for code in PURPOSES[:3]]
    nested = [
        {"type": "deny", "securityLabel": [coding(CONFIDENTIALITY, "R")]},
        {"type": "permit", "actor": [{"reference": {"reference": f"Practitioner/{rng.randrange(9)}"}}]},
        {"type": "deny", "dataPeriod": {"start": "2019-01-01", "end": "2019-12-31"}},
    ]
    return {
        "resourceType": "Consent",
        "id": f"c{number}",
        "meta": {"versionId": "1"},
        "status": "active",
        "category": [concept(CONSENT_TYPE_SYSTEM, kind)],
        "patient": {"reference": "Patient/1"},
        "dateTime": "2026-01-05",
        "provision": {
            "type": "permit",
            "period": {"start": "2026-01-01", "end": "2027-12-31"},
            "purpose": purposes,
            "provision": nested[: rng.randrange(4)] if kind == "privacy" else [],
        },
    }


def _resource(number: int, rng: random.Random) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "meta": {"security": [coding(CONFIDENTIALITY, rng.choice("NR"))]},
        "code": concept("http://loinc.org", "29463-7"),
        "subject": {"reference": "Patient/1"},
        "effectiveDateTime": f"20{rng.randrange(10, 27)}-03-01",
        "performer": [{"reference": f"Practitioner/{rng.randrange(9)}"}],
    }


def _requests(count: int, action: Action, rng: random.Random, *, with_data: bool) -> list[DecisionRequest]:
    return [
        DecisionRequest(
            "Patient/1",
            action,
            NOW + timedelta(minutes=n),
            purpose=rng.choice(PURPOSES),
            actor=f"Practitioner/{rng.randrange(9)}",
            resource=_resource(n, rng) if with_data else None,
        )
        for n in range(count)
    ]


def _show(name: str, seconds: list[float]) -> None:
    micro = sorted(s * 1e6 for s in seconds)
    p50, p95, p99 = (statistics.quantiles(micro, n=100)[k] for k in (49, 94, 98))
    print(f"{name:<46} p50 {p50:7.1f} us   p95 {p95:7.1f} us   p99 {p99:7.1f} us")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    count = parser.parse_args().requests
    rng = random.Random(17)
    ten_general = [_consent(n, "privacy", rng) for n in range(10)]
    ten_mixed = [_consent(n, kind, rng) for n, kind in enumerate((*KINDS, "privacy", "privacy"))]
    for name, consents, action, with_data in (
        ("10 privacy consents, data with labels and dates", ten_general, Action.READ, True),
        ("10 consents of a practice, data", ten_mixed, Action.DISCLOSE, True),
        ("10 consents of a practice, a text", ten_mixed, Action.SMS, False),
    ):
        compiled = [compile_consent(consent) for consent in consents]
        requests = _requests(count, action, rng, with_data=with_data)
        seconds = []
        for request in requests:
            start = time.process_time()
            answer(compiled, prepare(request))
            seconds.append(time.process_time() - start)
        _show(name, seconds)
    seconds = []
    for request in _requests(count // 10, Action.READ, rng, with_data=True):
        start = time.process_time()
        decide(ten_mixed, request)
        seconds.append(time.process_time() - start)
    _show("the same, ten consents compiled from JSON first", seconds)


if __name__ == "__main__":
    main()
