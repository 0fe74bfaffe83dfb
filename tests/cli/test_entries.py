"""entry, qr, pending: what they print, the files they write, and their exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest
import zxingcpp

from sayso.channels import qr
from sayso.library import Sayso
from tests.cast import AMIRA, BRUNO
from tests.cli.shell import run


def begin(text: str = "JOIN", who: str = "9") -> None:
    """Somebody sends this to the number of the project we stand in."""
    from sayso.channels.base import InboundText
    from sayso.flows import inbound

    with Sayso("sayso.db") as sayso:
        workspace, kit = sayso.workspace, sayso.system.kit
        item = InboundText(sender_ref=workspace.senders["shop"].phone_number_id, key=("message", who), at=kit.now(),
                           addresses=BRUNO.addresses, message_id=who, text=text)
        sayso.system.store.write(lambda tx: inbound.receive(tx, kit, workspace, workspace.connections["main"], [item],
                                                            b"{}"))


def scanned(png: bytes) -> str:
    """What another library reads in a PNG of ours."""
    rows = qr.read_png(png)
    grey = b"".join(row.translate(bytes.maketrans(b"\0\1", b"\xff\0")) for row in rows)
    [found] = zxingcpp.read_barcodes(memoryview(grey).cast("B", (len(rows), len(rows[0]))))
    return str(found.text)


# -- entry -------------------------------------------------------------------------------------------------------------


def test_entry_points_are_listed_with_what_begins_them(project: Path) -> None:
    listed = run("entry")
    assert listed.code == 0
    for word in ("join", "JOIN", "poster", "website", "https://wa.me/"):
        assert word in listed.out
    names = {entry["name"]: entry for entry in run("entry", "list", "--json").json}
    assert set(names) == {"join", "poster", "website"}
    assert names["website"]["link"] == ""
    assert "cannot be printed" in names["website"]["why_no_link"]


def test_one_entry_point_is_shown_with_its_placements(project: Path) -> None:
    assert run("qr", "poster", "--placement", "counter", "-o", "x.svg").code == 0
    shown = run("entry", "show", "poster", "--json").json
    assert list(shown["placements"]) == ["counter"]
    assert shown["placements"]["counter"] != shown["code"]
    assert "counter" in run("entry", "show", "poster").out


def test_statistics_are_counted(joined: Path) -> None:
    begin()
    found = run("entry", "stats", "join", "--json").json
    assert (found["totals"]["begun"], found["totals"]["confirmed"]) == (2, 1)
    assert len(found["days"]) == 30
    drawn = run("entry", "stats", "join", "--days", "7")
    assert drawn.out.splitlines()[0].split("\t") == ["day (UTC)", "begun", "asked", "confirmed", "declined", "expired",
                                                    "undeliverable"]
    assert "in all\t2\t0\t1" in drawn.out


def test_wrong_names_and_bounds_are_told(project: Path) -> None:
    for words, begins in (
        (("entry", "stats"), "invalid_request: "), (("entry", "show"), "invalid_request: "),
        (("entry", "stats", "jion"), "unknown_entry: "),
        (("entry", "stats", "join", "--days", "0"), "invalid_request: "),
        (("qr", "jion"), "unknown_entry: "), (("qr", "website"), "invalid_request: "),
        (("qr", "poster", "--svg", "--png"), "invalid_request: "),
        (("qr", "poster", "--placement", "No!"), "invalid_request: "),
        (("qr", "poster", "--html", "A4", "--language", "xx"), "invalid_request: "),
        (("pending", "resend"), "invalid_request: "), (("pending", "resend", "evt_x"), "not_found: "),
        (("pending", "list", "--limit", "0"), "invalid_request: "),
        (("pending", "purge", "--days", "0"), "invalid_request: "),
    ):
        ran = run(*words)
        assert (ran.code, ran.out) == (2, ""), words
        assert ran.err.startswith(begins), (words, ran.err)
    assert run("entry", "jump").code == 2


# -- qr ----------------------------------------------------------------------------------------------------------------


def test_a_code_is_written_as_svg_by_default_and_as_png(project: Path) -> None:
    svg = run("qr", "poster")
    assert svg.out.startswith("<svg ")
    assert "Acme Garden" in svg.out
    made = run("qr", "poster", "--png", "-o", "code.png", "--json")
    assert scanned(Path("code.png").read_bytes()) == made.json["leads_to"]
    assert made.json["leads_to"].startswith("https://wa.me/")


def test_each_placement_gets_a_code_of_its_own_and_keeps_it(project: Path) -> None:
    counter = run("qr", "poster", "--placement", "counter", "-o", "a.svg", "--json").json
    window = run("qr", "poster", "--placement", "window", "-o", "b.svg", "--json").json
    again = run("qr", "poster", "--placement", "counter", "-o", "c.svg", "--json").json
    own = run("qr", "poster", "-o", "d.svg", "--json").json
    assert len({counter["code"], window["code"], own["code"]}) == 3
    assert again["leads_to"] == counter["leads_to"]
    begin(f"Hi [{counter['code']}]")
    placed = run("entry", "stats", "poster", "--json").json["placements"]
    assert [(line["placement"], line["begun"]) for line in placed] == [("counter", 1)]


@pytest.mark.parametrize("size", ["A4", "a6"])
def test_posters_are_written(project: Path, size: str) -> None:
    assert run("qr", "poster", "--pdf", size, "-o", "poster.pdf", "--placement", "counter").code == 0
    assert Path("poster.pdf").read_bytes().startswith(b"%PDF-")
    page = run("qr", "poster", "--html", size)
    assert page.out.startswith("<!doctype html>")
    assert "May we write to you?" in page.out
    assert "look now and then" in page.err


def test_a_file_that_cannot_be_written_is_an_error(project: Path) -> None:
    ran = run("qr", "poster", "-o", "no/such/place.svg")
    assert (ran.code, ran.err.partition(":")[0]) == (3, "config_error")


def test_a_page_needs_a_public_address_with_https(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Path("sayso.toml").read_text(encoding="utf-8")
    Path("sayso.toml").write_text(text + '\n[entry_points.web]\nkind = "page"\nnotice = "join"\nsender = "shop"\n')
    assert run("init", "--yes").code == 0
    missing = run("qr", "web")
    assert (missing.code, missing.err.partition(":")[0]) == (3, "not_configured")
    assert run("qr", "web", "--chat").out.startswith("<svg ")
    monkeypatch.setenv("SAYSO_PUBLIC_URL", "http://127.0.0.1:8080")
    assert run("qr", "web").code == 2
    monkeypatch.setenv("SAYSO_PUBLIC_URL", "https://consent.acme.example")
    made = run("qr", "web", "--png", "-o", "web.png", "--json").json
    assert made["leads_to"] == f"https://consent.acme.example/o/{made['code']}"
    assert scanned(Path("web.png").read_bytes()) == made["leads_to"]


# -- pending -----------------------------------------------------------------------------------------------------------


def test_open_questions_are_listed_without_the_number(joined: Path) -> None:
    begin()
    listed = run("pending")
    assert BRUNO.phone not in listed.out
    assert "join (keyword)" in listed.out
    [item] = run("pending", "list", "--json").json
    assert item["address"].startswith("+44")
    assert AMIRA.phone not in listed.out


def test_a_question_is_not_asked_again_too_soon(joined: Path) -> None:
    begin()
    [item] = run("pending", "list", "--json").json
    refused = run("pending", "resend", item["request"])
    assert (refused.code, refused.err.partition(":")[0]) == (2, "not_asked_again")


def test_purge_says_what_it_would_do_and_does_it(joined: Path) -> None:
    begin()
    for words in (("--dry-run",), ()):
        purged = run("pending", "purge", "--days", "1", *words, "--json").json
        assert purged == {"requests": 0, "people": 0, "dry_run": bool(words)}
    assert run("pending", "purge").out.startswith("0 request(s) were forgotten")
    assert run("verify").code == 0
