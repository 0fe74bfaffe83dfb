"""`sayso held`, `breaker`, `reasons`, and lists of stops in a shell."""

from __future__ import annotations

from pathlib import Path

from tests.cast import AMIRA, BRUNO
from tests.cli.shell import run


def test_nothing_waits_where_nothing_was_said(joined: Path) -> None:
    assert "Nothing waits" in run("held").out + run("held").err
    assert run("held", "--json").json == []
    assert run("breaker", "--json").json == []
    assert run("reasons", "--json").json == {"too_many": 0, "not_relevant": 0, "never_asked": 0, "other": 0}


def test_a_decision_needs_a_message_and_a_name(joined: Path) -> None:
    missing = run("held", "release")
    assert (missing.code, missing.err.partition(":")[0]) == (2, "invalid_request")
    unknown = run("held", "release", "evt_none", "--clerk", "Olga")
    assert (unknown.code, unknown.err.partition(":")[0]) == (2, "not_found")
    nameless = run("held", "stop", "evt_none")
    assert (nameless.code, nameless.err.partition(":")[0]) == (2, "evidence_missing")
    assert run("breaker", "confirm", "shop", "--json").json["stops"] == 0
    assert run("breaker", "confirm", "shop").out == "The breaker holds no stop of shop.\n"
    assert run("breaker", "release", "nobody", "--clerk", "Olga").code == 2


def test_a_list_of_stops_stops_and_says_so(joined: Path) -> None:
    Path("left.csv").write_text(f"phone\n{AMIRA.phone}\n{BRUNO.phone}\n", encoding="utf-8")
    looked = run("import", "left.csv", "--stop-list", "--dry-run")
    assert (looked.code, "Nothing was changed" in looked.out) == (0, True)
    assert run("check", AMIRA.phone, "offers").code == 0
    done = run("import", "left.csv", "--stop-list", "--yes", "--json").json
    assert (done["kept_no"], done["granted"]) == (2, 0)
    assert run("check", AMIRA.phone, "offers").code == 10


def test_a_clerks_stop_names_the_clerk_and_says_whether_the_person_is_told(joined: Path) -> None:
    stopped = run("optout", AMIRA.phone, "--evidence", "clerk=Olga")
    assert stopped.code == 0
    assert "confirmation: " in stopped.out
    shown = run("show", AMIRA.phone, "--texts", "--json").json
    stop = next(line for line in shown["history"] if line["type"] == "said_stop")
    assert (stop["facts"]["how"], stop["evidence"]) == ("clerk", {"clerk": "Olga"})
