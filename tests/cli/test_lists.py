"""`sayso scrub`, `sayso snapshot`, `sayso audience` in a shell."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cast import AMIRA, BRUNO, CHEN
from tests.cli.shell import run

POLICY = '\n[policy.elsewhere]\nimport = "The old list, forms kept"\n'


@pytest.fixture
def shop(project: Path) -> Path:
    """Amira agreed by the old list, Bruno said stop, Chen is unknown; a list of all three."""
    with (project / "sayso.toml").open("a") as file:
        file.write(POLICY)
    assert run("init", "--yes").code == 0
    (project / "wording.txt").write_text("May we send you offers on WhatsApp?")
    rows = [f"{who.phone},2024-05-31,till\n" for who in (AMIRA, BRUNO)]
    (project / "old.csv").write_text("phone,date,source\n" + "".join(rows))
    ran = run("import", "old.csv", "--purposes", "offers", "--wording-file", "wording.txt", "--yes")
    assert ran.code == 0, ran.err
    assert run("optout", BRUNO.phone).code == 0
    (project / "list.csv").write_text(f"phone,name\n{AMIRA.phone},Amira\n{BRUNO.phone},Bruno\n{CHEN.phone},Chen\n")
    return project


def test_a_list_is_answered_row_by_row_beside_the_old_one(shop: Path) -> None:
    before = (shop / "list.csv").read_bytes()
    ran = run("scrub", "list.csv", "offers")
    assert ran.code == 0, ran.err
    assert (shop / "list.scrubbed.csv").read_text().splitlines() == [
        "phone,name,sayso_verdict,sayso_reason", f"{AMIRA.phone},Amira,allow,granted",
        f"{BRUNO.phone},Bruno,deny,stopped_all", f"{CHEN.phone},Chen,deny,unknown_person"]
    assert (shop / "list.csv").read_bytes() == before
    assert "Filter" in ran.err
    assert "true at leaf" in ran.out
    assert AMIRA.phone not in ran.out + ran.err


def test_only_those_who_may_be_messaged_and_as_json(shop: Path) -> None:
    told = run("scrub", "list.csv", "offers", "-o", "sure.csv", "--only", "allow", "--json").json
    assert (told["rows"], told["written"], told["grade"]) == (3, 1, "filter")
    assert told["reasons"] == {"granted": 1, "stopped_all": 1, "unknown_person": 1}
    assert (shop / "sure.csv").read_text().count("\n") == 2


def test_a_list_is_never_written_over_itself_and_a_wrong_purpose_is_named(shop: Path) -> None:
    before = (shop / "list.csv").read_bytes()
    ran = run("scrub", "list.csv", "offers", "-o", "./list.csv")
    assert ran.code != 0
    assert "over itself" in ran.err
    assert run("scrub", "list.csv", "nonsense").code != 0
    assert run("scrub", "gone.csv", "offers").code != 0
    assert (shop / "list.csv").read_bytes() == before


def test_a_snapshot_is_made_once_and_followed_from_then_on(shop: Path) -> None:
    first = run("snapshot", "--json").json
    assert first["addresses"] == 2
    assert run("optout", CHEN.phone).code == 0
    assert run("snapshot", "--json").json["addresses"] == 3
    folder = next((shop / "sayso.db.snapshots").iterdir())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_audience_is_written_for_its_owner_alone_and_recorded(shop: Path) -> None:
    told = run("audience", "offers", "-o", "people.txt", "--json").json
    assert (told["addresses"], told["grade"]) == (1, "filter")
    assert (shop / "people.txt").read_text() == f"{AMIRA.phone}\n"
    assert stat.S_IMODE((shop / "people.txt").stat().st_mode) == 0o600
    assert run("audience", "offers").out == f"{AMIRA.phone}\n"
    ran = run("audience", "offers", "--recipient", "Partner Ltd")
    assert ran.code != 0
    assert "sharing" in ran.err
