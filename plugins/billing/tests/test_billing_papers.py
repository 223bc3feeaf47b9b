"""Papers: the same bytes twice, what the law and insurers ask for, and what they refuse to be without."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from fhir.resources.R4B.invoice import Invoice
from typer.testing import CliRunner

from chartside.clock import FrozenClock
from chartside.errors import InputError
from chartside.papers import Bullets, Facts, Grid, Heading, Paper, Text, render_html, render_pdf
from chartside.testing.pdf import read_pdf
from chartside_billing.clearinghouse import LocalClearinghouse
from chartside_billing.cli_papers import app
from chartside_billing.papers import fhir, forms
from chartside_billing.papers.cms1500 import fields, render_cms1500
from chartside_billing.papers.data import Bill, Client, EstimateData, Provider, Service, from_json
from chartside_billing.papers.source import from_claim
from chartside_billing.papers.words import WORDS
from chartside_billing.x12.example import claim
from chartside_billing.x12.remit import read_835
from chartside_billing.x12.write837 import Control, write_837

DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
PRACTICE = Provider(
    "Elm Therapy", "", "1234567893", "123456789", "1 Main St, Chicago, IL 60601", "IL", "3125550100"
)
OTHER = Provider("Dr Test", "", "1245319599", "987654321", "9 Oak Ave, Chicago, IL 60601", "IL")
CLIENT = Client("Ana Rivera Núñez", date(1988, 4, 9), "12 Elm St")


def bill() -> Bill:
    return Bill(
        "INV-7",
        DAY,
        date(2026, 12, 24),
        PRACTICE,
        Provider("Jo Stone", "LCSW", "1245319599"),
        CLIENT,
        [
            Service(
                "90837", "Session", DAY, "11", [], ["F411"], Decimal(1), Decimal(150), Decimal(20), Decimal(5)
            ),
            Service("90834", "", DAY, "10", ["95"], ["F411"], Decimal(1), Decimal(120), Decimal(0)),
        ],
    )


def estimate() -> EstimateData:
    sessions = Service("90837", "Session", None, "11", [], ["F411"], Decimal(12), Decimal(1800))
    testing = replace(sessions, code="96130", charge=Decimal(200), provider=OTHER)
    return EstimateData(
        *("GFE-1", DAY, PRACTICE, CLIENT, "Weekly psychotherapy"),
        scheduled=date(2026, 12, 1),
        until=date(2027, 2, 24),
        frequency="once a week",
        services=[sessions, testing],
        separate=["Medication visit"],
    )


def said(paper: Paper) -> str:
    return re.sub(r"<[^>]+>", " ", render_html(paper))


FORMS = {
    "invoice": lambda language: forms.invoice(bill(), language),
    "superbill": lambda language: forms.superbill(bill(), language),
    "estimate": lambda language: forms.estimate(estimate(), language),
}
ALL = [(name, language) for name in FORMS for language in WORDS]


@pytest.mark.parametrize(("name", "language"), ALL)
def test_a_paper_is_a_tagged_pdf_in_its_language(name: str, language: str) -> None:
    """Issue 4: accessible, in English and Spanish. Nothing is untagged, the title and the order are the form's."""
    paper = FORMS[name](language)
    read = read_pdf(render_pdf(paper))
    assert (read.untagged, read.unmatched) == ([], [])
    assert (read.language, read.title) == (f"{language}-US", paper.title)
    headings = [block for block in paper.blocks if isinstance(block, Heading)]
    assert read.tags("H1")[0].text == headings[0].text
    assert [tag.text for tag in read.tags("H2")][-1] == headings[-1].text
    grids = [block for block in paper.blocks if isinstance(block, Grid)]
    heads = read.tags("TH")
    assert [tag.whole for tag in heads] == [text for grid in grids for text in grid.head]
    assert {tag.scope for tag in heads} == {"Column"}
    cells = [tag.whole for tag in read.tags("TD")]
    rows = [row for grid in grids for row in (*grid.rows, grid.total)]
    assert cells == [text for row in rows for text in row if text]


@pytest.mark.parametrize(("name", "language"), ALL)
def test_a_paper_as_web_page_has_the_same_structure(name: str, language: str) -> None:
    """The HTML form: language, one main heading, heads with their scope."""
    html = render_html(FORMS[name](language))
    assert f'<html lang="{language}-US">' in html
    assert html.count("<h1>") == 1
    assert '<th scope="col">' in html
    assert "Ana Rivera Núñez" in html


def test_both_languages_say_the_same_things() -> None:
    """No word is missing in one of them."""
    assert WORDS["en"].keys() == WORDS["es"].keys()
    assert all(WORDS["es"].values())


def test_an_invoice_bills_the_client_s_part_only() -> None:
    """INV-001: PR amounts, never CO; the rest is shown as insurance and contract."""
    paper = forms.invoice(bill())
    (table,) = [block for block in paper.blocks if isinstance(block, Grid)]
    assert table.rows[0][2:] == ("$150.00", "$130.00", "$20.00", "$5.00")
    assert table.total[2:] == ("$270.00", "$250.00", "$20.00", "$5.00")
    assert ("Left to pay", "$15.00") in [
        pair for b in paper.blocks if isinstance(b, Facts) for pair in b.pairs
    ]


def test_an_invoice_from_a_claim_and_its_remittance(tmp_path: Path) -> None:
    """From 837P and 835: the copayment is what the client owes."""
    source, remit, out = tmp_path / "c.837", tmp_path / "r.835", tmp_path / "i.html"
    control = Control(created=datetime(2026, 11, 24), interchange=3)
    source.write_bytes(write_837([claim()], control=control).data)
    house = LocalClearinghouse(tmp_path / "house", FrozenClock(NOW), lambda _: ("", ""))
    house.submit("c.837", source.read_bytes())
    remit.write_bytes(list(house.fetch())[-1].data)
    arguments = ["invoice", str(source), "--remit", str(remit), "--out", str(out), "--issued", "2026-11-24"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    text = out.read_text()
    assert "$130.00" in text
    assert "<dd>$20.00</dd>" in text
    (remittance,) = read_835(remit)
    assert from_claim(claim(), issued=DAY, paid=remittance.claims[0]).services[0].responsibility == Decimal(
        20
    )
    assert from_claim(claim(), issued=DAY).services[0].responsibility is None


def test_what_the_client_has_paid_is_taken_off() -> None:
    """AMT*F5 of the claim: line by line, what is over on the last; nothing is lost or counted twice."""
    two = replace(claim(), lines=claim().lines * 2)
    for paid, spread in ((0, [0, 0]), (20, [20, 0]), (170, [150, 20]), (400, [150, 250])):
        made = from_claim(replace(two, patient_paid=Decimal(paid)), issued=DAY)
        assert [service.paid for service in made.services] == spread
    left = forms.invoice(from_claim(replace(two, patient_paid=Decimal(170)), issued=DAY))
    assert Facts((("Left to pay", "$130.00"),), strong=True) in left.blocks


def syllables(word: str, language: str) -> int:
    """Of an English word by its hyphens, at least its vowels' groups but a silent e; of a Spanish one by its vowels."""
    vowels = re.findall(
        "[aeiouyáéíóúü]+", re.sub(r"(?<![aeiouyl])e$", "", word) if language == "en" else word
    )
    hiatus = re.findall("[aeoáéó](?=[aeoáéóíú])|[íú](?=[aeo])", word) if language == "es" else []
    return max(1, len(vowels) + len(hiatus))


def hard(texts: list[str], language: str) -> bool:
    """Above grade 8: Flesch-Kincaid; below 60 by Fernández-Huerta, which is grade 8 to 9."""
    text = " ".join(texts)
    found = re.findall(r"[^\W\d_]+", text.lower())
    length = len(found) / len(re.findall(r"[.?!]+(?=\s|$)", text))
    weight = sum(syllables(word, language) for word in found) / len(found)
    if language == "en":
        return 0.39 * length + 11.8 * weight - 15.59 > 8
    return 206.84 - 60 * weight - 1.02 * length < 60


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_a_paper_says_is_in_plain_language(language: str) -> None:
    """45 CFR 149.610 (c)(1): in clear and understandable language. The measure fails for a lawyer's sentence."""
    sentences = [text for text in WORDS[language].values() if text.endswith(".") and " " in text]
    assert len(sentences) > 8
    assert not hard(sentences, language)
    lawyer = {
        "en": "Initiation of the aforementioned resolution process will not adversely affect furnished services.",
        "es": "La iniciación del procedimiento administrativo susodicho no perjudicará la calidad correspondiente.",
    }
    assert hard([lawyer[language]], language)


def test_a_superbill_lacks_nothing_or_says_what() -> None:
    """SB-001: provider, credential, NPI, TIN, address; client; each line's date, place, code, ICD-10, units, charge."""
    text = said(forms.superbill(bill()))
    for needed in (
        "Jo Stone, LCSW",
        "1245319599",
        "123456789",
        "1 Main St",
        "Apr 9, 1988",
        "90837",
        "F41.1",
        "$150.00",
    ):
        assert needed in text
    poor = bill()
    poor.rendering.credential = ""
    poor.services[1].diagnoses = []
    with pytest.raises(InputError, match=r"credential; the diagnosis of line 2"):
        forms.superbill(poor)


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_good_faith_estimate_has_what_the_rule_asks_for(language: str) -> None:
    """GFE-002, 45 CFR 149.610(c): who, when, itemised by provider, codes, charges, separate items, disclaimers."""
    paper = forms.estimate(estimate(), language)
    text = said(paper)
    for needed in (
        CLIENT.name,
        "Weekly psychotherapy",
        "90837",
        "F41.1",
        "$1,800.00",
        "$2,000.00",
        "Dr Test",
        "IL",
    ):
        assert needed in text
    for needed in (
        "once a week",
        "987654321",
        "9 Oak Ave",
        "Medication visit",
        "$400",
        "120",
        "www.cms.gov/nosurprises",
        "1-800-985-3059",
        "1234567893",
    ):
        assert needed in text
    words = WORDS[language]
    for key in ("d_more", "d_only", "d_dispute", "d_how", "d_quality", "d_contract"):
        assert Text(words[key]) in paper.blocks
    above = paper.blocks[paper.blocks.index(Text(words["separate_note"])) + 1]
    assert above == Bullets(("Medication visit",), numbered=True), "(c)(1)(vi): directly above the list"


def test_an_estimate_that_lacks_something_or_runs_too_long_is_refused() -> None:
    """45 CFR 149.610(b)(1)(x): twelve months at most for recurring services."""
    with pytest.raises(InputError, match="twelve months"):
        forms.estimate(replace(estimate(), until=date(2027, 12, 1)))
    with pytest.raises(InputError, match="date of birth; the main service"):
        forms.estimate(replace(estimate(), primary="", client=Client("A")))
    with pytest.raises(InputError, match="how often"):
        forms.estimate(replace(estimate(), frequency=""))
    sessions, testing = estimate().services
    poor = replace(testing, provider=Provider("Dr Test"), charge=Decimal(0))
    with pytest.raises(
        InputError, match=r"charge of line 2; the provider's NPI of line 2; .* tax number of line 2"
    ):
        forms.estimate(replace(estimate(), services=[sessions, poor]))


def test_the_fhir_invoice_is_valid_and_adds_up() -> None:
    """FHIR Invoice: the client's part is the net, the deduction is what insurer and contract took."""
    invoice = fhir.invoice_resource(bill(), "Patient/1", issuer="Organization/practice")
    Invoice.model_validate(invoice)
    assert invoice["totalNet"]["value"] == 20.0
    for line, service in zip(invoice["lineItem"], bill().services, strict=True):
        assert sum(c["amount"]["value"] for c in line["priceComponent"]) == float(service.responsibility or 0)
    named = fhir.invoice_resource(bill(), "Patient/1", charges=["ChargeItem/7", ""])
    Invoice.model_validate(named)
    assert named["lineItem"][0]["chargeItemReference"] == {"reference": "ChargeItem/7"}
    assert "chargeItemCodeableConcept" in named["lineItem"][1]


def test_cms_1500_data_stand_in_their_boxes() -> None:
    """Items 2, 3, 21, 24, 28, 31, 33 of the form, six lines a page."""
    placed = {(field.line, field.column): field.text for field in fields(claim()) if field.text}
    assert placed[10, 1] == "RIVERA, ANA"
    assert placed[37, 3] == "F411"
    assert placed[42, 25] == "90837"
    assert placed[42, 45] == "A"
    assert placed[56, 54] == "150 00"
    assert placed[62, 51] == "1234567893"
    long = replace(claim(), lines=claim().lines * 7)
    assert read_pdf(render_cms1500([long])).pages == 2


def test_cms_1500_data_say_which_item_they_are() -> None:
    """Tagged: each field names its item of the form; what its box cannot hold is cut on paper, not for who listens."""
    one = claim()
    assert one.member is not None
    one.member.last = "A" * 40
    read = read_pdf(render_cms1500([one]))
    assert (read.untagged, read.unmatched, read.title) == ([], [], "CMS-1500 data")
    said = {tag.alt: tag.whole for tag in read.tags("Figure")}
    assert said[f"Item 2 patient's name: {'A' * 40}, ANA"] == "A" * 28
    assert said["Item 3 sex, F: marked"] == "X"
    assert said["Item 24 line 1, F charge: 150 00"] == "150 00"
    items = [int(found[1]) for alt in said if (found := re.match(r"Item (\d+)", alt))]
    assert items == sorted(items), "in the order of the form's items"


def test_json_errors_name_the_key_not_the_value() -> None:
    """A practice's own file: the path of what is wrong."""
    with pytest.raises(InputError, match=r"services\[0\].charge: an amount"):
        from_json(EstimateData, {"services": [{"charge": "SECRET"}]})
    with pytest.raises(InputError, match=r"client\.nam: no such key") as caught:
        from_json(EstimateData, {"client": {"nam": "SECRET"}})
    assert "SECRET" not in str(caught.value)


def test_commands_write_papers_from_files(tmp_path: Path) -> None:
    """``estimate``, ``superbill`` and ``cms1500`` from the command line; a bad file ends with 2."""
    data = {
        "given": "2026-11-24",
        "primary": "Psychotherapy",
        "practice": {"name": "Elm", "npi": "1234567893", "tin": "1", "state": "IL", "address": "1 Main"},
        "client": {"name": "Ana", "birth_date": "1988-04-09"},
        "services": [{"code": "90837", "charge": 150}],
    }
    source, claims = tmp_path / "e.json", tmp_path / "c.837"
    source.write_text(json.dumps(data))
    claims.write_bytes(write_837([claim()], control=Control(created=datetime(2026, 11, 24))).data)
    runner, out = CliRunner(), str(tmp_path / "o.pdf")
    assert runner.invoke(app, ["estimate", str(source), "--out", out, "--lang", "es"]).exit_code == 0
    assert Path(out).read_bytes().startswith(b"%PDF")
    for asked, scheduled, told in (
        ("2026-11-20", "2026-11-27", "2 business days; 45 CFR 149.610(b) allows 1"),
        ("2026-11-20", "2026-12-20", ""),
        ("2026-11-18", None, "4 business days; 45 CFR 149.610(b) allows 3"),
    ):
        source.write_text(json.dumps({**data, "asked": asked, "scheduled": scheduled}))
        late = runner.invoke(app, ["estimate", str(source), "--out", out])
        assert (late.exit_code, told in late.stderr, bool(late.stderr)) == (0, True, bool(told))
    done = runner.invoke(app, ["superbill", str(claims), "--credential", "LCSW", "--out", out])
    assert done.exit_code == 0, done.output
    assert runner.invoke(app, ["cms1500", str(claims), "--out", out]).exit_code == 0
    source.write_text("{")
    failed = runner.invoke(app, ["estimate", str(source), "--out", out])
    assert (failed.exit_code, failed.stderr[:6]) == (2, "error:")


def test_the_estimate_of_the_docs_is_whole(tmp_path: Path) -> None:
    """docs/billing.md: its example makes an estimate, in time."""
    docs = Path(__file__).resolve().parents[3] / "docs" / "billing.md"
    (example,) = re.findall(r"```json\n(.*?)```", docs.read_text("utf-8"), re.S)
    source, out = tmp_path / "e.json", tmp_path / "e.html"
    source.write_text(example)
    done = CliRunner().invoke(app, ["estimate", str(source), "--out", str(out)])
    assert (done.exit_code, done.stderr) == (0, "")
    assert "<dd>$1,800.00</dd>" in out.read_text()
