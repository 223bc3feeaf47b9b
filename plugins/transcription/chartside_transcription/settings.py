"""The keys under ``[plugins.transcription]`` in chartside.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

Reference = Annotated[str, Field(pattern=r"^Practitioner/[A-Za-z0-9.-]{1,64}$")]


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
    recipient: str = Field(
        default="", description="openai-endpoint: the name of the [outbound.NAME] entry of kind asr."
    )
    endpoint_model: str = Field(default="whisper-1", description="openai-endpoint: the model to ask for.")
    endpoint_token: SecretStr | None = Field(
        default=None, description="openai-endpoint: its token; give it as {$env = NAME} or {$file = PATH}."
    )
    endpoint_seconds: Annotated[float, Field(gt=0, le=3600)] | None = Field(
        default=None,
        description="openai-endpoint: seconds that one answer may take in all; else 30 and four times the piece.",
    )
    template: str = Field(default="dap", description="soap, dap, birp, girp, or the path of your own .toml.")
    drafter: str = Field(
        default="rules", description="Who orders what was said: rules, or an installed drafter."
    )
    pdf: bool = Field(default=True, description="A signed note is kept as PDF, too.")
    keep_transcript: bool = Field(
        default=False,
        description="Keep the transcript as a document of its own, labelled as a psychotherapy note (PSYTHPN).",
    )
    signers: tuple[Reference, ...] = Field(
        default=(), description="Who may change and sign notes: Practitioner/ID; the reviewers may, too."
    )
    reviewers: dict[Reference, SecretStr] = Field(
        default_factory=dict,
        description="Who may use the review API: Practitioner/ID = a token of 32 or more characters, as {$env = NAME}.",
    )

    @property
    def may_sign(self) -> frozenset[str]:
        """References of those who may change and sign notes."""
        return frozenset({*self.signers, *self.reviewers})

    @field_validator("reviewers")
    @classmethod
    def _strong(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        tokens = [token.get_secret_value() for token in value.values()]
        if any(len(token) < 32 for token in tokens) or len(set(tokens)) != len(tokens):
            raise ValueError("each reviewer needs a token of their own, of at least 32 characters")
        return value
