"""The importers: a published file becomes a set of ours, whole or not at all; the old set stays until the new
one is ready."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from chartside.errors import InputError
from chartside_billing.codes import files
from chartside_billing.codes.facts import behavioral
from chartside_billing.codes.icd import Icd, Release, pack
from chartside_billing.codes.icd_build import build, read_code_list, read_order_file
from chartside_billing.codes.ptp import Packer, Ptp
from chartside_billing.codes.store import SETS, path_of, read_json, replacing, versions, write_json
from chartside_billing.money import parse_amount

_EARLY, _LATE = "1900-01-01", "9999-12-31"


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: the set, its first day, rows kept, and where it lies."""

    name: str
    effective: date
    rows: int
    path: Path


@dataclass(frozen=True, slots=True)
class Options:
    """How to import. ``everything`` keeps all codes, not only behavioural ones; ``force`` takes a much smaller
    file."""

    folder: Path
    effective: date
    everything: bool = False
    force: bool = False
    progress: files.Progress | None = None


def import_set(name: str, path: Path, options: Options) -> Imported:
    """Import one file. Raises InputError saying what is wrong with it; the old set is then as it was."""
    if name not in SETS:
        raise InputError(f"there is no code set of that name: {', '.join(SETS)}")
    if not path.is_file():
        raise InputError("there is no such file", mend="give the path of the file that you downloaded")
    target = path_of(options.folder, name, options.effective)
    if name == "ncci-ptp":
        rows = _ptp(path, target, options)
    elif name == "icd10":
        rows = _icd10(path, target, options)
    else:
        data = _READERS[name](path, options)
        _not_shrunk(name, len(data), options)
        write_json(target, _about(name, path, options, len(data)), data)
        rows = len(data)
    return Imported(name, options.effective, rows, target)


def effective_from_name(path: Path) -> date | None:
    """The first day that a file's name tells: ``...Eff_10-01-2026``, ``2026-10-01``, ``2026Q4``; None if it
    tells none."""
    name = path.name
    if match := re.search(r"(\d{2})-(\d{2})-(20\d{2})", name):
        return _date(match[3], match[1], match[2])
    if match := re.search(r"(20\d{2})-?(\d{2})-?(\d{2})(?!\d)", name):
        return _date(*match.groups())
    if match := re.search(r"(20\d{2})[-_ ]?[qQ]([1-4])", name):
        return date(int(match[1]), int(match[2]) * 3 - 2, 1)
    return None


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _about(name: str, path: Path, options: Options, rows: int) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"set": name, "effective": options.effective.isoformat(), "rows": rows, "sha256": digest}


def _not_shrunk(name: str, rows: int, options: Options) -> None:
    """A file cut at a line's end looks whole; half the rows of the set in place is too few to be true."""
    if not rows:
        raise InputError("the file holds no row that can be used", mend="is it the right file?")
    old = versions(options.folder, name)
    if not old or options.force:
        return
    before = Ptp(old[-1][1]).rows if name == "ncci-ptp" else len(read_json(old[-1][1]))
    if rows * 2 < before:
        reason = f"the file has {rows} rows, the set in place {before}: it seems to be cut"
        raise InputError(reason, mend="download it again, or say --force if it is right")


def _ptp(path: Path, target: Path, options: Options) -> int:
    packer = Packer()
    keep = None if options.everything else behavioral
    packer.add_all(files.read_ptp(path, keep=keep, progress=options.progress))
    _not_shrunk("ncci-ptp", packer.rows, options)
    with replacing(target) as out:
        packer.write(out, _about("ncci-ptp", path, options, packer.rows))
    return packer.rows


def _icd10(path: Path, target: Path, options: Options) -> int:
    """The order file, a code list, or the tabular XML. What the file does not say is taken from the newest
    release."""
    if path.stat().st_size > files.MAX_SMALL:
        raise InputError("the file is larger than any ICD-10-CM file: it is another file")
    raw = path.read_bytes()
    before = Icd.open([p for _, p in versions(options.folder, "icd10")]).release(options.effective)
    if raw.lstrip()[:1] == b"<":
        release = build(options.effective, before.leaves | before.headings, raw)
    else:
        text = raw.decode("latin-1")
        ordered = read_order_file(text)
        notes = (before.excludes1, before.code_first, before.use_additional)
        if ordered is not None:
            release = Release(options.effective, *ordered, *notes)
        else:
            release = _from_list(text, options.effective, before)
    with replacing(target) as out:
        out.write(pack(release))
    return len(release.leaves)


def _from_list(text: str, effective: date, before: Release) -> Release:
    codes = read_code_list(text)
    if len(codes) * 2 < len(before.leaves):
        raise InputError(f"only {len(codes)} codes: the file is cut, or no ICD-10-CM code list")
    headings = {code[:length] for code in codes for length in range(3, len(code))} & (
        before.headings | before.leaves
    )
    leaves = frozenset(codes) - headings
    return Release(
        effective, leaves, frozenset(headings), before.excludes1, before.code_first, before.use_additional
    )


def _mue(path: Path, options: Options) -> dict[str, list[int]]:
    needed = {
        "code": ("hcpcs/ cpt code", "hcpcs/cpt code", "hcpcs", "code"),
        "value": ("mue values", "mue value"),
    }
    rows = files.with_header(files.table(path), {**needed, "mai": ("adjudication indicator",)}, {})
    found: dict[str, list[int]] = {}
    for number, row in rows:
        code, mai = row["code"].upper(), row["mai"][:1]
        if not files.PROCEDURE.match(code) or not row["value"].isdigit() or mai not in {"1", "2", "3"}:
            raise InputError(
                f"line {number}: not a code, a value and an MAI", mend="the file is cut, or another one"
            )
        if options.everything or behavioral(code):
            found[code] = [int(row["value"]), int(mai)]
    return found


def _aoc(path: Path, options: Options) -> dict[str, dict[str, Any]]:
    """xlsx or CSV with headers, else fixed width: add-on code, type, primary code, dates as YYYYDDD or YYYYMMDD."""
    found: dict[str, dict[str, Any]] = {}
    for number, row in _aoc_rows(path):
        code, kind = row["add_on"].upper(), row["type"][:1]
        if not files.PROCEDURE.match(code) or kind not in {"1", "2", "3"}:
            raise InputError(
                f"line {number}: not an add-on code and its type", mend="the file is cut, or another one"
            )
        start = files.iso_day(row.get("start", ""), missing=_EARLY, number=number)
        end = files.iso_day(row.get("end", ""), missing=_LATE, number=number)
        entry = found.setdefault(code, {"type": int(kind), "primaries": []})
        primary = row.get("primary", "").upper()
        if files.PROCEDURE.match(primary):
            entry["primaries"].append([primary, start, end])
    return {code: entry for code, entry in found.items() if options.everything or behavioral(code)}


_AOC_LINE = re.compile(r"\s*([0-9A-Z]{5})\s+([123])\b\s*([0-9A-Z]{5})?\s*(\d{7,8})?\s*(\d{7,8})?")


def _aoc_rows(path: Path) -> Any:
    needed = {"add_on": ("add-on", "addon", "aoc code", "aoc_code"), "type": ("type",)}
    optional = {
        "primary": ("primary",),
        "start": ("effdt", "eff_dt", "eff dt", "effective"),
        "end": ("deldt", "del_dt", "del dt", "deletion"),
    }
    if path.suffix.lower() != ".txt":
        yield from files.with_header(files.table(path), needed, optional)
        return
    for number, line in enumerate(path.read_text("latin-1").splitlines(), 1):
        match = _AOC_LINE.match(line)
        if match:
            add_on, kind, primary, start, end = (part or "" for part in match.groups())
            yield number, {"add_on": add_on, "type": kind, "primary": primary, "start": start, "end": end}


def _hcpcs(path: Path, options: Options) -> dict[str, list[str]]:
    needed = {"code": ("hcpc", "hcpcs", "code"), "start": ("add dt", "add date", "effective", "start")}
    found: dict[str, list[str]] = {}
    for number, row in files.with_header(
        files.table(path), needed, {"end": ("term dt", "termination", "end")}
    ):
        code = row["code"].upper()
        if not files.PROCEDURE.match(code):
            continue  # modifiers stand in the same file
        start = files.iso_day(row["start"], missing=_EARLY, number=number)
        found[code] = [start, files.iso_day(row.get("end", ""), missing=_LATE, number=number)]
    return found


def _taxonomy(path: Path, options: Options) -> list[str]:
    rows = files.with_header(files.table(path), {"code": ("code",), "grouping": ("grouping",)}, {})
    found = []
    for number, row in rows:
        if not re.match(r"[0-9A-Z]{9}X\Z", row["code"]):
            raise InputError(f"line {number}: not a taxonomy code", mend="the file is cut, or another one")
        found.append(row["code"])
    return sorted(found)


def _payers(path: Path, options: Options) -> dict[str, str]:
    needed = {"id": ("payer id", "payer_id", "payerid", "id")}
    optional = {"name": ("payer name", "name"), "professional": ("professional", "837p", "cms-1500")}
    found: dict[str, str] = {}
    for number, row in files.with_header(files.table(path), needed, optional):
        if not row["id"] or len(row["id"]) > 80:
            raise InputError(f"line {number}: no payer id")
        if row.get("professional", "").lower() not in {"n", "no", "false", "0"}:
            found[row["id"].upper()] = row.get("name", "")
    return found


def _fees(path: Path, options: Options) -> list[list[str]]:
    needed = {"code": ("code", "procedure"), "fee": ("fee", "charge", "amount", "price")}
    optional = {
        "modifiers": ("modifier",),
        "pos": ("pos", "place"),
        "start": ("from", "start"),
        "end": ("until", "to", "end"),
    }
    found = []
    for number, row in files.with_header(files.table(path), needed, optional):
        amount = parse_amount(row["fee"].replace("$", "").replace(",", ""))
        if not files.PROCEDURE.match(row["code"].upper()) or amount is None or amount < Decimal(0):
            raise InputError(f"line {number}: not a code and a fee")
        start = files.iso_day(row.get("start", ""), missing=_EARLY, number=number)
        end = files.iso_day(row.get("end", ""), missing=_LATE, number=number)
        modifiers = " ".join(sorted(re.findall(r"[0-9A-Z]{2}", row.get("modifiers", "").upper())))
        found.append([row["code"].upper(), modifiers, row.get("pos", ""), str(amount), start, end])
    return found


_READERS: dict[str, Callable[[Path, Options], Any]] = {
    "mue": _mue,
    "aoc": _aoc,
    "hcpcs": _hcpcs,
    "taxonomy": _taxonomy,
    "payers": _payers,
    "fees": _fees,
}
