"""Files of people as they come: every encoding, delimiter and accident of real lists, and archives that are traps."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook  # type: ignore[import-untyped]

from sayso.channels import files, files_parquet, files_xlsx
from sayso.channels.files import Line, Table, escape, unescape, write_rows
from sayso.channels.files_text import MAX_LINE, UNCLOSED
from sayso.errors import ConfigError, InvalidRequest

PHONE = "+447700900123"
_TABLES: list[Table] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Whatever a test opens is closed after it."""
    yield
    while _TABLES:
        _TABLES.pop().close()


def open_table(path: Path, **more: str) -> Table:
    _TABLES.append(files.open_table(path, **more))
    return _TABLES[-1]


def opened(folder: Path, content: bytes | str, name: str = "list.csv", **more: str) -> Table:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_table(path, **more)


def cells(lines: Iterable[Line]) -> list[list[str]]:
    return [list(line.cells) for line in lines]


# -- CSV ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_it_finds_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    rows = [["Name", "Phone", "Since"], ["Amira, of Leeds", PHONE, "2024-05-01"], ["Bruno", PHONE, "2024-05-02"]]
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    table = opened(tmp_path, text)
    assert table.header == ("Name", "Phone", "Since")
    assert cells(table.lines()) == rows[1:]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_it_reads_every_unicode_without_being_told(tmp_path: Path, encoding: str) -> None:
    table = opened(tmp_path, f"Naïve,Phone\r\nZoë,{PHONE}\r\n".encode(encoding))
    assert table.header == ("Naïve", "Phone")
    assert cells(table.lines()) == [["Zoë", PHONE]]


def test_what_is_no_utf_8_is_read_as_windows_1252_and_said_so(tmp_path: Path) -> None:
    late = "Name,Phone\n" + "Amira,+447700900123\n" * 100_000  # the only accent comes long after the first bytes
    table = opened(tmp_path, late.encode() + "Zoë €,+447700900999\n".encode("cp1252") + b"\x81,1\n")
    *_, accented, undefined = table.lines()
    assert list(accented.cells) == ["Zoë €", "+447700900999"]
    assert undefined.cells[0] == "\x81"
    assert any("Windows-1252" in note and "2,000,013" in note for note in table.notes)


def test_an_encoding_that_is_said_goes_first(tmp_path: Path) -> None:
    assert opened(tmp_path, "Имя,Phone\n".encode("cp1251"), encoding="cp1251").header[0] == "Имя"
    with pytest.raises(InvalidRequest, match="no encoding"):
        opened(tmp_path, "a,b\n", encoding="klingon")


def test_a_line_break_in_quotes_is_part_of_its_cell(tmp_path: Path) -> None:
    table = opened(tmp_path, f'Note,Phone\r\n"one\r\ntwo ""three""",{PHONE}\r\nlast,{PHONE}\r\n')
    found = list(table.lines())
    assert [line.place for line in found] == [2, 3]
    assert found[0].cells[0] == 'one\r\ntwo "three"'


def test_a_quote_that_never_closes_spoils_its_own_line_only(tmp_path: Path) -> None:
    rows = "".join(f"n{place},+4477009{place:05}\n" for place in range(500))
    table = opened(tmp_path, f'Name,Phone\nA,{PHONE}\n"B the {PHONE},x\n{rows}')
    found = list(table.lines())
    assert [(line.place, line.problem) for line in found if line.problem] == [(3, UNCLOSED)]
    assert len(found) == 502
    assert found[-1].cells[0] == "n499"


def test_a_quote_open_at_the_end_spoils_its_own_line_only(tmp_path: Path) -> None:
    table = opened(tmp_path, f'Name,Phone\n"B,{PHONE}\nC,{PHONE}\nD,{PHONE}\n')
    assert [line.problem for line in table.lines()] == [UNCLOSED, "", ""]
    assert [line.problem for line in opened(tmp_path, f'Name,Phone\nC,{PHONE}\n"D,{PHONE}').lines()] == ["", UNCLOSED]


def test_a_line_without_an_end_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    table = opened(tmp_path, f"Name,Phone\nA,{PHONE}\n{'x' * (2 * MAX_LINE + 7)}\nB,{PHONE}\n")
    found = list(table.lines())
    assert [bool(line.problem) for line in found] == [False, True, False]
    assert "longer" in found[1].problem
    assert sum(map(len, found[1].cells)) <= files.HEAD


def test_a_title_above_the_header_is_not_read(tmp_path: Path) -> None:
    table = opened(tmp_path, f"Our customers\n\nName,Phone,Since\nA,{PHONE},2024\nB,{PHONE},2024\n")
    assert (table.header, table.header_place) == (("Name", "Phone", "Since"), 3)
    assert [line.place for line in table.lines()] == [4, 5]
    assert any("title" in note for note in table.notes)


def test_excels_own_first_line_names_the_delimiter(tmp_path: Path) -> None:
    table = opened(tmp_path, f"sep=;\nName;Phone\nA, B;{PHONE}\n")
    assert cells(table.lines()) == [["A, B", PHONE]]


def test_a_file_without_a_header_loses_no_row(tmp_path: Path) -> None:
    table = opened(tmp_path, f"A,{PHONE}\nB,+447700900456\n")
    assert table.header == ("column 1", "column 2")
    assert len(list(table.lines())) == 2


def test_names_of_columns_are_told_apart(tmp_path: Path) -> None:
    assert opened(tmp_path, "Phone,Phone,,Phone (2)\n1,2,3,4\n").header == (
        "Phone", "Phone (2)", "column 3", "Phone (2) (2)")


def test_blank_rows_count_as_places_and_are_left_out(tmp_path: Path) -> None:
    table = opened(tmp_path, f"Name,Phone\n\n , \nA,{PHONE}\n")
    assert [line.place for line in table.lines()] == [4]


def test_reading_goes_on_behind_any_place(tmp_path: Path) -> None:
    table = opened(tmp_path, "Name,Phone\n" + "".join(f'"n\n{n}",{n}\n' for n in range(50)))
    assert [line.place for line in table.lines(after=49)] == [50, 51]
    assert cells(table.lines(after=50)) == [["n\n49", "49"]]


def test_a_file_changed_meanwhile_is_noticed(tmp_path: Path) -> None:
    table = opened(tmp_path, f"Name,Phone\nA,{PHONE}\n")
    table.check_unchanged()
    with (tmp_path / "list.csv").open("a") as file:
        file.write("B,1\n")
    with pytest.raises(InvalidRequest, match="changed"):
        table.check_unchanged()


@pytest.mark.parametrize(("content", "word"), [
    (b"", "empty"), (b"\n\n \n", "no row"), (b"%PDF-1.7 ...", "PDF"), (b"\xd0\xcf\x11\xe0rest", "old Excel"),
    (b"PK\x03\x04nonsense", "damaged"), (b"PAR1nonsense", "damaged"),
])  # fmt: skip
def test_what_is_no_table_is_refused_with_a_sentence(tmp_path: Path, content: bytes, word: str) -> None:
    with pytest.raises(InvalidRequest, match=word):
        opened(tmp_path, content)


def test_a_file_that_is_not_there_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        open_table(tmp_path / "nobody.csv")


# -- what spreadsheets would run ---------------------------------------------------------------------------------------


@given(st.text(max_size=20))
def test_what_is_made_harmless_comes_back_as_it_was(cell: str) -> None:
    assert unescape(escape(cell)) == cell
    assert not escape(cell).startswith(files.FORMULA)


def test_a_report_can_be_opened_by_a_spreadsheet_and_fed_again(tmp_path: Path) -> None:
    rows = [["sayso_row", "Phone", "Note"], ["2", "+447700900123", '=HYPERLINK("x")'], ["3", "-1", '@a\n"b"'],
            ["4", "'quoted", "''+twice"]]  # fmt: skip
    target = io.BytesIO()
    assert write_rows(target, rows) == 4
    assert target.getvalue().startswith(b"\xef\xbb\xbf")
    for line in target.getvalue().decode("utf-8-sig").split("\r\n"):
        assert not line.partition(",")[2].startswith(("=", "+", "@"))
    table = opened(tmp_path, target.getvalue())
    assert [list(table.header), *cells(table.lines())] == rows


# -- JSON Lines --------------------------------------------------------------------------------------------------------


def test_json_lines_become_rows(tmp_path: Path) -> None:
    lines = [{"phone": PHONE, "tags": ["a"], "ok": True}, {"phone": 447700900456, "date": None, "n": 1.5}]
    text = "\n".join(json.dumps(line) for line in lines) + "\n\nnot json\n[1]\n"
    table = opened(tmp_path, text, "list.jsonl")
    assert table.header == ("phone", "tags", "ok", "date", "n")
    found = list(table.lines())
    assert cells(found[:2]) == [[PHONE, '["a"]', "true", "", ""], ["447700900456", "", "", "", "1.5"]]
    assert [(line.place, bool(line.problem)) for line in found[2:]] == [(5, True), (6, True)]


def test_json_is_known_by_its_first_byte(tmp_path: Path) -> None:
    assert opened(tmp_path, '{"phone": "1"}\n', "list.txt").format == "jsonl"


def test_deep_json_is_a_row_with_a_problem(tmp_path: Path) -> None:
    text = '{"phone": "1"}\n{"phone": ' + "[" * 100_000 + "\n" + '{"phone": "2"}\n'
    assert [bool(line.problem) for line in opened(tmp_path, text, "a.jsonl").lines()] == [False, True, False]


# -- XLSX --------------------------------------------------------------------------------------------------------------


def workbook(folder: Path, rows: Sequence[Sequence[object]], name: str = "list.xlsx") -> Path:
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    path = folder / name
    book.save(path)
    return path


def test_a_workbook_becomes_rows(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["Name", "Phone", "Since", "At"],
                               ["Zoë", 447700900123, date(2024, 5, 1), datetime(2024, 5, 1, 10, 30)],  # noqa: DTZ001
                               [], ["Bruno", "07700 900456", None, True]])
    table = open_table(path)
    assert table.header == ("Name", "Phone", "Since", "At")
    assert [(line.place, list(line.cells)) for line in table.lines()] == [
        (2, ["Zoë", "447700900123", "2024-05-01", "2024-05-01 10:30:00"]), (4, ["Bruno", "07700 900456", "", "true"])]


def test_a_sheet_can_be_named_and_hidden_ones_are_passed_over(tmp_path: Path) -> None:
    book = Workbook()
    hidden = book.active
    assert hidden is not None
    hidden.sheet_state = "hidden"
    hidden.append(["Secret"])
    book.create_sheet("People").append(["Name", "Phone"])
    book.create_sheet("More").append(["Other"])
    book.save(tmp_path / "a.xlsx")
    table = open_table(tmp_path / "a.xlsx")
    assert table.header == ("Name", "Phone")
    assert any("People" in note for note in table.notes)
    assert open_table(tmp_path / "a.xlsx", sheet="More").header == ("Other",)
    with pytest.raises(InvalidRequest, match="no sheet"):
        open_table(tmp_path / "a.xlsx", sheet="Nobody")


def rewritten(path: Path, changes: dict[str, bytes]) -> Path:
    """The workbook with members replaced or added."""
    target = path.with_name("changed.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in [*old.namelist(), *(name for name in changes if name not in old.namelist())]:
            new.writestr(name, changes.get(name) or old.read(name))
    return target


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["Phone"], [PHONE]])
    bomb = b"<sst>" + b" " * (files_xlsx.RATIO_FROM + 1) + b"</sst>"
    for name in ("xl/sharedStrings.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml"):
        with pytest.raises(InvalidRequest, match="times its size"):
            open_table(rewritten(path, {name: bomb}))


def test_an_archive_of_too_many_or_too_large_members_is_refused(tmp_path: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path, [["Phone"], [PHONE]])
    for limit in ("MAX_MEMBERS", "MAX_TOTAL", "MAX_WHOLE"):
        with monkeypatch.context() as patch:
            patch.setattr(files_xlsx, limit, 3)
            with pytest.raises(InvalidRequest, match="workbook"):
                open_table(path)


def test_a_document_type_in_a_workbook_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["Phone"], [PHONE]])
    trap = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><sst>&a;</sst>'
    with pytest.raises(InvalidRequest, match="document type"):
        open_table(rewritten(path, {"xl/sharedStrings.xml": trap}))


def test_a_sheet_that_claims_rows_without_end_is_stopped(tmp_path: Path) -> None:
    sheet = (b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:XFD9"/>'
             b'<sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="999999999999"><c r="A999999999999"><v>2</v>'
             b"</c></row></sheetData></worksheet>")
    table = open_table(rewritten(workbook(tmp_path, [["Phone"]]), {"xl/worksheets/sheet1.xml": sheet}))
    with pytest.raises(InvalidRequest, match="at most"):
        list(table.lines())


def test_a_workbook_cut_short_says_where(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["Phone"], *([f"+4477009{n:05}"] for n in range(2_000))])
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    table = open_table(rewritten(path, {"xl/worksheets/sheet1.xml": sheet[:len(sheet) // 2]}))
    with pytest.raises(InvalidRequest, match="damaged behind row 1"):
        list(table.lines())


def test_texts_of_a_workbook_are_read_from_disk(tmp_path: Path) -> None:
    space = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    texts = (b"<sst " + space + b"><si><t>Phone</t></si><si><r><t>+44 7700 </t></r><r><t>900123</t></r><rPh><t>hint</t>"
             b"</rPh></si><si><t>Zo&#235; &amp; co</t></si></sst>")
    rows = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>%d</v></c></row>' % (place, place, text)
                    for place, text in ((1, 0), (2, 1), (3, 2)))
    sheet = b"<worksheet " + space + b"><sheetData>" + rows + b"</sheetData></worksheet>"
    path = rewritten(workbook(tmp_path, [["x"]]), {"xl/sharedStrings.xml": texts, "xl/worksheets/sheet1.xml": sheet})
    table = open_table(path)
    assert table.header == ("Phone",)
    assert cells(table.lines()) == [["+44 7700 900123"], ["Zoë & co"]]


# -- Parquet -----------------------------------------------------------------------------------------------------------


def test_parquet_becomes_rows_slice_by_slice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_parquet, "SLICE", 7)
    frame = pl.DataFrame({"phone": [447700900000 + n for n in range(50)], "since": [date(2024, 5, 1)] * 50,
                          "at": [datetime(2024, 5, 1, 9)] * 50, "ok": [True] * 50, "note": [None] * 50})  # noqa: DTZ001
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=20)
    table = open_table(tmp_path / "a.parquet")
    found = list(table.lines())
    assert table.header == ("phone", "since", "at", "ok", "note")
    assert [line.place for line in found] == list(range(2, 52))
    assert list(found[-1].cells) == ["447700900049", "2024-05-01", "2024-05-01T09:00:00", "true", ""]
    assert table.rows.share() == 1


def test_a_damaged_parquet_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    pl.DataFrame({"phone": [str(n) for n in range(5_000)]}).write_parquet(tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(whole[:len(whole) // 2])
    with pytest.raises(InvalidRequest, match="damaged"):
        open_table(tmp_path / "b.parquet")
    (tmp_path / "c.parquet").write_bytes(whole[:50] + bytes(200) + whole[250:])
    with pytest.raises(InvalidRequest, match="damaged"):
        list(open_table(tmp_path / "c.parquet").lines())
