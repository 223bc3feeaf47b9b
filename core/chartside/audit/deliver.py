"""AuditEvents on their way to a server that may fail."""

from __future__ import annotations

from collections.abc import Sequence

from chartside.fhir import Create, FhirClient

_ATTEMPTS = 4
"""An AuditEvent that is written twice does no harm, one that is lost does: so a failed one is offered again."""


def deliver(client: FhirClient, events: Sequence[Create]) -> None:
    """Write all of them. Raises the FhirError of the first that could not be written."""
    left = list(events)
    for attempt in range(_ATTEMPTS):
        failed = [result for result in client.execute(left) if result.error]
        for result in failed:
            if attempt == _ATTEMPTS - 1 or not (result.error and result.error.retryable):
                result.require()
        left = [result.entry for result in failed if isinstance(result.entry, Create)]
        if not left:
            return
