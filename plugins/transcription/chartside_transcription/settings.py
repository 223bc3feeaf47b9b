"""The keys under ``[plugins.transcription]`` in chartside.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """A wrong or unknown key is told by ``chartside check`` with its path."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    engine: str = Field(
        default="whisper", description="Which engine recognises: whisper, or openai-endpoint."
    )
    fast: bool = Field(
        default=False, description="The smaller English model: half the time, a third more errors."
    )
    model_path: Path | None = Field(
        default=None,
        description="A folder with a Whisper model converted for CTranslate2, instead of the default.",
    )
    threads: Annotated[int, Field(ge=0, le=64)] = Field(
        default=0, description="Threads for recognition; 0: as the machine has."
    )
