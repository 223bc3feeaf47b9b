"""Every kind of paper before veraPDF, the reference validator of PDF/UA-1 (106 rules)."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from chartside.papers import Grid, Heading, Paper, Text, render_pdf

ROOT = Path(__file__).resolve().parent.parent
JUDGE = Path(__file__).with_name("verapdf") / "Judge.java"
DAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def jar() -> Path:
    found = next(iter((ROOT / ".peers" / "verapdf").rglob("*.jar")), None)
    if found is None or shutil.which("java") is None:
        pytest.skip("needs Java 17 (a JDK) and .ci/peers.sh verapdf")
    return found


def papers() -> dict[str, bytes]:
    """Each form in each language, what is odd, and one without tags."""
    from chartside_billing.papers import forms
    from chartside_billing.papers.cms1500 import render_cms1500
    from chartside_billing.papers.data import Client, EstimateData, Provider, Service
    from chartside_billing.papers.source import from_claim
    from chartside_billing.x12.example import claim
    from chartside_transcription.pdf import pdf_of

    practice = Provider("Elm", "", "1234567893", "12-3456789", "1 Main St, Chicago", "IL", "312-555-0100")
    client = Client("Ana Núñez", date(1988, 4, 9))
    services = [Service("90837", "Session", charge=Decimal(150), diagnoses=["F411"])]
    estimate = EstimateData("1", DAY, practice, client, "Therapy", services=services, separate=["A visit"])
    bill = replace(from_claim(claim(), issued=DAY), payment="By card.")
    bill.rendering.credential = "LCSW"
    made = {"cms1500": render_cms1500([claim(), replace(claim(), lines=claim().lines * 7)])}
    for language in ("en", "es"):
        made[f"invoice-{language}"] = render_pdf(forms.invoice(bill, language))
        made[f"superbill-{language}"] = render_pdf(forms.superbill(bill, language))
        made[f"estimate-{language}"] = render_pdf(forms.estimate(estimate, language))
    made["note"] = pdf_of("DAP note", "DAP note\n\nData\n- Slept.\n\nPlan\n- Walk.\nMore.\n", "Signed.")
    odd = "x" * 3_000 + " \u202e שלום سلام \U0001f600 \x00"
    rows = tuple((f"{n}", odd if n == 7 else "$1.00") for n in range(300))
    made["odd"] = render_pdf(
        Paper(odd, "es-US", odd, [Heading(odd, 1), Text(odd), Grid(odd, ("a", "b"), rows)])
    )
    return made


@pytest.mark.slow
def test_verapdf_finds_no_fault_in_any_paper(jar: Path, tmp_path: Path) -> None:
    """Issue 4, accessible: all 106 rules of veraPDF's PDF/UA-1 profile; a PDF without tags fails them."""
    import typst

    made = {**papers(), "untagged": typst.compile(b"Hello", pdf_tags=False)}
    for name, data in made.items():
        (tmp_path / f"{name}.pdf").write_bytes(data)
    files = [str(tmp_path / f"{name}.pdf") for name in made]
    ran = subprocess.run(
        ["java", "-cp", str(jar), str(JUDGE), *files],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said = ran.stdout.splitlines()
    assert said[0] == "rules 106"
    verdicts = {
        Path(words[2]).stem: words[0] for line in said if len(words := line.split()) == 3 and line[0] in "pf"
    }
    assert verdicts == {**dict.fromkeys(made, "pass"), "untagged": "fail"}, ran.stdout
