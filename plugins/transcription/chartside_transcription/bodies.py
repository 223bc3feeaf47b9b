"""Bodies of requests: read from the stream into memory, with a limit of size and of time, and never spooled to disk."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from chartside.errors import InputError

LARGEST_TEXT = 1 << 20
SLOWEST = 60.0
"""Seconds that a body of at most 1 MB may take."""
M = TypeVar("M", bound=BaseModel)
_PATIENT = r"^Patient/[A-Za-z0-9.-]{1,64}$"


class TooLarge(InputError):
    """The body is larger than allowed."""


class TooSlow(InputError):
    """The body took too long."""


class NotRead(InputError):
    """A change or a signature without the version that was read."""


class Wanted(BaseModel):
    """``POST /drafts/search``: whose drafts; in the body, for an address gets into logs."""

    model_config = ConfigDict(extra="forbid", strict=True)

    patient: str = Field(pattern=_PATIENT)


class Start(BaseModel):
    """``POST /sessions``: whose session, how many speak and who, in the order of first speaking."""

    model_config = ConfigDict(extra="forbid", strict=True)

    client: str = Field(pattern=_PATIENT)
    participants: list[str] = Field(default_factory=list, max_length=8)
    speakers: int = Field(default=2, ge=1, le=8)
    roles: list[str] = Field(default_factory=list, max_length=8)
    dictation: bool = False


async def body(request: Request, largest: int) -> bytes:
    """The body, refused as soon as it grows too large. Raises TooLarge, TooSlow."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > largest:
        raise TooLarge(f"the body is larger than {largest} bytes")
    held = bytearray()
    try:
        async with asyncio.timeout(SLOWEST):
            async for part in request.stream():
                held += part
                if len(held) > largest:
                    raise TooLarge(f"the body is larger than {largest} bytes")
    except TimeoutError:
        raise TooSlow("the body took too long", mend="send it again") from None
    return bytes(held)


def text_of(data: bytes) -> str:
    """The body as text. Raises InputError for what is none."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("the text is no UTF-8") from None


def read_as(form: type[M], data: bytes) -> M:
    """A body as what it should be. Raises InputError that names the keys, never the values."""
    try:
        return form.model_validate_json(data)
    except ValidationError as error:
        places = ", ".join(sorted({".".join(map(str, e["loc"])) or "body" for e in error.errors()}))
        raise InputError(f"wrong or missing: {places}") from None
