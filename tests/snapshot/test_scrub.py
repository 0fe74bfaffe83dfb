"""Scrubbing: each row answered as a single check is, nothing of the list changed, the new file whole or not there."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from sayso.errors import ConfigError, InvalidRequest
from sayso.snapshot import scrub as room
from sayso.snapshot.keeper import Keeper
from sayso.snapshot.scrub import REASON, VERDICT, Only, Scrubbed, open_list, scrub
from tests.cast import AMIRA, BRUNO, CHEN
from tests.stores import World

ROWS = [("Amira", AMIRA.address.value), ("Bruno", "07700 900456"), ("Chen", CHEN.address.value), ("=1+1", "no number"),
        ("Amira again", "+44 7700 900123"), ("empty", "")]


@pytest.fixture
def mixed(world: World) -> World:
    """Amira said yes, Bruno said stop, Chen never spoke."""
    world.join(AMIRA)
    world.say(BRUNO, "STOP")
    return world


def write(path: Path, *, delimiter: str = ",", mark: str = "") -> Path:
    lines = [f"name{delimiter}Mobile"] + [f"{name}{delimiter}{number}" for name, number in ROWS]
    path.write_text(mark + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(world: World, path: Path, target: Path, only: Only = "", column: str = "") -> Scrubbed:
    keeper = Keeper(world.store, world.kit, path.parent / "snapshots")
    source = open_list(path, world.workspace, column)
    return scrub(keeper, keeper.refresh(world.workspace), world.workspace, source, world.cell(), target, only=only)


EXPECTED = ["granted", "stopped_all", "unknown_person", "invalid_address", "granted", "invalid_address"]


@pytest.mark.parametrize(("delimiter", "mark"), [(",", ""), (";", "\ufeff"), ("\t", "")])
def test_every_row_gets_its_reason_and_keeps_its_place(mixed: World, tmp_path: Path, delimiter: str,
                                                       mark: str) -> None:
    told = run(mixed, write(tmp_path / "list.csv", delimiter=delimiter, mark=mark), tmp_path / "out.csv")
    out = pl.read_csv(tmp_path / "out.csv", infer_schema=False).fill_null("")
    assert out[REASON].to_list() == EXPECTED
    assert out[VERDICT].to_list() == ["allow", "deny", "deny", "deny", "allow", "deny"]
    assert [tuple(row)[:2] for row in out.iter_rows()] == ROWS
    assert (told.rows, told.written, told.reasons["granted"]) == (6, 6, 2)
    assert told.position == mixed.store.read(lambda tx: tx.row("tree_size", ws=mixed.workspace.id))[0]  # type: ignore[index]


@pytest.mark.parametrize(("only", "names"), [("allow", ["Amira", "Amira again"]),
                                             ("deny", ["Bruno", "Chen", "=1+1", "empty"])])
def test_only_those_who_may_stay_are_kept_if_that_is_asked(mixed: World, tmp_path: Path, only: Only,
                                                           names: list[str]) -> None:
    told = run(mixed, write(tmp_path / "list.csv"), tmp_path / "out.csv", only)
    assert pl.read_csv(tmp_path / "out.csv")["name"].to_list() == names
    assert (told.rows, told.written) == (6, len(names))


def test_parquet_goes_in_and_out_with_numbers_as_integers(mixed: World, tmp_path: Path) -> None:
    numbers = [int(AMIRA.address.value), int(BRUNO.address.value), 12]
    pl.DataFrame({"wa": numbers, "score": [0.5, 1.5, 2.5]}).write_parquet(tmp_path / "list.parquet")
    run(mixed, tmp_path / "list.parquet", tmp_path / "out.parquet")
    out = pl.read_parquet(tmp_path / "out.parquet")
    assert out["wa"].to_list() == numbers
    assert out["score"].dtype == pl.Float64
    assert out[REASON].to_list() == ["granted", "stopped_all", "invalid_address"]


def test_a_list_of_many_blocks_stays_in_order(mixed: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BLOCK", 7)
    people = [AMIRA.address.value, BRUNO.address.value, CHEN.address.value]
    frame = pl.DataFrame({"place": range(100), "phone": [people[place % 3] for place in range(100)]})
    frame.write_csv(tmp_path / "list.csv")
    told = run(mixed, tmp_path / "list.csv", tmp_path / "out.csv")
    out = pl.read_csv(tmp_path / "out.csv")
    assert out["place"].to_list() == list(range(100))
    assert out[REASON].to_list() == [["granted", "stopped_all", "unknown_person"][place % 3] for place in range(100)]
    assert told.reasons == {"granted": 34, "stopped_all": 33, "unknown_person": 33}


@pytest.mark.parametrize(("content", "says"), [
    (b"", "empty"), (b"PK\x03\x04rest", "CSV"), (b"\xff\xfea\x00", "CSV"), (b"name,city\nAnn,Leeds\n", "--column"),
    (b"phone,sayso_reason\n+447700900123,granted\n", "scrubbed before"), (b"PAR1 not really", "damaged"),
])
def test_what_is_no_list_is_refused_with_a_word_on_what_to_do(mixed: World, tmp_path: Path, content: bytes,
                                                              says: str) -> None:
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(InvalidRequest, match=says):
        open_list(tmp_path / "list.csv", mixed.workspace)


def test_a_column_that_is_not_there_is_named(mixed: World, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="There are: name, Mobile"):
        open_list(write(tmp_path / "list.csv"), mixed.workspace, "phone")
    assert open_list(tmp_path / "list.csv", mixed.workspace, "MOBILE").column == "Mobile"


def test_a_file_that_is_not_there_is_no_traceback(mixed: World, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.csv cannot be read"):
        open_list(tmp_path / "gone.csv", mixed.workspace)


@pytest.mark.parametrize("tail", [b'Eve,+447700900777,"more","and more"\n', b"Eve,\xff\xfe\n"])
def test_a_list_that_breaks_in_the_middle_leaves_no_file(mixed: World, tmp_path: Path, tail: bytes) -> None:
    (tmp_path / "lists").mkdir()
    path = write(tmp_path / "lists" / "list.csv")
    good = path.read_bytes()
    path.write_bytes(good + b"Amira,+447700900123\n" * 500 + tail)
    with pytest.raises(InvalidRequest):
        run(mixed, path, tmp_path / "lists" / "out.csv")
    assert [one.name for one in path.parent.iterdir() if one.is_file()] == ["list.csv"]
