"""The documents against the code: what they list, link, show and run must be true."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.core import TyperGroup
from typer.main import get_command

from sayso.cli.app import app
from sayso.core import checkpoints, events, merkle, workspace
from sayso.phone.control import ACTS
from sayso.phone.knobs import Knobs
from sayso.rules.reader import load_words
from sayso.settings.config import SECTIONS
from sayso.vault import verify_ed25519
from tools import make_docs

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Indented by four, as shell commands are here, or inside a fenced block.
INDENTED = re.compile(r"^ {4,}(\S.*)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
#: A process must find the package also where it is not installed.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("SAYSO_")} | {
    "PYTHONPATH": str(ROOT / "src")
}


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return [body for found, body in FENCED.findall(text) if found == language]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# -- lists and tables ------------------------------------------------------------------------------------------------


def test_every_event_reason_error_setting_command_and_route_has_its_heading() -> None:
    problems = [
        problem for page in make_docs.LISTS
        for problem in make_docs.heading_problems(page, text_of(f"docs/{page}"))
    ]
    assert problems == []


def test_what_is_drawn_from_the_code_is_up_to_date() -> None:
    behind = [named(path) for path in PAGES if make_docs.redrawn(path.read_text("utf-8")) != path.read_text("utf-8")]
    assert behind == [], "run `make docs`"


def test_every_block_that_can_be_drawn_stands_on_some_page() -> None:
    drawn = {name for path in PAGES for _, name, _ in make_docs.BLOCK.findall(path.read_text("utf-8"))}
    assert drawn == set(make_docs.BLOCKS)


def test_a_page_that_is_behind_is_noticed() -> None:
    page = text_of("docs/reasons.md")
    assert make_docs.redrawn(page.replace("The yes has run out.", "The yes is over.")) == page
    assert make_docs.heading_problems("reasons.md", page.replace("### `paused`", "### Paused"))
    assert make_docs.heading_problems("reasons.md", page + "\n### `invented`\n")
    assert make_docs.heading_problems("reasons.md", page + "\n### `paused`\n")


def test_every_heading_of_a_list_is_followed_by_words() -> None:
    empty = [
        f"docs/{page}: {heading}" for page in make_docs.LISTS
        for heading, body in re.findall(r"^#{2,4} `([^`]+)`\n+(.*)$", text_of(f"docs/{page}"), re.MULTILINE)
        if not re.match(r"[A-Z0-9`]", body)
    ]
    assert empty == []


def test_every_key_of_the_configuration_is_explained_in_its_section() -> None:
    page = text_of("docs/config.md")
    sections = dict(re.findall(r"^## \[([a-z_]+)[^\n]*\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE))
    shapes: dict[str, tuple[type[msgspec.Struct], set[str]]] = {
        "workspace": (workspace.Workspace, {"id", *SECTIONS, "entries"}),
        "connections": (workspace.Connection, {"name"}), "senders": (workspace.Sender, {"name"}),
        "purposes": (workspace.Purpose, {"name"}), "notices": (workspace.Notice, {"name", "origin"}),
        "entry_points": (workspace.Entry, {"name"}), "policy": (workspace.Policy, set()),
        "webhooks": (workspace.Webhook, {"name"}),
    }  # fmt: skip
    assert set(sections) == {*shapes, "words"} == set(SECTIONS)  # [words] has no shape but intents
    for name, (shape, elsewhere) in shapes.items():
        keys = {{"cls": "class"}.get(field.name, field.name) for field in msgspec.structs.fields(shape)} - elsewhere
        explained = set(re.findall(r"^\| `([a-z_]+)", sections[name], re.MULTILINE))
        assert explained == keys, name


def test_the_phones_acts_and_knobs_are_the_ones_that_are_explained() -> None:
    page = text_of("docs/how-to/test-your-own-code.md")
    assert set(re.findall(r"^\| `([a-z_]+)` \| `\{", page, re.MULTILINE)) == set(ACTS) - {"look"}
    knobs = set(re.findall(r"`([a-z_0-9]+): ", page)) | set(re.findall(r"`(sync_131050)`, `(async_131047)`", page)[0])
    assert knobs == {field.name for field in msgspec.structs.fields(Knobs)}


def test_the_number_of_languages_is_counted_and_not_guessed() -> None:
    spoken = len([words for words in load_words() if words.lang != "any"])
    assert f"{spoken} languages" in text_of("README.md")
    assert f"{spoken} languages" in text_of("CHANGELOG.md")


def test_the_newest_version_in_the_changelog_is_the_packages() -> None:
    version = tomllib.loads(text_of("pyproject.toml"))["project"]["version"]
    assert re.findall(r"^## (\S+)", text_of("CHANGELOG.md"), re.MULTILINE)[0] == version


# -- links and paths -------------------------------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    prose = FENCED.sub("", path.read_text("utf-8"))
    return {make_docs.slug(heading) for heading in re.findall(r"^#{1,6} (.+)$", prose, re.MULTILINE)}


def dead_links(path: Path, text: str) -> Iterator[str]:
    for target in LINK.findall(FENCED.sub("", text)):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        if not there.exists() or (anchor and anchor not in anchors(there)):
            yield f"{named(path)}: {target}"


def test_every_link_inside_the_project_leads_somewhere() -> None:
    assert [link for path in PAGES for link in dead_links(path, path.read_text("utf-8"))] == []


def test_a_dead_link_is_noticed() -> None:
    page = DOCS / "reasons.md"
    assert list(dead_links(page, "[a](nowhere.md) [b](events.md#nothing) [c](events.md#spoke)")) == [
        "docs/reasons.md: nowhere.md", "docs/reasons.md: events.md#nothing",
    ]  # fmt: skip


def test_every_page_of_the_documents_is_linked_from_their_index() -> None:
    index = text_of("docs/README.md") + text_of("docs/adr/README.md").replace("](0", "](adr/0")
    unlinked = [named(path) for path in DOCS.rglob("*.md") if path.name != "README.md"
                and f"]({path.relative_to(DOCS).as_posix()})" not in index]
    assert unlinked == []


def test_every_file_that_is_named_is_there() -> None:
    places = (ROOT, ROOT / "src" / "sayso")
    missing = [
        f"{named(page)}: {name}" for page in PAGES
        for name in re.findall(r"`((?:[a-z_]+/)+[\w.-]+\.(?:py|sql|toml|md|lock))`", page.read_text("utf-8"))
        if not any((place / name).exists() for place in places)
    ]
    assert missing == []


def test_every_test_that_is_said_to_hold_a_promise_is_there() -> None:
    there = {
        name for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    page, lessons = text_of("docs/promises.md"), text_of("docs/lessons.md")
    claimed = set(re.findall(r"`(test_\w+)`", page + lessons))
    assert len(claimed) > 60
    assert claimed - there == set()
    assert lessons.count("\n| ") == 15 + 1  # every need of the list, under one head
    assert re.findall(r"^## (\d+)\. ", page, re.MULTILINE) == [str(number) for number in range(1, 14)]


# -- commands --------------------------------------------------------------------------------------------------------


def command_lines(page: Path) -> list[str]:
    """What stands in shell blocks: lines indented by four, with their continuations joined."""
    prose = FENCED.sub("", page.read_text("utf-8")).replace("\\\n", " ")
    return [line.split("#", 1)[0].rstrip() if " #" in line else line for line in INDENTED.findall(prose)]


def test_every_make_target_in_the_documents_is_one() -> None:
    wanted = {target for page in PAGES for line in command_lines(page) for target in re.findall(r"^make (\w+)", line)}
    wanted |= {target for page in PAGES for target in re.findall(r"`make (\w+)", page.read_text("utf-8"))}
    targets = set(re.findall(r"^([a-z]+):.*##", text_of("Makefile"), re.MULTILINE))
    assert wanted <= targets
    assert {"demo", "test", "check", "docs"} <= wanted
    for target in ("demo", "test"):  # what the README tells a newcomer to type
        told = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr


def with_inner(command: Any) -> list[Any]:
    """A command and those under it: `sayso notice` and `sayso notice draft`."""
    return [command, *getattr(command, "commands", {}).values()]


def test_every_command_in_the_documents_takes_the_options_it_is_shown_with() -> None:
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    shown = 0
    for page in PAGES:
        quoted = re.findall(r"`(sayso [a-z][^`]*)`", page.read_text("utf-8"))
        for line in [*command_lines(page), *quoted]:
            for name, rest in re.findall(r"\bsayso ([a-z]+)\b([^|)#]*)", line) if "sayso " in line else ():
                if line.startswith(("createuser", "createdb")):
                    continue
                assert name in root.commands, f"{named(page)}: {line}"
                known = {option for command in with_inner(root.commands[name]) for parameter in command.params
                         for option in (*parameter.opts, *parameter.secondary_opts)}
                used = set(re.findall(r"(?:^|\s)(--?[a-z][a-z-]*)", rest))
                assert used <= known | {"--help"}, f"{named(page)}: {line}"
                shown += 1
    assert shown > 30


def test_every_path_under_phone_that_is_shown_exists() -> None:
    reading = {"state", "events", "deliveries", "outbox", "knobs"}
    for page in PAGES:
        for name in re.findall(r"/_phone/([a-z_]+)", page.read_text("utf-8")):
            assert name in set(ACTS) | reading, f"{named(page)}: {name}"


# -- examples --------------------------------------------------------------------------------------------------------


def test_the_readmes_example_runs_and_prints_what_it_says(tmp_path: Path) -> None:
    [example] = blocks(text_of("README.md"), "python")
    assert len(example.splitlines()) <= 20
    told = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, env=ENVIRONMENT, capture_output=True,
                          text=True, check=False)
    assert told.returncode == 0, told.stderr
    said = [line.rsplit("  # ", 1)[1] for line in example.splitlines() if "print(" in line]
    assert told.stdout.splitlines() == said


def test_the_test_doubles_example_runs() -> None:
    whole = next(code for code in blocks(text_of("docs/how-to/test-your-own-code.md"), "python") if "assert" in code)
    names: dict[str, Any] = {}
    exec(compile(whole, "test-your-own-code.md", "exec"), names)
    assert names["sent"].status_code == 200


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_example_is_well_formed(path: Path) -> None:
    text = path.read_text("utf-8")
    for code in blocks(text, "python"):
        assert ast.parse(code).body
    for code in blocks(text, "json"):
        assert json.loads(code)
    for code in blocks(text, "toml"):
        assert tomllib.loads(code)
    for line in command_lines(path):
        if line.startswith(("sayso", "curl", "make")) and line.count("'") % 2 == 0:
            assert shlex.split(line)
    assert text.count("```") % 2 == 0
    assert not [line for line in text.splitlines() if line != line.rstrip()]


# -- the ledger's bytes ----------------------------------------------------------------------------------------------


def test_the_bytes_of_the_ledger_page_are_what_the_code_makes_of_them() -> None:
    page = text_of("docs/ledger-format.md")
    body, openings = (code.strip().encode() for code in blocks(page, "json"))
    leaf, note, key = (code for code in blocks(page, "text"))
    event = events.decode(body)
    assert events.encode(event) == body
    assert f"These {len(body)} bytes" in page
    assert events.openings_match(event, events.decode_openings(openings))
    assert merkle.leaf_hash(body).hex() == leaf.strip()
    verifier = checkpoints.parse_vkey(key.strip())
    signed = checkpoints.parse(checkpoints.text_of(note))
    assert (signed.size, signed.root) == (1, merkle.leaf_hash(body))
    assert signed.origin == verifier.name
    signature = checkpoints.signature_of(note, verifier.name, verifier.key_id)
    assert verify_ed25519(verifier.public, checkpoints.text_of(note).encode(), signature)


def test_every_field_of_an_event_is_explained() -> None:
    explained = re.findall(r"^\| \d+ \| `([a-z_]+)`", text_of("docs/ledger-format.md"), re.MULTILINE)
    assert sorted(explained) == sorted(field.name for field in msgspec.structs.fields(events.Event))
