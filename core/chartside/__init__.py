"""Chartside: features for the EHR that a therapy practice already has.

This is the plugin author's façade; what is listed in ``__all__`` is public and stable.
"""

from __future__ import annotations

__version__ = "0.1.0"

from chartside import errors
from chartside.hookspecs import hookimpl
from chartside.jobs.ledger import Claim, Effect, Ledger, Result, State, effect_key
from chartside.jobs.model import Job, JobOptions, JobReport
from chartside.types import Resource

__all__ = [
    "Claim",
    "Effect",
    "Job",
    "JobOptions",
    "JobReport",
    "Ledger",
    "Resource",
    "Result",
    "State",
    "__version__",
    "effect_key",
    "errors",
    "hookimpl",
]
