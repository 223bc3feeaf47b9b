"""The demo: a short invented session of two synthetic voices, from sound to a signed note.

``demo.ogg`` (40 s) is the project's own: text and sound come from ``tools/make_demo.py``, and nobody in it exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from importlib.resources import as_file, files
from pathlib import Path

from chartside.codes import CONSENT_SCOPE_SYSTEM, CONSENT_TYPE_SYSTEM, ConsentType, coding
from chartside.context import Context
from chartside.demo import Stage
from chartside.errors import ConsentRefused
from chartside.types import Resource
from chartside_transcription.draft import Draft, load_template, make_draft
from chartside_transcription.draft.model import span_json
from chartside_transcription.draft.rules import Rules
from chartside_transcription.engines import Engine
from chartside_transcription.modelcard import model_of
from chartside_transcription.note import clock, version_of
from chartside_transcription.permit import Permits, Sitting, state_of
from chartside_transcription.pipeline import Options, transcribe
from chartside_transcription.review import Review
from chartside_transcription.service import Service
from chartside_transcription.transcript import Transcript

OPTIONS = Options(speakers=2, roles=("clinician", "client"), hotwords=("sertraline",))
"""The drug as it would come out of the client's chart."""
MOST_ASKED = 20


@contextmanager
def recording() -> Iterator[Path]:
    """The recording as a file."""
    with as_file(files(__package__).joinpath("demo.ogg")) as path:
        yield path


def demo(engine: Engine, say: Callable[[str], None]) -> tuple[Transcript, Draft]:
    """Transcribe the recording and show the draft with its sources."""
    with recording() as path:
        transcript = transcribe(path, engine, OPTIONS)
    draft = make_draft(transcript, load_template("dap"), Rules())
    say("Transcript (words in [..?] are to be looked at):")
    for turn in transcript.turns():
        text = " ".join(f"[{w.text}?]" if w.marks else w.text for w in turn.words)
        say(f"  {clock(turn.words[0].start)}  {turn.speaker}: {text}")
    _show(draft, transcript, say)
    return transcript, draft


def _show(draft: Draft, transcript: Transcript, say: Callable[[str], None]) -> None:
    say(f"\n{draft.title}, draft; each sentence cites what was said:")
    for section in draft.sections:
        say(f"  {section.heading}")
        for sentence in section.sentences:
            spans = (span_json(transcript, span) for span in sentence.spans)
            places = ", ".join(f"{clock(span['start'])}-{clock(span['end'])}" for span in spans)
            say(f"    - {sentence.text}  [{places}]")


def show(context: Context, stage: Stage) -> None:
    """``chartside demo``'s part: consent asked, session written down, draft filed, signed by a named clinician."""
    service = Service(context)
    allowed, refused = _clients(context, stage)
    stage.say(
        f"Clients who permit recording, transcription and AI: {len(allowed)} of {len(allowed) + len(refused)}."
    )
    if refused:
        try:
            service.start(Sitting(refused[0]), OPTIONS)
        except ConsentRefused as error:
            stage.say(f"{refused[0]} does not: {error}")
    client = allowed[0] if allowed else _consenting(context, stage, refused)
    if not client:
        stage.say("Nobody's consent can be recorded in this EHR, so no session is written down.")
        return
    transcript, draft = demo(service.engine, stage.say)
    _sign(stage, service, service.review.file(draft, transcript, Sitting(client), "demo"))


def _sign(stage: Stage, service: Service, id: str) -> None:
    context = service.context
    signer = f"Practitioner/{next(iter(context.fhir.search('Practitioner', {'active': 'true'})))['id']}"
    may = replace(context, settings=context.settings.model_copy(update={"signers": (signer,)}))
    review = Review(may, lambda: model_of(service.engine, service.drafter))
    stage.say(f"\nFiled as a draft that says it was written by a machine: {id} ({review.status(id)}).")
    final = review.sign(id, signer, version_of(review.text(id)))
    stage.say(f"Read and signed by {signer}: {review.status(final)}. The sound was on no disk and is gone.")


def _consenting(context: Context, stage: Stage, clients: list[str]) -> str:
    """The first client who permits everything once both forms are signed: somebody who said no before stays a no."""
    for who in clients[:MOST_ASKED]:
        for kind in (ConsentType.RECORDING, ConsentType.AI_USE):
            stage.host.route.ehr.client.create(_signed(who, kind, context))  # as the front desk would
        with suppress(ConsentRefused):
            Permits(context, Sitting(who)).require()
            stage.say(f"{who} signs both forms now: {ConsentType.RECORDING} and {ConsentType.AI_USE}.")
            return who
    return ""


def _signed(client: str, kind: ConsentType, context: Context) -> Resource:
    """A consent of a client of the demo, as of today."""
    now = context.clock.now()
    end = (now + timedelta(days=365)).date().isoformat()
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [coding(CONSENT_SCOPE_SYSTEM, "patient-privacy")]},
        "category": [{"coding": [coding(CONSENT_TYPE_SYSTEM, kind.value)]}],
        "patient": {"reference": client},
        "dateTime": now.isoformat(timespec="seconds"),
        "performer": [{"reference": client}],
        "policy": [{"uri": f"https://chartside.dev/sandbox/policy/{kind.value}"}],
        "provision": {"type": "permit", "period": {"start": now.date().isoformat(), "end": end}},
    }


def _clients(context: Context, stage: Stage) -> tuple[list[str], list[str]]:
    """Clients for whom everything is permitted, and the others."""
    found = stage.host.route.ehr.client.search(
        "Patient", {}
    )  # the demo's own look-up; the plugin may not search them
    states = {f"Patient/{one['id']}": state_of(one) for one in found.matches()}
    asked = [Permits(context, Sitting(who), {who: state}).requests() for who, state in states.items()]
    answers = iter(context.decide([request for some in asked for request in some]))
    rows = [[next(answers).permitted for _ in some] for some in asked]
    told = [(who, all(row)) for who, row in zip(states, rows, strict=True)]
    return [who for who, permit in told if permit], [who for who, permit in told if not permit]
