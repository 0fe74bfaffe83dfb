"""Fetching a secret: from its file or variable, trimmed, and None whenever it is not really there."""

from __future__ import annotations

from pathlib import Path

import pytest

from sayso.core.workspace import Secret
from sayso.settings import exposed, resolve
from sayso.settings.secrets import MAX_SECRET


def test_a_secret_is_read_from_its_file_without_the_line_end(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("\ufeffEAAG\r\n", encoding="utf-8")
    assert resolve(Secret(file=str(file)), {}) == "EAAG"


def test_a_secret_is_read_from_its_variable() -> None:
    assert resolve(Secret(env="META_TOKEN"), {"META_TOKEN": " EAAG\n"}) == "EAAG"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"x" * (MAX_SECRET + 1)])
def test_a_file_that_holds_no_secret_gives_none(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    assert resolve(Secret(file=str(file)), {}) is None


def test_a_missing_file_folder_or_variable_gives_none(tmp_path: Path) -> None:
    assert resolve(Secret(file=str(tmp_path / "gone")), {}) is None
    assert resolve(Secret(file=str(tmp_path)), {}) is None
    assert resolve(Secret(env="GONE"), {}) is None
    assert resolve(Secret(env="EMPTY"), {"EMPTY": " "}) is None
    assert resolve(Secret(), {"": "not this"}) is None


def test_a_file_that_everybody_can_read_is_told_of_and_still_read(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("EAAG")
    file.chmod(0o600)
    assert not exposed(Secret(file=str(file)))
    file.chmod(0o644)
    assert exposed(Secret(file=str(file)))
    assert resolve(Secret(file=str(file)), {}) == "EAAG"
    assert not exposed(Secret(env="META_TOKEN"))
    assert not exposed(Secret(file=str(tmp_path / "gone")))
