"""Templates of notes as TOML: SOAP, DAP, BIRP, GIRP, and a practice's own."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chartside.errors import InputError

BUILT_IN = ("soap", "dap", "birp", "girp")
Kind = Literal[
    "reason",
    "report",
    "score-said",
    "score",
    "observation",
    "medication",
    "risk",
    "diagnosis",
    "intervention",
    "goal",
    "homework",
    "plan",
    "appointment",
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SectionTemplate(_Strict):
    """``kinds``: what goes under this heading. A kind goes under the first heading that names it."""

    heading: Annotated[str, Field(min_length=1, max_length=80)]
    kinds: tuple[Kind, ...] = ()


class Template(_Strict):
    """A note's headings in their order."""

    title: Annotated[str, Field(min_length=1, max_length=80)]
    section: Annotated[tuple[SectionTemplate, ...], Field(min_length=1, max_length=20)]
    name: str = "own"

    def heading_of(self, kind: str) -> str:
        """The heading for a kind; empty where the template has no place for it."""
        return next((s.heading for s in self.section if kind in s.kinds), "")


def load_template(name: str) -> Template:
    """A built-in template by name, or a TOML file by path. Raises InputError that names what is wrong."""
    key = name.lower()
    try:
        if key in BUILT_IN:
            text = files(__package__).joinpath(f"templates/{key}.toml").read_text("utf-8")
        else:
            text = Path(name).read_text("utf-8")
        return Template.model_validate({**tomllib.loads(text), "name": key if key in BUILT_IN else "own"})
    except OSError:
        known = ", ".join(BUILT_IN)
        raise InputError(
            "there is no such template", mend=f"choose {known}, or give the path of a TOML file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise InputError("the template is no valid TOML") from None
    except ValidationError as error:
        lines = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"the template cannot be used: {lines}") from None
