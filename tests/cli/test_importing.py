"""`sayso import` in a shell: looked at first, confirmed, killed and gone on with, undone, mended and fed again."""

from __future__ import annotations

import csv
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from sayso.cli.import_options import Given
from tests.cast import AMIRA, BRUNO, CHEN
from tests.cli.shell import ROOT, Ran, run
from tests.conftest import KEPT_PREFIX

POLICY = '\n[policy.elsewhere]\nimport = "The old shop\'s list, forms kept"\n'
MESSY = (
    "Export of our shop list\r\nFirst Name;Handy;Signed Up;Status;Unsubscribed At;Notes\r\n"
    f'Amira;"{AMIRA.phone}";31/05/2024;subscribed;;"likes ""tea""\r\nand cake"\r\n'
    "Bruno;07700900456;01/06/2024;unsubscribed;02/06/2024;\r\n"
    f'Chen;"=""{CHEN.phone}""";2024-06-03;yes;;Zo\xeb\r\n'
    "Bad;n/a;2024-06-03;yes;;\r\nShort;+447700900777\r\n\r\n"
)
PROOF = ("--purposes", "offers", "--proof-source", "shop till 2024", "--wording-file", "wording.txt", "--yes")


@pytest.fixture
def shop(project: Path) -> Path:
    """A folder whose policy lets lists grant, with a messy list and the wording people saw."""
    with (project / "sayso.toml").open("a") as file:
        file.write(POLICY)
    assert run("init", "--yes").code == 0
    (project / "list.csv").write_bytes(MESSY.encode("cp1252"))
    (project / "wording.txt").write_text("May we send you offers on WhatsApp?")
    return project


def verdict(phone: str) -> int:
    return run("check", phone, "offers").code


def lines_of(ran: Ran) -> str:
    return ran.out + ran.err


# -- looking -----------------------------------------------------------------------------------------------------------


def test_a_dry_run_shows_how_the_file_is_read_and_changes_nothing(shop: Path) -> None:
    before = (shop / "sayso.db").read_bytes()
    ran = run("import", "list.csv", "--dry-run", *PROOF)
    assert ran.code == 0
    for words in ("phone     Handy", "date      Signed Up", "status    Status", "stopped   Unsubscribed At",
                  "not read  First Name, Notes", "Windows-1252", "2  stand as a yes", "1  say or keep a no",
                  "2  refused", "Nothing was changed"):
        assert words in ran.out, words
    assert AMIRA.phone[4:10] not in lines_of(ran)
    assert (shop / "sayso.db").read_bytes() == before
    assert verdict(AMIRA.phone) == 10


def test_a_dry_run_as_json_can_be_read_by_a_program(shop: Path) -> None:
    told = run("import", "list.csv", "--dry-run", "--json", *PROOF).json
    assert told["counts"] == {"granted": 2, "unknown": 0, "kept_no": 1, "refused": 2, "repeated": 0}
    assert told["columns"]["phone"] == ["Handy"]


def test_without_a_policy_it_says_that_no_list_grants(project: Path) -> None:
    (project / "a.csv").write_text(f"phone\n{AMIRA.phone}\n")
    ran = run("import", "a.csv", "--dry-run", "--purposes", "offers")
    assert "policy.elsewhere.import" in ran.out
    assert "1  stay unknown" in ran.out


# -- importing ---------------------------------------------------------------------------------------------------------


def test_a_messy_list_is_imported_and_undone(shop: Path) -> None:
    ran = run("import", "list.csv", *PROOF, "--json")
    assert ran.code == 0
    assert (ran.json["granted"], ran.json["kept_no"], ran.json["refused"], ran.json["state"]) == (2, 1, 2, "done")
    assert (verdict(AMIRA.phone), verdict(CHEN.phone), verdict(BRUNO.phone)) == (0, 0, 10)
    assert run("verify").code == 0
    undone = run("import", "--undo", ran.json["import"], "--yes")
    assert undone.code == 0
    assert "2 recorded yeses taken back" in undone.out
    assert (verdict(AMIRA.phone), verdict(BRUNO.phone)) == (10, 10)
    assert run("verify").code == 0


def test_the_evidence_can_be_seen_at_the_person(shop: Path) -> None:
    run("import", "list.csv", *PROOF)
    shown = run("show", AMIRA.phone, "--texts").out
    assert "consent recorded" in shown
    assert "shop till 2024" in shown


def test_it_asks_nobody_where_nobody_is(shop: Path) -> None:
    ran = run("import", "list.csv", *PROOF[:-1])
    assert ran.code == 2
    assert "--dry-run" in ran.err
    assert run("import", "--list", "--json").json == []


def test_an_undo_asks_nobody_where_nobody_is_and_names_what_there_is_to_look_at(shop: Path) -> None:
    begun = run("import", "list.csv", *PROOF, "--json").json["import"]
    ran = run("import", "--undo", begun)
    assert (ran.code, "--dry-run" in ran.err) == (2, False)
    assert f"--show {begun}, then say --yes" in ran.err


def test_a_list_of_stops_speaks_of_stops_only(project: Path) -> None:
    (project / "left.csv").write_text(f"phone\n{AMIRA.phone}\nn/a\n")
    ran = run("import", "left.csv", "--stop-list", "--dry-run")
    assert "every row is a stop, of everything" in ran.out
    assert "a yes covers" not in ran.out
    assert "No list grants" not in ran.out
    assert "1 row was refused." in run("import", "left.csv", "--stop-list", "--yes").err


def test_a_list_of_stops_names_the_columns_that_tell_who_left(shop: Path) -> None:
    ran = run("import", "list.csv", "--stop-list", "--dry-run")
    assert "rows that say no in Status, Unsubscribed At are stops" in ran.out


def test_the_same_file_again_changes_nothing_unless_it_is_said(shop: Path) -> None:
    first = run("import", "list.csv", *PROOF, "--json").json
    again = run("import", "list.csv", *PROOF, "--json")
    assert again.json == first
    assert "--again" in again.err
    once_more = run("import", "list.csv", *PROOF, "--again", "--json").json
    assert once_more["import"] != first["import"]
    assert len(run("import", "--list", "--json").json) == 2


def test_refused_rows_are_mended_and_fed_again(shop: Path) -> None:
    first = run("import", "list.csv", *PROOF, "--refused", "mend.csv", "--json").json
    assert stat.S_IMODE((shop / "mend.csv").stat().st_mode) == 0o600
    with (shop / "mend.csv").open(encoding="utf-8-sig", newline="") as file:
        header, bad, short = csv.reader(file)
    assert header[:4] == ["sayso_row", "sayso_problem", "First Name", "Handy"]
    assert (bad[0], bad[3], short[3]) == ("6", "n/a", "'+447700900777")
    assert short[1].startswith("Unsubscribed At: the row ends")
    with (shop / "mend.csv").open("w", encoding="utf-8-sig", newline="") as file:
        mended = [[*bad[:3], "07700 900111", *bad[4:]], [*short, "2024-06-03", "yes", "", ""]]
        csv.writer(file).writerows([header, *mended])
    second = run("import", "mend.csv", *PROOF, "--json")
    assert (second.json["granted"], second.json["refused"]) == (2, 0)
    assert (verdict("+447700900777"), verdict("+447700900111")) == (0, 0)
    later = run("import", "--show", first["import"], "--refused", "later.csv")
    assert later.code == 0
    assert (shop / "later.csv").read_text(encoding="utf-8-sig").count("\n") == 3


def test_columns_and_words_can_be_said(shop: Path) -> None:
    (shop / "odd.csv").write_text(f"A,B,C\n{AMIRA.phone},2024-05-01,gold\n{BRUNO.phone},2024-05-01,lead\n")
    ran = run("import", "odd.csv", *PROOF, "--map", "phone=A,date=B", "--map", "status=C", "--status",
              "Gold=yes,Lead=no", "--json")
    assert (ran.json["granted"], ran.json["kept_no"]) == (1, 1)


@pytest.mark.parametrize(("words", "code", "said"), [
    (("import",), 2, "Name a file"), (("import", "list.csv", "--list"), 2, "Name a file"),
    (("import", "nobody.csv", "--yes"), 3, "cannot be read"), (("import", "list.csv", "--yes"), 2, "--purposes"),
    (("import", "list.csv", "--yes", "--purposes", "ofers"), 2, "unknown_purpose"),
    (("import", "list.csv", *PROOF, "--map", "phone"), 2, "NAME=VALUE"),
    (("import", "list.csv", *PROOF, "--map", "phone=Fone"), 2, "no column 'Fone'"),
    (("import", "list.csv", *PROOF, "--proof-date", "soon"), 2, "proof-date"),
    (("import", "list.csv", *PROOF, "--date-order", "ymd"), 2, "dmy or mdy"),
    (("import", "list.csv", *PROOF, "--status", "Gold=perhaps"), 2, "yes, no or unknown"),
    (("import", "list.csv", *PROOF, "--stops", "some"), 2, "everything or purposes"),
    (("import", "list.csv", *PROOF, "--document", "nobody.pdf"), 3, "cannot be read"),
    (("import", "list.csv", *PROOF, "--format", "doc"), 2, "A format is one of"),
    (("import", "--undo", "imp_nothing", "--yes"), 2, "no such import"), (("import", "--show", "imp_x"), 2, "no such"),
])  # fmt: skip
def test_a_wrong_option_says_what_is_right_and_nothing_begins(shop: Path, words: tuple[str, ...], code: int,
                                                              said: str) -> None:
    ran = run(*words)
    assert (ran.code, said in ran.err) == (code, True), ran.err
    assert run("import", "--list", "--json").json == []


def test_options_that_plan_nothing_leave_an_import_as_it_was_planned() -> None:
    assert Given(format="csv", encoding="utf-8").plain
    assert not Given(purposes="offers").plain


# -- killed ------------------------------------------------------------------------------------------------------------


def in_a_process(folder: Path, *words: str) -> subprocess.Popen[str]:
    environ = {name: value for name, value in os.environ.items()
               if not name.startswith("SAYSO_") or name.startswith(KEPT_PREFIX)}
    return subprocess.Popen([sys.executable, "-m", "sayso.cli", *words], cwd=folder, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**environ, "PYTHONPATH": str(ROOT / "src")})


def position(folder: Path) -> int:
    connection = apsw.Connection(str(folder / "sayso.db"))
    connection.set_busy_timeout(5_000)
    row = connection.execute("select position from imports").fetchone()
    connection.close()
    return int(row[0]) if row else 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_import_killed_half_way_goes_on_and_is_undone_and_verify_is_good_throughout(shop: Path,
                                                                                       number: signal.Signals) -> None:
    count = 30_000
    with (shop / "large.csv").open("w") as file:
        file.write("Mobile,Signed up\n")  # 06 is in no use: numbers that nobody has
        file.writelines(f"+446{n:09},2024-05-01\n" for n in range(count))
    with in_a_process(shop, "import", "large.csv", *PROOF) as process:
        end = time.monotonic() + 30
        while position(shop) < 4_000 and time.monotonic() < end and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        process.communicate()
    part = position(shop)
    assert 4_000 <= part < count
    assert process.returncode in (-signal.SIGKILL, 130)
    assert run("verify").code == 0
    gone_on = run("import", "large.csv", "--yes", "--json")
    assert gone_on.code == 0
    assert f"goes on behind row {part:,}" in gone_on.err
    assert (gone_on.json["granted"], gone_on.json["refused"]) == (count, 0)
    report = run("verify", "--json").json
    assert (report["problems"], report["people"]) == ([], count)
    assert run("import", "--undo", gone_on.json["import"], "--yes").code == 0
    assert verdict("+446000000007") == 10
    assert run("verify").code == 0
