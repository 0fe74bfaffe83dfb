"""XLSX, row by row. The file is an archive of XML and is trusted for nothing: its sizes are looked at before it is
opened, document types are refused, and the table of texts, which may be larger than memory, is kept on disk.
"""

from __future__ import annotations

import tempfile
import zipfile
from array import array
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

from sayso.channels.files import MAX_COLUMNS, Line
from sayso.channels.files_text import text_of
from sayso.errors import InvalidRequest

#: Most members of the archive; a workbook has a dozen and one for each sheet and picture.
MAX_MEMBERS: Final = 2_000
#: Most bytes all members may have when unpacked.
MAX_TOTAL: Final = 8 * 1024**3
#: Most bytes of a member that is read whole: styles, the list of sheets, relations.
MAX_WHOLE: Final = 32 * 1024**2
#: A member this much larger than it is packed is a bomb; sheets of one repeated row reach a hundred.
MAX_RATIO: Final = 400
#: Members smaller than this may be packed as well as they like.
RATIO_FROM: Final = 4 * 1024**2
#: Most rows of a sheet (Excel specifications and limits).
MAX_SHEET_ROWS: Final = 1_048_576
#: Longest text of a cell (the same page).
MAX_TEXT: Final = 32_767
#: Bytes of XML parsed at a time.
CHUNK: Final = 256 * 1024
#: Where a document type would have to stand.
PROLOGUE: Final = 4_096


class Texts:
    """The table of texts of a workbook, on disk: `texts[n]` reads one. Memory: eight bytes for each."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the workbook
        self._ends = array("Q", [0])

    def add(self, text: str) -> None:
        """Append one."""
        data = text[:MAX_TEXT].encode("utf-8", "replace")
        self._file.write(data)
        self._ends.append(self._ends[-1] + len(data))

    def __getitem__(self, place: int) -> str:
        begin, end = self._ends[place], self._ends[place + 1]
        self._file.seek(begin)
        return self._file.read(end - begin).decode()

    def close(self) -> None:
        """Let go of the disk."""
        self._file.close()


class _TextsParser:
    """Reads sharedStrings.xml (ECMA-376 part 1, section 18.4): text of runs counts, of phonetic hints does not."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._parts: list[str] = []
        self._in_text = self._in_hint = False
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self.parser.StartDoctypeDeclHandler = _no_doctype

    def _start(self, name: str, _: dict[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        self._in_text, self._in_hint = tag == "t", self._in_hint or tag == "rPh"

    def _end(self, name: str) -> None:
        tag = name.rpartition(" ")[2]
        self._in_text = False
        if tag == "rPh":
            self._in_hint = False
        elif tag == "si":
            self._texts.add("".join(self._parts))
            self._parts.clear()

    def _data(self, data: str) -> None:
        if self._in_text and not self._in_hint:
            self._parts.append(data)


def _no_doctype(*_: Any) -> None:
    raise InvalidRequest("A workbook with a document type is refused: no spreadsheet program writes one.",
                         param="file")


def check_archive(archive: zipfile.ZipFile) -> None:
    """Refuse what would unpack to more than a workbook can be. Raises InvalidRequest.

    The sizes the archive states bind: no member is unpacked beyond what it states.
    """
    members = archive.infolist()
    if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_TOTAL:
        raise InvalidRequest("The XLSX file unpacks to more than a workbook can be.", param="file")
    for member in members:
        name = member.filename.lower()
        whole = not name.startswith("xl/worksheets/") and not name.endswith("sharedstrings.xml")
        if member.file_size > RATIO_FROM and member.file_size > MAX_RATIO * max(1, member.compress_size):
            raise InvalidRequest("The XLSX file holds a part that unpacks to hundreds of times its size.",
                                 param="file")
        if whole and member.filename.endswith((".xml", ".rels")) and member.file_size > MAX_WHOLE:
            raise InvalidRequest("A part of the XLSX file is larger than a workbook's can be.", param="file")
        if member.filename.endswith((".xml", ".rels")):
            with archive.open(member) as part:
                if b"<!DOCTYPE" in part.read(PROLOGUE):
                    _no_doctype()


class XlsxRows:
    """Rows of one sheet: the one named, or the first that can be seen."""

    def __init__(self, path: Path, sheet: str, notes: list[str]) -> None:
        self._texts = Texts()
        self._done, self._expected = 0, 0
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            self._texts.close()
            raise InvalidRequest("The XLSX file is damaged, or is no workbook.", param="file") from error
        try:
            check_archive(self._archive)
            self._book = _load(self._archive, self._texts)
            self._sheet = self._choose(sheet, notes)
        except InvalidRequest:
            self.close()
            raise
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, OSError, EOFError,
                expat.ExpatError, SyntaxError) as error:
            self.close()
            raise InvalidRequest("The XLSX file is damaged, or is no workbook.", param="file") from error

    def _choose(self, wanted: str, notes: list[str]) -> Any:
        sheets = self._book.worksheets
        if not sheets:
            raise InvalidRequest("The workbook has no sheet.", param="file")
        seen = [sheet for sheet in sheets if sheet.sheet_state == "visible"] or sheets
        if wanted:
            for sheet in sheets:
                if sheet.title == wanted:
                    return sheet
            raise InvalidRequest(f"There is no sheet '{wanted[:40]}'. There are: "
                                 f"{', '.join(sheet.title for sheet in sheets)[:200]}.", param="sheet")
        if len(sheets) > 1:
            notes.append(f"Sheet '{seen[0].title}' is read, the first of {len(sheets)}; name another with --sheet.")
        return seen[0]

    def lines(self) -> Iterator[Line]:
        """Every row from the first. What formulas last gave is read, not what they are."""
        self._expected = min(self._sheet.max_row or 0, MAX_SHEET_ROWS)
        self._sheet.reset_dimensions()  # what the file says of its own size may be wrong, or a trap
        try:
            for place, row in enumerate(self._sheet.iter_rows(values_only=True), 1):
                self._done = place
                if place > MAX_SHEET_ROWS:
                    raise InvalidRequest(f"A sheet has at most {MAX_SHEET_ROWS:,} rows.", param="file")
                if len(row) > MAX_COLUMNS:
                    yield Line(place, (), f"the row has more than {MAX_COLUMNS:,} cells")
                else:
                    yield Line(place, _trimmed([_text(value) for value in row]))
        except InvalidRequest:
            raise
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError, IndexError, OSError, EOFError, SyntaxError,
                OverflowError) as error:
            raise InvalidRequest(f"The XLSX file is damaged behind row {self._done}.", param="file") from error

    def share(self) -> float:
        """How much of the sheet was read, by the size it says it has."""
        return min(1.0, self._done / self._expected) if self._expected else 0.0

    def close(self) -> None:
        """Let go of the file."""
        self._archive.close()
        self._texts.close()


def _load(archive: zipfile.ZipFile, texts: Texts) -> Any:
    """The workbook, its texts on disk. openpyxl would hold all of them in memory."""
    from openpyxl.reader.excel import ExcelReader  # type: ignore[import-untyped]  # noqa: PLC0415  heavy

    class Reader(ExcelReader):  # type: ignore[misc]  # it comes without types
        def read_strings(self) -> None:
            name = next((name for name in archive.namelist() if name.lower().endswith("sharedstrings.xml")), "")
            self.shared_strings = texts
            if name:
                parser = _TextsParser(texts).parser
                with archive.open(name) as part:
                    while chunk := part.read(CHUNK):
                        parser.Parse(chunk, False)
                    parser.Parse(b"", True)

    reader = Reader(archive.fp, read_only=True, data_only=True, keep_links=False)
    reader.read()
    return reader.wb


def _text(value: object) -> str:
    """A cell's value as text; a day without a time is only a day."""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return text_of(value)


def _trimmed(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    return cells
