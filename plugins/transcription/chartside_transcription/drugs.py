"""Names of drugs that a therapist hears of: generics and US brands of psychiatry, and a few of general medicine."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def drugs() -> frozenset[str]:
    """In lower case. From ``drugs.txt``, written for this project from common knowledge; no list of doses or uses."""
    text = files(__package__).joinpath("drugs.txt").read_text("utf-8")
    return frozenset(text.split())
