"""A recorded opt-out is never lost: not when the power goes at any moment, not when the process is killed.

The same harness with `synchronous=NORMAL` must lose one: a test that cannot fail proves nothing.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import apsw
import pytest

from sayso.core.lifecycle import decode
from sayso.store.sqlite import SqliteStore
from sayso.vault import Vault
from tests.cast import Player
from tests.losing import Acknowledged, Log, LosingVFS, image, put_back
from tests.stores import HandClock, World, build, open_kind, rows_of

#: Stops recorded in one run, and moments at which its power goes.
STOPS = 60
CRASHES = 250


def stops_on_a_losing_disk(folder: Path, synchronous: str, log: Log) -> None:
    """Record stops one after another, and checkpoint now and then, as a second process would."""
    disk = LosingVFS(f"losing-{uuid.uuid4().hex}", log)
    path = str(folder / "sayso.db")
    clock = HandClock()
    store = SqliteStore(path, clock=clock, vfs=disk.name, synchronous=synchronous)
    world = build(store, clock)
    other = apsw.Connection(path, vfs=disk.name)
    for number in range(STOPS):
        world.say(Player("", f"+1555010{1000 + number}"), "STOP")
        log.add(Acknowledged(f"wamid.in.acme.{number + 1}"))
        if number % 9 == 5:
            other.pragma("wal_checkpoint(PASSIVE)")
        if number % 25 == 20:
            other.pragma("wal_checkpoint(TRUNCATE)")
    other.close()
    store.close()


def survivors(path: Path) -> int:
    """How many stops the gate still knows. -1 for a file in which nothing can be read."""
    connection = apsw.Connection(str(path))
    try:
        assert connection.pragma("integrity_check") == "ok"
        if not list(connection.execute("select 1 from sqlite_master where name = 'people'")):
            return 0
        stopped = sum(bool(decode(row[0]).stops) for row in connection.execute("select standing from people"))
        recorded = next(connection.execute("select count(*) from events where type = 'said_stop'"))[0]
        assert stopped == recorded
        return stopped
    finally:
        connection.close()


def lost(log: Log, folder: Path, crashes: int) -> list[int]:
    """The crash points at which an acknowledged stop is gone."""
    chance = random.Random(20_261_123)
    begun = next(place for place, line in enumerate(log.lines) if isinstance(line, Acknowledged))
    found = []
    for number in range(crashes):
        crash = chance.randrange(begun, len(log.lines) + 1)
        path = put_back(image(log, crash, chance if number % 4 else None), folder)
        if survivors(path) < len(log.acknowledged(crash)):
            found.append(crash)
    return found


def test_every_acknowledged_stop_survives_a_power_loss_at_any_moment(tmp_path: Path) -> None:
    log = Log()
    stops_on_a_losing_disk(tmp_path, "FULL", log)
    assert len(log.acknowledged(len(log.lines))) == STOPS
    assert lost(log, tmp_path / "after", CRASHES) == []


def test_the_same_disk_loses_an_acknowledged_stop_without_full_synchronous(tmp_path: Path) -> None:
    log = Log()
    stops_on_a_losing_disk(tmp_path, "NORMAL", log)
    assert lost(log, tmp_path / "after", 40) != []


def test_a_disk_that_loses_nothing_gives_back_everything(tmp_path: Path) -> None:
    log = Log()
    stops_on_a_losing_disk(tmp_path, "FULL", log)
    files = image(log, len(log.lines), None)
    assert survivors(put_back(files, tmp_path / "after")) == STOPS


# -- killed ------------------------------------------------------------------------------------------------------------

#: What the killed process runs: stops without end, each told to us only after it was recorded.
STREAM = """
import sys
sys.path[:0] = {path!r}
from tests.cast import Player
from tests.stores import HandClock, build, open_kind
from sayso.vault import Vault
from pathlib import Path
clock = HandClock()
world = build(open_kind({kind!r}, {where!r}, clock), clock, vault=Vault.from_text(Path({keys!r}).read_text()))
for number in range({first}, 100_000):
    world.say(Player("", "+1555" + str(1_000_000 + number)), "STOP", message_id="wamid." + str(number))
    sys.stdout.write(str(number) + "\\n")
    sys.stdout.flush()
"""


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(Vault.generate().to_text())
    return path


def stream(database: tuple[str, str], keys: Path, first: int, stop_after: int) -> list[int]:
    """Run it, kill it once it told of so many; the numbers it acknowledged."""
    kind, where = database
    code = STREAM.format(path=sys.path[:1] + [entry for entry in sys.path if entry], kind=kind, where=where,
                         keys=str(keys), first=first)
    root = Path(__file__).resolve().parent.parent
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=root, text=True)
    assert child.stdout is not None
    told = []
    for line in child.stdout:
        told.append(int(line))
        if len(told) == stop_after:
            os.kill(child.pid, signal.SIGKILL)
    child.wait(30)
    child.stdout.close()
    assert child.returncode == -signal.SIGKILL
    return told


def test_a_process_killed_in_a_stream_of_stops_loses_none_it_acknowledged(
    database: tuple[str, str], keys: Path
) -> None:
    chance = random.Random(7)
    told: list[int] = []
    for number in range(3):
        told += stream(database, keys, 1_000 * number, chance.randrange(5, 60))
    clock = HandClock()
    store = open_kind(*database, clock)
    world: World = build(store, clock, vault=Vault.from_text(keys.read_text()))
    clock.go(3600)
    for number in told:
        assert world.check(Player("", f"+1555{1_000_000 + number}")).reason == "stopped_all", number
    assert len(rows_of(store, "events")) >= 2 * len(told)
    assert world.sound()
    store.close()
