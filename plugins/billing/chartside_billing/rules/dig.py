"""DIG: remote monitoring and digital treatment devices."""

from __future__ import annotations

from datetime import date, timedelta

from chartside_billing.rules.base import NEEDS, OK, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import DMHT, RTM_DEVICE, RTM_MANAGEMENT, TELEHEALTH_POS
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View


@check("DIG-001", codes=RTM_DEVICE)
def device_days(v: View, k: Loaded) -> Outcome:
    """One device code in 30 days."""
    own = [line for line in v.lines if line.code in RTM_DEVICE]
    others = [line for line in v.other_lines(same_payer=True) if line.code in RTM_DEVICE]
    hits: list[Hit] = []
    for position, line in enumerate(own):
        near = [
            o
            for o in [*others, *own[:position]]
            if o.day and line.day and abs(o.day - line.day) < timedelta(30)
        ]
        if near or (line.line.quantity or 1) > 1:
            hits.append(hit("98978 and 98986: one of them, once in 30 days", line))
        elif line.code == "98986" and line.day and line.day < date(2026, 1, 1):
            hits.append(hit("98986 began on 2026-01-01", line))
    days = v.claim.history.monitored_days if v.claim.history else None
    if days is None:
        return hits or NEEDS["devices"]
    for line in own:
        least, most = (16, 30) if line.code == "98978" else (2, 15)
        if not least <= days <= most:
            hits.append(hit(f"{line.code} needs {least} to {most} monitored days; {days} are recorded", line))
    return hits


@check("DIG-002", codes=RTM_MANAGEMENT)
def management(v: View, k: Loaded) -> Outcome:
    """10-19 minutes, or 20 and each further 20."""
    hits: list[Hit] = []
    unknown = False
    if {"98979", "98980"} <= v.codes:
        both = [line for line in v.lines if line.code in {"98979", "98980"}]
        hits.append(
            hit("98979 is not reported with 98980", *both, mend="Keep the one that the minutes reach.")
        )
    for line in v.lines:
        if line.code not in RTM_MANAGEMENT:
            continue
        if line.code == "98981" and "98980" not in v.codes:
            hits.append(hit("98981 without 98980", line))
        units = int(line.line.quantity or 1)
        least, most = {"98979": (10, 19), "98980": (20, None), "98981": (20 + 20 * units, None)}[line.code]
        if line.minutes is None:
            unknown = True
        elif line.minutes < least or (most is not None and line.minutes > most):
            hits.append(hit(f"{line.code} does not fit {line.minutes} minutes in the month", line))
    return hits if hits or not unknown else NotChecked("needs the month's time log (minutes of the visits)")


@check("DIG-003", codes={"98975"})
def set_up(v: View, k: Loaded) -> Outcome:
    """Once an episode."""
    lines = [line for line in v.lines if line.code == "98975"]
    if any((line.line.quantity or 1) > 1 for line in lines) or len(lines) > 1:
        return [hit("98975 (set-up) is billed once an episode of care", *lines)]
    if any(line.code == "98975" for line in v.other_lines(same_payer=True)):
        return [hit("98975 (set-up) was billed before in this episode of care", *lines)]
    return OK if v.history_known else NEEDS["history"]


@check("DIG-004", codes=DMHT)
def treatment_device(v: View, k: Loaded) -> Outcome:
    """G0552, then G0553, then G0554; not by telehealth."""
    hits: list[Hit] = []
    codes = v.codes | {line.code for line in v.other_lines()}
    for line in v.lines:
        if line.code not in DMHT:
            continue
        if line.pos in TELEHEALTH_POS:
            hits.append(hit(f"{line.code} is not billed with place of service 02 or 10", line))
        before = {"G0553": "G0552", "G0554": "G0553"}.get(line.code)
        if before and before not in codes and (line.code == "G0554" or v.history_known):
            hits.append(hit(f"{line.code} comes after {before}", line))
    ordered = v.claim.history.device_orders if v.claim.history else None
    if ordered is False:
        first = [line for line in v.lines if line.code == "G0552"]
        hits.extend(
            hit("No active order of the biller for the treatment device is on file", line) for line in first
        )
    if hits or ordered is not None:
        return hits
    return NotChecked("needs the device order (DeviceRequest) and the plan (CarePlan): scrub from the EHR")
