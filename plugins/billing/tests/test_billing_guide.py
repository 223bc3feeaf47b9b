"""pyx12 beside our own rules: nothing that it meets takes the other files' findings away."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from chartside_billing.rules.settings import ScrubSettings
from chartside_billing.scrub_files import Scrubbed, scrub_files
from chartside_billing.x12.example import claim
from chartside_billing.x12.write837 import Control, write_837


def written(number: str = "A1") -> str:
    """A file with one clean claim."""
    made = replace(claim(), id=number)
    made.insurance.subscriber.id = f"W00000{number}"
    return write_837([made], control=Control(created=datetime(2026, 11, 24))).data.decode()


def scrubbed(folder: Path, **files: str) -> dict[str, Scrubbed]:
    for name, text in files.items():
        (folder / name).write_text(text)
    book, loaded = ScrubSettings().scrubbing(date(2026, 11, 24))
    results = scrub_files([folder / name for name in files], book, loaded, guide=True)
    return dict(zip(files, results, strict=True))


def errors(result: Scrubbed) -> list[tuple[str, str]]:
    return [(f.rule.id, f.message) for r in result.reports for f in r.standing if f.severity == "error"]


def test_a_header_of_another_width_is_a_finding_and_stops_nothing(tmp_path: Path) -> None:
    """A control number of 43 digits stopped the validator, and with it the whole run."""
    good = written()
    control = good.split("*")[13]
    bad = good.replace(f"*{control}*", f"*{control * 4}1234567*", 1)
    results = scrubbed(tmp_path, bad=bad, good=written("A2"))
    assert errors(results["good"]) == []
    assert ("EDI-001", "ISA13 has 43 characters; it must have 9") in errors(results["bad"])
    assert {rule for rule, _ in errors(results["bad"])} <= {"EDI-001", "EDI-002"}


def test_interchanges_with_different_delimiters_are_judged_each_by_its_own(tmp_path: Path) -> None:
    """Places still count over the whole file."""
    first = written()
    second = written("A2").translate(str.maketrans("*:~", "|>!"))
    assert errors(scrubbed(tmp_path, two=first + second)["two"]) == []
    broken = second.replace("|19880409|F!", "|19880409|X!", 1)
    result = scrubbed(tmp_path, two=first + broken)["two"]
    places = [f.where for r in result.reports for f in r.findings if "pyx12" in f.message]
    lines = (first + broken).replace("!", "~").split("~")
    assert places == [f"segment {1 + next(n for n, s in enumerate(lines) if '|19880409|X' in s)} DMG"]


def test_where_the_validator_itself_fails_it_says_nothing_of_the_file(tmp_path: Path) -> None:
    """Five diagnosis pointers: our rule names them; pyx12 is not checked."""
    text = written()
    line = next(s for s in text.split("~") if s.strip().startswith("SV1"))
    bad = text.replace(line, line.rstrip("*").rsplit("*", 1)[0] + "*1:1:1:1:1")
    result = scrubbed(tmp_path, bad=bad)["bad"]
    assert not [f for r in result.reports for f in r.findings if "pyx12" in f.message]
    assert any("pyx12 could not judge it" in why.reason for r in result.reports for _, why in r.not_checked)
    assert "EDI-005" in {rule for rule, _ in errors(result)}
