"""Erasure keeps the no and nothing else: not in the rows, not in free pages, not in the log of the database."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from sayso.errors import NotFound
from sayso.flows import opt_out, rights
from sayso.flows.rights import Erased
from sayso.store.sqlite import SqliteStore
from tests.cast import AMIRA, BRUNO, CHEN, DANA, Player
from tests.stores import World, rows_of

WORDS = "please write to my holiday address in Margate"
E164 = AMIRA.phone


def erase(world: World, who: Player) -> Erased:
    return world.store.write(lambda tx: rights.erase(tx, world.kit, world.workspace.id, who.address, how="api"))


def encodings(number: str) -> dict[str, bytes]:
    """The ways a phone number hides in a file."""
    digits = number.lstrip("+")
    packed = bytes.fromhex(digits if len(digits) % 2 == 0 else digits + "f")
    return {
        "E.164": number.encode(), "wa_id": digits.encode(), "national": ("0" + digits[2:]).encode(),
        "without prefix": digits[2:].encode(), "reversed": digits[::-1].encode(),
        "UTF-16 LE": digits.encode("utf-16-le"), "UTF-16 BE": digits.encode("utf-16-be"),
        "base64": base64.b64encode(digits.encode()).rstrip(b"=")[:-1], "BCD": packed,
        "integer BE": int(digits).to_bytes(8, "big")[2:], "integer LE": int(digits).to_bytes(8, "little")[:6],
        "md5": hashlib.md5(number.encode(), usedforsecurity=False).digest(),
        "sha1": hashlib.sha1(number.encode(), usedforsecurity=False).digest(),
        "sha256": hashlib.sha256(number.encode()).digest(),
        "sha256 of the digits": hashlib.sha256(digits.encode()).digest(),
        "sha256 hex": hashlib.sha256(number.encode()).hexdigest().encode(),
        "sha256 base64": base64.b64encode(hashlib.sha256(number.encode()).digest()),
    }  # fmt: skip


def on_disk(store: SqliteStore) -> bytes:
    folder = Path(store._path).parent
    return b"\n".join(path.read_bytes() for path in folder.iterdir() if path.name.startswith("sayso.db"))


def test_after_erasure_the_files_hold_no_trace_of_the_person(lone_world: World) -> None:
    world = lone_world
    world.join(AMIRA)
    for number in range(40):
        world.say(AMIRA, f"{WORDS} {number}", context_id="wamid.HBgM" + base64.b64encode(E164.encode()).decode())
    world.say(AMIRA, f"STOP {E164}", forwarded=True)
    world.join(BRUNO)
    store = world.store
    assert isinstance(store, SqliteStore)
    wrapped = next(bytes(row[5]) for row in rows_of(store, "people") if row[1] == world.person(AMIRA))
    sealed = [bytes(row[6]) for row in rows_of(store, "addresses") if row[2] == world.person(AMIRA)]
    openings = [bytes(row[3]) for row in rows_of(store, "openings") if row[2] == world.person(AMIRA)]
    assert wrapped in on_disk(store)
    done = erase(world, AMIRA)
    assert done.suppressions == 2
    world.work()
    store.purge()
    left = on_disk(store)
    assert [name for name, form in encodings(E164).items() if form in left] == []
    assert WORDS.encode() not in left
    assert AMIRA.user_id.encode() not in left
    assert [blob for blob in (wrapped, *sealed, *openings) if blob in left] == []
    assert world.check(BRUNO).reason == "granted"
    assert world.sound()


def test_what_was_said_is_never_on_the_disk_in_the_open(lone_world: World) -> None:
    world = lone_world
    world.join(AMIRA)
    world.say(AMIRA, WORDS)
    world.say(AMIRA, WORDS, sender="shop", addresses=())
    assert isinstance(world.store, SqliteStore)
    stored = on_disk(world.store)
    assert [name for name, form in encodings(E164).items() if form in stored] == []
    assert WORDS.encode() not in stored
    assert b"wamid" not in stored


def test_erasure_keeps_the_no(world: World) -> None:
    world.join(AMIRA)
    erase(world, AMIRA)
    for address in AMIRA.addresses:
        assert world.check(address).reason == "suppressed"
    assert rows_of(world.store, "addresses") == []
    with pytest.raises(NotFound):
        world.history(AMIRA)
    with pytest.raises(NotFound):
        erase(world, AMIRA)
    assert world.sound()


def test_erasure_waits_for_what_is_under_way(world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    assert world.redeem(permit.id)
    erased = erase(world, AMIRA)
    assert erased.silent_by == world.clock.time + 2_500_000
    assert not world.store.read(lambda tx: opt_out.drained(tx, world.workspace.id, erased.people))
    world.done(permit.id)
    assert world.store.read(lambda tx: opt_out.drained(tx, world.workspace.id, erased.people))


def test_erasure_with_nothing_under_way_is_silent_at_once(world: World) -> None:
    world.join(AMIRA)
    world.permit(AMIRA)  # not redeemed, and never will be
    assert erase(world, AMIRA).silent_by == 0


def test_erasure_of_somebody_never_heard_of_is_refused(world: World) -> None:
    with pytest.raises(NotFound):
        erase(world, CHEN)
    assert rows_of(world.store, "suppressions") == []


def test_a_permit_and_a_queued_message_die_with_the_record(world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    world.say(AMIRA, "HELP")
    erase(world, AMIRA)
    assert getattr(world.redeem(permit.id), "reason", "redeemed") == "erased"
    assert world.work() == []


def test_a_former_address_is_suppressed_too(world: World) -> None:
    world.join(DANA)
    world.moved(DANA.addresses, CHEN.addresses)
    erase(world, CHEN)
    assert (world.check(CHEN).reason, world.check(DANA).reason) == ("suppressed", "suppressed")


def test_what_the_provider_still_reports_of_an_erased_person_brings_nothing_back(world: World) -> None:
    world.join(AMIRA)
    welcome = world.wire.last.message_id
    erase(world, AMIRA)
    world.status(welcome, "delivered", addresses=AMIRA.addresses)
    world.status(welcome, "failed", 131050, addresses=AMIRA.addresses)
    assert rows_of(world.store, "addresses") == []
    assert world.check(AMIRA).reason == "suppressed"
    assert world.unhandled() == []
    assert world.sound()


def test_a_person_erased_twice_is_suppressed_by_both(world: World) -> None:
    world.join(AMIRA)
    erase(world, AMIRA)
    world.clock.go(3600)
    world.join(AMIRA)
    assert world.check(AMIRA).reason == "granted"
    erase(world, AMIRA)
    assert len(rows_of(world.store, "suppressions")) == 4
    world.clock.go(3600)
    world.say(AMIRA, "hello")
    assert not world.check(AMIRA).allowed
    assert world.sound()


def test_a_tap_on_a_button_from_before_the_erasure_grants_nothing(world: World) -> None:
    world.say(AMIRA, "JOIN")
    prompt = world.question()
    erase(world, AMIRA)
    world.clock.go(3600)
    world.tap(AMIRA, prompt.button(0))
    assert not world.check(AMIRA).allowed
    assert world.work() == []
