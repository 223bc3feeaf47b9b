"""What the host keeps on its disk: one practice's folder, and the secret that keys its trail and its ledger."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from chartside.errors import ConfigError


def claim_folder(mark: Path, practice: str) -> None:
    """Two practices in one folder would share a trail and a ledger. Raises ConfigError."""
    try:
        with mark.open("x", encoding="ascii") as file:
            file.write(practice)
    except FileExistsError:
        owner = mark.read_text("ascii", errors="replace").strip()
        if owner and owner != practice:
            mend = "give each practice a folder of its own; where it was renamed, write the new id into that file"
            raise ConfigError(
                "state.folder", f"is that of another practice, as {mark} says", mend=mend
            ) from None


def load_secret(path: Path) -> bytes:
    """The secret in the file, made (0600) where there is none. Raises ConfigError for one that is cut."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise ConfigError("state.key", f"{path} is open to other users", mend=f"chmod 600 {path}")
    text = path.read_text("ascii", errors="replace").strip()
    if not re.fullmatch("[0-9a-f]{64}", text):
        mend = "restore it from the backup; with a new one the audit trail can no longer be verified"
        raise ConfigError("state.key", "does not hold a whole key", mend=mend)
    return bytes.fromhex(text)
