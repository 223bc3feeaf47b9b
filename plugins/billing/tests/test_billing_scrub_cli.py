"""``chartside billing rules`` and ``scrub`` as a biller uses them: files, folders, bad files, JSON, exit codes."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from chartside_billing.cli import app

RUN = CliRunner()
FOLDER = Path(__file__).parent / "deck"


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """The deck's builder of files."""
    if "billing_deck" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "billing_deck", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
        )
        assert spec is not None
        sys.modules["billing_deck"] = importlib.util.module_from_spec(spec)
    return importlib.import_module("billing_deck.build")


@pytest.fixture
def files(tmp_path: Path, build: ModuleType) -> Path:
    """A folder with a clean 837P, a faulty Bundle, and files that cannot be read."""
    (tmp_path / "a-clean.837").write_text(build.x12(build.BASE))
    wrong = build.changed({"lines.0.mod": ["HO", "HO"], "id": "ELM2002", "lines.0.date": "2026-03-11"})
    (tmp_path / "b-faulty.json").write_text(build.dumps(build.bundle(wrong)))
    return tmp_path


def scrub(*arguments: object) -> tuple[int, str, str]:
    result = RUN.invoke(app, ["scrub", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_findings_are_shown_by_claim_with_the_mend(files: Path) -> None:
    """Plain words; what was not checked is summed up once; exit code 1 for an error."""
    code, shown, _ = scrub(files)
    assert code == 1
    assert "Claim ELM2002 (" in shown
    assert "ERROR   Modifier HO stands twice on the line" in shown
    assert "Mend: Keep the modifiers that are true, each once." in shown
    assert "[SVC-006, unconfirmed; prevents CARC 182, CARC 4; $150.00 at risk]" in shown
    assert shown.count("load the NCCI pairs") == 1
    assert shown.rstrip().endswith("2 claims and documents, 1 without an error.")


def test_a_clean_file_exits_0_and_severity_hides_the_rest(files: Path, build: ModuleType) -> None:
    """``--severity error`` shows errors only; a warning is no reason for exit code 1."""
    assert scrub(files / "a-clean.837")[0] == 0
    warned = files / "w.837"
    warned.write_text(build.x12(build.changed({"dx": ["R45.0"]})))
    code, shown, _ = scrub(warned)
    assert (code, "DX-012" in shown) == (0, True)
    assert "DX-012" not in scrub(warned, "--severity", "error")[1]


def test_json_keeps_its_shape(files: Path) -> None:
    """The shape that docs/billing.md promises."""
    code, shown, _ = scrub(files, "--json")
    data = json.loads(shown)
    assert code == 1
    assert set(data) == {"version", "today", "files", "summary"}
    assert data["version"] == 1
    assert data["summary"] == {
        "files": 2,
        "unreadable": 0,
        "claims": 2,
        "clean": 1,
        "findings": {"error": 1, "warning": 0, "info": 0},
    }
    good, bad = data["files"]
    assert (good["error"], good["claims"][0]["findings"]) == (None, [])
    (one,) = bad["claims"]
    assert set(one) == {"claim", "kind", "source", "where", "total", "findings", "not_checked", "repairs"}
    (finding,) = one["findings"]
    names = {"claim", "rule", "severity", "title", "message", "where", "lines", "why", "mend"}
    assert set(finding) == names | {"prevents", "at_risk", "basis", "source", "repeats"}
    assert (finding["rule"], finding["claim"], finding["lines"]) == ("SVC-006", "ELM2002", [1])
    assert any("NCCI" in reason for reason in one["not_checked"])


BAD = {
    "empty.837": b"",
    "text.txt": b"Hello, biller\n",
    "cut.json": b'{"resourceType": "Bundle", "entry": [',
    "other.json": b'{"resourceType": "Patient", "id": "p"}',
    "number.json": b"[1, 2, 3]",
    "binary.837": bytes(range(256)),
    "dental.837": b"ISA*00*          *00*          *ZZ*A              *ZZ*B              *260320*1200"
    b"*^*00501*000000001*0*T*:~\nGS*HC*A*B*20260320*1200*1*X*005010X224A2~\nST*837*0001*005010X224A2~\n"
    b"SE*2*0001~\nGE*1*1~\nIEA*1*000000001~",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gets_a_clear_error_while_the_others_go_on(name: str, files: Path) -> None:
    """Exit code 2; the good claims are judged all the same."""
    (files / name).write_bytes(BAD[name])
    code, shown, told = scrub(files)
    assert code == 2
    assert f"{name}: " in told
    assert "Traceback" not in told
    assert "SVC-006" in shown


def test_a_missing_file_and_a_wrong_config_are_named(files: Path, tmp_path: Path) -> None:
    """Clear errors for both."""
    code, _, told = scrub(files / "none.837")
    assert (code, "none.837" in told) == (2, True)
    config = tmp_path / "chartside.toml"
    for text, reason in (
        ("[plugins.billing.rules]\nmute = ['XYZ-1']\n", "there is no rule 'XYZ-1'"),
        ("[plugins.billing.payers.1]\nlive = 'maybe'\n", "plugins.billing.payers.1"),
        ("[plugins.billing\n", "it is no TOML"),
    ):
        config.write_text(text)
        code, _, told = scrub(files / "a-clean.837", "--config", config)
        assert code == 2
        assert reason in told


def test_the_config_s_payers_and_overrides_count(files: Path) -> None:
    """``--config``: [plugins.billing] of the practice."""
    config = files / "chartside.toml.txt"
    config.write_text("[plugins.billing.rules]\nmute = ['SVC-006']\n")
    assert scrub(files / "b-faulty.json", "--config", config)[0] == 0


def test_pyx12_judges_the_file_unless_told_not_to(files: Path, build: ModuleType) -> None:
    """EDI-001: an independent validator; what it refuses is a finding of the file."""
    odd = files / "odd.837"
    odd.write_text(
        build.x12(build.changed({"edit": [("PER*IC*BILLING*TE*3125550100~\n", "PER*ZZ*BILLING~\n")]}))
    )
    told = json.loads(scrub(odd, "--json")[1])["files"][0]["claims"]
    assert [c["kind"] for c in told] == ["claim", "file"]
    assert {f["rule"] for f in told[1]["findings"]} == {"EDI-001"}
    assert len(json.loads(scrub(odd, "--json", "--no-guide")[1])["files"][0]["claims"]) == 1


def test_a_claim_file_that_cannot_be_read_is_also_a_finding(files: Path, build: ModuleType) -> None:
    """The receiver would refuse it too (EDI-001)."""
    cut = files / "cut.837"
    cut.write_text(build.x12(build.BASE).replace("SV1*HC", "SV3*HC"))
    code, shown, told = scrub(cut)
    assert code == 2
    assert "[EDI-001;" in shown
    assert "cut.837" in told


def test_remittances_and_acknowledgements_are_judged(files: Path) -> None:
    """An 835 that does not balance, and a payment that fits no claim given with it."""
    era = (
        "ISA*00*          *00*          *ZZ*PAYER          *ZZ*ELM01          *260320*1200*^*00501*000000001*0*T*:~\n"
        "GS*HP*PAYER*ELM01*20260320*1200*1*X*005010X221A1~\nST*835*0001~\n"
        "BPR*I*90*C*ACH*CCP*01*1*DA*2*1*1**01*3*DA*4*20260320~\nTRN*1*T1*1512345678~\nDTM*405*20260320~\n"
        "N1*PR*ACME~\nN3*1 A ST~\nN4*CHICAGO*IL*60601~\nPER*BL*HELP*TE*3125550100~\nN1*PE*ELM THERAPY*XX*1234567893~\n"
        "LX*1~\nCLP*NOTOURS*1*150*80*20*CI*ICN1~\nNM1*QC*1*RIVERA*ANA~\nSVC*HC:90837*150*80**1~\nDTM*472*20260310~\n"
        "CAS*CO*45*50~\nCAS*PR*3*20~\nSE*17*0001~\nGE*1*1~\nIEA*1*000000001~\n"
    )
    (files / "remit.835").write_text(era)
    data = json.loads(scrub(files / "remit.835", files / "a-clean.837", "--json")[1])
    rules = {f["rule"] for f in data["files"][0]["claims"][0]["findings"]}
    assert rules == {"ERA-001", "ERA-002"}
    alone = json.loads(scrub(files / "remit.835", "--json")[1])["files"][0]["claims"][0]
    assert {f["rule"] for f in alone["findings"]} == {"ERA-001"}
    assert any("ERA-002" in rules for rules in alone["not_checked"].values())


def test_not_checked_can_be_named_claim_by_claim(files: Path) -> None:
    """``--not-checked``."""
    shown = scrub(files / "a-clean.837", "--not-checked")[1]
    assert "  not checked: load the NCCI pairs" in shown


def test_rules_lists_the_book() -> None:
    """``rules``: ids, severities, unconfirmed marks; by family; as JSON; an unknown family is named."""
    result = RUN.invoke(app, ["rules"])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 175
    assert "TIM-003  error    90837 time  [CARC 150, CARC 152]" in result.stdout
    assert "TEL-001  error    POS 10 vs 02 (unconfirmed)" in result.stdout
    data = json.loads(RUN.invoke(app, ["rules", "--json", "--family", "crs"]).stdout)
    assert [rule["id"] for rule in data] == ["CRS-001", "CRS-002", "CRS-003", "CRS-004"]
    assert {
        "id",
        "family",
        "severity",
        "title",
        "rule",
        "message",
        "mend",
        "prevents",
        "source",
        "basis",
    } <= set(data[0])
    wrong = RUN.invoke(app, ["rules", "--family", "ZZZ"])
    assert (wrong.exit_code, "there are: EDI, PAT" in wrong.stderr) == (2, True)


def test_rules_shows_what_the_practice_muted(tmp_path: Path) -> None:
    """Overrides are visible."""
    config = tmp_path / "c.toml"
    config.write_text("[plugins.billing.rules]\nmute = ['TIM-010']\nseverity = { 'TIM-009' = 'error' }\n")
    shown = RUN.invoke(app, ["rules", "--family", "TIM", "--config", str(config)]).stdout
    assert "(muted)" in next(line for line in shown.splitlines() if line.startswith("TIM-010"))
    assert next(line for line in shown.splitlines() if line.startswith("TIM-009")).split()[1] == "error"
