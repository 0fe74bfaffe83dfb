"""Files of people: CSV, JSON Lines, XLSX and Parquet as one table of texts, read row by row in constant memory.

Rules of the room: a file is looked at from its first byte to its last before anything is taken from it (its hash names
it, its bytes say the encoding); a row that cannot be read is a line with a problem, never a guess and never the end of
the reading; rows are numbered as a spreadsheet numbers them. Nothing here knows what a phone number is.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple, Protocol, Self

from sayso.errors import ConfigError, InvalidRequest

Format = Literal["csv", "jsonl", "xlsx", "parquet"]

#: Bytes read at a time while a file is surveyed.
CHUNK: Final = 1024 * 1024
#: Bytes from the beginning that decide on encoding, format and delimiter.
HEAD: Final = 64 * 1024
#: Rows looked at to find the header and to guess what a column holds.
SAMPLE: Final = 200
#: Most columns of a table; a list of people has dozens.
MAX_COLUMNS: Final = 1_000
#: Most rows of one file: beyond this it is to be cut into several.
MAX_ROWS: Final = 200_000_000
#: Longest name of a column that is kept.
MAX_NAME: Final = 120

FORMATS: Final[dict[str, Format]] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".tab": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".xlsx": "xlsx", ".xlsm": "xlsx", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
#: A cell that begins so is a formula to a spreadsheet (OWASP, CSV injection).
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Line(NamedTuple):
    """One row. `place` counts rows as a spreadsheet does, from 1, the header included."""

    place: int
    cells: Sequence[str]
    problem: str = ""


class Rows(Protocol):
    """What reads one format. `lines` begins at the file's first row, whatever it holds."""

    def lines(self) -> Iterator[Line]:
        """Every row, blank ones with no cells."""

    def share(self) -> float:
        """How much of the file was read, 0 to 1."""

    def close(self) -> None:
        """Let go of the file."""


@dataclass(frozen=True, slots=True)
class Survey:
    """A file as it was found: its hash, size and first bytes, and the first byte that is not UTF-8 (-1: none)."""

    path: Path
    hash: str
    size: int
    modified: int
    head: bytes
    not_utf8_at: int


@dataclass(slots=True)
class Table:
    """A file opened as a table. `header_place` is 0 where the first row holds data already; `notes` say what was
    taken for granted.
    """

    survey: Survey
    format: Format
    rows: Rows
    header: tuple[str, ...] = ()
    header_place: int = 0
    sample: tuple[Line, ...] = ()
    notes: list[str] = field(default_factory=list)

    def lines(self, after: int = 0) -> Iterator[Line]:
        """Rows behind this place, blank ones left out. Raises InvalidRequest for a file that ends in the middle or was
        changed meanwhile.
        """
        begin = max(after, self.header_place)
        for line in self.rows.lines():
            if line.place > begin and (line.problem or any(cell and not cell.isspace() for cell in line.cells)):
                yield line
            if line.place > MAX_ROWS:
                raise InvalidRequest(f"A file holds at most {MAX_ROWS:,} rows; cut it into several.", param="file")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check_unchanged(self) -> None:
        """Raises InvalidRequest if the file is not the one that was surveyed."""
        found = self.survey.path.stat()
        if (found.st_size, found.st_mtime_ns) != (self.survey.size, self.survey.modified):
            raise InvalidRequest("The file was changed while it was read. Nothing after the last row reported was "
                                 "taken from it.", param="file")

    def close(self) -> None:
        """Let go of the file."""
        self.rows.close()


def open_table(path: Path, *, format: str = "", encoding: str = "", sheet: str = "") -> Table:
    """Survey a file and open it. `format` and `encoding` go before what the file looks like. Raises ConfigError for a
    file that cannot be read, InvalidRequest for one that is no table.
    """
    survey = look_over(path)
    if not survey.size:
        raise InvalidRequest("The file is empty.", param="file")
    kind = _format(survey, format)
    notes: list[str] = []
    table = Table(survey, kind, _reader(survey, kind, encoding, sheet, notes), notes=notes)
    try:
        _find_header(table)
    except BaseException:
        table.close()
        raise
    return table


def look_over(path: Path) -> Survey:
    """Read the whole file once: its SHA-256, and whether it is UTF-8. Raises ConfigError."""
    decoder, digest = codecs.getincrementaldecoder("utf-8")(), hashlib.sha256()
    head, bad, read = b"", -1, 0
    try:
        with path.open("rb") as file:
            found = path.stat()
            while chunk := file.read(CHUNK):
                head = head or chunk[:HEAD]
                digest.update(chunk)
                bad = _first_bad(decoder, chunk, read) if bad < 0 else bad
                read += len(chunk)
            bad = _first_bad(decoder, b"", read) if bad < 0 else bad  # a character cut off at the end
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be read: {error.strerror}.", param="file") from error
    return Survey(path, digest.hexdigest(), read, found.st_mtime_ns, head, bad)


def _first_bad(decoder: codecs.IncrementalDecoder, chunk: bytes, before: int) -> int:
    try:
        decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError as error:
        return before + error.start
    return -1


def _format(survey: Survey, wanted: str) -> Format:
    """By what the bytes are, then by what was said, then by the name."""
    if survey.head.startswith(b"PK\x03\x04"):
        return "xlsx"
    if survey.head.startswith(b"PAR1"):
        return "parquet"
    if survey.head.startswith((b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b")):
        raise InvalidRequest("This is an old Excel file, a PDF or a compressed file; save it as CSV or XLSX.",
                             param="file")
    named = FORMATS.get(survey.path.suffix.lower())
    if wanted and wanted not in set(FORMATS.values()):
        raise InvalidRequest(f"A format is one of {', '.join(sorted(set(FORMATS.values())))}.", param="format")
    if wanted in ("xlsx", "parquet") or (not wanted and named in ("xlsx", "parquet")):
        raise InvalidRequest(f"The file says it is {wanted or named} and does not begin like one.", param="file")
    if wanted == "jsonl" or (not wanted and named == "jsonl"):
        return "jsonl"
    if not wanted and survey.head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"{":
        return "jsonl"
    return "csv"


def _reader(survey: Survey, kind: Format, encoding: str, sheet: str, notes: list[str]) -> Rows:
    """The reader of a format; those that need a library of their own are loaded when wanted."""
    if kind == "xlsx":
        from sayso.channels.files_xlsx import XlsxRows  # noqa: PLC0415  loads openpyxl

        return XlsxRows(survey.path, sheet, notes)
    if kind == "parquet":
        from sayso.channels.files_parquet import ParquetRows  # noqa: PLC0415  loads polars

        return ParquetRows(survey.path)
    from sayso.channels.files_text import CsvRows, JsonRows, encoding_of  # noqa: PLC0415  it imports this room

    chosen = encoding_of(survey, encoding, notes)
    return JsonRows(survey, chosen) if kind == "jsonl" else CsvRows(survey, chosen, notes)


# -- the header --------------------------------------------------------------------------------------------------------


def _find_header(table: Table) -> None:
    """The first row as wide as most are; what stands above it is a title."""
    lines = []
    for line in table.rows.lines():
        lines.append(line)
        if len(lines) > SAMPLE:
            break
    filled = [line for line in lines if not line.problem and sum(bool(cell.strip()) for cell in line.cells)]
    if not filled:
        raise InvalidRequest("There is no row in this file that can be read.", param="file")
    widths = [len(line.cells) for line in filled]
    usual = max(sorted(set(widths), reverse=True), key=widths.count)
    first = next(line for line in filled if sum(bool(cell.strip()) for cell in line.cells) * 2 >= usual)
    if len(first.cells) > MAX_COLUMNS:
        raise InvalidRequest(f"A table has at most {MAX_COLUMNS:,} columns.", param="file")
    above = sum(line.place < first.place for line in filled)
    if above:
        table.notes.append(f"Rows before row {first.place} are taken for a title and not read.")
    if looks_like_data(first.cells):
        table.header, table.header_place = tuple(f"column {n}" for n in range(1, usual + 1)), first.place - 1
        table.notes.append("The file has no header; its columns are named by their numbers.")
    else:
        table.header, table.header_place = _named(first.cells), first.place
    table.sample = tuple(line for line in filled if line.place > table.header_place)[:SAMPLE]


def looks_like_data(cells: Iterable[str]) -> bool:
    """True if a cell holds seven digits or more: no header does."""
    return any(sum(map(str.isdecimal, cell)) >= 7 for cell in cells)


def _named(cells: Sequence[str]) -> tuple[str, ...]:
    """Names of columns, each once and none empty."""
    found: dict[str, int] = {}
    for place, cell in enumerate(cells, 1):
        name = " ".join(cell.split())[:MAX_NAME] or f"column {place}"
        wanted, again = name, 2
        while wanted in found:
            wanted, again = f"{name} ({again})", again + 1
        found[wanted] = place
    return tuple(found)


# -- cells that spreadsheets would run ---------------------------------------------------------------------------------


def escape(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before it. `unescape` takes it away."""
    return "'" + cell if cell.startswith((*FORMULA, "'")) else cell


def unescape(cell: str) -> str:
    """The cell behind an apostrophe that only keeps spreadsheets from calculating."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*FORMULA, "'")) else cell


def write_rows(file: BinaryIO, rows: Iterable[Sequence[str]]) -> int:
    """Write rows as CSV (UTF-8 with its mark, so that Excel knows it), formulas made harmless; how many."""
    import csv  # noqa: PLC0415  only where rows are written
    import io  # noqa: PLC0415

    text, count = io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), 0
    writer = csv.writer(text)
    for row in rows:
        writer.writerow([escape(cell) for cell in row])
        count += 1
    text.flush()
    text.detach()
    return count
