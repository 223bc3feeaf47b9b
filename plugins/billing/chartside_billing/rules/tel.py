"""TEL: telehealth."""

from __future__ import annotations

import re
from datetime import date

from chartside_billing.codes.telehealth import MEDICARE_TELEHEALTH, NEVER_TELEHEALTH
from chartside_billing.rules.base import NEEDS, OK, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import TELEHEALTH_EM, TELEHEALTH_MODIFIERS, TELEHEALTH_POS
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.prv_may import licensed, patient_state
from chartside_billing.rules.view import LineView, View

_REMOTE = frozenset({"video", "audio", "virtual"})
_HELD = {"video": "by video", "audio": "by audio", "virtual": "by telehealth"}
_REMOTE = TELEHEALTH_MODIFIERS | {"FQ"}
_MODALITY = frozenset({"93", "95", "GT", "FQ", "FR", "G0"})
_REASON = re.compile(
    r"(audio|phone|telephone).{0,120}(declin|prefer|unable|cannot|can not|could not"
    r"|no (internet|camera|video|broadband)"
    r"|not (able|willing|capable)|refus|lack|without (video|internet|camera))"
    r"|(declin|prefer|unable|cannot|could not|no (internet|camera|broadband)|refus|lack).{0,120}(video|audio|phone)",
    re.IGNORECASE | re.DOTALL,
)
_IN_PERSON_FROM = date(2028, 1, 1)


def _is_telehealth(line: LineView) -> bool:
    return line.pos in TELEHEALTH_POS or bool(TELEHEALTH_MODIFIERS & set(line.modifiers))


@check("TEL-001", needs=("visit",))
def place(v: View, k: Loaded) -> Outcome:
    """10 at home, 02 elsewhere, neither in person."""
    hits: list[Hit] = []
    known, unplaced = False, False
    allowed = v.profile.telehealth_pos if v.profile else TELEHEALTH_POS
    for line in v.lines:
        visit = line.visit
        if visit is None or visit.mode is None:
            continue
        known = True
        if visit.mode == "in-person":
            if line.pos in TELEHEALTH_POS:
                hits.append(
                    hit(f"The visit was in person, but the place of service is {line.pos} (telehealth)", line)
                )
        elif line.pos not in allowed | TELEHEALTH_POS:
            hits.append(
                hit(
                    f"The visit was {_HELD.get(visit.mode, visit.mode)}, but the place of service is {line.pos},"
                    " not 10 or 02",
                    line,
                )
            )
        elif line.pos in TELEHEALTH_POS and visit.patient_at_home is None:
            unplaced = True
        elif line.pos in TELEHEALTH_POS:
            right = "10" if visit.patient_at_home else "02"
            if line.pos != right:
                where = "at home" if visit.patient_at_home else "not at home"
                hits.append(
                    hit(f"The patient was {where}: the place of service is {right}, not {line.pos}", line)
                )
    if hits or (known and not unplaced):
        return hits
    return (
        NEEDS["mode"] if not known else NotChecked("needs to know whether the client was at home (Location)")
    )


@check("TEL-002")
def modality(v: View, k: Loaded) -> Outcome:
    """93 for audio, the payer's modifier for video, never both."""
    hits: list[Hit] = []
    unknown, unheard = False, False
    wanted = v.profile.video_modifier if v.profile else None
    for line in v.lines:
        present = set(line.modifiers)
        mode = line.visit.mode if line.visit else None
        if {"93", "95"} <= present:
            hits.append(hit("93 (audio only) and 95 (video) on the same line", line, about="93 95"))
        elif mode == "audio" and not {"93", "FQ"} & present:
            hits.append(hit("An audio-only session without modifier 93", line, about="audio"))
        elif mode == "video" and "93" in present:
            hits.append(hit("Modifier 93 says audio only, but the session was by video", line, about="93"))
        elif mode == "in-person" and present & TELEHEALTH_MODIFIERS:
            hits.append(hit("A telehealth modifier, but the visit was in person", line))
        if v.medicare and "GT" in present:
            hits.append(hit("Medicare takes GT from critical access hospitals only", line, about="GT"))
        if (
            line.pos in TELEHEALTH_POS
            and not present & TELEHEALTH_MODIFIERS
            and not v.medicare
            and mode != "audio"
        ):
            if wanted:
                hits.append(
                    hit(f"This payer wants modifier {wanted} on a video session", line, about="video")
                )
            unknown = unknown or wanted is None
        unheard = unheard or (
            v.medicare
            and line.pos in TELEHEALTH_POS
            and mode in {None, "virtual"}
            and not present & _MODALITY
        )
    if hits or not (unknown or unheard):
        return hits
    return NEEDS["profile" if unknown else "mode"]


@check("TEL-003")
def without_place(v: View, k: Loaded) -> Outcome:
    """95, 93, GT beside an in-person place of service."""
    allowed = v.profile.telehealth_pos if v.profile else TELEHEALTH_POS
    return [
        hit(f"A telehealth modifier with place of service {line.pos or 'missing'}", line)
        for line in v.lines
        if line.modifiers and _REMOTE & set(line.modifiers) and line.pos not in allowed
    ]


@check("TEL-004")
def medicare_list(v: View, k: Loaded) -> Outcome:
    """On the list of the calendar year. The built-in list is unconfirmed: what it merely lacks is a warning."""
    if not v.medicare:
        return OK
    hits: list[Hit] = []
    unknown = False
    for line in v.lines:
        if not _is_telehealth(line) or line.day is None:
            continue
        listed = k.telehealth.get(line.day.year)
        if line.code in NEVER_TELEHEALTH or (line.code == "90849" and line.day.year < 2026):
            hits.append(hit(f"{line.code} is not on the Medicare telehealth list of {line.day.year}", line))
        elif listed is None:
            unknown = True
        elif line.code not in listed:
            sure = "" if k.telehealth is not MEDICARE_TELEHEALTH else "warning"
            which = "loaded" if not sure else "built-in, unconfirmed"
            text = f"{line.code} is not on the {which} Medicare telehealth list of {line.day.year}"
            hits.append(hit(text, line, severity=sure))
    return hits if hits or not unknown else NEEDS["telehealth"]


@check("TEL-005")
def in_person(v: View, k: Loaded) -> Outcome:
    """Waived through 2027; from 2028 an in-person visit before, and every 12 months."""
    if not v.medicare or v.last_day is None or v.last_day < _IN_PERSON_FROM:
        return OK
    remote = [line for line in v.lines if line.pos == "10" and line.day and line.day >= _IN_PERSON_FROM]
    if not remote:
        return OK
    history = v.claim.history
    if history is None or history.visits is None:
        return NEEDS["visits"]
    met = [visit.start.date() for visit in history.visits if visit.start and visit.mode == "in-person"]
    return [
        hit("No in-person visit within the 12 months before this telehealth visit at home", line)
        for line in remote
        if line.day and not any(0 <= (line.day - day).days <= 366 for day in met)
    ]


@check("TEL-006")
def audio_reason(v: View, k: Loaded) -> Outcome:
    """The note says why there was no video."""
    hits: list[Hit] = []
    unknown = False
    for line in v.lines:
        audio = "93" in line.modifiers or (line.visit is not None and line.visit.mode == "audio")
        if not audio:
            continue
        note = line.visit.note if line.visit else None
        if note is None or note.text is None:
            unknown = True
        elif not _REASON.search(note.text):
            about = "93" if "93" in line.modifiers else "audio"
            hits.append(hit("The note does not say why the session was by audio only", line, about=about))
    return hits if hits or not unknown else NEEDS["note"]


@check("TEL-007", needs=("visit",))
def licence_there(v: View, k: Loaded) -> Outcome:
    """A licence or a compact privilege where the patient was."""
    hits: list[Hit] = []
    unknown = False
    for line in v.lines:
        if not _is_telehealth(line) and not (line.visit and line.visit.mode in _REMOTE):
            continue
        state = patient_state(v, line)
        facts = line.provider.facts if line.provider else None
        if not state or facts is None or facts.qualifications is None or line.day is None:
            unknown = True
        elif not licensed(facts, line.day, state):
            hits.append(
                hit(f"The clinician had no licence in {state}, where the patient was, on that day", line)
            )
    if hits or not unknown:
        return hits
    return NotChecked("needs the patient's state during the session and the clinician's licences")


@check("TEL-008", codes=TELEHEALTH_EM | {"99441", "99442", "99443"})
def telehealth_em(v: View, k: Loaded) -> Outcome:
    """98000-98015 not for Medicare; 99441-99443 gone."""
    hits: list[Hit] = []
    for line in v.lines:
        if line.code in TELEHEALTH_EM and v.medicare:
            hits.append(
                hit(
                    f"Medicare does not pay {line.code}: it wants 99202-99215 with the place of service", line
                )
            )
        elif line.code in {"99441", "99442", "99443"} and (line.day is None or line.day.year >= 2025):
            hits.append(hit(f"{line.code} (telephone E/M) ended with 2024", line))
    return hits
