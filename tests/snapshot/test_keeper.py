"""The snapshot answers as the gate does: for everybody, at any time, after anything that happened."""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

from sayso.core.gate import REASONS
from sayso.core.identity import Address
from sayso.errors import Unavailable
from sayso.flows import rights, snapshots
from sayso.flows.record import person_by_id
from sayso.ports import DAY, HOUR, SECOND
from sayso.snapshot import files, index, keeper
from sayso.snapshot.keeper import Keeper
from sayso.store.base import Tx
from sayso.store.sqlite import SqliteStore
from tests.cast import AMIRA, BRUNO, CHEN, DANA, Player
from tests.stores import World, build, declaration
from tests.world import HandClock

NUMBERS = [int(who.address.value) for who in (AMIRA, BRUNO, CHEN)] + [447700900555]


@pytest.fixture
def kept(world: World, tmp_path: Path) -> Keeper:
    return Keeper(world.store, world.kit, tmp_path / "snapshots")


def reasons(kept: Keeper, world: World, purpose: str = "offers", sender: str = "shop", *,
            make: bool = True) -> list[str]:
    state = kept.refresh(world.workspace) if make else kept.follow(world.workspace)
    assert state is not None
    answered = kept.answers(state, world.workspace, np.array(NUMBERS, dtype=np.uint64), world.cell(purpose, sender))
    return [snapshots.CODES[code] for code in answered.codes]


def by_the_gate(world: World, purpose: str = "offers", sender: str = "shop") -> list[str]:
    return [world.check(Address("phone", f"+{number}"), purpose, sender).reason for number in NUMBERS]


def agree(kept: Keeper, world: World) -> None:
    for cell in snapshots.cells_of(world.workspace):
        assert reasons(kept, world, cell.purpose, cell.sender) == by_the_gate(world, cell.purpose, cell.sender), cell


def joins(world: World, who: Player, word: str = "JOIN") -> None:
    """Ask to join, and say yes if that brings a question."""
    world.say(who, word)
    for letter in [letter for letter in world.work() if letter.asks]:
        world.tap(who, letter.button(0))


ACTS: dict[str, Callable[[World], object]] = {
    "amira_joins": lambda world: joins(world, AMIRA),
    "amira_asks": lambda world: world.say(AMIRA, "JOIN ALL"),
    "amira_tries": lambda world: joins(world, AMIRA, "TRIAL"),
    "amira_stops": lambda world: world.say(AMIRA, "STOP"),
    "bruno_stops": lambda world: world.say(BRUNO, "STOP"),
    "bruno_joins": lambda world: joins(world, BRUNO),
    "bruno_natively": lambda world: world.native(BRUNO, "stop"),
    "bruno_resumes": lambda world: world.native(BRUNO, "resume"),
    "chen_speaks": lambda world: world.say(CHEN, "hello"),
    "chen_moves": lambda world: world.moved([CHEN.address], [Address("phone", "+447700900555")]),
    "chen_is_held": lambda world: world.say(CHEN, "STOP", forwarded=True),
    "dana_joins": lambda world: joins(world, DANA),
    "a_day": lambda world: world.clock.go(DAY / SECOND + 1),
    "a_month": lambda world: world.clock.go(31 * DAY / SECOND),
    "an_hour": lambda world: world.clock.go(HOUR / SECOND),
    "erase_amira": lambda world: world.store.write(
        lambda tx: rights.erase(tx, world.kit, world.workspace.id, AMIRA.address, how="api")),
}


@pytest.mark.parametrize("seed", range(6))
def test_it_answers_as_the_gate_does_whatever_happened(world: World, kept: Keeper, seed: int) -> None:
    chance = random.Random(seed)
    for name in chance.choices(sorted(set(ACTS) - {"erase_amira"}), k=14):
        ACTS[name](world)
        agree(kept, world)
    world.work()
    agree(kept, world)
    kept.keep()
    agree(Keeper(world.store, world.kit, kept._folder), world)


def test_erasure_leaves_the_no_in_it_too(world: World, kept: Keeper) -> None:
    world.join(AMIRA)
    agree(kept, world)
    ACTS["erase_amira"](world)
    agree(kept, world)
    assert reasons(kept, world)[0] == "suppressed"
    shutil.rmtree(kept._folder)
    agree(Keeper(world.store, world.kit, kept._folder), world)


def test_a_stop_is_in_the_next_answer_although_it_has_no_leaf_yet(world: World, kept: Keeper) -> None:
    world.join(AMIRA)
    assert reasons(kept, world)[0] == "granted"
    world.say(AMIRA, "STOP")
    assert reasons(kept, world, make=False)[0] == "stopped_all"


def test_a_yes_ends_in_it_at_its_hour(world: World, kept: Keeper) -> None:
    world.join(AMIRA, "TRIAL")
    assert reasons(kept, world, "trial")[0] == "granted"
    world.clock.go(30 * DAY / SECOND + 2)
    assert reasons(kept, world, "trial", make=False)[0] == "expired"


def test_it_is_followed_by_another_process_without_being_made_anew(world: World, kept: Keeper,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    world.join(AMIRA)
    kept.refresh(world.workspace)
    world.say(AMIRA, "STOP")
    world.work()
    monkeypatch.setattr(snapshots, "everything", lambda *_: pytest.fail("it was made anew"))
    another = Keeper(world.store, world.kit, kept._folder)
    assert reasons(another, world)[0] == "stopped_all"
    another.keep()
    manifest = files.read_manifest(kept._folder)
    assert manifest is not None
    assert manifest.newer
    assert reasons(Keeper(world.store, world.kit, kept._folder), world)[0] == "stopped_all"


def test_many_changes_become_a_new_base_and_the_old_one_goes(world: World, kept: Keeper,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "NEWER", 0)
    world.join(AMIRA)
    kept.refresh(world.workspace)
    world.join(BRUNO)
    world.say(AMIRA, "STOP")
    kept.refresh(world.workspace)
    kept.keep()
    agree(Keeper(world.store, world.kit, kept._folder), world)
    assert len([one for one in kept._folder.iterdir() if one.is_dir()]) == 1


@pytest.mark.parametrize("harm", ["manifest", "array", "missing", "short"])
def test_what_cannot_be_read_is_made_anew(world: World, kept: Keeper, harm: str) -> None:
    world.join(AMIRA)
    kept.refresh(world.workspace)
    base = next(one for one in kept._folder.iterdir() if one.is_dir())
    if harm == "manifest":
        (kept._folder / files.MANIFEST).write_text("{")
    elif harm == "missing":
        shutil.rmtree(base)
    elif harm == "array":
        (base / "first.npy").write_bytes(b"not an array")
    else:
        np.save(base / "until.npy", np.zeros(0, dtype=np.int64))
    another = Keeper(world.store, world.kit, kept._folder)
    assert another.follow(world.workspace) is None
    agree(another, world)


def test_another_sayso_toml_or_another_key_makes_it_anew(world: World, kept: Keeper) -> None:
    world.join(AMIRA)
    kept.refresh(world.workspace)
    more = declaration()
    more["purposes"]["news"] = {"class": "marketing", "title": "news"}
    world.system.apply(more)
    world.workspace = world.system.workspace("acme")
    assert Keeper(world.store, world.kit, kept._folder).follow(world.workspace) is None
    agree(kept, world)
    assert reasons(kept, world, "news")[0] == "no_consent"


def test_a_record_of_which_nothing_may_be_kept_is_not_kept_here_either(world: World, kept: Keeper) -> None:
    world.say(CHEN, "JOIN")
    kept.refresh(world.workspace)
    person = world.person(CHEN)

    def destroy(tx: object) -> None:
        from sayso.flows.record import person_by_id

        found = person_by_id(tx, world.workspace.id, person)  # type: ignore[arg-type]
        assert found is not None
        rights.destroy(tx, world.kit, world.workspace.id, found, how="never_answered", keep_no=False)  # type: ignore[arg-type]

    world.store.write(destroy)
    assert kept.follow(world.workspace) is None
    state = kept.refresh(world.workspace)
    macs = world.kit.vault.phone_macs_packed(world.workspace.id, np.array([NUMBERS[2]], dtype=np.uint64), 1)
    assert state.base.where(macs)[0] == index.NOWHERE


def test_every_reason_has_its_place_and_only_known_ones_allow() -> None:
    assert set(snapshots.CODES) == set(REASONS)
    assert len(snapshots.CODES) < 256
    assert {reason for reason in REASONS if snapshots.verdict_of(reason) == "allow"} == {
        "granted", "in_window", "answers_event"}
    assert snapshots.verdict_of("made up") == "deny"


# -- an older database, and what happens meanwhile ---------------------------------------------------------------------


def put_back(source: str, target: str) -> None:
    with contextlib.closing(apsw.Connection(source)) as old, contextlib.closing(apsw.Connection(target)) as new, \
            new.backup("main", old, "main") as copy:
        copy.step()


@pytest.mark.parametrize("grown", [0, 9], ids=["shorter", "grown again"])
@pytest.mark.parametrize("loaded", [False, True], ids=["in memory", "from its folder"])
def test_after_a_restore_it_is_made_anew(clock: HandClock, tmp_path: Path, loaded: bool, grown: int) -> None:
    mine, backup = str(tmp_path / "world.db"), str(tmp_path / "backup.db")
    store = SqliteStore(mine, clock=clock)
    world = build(store, clock)
    kept = Keeper(store, world.kit, tmp_path / "snapshots")
    joins(world, AMIRA)
    put_back(mine, backup)
    for _ in range(6):
        world.say(CHEN, "hello")
    joins(world, BRUNO)
    agree(kept, world)
    kept.keep()
    put_back(backup, mine)
    kept = Keeper(store, world.kit, tmp_path / "snapshots") if loaded else kept
    world.opt_out(AMIRA)  # recorded once more, as the guide says
    for _ in range(grown):
        world.say(CHEN, "hello")
    world.work()
    agree(kept, world)
    assert by_the_gate(world)[:2] == ["stopped_all", "unknown_person"]
    store.close()


def test_what_happens_while_it_is_made_is_in_it(kept: Keeper, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    joins(world, AMIRA)
    real, rounds = snapshots.everything, list[int]()

    def forget(tx: Tx) -> None:
        gone = person_by_id(tx, world.workspace.id, world.person(CHEN))
        assert gone is not None
        rights.destroy(tx, world.kit, world.workspace.id, gone, how="expired", keep_no=False)

    def slow(*args: Any) -> Iterator[Any]:
        yield from real(*args)
        rounds.append(1)
        if len(rounds) == 1:
            world.say(AMIRA, "STOP")
            world.say(CHEN, "hello")
            world.store.write(forget)

    monkeypatch.setattr(snapshots, "everything", slow)
    agree(kept, world)
    assert by_the_gate(world)[0] == "stopped_all"
    assert len(rounds) > 1, "a record of which nothing may be kept went away: what was made before may not be kept"


def test_where_too_much_happens_meanwhile_it_says_so(
        kept: Keeper, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    joins(world, AMIRA)
    real = snapshots.everything

    def slow(*args: Any) -> Iterator[Any]:
        yield from real(*args)
        for _ in range(4):
            world.say(AMIRA, "hello")

    monkeypatch.setattr(snapshots, "everything", slow)
    monkeypatch.setattr(snapshots, "MANY", 3)
    with pytest.raises(Unavailable, match="Try again"):
        kept.refresh(world.workspace)
