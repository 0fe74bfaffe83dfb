"""`sayso scrub` of a list against as many people, and DuckDB joining the same numbers in the clear, in the same run.

The snapshot is made of MACs that nobody's record stands behind: scrubbing reads the snapshot alone. Both read one CSV
and write one with a reason in each row. DuckDB has its people as a Parquet file of plain numbers with their reason.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import polars as pl

from bench.imports import LOOK_S, _peak_mb
from bench.report import Figure, Ratio
from bench.servers import ROOT, plain_environ
from bench.sizes import Sizes
from bench.world import FIRST, World, make_world
from sayso.flows import snapshots
from sayso.snapshot import files, index

#: How many times DuckDB's time a scrub may take, and its memory.
AIM: Final = 3.0
AIM_PEAK_MB: Final = 2_048
REASONS: Final = ("granted", "stopped_all", "no_consent")
SEED: Final = 7


def measure(sizes: Sizes) -> Iterator[Figure]:
    """One scrub from the command line, start of the program included."""
    with make_world() as world:
        world.system.keeper(world.workspace).refresh(world.workspace)
        people = _people(world, sizes.scrub)
        source, plain = _files(world.folder, sizes.scrub, people)
        del people
        took, peak = _scrub(world, source)
        joined = _duckdb(world.folder, source, plain)
        read, size = _read(source), source.stat().st_size / 1024**2
    name = f"scrub of {sizes.scrub:,} rows against {sizes.scrub:,} people"
    yield Figure(name, sizes.scrub / took, "rows/s", sizes.scrub / joined / AIM, ratios=(
        Ratio(took / joined, f"the time of DuckDB joining the numbers in the clear ({joined:.2f} s)"),
        Ratio(took / read, f"the time of only reading the list ({read:.2f} s)")),
        notes=(f"{took:.2f} s from the command line, numbers MACed on the way",))
    if peak:
        yield Figure("scrub, peak memory", peak, "MB", AIM_PEAK_MB, least=False,
                     ratios=(Ratio(peak / size, f"the size of the list ({size:,.1f} MB)"),))


def _people(world: World, count: int) -> np.ndarray:
    """Put a snapshot of so many people in force; returns the place of each one's reason in REASONS."""
    system, workspace = world.system, world.workspace
    vault, cells = system.kit.vault, len(snapshots.cells_of(workspace))
    folder = (system.snapshots or world.folder) / workspace.id
    manifest, patterns = files.read_manifest(folder), index.Patterns(cells)
    if manifest is None:
        raise RuntimeError("There is no snapshot.")
    numbers = np.array([patterns.number((snapshots.CODES.index(reason),) * cells) for reason in REASONS])
    reasons = np.random.default_rng(SEED).choice(3, size=count, p=(0.7, 0.2, 0.1))
    macs = vault.phone_macs_packed(workspace.id, np.arange(FIRST, FIRST + count, dtype=np.uint64), vault.mac_key_id)
    base = index.ordered(macs, numbers[reasons].astype(np.uint32), np.zeros(count, dtype=np.int64))
    with files.held(folder):
        name = files.save(folder, "base", base)
        files.put_in_force(folder, files.Manifest(
            format=files.FORMAT, made_for=manifest.made_for, position=manifest.position, last=manifest.last,
            reasons=manifest.reasons, patterns=patterns.all(), base=name, newer=""))
    return reasons


def _files(folder: Path, count: int, reasons: np.ndarray) -> tuple[Path, Path]:
    """The list, half of it unknown, and the people in the clear."""
    chosen = np.random.default_rng(SEED + 1).integers(FIRST, FIRST + 2 * count, size=count)
    source, plain = folder / "list.csv", folder / "people.parquet"
    pl.DataFrame({"number": chosen}).select(pl.format("+{}", "number").alias("phone")).write_csv(source)
    people = pl.DataFrame({"number": np.arange(FIRST, FIRST + count), "code": reasons})
    people.select("number", pl.col("code").replace_strict(dict(enumerate(REASONS)), return_dtype=pl.String)
                  .alias("reason")).write_parquet(plain)
    return source, plain


def _scrub(world: World, source: Path) -> tuple[float, float]:
    """Seconds and megabytes."""
    command = [sys.executable, "-m", "sayso.cli", "scrub", str(source), "offers", "--column", "phone", "--json",
               "-o", str(source.with_name("scrubbed.csv"))]
    with tempfile.TemporaryFile() as out:
        began, peak = time.perf_counter(), 0.0
        process = subprocess.Popen(command, cwd=ROOT, env=plain_environ() | world.environ, stdout=out, stderr=out)
        while process.poll() is None:
            peak = max(peak, _peak_mb(process.pid))
            time.sleep(LOOK_S)
        took = time.perf_counter() - began
        out.seek(0)
        if process.returncode:
            raise RuntimeError(out.read().decode()[-500:])
    return took, peak


def _duckdb(folder: Path, source: Path, plain: Path) -> float:
    """The same answer without MACs: CSV and Parquet in, CSV out."""
    target = folder / "joined.csv"
    with duckdb.connect() as connection:
        connection.execute("set memory_limit = '2GB'")
        began = time.perf_counter()
        connection.execute(
            "copy (select l.phone, coalesce(p.reason, 'unknown_person') as reason from "
            f"read_csv('{source}', types = {{'phone': 'BIGINT'}}) l left join read_parquet('{plain}') p "
            f"on l.phone = p.number) to '{target}' (header)")
        return time.perf_counter() - began


def _read(source: Path) -> float:
    began = time.perf_counter()
    pl.scan_csv(source, infer_schema=False).select(pl.len()).collect(engine="streaming")
    pl.scan_csv(source, infer_schema=False).collect(engine="streaming")
    return time.perf_counter() - began
