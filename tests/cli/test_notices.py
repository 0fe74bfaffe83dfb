"""notice and lint: a wording from draft to ledger by commands, and what is said on the way."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sayso.cli import notices
from sayso.core.compare import compare
from sayso.flows.notices import Difference
from tests.cli.shell import run

OFFERS = ("--starter", "offers", "--purposes", "offers")


def written(*more: str) -> Any:
    done = run("notice", "draft", "welcome", *OFFERS, "--json", *more)
    assert done.code == 0, done.err
    return done.json


def test_a_starter_is_drafted_published_and_shown(project: Path) -> None:
    draft = written("--lang", "es")
    assert draft["draft"]["text"].startswith("Acme Garden quiere enviarte ofertas")
    assert [finding["code"] for finding in draft["findings"]] == ["privacy_link"]
    assert run("notice", "list").out.splitlines()[2].split("\t")[:5] == ["welcome", "draft", "-", "-", "es"]
    published = run("notice", "publish", "welcome")
    assert (published.code, published.out.splitlines()[0]) == (0, "welcome version 1 is in force: es.")
    shown = run("notice", "show", "welcome", "--json").json
    assert (shown["origin"], shown["version"], list(shown["text"])) == ("desk", 1, ["es"])
    [version] = run("notice", "history", "welcome", "--json").json
    assert version["hash"] == shown["hash"]["es"]
    assert run("verify").code == 0


def test_a_starter_named_as_a_purpose_needs_no_purpose_named(project: Path) -> None:
    assert run("notice", "draft", "news", "--starter", "orders", "--json").json["draft"]["purposes"] == ["orders"]
    assert run("notice", "draft", "more", "--text", "May we?").code == 2


def test_what_was_published_survives_init_with_the_old_file(project: Path) -> None:
    written()
    run("notice", "publish", "welcome")
    again = run("init", "--yes")
    assert again.code == 0
    assert "unchanged" in again.out
    assert run("notice", "show", "welcome").code == 0
    config = project / "sayso.toml"
    config.write_text(config.read_text() + '\n[entry_points.hello]\nkind = "keyword"\nkeywords = ["HELLO"]\n'
                                           'notice = "welcome"\nsender = "shop"\n')
    assert tomllib.loads(config.read_text())
    assert run("init", "--check").code == 0
    assert run("init", "--yes").code == 0
    assert run("doctor", "--json").code in (0, 1)
    refused = run("notice", "retire", "welcome")
    assert (refused.code, "'hello' shows it" in refused.err) == (2, True)


def test_a_deceptive_wording_is_refused_and_says_what_to_mend(project: Path) -> None:
    text = "Acme Garden: last chance! By continuing you agree."
    run("notice", "draft", "welcome", "--text", text, "--purposes", "offers")
    refused = run("notice", "publish", "welcome", "--reason", "we really want this one")
    assert refused.code == 2
    assert refused.err.startswith("notice_refused: ")
    assert '"last chance" hurries people' in refused.err
    assert json.loads(run("notice", "list", "--json").out)[1]["version"] == 0


def test_the_reason_something_is_missing_is_on_record(project: Path, tmp_path: Path) -> None:
    text = written()["draft"]["text"].replace(", at most four messages a month", "")
    (tmp_path / "w.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert "must\toften\ten\tSay how often" in run("notice", "draft", "welcome", "--file", "w.txt").out
    assert "publish with a reason" in run("notice", "publish", "welcome").err
    assert run("notice", "publish", "welcome", "--reason", "said on the page beside it").code == 0
    assert "often: said on the page beside it" in run("notice", "history", "welcome").out


def test_versions_are_drawn_side_by_side_and_as_json(project: Path) -> None:
    text = written()["draft"]["text"]
    run("notice", "publish", "welcome")
    run("notice", "draft", "welcome", "--text", text.replace("four", "two"))
    plain = run("notice", "diff", "welcome")
    assert plain.out.splitlines()[0] == "welcome (en)\t1\tdraft"
    assert [line[0] for line in plain.out.splitlines()[1:]] == ["~", " ", " ", " "]
    found = run("notice", "diff", "welcome", "--json").json
    line = found["lines"][0]
    [[start, end]] = line["right_words"]
    assert line["right"][start:end] == "two"


def test_on_a_terminal_what_differs_stands_out() -> None:
    line = compare("Four a month.", "Two a month.")[0]
    left, right = notices._sides(line)
    assert (left.plain, right.plain) == ("Four a month.", "Two a month.")
    assert [(span.start, span.end, str(span.style)) for span in left.spans] == [(0, 4, "red strike")]
    assert [(span.start, span.end, str(span.style)) for span in right.spans] == [(0, 3, "green bold")]


def test_a_wide_terminal_shows_both_texts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    notices._draw(Difference(notice="n", lang="en", before="1", after="2", lines=compare("Old one.", "New one.")))
    told = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert "Old one." in told
    assert "New one." in told


@pytest.mark.parametrize("words", [
    ("draft", "join", "--text", "x"), ("draft", "welcome"), ("draft", "welcome", "--text", "x", "--starter", "offers"),
    ("draft", "welcome", "--starter", "party", "--purposes", "offers"), ("draft", "welcome", *OFFERS, "--lang", "ja"),
    ("draft", "welcome", "--file", "nowhere.txt", "--purposes", "offers"), ("publish", "welcome"), ("show", "nothing"),
    ("history", "nothing"), ("diff", "nothing"), ("retire", "join"), ("retire", "nothing"),
    ("show", "join", "--lang", "xx"),
    ("draft", "welcome", "--discard"), ("draft", "Bad Name", *OFFERS), ("publish", "join", "--template", "nonsense"),
])  # fmt: skip
def test_a_wrong_request_is_told_in_one_line(project: Path, words: tuple[str, ...]) -> None:
    done = run("notice", *words)
    assert done.code == 2
    assert len(done.err.strip().splitlines()) == 1


def test_a_draft_is_thrown_away(project: Path) -> None:
    written()
    assert run("notice", "draft", "welcome", "--discard").out == "1 draft of welcome thrown away.\n"
    assert run("notice", "show", "welcome").code == 2


def test_a_template_goes_with_its_wording(project: Path) -> None:
    written("--lang", "pt-BR")
    assert run("notice", "publish", "welcome", "--template", "pt-BR=sayso_optin").code == 0
    found = run("doctor", "--json")
    assert found.code in (0, 1)


# -- lint --------------------------------------------------------------------------------------------------------------


def test_all_notices_are_looked_at_and_a_good_one_passes(project: Path) -> None:
    done = run("lint")
    assert (done.code, done.err.strip()) == (0, "join: 1 should be mended")
    assert done.out.startswith("should\tprivacy_link\ten\t")


def test_a_text_is_looked_at_from_a_file_or_from_standard_input(project: Path) -> None:
    done = run("lint", "-", "--json", "--purposes", "offers", stdin="Acme Garden: hurry, {name}!")
    assert done.code == 1
    found = {finding["code"]: finding for finding in done.json[0]["findings"]}
    assert {"pressure", "placeholder", "leave"} <= set(found)
    assert (found["pressure"]["words"], found["pressure"]["start"]) == ("hurry", 13)
    (project / "t.txt").write_text("Send STOP to leave")
    assert run("lint", "t.txt", "--place", "footer").code == 0
    assert run("lint", "t.txt", "--place", "button", "--json").json[0]["findings"] == []
    shamed = run("lint", "t.txt", "--button", "Yes", "--button", "No, I hate saving", "--json").json[0]["findings"]
    assert [finding["where"] for finding in shamed if finding["code"] == "shaming"] == ["button 2"]


def test_a_draft_is_looked_at_before_what_is_in_force(project: Path) -> None:
    text = written()["draft"]["text"]
    run("notice", "publish", "welcome")
    run("notice", "draft", "welcome", "--text", text + " Hurry!")
    assert run("lint", "--notice", "welcome").code == 1
    assert run("lint", "--notice", "join").code == 0


def test_another_countrys_rules_can_be_asked(project: Path) -> None:
    (project / "t.txt").write_text(written()["draft"]["text"])
    assert run("lint", "t.txt", "--purposes", "offers").code == 0
    canada = run("lint", "t.txt", "--purposes", "offers", "--country", "CA")
    assert canada.code == 1
    assert "Canada asks for it" in canada.out
    assert "Nothing is known of the rules in AQ." in run("lint", "t.txt", "--country", "AQ").err


@pytest.mark.parametrize("words", [
    ("--place", "moon"), ("t.txt", "--notice", "join"), ("nowhere.txt",), ("bad.txt",), ("--notice", "nothing"),
    ("t.txt", "--country", "germany"), ("t.txt", "--purposes", "nope"), ("big.txt",),
])  # fmt: skip
def test_lint_refuses_what_it_cannot_look_at(project: Path, words: tuple[str, ...]) -> None:
    (project / "t.txt").write_text("x")
    (project / "bad.txt").write_bytes(b"\xff\xfe\x00")
    (project / "big.txt").write_text("x" * 65_537)
    done = run("lint", *words)
    assert done.code == 2
    assert done.out == ""


def test_init_says_what_a_new_wording_of_the_file_does_not(project: Path) -> None:
    config = project / "sayso.toml"
    config.write_text(config.read_text() + '\n[notices.short]\nversion = 1\npurposes = ["offers"]\nsenders = ["shop"]\n'
                                           'text = { en = "May we write to you?" }\n')
    done = run("init", "--yes")
    assert done.code == 0
    assert "notice short (en): Say which word ends it" in done.err
    assert "notice short" not in run("init", "--yes").err
    old = 'version = 1\npurposes = ["offers"]\nsenders = ["shop"]\ntext = { en = "May we write to you?" }'
    assert old in config.read_text()
    new = old.replace("version = 1", "version = 2").replace("May we write to you?", "Last chance!")
    config.write_text(config.read_text().replace(old, new))
    refused = run("init", "--yes")
    assert refused.code == 3
    assert "notices.short.text.en: pressure" in refused.err


def test_every_command_explains_itself() -> None:
    from sayso.cli.app import app

    for words in (["notice", "--help"], ["lint", "--help"], *(["notice", name, "--help"] for name in (
            "list", "show", "draft", "diff", "publish", "history", "retire"))):
        assert CliRunner().invoke(app, words).exit_code == 0
