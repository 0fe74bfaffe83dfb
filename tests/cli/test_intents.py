"""`sayso intent`: one message or a stream of them, with no database and no sayso.toml."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.shell import run

LABELS = {"stop", "stop_promotional", "start", "yes", "no", "help", "snooze", "privacy", "other"}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_message_is_read_and_nothing_is_left_behind(empty_folder: Path) -> None:
    done = run("intent", "please take me off your list")
    assert done.code == 0
    assert done.out.splitlines()[0] == "stop"
    assert "certain" in done.out
    assert list(empty_folder.iterdir()) == []


def test_lines_are_answered_with_lines() -> None:
    asked = [{"text": "STOP"}, {"text": "cancel my order", "lang": "en"}, {"text": "sí", "lang": "es"},
             {"text": "preferences", "lang": "en", "more": 1}, {"text": ""}, {"text": "x", "lang": None}]  # fmt: skip
    done = run("intent", "--json", stdin="\n".join(map(json.dumps, asked)) + "\n\n")
    assert done.code == 0
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert [set(one) for one in answers] == [{"intent", "grade", "lang", "why"}] * len(asked)
    assert {one["intent"] for one in answers} <= LABELS
    assert [one["intent"] for one in answers][:5] == ["stop", "other", "yes", "help", "other"]
    assert [one["grade"] for one in answers][:5] == ["certain", "none", "certain", "certain", "none"]


@pytest.mark.parametrize("bad", ["{", '{"lang": "en"}', '["stop"]', '{"text": 1}'])
def test_a_bad_line_is_named_and_what_came_before_it_is_answered(bad: str) -> None:
    done = run("intent", "--json", stdin='{"text": "stop"}\n' + bad + "\n")
    assert done.code == 2
    assert len(done.out.splitlines()) == 1
    assert "Line 2" in done.err


def test_nothing_to_read_is_an_error_and_an_empty_stream_is_none() -> None:
    assert run("intent").code == 2
    assert run("intent", "--json", stdin="").code == 0


def test_a_language_decides_what_a_short_word_means() -> None:
    assert run("intent", "no", "--lang", "en", "--json").json["intent"] == "no"


@pytest.mark.parametrize(("text", "lang", "why"), [
    ("no thanks", "", "a language lists it as no"), ("no thanks", "de", "another language lists it as no"),
    ("you guys are annoying", "", "free text: it reads as a wish to leave, in words of refusal or complaint"),
])
def test_the_reason_claims_no_more_than_was_seen(text: str, lang: str, why: str) -> None:
    assert run("intent", text, *(["--lang", lang] if lang else []), "--json").json["why"] == why
