"""T-9 to T-12, P-3 to P-5: from a draft to a signed note; on the sandbox, sekmet-fhir, and where no draft is taken."""

from __future__ import annotations

import base64
import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from chartside.ai import Model
from chartside.ai.shelf import Shelf
from chartside.clock import FrozenClock
from chartside.codes import AI_DRAFT_SYSTEM
from chartside.config import parse
from chartside.errors import ChartsideError, InputError, PolicyRefused, VersionConflict
from chartside.host import Host
from chartside.testing.hosts import PRACTICE
from chartside.testing.plugin import NOW
from chartside_transcription.draft import load_template, make_draft
from chartside_transcription.draft.rules import Rules
from chartside_transcription.filing import MENTAL_HEALTH_NOTE, PROGRESS_NOTE
from chartside_transcription.note import version_of
from chartside_transcription.permit import Sitting
from chartside_transcription.review import Review
from chartside_transcription.typed import typed

MODEL = Model("whisper-test", "1", "Chartside", card="A test.")
TALK = b"""\
Clinician: Have you had any thoughts of hurting yourself?
Client: No, nothing like that. I have been sleeping six hours a night.
Clinician: We will meet again next Tuesday at three.
"""
SIGNER, OTHER = "Practitioner/signer-1", "Practitioner/other-1"


@contextmanager
def opened(
    base_url: str, *, adapter: str = "generic", companion: str = "", folder: Path | None = None, **settings
) -> Iterator[Review]:
    """A review in a whole host on this server, with a companion or without; ``folder``: of another one's config."""
    with tempfile.TemporaryDirectory() if folder is None else contextlib.nullcontext(folder) as name:
        table = {
            "enabled": True,
            "signers": [SIGNER, OTHER, "Practitioner/nobody", "Practitioner/gone-1"],
            **settings,
        }
        ehr = {"base_url": base_url, "adapter": adapter, "requests_per_second": 1000}
        second = {"companion": {"base_url": companion, "requests_per_second": 1000}} if companion else {}
        tables = {"practice": PRACTICE, "ehr": ehr, "plugins": {"transcription": table}, **second}
        config = parse(tables, Path(name))
        with Host(config, clock=FrozenClock(NOW)) as host:
            yield Review(host.context("transcription"), lambda: MODEL)


def people(client) -> str:
    """Those who may sign, one who has left, and a client; the client's reference."""
    for name, active in (("signer-1", True), ("other-1", True), ("gone-1", False)):
        person = {"resourceType": "Practitioner", "id": name, "active": active}
        requests.put(f"{client.base_url}/Practitioner/{name}", json=person, timeout=10).raise_for_status()
    made = client.create({"resourceType": "Patient", "active": True}).resource
    return f"Patient/{made['id']}"


def filed(review: Review, patient: str, recording: str = "r1", talk: bytes = TALK, **sitting) -> str:
    transcript = typed(talk)
    draft = make_draft(transcript, load_template("dap"), Rules())
    return review.file(draft, transcript, Sitting(patient, **sitting), recording)


def sign(review: Review, id: str, who: str = SIGNER) -> str:
    """Read, then sign what was read."""
    return review.sign(id, who, version_of(review.text(id)))


def stored(review: Review, reference: str) -> dict:
    return review._context.fhir.read(*reference.split("/"))


def traces(review: Review, reference: str) -> list[dict]:
    return list(review._context.fhir.search("Provenance", {"target": reference}).matches())


def verified(trace: dict) -> list[str]:
    return [a["who"]["reference"] for a in trace["agent"] if a["type"]["coding"][0]["code"] == "verifier"]


@pytest.fixture(scope="module")
def raw(sandbox_ehr):
    from chartside.fhir import FhirClient

    with FhirClient(sandbox_ehr.base_url) as client:
        yield client


@pytest.fixture(scope="module")
def sandbox_ehr():
    from chartside.testing.ehr import running_ehr

    with running_ehr(FrozenClock(NOW), {"clients": 1}) as ehr:
        yield ehr


@pytest.fixture(scope="module")
def review(sandbox_ehr):
    with opened(sandbox_ehr.base_url) as found:
        yield found


@pytest.fixture
def patient(raw):
    return people(raw)


def walk(review: Review, patient: str) -> None:
    """Draft, edit, sign, amend: each is what it says, twice as once."""
    id = filed(review, patient)
    assert filed(review, patient) == id  # the same recording again
    draft = stored(review, id)
    assert draft["docStatus"] == "preliminary"
    assert {c["code"] for c in draft["meta"]["security"]} == {"AIAST"}
    assert draft["type"]["coding"][0]["code"] == MENTAL_HEALTH_NOTE
    assert not any(verified(trace) for trace in traces(review, id))
    assert [one.id for one in review.drafts() if one.patient == patient] == [id]

    text = review.text(id)
    assert "{0:" in text
    review.edit(id, text.replace("six hours", "seven hours"), SIGNER)
    assert stored(review, id)["docStatus"] == "preliminary"
    [change] = review.changes(id)
    assert change.editor == SIGNER
    assert any(line.startswith("-") and "six hours" in line for line in change.lines)
    assert any(line.startswith("+") and "seven hours" in line for line in change.lines)

    assert sign(review, id) == id
    assert sign(review, id) == id
    final = stored(review, id)
    assert final["docStatus"] == "final"
    assert final["authenticator"]["reference"] == SIGNER
    assert {c["code"] for c in final["meta"]["security"]} == {"AIAST"}
    plain, pdf = (base64.b64decode(c["attachment"]["data"]) for c in final["content"])
    assert b"seven hours" in plain
    assert b"{0:" not in plain
    assert b"?]" not in plain
    assert b"DRAFT" not in plain
    assert pdf.startswith(b"%PDF-")
    assert [v for trace in traces(review, id) for v in verified(trace)] == [SIGNER]

    with pytest.raises(PolicyRefused):  # signed is locked
        review.edit(id, "Something else.", SIGNER)
    with pytest.raises(PolicyRefused):
        review.discard(id)

    newer = review.amend(id, "Amended: the client slept eight hours.", SIGNER)
    assert review.amend(id, "Amended: the client slept eight hours.", SIGNER) == newer != id
    amended = stored(review, newer)
    assert amended["docStatus"] == "amended"
    assert amended["relatesTo"][0]["target"]["reference"].endswith(id)
    assert stored(review, id)["status"] == "superseded"
    assert stored(review, id)["docStatus"] == "final"
    assert "seven hours" in review.text(id)
    with pytest.raises(InputError, match="amended before"):
        review.amend(id, "Another one of the same note.", SIGNER)
    assert list(review.drafts(patient)) == []


def test_the_way_of_a_note_on_the_sandbox(review, patient, raw):
    """How it is shown 5; P-5: the Provenance of the Device lists what the model wrote."""
    walk(review, patient)
    [device] = raw.search(
        "Device", {"identifier": "https://chartside.dev/fhir/ai-device|whisper-test:1"}
    ).matches()
    found = raw.search("Provenance", {"agent": f"Device/{device['id']}"}).matches()
    targets = {t["reference"] for trace in found for t in trace["target"]}
    mine = {
        f"DocumentReference/{d['id']}"
        for d in raw.search("DocumentReference", {"patient": patient}).matches()
    }
    assert len(mine) == 2
    assert mine <= targets


DEAF = {"DocumentReference": frozenset({"patient"}), "Device": frozenset({"type"})}
LESS = {
    "no transactions": {"no_transaction": True},
    "no conditional creates": {"no_transaction": True, "no_conditional_create": True},
    "answers all to an unknown search": {
        "no_transaction": True,
        "no_conditional_create": True,
        "search": DEAF,
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("less", LESS.values(), ids=LESS)
def test_the_way_of_a_note_on_a_lesser_server(less):
    """How it is shown 5: what an EHR lacks makes a note neither double nor lost."""
    from chartside.fhir import FhirClient
    from chartside.testing.ehr import running_ehr

    with (
        running_ehr(FrozenClock(NOW), {"clients": 1, **less}) as ehr,
        FhirClient(ehr.base_url) as raw,
        opened(ehr.base_url) as review,
    ):
        walk(review, people(raw))


def test_the_way_of_a_note_on_sekmet(sekmet):
    """How it is shown 5: a server that this project did not write."""
    from chartside.fhir import FhirClient

    with FhirClient(sekmet.base_url) as raw, opened(sekmet.base_url) as review:
        walk(review, people(raw))


def test_where_no_draft_is_taken_it_waits_and_is_written_signed(sandbox_ehr, raw, patient):
    """T-10: Oracle Health takes final and amended documents with context.period.end, and nothing else reaches it."""
    with opened(sandbox_ehr.base_url, adapter="oracle-health") as review:
        id = filed(review, patient)
        assert id.startswith("waiting-")
        assert filed(review, patient) == id
        assert [(one.id, one.where) for one in review.drafts(patient)] == [(id, "in memory until signed")]
        review.edit(id, review.text(id).replace("six", "seven"), SIGNER)
        assert review.changes(id)[0].editor == SIGNER
        assert not list(raw.search("DocumentReference", {"patient": patient}).matches())
        final = sign(review, id)
        newer = review.amend(final, "Amended: eight hours of sleep.", SIGNER)
        assert review.amend(final, "Amended: eight hours of sleep.", SIGNER) == newer
        assert list(review.drafts(patient)) == []
        for reference in (final, newer):
            versions = list(raw.history(*reference.split("/")))
            assert versions
            assert all(v["docStatus"] in ("final", "amended") for v in versions)
            assert all(v["context"]["period"]["end"] for v in versions)
            assert [v for trace in traces(review, reference) for v in verified(trace)] == [SIGNER]
        assert stored(review, newer)["docStatus"] == "amended"
        assert stored(review, final)["status"] == "superseded"


@pytest.mark.parametrize("second", ["sandbox", pytest.param("sekmet", marks=pytest.mark.slow)])
def test_where_no_draft_is_taken_it_waits_in_the_companion(sandbox_ehr, raw, patient, second, request):
    """T-10, the write ladder: it outlives the process there, and is written to the EHR when it is signed."""
    from chartside.fhir import FhirClient
    from chartside.testing.ehr import running_ehr

    with contextlib.ExitStack() as stack:
        url = (
            request.getfixturevalue("sekmet").base_url
            if second == "sekmet"
            else stack.enter_context(running_ehr(FrozenClock(NOW), {"clients": 1})).base_url
        )
        beside = stack.enter_context(FhirClient(url))
        with opened(sandbox_ehr.base_url, adapter="oracle-health", companion=url) as review:
            id = filed(review, patient, dictation=True)
            assert filed(review, patient, dictation=True) == id
            assert id.startswith("companion:DocumentReference/")
            review.edit(id, review.text(id).replace("six hours", "seven hours"), SIGNER)
            assert [c.editor for c in review.changes(id)] == [SIGNER]
            assert review.status(id) == "preliminary"
        kept = beside.read(*id.removeprefix("companion:").split("/"))
        assert kept["subject"]["reference"] == f"{sandbox_ehr.base_url}/{patient}"
        assert not list(raw.search("DocumentReference", {"patient": patient}).matches())
        with opened(sandbox_ehr.base_url, adapter="oracle-health", companion=url) as review:
            [one] = review.drafts(patient)
            assert (one.id, one.patient, one.where) == (id, patient, "in the companion server until signed")
            assert not list(review.drafts("Patient/another"))
            final = sign(review, id)
            assert not list(review.drafts(patient))
            with pytest.raises(PolicyRefused):
                sign(review, id)
            assert "seven hours" in review.text(final)
            [only] = raw.search("DocumentReference", {"patient": patient}).matches()
            assert only["docStatus"] == "final"
            assert {c["code"] for c in only["meta"]["security"]} == {"AIAST", "DICTAST"}
            assert [v for trace in traces(review, final) for v in verified(trace)] == [SIGNER]


def test_a_draft_in_the_companion_is_signed_once_though_it_was_cut(sandbox_ehr, raw, patient, monkeypatch):
    """T-10, promise 4: written to the EHR, and the process ended before the draft was withdrawn."""
    from chartside.ai import AiWriter
    from chartside.testing.ehr import running_ehr

    def end(self, reference):
        raise Killed

    with (
        running_ehr(FrozenClock(NOW), {"clients": 1}) as second,
        opened(sandbox_ehr.base_url, adapter="oracle-health", companion=second.base_url) as review,
    ):
        id = filed(review, patient)
        with monkeypatch.context() as patched, contextlib.suppress(Killed):
            patched.setattr(AiWriter, "discard", end)
            sign(review, id)
        assert [one.id for one in review.drafts(patient)] == [id]
        sign(review, id)
        assert not list(review.drafts(patient))
    assert len(list(raw.search("DocumentReference", {"patient": patient}).matches())) == 1


def test_a_signed_write_is_refused_where_drafts_are_taken(review, patient):
    """P-3: the way without a draft is open only where the adapter says that drafts are refused."""
    made = review._filing.made(patient, "A note.", "Note", "direct")
    with pytest.raises(PolicyRefused, match="takes drafts"):
        review._context.ai.write_signed(made, SIGNER)


@pytest.mark.parametrize(
    ("who", "says"),
    [
        ("Practitioner/stranger", "plugins.transcription.signers"),
        ("Practitioner/nobody", "404"),
        ("Practitioner/gone-1", "not active"),
        ("Patient/1", "plugins.transcription.signers"),
        ("", "plugins.transcription.signers"),
    ],
)
def test_only_a_named_practitioner_signs(review, patient, who, says):
    """T-9: who is not named in the config, is not in the EHR, or has left, signs and changes nothing."""
    id = filed(review, patient)
    for act in (
        lambda: sign(review, id, who),
        lambda: review.edit(id, "Changed by a stranger.", who),
        lambda: review.swap(id, who),
    ):
        with pytest.raises(ChartsideError, match=says):
            act()
    assert stored(review, id)["docStatus"] == "preliminary"
    assert "Changed" not in review.text(id)


def test_nobody_signs_where_nobody_is_named(sandbox_ehr, patient):
    """T-9: an empty list lets nobody in."""
    with opened(sandbox_ehr.base_url, signers=[]) as review:
        id = filed(review, patient)
        with pytest.raises(PolicyRefused, match="nobody yet"):
            sign(review, id)


def test_somebody_else_does_not_sign_again(review, patient):
    """T-9: the signature of one is not overwritten by another's."""
    id = filed(review, patient)
    sign(review, id)
    with pytest.raises(PolicyRefused, match="somebody else"):
        sign(review, id, OTHER)
    assert stored(review, id)["authenticator"]["reference"] == SIGNER


def test_nothing_is_signed_that_was_not_read(review, patient):
    """T-9: an edit after the note was shown, or between the reading and the writing of a signature, is a conflict."""
    id = filed(review, patient)
    shown = version_of(review.text(id))
    review.edit(id, review.text(id).replace("six hours", "two hours"), OTHER)
    with pytest.raises(VersionConflict):
        review.sign(id, SIGNER, shown)
    with pytest.raises(InputError, match="version"):
        review.sign(id, SIGNER, "")
    text = review.text(id)
    with pytest.raises(VersionConflict):
        review.edit(id, "Another note altogether, of an older version.", SIGNER, shown)
    real = review._filing.forms

    def forms(*given):  # somebody else writes at the last moment
        review._context.ai.revise(id, text.replace("two hours", "nine hours"), OTHER)
        return real(*given)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(review._filing, "forms", forms)
        with pytest.raises(VersionConflict):
            review.sign(id, SIGNER, version_of(text))
    assert stored(review, id)["docStatus"] == "preliminary"
    assert "nine hours" in review.text(id)
    with pytest.raises(VersionConflict):
        review._context.ai.sign(id, SIGNER, read=text)
    assert sign(review, id) == id


@contextmanager
def meanwhile(where, name: str, act):
    """``act`` is done once, when the method is called: the other one is at just this point."""
    real, done = getattr(where, name), []

    def first(*given, **more):
        if not done:
            done.append(True)
            act()
        return real(*given, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(where, name, first)
        yield
    assert done


def test_a_waiting_draft_is_signed_once_and_as_it_was_read(sandbox_ehr, raw, patient):
    """T-9: while one signs, nobody edits, discards or signs; who comes later finds that it is gone."""
    from chartside.ai import AiWriter

    with opened(sandbox_ehr.base_url, adapter="oracle-health") as review:
        id = filed(review, patient)
        shown = version_of(review.text(id))
        review.edit(id, review.text(id).replace("six hours", "two hours"), OTHER)
        with pytest.raises(VersionConflict):
            review.sign(id, SIGNER, shown)
        now = version_of(review.text(id))
        acts = (
            lambda: review.sign(id, OTHER, now),
            lambda: review.edit(id, "A change that came too late.", OTHER),
            lambda: review.discard(id),
        )

        def others():
            for act in acts:
                with pytest.raises(VersionConflict, match="signs this note just now"):
                    act()

        final = ""
        with meanwhile(AiWriter, "write_signed", others):
            final = review.sign(id, SIGNER, now)
        for late in acts:
            with pytest.raises(InputError, match="no draft has this id"):
                late()
        assert [v for trace in traces(review, final) for v in verified(trace)] == [SIGNER]


def test_nobody_waits_while_a_note_is_typeset(sandbox_ehr, patient):
    """T-9: drafts in memory are edited, and others signed, while one's PDF is made; what was read is compared after."""
    with opened(sandbox_ehr.base_url, adapter="oracle-health") as review:
        one, two = filed(review, patient, "one"), filed(review, patient, "two")

        def others():
            with pytest.raises(PolicyRefused):
                sign(review, two, "Practitioner/stranger")
            sign(review, two, OTHER)
            review.edit(one, review.text(one).replace("six hours", "nine hours"), OTHER)

        with meanwhile(review._filing, "forms", others), pytest.raises(VersionConflict):
            sign(review, one)
        assert "nine hours" in review.text(one)
        assert [open_.id for open_ in review.drafts(patient)] == [one]


def test_a_failed_signature_leaves_the_draft_to_be_signed(sandbox_ehr, patient):
    """T-9: what the EHR refuses waits as before."""
    with opened(sandbox_ehr.base_url, adapter="oracle-health") as review:
        id = filed(review, patient)
        with pytest.raises(ChartsideError, match="404"):
            sign(review, id, "Practitioner/nobody")
        assert sign(review, id)


@pytest.fixture
def beside(sandbox_ehr):
    """``beside()``: a review of an EHR that takes no drafts, with a companion that does; each stands for a process."""
    from chartside.testing.ehr import running_ehr

    folder = Path(tempfile.mkdtemp(prefix="chartside-test-"))
    with contextlib.ExitStack() as stack:
        second = stack.enter_context(running_ehr(FrozenClock(NOW), {"clients": 1}))
        yield lambda: stack.enter_context(
            opened(sandbox_ehr.base_url, adapter="oracle-health", companion=second.base_url, folder=folder)
        )
    shutil.rmtree(folder)


def test_of_two_processes_one_signs(beside, patient, monkeypatch):
    """T-9, promise 4: the other one waits for its turn, and is told; so is who edits, discards or signs then."""
    from chartside import alone
    from chartside.ai import AiWriter

    first, second = beside(), beside()
    id = filed(first, patient)
    now = version_of(first.text(id))
    acts = (
        lambda: second.sign(id, OTHER, now),
        lambda: second.edit(id, "A change that came too late.", OTHER),
        lambda: second.discard(id),
    )
    monkeypatch.setattr(alone, "PATIENCE", 0.01)

    def others():
        for act in acts:
            with pytest.raises(InputError, match="another process"):
                act()

    with meanwhile(AiWriter, "write_signed", others):
        final = first.sign(id, SIGNER, now)
    for late in acts:
        with pytest.raises(PolicyRefused, match="no draft any more"):
            late()
    assert [v for trace in traces(first, final) for v in verified(trace)] == [SIGNER]


def test_of_two_processes_the_one_that_typesets_longer_loses(beside, patient):
    """T-9: it is told that the note was signed meanwhile, and has written nothing."""
    first, second = beside(), beside()
    id = filed(first, patient)
    with (
        meanwhile(first._filing, "forms", lambda: sign(second, id, OTHER)),
        pytest.raises(VersionConflict, match="changed or signed"),
    ):
        sign(first, id)
    [only] = first._context.fhir.search("DocumentReference", {"patient": patient}).matches()
    assert [v for trace in traces(first, f"DocumentReference/{only['id']}") for v in verified(trace)] == [
        OTHER
    ]


@pytest.mark.parametrize("less", [{}, {"no_transaction": True}], ids=["transactions", "none"])
def test_of_two_machines_one_signs(less):
    """T-9: no lock reaches across machines; there the EHR's condition decides, and the other one is told."""
    from chartside.fhir import FhirClient
    from chartside.testing.ehr import running_ehr

    with (
        running_ehr(FrozenClock(NOW), {"clients": 1, **less}) as ehr,
        FhirClient(ehr.base_url) as raw,
        opened(ehr.base_url, adapter="oracle-health") as review,
    ):
        made = review._filing.made(people(raw), "A note that both have read.", "Note", "both")
        write = review._context.ai.write_signed
        with (
            meanwhile(Shelf, "together", lambda: write(made, OTHER)),
            pytest.raises(PolicyRefused, match="somebody else just now"),
        ):
            write(made, SIGNER)
        [only] = raw.search("DocumentReference", {}).matches()
        assert only["authenticator"]["reference"] == OTHER


def test_of_two_signatures_in_the_ehr_one_holds(review, sandbox_ehr, patient):
    """T-9: where the draft stands in the EHR, its version tells; the second signer is told of a conflict."""

    id = filed(review, patient)
    with (
        opened(sandbox_ehr.base_url) as other,
        meanwhile(Shelf, "replace", lambda: sign(other, id, OTHER)),
        pytest.raises(VersionConflict),
    ):
        sign(review, id)
    assert [v for trace in traces(review, id) for v in verified(trace)] == [OTHER]


def test_of_two_amendments_one_replaces_the_note(review, sandbox_ehr, patient):
    """T-9: the later one is told to amend the newest version."""
    id = filed(review, patient)
    sign(review, id)
    with (
        opened(sandbox_ehr.base_url) as other,
        meanwhile(review._filing, "forms", lambda: other.amend(id, "Amended: five hours a night.", OTHER)),
        pytest.raises(InputError, match="amended before"),
    ):
        review.amend(id, "Amended: seven hours a night.", SIGNER)
    found = review._context.fhir.search("DocumentReference", {"patient": patient}).matches()
    assert sorted(one["docStatus"] for one in found) == ["amended", "final"]


def test_an_amendment_names_the_note_that_was_read(review, patient):
    """T-9: as a signature does."""
    id = filed(review, patient)
    sign(review, id)
    with pytest.raises(VersionConflict):
        review.amend(id, "Amended: seven hours a night.", SIGNER, "another")
    assert review.amend(id, "Amended: seven hours in all.", SIGNER, version_of(review.text(id)))


def test_a_dictation_is_labelled_as_one(review, patient):
    """T-11: DICTAST beside AIAST."""
    id = filed(
        review, patient, talk=b"Client reports better sleep. Plan: continue weekly therapy.", dictation=True
    )
    assert {c["code"] for c in stored(review, id)["meta"]["security"]} == {"AIAST", "DICTAST"}


def test_a_discarded_draft_is_withdrawn(review, patient):
    """T-9: it is marked as entered in error, waits no longer and cannot be signed."""
    id = filed(review, patient)
    review.discard(id)
    assert stored(review, id)["docStatus"] == "entered-in-error"
    assert list(review.drafts(patient)) == []
    with pytest.raises(PolicyRefused):
        sign(review, id)


def test_one_act_swaps_the_speakers(review, patient):
    """T-7: clinician and client change places in every attribution and source, and back again."""
    id = filed(review, patient)
    before = review.text(id)
    review.swap(id, SIGNER)
    assert 'Client: "Have you had any thoughts of hurting yourself?"' in review.text(id)
    review.swap(id, SIGNER)
    assert review.text(id) == before


def test_silence_gives_no_note(review, patient):
    """T-6: nothing said, or nothing that belongs in a note, is filed nowhere."""
    for talk in (b"", b"Client: Yeah.\nClinician: Mm."):
        with pytest.raises(InputError, match="no speech"):
            filed(review, patient, talk=talk)
    assert list(review.drafts(patient)) == []


def test_an_empty_note_is_not_signed(review, patient):
    """T-9: what a clinician has emptied is discarded, not signed."""
    id = filed(review, patient)
    review.edit(id, "DAP note\n\nData\n", SIGNER)
    with pytest.raises(InputError, match="empty"):
        sign(review, id)
    for text in ("", "  \n", "x" * 200_001, "a\0b"):
        with pytest.raises(InputError):
            review.edit(id, text, SIGNER)


@pytest.mark.parametrize("id", ["", "DocumentReference/", "Patient/1", "../Patient/1", "waiting-x", "a\nb"])
def test_an_id_that_is_none(review, id):
    """A wrong id is told, and reaches no server as a path."""
    with pytest.raises(InputError, match="no draft has this id"):
        review.text(id)


def test_what_others_wrote_is_neither_listed_nor_signed(review, raw, patient):
    """P-3: a document that no model of ours wrote is not ours to sign or to change."""
    foreign = raw.create(
        {
            "resourceType": "DocumentReference",
            "status": "current",
            "docStatus": "preliminary",
            "subject": {"reference": patient},
            "identifier": [{"system": AI_DRAFT_SYSTEM, "value": "planted"}],
            "content": [{"attachment": {"contentType": "text/plain", "data": "aGk="}}],
        }
    ).resource
    reference = f"DocumentReference/{foreign['id']}"
    assert list(review.drafts(patient)) == []
    for act in (lambda: sign(review, reference, SIGNER), lambda: review.discard(reference)):
        with pytest.raises(ChartsideError):
            act()
    assert stored(review, reference)["docStatus"] == "preliminary"


def test_the_transcript_is_kept_only_when_asked_and_apart(sandbox_ehr, raw, review, patient):
    """T-12: by default nothing of it is written; when kept it is labelled PSYTHPN, and is never signed."""
    filed(review, patient)
    assert len(list(raw.search("DocumentReference", {"patient": patient}).matches())) == 1
    with opened(sandbox_ehr.base_url, keep_transcript=True) as keeping:
        id = filed(keeping, patient, "kept")
        [kept] = [one for one in keeping.drafts(patient) if "Transcript" in one.title]
        labels = {c["code"] for c in stored(keeping, kept.id)["meta"]["security"]}
        assert labels == {"AIAST", "PSYTHPN"}
        assert "hurting yourself" in keeping.text(kept.id)
        with pytest.raises(InputError, match="no note"):
            sign(keeping, kept.id, SIGNER)
        sign(keeping, id, SIGNER)
        keeping.discard(kept.id)
        assert stored(keeping, kept.id)["docStatus"] == "entered-in-error"


def test_a_transcript_in_the_companion_is_never_signed(sandbox_ehr, raw, patient):
    """T-12: not by the way of an EHR that takes no drafts, either."""
    from chartside.testing.ehr import running_ehr

    with (
        running_ehr(FrozenClock(NOW), {"clients": 1}) as second,
        opened(
            sandbox_ehr.base_url, adapter="oracle-health", companion=second.base_url, keep_transcript=True
        ) as review,
    ):
        filed(review, patient)
        [kept] = [one for one in review.drafts(patient) if "Transcript" in one.title]
        with pytest.raises(InputError, match="no note"):
            sign(review, kept.id, SIGNER)
    assert not list(raw.search("DocumentReference", {"patient": patient}).matches())


def test_an_ehr_that_does_not_know_the_code_gets_the_general_one(review, patient, sandbox_ehr):
    """T-10: LOINC 11506-3 where 34904-3 is refused."""
    from chartside.errors import Rejected

    real = review._context.ai

    class Picky:
        def write(self, draft):
            if draft.type["coding"][0]["code"] == MENTAL_HEALTH_NOTE:
                raise Rejected("unknown code", status=422)
            return real.write(draft)

    picky = Review(replace(review._context, ai=Picky()), lambda: MODEL)
    assert stored(review, filed(picky, patient, "picky"))["type"]["coding"][0]["code"] == PROGRESS_NOTE


class Killed(BaseException):
    """The process ended here."""


@pytest.mark.slow
@pytest.mark.parametrize("written", [False, True], ids=["before the write", "after the write"])
def test_a_kill_at_any_write_leaves_nothing_half_and_nothing_twice(monkeypatch, written):
    """T-9, promise 4: filing, signing and amending end at each write in turn; a new process does them again."""
    from chartside.fhir import FhirClient
    from chartside.testing.ehr import running_ehr

    with (
        running_ehr(FrozenClock(NOW), {"clients": 1, "no_transaction": True}) as ehr,
        FhirClient(ehr.base_url) as raw,
    ):
        client = people(raw)
        killed = 0
        while _killed_at(monkeypatch, ehr, client, killed + 1, written=written):
            killed += 1
        assert killed >= 10


def _killed_at(monkeypatch, ehr, client: str, nth: int, *, written: bool) -> bool:
    """One note whose nth write is the last one; whether there was an nth one."""

    def whole() -> str:
        with opened(ehr.base_url) as review:
            id = filed(review, client, f"r{nth}")
            sign(review, id)
            return review.amend(id, f"Amended: note {nth}, eight hours.", SIGNER)

    with monkeypatch.context() as patched, contextlib.suppress(Killed):
        writes = _end_at(patched, nth, written=written)
        whole()
    newer = whole()
    with opened(ehr.base_url) as review:
        [older] = [r["target"]["reference"] for r in stored(review, newer)["relatesTo"]]
        assert stored(review, older)["status"] == "superseded"
        assert stored(review, newer)["docStatus"] == "amended"
        for reference in (older, newer):
            assert [v for trace in traces(review, reference) for v in verified(trace)] == [SIGNER]
    assert {d["docStatus"] for d in ehr.all("DocumentReference")} == {"final", "amended"}
    assert len(ehr.all("DocumentReference")) == 2 * nth
    return len(writes) == nth


def _end_at(patched, nth: int, *, written: bool) -> list[str]:
    """End the process at the nth write of the gated client; the writes until then."""
    from chartside.gate.client import GatedFhir

    writes: list[str] = []

    def ending(real):
        def write(self, resource, **more):
            writes.append(resource["resourceType"])
            if len(writes) == nth and not written:
                raise Killed
            made = real(self, resource, **more)
            if len(writes) == nth:
                raise Killed
            return made

        return write

    for name in ("create", "update"):
        patched.setattr(GatedFhir, name, ending(getattr(GatedFhir, name)))
    return writes
