"""The file a newcomer starts from: valid as it is, valid when its hints are followed, and a fair question."""

from __future__ import annotations

from pathlib import Path

import pytest

from sayso.core.workspace import make_code
from sayso.settings import Declared, read_config, starter
from sayso.settings.checks import MAX_NAME
from tests.cli.shell import taken_up

CODE = make_code(bytes(range(7)))


def first(name: str = "Acme", country: str = "GB", language: str = "en") -> str:
    return starter(name, "acme", "+447700900100", "106540352242922", country, language, CODE)


def read(text: str, folder: Path) -> Declared:
    file = folder / "sayso.toml"
    file.write_text(text, encoding="utf-8")
    return read_config(file)


def test_it_is_complete_and_valid_as_written(tmp_path: Path) -> None:
    acme = read(first(), tmp_path)
    assert (acme.slug, acme.name, acme.country) == ("acme", "Acme", "GB")
    assert {name: purpose.cls for name, purpose in acme.purposes.items()} == {
        "offers": "marketing", "support": "service"}  # fmt: skip
    assert {name: entry.kind for name, entry in acme.entries.items()} == {"join": "keyword", "poster": "phrase"}
    assert acme.entries["poster"].code == CODE
    assert acme.senders["shop"].start == "join"
    assert acme.connections["main"].app_secret.file == str(tmp_path / "secrets" / "meta_app_secret")


def test_the_wording_says_who_what_how_often_that_it_is_free_and_how_to_leave(tmp_path: Path) -> None:
    text = read(first(), tmp_path).notices["join"].text["en"]
    for said in (
        "Acme",
        "offers and news",
        "four messages a month",
        "your choice",
        "costs you nothing",
        "STOP",
    ):
        assert said in text


@pytest.mark.parametrize(
    "name", ['A "quoted" \\new $name {0}', "Café Zoë 🌱", "[acme] # no comment", "A\x7fB", "N" * MAX_NAME]
)
def test_any_name_a_business_may_have_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    text = first(name)
    if "\x7f" in name:
        assert "\x7f" not in text
        return
    acme = read(text, tmp_path)
    assert acme.name == name
    assert acme.notices["join"].text["en"].startswith(f"{name} would like")
    assert acme.entries["poster"].phrase == f"Hi {name}, sign me up for offers"


def test_a_country_may_be_left_open_and_the_language_another(tmp_path: Path) -> None:
    acme = read(first(country="", language="es"), tmp_path)
    assert (acme.country, acme.language) == ("", "es")


def test_taking_the_marks_off_the_examples_leaves_them_valid(tmp_path: Path) -> None:
    acme = read(taken_up(first(), "[purposes.orders]", "[entry_points.website]"), tmp_path)
    assert acme.purposes["orders"].cls == "utility"
    assert acme.entries["website"].kind == "api"


def test_taking_the_marks_off_the_template_leaves_it_valid(tmp_path: Path) -> None:
    text = first()
    for line in ("[notices.join.templates.en]", 'name = "sayso_optin"', 'language = "en" ', "params = []"):
        assert f"# {line}" in text
        text = text.replace(f"# {line}", line)
    assert read(text, tmp_path).notices["join"].templates["en"].name == "sayso_optin"


def test_its_lines_fit_a_screen() -> None:
    assert [
        line for line in first().splitlines() if len(line) > 110 and "It is your choice" not in line
    ] == []
