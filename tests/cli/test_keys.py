"""key: made, listed without the secret, ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from sayso.errors import Unauthorized
from sayso.library import Sayso
from sayso.web import auth
from tests.cli.shell import run


def test_a_key_is_printed_once_and_works(project: Path) -> None:
    made = run("key", "--scopes", "check, send", "--label", "shop")
    assert made.code == 0
    assert made.out.startswith("sayso_live_")
    with Sayso(project / "sayso.db") as sayso:
        key = sayso.system.store.read(lambda tx: auth.verify(tx, made.out.strip()))
    assert key.scopes == {"check", "send"}
    listed = run("key", "--list")
    assert "shop" in listed.out
    assert made.out.strip().rpartition("_")[2] not in listed.out
    assert made.out.strip().rpartition("_")[2] not in made.err


def test_a_test_key_says_so(project: Path) -> None:
    made = run("key", "--scopes", "read", "--test", "--json").json
    assert made["key"].startswith("sayso_test_")
    assert run("key", "--list", "--json").json[0]["mode"] == "test"


def test_a_revoked_key_lets_nobody_in(project: Path) -> None:
    made = run("key", "--scopes", "read", "--json").json
    assert run("key", "--revoke", made["id"]).code == 0
    assert run("key", "--revoke", made["id"]).code == 2
    with Sayso(project / "sayso.db") as sayso, pytest.raises(Unauthorized):
        sayso.system.store.read(lambda tx: auth.verify(tx, made["key"]))


def test_a_key_without_scopes_or_with_a_made_up_one_is_refused(project: Path) -> None:
    assert run("key").code == 2
    assert run("key", "--scopes", "everything").code == 2
    assert "no key" in run("key", "--list").err
