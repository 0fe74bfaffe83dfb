"""A whole installation in a temporary folder, with as many people as asked for.

People are put into the tables directly, as the flows would have left them: real address MACs, standings folded from
real facts. Numbers begin with +999, a country code that belongs to nobody (ITU-T E.164, spare codes), so not one of a
million can be somebody's. Their keys and sealed spellings are random bytes: nothing here writes to them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw
import psycopg

from sayso.core import identity, lifecycle
from sayso.core.events import Event
from sayso.core.identity import Address
from sayso.core.purposes import EVERYTHING, Cell
from sayso.core.workspace import Workspace, make_code
from sayso.ports import DAY, HOUR, Ports, ulid
from sayso.settings import read_settings, starter
from sayso.wiring import System, open_system

#: The first number of the bench: 12 digits behind the plus.
FIRST: Final = 999_000_000_000
PHONE_NUMBER_ID: Final = "106540352242922"
APP_SECRET: Final = "bench-app-secret"
#: The webhook address of the workspace that `starter` declares.
HOOK: Final = "/hooks/meta/acme-main"
#: Where messages go unless there is a stand-in for Meta: a port of this machine that refuses them.
NOWHERE: Final = "http://127.0.0.1:9"
#: SQLite's page cache while people are put in, KiB: indexes in the order of MACs jump about.
LOAD_CACHE_KIB: Final = 512 * 1024
WRAPPED_BYTES: Final = 62
SEALED_BYTES: Final = 43

PERSON: Final = ("insert into people (workspace_id, person_id, root_id, epoch, lang, wrapped, standing, created_at,"
                 " erased_at) values (?, ?, ?, 1, 'en', ?, ?, ?, 0)")
ADDRESS: Final = ("insert into addresses (workspace_id, mac, person_id, kind, state, mac_key, sealed, event_id)"
                  " values (?, ?, ?, 'phone', 'current', ?, ?, ?)")


@dataclass(slots=True)
class World:
    """An installation. `system` is open in this process; `environ` opens it in another."""

    folder: Path
    environ: dict[str, str]
    system: System
    people: int

    @property
    def workspace(self) -> Workspace:
        """The only workspace."""
        return self.system.workspace()

    @property
    def cell(self) -> Cell:
        """What the bench asks about: offers, from the shop."""
        return self.workspace.cell("offers", "shop")

    @property
    def file(self) -> str:
        """The database: a path, or a URL."""
        return self.environ["SAYSO_DATABASE"]


def text_of(place: int) -> str:
    """The phone number of the person in this place."""
    return f"+{FIRST + place}"


def address_of(place: int) -> Address:
    """The address of the person in this place."""
    return identity.parse(text_of(place), fast=True)


@contextlib.contextmanager
def make_world(people: int = 0, url: str = "", graph: str = NOWHERE) -> Iterator[World]:
    """A fresh installation on SQLite, or in the empty PostgreSQL database of `url`; gone afterwards. Its messages go
    to `graph`.
    """
    with tempfile.TemporaryDirectory(prefix="sayso-bench-") as name:
        folder = Path(name)
        environ = declare(folder, url, graph)
        system = open_system(read_settings(environ), environ={})
        try:
            for config in read_settings(environ).configs:
                system.apply(config)
            if people:
                fill(system, environ["SAYSO_DATABASE"], people)
            yield World(folder, environ, system, people)
        finally:
            system.close()


def declare(folder: Path, url: str, graph: str) -> dict[str, str]:
    """Write sayso.toml and its secrets; returns the settings that go with them."""
    code = make_code(os.urandom(7))
    text = starter("Acme", "acme", "+447700900100", PHONE_NUMBER_ID, "GB", "en", code)
    text = text.replace('provider = "meta"\n', f'provider = "meta"\nbase_url = "{graph}"\n', 1)
    (folder / "sayso.toml").write_text(text, encoding="utf-8")
    (folder / "secrets").mkdir()
    for name, value in (("app_secret", APP_SECRET), ("verify_token", "bench-verify"), ("access_token", "bench-token")):
        secret = folder / "secrets" / f"meta_{name}"
        secret.write_text(value, encoding="utf-8")
        secret.chmod(0o600)
    return {
        "SAYSO_DATABASE": url or str(folder / "sayso.db"),
        "SAYSO_KEYS_FILE": str(folder / "sayso.keys"),
        "SAYSO_CONFIG": str(folder / "sayso.toml"),
    }


# -- people ------------------------------------------------------------------------------------------------------------


def fill(system: System, database: str, people: int) -> None:
    """Put people into the tables, in one go and before anybody else looks."""
    workspace, now = system.workspace(), Ports().now()
    macs = system.kit.vault.phone_macs(workspace.id, range(FIRST, FIRST + people))
    ids = sorted(ulid(now // 1000, int.from_bytes(entropy, "big")) for entropy in _entropies(people))
    standings = _standings(workspace, now)
    persons = (
        (workspace.id, f"per_{own}", f"per_{own}", secrets.token_bytes(WRAPPED_BYTES),
         standings[place % len(standings)].replace(_EVENT, b"evt_" + own.encode()), now)
        for place, own in enumerate(ids)
    )
    addresses = (  # in the order of their index, so that each page is written once
        (workspace.id, macs[place], f"per_{ids[place]}", system.kit.vault.mac_key_id,
         secrets.token_bytes(SEALED_BYTES), f"evt_{ids[place]}")
        for place in sorted(range(people), key=macs.__getitem__)
    )
    load = _load_postgres if "://" in database else _load_sqlite
    load(database, persons, addresses)


def _entropies(count: int) -> Iterator[bytes]:
    pool = secrets.token_bytes(10 * count)
    return (pool[place:place + 10] for place in range(0, len(pool), 10))


def _load_sqlite(path: str, persons: Iterator[tuple[Any, ...]], addresses: Iterator[tuple[Any, ...]]) -> None:
    connection = apsw.Connection(path)
    connection.pragma("synchronous", "off")
    connection.pragma("cache_size", -LOAD_CACHE_KIB)
    with connection:
        connection.executemany(PERSON, persons)
        connection.executemany(ADDRESS, addresses)
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    connection.close()


def _load_postgres(url: str, persons: Iterator[tuple[Any, ...]], addresses: Iterator[tuple[Any, ...]]) -> None:
    people = "copy people (workspace_id, person_id, root_id, wrapped, standing, created_at, epoch, lang, erased_at)"
    places = "copy addresses (workspace_id, mac, person_id, mac_key, sealed, event_id, kind, state)"
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy(f"{people} from stdin") as copy:
            for row in persons:
                copy.write_row((*row, 1, "en", 0))
        with cursor.copy(f"{places} from stdin") as copy:
            for row in addresses:
                copy.write_row((*row, "phone", "current"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze people, addresses")


#: Stands for a person's own event in a standing, which names the events it rests on.
_EVENT: Final = b"evt_" + b"0" * 26


def _standings(workspace: Workspace, now: int) -> list[bytes]:
    """Of ten people six said yes, two said stop after a yes, one was asked, one only wrote."""
    cells, event = (workspace.cell("offers", "shop"),), _EVENT.decode()

    def fact(kind: str, ago: int, place: int, *, cause: str = "", cells: tuple[Cell, ...] = cells,
             **facts: str | int) -> Event:
        own = event if place == 0 else f"evt_{place:026}"
        return Event(id=own, ws=workspace.id, type=kind, occurred_at=now - ago, received_at=now - ago, clock="meta",
                     person="per_0", cells=cells, cause=cause, facts=facts)

    asked = fact("opt_in_requested", 3 * HOUR, 0, valid_until=now + 3 * DAY, inbound="shop")
    yes = fact("said_yes", 2 * HOUR, 1, cause=event, how="button", inbound="shop", expires_at=0)
    stop = fact("said_stop", HOUR, 2, cells=(EVERYTHING,), how="word", inbound="shop")
    spoke = fact("spoke", HOUR, 3, cells=(), inbound="shop")
    granted = lifecycle.encode(lifecycle.fold([asked, yes]))
    stopped = lifecycle.encode(lifecycle.fold([asked, yes, stop]))
    return [granted] * 6 + [stopped] * 2 + [lifecycle.encode(lifecycle.fold([asked])),
                                            lifecycle.encode(lifecycle.fold([spoke]))]
