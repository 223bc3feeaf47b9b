"""Papers: tagged, in reading order, the same byte for byte, whatever people wrote."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from chartside.errors import PluginError
from chartside.papers import (
    Beside,
    Bullets,
    Facts,
    Grid,
    Heading,
    Paper,
    Signature,
    Text,
    pdf,
    problem,
    render_html,
    render_pdf,
    typeset,
)
from chartside.testing.pdf import read_pdf

ALL = Paper(
    "Factura 7",
    "es-US",
    "Elm Therapy",
    [
        Heading("Factura 7", 1),
        Facts((("Fecha", "4 nov 2026"), ("Número", "7"))),
        Beside(
            (Heading("Consultorio"), Facts((("NPI", "1234567893"),))),
            (Heading("Cliente"), Facts((("Nombre", "Ana Núñez"),))),
        ),
        Grid("Servicios", ("Código", "Cargo"), (("90837", "$150.00"),), frozenset({1}), ("Total", "$150.00")),
        Facts((("Por pagar", "$150.00"),), strong=True),
        Text("Gracias.\nHasta pronto."),
        Heading("Después"),
        Bullets(("uno", "dos")),
        Bullets(("primero",), numbered=True),
        Signature("Firma"),
    ],
)


def text_only(*texts: str) -> Paper:
    return Paper("T", "en-US", "", [Heading("T", 1), *map(Text, texts)])


def test_every_block_has_its_tag_in_reading_order():
    """Issue 4, accessible: headings, lists, tables with heads, in the order of the blocks; nothing untagged."""
    read = read_pdf(render_pdf(ALL))
    assert (read.untagged, read.unmatched) == ([], [])
    said = [
        (tag.type, tag.whole) for tag in read.tags("H1", "H2", "Lbl", "LBody", "Caption", "TH", "TD", "P")
    ]
    assert said == [
        *[
            ("H1", "Factura 7"),
            ("Lbl", "Fecha:"),
            ("LBody", "4 nov 2026"),
            ("Lbl", "Número:"),
            ("LBody", "7"),
        ],
        *[("H2", "Consultorio"), ("Lbl", "NPI:"), ("LBody", "1234567893")],
        *[("H2", "Cliente"), ("Lbl", "Nombre:"), ("LBody", "Ana Núñez")],
        *[("Caption", "Servicios"), ("TH", "Código"), ("TH", "Cargo"), ("TD", "90837"), ("TD", "$150.00")],
        *[("TD", "Total"), ("TD", "$150.00"), ("Lbl", "Por pagar:"), ("LBody", "$150.00")],
        *[("P", "Gracias.Hasta pronto."), ("H2", "Después"), ("Lbl", "•"), ("LBody", "uno")],
        *[("Lbl", "•"), ("LBody", "dos"), ("Lbl", "1."), ("LBody", "primero"), ("P", "Firma:")],
    ]
    assert {tag.scope for tag in read.tags("TH")} == {"Column"}


def test_a_reader_learns_title_language_and_standard():
    """PDF/UA-1: title shown, language, identification, fonts within, text that can be read back; no day, no machine."""
    made = render_pdf(ALL)
    read = read_pdf(made)
    assert (read.title, read.language) == ("Factura 7", "es-US")
    for needed in (
        b"/DisplayDocTitle true",
        b"/Marked true",
        b"<pdfuaid:part>1<",
        b"/FontFile",
        b"/ToUnicode",
    ):
        assert needed in made
    assert b"CreationDate" not in made
    assert "Página 1 de 1" in read.artifacts, "the foot of the page is not read out"


@pytest.mark.parametrize(("seed", "zone"), [("1", "Pacific/Kiritimati"), ("2", "America/Los_Angeles")])
def test_the_same_paper_gives_the_same_bytes_anywhere(seed, zone, tmp_path):
    """Issue 4, reproducible byte for byte: other process, hash seed, time zone, language, folder, build date."""
    code = (
        "import hashlib; from chartside.papers import *;"
        f"print(hashlib.sha256(render_pdf({ALL!r})).hexdigest())"
    )
    odd = {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C", "SOURCE_DATE_EPOCH": seed * 9}
    ran = [sys.executable, "-c", code]
    done = subprocess.run(
        ran, cwd=tmp_path, env={**os.environ, **odd}, capture_output=True, check=True, text=True
    )
    assert done.stdout.strip() == hashlib.sha256(render_pdf(ALL)).hexdigest()


def test_every_letter_stands_out():
    """WCAG 1.4.3: contrast of at least 4.5 to 1, on the grey of heads and sums, too."""
    import pypdfium2
    from pypdfium2 import raw

    def light(red: int, green: int, blue: int) -> float:
        parts = (c / 255 for c in (red, green, blue))
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    document = pypdfium2.PdfDocument(render_pdf(ALL))
    texts = [o for o in document[0].get_objects() if o.type == raw.FPDF_PAGEOBJ_TEXT]
    assert len(texts) > 20
    for item in texts:
        colour = [ctypes.c_uint() for _ in range(4)]
        assert raw.FPDFPageObj_GetFillColor(item, *colour)
        assert (light(235, 235, 235) + 0.05) / (light(*(c.value for c in colour[:3])) + 0.05) >= 4.5


MARKUP = (
    '#read("/etc/passwd") $x^2$ *b* _i_ `c` <label> @ref \\u{41} [a](b) = h // c /* d */ ~ -- <b>&amp; %PDF'
)


def test_markup_that_people_wrote_stays_text():
    """Untrusted text is data: nothing of it is read as markup, in the PDF or in HTML."""
    assert MARKUP in read_pdf(render_pdf(text_only(MARKUP))).text
    assert "<b>" not in render_html(text_only(MARKUP)).replace("<body>", "")


@pytest.mark.parametrize(
    ("wrote", "shown"),
    [
        ("a\x00b\x1b[31mc\x07\ufeff", "ab[31mc"),
        ("$\u202e0005\u202c only", "$0005 only"),
        ("\u2066x\u2069\u200f", "x"),
        ("a\ud800b", "a[U+D800]b"),
        ("hi \U0010fffd", "hi [U+10FFFD]"),
        ("Nun\u0303ez", "Nuñez"),
        ("Đặng Ωμέγα Зоя", "Đặng Ωμέγα Зоя"),
        ("a\tb\u2028c", "a bc"),
    ],
)
def test_odd_letters_do_no_harm(wrote, shown):
    """Control characters and marks that turn the direction go; a letter without a glyph stands as its code point."""
    read = read_pdf(render_pdf(text_only(wrote)))
    assert read.tags("P")[0].text.replace("\r\n", "") == shown
    assert (read.untagged, read.unmatched) == ([], [])


def test_writing_from_right_to_left_is_kept():
    """Hebrew and Arabic names."""
    read = read_pdf(render_pdf(text_only("שלום", "سلام")))
    assert [set(tag.text) for tag in read.tags("P")] == [set("שלום"), set("سلام")]


def test_a_very_long_word_stays_on_the_page():
    """It is broken over lines; no column is pushed off the paper."""
    word = "x" * 3_000
    paper = Paper(
        "T", "en-US", "", [Text(word), Grid("", ("a", "b", "c"), ((word, word, "$1.00"),), frozenset({2}))]
    )
    read = read_pdf(render_pdf(paper))
    assert read.tags("P")[0].text.count("x") == 3_000
    assert "$1.00" in [tag.text for tag in read.tags("TD")]
    assert 500 < read.right < 612 - 50


@pytest.mark.slow
def test_a_thousand_lines_repeat_their_heads_for_the_eye_alone():
    """Many pages: each line once and in order, the head on each page, but read out once."""
    rows = tuple((f"line {n}", f"${n}.00") for n in range(1_000))
    read = read_pdf(render_pdf(Paper("T", "en-US", "E", [Grid("G", ("What", "Sum"), rows, frozenset({1}))])))
    assert read.pages > 20
    assert [tag.whole for tag in read.tags("TD")] == [cell for row in rows for cell in row]
    assert [tag.whole for tag in read.tags("TH")] == ["What", "Sum"]
    assert read.artifacts.count("What ") + read.artifacts.count("What") == read.pages - 1
    assert (read.untagged, read.unmatched) == ([], [])


def test_empty_blocks_are_no_fault():
    """Nothing to show: still a paper."""
    paper = Paper(" ", "en-US", "", [Heading("", 1), Text(""), Facts(()), Bullets(()), Grid("", ("a",), ())])
    read = read_pdf(render_pdf(paper))
    assert (read.pages, read.title) == (1, "–")


@pytest.mark.skipif(sys.platform == "win32", reason="a script as the interpreter")
def test_what_the_child_lacks_is_told_whatever_this_process_has(monkeypatch, tmp_path):
    """A missing extra: one sentence with the install line; ``problem`` (for ``check``) runs what a paper runs."""
    assert problem() is None
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n', "utf-8")  # sees no installed package
    bare.chmod(0o700)
    monkeypatch.setattr(pdf.sys, "executable", str(bare))
    told = r"typst is not installed.*pip install 'chartside\[papers\]'"
    with pytest.raises(PluginError, match=told):
        render_pdf(ALL)
    assert re.search(told, str(problem()))


@pytest.mark.parametrize(
    ("child", "said"),
    [
        ("import no_such_module_at_all", r"does not run here.*pip install 'chartside\[papers\]'"),
        ("import sys; sys.exit(3)", "typst refused the paper"),
        ("import os; os.kill(os.getpid(), 9)", "ended by a signal"),
    ],
)
def test_each_cause_has_its_own_words(child, said, monkeypatch, tmp_path):
    """A broken installation is not the paper's fault, and the other way round."""
    script = tmp_path / "child.py"
    script.write_text(child, "utf-8")
    monkeypatch.setattr(pdf, "_CHILD", script)
    with pytest.raises(PluginError, match=said):
        render_pdf(ALL)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (subprocess.TimeoutExpired("typst", 120), "within 120 s"),
        (OSError(12, "no memory"), "could be started"),
    ],
)
def test_a_child_that_cannot_work_is_told(fault, said, monkeypatch):
    """Nor is a full machine."""

    def failing(*_args, **_options):
        raise fault

    monkeypatch.setattr(pdf.subprocess, "run", failing)
    with pytest.raises(PluginError, match=said) as caught:
        render_pdf(ALL)
    assert caught.value.__cause__ is None


def test_the_child_gets_no_secret(monkeypatch, tmp_path):
    """What the config reads by ``$env`` is the host's alone."""
    script = tmp_path / "child.py"
    script.write_text("import os; print(sorted(os.environ))", "utf-8")
    monkeypatch.setattr(pdf, "_CHILD", script)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "secret")
    assert b"TWILIO" not in render_pdf(ALL)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl")
def test_the_child_leaves_no_dump():
    """Its memory holds a whole note: no core file, and none through a crash handler."""
    from chartside.papers import child

    code = (
        "import ctypes, resource; from chartside.papers.child import *; leave_no_dump();"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0], ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.split() == ["0", "0"]
    assert "leave_no_dump()" in Path(child.__file__).read_text("utf-8").partition("def main")[2]
    assert child.REFUSED == pdf._REFUSED


def test_a_fault_of_the_template_names_nothing_of_the_data():
    """No PHI in an error: what typst says may hold it."""
    with pytest.raises(PluginError) as caught:
        typeset(b"#panic(sys.inputs.data)", {"name": "Ana Rivera"})
    assert "Ana" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_reader_sees_faults():
    """The measure can fail: a page without tags is seen as such."""
    import typst

    plain = typst.compile(b'#set document(title: "T")\nHello', pdf_tags=False)
    assert read_pdf(plain).untagged
    assert replace(read_pdf(plain), untagged=[]).tags() == []
