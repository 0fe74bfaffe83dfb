"""Lists in which somebody said no, in places and dresses of real exports: none of them grants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sayso.store.sqlite import SqliteStore
from tests.cast import Player
from tests.flows.listing import take_in, trusting_world
from tests.stores import HandClock, World

SAID_NO = Player("Nora", "+447700900101")
HEAD = "Name,Mobile,Date,Source"


@pytest.fixture
def trusting(tmp_path: Path, clock: HandClock) -> Iterator[World]:
    store = SqliteStore(str(tmp_path / "sayso.db"), clock=clock)
    yield trusting_world(store, clock)
    store.close()


def row(more: str, phone: str = SAID_NO.phone) -> str:
    return f"N,{phone},2025-01-01,shop,{more}"


LISTS = {
    "status_with_own_words": "\n".join([HEAD + ",Status", row("Gold", "+447700900102"), row("Silver", "+447700900103"),
                                        row("Gold", "+447700900104"), row("STOP")]),
    "second_column_of_one_name": "\n".join([HEAD + ",Status,Status", row("yes,no")]),
    "whatsapp_opt_out": "\n".join([HEAD + ",whatsapp_opt_out", row("TRUE"), row("FALSE", "+447700900102")]),
    "opt_out_in_brackets": "\n".join([HEAD + ",Opt-out (WA)", row("Yes"), row("", "+447700900102")]),
    "opted_out_date": "\n".join([HEAD + ",Opted out date", row("2025-03-01"), row("", "+447700900102")]),
    "consent_withdrawn_on": "\n".join([HEAD + ",Consent withdrawn on", row("2025-03-01"), row("", "+447700900102")]),
    "do_not_whatsapp": "\n".join([HEAD + ",Do not WhatsApp", row("x"), row("", "+447700900102")]),
    "marketing_no": "\n".join([HEAD + ",Marketing", row("No"), row("Yes", "+447700900102")]),
    "note_stop": "\n".join([HEAD + ",Notes", row("STOP"), row("", "+447700900102")]),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_no_in_the_file_grants_nothing(trusting: World, tmp_path: Path, name: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(LISTS[name] + "\n")
    take_in(trusting, path)
    assert trusting.check(SAID_NO).reason != "granted"


def test_a_no_under_a_key_that_few_lines_have_grants_nothing(trusting: World, tmp_path: Path) -> None:
    lines = [f'{{"Mobile":"+4477009{n:05d}","Date":"2025-01-01","Source":"s"}}' for n in range(10_000, 11_001)]
    lines.append(f'{{"Mobile":"{SAID_NO.phone}","Date":"2025-01-01","Source":"s","unsubscribed":true}}')
    path = tmp_path / "list.jsonl"
    path.write_text("\n".join(lines) + "\n")
    take_in(trusting, path)
    assert trusting.check(SAID_NO).reason != "granted"


def test_one_wrong_byte_in_a_name_takes_no_column_of_noes_away(trusting: World, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes("Name,Mobile,Date,Source,Désinscrit\n".encode() + b"N\xff," + SAID_NO.phone.encode()
                     + b",2025-01-01,shop,oui\n")
    take_in(trusting, path)
    assert trusting.check(SAID_NO).reason != "granted"


def test_two_stray_quotes_swallow_no_row_between_them(trusting: World, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("Name,Mobile,Date,Source,Status,Note\n"
                    'A,+447700900100,2025-01-01,shop,yes,"wants 5\n'
                    f"N,{SAID_NO.phone},2025-01-01,shop,no,\n"
                    'C,+447700900102,2025-01-01,shop,yes,10" screen\n')
    ended, _ = take_in(trusting, path)
    assert ended.counts.kept_no == 1 or ended.counts.refused >= 1
