"""CSV and JSON Lines, of any size: one physical line at a time.

Rules of the room: a quote that opens and does not close, or closes rows later, spoils its own line only; a file that is
no UTF-8 is read as Windows-1252 and said to be; a line over its limit is refused and the rest of it passed over; a line
of JSON with a name that no earlier line had is refused, for it may be the one that says no.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from typing import Any, Final, TextIO

import msgspec

from sayso.channels.files import HEAD, MAX_COLUMNS, Line, Survey, unescape
from sayso.errors import InvalidRequest

#: Longest physical line, in characters; a person's row has hundreds.
MAX_LINE: Final = 1024 * 1024
#: Most physical lines of one row: a quoted address or note has a few.
MAX_ROW_LINES: Final = 100
DELIMITERS: Final = (",", ";", "\t", "|")
#: Rows by which the delimiter is chosen.
SNIFFED: Final = 50
#: Digits of the shortest phone number.
NUMBER: Final = 7
#: Lines of JSON that say which columns there are.
KEYS_FROM: Final = 1_000
#: Encodings by the mark at the beginning (Unicode 17, section 23.8).
MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
                (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

UNCLOSED: Final = "a quote opens and does not close"


def _undefined(error: UnicodeError) -> tuple[str, int]:
    """Five bytes mean nothing in Windows-1252; as browsers do, they become control characters."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start:error.end].decode("latin-1"), error.end


codecs.register_error("sayso-undefined", _undefined)


def encoding_of(survey: Survey, wanted: str, notes: list[str]) -> str:
    """The encoding of a text file. Raises InvalidRequest for one that Python does not know."""
    if wanted:
        try:
            return codecs.lookup(wanted).name
        except LookupError:
            raise InvalidRequest(f"'{wanted[:40]}' is no encoding; try utf-8, utf-16 or cp1252.",
                                 param="encoding") from None
    for mark, name in MARKS:
        if survey.head.startswith(mark):
            return name
    even, odd = survey.head[::2].count(0), survey.head[1::2].count(0)
    if max(even, odd) * 3 > len(survey.head):  # every second byte of western UTF-16 is zero
        return "utf-16-be" if even > odd else "utf-16-le"
    if survey.not_utf8_at < 0:
        return "utf-8"
    if any(byte > 127 for byte in survey.head[:survey.not_utf8_at]):  # letters before it were UTF-8: so is the file
        notes.append(f"Byte {survey.not_utf8_at:,} is no UTF-8 and is read as \N{REPLACEMENT CHARACTER}; the rest is.")
        return "utf-8"
    notes.append(f"Byte {survey.not_utf8_at:,} is no UTF-8: the file is read as Windows-1252. If names look wrong, say "
                 "which encoding it is with --encoding.")
    return "cp1252"


def _open(survey: Survey, encoding: str) -> TextIO:
    errors = "sayso-undefined" if encoding == "cp1252" else "replace"
    return survey.path.open(encoding=encoding, errors=errors, newline="")


class _Lines:
    """Physical lines, some of which may be put back; remembers those of the row being read."""

    def __init__(self, file: TextIO) -> None:
        self._read = file.readline
        self._again: deque[str] = deque()
        self.row: list[str] = []
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if len(self.row) >= MAX_ROW_LINES:
            raise csv.Error
        text = self._again.popleft() if self._again else self._read(MAX_LINE)
        if not text:
            self.ended = True
            raise StopIteration
        self.row.append(text)
        if len(text) == MAX_LINE and text[-1] not in "\r\n":
            self._skip()
            raise csv.Error
        return text

    def _skip(self) -> None:
        """Pass over the rest of a line that is too long."""
        while (rest := self._read(MAX_LINE)) and rest[-1] not in "\r\n":
            pass

    def give_back(self) -> None:
        """All but the first line of this row are read again."""
        self._again.extendleft(reversed(self.row[1:]))


class CsvRows:
    """Rows of a CSV file, its delimiter found by looking."""

    def __init__(self, survey: Survey, encoding: str, notes: list[str]) -> None:
        self._survey, self._encoding = survey, encoding
        self._file: TextIO | None = None
        self._delimiter = self._sniff(notes)

    def _sniff(self, notes: list[str]) -> str:
        with _open(self._survey, self._encoding) as file:
            text = file.read(HEAD)
        if text[:4].lower() == "sep=" and text[4:5]:  # Excel's own first line
            return text[4]
        whole = text if len(text) < HEAD else text[:text.rfind("\n") + 1] or text
        best, score = ",", (0, 0)
        for delimiter in DELIMITERS:
            widths = _widths(whole, delimiter)
            usual = max(set(widths), key=widths.count, default=1)
            if usual > 1 and (widths.count(usual), usual) > score:
                best, score = delimiter, (widths.count(usual), usual)
        if best != ",":
            notes.append(f"Columns are separated by {'tabs' if best == chr(9) else best}.")
        return best

    def lines(self) -> Iterator[Line]:
        """Every row from the first."""
        with _open(self._survey, self._encoding) as self._file:
            yield from self._rows(_Lines(self._file))

    def _rows(self, lines: _Lines) -> Iterator[Line]:
        reader, place, width = self._reader(lines), 0, 0
        while True:
            lines.row.clear()
            place += 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield self._spoilt(place, lines)
                reader = self._reader(lines)
                continue
            width = width or (len(cells) if len(cells) > 1 else 0)
            if (lines.ended and "".join(lines.row).count('"') % 2) or self._swallowed(lines.row, width):
                yield self._spoilt(place, lines)
                reader = self._reader(lines)
            elif place == 1 and len(lines.row) == 1 and lines.row[0][:4].lower() == "sep=":
                yield Line(place, ())
            elif "'" in lines.row[0] or len(lines.row) > 1:
                yield Line(place, [unescape(cell) for cell in cells])
            else:
                yield Line(place, cells)

    def _swallowed(self, row: list[str], width: int) -> bool:
        """True if a quote runs over what is a row of its own: as wide as the table, with a number in it."""
        return len(row) > 1 and width > 1 and any(
            line.count(self._delimiter) + 1 == width and line.count('"') % 2 == 0
            and sum(map(str.isdecimal, line)) >= NUMBER for line in row[1:])

    def _reader(self, lines: _Lines) -> Iterator[list[str]]:
        lines.ended = False
        return csv.reader(lines, delimiter=self._delimiter, skipinitialspace=True)

    def _spoilt(self, place: int, lines: _Lines) -> Line:
        """A row whose quotes do not fit: its first line is cut at every delimiter, the other lines are read again."""
        first = lines.row[0].rstrip("\r\n")
        problem = f"the line is longer than {MAX_LINE:,} characters" if len(first) >= MAX_LINE else UNCLOSED
        lines.give_back()
        return Line(place, [unescape(cell) for cell in first[:HEAD].split(self._delimiter)], problem)

    def share(self) -> float:
        """How much of the file was read."""
        return _share(self._file, self._survey)

    def close(self) -> None:
        """The file is open only while its lines are read."""


def _widths(text: str, delimiter: str) -> list[int]:
    """How many cells the first rows have."""
    found: list[int] = []
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, skipinitialspace=True)
    while len(found) < SNIFFED:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error:
            continue
        if row:
            found.append(len(row))
    return found


def _share(file: TextIO | None, survey: Survey) -> float:
    if file is None or file.closed:
        return 0.0
    return min(1.0, file.buffer.tell() / max(1, survey.size))


class JsonRows:
    """Rows of a JSON Lines file: an object a line. The first row is made of the names the first objects have."""

    def __init__(self, survey: Survey, encoding: str) -> None:
        self._survey, self._encoding = survey, encoding
        self._file: TextIO | None = None
        self._keys = self._columns()
        self._known = frozenset(self._keys)

    def _columns(self) -> tuple[str, ...]:
        keys: dict[str, None] = {}
        with _open(self._survey, self._encoding) as file:
            for _ in range(KEYS_FROM):
                text = file.readline(MAX_LINE)
                if not text:
                    break
                value = _object(text)
                if value is not None:
                    keys.update(dict.fromkeys(value))
        if not keys:
            raise InvalidRequest("No line of this file is a JSON object.", param="file")
        if len(keys) > MAX_COLUMNS:
            raise InvalidRequest(f"A table has at most {MAX_COLUMNS:,} columns.", param="file")
        return tuple(keys)

    def lines(self) -> Iterator[Line]:
        """The names, then every line: place 2 is the first."""
        yield Line(1, self._keys)
        place = 1
        with _open(self._survey, self._encoding) as self._file:
            while text := self._file.readline(MAX_LINE):
                place += 1
                yield self._line(place, text)

    def _line(self, place: int, text: str) -> Line:
        if len(text) == MAX_LINE and text[-1] not in "\r\n":
            while self._file and (rest := self._file.readline(MAX_LINE)) and rest[-1] not in "\r\n":
                pass
            return Line(place, (text[:HEAD],), f"the line is longer than {MAX_LINE:,} characters")
        if not text.strip():
            return Line(place, ())
        value = _object(text)
        if value is None:
            return Line(place, (text.rstrip("\r\n")[:HEAD],), "the line is no JSON object")
        cells = tuple(text_of(value.get(key)) for key in self._keys)
        strange = next((key for key in value if key not in self._known), "")
        problem = f"'{strange[:40]}' is a name the first {KEYS_FROM:,} lines lack; put a line with all names on top"
        return Line(place, cells, problem if strange else "")

    def share(self) -> float:
        """How much of the file was read."""
        return _share(self._file, self._survey)

    def close(self) -> None:
        """The file is open only while its lines are read."""


_decode = msgspec.json.Decoder(dict[str, Any]).decode


def _object(text: str) -> dict[str, Any] | None:
    try:
        return _decode(text.encode().removeprefix(codecs.BOM_UTF8))
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError, RecursionError):
        return None


def text_of(value: object) -> str:
    """A value of JSON, a spreadsheet or a column as the text of a cell; a whole number has no point."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    return str(value)
