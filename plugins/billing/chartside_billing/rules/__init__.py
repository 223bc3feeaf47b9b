"""The claim rules: data in ``rulebook.toml``, one small pure check for each, grouped by family in the modules here."""

from __future__ import annotations

from chartside_billing.rules import (  # noqa: F401 - each fills CHECKS
    add,
    aut,
    clm,
    cob,
    coc,
    cov,
    crs,
    dig,
    doc,
    dup,
    dx,
    dx_fit,
    edi,
    evl,
    fam,
    fil,
    grp,
    inc,
    pat,
    prv,
    prv_may,
    svc,
    svc_pairs,
    tel,
    tim,
    tst,
)
from chartside_billing.rules.base import Hit, NotChecked, Outcome, hit
from chartside_billing.rules.book import Rule, RuleBook
from chartside_billing.rules.loaded import Loaded, PayerProfile, Roster
from chartside_billing.rules.view import View

__all__ = [
    "Hit",
    "Loaded",
    "NotChecked",
    "Outcome",
    "PayerProfile",
    "Roster",
    "Rule",
    "RuleBook",
    "View",
    "hit",
]
