"""The demo: a short invented session of two synthetic voices, from sound to a signed note.

``demo.ogg`` (88 s) was made for this project; nobody in it exists. How: ``tools/encode_demo.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from chartside.context import Context
from chartside.demo import Stage
from chartside.errors import ChartsideError
from chartside.gate.model import Action, DecisionRequest
from chartside_transcription.draft import Draft, load_template, make_draft
from chartside_transcription.draft.model import span_json
from chartside_transcription.draft.rules import Rules
from chartside_transcription.engines import Engine
from chartside_transcription.note import clock
from chartside_transcription.permit import FEATURES, Sitting
from chartside_transcription.pipeline import Options, transcribe
from chartside_transcription.transcript import Transcript

HOTWORDS = ("sertraline", "Dr. Alvarez")
"""As they would come out of the client's chart."""
OPTIONS = Options(speakers=2, roles=("clinician", "client"), hotwords=HOTWORDS)


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
    from chartside_transcription.service import Service

    service = Service(context, registry=stage.host.outbound)
    allowed, refused = _clients(context)
    stage.say(f"Clients of the first 60 who permit recording, transcription and AI: {len(allowed)}.")
    if refused:
        try:
            service.start(Sitting(refused), OPTIONS)
        except ChartsideError as error:
            stage.say(f"For {refused} nothing starts: {error}")
    if not allowed:
        return
    transcript, draft = demo(service.engine, stage.say)
    sitting = Sitting(allowed[0])
    id = service.review.file(draft, transcript, sitting, "demo")
    signer = _clinician(context)
    final = service.review.sign(id, signer)
    stage.say(f"\nFiled as a labelled draft, then signed by {signer}: {final} is final. The sound is gone.")


def _clients(context: Context) -> tuple[list[str], str]:
    """Clients for whom everything is permitted, and one for whom something is not."""
    patients = [f"Patient/client-{n}" for n in range(1, 61)]
    now, state = context.clock.now(), context.practice.state
    actions = (Action.RECORD, Action.TRANSCRIBE, Action.AI)
    asked = [
        DecisionRequest(p, action, now, purpose="TRANSCRIBE", location=state, features=FEATURES)
        for p in patients
        for action in actions
    ]
    answers = [decision.permitted for decision in context.decide(asked)]
    by_client = {p: answers[n * 3 : n * 3 + 3] for n, p in enumerate(patients)}
    allowed = [p for p, permits in by_client.items() if all(permits)]
    return allowed, next((p for p, permits in by_client.items() if not all(permits)), "")


def _clinician(context: Context) -> str:
    found = next(iter(context.fhir.search("Practitioner", {"active": "true"})))
    return f"Practitioner/{found['id']}"
