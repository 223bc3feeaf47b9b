"""Rows out of the files that CMS, NUCC, clearinghouses and practices publish. Errors name lines, never content."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from chartside.errors import ConfigError, InputError
from chartside_billing.codes.ptp import NEVER, Row

PROCEDURE = re.compile(r"[0-9A-Z][0-9]{3}[0-9A-Z]\Z")
MAX_SMALL = 64 * 1024 * 1024
Progress = Callable[[int], None]


def read_ptp(
    path: Path, *, keep: Callable[[str], bool] | None, progress: Progress | None = None
) -> Iterator[Row]:
    """NCCI pairs: tab-separated, Latin-1, a preamble; column 1, column 2, ``*`` for pre-1996, first, last day,
    indicator.

    Indicator 9 (deleted on the day it began) is left out. ``keep`` says which codes matter: a pair stays if
    either does.
    """
    wanted: dict[str, bool] = {}
    seen = number = 0
    with path.open(encoding="latin-1", newline="\n") as file:
        for number, line in enumerate(file, 1):
            parts = line.split("\t")
            try:
                one, two, start, end, flag = (
                    parts[0].strip(),
                    parts[1].strip(),
                    parts[3],
                    parts[4].strip(),
                    parts[5].strip(),
                )
                first = int(start)
            except (IndexError, ValueError):
                if seen and line.strip():
                    raise InputError(
                        f"line {number}: not the six columns of an NCCI pair", mend=_CUT
                    ) from None
                continue
            if flag not in {"0", "1", "9"} or len(one) != 5 or len(two) != 5:
                raise InputError(f"line {number}: not an NCCI pair (codes or indicator)", mend=_CUT)
            seen += 1
            if progress is not None and not seen % 100_000:
                progress(seen)
            if flag == "9" or (keep is not None and not _either(one, two, keep, wanted)):
                continue
            yield one, two, _day(first, number), NEVER if end in {"*", ""} else _day(end, number), flag
    if not seen:
        raise InputError(
            "no NCCI pair was found", mend="give the tab-separated text file of the PTP edits (practitioner)"
        )


_CUT = "the file is cut, or another one: download it again"


def _either(one: str, two: str, keep: Callable[[str], bool], wanted: dict[str, bool]) -> bool:
    for code in (one, two):
        known = wanted.get(code)
        if known is None:
            known = wanted[code] = keep(code)
        if known:
            return True
    return False


def _day(value: int | str, number: int) -> int:
    day = int(value) if str(value).isdigit() else 0
    if not (19_000_101 <= day <= NEVER and 1 <= day // 100 % 100 <= 12 and 1 <= day % 100 <= 31):
        raise InputError(f"line {number}: a date is no YYYYMMDD", mend=_CUT)
    return day


def table(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Numbered rows of a CSV, a tab-separated text or an xlsx's first sheet."""
    if path.suffix.lower() in {".xlsx", ".xlsm"} or zipfile.is_zipfile(path):
        yield from _xlsx(path)
        return
    if path.stat().st_size > MAX_SMALL:
        raise InputError(f"the file is larger than {MAX_SMALL // 2**20} MiB: it is another file")
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    dialect = csv.excel_tab if text[:4000].count("\t") > text[:4000].count(",") else csv.excel
    try:
        for row in (reader := csv.reader(io.StringIO(text, newline=""), dialect)):
            yield reader.line_num, row
    except csv.Error as error:
        raise InputError(f"line {reader.line_num}: no CSV ({error})") from None


def _xlsx(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError:
        raise ConfigError(
            "billing", "openpyxl is not installed", mend="pip install 'chartside[billing]'"
        ) from None
    try:
        book = load_workbook(path, read_only=True, data_only=True)
        for number, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
            yield number, ["" if cell is None else str(cell) for cell in cells]
    except (zipfile.BadZipFile, KeyError, InvalidFileException, ValueError, EOFError, OSError):
        raise InputError("the xlsx file is cut or damaged", mend="download it again") from None


def with_header(
    rows: Iterable[tuple[int, list[str]]],
    needed: Mapping[str, tuple[str, ...]],
    optional: Mapping[str, tuple[str, ...]],
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows as dictionaries, once a row that names all ``needed`` columns has come.

    A needed column is found if a cell holds one of its phrases (lower case, line breaks as blanks). Raises
    InputError if
    no header comes in the first 60 rows.
    """
    columns: dict[str, int] = {}
    for number, row in rows:
        if not columns:
            cells = [" ".join(cell.split()).lower() for cell in row]
            found = {name: _column(cells, words) for name, words in needed.items()}
            if all(place is not None for place in found.values()):
                extra = {name: _column(cells, words) for name, words in optional.items()}
                columns = {name: place for name, place in {**found, **extra}.items() if place is not None}
            elif number > 60:
                break
            continue
        if any(cell.strip() for cell in row):
            yield number, {name: row[p].strip() if p < len(row) else "" for name, p in columns.items()}
    if not columns:
        raise InputError(
            f"no header with the columns {', '.join(needed)} was found", mend="is it the right file?"
        )


def _column(cells: list[str], words: tuple[str, ...]) -> int | None:
    for word in words:
        for place, cell in enumerate(cells):
            if cell == word or (len(word) > 3 and word in cell):
                return place
    return None


def iso_day(text: str, *, missing: str, number: int) -> str:
    """A date in any of the forms that these files use, as ISO; ``missing`` for an empty one or ``*``."""
    text = text.strip()
    if text in {"", "*", "0"}:
        return missing
    if match := re.match(r"(\d{4})-?(\d{2})-?(\d{2})(?:[ T].*)?\Z", text):
        return "-".join(match.groups())
    if match := re.match(r"(\d{1,2})/(\d{1,2})/(\d{4})\Z", text):
        return f"{match[3]}-{int(match[1]):02}-{int(match[2]):02}"
    if match := re.match(r"(\d{4})(\d{3})\Z", text):  # year and day of the year, as the add-on file has it
        from datetime import date, timedelta

        return (date(int(match[1]), 1, 1) + timedelta(days=int(match[2]) - 1)).isoformat()
    raise InputError(f"line {number}: a date is in no known form")
