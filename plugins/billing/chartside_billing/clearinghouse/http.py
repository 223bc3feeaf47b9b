"""A clearinghouse by HTTP: a file is posted, answers are listed and fetched. For houses with a plain file API."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from urllib3 import Timeout
from urllib3.exceptions import HTTPError, NewConnectionError

from chartside.errors import ChannelUnavailable, ConfigError, LimitExceeded, MessageRejected, OutcomeUnknown
from chartside.network import Session
from chartside_billing.clearinghouse.base import Answer, Clearinghouse
from chartside_billing.x12.segments import MAX_BYTES

TIMEOUT: Any = Timeout(connect=10, read=60, total=600)
"""Seconds for connecting, for each part of the answer, and for all of it."""
_LOCAL = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class HttpAccount:
    """``url``: the API's base, https. Files go to ``url/files``; answers are at ``url/answers``."""

    url: str
    token: str


class HttpClearinghouse(Clearinghouse):
    """POST url/files?name=..., GET url/answers (a JSON list of names), GET and DELETE url/answers/NAME."""

    name = "http"

    def __init__(self, account: HttpAccount, session: requests.Session | None = None) -> None:
        parts = urlsplit(account.url)
        if parts.scheme != "https" and parts.hostname not in _LOCAL:
            raise ConfigError(
                "billing.clearinghouse.url", "claims go over https only", mend="give an https URL"
            )
        self._url = account.url.rstrip("/")
        self._session = session or Session()
        self._session.headers["Authorization"] = f"Bearer {account.token}"

    def submit(self, name: str, data: bytes) -> None:
        """Post the file. A cut connection leaves the outcome unknown: it is not sent again blindly."""
        digest = hashlib.sha256(data).hexdigest()[:16]
        headers = {"Content-Type": "application/edi-x12", "Idempotency-Key": f"{name}-{digest}"}
        try:
            answer = self._session.post(
                f"{self._url}/files",
                params={"name": name},
                data=data,
                headers=headers,
                timeout=TIMEOUT,
                stream=True,  # its text is not read, however long it is
                allow_redirects=False,  # another host is not the one that is registered (S-18)
            )
            answer.close()
        except requests.RequestException as error:
            if isinstance(error, requests.ConnectTimeout) or _never_connected(error):
                raise ChannelUnavailable("the clearinghouse did not answer") from None
            raise OutcomeUnknown(
                f"the upload was cut ({type(error).__name__})", mend="ask the clearinghouse"
            ) from None
        if answer.status_code in {429, 503}:
            raise ChannelUnavailable(f"the clearinghouse is busy ({answer.status_code})")
        if answer.status_code >= 500:
            raise OutcomeUnknown(
                f"the clearinghouse failed ({answer.status_code})", mend="ask the clearinghouse"
            )
        if answer.status_code >= 300:
            raise MessageRejected(f"the clearinghouse refused the file ({answer.status_code})")

    def _get(self, path: str) -> bytes:
        try:
            answer = self._session.get(
                f"{self._url}/{path}", timeout=TIMEOUT, stream=True, allow_redirects=False
            )
            if answer.status_code != 200:
                raise ChannelUnavailable(f"the clearinghouse answered {answer.status_code}")
            data = answer.raw.read(MAX_BYTES + 1, decode_content=True)
        except (requests.RequestException, HTTPError) as error:  # raw.read raises urllib3's own
            raise ChannelUnavailable(
                f"the clearinghouse cannot be reached ({type(error).__name__})"
            ) from None
        if len(data) > MAX_BYTES:
            raise LimitExceeded("an answer is larger than any remittance")
        return bytes(data)

    def fetch(self) -> Iterator[Answer]:
        """The waiting answers, as the house lists them."""
        import orjson

        try:
            names = orjson.loads(self._get("answers"))
        except orjson.JSONDecodeError:
            raise ChannelUnavailable("the clearinghouse's list of answers is no JSON") from None
        for name in names if isinstance(names, list) else []:
            try:
                yield Answer(str(name), self._get(f"answers/{quote(str(name), safe='')}"))
            except (ChannelUnavailable, LimitExceeded) as error:
                yield Answer(str(name), b"", str(error))

    def done(self, answer: Answer) -> None:
        """Delete it there."""
        try:
            path = f"{self._url}/answers/{quote(answer.name, safe='')}"
            self._session.delete(path, timeout=TIMEOUT, stream=True, allow_redirects=False).close()
        except requests.RequestException as error:
            raise ChannelUnavailable(
                f"the clearinghouse cannot be reached ({type(error).__name__})"
            ) from None


def _never_connected(error: requests.RequestException) -> bool:
    """Whether no connection came about, so that surely nothing was sent."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)
