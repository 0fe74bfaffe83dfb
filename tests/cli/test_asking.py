"""check, optin, optout, erase: what they print, and the exit codes that scripts rely on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cast import AMIRA, BRUNO, CHEN
from tests.cli.shell import run


def test_check_exits_0_for_allow_and_10_for_deny(joined: Path) -> None:
    allowed, denied = run("check", AMIRA.phone, "offers"), run("check", CHEN.phone, "offers")
    assert (allowed.code, denied.code) == (0, 10)
    assert allowed.out.startswith("allow: ")
    assert "because of evt_" in allowed.out
    assert denied.out.startswith("deny: Nobody with this address ever said yes. (unknown_person)")


def test_check_exits_11_for_wait(joined: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sayso.core import gate

    until = 1_999_999_999_000_000
    monkeypatch.setattr(gate, "TABLE", (lambda *_: gate.speak("wait", "paused", None, until),))
    waiting = run("check", AMIRA.phone, "offers")
    assert waiting.code == 11
    assert "until 2033-05-18" in waiting.out


def test_check_prints_json_on_standard_output_and_nothing_else(joined: Path) -> None:
    asked = run("check", AMIRA.phone, "offers", "--json")
    assert asked.json["verdict"] == "allow"
    assert asked.json["reason"] == "granted"
    assert asked.err == ""


def test_an_address_can_come_by_standard_input_to_stay_out_of_the_history(joined: Path) -> None:
    assert run("check", "-", "offers", stdin=f"{AMIRA.phone}\n").code == 0
    assert run("check", "-", "offers", stdin="").code == 2


def test_errors_of_ours_are_one_line_with_their_code_and_an_exit_code(joined: Path) -> None:
    for words, code, begins in (
        (("check", "Amira", "offers"), 2, "invalid_address: "),
        (("check", "12345", "offers"), 2, "invalid_address: "),
        (("check", AMIRA.phone, "ofers"), 2, "unknown_purpose: "),
        (("check", AMIRA.phone, "offers", "-w", "nope"), 3, "config_error: "),
        (("check", AMIRA.phone, "offers", "-d", "nowhere.db"), 3, "config_error: "),
        (("check", AMIRA.phone, "offers", "-d", "postgresql://x@127.0.0.1:1/x"), 4, "unavailable: "),
        (("optin", CHEN.phone, "--entry", "website", "--evidence", "page=x"), 2, "template_missing: "),
        (("optin", CHEN.phone, "--entry", "website", "--evidence", "page"), 2, "invalid_request: "),
        (("optin", CHEN.phone, "--entry", "website"), 2, "evidence_missing: "),
        (("optout", AMIRA.phone, "--purpose", "ofers"), 2, "unknown_purpose: "),
        (("erase", CHEN.phone, "--yes"), 2, "not_found: "),
    ):
        ran = run(*words)
        assert (ran.code, ran.out) == (code, ""), words
        assert ran.err.startswith(begins), words
    assert not Path("nowhere.db").exists()


def test_wrong_keys_are_exit_3(joined: Path) -> None:
    Path("sayso.db.keys").chmod(0o644)
    ran = run("check", AMIRA.phone, "offers")
    assert (ran.code, ran.err.partition(":")[0]) == (3, "key_problem")


def test_optin_says_that_nothing_was_granted(joined: Path) -> None:
    again = run("optin", AMIRA.phone, "--entry", "website", "--evidence", "page=x", "--json")
    assert (again.code, again.json["state"]) == (0, "granted")
    assert again.json["chat_link"].startswith("https://wa.me/")
    run("optout", BRUNO.phone)
    refused = run("optin", BRUNO.phone, "--entry", "website", "--evidence", "page=x")
    assert refused.out.startswith("withdrawn: ")


def test_optout_is_acknowledged_and_holds(joined: Path) -> None:
    stopped = run("optout", AMIRA.phone, "--evidence", "note=called us", "--json")
    assert (stopped.code, stopped.json["state"], stopped.json["changed"]) == (0, "acknowledged", True)
    assert run("check", AMIRA.phone, "offers").code == 10
    assert "it was so already" in run("optout", AMIRA.phone).out


def test_erase_asks_first_and_keeps_the_no(joined: Path) -> None:
    assert run("erase", AMIRA.phone).code == 2  # nobody to ask
    assert run("check", AMIRA.phone, "offers").code == 0
    erased = run("erase", "-", "--yes", "--json", stdin=AMIRA.phone)
    assert erased.json["suppressions"] == 2
    after = run("check", AMIRA.phone, "offers", "--json")
    assert (after.code, after.json["reason"]) == (10, "suppressed")


def test_link_prints_an_address_for_a_message_and_says_what_it_needs(
        joined: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = run("link", AMIRA.phone)
    assert (without.code, without.out) == (3, "")
    assert "SAYSO_PUBLIC_URL" in without.err
    monkeypatch.setenv("SAYSO_PUBLIC_URL", "https://consent.shop.example/")
    made = run("link", AMIRA.phone)
    assert made.out.startswith("https://consent.shop.example/p/")
    assert run("link", AMIRA.phone, "--json").json["url"] != made.out.strip()
    assert run("link", CHEN.phone).err.startswith("not_found: ")
