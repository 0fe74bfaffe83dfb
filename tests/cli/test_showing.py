"""show, verify, receipt: a person without the number, the queues, the proof."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import apsw

from tests.cast import AMIRA, CHEN
from tests.cli.shell import ROOT, run


def test_show_tells_where_a_person_stands_and_never_the_number(joined: Path) -> None:
    shown = run("show", AMIRA.phone)
    assert shown.code == 0
    assert "granted" in shown.out
    assert "said yes" in shown.out
    assert AMIRA.phone not in shown.out + shown.err
    assert AMIRA.phone[-2:] in shown.out


def test_show_gives_json_with_history_and_evidence_when_asked(joined: Path) -> None:
    plain, full = run("show", AMIRA.phone, "--json").json, run("show", AMIRA.phone, "--texts", "--json").json
    cells = {cell["purpose"]: (cell["state"], cell["verdict"]) for cell in plain["cells"]}
    assert cells["offers"] == ("granted", "allow")
    assert cells["orders"] == ("unknown", "deny")
    assert "evidence" not in plain["history"][0]
    said = next(line for line in full["history"] if line["type"] == "opt_in_requested")
    assert said["evidence"]["text"] == "JOIN"


def test_show_of_somebody_unknown_says_so(joined: Path) -> None:
    shown = run("show", CHEN.phone)
    assert (shown.code, shown.err.partition(":")[0]) == (2, "not_found")


def test_show_of_somebody_erased_says_so_and_that_the_no_holds(joined: Path) -> None:
    assert run("erase", AMIRA.phone, "--yes").code == 0
    shown = run("show", AMIRA.phone)
    assert shown.code == 0
    assert "was erased" in shown.out
    assert "The no is kept" in shown.out
    assert AMIRA.phone not in shown.out + shown.err
    found = run("show", AMIRA.phone, "--json").json
    assert (found["erased"], found["person"], found["cells"], found["history"]) == (True, None, [], [])


def test_one_is_not_told_as_many(joined: Path) -> None:
    run("receipt", AMIRA.phone)
    told = run("verify").out
    assert "1 person rebuilt from the facts" in told
    assert "2 addresses" in told


def test_show_wants_one_thing_at_a_time(joined: Path) -> None:
    assert run("show").code == 2
    assert run("show", AMIRA.phone, "--outbox").code == 2


def test_show_lists_entry_points_outbox_and_unhandled(joined: Path) -> None:
    entries = {entry["name"]: entry for entry in run("show", "--entries", "--json").json}
    assert len(entries["poster"]["code"]) == 8
    assert entries["join"]["chat_link"].endswith("?text=JOIN")
    assert {row["kind"] for row in run("show", "--outbox", "--json").json} >= {"prompt", "welcome"}
    assert run("show", "--unhandled", "--json").json == []
    assert "join\tkeyword\tJOIN\thttps://wa.me/" in run("show", "--entries").out
    assert "everything" in run("show", "--unhandled").err.lower()


def test_verify_exits_0_when_all_fits_and_20_when_a_row_was_edited(joined: Path) -> None:
    run("receipt", AMIRA.phone)  # gives every event its place in the ledger
    good = run("verify", "--json")
    assert good.json["events"] > 0
    assert (good.code, good.json["problems"]) == (0, [])
    connection = apsw.Connection("sayso.db")
    connection.execute("update events set body = cast(replace(body, 'offers', 'orders') as blob) where type = ?",
                       ("said_yes",))
    connection.close()
    bad = run("verify")
    assert bad.code == 20
    assert "PROBLEM: " in bad.out
    assert "evt_" in bad.out


def test_a_receipt_is_checked_by_the_script_that_knows_nothing_of_sayso(joined: Path) -> None:
    written = run("receipt", AMIRA.phone, "--purpose", "offers", "-o", "receipt.json")
    assert written.code == 0
    assert Path("receipt.json").stat().st_mode & 0o077 == 0
    script = [sys.executable, "-I", str(ROOT / "tools" / "verify_receipt.py"), "receipt.json"]
    told = subprocess.run(script, capture_output=True, check=False, text=True)
    assert told.returncode == 0
    assert "does not say whether the yes still stands" in told.stdout
    assert run("receipt", AMIRA.phone).json["format"] == "sayso-receipt/1"


def test_a_receipt_of_somebody_who_has_stopped_since_says_so_beside_it(joined: Path) -> None:
    assert run("receipt", AMIRA.phone).err == ""
    run("optout", AMIRA.phone)
    shown = run("receipt", AMIRA.phone)
    assert shown.err == "This person has stopped since: The person said stop to everything. (stopped_all)\n"
    assert shown.json["format"] == "sayso-receipt/1"


def test_a_receipt_needs_a_yes_and_a_place_to_be_written(joined: Path) -> None:
    assert run("receipt", CHEN.phone).code == 2
    assert run("receipt", AMIRA.phone, "-o", "no/such/folder.json").code == 3


def test_data_is_everything_and_goes_into_a_file_that_only_its_owner_reads(joined: Path) -> None:
    whole = run("data", AMIRA.phone)
    assert AMIRA.phone in {one["address"] for one in whole.json["addresses"]}
    written = run("data", AMIRA.phone, "-o", "amira.json")
    assert "nobody else" in written.out
    assert Path("amira.json").stat().st_mode & 0o777 == 0o600
    assert [line["type"] for line in json.loads(Path("amira.json").read_text())["history"]][-1] == "data_given"
