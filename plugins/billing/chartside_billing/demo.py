"""The billing part of ``chartside demo``: the evening scrub, a second one, a made-up clearinghouse, an invoice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from chartside_billing.clearinghouse import Clearinghouse
from chartside_billing.evening.account import open_house
from chartside_billing.evening.invoices import owed
from chartside_billing.evening.judge import judge
from chartside_billing.evening.worklist import worklist
from chartside_billing.model import Claim
from chartside_billing.money import ZERO, dollars
from chartside_billing.x12.remit import PaidClaim, read_835

if TYPE_CHECKING:
    from chartside.context import Context
    from chartside.demo import Stage
    from chartside.jobs.model import JobReport

_ROWS = 12
_COUNTS = ("claims looked at", "claims without an error", "tasks written", "tasks unchanged")


def show(context: Context, stage: Stage) -> None:
    """Some seconds: what a biller would see on the first evening."""
    first = stage.host.run("billing.scrub")
    _findings(first, context, stage)
    second = stage.host.run("billing.scrub")
    stage.say(
        f"Run again: {second.counts['tasks written']} tasks written, {second.counts['tasks unchanged']} unchanged."
    )
    _round_trip(context, stage)


def _findings(report: JobReport, context: Context, stage: Stage) -> None:
    rows = [[row[column] for column in report.columns] for row in report.rows[:_ROWS]]
    title = f"Claims that would be denied or rejected ({len(rows)} of {len(report.rows)} shown)"
    stage.table(report.columns, rows, title)
    for name in _COUNTS:
        if report.counts[name]:
            stage.say(f"  {report.counts[name]:>5}  {name}")
    for note in report.set_aside:
        stage.say(f"  set aside: {note}")
    kinds = {work.rules[:1]: work for work in reversed(worklist(context)) if work.rules}
    stage.say("In the EHR's task list, in plain words, with the mend; one of each kind:")
    for work in sorted(kinds.values(), key=lambda w: w.rules):
        stage.say(f"  {work.claim}: {work.sentences[0]}")


def _round_trip(context: Context, stage: Stage) -> None:
    """Clean claims go to a clearinghouse on this machine that decides by the claim's number; its answers come back."""
    sent = stage.host.run("billing.submit")
    if sent.failed:
        stage.say(f"\nNothing was sent: {'; '.join(sent.notes)}")
        return
    house, _ = open_house(context)
    paid = _decisions(house)
    answers = stage.host.run("billing.answers")
    stage.say(
        f"\nA made-up clearinghouse took {sent.counts['sent']} clean claims as one 837P (pyx12 and x12sdk passed it) "
        f"and answered with {', '.join(row['kind'] for row in answers.rows) or 'nothing'}."
    )
    stage.say(
        f"Worked in: {answers.counts['payments']} payments, {answers.counts['tasks']} tasks (denials and why)."
    )
    again = stage.host.run("billing.submit")
    stage.say(f"Run again: {again.counts['sent']} sent, {again.counts['sent before']} sent before.")
    _invoice([claim for claim, _ in judge(context).pairs], paid, context, stage)


def _decisions(house: Clearinghouse) -> dict[str, PaidClaim]:
    remittances = (answer for answer in house.fetch() if answer.name.endswith(".835"))
    return {
        paid.id.upper(): paid for answer in remittances for r in read_835(answer.data) for paid in r.claims
    }


def _invoice(claims: Sequence[Claim], paid: dict[str, PaidClaim], context: Context, stage: Stage) -> None:
    """The client's part of the first claim on which the payer left one."""
    from chartside.papers import render_pdf
    from chartside_billing.papers import forms
    from chartside_billing.papers.source import from_claim

    chosen = next((c for c in claims if c.id.upper() in paid and owed(paid[c.id.upper()]) > ZERO), None)
    if chosen is None:
        stage.say("No client owes anything, so there is no invoice to show.")
        return
    today = context.clock.now().date()
    decision = paid[chosen.id.upper()]
    bill = from_claim(chosen, issued=today, due=today + timedelta(days=30), paid=decision)
    out = stage.folder / "invoice.pdf"
    out.write_bytes(render_pdf(forms.invoice(bill, "en")))
    stage.say(f"An invoice over the client's part of claim {chosen.id}, {dollars(owed(decision))}: {out}")
