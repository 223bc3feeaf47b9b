"""The bytes of Attachments, wherever a server keeps them: in place, as Binary, or at an allow-listed other origin."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from chartside.errors import InvalidAnswer
from chartside.fhir.answers import Answer, Asked
from chartside.fhir.transport import Request, Transport
from chartside.types import Resource


class Attachments:
    """Fetches through the server's own transport, or through ``public`` (made when first needed)."""

    def __init__(self, own: Transport, public: Callable[[], Transport]) -> None:
        self._own, self._make_public = own, public
        self._public: Transport | None = None

    def fetch(self, attachment: Resource) -> bytes:
        """See ``FhirClient.attachment``."""
        data, url = attachment.get("data"), attachment.get("url")
        if isinstance(data, str):
            return _decoded(data)
        if not isinstance(url, str):
            raise InvalidAnswer("an attachment with neither data nor url")
        absolute, own = self._own.origins.resolve_any(url)
        request = Request(
            Asked("GET", "Attachment"), absolute, headers={"Accept": "*/*"}, repeatable=True, authorised=own
        )
        return _bytes((self._own if own else self._other()).send(request))

    def _other(self) -> Transport:
        if self._public is None:
            self._public = self._make_public()
        return self._public


def _bytes(answer: Answer) -> bytes:
    """A Binary is unpacked: servers answer by the resource whatever was asked for."""
    body: Any = answer.body
    if isinstance(body, dict) and body.get("resourceType") == "Binary" and isinstance(body.get("data"), str):
        return _decoded(body["data"])
    return answer.content


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidAnswer("an attachment whose data are no base64") from None
