"""init: from an empty folder to one that works, and from an edit to what is in force."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sayso.core import checkpoints
from tests.cli.shell import INIT, run


def test_init_makes_configuration_keys_and_database_and_says_what_came_of_it(folder: Path) -> None:
    made = run(*INIT, "--json")
    assert made.code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["sayso.db", "sayso.db.keys", "sayso.toml"]
    assert (folder / "sayso.db.keys").stat().st_mode & 0o077 == 0
    [workspace] = made.json["workspaces"]
    assert (workspace["workspace"], workspace["state"]) == ("acme", "created")
    assert workspace["new_notices"] == [{"notice": "join", "version": 1, "language": "en"}]
    assert workspace["webhooks"] == {"main": "/hooks/meta/acme-main"}
    assert workspace["chat_links"]["poster"].startswith("https://wa.me/")


def test_init_again_changes_nothing(project: Path) -> None:
    before = (project / "sayso.toml").read_text()
    [workspace] = run("init", "--json").json["workspaces"]
    assert (workspace["state"], workspace["new_notices"]) == ("unchanged", [])
    assert (project / "sayso.toml").read_text() == before


def test_init_applies_an_edit_and_prints_the_new_wording(project: Path) -> None:
    edit('en = """', 'es = "¿Podemos?"\nen = """')
    edit("version = 1", "version = 2")
    [workspace] = run("init", "--json").json["workspaces"]
    assert workspace["state"] == "changed"
    assert {(new["version"], new["language"]) for new in workspace["new_notices"]} == {(2, "en"), (2, "es")}


def test_init_refuses_a_published_wording_edited_in_place(project: Path) -> None:
    edit("May we write to you?", "May we write to you daily?")
    refused = run("init")
    assert (refused.code, refused.err.partition(":")[0]) == (3, "config_error")
    assert "version" in refused.err


def test_check_says_what_would_be_new_and_changes_nothing(project: Path) -> None:
    edit("version = 1", "version = 2")
    tried = run("init", "--check", "--json")
    assert tried.json["workspaces"][0]["new_notices"] == [{"notice": "join", "version": 2, "language": "en"}]
    assert run("init", "--check", "--json").json == tried.json


def test_check_works_before_there_is_a_database(project: Path) -> None:
    Path("sayso.db").unlink()
    tried = run("init", "--check", "--json")
    assert tried.json["workspaces"] == [{"workspace": "acme", "state": "would be created"}]
    assert not Path("sayso.db").exists()


def test_an_unknown_key_is_exit_3_with_a_suggestion(project: Path) -> None:
    edit("prompt_valid_hours", "prompt_valid_hour")
    for words in (("init",), ("init", "--check")):
        refused = run(*words)
        assert refused.code == 3
        assert "did you mean 'prompt_valid_hours'?" in refused.err


def test_without_a_terminal_nothing_is_asked_and_the_options_are_named(folder: Path) -> None:
    refused = run("init")
    assert (refused.code, list(folder.iterdir())) == (2, [])
    assert "--name" in refused.err
    assert "--yes" in refused.err


def test_a_wrong_value_is_told_before_anything_is_written(folder: Path) -> None:
    refused = run("init", "--yes", "--phone", "12")
    assert (refused.code, list(folder.iterdir())) == (2, [])
    assert "senders.shop.phone" in refused.err


def test_everything_can_be_said_with_options(folder: Path) -> None:
    made = run("init", "--name", "Café Ñandú", "--phone", "+5491155501234", "--phone-number-id", "123456789",
               "--country", "AR", "--language", "es")
    assert made.code == 0
    assert "workspace caf-and: created" in made.out


def test_another_slug_is_refused_where_nobody_can_be_asked_and_told_where_it_is_meant(project: Path) -> None:
    edit('slug = "acme"', 'slug = "acne"')
    refused = run("init")
    assert refused.code == 2
    assert "write the old slug (acme) again" in refused.err
    assert run("check", "+447700900123", "offers").code == 10  # still the only workspace
    meant = run("init", "--yes")
    assert (meant.code, "workspace acne: created" in meant.out) == (0, True)
    assert "NOTE: 'acne' is a new workspace beside 'acme'" in meant.err
    assert "SAYSO_WORKSPACE" in meant.err
    assert "NOTE" not in run("init").err


def test_a_second_workspace_declared_beside_the_first_is_no_mistake(
    project: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = (project / "sayso.toml").read_text().replace('slug = "acme"', 'slug = "other"')
    (project / "other.toml").write_text(other)
    monkeypatch.setenv("SAYSO_CONFIG", os.pathsep.join(("sayso.toml", "other.toml")))
    made = run("init")
    assert (made.code, "NOTE" in made.err) == (0, False)


def test_the_key_to_check_receipts_with_is_printed(project: Path) -> None:
    key = run("verify", "--json").json["key"]
    assert checkpoints.parse_vkey(key).name.startswith("sayso/ins_")
    assert key in run("init").out
    assert key in run("verify").out


def test_a_place_that_cannot_hold_a_database_is_told_with_what_mends_it(folder: Path) -> None:
    (folder / "letter.db").write_text("Dear Amira, " * 1_000)
    other = run("verify", "--database", "letter.db")
    assert (other.code, "is not a SQLite database" in other.err, "--database" in other.err) == (3, True, True)
    nowhere = run(*INIT, "--database", "no/such/folder.db")
    assert (nowhere.code, str(folder / "no" / "such") in nowhere.err) == (4, True)


def edit(old: str, new: str) -> None:
    path = Path("sayso.toml")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
