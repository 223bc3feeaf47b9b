"""Code sets: what ships, what is imported, and what happens to a wrong or cut file."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner

from chartside.errors import InputError
from chartside_billing.cli_codes import app
from chartside_billing.codes import CodeSets
from chartside_billing.codes.facts import BEHAVIORAL_TAXONOMIES, PLACES
from chartside_billing.codes.icd import pack, shipped, unpack
from chartside_billing.codes.icd_build import named, read_code_list, split_levels
from chartside_billing.codes.importers import Imported, Options, effective_from_name, import_set
from chartside_billing.codes.npi import npi_valid
from chartside_billing.codes.ptp import NEVER, Packer, Ptp

DAY, FROM = date(2026, 5, 4), date(2026, 4, 1)
PTP = (
    "Some copyright preamble\r\n\r\nColumn 1\tColumn 2\t*=in existence\tEffective\tDeletion\tModifier\tRationale\r\n"
    "90853\t90832\t\t20141001\t*\t1\tStandards\r\n"
    "90839\t90791\t\t20130101\t20191231\t0\tStandards\r\n"
    "90839\t90791\t\t20210101\t*\t1\tStandards\r\n"
    "90791\t36415\t*\t19960101\t19960101\t9\tOld\r\n"
    "10060\t36415\t\t20200101\t*\t1\tNot behavioural\r\n"
)
MUE = (
    '"HCPCS/\nCPT Code","Practitioner Services MUE Values","MUE Adjudication Indicator","MUE Rationale"\n'
    "90837,1,2 Date of Service Edit: Policy,Nature of Service\n90840,3,3 Date of Service Edit: Clinical,Data\n"
)
Import = Callable[..., Imported]


@pytest.fixture
def load(tmp_path: Path) -> Import:
    """Write a text as a file and import it."""

    def run(
        name: str, text: str, *, file: str = "set.csv", effective: date = FROM, **options: bool
    ) -> Imported:
        source = tmp_path / file
        source.write_text(text, encoding="latin-1", newline="")
        return import_set(name, source, Options(tmp_path / "sets", effective, **options))

    return run


@pytest.fixture
def sets(tmp_path: Path) -> Callable[[], CodeSets]:
    """The folder as a practice would open it."""
    return lambda: CodeSets.open(tmp_path / "sets")


def test_icd_10_cm_ships_and_tells_leaves_from_headings() -> None:
    """billing.md: ICD-10-CM from simple-icd-10-cm, compiled to a small index."""
    icd = CodeSets.open(None).icd
    assert icd.billable("F411", DAY)
    assert icd.exists("F32", DAY)
    assert not icd.billable("F32", DAY)
    assert not icd.exists("F999X", DAY)
    assert icd.billable("T360X1A", DAY)  # a seventh character behind a placeholder


def test_icd_notes_are_kept() -> None:
    """Excludes1 of headings and ranges, code first, use additional."""
    icd = CodeSets.open(None).icd
    assert icd.excludes1("F320", "F319")
    assert not icd.excludes1("F320", "F4321")  # an Excludes2 note
    assert icd.code_first("F411") is None
    assert "G30" in (icd.code_first("F0280") or ())
    assert "Y90" in icd.use_additional("F1020")


def test_the_shipped_index_is_what_its_source_says() -> None:
    """The compiled file agrees with the package it was compiled from."""
    source = importlib.util.find_spec("simple_icd_10_cm")  # importing it takes seconds
    if source is None or source.origin is None:
        pytest.skip("pip install simple-icd-10-cm to run this test")
    text = (Path(source.origin).parent / "data" / "code-list-April-2026.txt").read_text("ascii")
    leaves, headings = split_levels(read_code_list(text))
    assert (leaves, headings) == (shipped().leaves, shipped().headings)
    assert unpack(pack(shipped())) == shipped()


@pytest.mark.parametrize(
    ("note", "codes"),
    [
        ("bipolar disorder (F31.-)", ["F31"]),
        ("schizophrenia (F20.0-F20.2)", ["F200", "F201", "F202"]),
        ("mood disorders (F30-F32, F39)", ["F30", "F31", "F32", "F39"]),
        ("a condition without a code", []),
    ],
)
def test_codes_named_by_a_note(note: str, codes: list[str]) -> None:
    """Ranges become prefixes."""
    assert named(note) == codes


def test_pairs_answer_by_date_and_keep_their_history(load: Import, sets: Callable[[], CodeSets]) -> None:
    """billing.md: repeated pairs with history, inclusive deletion, indicator 9 ignored, behavioural codes only."""
    assert load("ncci-ptp", PTP, file="ptp.txt").rows == 3
    pairs = sets().pairs
    assert pairs is not None
    assert pairs.indicator("90853", "90832", DAY) == "1"
    assert pairs.indicator("90832", "90853", DAY) is None
    assert pairs.indicator("90853", "90832", date(2014, 9, 30)) is None
    assert [pairs.indicator("90839", "90791", date(y, 12, 31)) for y in (2019, 2020, 2021)] == [
        "0",
        None,
        "1",
    ]
    assert pairs.indicator("10060", "36415", DAY) is None
    assert load("ncci-ptp", PTP, file="ptp.txt", everything=True).rows == 4


def test_packed_pairs_agree_with_a_plain_table(tmp_path: Path) -> None:
    """The packed form against a dictionary, on 20,000 random rows with repeats."""
    rng = random.Random(5)
    codes = [f"{n:05}" for n in range(90000, 90400)]
    rows = []
    for _ in range(20_000):
        start = rng.randrange(2000, 2025)
        end = NEVER if rng.random() < 0.5 else (start + rng.randrange(2)) * 10_000 + 1231
        rows.append((rng.choice(codes), rng.choice(codes), start * 10_000 + 101, end, rng.choice("01")))
    packer = Packer()
    packer.add_all(rows)
    with (tmp_path / "x.ptp").open("wb") as out:
        packer.write(out, {})
    packed = Ptp(tmp_path / "x.ptp")
    table: dict[tuple[str, str], list[tuple[int, int, str]]] = {}
    for one, two, first, last, flag in rows:
        table.setdefault((one, two), []).append((first, last, flag))
    for _ in range(5_000):
        one, two, day = rng.choice(codes), rng.choice(codes), date(rng.randrange(1999, 2028), 7, 1)
        number = day.year * 10_000 + 701
        allowed = {flag for first, last, flag in table.get((one, two), []) if first <= number <= last} or {
            None
        }
        assert packed.indicator(one, two, day) in allowed


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("ncci-ptp", PTP[:-30], "line 8: not the six columns"),
        ("ncci-ptp", "nothing here\n", "no NCCI pair"),
        ("ncci-ptp", PTP.replace("20141001", "20149901"), "line 4: a date"),
        ("mue", "a,b\n1,2\n", "no header"),
        ("mue", MUE.replace("90837,1", "90837,one"), "line 3: not a code"),
        ("aoc", MUE, "no header"),
        ("taxonomy", "Code,Grouping\n103T00000X,x\nhello,x\n", "line 3"),
        ("icd10", "F411 Generalized anxiety\n", "only 1 codes"),
        ("icd10", "<ICD10CM.tabular><chapter>", "damaged at line 1"),
        ("fees", "code,fee\n90837,free\n", "line 2: not a code and a fee"),
    ],
)
def test_a_wrong_or_cut_file_leaves_the_old_set_alone(
    load: Import, sets: Callable[[], CodeSets], tmp_path: Path, name: str, text: str, reason: str
) -> None:
    """Issue 4: a clear error on a wrong or cut file, the old set intact."""
    load("ncci-ptp", PTP, file="ptp.txt")
    load("mue", MUE)
    before = {p.name: p.read_bytes() for p in (tmp_path / "sets").iterdir()}
    with pytest.raises(InputError, match=reason):
        load(name, text, file="bad.csv")
    assert {p.name: p.read_bytes() for p in (tmp_path / "sets").iterdir()} == before


def test_a_file_cut_at_a_line_s_end_is_seen_by_its_size(load: Import) -> None:
    """Half the rows of the set in place is too few; ``--force`` takes it."""
    load("ncci-ptp", PTP, file="ptp.txt")
    short = "".join(PTP.splitlines(keepends=True)[:4])
    with pytest.raises(InputError, match="seems to be cut"):
        load("ncci-ptp", short, file="ptp.txt", effective=date(2026, 7, 1))
    assert load("ncci-ptp", short, file="ptp.txt", force=True).rows == 1


def test_versions_answer_for_their_time(load: Import, sets: Callable[[], CodeSets]) -> None:
    """Sets are versioned by effective date."""
    load("mue", MUE)
    load("mue", MUE.replace("90840,3", "90840,4"), effective=date(2026, 7, 1))
    units = sets().units
    assert units is not None
    assert [units.limit("90840", day) for day in (DAY, date(2026, 8, 1))] == [(3, 3), (4, 3)]
    assert units.limit("99999", DAY) is None


def test_add_on_codes_from_xlsx_and_text(tmp_path: Path, load: Import, sets: Callable[[], CodeSets]) -> None:
    """billing.md: AOC as xlsx with headers, or fixed width."""
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(
        ["Add-on Code", "AOC Edit Type", "Primary Code", "Primary Code Eff Dt", "Primary Code Del Dt"]
    )
    book.active.append(["90840", "1", "90839", "2013001", ""])
    book.active.append(["90785", "1", "90791", "2013001", "2020366"])
    book.save(tmp_path / "aoc.xlsx")
    import_set("aoc", tmp_path / "aoc.xlsx", Options(tmp_path / "sets", FROM))
    add_ons = sets().add_ons
    assert add_ons is not None
    assert add_ons.primaries("90840", DAY) == (1, frozenset({"90839"}))
    assert add_ons.primaries("90785", DAY) == (1, frozenset())
    assert add_ons.primaries("90837", DAY) is None
    (tmp_path / "cut.xlsx").write_bytes((tmp_path / "aoc.xlsx").read_bytes()[:2000])
    with pytest.raises(InputError, match="cut or damaged"):
        import_set("aoc", tmp_path / "cut.xlsx", Options(tmp_path / "sets", FROM))
    load("aoc", "90840 1 90839 2013001\n90836 2\n", file="aoc.txt")
    again = sets().add_ons
    assert again is not None
    assert again.primaries("90836", DAY) == (2, frozenset())


def test_hcpcs_payers_taxonomy_and_fees(load: Import, sets: Callable[[], CodeSets]) -> None:
    """The other importers and what the rules ask of them."""
    load("hcpcs", "HCPC,LONG DESCRIPTION,ADD DT,TERM DT\nG0017,x,20240101,\nG2012,x,20190101,20241231\n")
    load("payers", "Payer ID,Payer Name,Professional\n60054,Acme,Y\n99999,Dental only,N\n")
    load("taxonomy", "Code,Grouping,Classification\n103T00000X,Behavioral,Psychologist\n")
    load("fees", "code,modifiers,pos,fee\n90837,,,150\n90837,95,,140\n90837,95,10,135.50\n")
    found = sets()
    assert found.procedures is not None
    assert found.payers is not None
    assert found.fees is not None
    assert [found.procedures.active(code, DAY) for code in ("G0017", "G2012", "G9999", "90837")] == [
        *(True, False, False),
        None,
    ]
    assert (found.payers.accepts("60054"), found.payers.accepts("99999")) == (True, False)
    assert found.taxonomies == {"103T00000X"}
    fee = found.fees.fee
    assert [fee("90837", m, p, DAY) for m, p in (((), "11"), (("95",), "02"), (("95",), "10"))] == [
        *(Decimal(150), Decimal(140), Decimal("135.50")),
    ]
    assert fee("90834", (), "11", DAY) is None


def test_what_is_not_loaded_is_none_not_empty(sets: Callable[[], CodeSets]) -> None:
    """Issue 4: a rule without its data says "not checked"; it never passes silently."""
    found = sets()
    assert found.loaded("icd10")
    assert [
        found.pairs,
        found.units,
        found.add_ons,
        found.procedures,
        found.payers,
        found.fees,
        found.taxonomies,
    ] == ([None] * 7)


def test_facts_that_ship() -> None:
    """billing.md: POS (federal) and 15 behavioural taxonomy codes."""
    assert {"02", "10", "11", "53"} <= PLACES.keys()
    assert len(BEHAVIORAL_TAXONOMIES) == 15
    assert all(len(code) == 10 and code.endswith("X") for code in BEHAVIORAL_TAXONOMIES)


def test_the_first_day_stands_in_many_file_names() -> None:
    """CMS names its files by their first day or quarter."""
    assert effective_from_name(Path("MCR_MUE_Practitioner_Services_Eff_10-01-2026.csv")) == date(2026, 10, 1)
    assert effective_from_name(Path("aoc-2026Q2.txt")) == date(2026, 4, 1)
    assert effective_from_name(Path("ccipra.txt")) is None


def test_import_and_list_from_the_command_line(tmp_path: Path) -> None:
    """``chartside billing import`` and ``codes``, with a date from the name, and an error that says how to mend it."""
    source, folder = tmp_path / "mue_Eff_04-01-2026.csv", str(tmp_path / "sets")
    source.write_text(MUE, newline="")
    runner = CliRunner()
    done = runner.invoke(app, ["import", "mue", str(source), "--folder", folder])
    assert (done.exit_code, "2 entries, in force from 2026-04-01" in done.stdout) == (0, True)
    assert "mue        2026-04-01" in runner.invoke(app, ["codes", "--folder", folder]).stdout
    wrong = runner.invoke(app, ["import", "ncci-ptp", str(source), "--folder", folder])
    assert wrong.exit_code == 2
    assert "tab-separated" in wrong.stderr
    undated = tmp_path / "x.csv"
    undated.write_text(MUE, newline="")
    assert "--effective" in runner.invoke(app, ["import", "mue", str(undated), "--folder", folder]).stderr


@pytest.mark.slow
def test_the_next_year_s_order_file_takes_over_on_its_day(load: Import, sets: Callable[[], CodeSets]) -> None:
    """billing.md: an importer for the next year's release (FY2027 applies from 2026-10-01); notes are carried on."""
    release = shipped()
    leaves = sorted((release.leaves - {"F411"}) | {"F4112"})
    rows = [(code, 1) for code in leaves] + [(code, 0) for code in sorted(release.headings | {"F411"})]
    text = "".join(f"{n:05} {code:<7} {flag} Some title\n" for n, (code, flag) in enumerate(sorted(rows), 1))
    assert load("icd10", text, file="order.txt", effective=date(2026, 10, 1)).rows == len(leaves)
    icd = sets().icd
    september, october = date(2026, 9, 30), date(2026, 10, 1)
    assert [icd.billable("F411", day) for day in (september, october)] == [True, False]
    assert [icd.billable("F4112", day) for day in (september, october)] == [False, True]
    assert icd.excludes1("F320", "F319")
    assert CodeSets.open(None).icd.covers(september)
    assert not CodeSets.open(None).icd.covers(october)
    assert icd.covers(october)


def test_a_plain_code_list_is_enough(load: Import, sets: Callable[[], CodeSets]) -> None:
    """CDC's ``icd10cm-codes`` file: billable codes only; headings are known from the release before."""
    text = "".join(f"{code:<8}Some title\n" for code in sorted(shipped().leaves))
    load("icd10", text, file="codes.txt", effective=date(2026, 10, 1))
    icd = sets().icd
    assert icd.release(date(2026, 11, 1)).leaves == shipped().leaves
    assert icd.exists("F32", date(2026, 11, 1))


@pytest.mark.parametrize(
    ("npi", "valid"),
    [
        ("1234567893", True),
        ("1234567890", False),
        ("3234567893", False),
        ("123456789", False),
        ("12345678９3", False),
    ],
)
def test_the_check_digit_of_an_npi(npi: str, valid: bool) -> None:
    """billing.md: NPI Luhn with the prefix 80840; CMS's own example is 1234567893."""
    assert npi_valid(npi) is valid
