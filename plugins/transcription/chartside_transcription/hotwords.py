"""Names, drugs and places that may be said: from a file, or from the client's own chart (T-4)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from chartside.errors import InputError

LONGEST = 60
MOST = 200


def read_hotwords(path: Path) -> tuple[str, ...]:
    """One on a line; empty lines and lines that begin with # are left out. Raises InputError."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"the hotwords cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError("the hotwords are no UTF-8 text", mend="save the file as plain text") from None
    return clean(line for line in text.splitlines() if not line.startswith("#"))


def clean(words: Iterable[str]) -> tuple[str, ...]:
    """Trimmed, each once, in their order; InputError where one is no word or there are too many."""
    kept = tuple(dict.fromkeys(part.strip() for word in words for part in word.split(",") if part.strip()))
    if any(len(word) > LONGEST or not word.isprintable() for word in kept):
        raise InputError(f"a hotword has more than {LONGEST} characters", mend="one word or name on a line")
    if len(kept) > MOST:
        raise InputError(f"there are more than {MOST} hotwords", mend="give those of this client only")
    return kept
