"""The reminders' part of ``chartside demo``: a run, where each is recorded, what clients read, a second run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chartside import JobReport

if TYPE_CHECKING:
    from email.message import EmailMessage

    from chartside.demo import Stage

_ROWS = 24
_TEXTS = 3


def show(stage: Stage) -> None:
    """Run the job twice; the second run sends nothing."""
    first = stage.host.run("scheduling.reminders")
    _table(first, stage)
    texts = stage.gateway.messages
    stage.say(f"\nThe gateway got {len(texts)} messages; the first {min(_TEXTS, len(texts))} of them:")
    for message in texts[:_TEXTS]:
        stage.say(f"  to {message.to}: {message.body}")
    mails = stage.mailbox.mails
    stage.say(f"The mail server got {len(mails)}, each with a calendar entry; the first of them:")
    for mail in mails[:1]:
        _mail(mail, stage)
    second = stage.host.run("scheduling.reminders")
    sent, already = second.counts["sent"], second.counts["already sent"]
    stage.say(
        f"Run again: {sent} sent, {already} already sent; "
        f"the gateway still has {len(texts)}, the mail server {len(mails)}."
    )


def _mail(mail: EmailMessage, stage: Stage) -> None:
    body = mail.get_body(("plain",))
    stage.say(f"  to {mail['To']}: {mail['Subject']}")
    for line in (body.get_content() if body else "").strip().splitlines():
        stage.say(f"    {line}")
    for file in mail.iter_attachments():
        lines = file.get_content().replace("\r\n ", "").splitlines()
        shown = [line for line in lines if line.startswith(("METHOD", "DTSTART", "SUMMARY", "SEQUENCE"))]
        stage.say(f"    {file.get_filename()}: {', '.join(shown)}")


def _table(report: JobReport, stage: Stage) -> None:
    """Some of each outcome, so that every reason for holding back is seen."""
    seen: dict[str, int] = {}
    shown: list[list[str]] = []
    for row in report.rows:
        kind = f"{row['outcome']} {row['why']}"
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= 3 and len(shown) < _ROWS:
            shown.append([row[column] for column in report.columns])
    stage.table(report.columns, shown, f"Reminders that are due ({len(shown)} of {len(report.rows)} shown)")
    for what, count in sorted(report.counts.items()):
        stage.say(f"  {count:>4}  {what}")
    for note in report.notes:
        stage.say(f"  {note}")
