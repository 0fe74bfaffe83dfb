"""An import from the command line to its last row on disk, against reading the same file and inserting as many rows.

Floors, measured in the same run: Python's csv reader over the file; the very rows of the database that the import
wrote, copied durably with nothing computed, as many people to a commit; and for comparison one small row for each row
of the file, which proves nothing. The aim is a third of reading and copying together.
"""

from __future__ import annotations

import csv
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import apsw

from bench.report import Figure, Ratio
from bench.servers import ROOT, plain_environ
from bench.sizes import Sizes
from bench.world import make_world
from sayso.flows.imports import BATCH

#: The share of the floors together that an import should reach.
AIM: Final = 1 / 3
AIM_PEAK_MB: Final = 300
#: How often the memory of the running import is looked at, seconds.
LOOK_S: Final = 0.05
POLICY: Final = '\n[policy.elsewhere]\nimport = "the old list, forms kept"\n'
#: Tables an import writes.
TABLES: Final = ("people", "addresses", "events", "openings", "unintegrated", "import_facts")


def measure(sizes: Sizes) -> Iterator[Figure]:
    """Rows a second and peak memory of one import of new people; then a look at the same list, all of them known."""
    with make_world() as world:
        config = world.folder / "sayso.toml"
        config.write_text(config.read_text(encoding="utf-8") + POLICY, encoding="utf-8")
        world.system.apply(config)
        world.system.close()
        file = _list(world.folder, sizes.rows)
        first, peak = _import(world.folder, world.environ, file, sizes.rows)
        read, insert, copied = _read(file, sizes.rows), _insert(file, sizes.rows), _copy(world.file, sizes.rows)
        _, peak_again = _import(world.folder, world.environ, file, sizes.rows, "--dry-run")
    floor, least = 1 / (1 / read + 1 / copied), 1 / (1 / read + 1 / insert)
    yield Figure(f"import, sqlite, {sizes.rows:,} new people", first, "rows/s", AIM * floor, ratios=(
        Ratio(first / floor, f"bare read and bare durable insert of what is kept of a row ({floor:,.0f}/s)"),
        Ratio(first / least, f"bare read and one small durable row each ({least:,.0f}/s)")),
        notes=(f"bare read {read:,.0f}/s; start of the program and survey of the file are in it",))
    empty = _run([sys.executable, "-c", "import time; time.sleep(0.3); print('{}')"], world.environ)[2]
    if empty:
        yield Figure("import, peak memory", max(peak, peak_again), "MB", AIM_PEAK_MB, least=False,
                     ratios=(Ratio(max(peak, peak_again) / empty, f"an empty Python ({empty:.0f} MB)"),))


def _number(place: int) -> str:
    """A number that a careful reader takes and nobody has: 06 is in no use (Ofcom, National Telephone Numbering
    Plan).
    """
    return f"+446{place:09}"


def _list(folder: Path, rows: int) -> Path:
    """A list as shops have them: five columns, of which three are read."""
    path = folder / "list.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("First name", "Mobile", "Signed up", "Source", "Town"))
        writer.writerows((f"Person {place}", _number(place), f"2024-05-{1 + place % 28:02}", "counter of the shop",
                          "Leeds") for place in range(rows))
    (folder / "wording.txt").write_text("May we send you offers on WhatsApp?", encoding="utf-8")
    return path


def _import(folder: Path, environ: dict[str, str], file: Path, rows: int, *more: str) -> tuple[float, float]:
    """(rows a second, peak MB) of the command in a process of its own."""
    words = [sys.executable, "-m", "sayso.cli", "import", str(file), "--purposes", "offers", "--wording-file",
             str(folder / "wording.txt"), "--yes", "--json", *more]
    told, took, peak = _run(words, environ)
    if (told.get("counts") or told).get("granted") != rows:
        raise RuntimeError(f"The import did not end well: {told}.")
    return rows / took, peak


def _run(words: Sequence[str], environ: dict[str, str]) -> tuple[dict[str, Any], float, float]:
    """(what it printed, seconds, peak MB) of a program."""
    settings = plain_environ() | environ | {"PYTHONPATH": str(ROOT / "src")}
    began, peak = time.perf_counter(), 0.0
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with subprocess.Popen(words, env=settings, stdout=out, stderr=err) as process:
            while process.poll() is None:
                peak = max(peak, _peak_mb(process.pid))
                time.sleep(LOOK_S)
        took = time.perf_counter() - began
        out.seek(0)
        err.seek(0)
        if process.returncode:
            raise RuntimeError(err.read().decode()[-500:])
        return json.loads(out.read()), took, peak


def _peak_mb(pid: int) -> float:
    """The most memory a process ever held, as Linux counts it; 0 where nobody tells."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except (OSError, ValueError):
        pass
    return 0.0


def _read(file: Path, rows: int) -> float:
    began = time.perf_counter()
    with file.open(encoding="utf-8", newline="") as lines:
        count = sum(1 for _ in csv.reader(lines))
    if count != rows + 1:
        raise RuntimeError("The list is not what was written.")
    return rows / (time.perf_counter() - began)


def _insert(file: Path, rows: int) -> float:
    """One row for each row of the file, nothing computed."""
    connection = _fresh(file.with_suffix(".bare"))
    connection.execute("create table bare (place INTEGER primary key, phone TEXT, day TEXT, source TEXT) strict")
    with file.open(encoding="utf-8", newline="") as lines:
        ready = [(place, row[1], row[2], row[3]) for place, row in enumerate(csv.reader(lines)) if place]
    began = time.perf_counter()
    _durably(connection, "insert into bare values (?, ?, ?, ?)", ready)
    took = time.perf_counter() - began
    connection.close()
    return rows / took


def _copy(database: str, rows: int) -> float:
    """What the import wrote, written again: the same tables and indexes, as many people to a commit."""
    source, target = apsw.Connection(database), _fresh(Path(database).with_suffix(".copy"))
    for (sql,) in source.execute("select sql from sqlite_master where sql is not null and name not like 'sqlite_%'"):
        target.execute(sql)
    tables: list[tuple[str, list[tuple[Any, ...]], int]] = []
    for table in TABLES:
        found = source.execute(f"select * from {table}").fetchall()
        marks = ", ".join("?" * len(found[0]))
        tables.append((f"insert into {table} values ({marks})", found, -(-len(found) * BATCH // rows)))
    began = time.perf_counter()
    for batch in range(-(-rows // BATCH)):
        target.execute("begin immediate")
        for sql, found, size in tables:
            target.executemany(sql, found[batch * size:(batch + 1) * size])
        target.execute("commit")
    took = time.perf_counter() - began
    target.close()
    source.close()
    return rows / took


def _fresh(path: Path) -> apsw.Connection:
    path.unlink(missing_ok=True)
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    connection.pragma("secure_delete", True)
    return connection


def _durably(connection: apsw.Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    left = iter(rows)
    while part := list(itertools.islice(left, BATCH)):
        connection.execute("begin immediate")
        connection.executemany(sql, part)
        connection.execute("commit")
