"""Scrubbing a list: every row keeps its place and gets the gate's answer and its reason; or only those who may stay.

Rules of the room: rows are read, answered and written a block at a time, so that any length fits in constant memory;
no cell of the list is changed; the new file takes its name only when it is whole. Grade: Filter, and the place in the
ledger it was true at goes into the result.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import polars as pl
from polars.exceptions import PanicException, PolarsError
from polars.io.plugins import register_io_source

from sayso.core.purposes import Cell
from sayso.core.workspace import Workspace
from sayso.errors import ConfigError, InvalidRequest
from sayso.flows.import_plan import guess
from sayso.flows.snapshots import CODES, verdict_of
from sayso.snapshot.keeper import Keeper, State
from sayso.snapshot.phones import numbers_of

#: Rows answered at a time: large enough that sorted searches stay in order, small enough for any machine.
BLOCK: Final = 500_000
#: Blocks answered at the same time.
AT_ONCE: Final = 2
#: Bytes looked at to find the delimiter, and rows to find the column of numbers.
HEAD: Final = 64 * 1024
SAMPLE: Final = 200
DELIMITERS: Final = ",;\t|"
#: The columns that are added.
VERDICT: Final = "sayso_verdict"
REASON: Final = "sayso_reason"
#: The reason of a cell that cannot be read as a number.
INVALID: Final = "invalid_address"

Only = Literal["", "allow", "deny"]


@dataclass(slots=True)
class Scrubbed:
    """What came of it: rows read and written, how many of each reason, and the place in the ledger it is true at."""

    rows: int = 0
    written: int = 0
    position: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, part: Scrubbed) -> None:
        """Count a part in."""
        self.rows, self.written = self.rows + part.rows, self.written + part.written
        for reason, count in part.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count


@dataclass(frozen=True, slots=True)
class Source:
    """A list as it was found: how to read it, its column of numbers."""

    frame: pl.LazyFrame
    schema: dict[str, Any]
    column: str


def open_list(path: Path, workspace: Workspace, column: str = "") -> Source:
    """Look at a CSV (UTF-8) or Parquet file. Raises ConfigError for one that cannot be read, InvalidRequest for one
    that is no list with a column of numbers.
    """
    try:
        head = _head(path)
        frame = pl.scan_parquet(path) if head.startswith(b"PAR1") else _csv(path, head)
        schema, sample = dict(frame.collect_schema()), frame.head(SAMPLE).collect()
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be read: {error.strerror or error}.", param="file") from error
    except (PolarsError, PanicException) as error:
        raise _unreadable(error) from error
    if VERDICT in schema or REASON in schema:
        raise InvalidRequest(f"The list has a column '{VERDICT}' or '{REASON}' already: it was scrubbed before. Scrub "
                             "the original.", param="file")
    return Source(frame, schema, _column(list(schema), sample, workspace, column))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise InvalidRequest("The file is empty.", param="file")
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff")):
        raise InvalidRequest("A list to scrub is CSV (UTF-8) or Parquet; save it as one of them.", param="file")
    return head


def _csv(path: Path, head: bytes) -> pl.LazyFrame:
    text = head.decode("utf-8-sig", "ignore")
    try:
        delimiter = csv.Sniffer().sniff(text.rpartition("\n")[0] or text, DELIMITERS).delimiter
    except csv.Error:  # one column, or no line ends in sight
        delimiter = ","
    return pl.scan_csv(path, separator=delimiter, infer_schema=False, encoding="utf8")


def _column(header: list[str], sample: pl.DataFrame, workspace: Workspace, wanted: str) -> str:
    if wanted:
        fitting = [name for name in header if name.casefold() == wanted.strip().casefold()]
        if not fitting:
            raise InvalidRequest(f"There is no column '{wanted[:60]}'. There are: {', '.join(header)[:300]}.",
                                 param="column")
        return fitting[0]
    rows = [["" if cell is None else str(cell) for cell in row] for row in sample.iter_rows()]
    rows = [[f"+{cell}" if cell.isdecimal() and sample.dtypes[place].is_integer() else cell
             for place, cell in enumerate(row)] for row in rows]
    found = guess(header, rows, workspace.country).get("phone")
    if not found:
        raise InvalidRequest("No column seems to hold phone numbers; name it with --column. There are: "
                             f"{', '.join(header)[:300]}.", param="column")
    return header[found[0]]


def scrub(keeper: Keeper, state: State, workspace: Workspace, source: Source, cell: Cell, target: Path, *,
          only: Only = "", progress: Callable[[int], None] | None = None) -> Scrubbed:
    """Answer every row and write the list anew, as Parquet where `target` is named so, else as CSV.

    Raises InvalidRequest for a list that cannot be read to its end; no file is left then.
    """
    told = Scrubbed(position=state.position)

    def answer(block: pl.DataFrame) -> tuple[pl.DataFrame, Scrubbed]:
        return _answered(keeper, state, workspace, block, source.column, cell, only)

    def blocks(_columns: list[str] | None, _predicate: pl.Expr | None, _rows: int | None,
               _size: int | None) -> Iterator[pl.DataFrame]:
        read = source.frame.collect_batches(chunk_size=BLOCK, engine="streaming")
        for block, part in _in_order(answer, read):
            told.add(part)
            if progress is not None:
                progress(told.rows)
            yield block

    schema = source.schema | {VERDICT: pl.String, REASON: pl.String}
    frame = register_io_source(blocks, schema=schema, is_pure=False)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    os.close(handle)
    try:
        if target.suffix.lower() in (".parquet", ".pq"):
            frame.sink_parquet(name, engine="streaming")
        else:
            frame.sink_csv(name, engine="streaming")
        Path(name).replace(target)
    except (PolarsError, PanicException) as error:
        Path(name).unlink(missing_ok=True)
        raise _unreadable(error) from error
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return told


def _in_order(answer: Callable[[pl.DataFrame], tuple[pl.DataFrame, Scrubbed]],
              blocks: Iterable[pl.DataFrame]) -> Iterator[tuple[pl.DataFrame, Scrubbed]]:
    """Blocks answered by a few threads (the sorting and searching hold no lock), handed on in their order."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sayso-scrub") as pool:
        waiting: deque[Future[tuple[pl.DataFrame, Scrubbed]]] = deque()
        for block in blocks:
            waiting.append(pool.submit(answer, block))
            if len(waiting) > AT_ONCE:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _answered(keeper: Keeper, state: State, workspace: Workspace, block: pl.DataFrame, column: str, cell: Cell,
              only: Only) -> tuple[pl.DataFrame, Scrubbed]:
    told = Scrubbed()
    numbers = numbers_of(block[column], workspace.country)
    codes = keeper.answers(state, workspace, numbers, cell).codes
    codes[numbers == 0] = CODES.index(INVALID)
    for code, count in enumerate(np.bincount(codes, minlength=len(CODES)).tolist()):
        if count:
            told.reasons[CODES[code]] = told.reasons.get(CODES[code], 0) + count
    reasons = pl.Series(REASON, codes).replace_strict(dict(enumerate(CODES)), return_dtype=pl.String)
    verdicts = pl.Series(VERDICT, codes).replace_strict(
        {code: verdict_of(reason) for code, reason in enumerate(CODES)}, return_dtype=pl.String)
    answered = block.with_columns(verdicts, reasons)
    told.rows += len(block)
    if only:
        allowed = pl.col(VERDICT) == "allow"
        answered = answered.filter(allowed if only == "allow" else ~allowed)
    told.written += len(answered)
    return answered, told


def _unreadable(error: BaseException) -> InvalidRequest:
    text = str(error)
    if "utf" in text.lower():
        return InvalidRequest("The list is not UTF-8; save it as CSV UTF-8, or as Parquet.", param="file")
    if "fields" in text.lower() or "columns" in text.lower():
        return InvalidRequest("A row of the list has more cells than the header; mend it, for its columns are out of "
                              "place.", param="file")
    return InvalidRequest("The list is damaged, or cut off in the middle of a row.", param="file")
