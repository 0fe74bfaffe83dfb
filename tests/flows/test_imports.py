"""Imports of lists: what has proof may grant, what says no is a no, and nothing turns a no into a yes.

The bulk path is compared with the flows that record one by one; both databases, killed anywhere, undone as a whole.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sayso.channels.files import open_table
from sayso.core import identity
from sayso.core.lifecycle import encode
from sayso.core.purposes import EVERYTHING
from sayso.errors import InvalidRequest, NotFound, UnknownPurpose
from sayso.flows import elsewhere, import_undo, imports, opt_out, people
from sayso.flows.import_bulk import Job, gathered, record_facts, stop_evidence
from sayso.flows.import_plan import read_row
from sayso.store.base import Store, Tx
from tests.cast import AMIRA, BRUNO, CHEN, DANA, Player
from tests.flows.listing import HEADER, look, plan_for, refused, take_in, trusting_world, undo, write
from tests.stores import HandClock, World, build, neighbour, rows_of

DAY = "2026-05-01"
NEW = Player("Eve", "+447700900888")


@pytest.fixture
def world(store: Store, clock: HandClock) -> World:
    """A business whose policy lets lists grant."""
    return trusting_world(store, clock)


def row(who: Player, *, day: str = DAY, source: str = "counter", left: str = "") -> tuple[str, ...]:
    return who.name, who.phone or who.user_id, day, source, left


def many(count: int, first: int = 0) -> list[tuple[str, ...]]:
    return [(f"n{n}", f"+44770090{n:04}", DAY, "counter", "") for n in range(first, first + count)]


# -- what rows become --------------------------------------------------------------------------------------------------


def test_a_row_with_its_proof_grants_and_carries_the_proof(world: World, tmp_path: Path) -> None:
    done, counts = take_in(world, write(tmp_path, [row(CHEN), row(DANA)]))
    assert (done.state, counts.granted, done.counts.granted) == ("done", 2, 2)
    assert world.check(CHEN).verdict == world.check(DANA).verdict == "allow"
    fact = next(line for line in world.history(CHEN) if line["type"] == "consent_recorded")
    assert fact["facts"]["import"] == done.id
    assert fact["facts"]["notice_hash"] == "ab" * 32
    assert fact["evidence"]["source"] == "counter"
    assert world.sound()


@pytest.mark.parametrize(("cells", "edits", "missing"), [
    (row(CHEN, source=""), {}, "source"), (row(CHEN, day=""), {}, "date"),
    (row(CHEN), {"wording": ""}, "wording or document"), (row(CHEN, day="", source=""), {}, "source, date"),
])  # fmt: skip
def test_a_row_without_proof_becomes_unknown_and_says_what_is_missing(
        world: World, tmp_path: Path, cells: tuple[str, ...], edits: dict[str, Any], missing: str) -> None:
    done, _ = take_in(world, write(tmp_path, [cells]), **edits)
    assert (done.counts.granted, done.counts.unknown) == (0, 1)
    assert world.check(CHEN).reason == "no_consent"
    facts = next(line["facts"] for line in world.history(CHEN) if line["type"] == "consent_recorded")
    assert (facts["grants"], facts["missing"]) == (False, missing)
    assert world.sound()


def test_the_files_proof_stands_in_for_rows_without_their_own(world: World, tmp_path: Path) -> None:
    take_in(world, write(tmp_path, [row(CHEN, day="", source="")]), source="fair in Leeds", date=world.kit.now() - 10,
            wording="", document="cd" * 32)
    fact = next(line for line in world.history(CHEN) if line["type"] == "consent_recorded")
    assert (fact["evidence"]["source"], fact["evidence"]["document"]) == ("fair in Leeds", "cd" * 32)
    assert world.check(CHEN).verdict == "allow"


def test_without_the_policy_nothing_grants(store: Store, clock: HandClock, tmp_path: Path) -> None:
    world = build(store, clock)
    done, _ = take_in(world, write(tmp_path, [row(CHEN)]))
    assert (done.counts.granted, done.counts.unknown) == (0, 1)
    assert world.check(CHEN).verdict == "deny"
    assert world.sound()


def test_it_keeps_the_stop_when_a_list_says_yes(world: World, tmp_path: Path) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    world.say(BRUNO, "STOP")
    done, _ = take_in(world, write(tmp_path, [row(AMIRA), row(BRUNO, day="2026-09-20")]))
    assert (done.counts.granted, done.counts.kept_no) == (0, 2)
    assert world.check(AMIRA).reason == world.check(BRUNO).reason == "stopped_all"
    assert world.sound()


def test_it_keeps_the_no_of_the_erased_and_records_nothing_more_of_them(world: World, tmp_path: Path) -> None:
    world.join(AMIRA)
    world.system.erase(world.workspace, AMIRA.address, how="test")
    events = len(rows_of(world.store, "events"))
    done, _ = take_in(world, write(tmp_path, [row(AMIRA), row(AMIRA, left="yes")]))
    assert (done.counts.granted, done.counts.kept_no) == (0, 2)
    assert len(rows_of(world.store, "events")) == events
    assert world.check(AMIRA).reason == "suppressed"


def test_a_no_in_the_file_is_a_no_and_beats_the_yes_beside_it(world: World, tmp_path: Path) -> None:
    path = write(tmp_path, [row(CHEN), row(CHEN, left="2026-06-01"), row(NEW, left="yes", day="", source="")])
    done, _ = take_in(world, path)
    assert (done.counts.granted, done.counts.kept_no) == (0, 3)
    assert world.check(CHEN).reason == world.check(NEW).reason == "stopped_all"
    assert world.check(NEW, "orders").reason == "stopped_all"
    assert world.sound()


def test_a_no_in_the_file_stops_somebody_who_is_in(world: World, tmp_path: Path) -> None:
    world.join(AMIRA)
    epoch = world.check(AMIRA).epoch
    take_in(world, write(tmp_path, [row(AMIRA, left="true")]))
    assert world.check(AMIRA).reason == "stopped_all"
    assert world.check(AMIRA).epoch > epoch
    assert world.sound()


def test_an_old_no_in_the_file_does_not_take_back_a_later_yes_of_the_persons_own(world: World, tmp_path: Path) -> None:
    world.join(AMIRA)
    take_in(world, write(tmp_path, [row(AMIRA, left="2024-01-01")]))
    assert world.check(AMIRA).verdict == "allow"


def test_a_no_can_be_said_to_cover_the_purposes_only(world: World, tmp_path: Path) -> None:
    take_in(world, write(tmp_path, [row(CHEN, left="yes")]), stops="purposes")
    assert world.check(CHEN).reason != "no_consent"
    assert world.check(CHEN, "orders").reason == "no_consent"


def test_a_no_in_a_status_column_is_a_no(world: World, tmp_path: Path) -> None:
    header = ("Phone", "Date", "Source", "Status")
    rows = [(AMIRA.phone, DAY, "a", "Subscribed"), (BRUNO.phone, DAY, "a", "UNSUBSCRIBED"), (CHEN.phone, DAY, "a", ""),
            (NEW.phone, DAY, "a", "Gold")]  # fmt: skip
    done, _ = take_in(world, write(tmp_path, rows, header), statuses={"silver": "yes"})
    assert (done.counts.granted, done.counts.kept_no, done.counts.unknown, done.counts.refused) == (1, 1, 1, 1)
    assert "Status" in refused(world, done.id)[0][1]
    assert world.check(BRUNO).reason == "stopped_all"
    assert world.sound()


def test_a_number_somebody_moved_away_from_takes_no_yes_and_keeps_a_no(world: World, tmp_path: Path) -> None:
    world.join(AMIRA)
    moved = identity.phone("+447700900999")
    world.store.write(lambda tx: people.number_changed(tx, world.kit, world.workspace.id, AMIRA.addresses[:1], [moved],
                                                       occurred_at=world.kit.now(), clock="meta"))
    path = write(tmp_path, [row(AMIRA)])
    assert look(world, path).counts.refused == 1
    done, _ = take_in(world, path)
    assert (done.counts.refused, refused(world, done.id)[0][2][1]) == (1, AMIRA.phone)
    assert world.check(moved).verdict == "allow"
    take_in(world, write(tmp_path, [row(AMIRA, left="yes")], name="b.csv"))
    assert world.check(moved).reason == "stopped_all"
    assert world.sound()


def test_a_number_that_stands_in_the_file_twice_is_one_fact(world: World, tmp_path: Path) -> None:
    rows = [row(CHEN, source=""), row(CHEN), *many(2_100, 0), row(CHEN), row(CHEN, source="")]
    done, counts = take_in(world, write(tmp_path, rows))  # the last two are in another batch
    assert counts.repeated == 3
    assert done.counts.granted == 2_101
    assert world.types(CHEN).count("consent_recorded") == 1
    assert world.check(CHEN).verdict == "allow"


def test_the_brazilian_ninth_digit_makes_no_second_person(world: World, tmp_path: Path) -> None:
    take_in(world, write(tmp_path, [("a", "+5511998765432", DAY, "x", ""), ("b", "+551198765432", DAY, "x", "")]))
    assert len(rows_of(world.store, "people")) == 1


def test_a_yes_older_than_it_lasts_does_not_grant(world: World, tmp_path: Path) -> None:
    done, _ = take_in(world, write(tmp_path, [row(CHEN)]), purposes=("trial",))
    assert (done.counts.granted, done.counts.unknown) == (0, 1)
    assert world.check(CHEN, "trial").reason == "expired"


# -- rows that cannot be used ------------------------------------------------------------------------------------------


def test_every_bad_row_is_kept_with_its_field_and_nothing_else_is_lost(world: World, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([
        ";".join(HEADER), f"A;'{AMIRA.phone};{DAY};s;", f'B;"=""{BRUNO.phone}""";{DAY};s;', f"C;;{DAY};s;",
        f"D;{CHEN.phone};31/02/2026;s;", f"E;{CHEN.phone};2031-01-01;s;", "F;4.477E+11;2026-05-01;s;",
        f"G;{CHEN.phone}", f"H;{CHEN.phone};{DAY};s;;extra", f"I;07700900321 / 07700900322;{DAY};s;",
        f'"J;{CHEN.phone};{DAY};s;'.replace("J", "J quote"), f"K;{NEW.phone};{DAY};{'x' * 600};",
    ]).encode())
    done, _ = take_in(world, path)
    assert done.counts.granted == 2
    found = {place: problem for place, problem, _ in refused(world, done.id)}
    assert {place: re.split(r"[:;]", problem)[0] for place, problem in found.items()} == {
        4: "Mobile", 5: "Signed up", 6: "Signed up", 7: "Mobile", 8: "Unsubscribed",
        9: "the row has 6 cells and the header 5", 10: "Mobile", 11: "a quote opens and does not close", 12: "Source",
    }  # fmt: skip
    assert not re.search(r"\d{5}", " ".join(found.values()))
    assert world.check(CHEN).reason == "unknown_person"
    assert world.sound()


def test_refused_rows_are_sealed_and_go_with_an_undo(world: World, tmp_path: Path) -> None:
    done, _ = take_in(world, write(tmp_path, [("Zebedee", "n/a", DAY, "x", ""), row(CHEN)]))
    stored = rows_of(world.store, "import_refused")
    assert len(stored) == 1
    assert b"Zebedee" not in b"".join(bytes(value) for value in stored[0] if not isinstance(value, str | int))
    assert refused(world, done.id)[0][2][0] == "Zebedee"
    undo(world, done.id)
    assert rows_of(world.store, "import_refused") == []


def test_refused_rows_are_not_kept_for_ever(world: World, tmp_path: Path) -> None:
    done, _ = take_in(world, write(tmp_path, [("a", "n/a", DAY, "x", ""), row(CHEN)]))
    world.work()
    assert len(refused(world, done.id)) == 1
    world.clock.go(31 * 24 * 3600)
    world.work()
    assert refused(world, done.id) == []


# -- the bulk path against one by one ----------------------------------------------------------------------------------

CASES = [
    ("yes", [row(NEW)], {}),
    ("unknown", [row(NEW, source="")], {}),
    ("bare", [row(NEW, source="", day="")], {"wording": ""}),
    ("no", [row(NEW, left="yes")], {}),
    ("old no", [row(NEW, left="2024-02-03")], {}),
    ("both", [row(NEW), row(NEW, left="2026-06-01")], {}),
    ("scoped", [row(NEW), row(NEW, left="1")], {"stops": "purposes", "purposes": ("offers", "orders")}),
    ("expires", [row(NEW, day="2026-09-20")], {"purposes": ("trial",)}),
    ("expired", [row(NEW)], {"purposes": ("trial", "offers")}),
    ("user id", [row(DANA)], {}),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "edits"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_made_in_bulk_equals_what_is_recorded_one_by_one(
        world: World, tmp_path: Path, rows: list[tuple[str, ...]], edits: dict[str, Any]) -> None:
    path = write(tmp_path, rows)
    done, counts = take_in(world, path, **edits)
    other = neighbour_like(world)
    slow = one_by_one(other, path, done.id, **edits)
    who = DANA if rows[0][1] == DANA.user_id else NEW
    assert plain(world, who) == plain(other, who)
    assert (counts.granted > 0) == (slow == "granted")
    assert world.sound()
    assert other.sound()


def neighbour_like(world: World) -> World:
    """Another business in the same database that declares the same."""
    other = neighbour(world)
    other.workspace = msgspec.structs.replace(other.workspace, policy=world.workspace.policy)
    return other


def one_by_one(world: World, path: Path, import_id: str, **edits: Any) -> str:
    with open_table(path) as table:
        plan = plan_for(world, table, **edits)
        job = Job(import_id, plan, plan.cells(world.workspace), plan.stop_cells(world.workspace))
        someone, = gathered([read_row(plan, line.place, line.cells, world.kit.now()) for line in table.lines()])

    def work(tx: Tx) -> str:
        person = people.identify(tx, world.kit, world.workspace.id, [someone.address], lang=someone.lang, how="import")
        if someone.record:
            _, person = elsewhere.tell_of(tx, world.kit, world.workspace, person, job.cells, someone.record.proof,
                                          source="import", more=record_facts(job, someone.record))
        for cell in job.stop_cells if someone.stop else ():
            assert someone.stop is not None
            at = someone.stop.stopped_at
            person = opt_out.stop(tx, world.kit, world.workspace, person, cell, how="import", occurred_at=at,
                                  clock=elsewhere.FILE_CLOCK if at else "sayso",
                                  evidence=stop_evidence(job, someone.stop)).person
        return elsewhere.standing_after(person, job.cells, world.kit.now())

    return world.store.write(work)


def plain(world: World, who: Player) -> tuple[Any, ...]:
    """Everything recorded of somebody, without ids, MACs and chance."""
    history = sorted((line["type"], str(line["cells"]), str(line["occurred_at"]), line["clock"],
                      str(sorted(line["facts"].items())), re.sub(r"[0-9a-f]{32}(?![0-9a-f])", "mac", str(sorted(
                          line["evidence"].items())))) for line in world.history(who))  # fmt: skip
    standing = re.sub(r"(evt|per)_\w{26}", r"\1", encode(world.standing(who)).decode())
    found = world.store.read(lambda tx: people.find(tx, world.kit, world.workspace.id, who.address, lock=False))
    assert found is not None
    rows = world.store.read(lambda tx: tx.rows("addresses_of", ws=world.workspace.id, person=found.id))
    reach = world.store.read(lambda tx: people.reachable(tx, world.kit, world.workspace.id, found))
    return history, standing, found.epoch, found.lang, [(line[1], line[2], line[3]) for line in rows], reach


# -- killed, gone on with, repeated ------------------------------------------------------------------------------------


class Killed(Exception):
    """Stands for the process's end."""


def test_an_import_that_ends_anywhere_goes_on_where_it_was(world: World, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    _small_batches(monkeypatch, 7)
    path = write(tmp_path, [*many(20), ("bad", "n/a", DAY, "x", ""), *many(20, 20), row(BRUNO, left="yes")])
    seen: list[int] = []

    def stop_at(place: int, _: object) -> None:
        seen.append(place)
        if len(seen) == 3:
            raise Killed

    with pytest.raises(Killed):
        take_in(world, path, tell=stop_at)
    part = world.store.read(lambda tx: imports.newest(tx, world.workspace.id))[0]
    assert part.state == "running"
    assert 0 < part.position < 43
    assert len(rows_of(world.store, "import_facts")) + part.counts.refused == part.position - 1
    assert world.sound()
    done, _ = take_in(world, path)
    assert (done.id, done.state) == (part.id, "done")
    assert (done.counts.granted, done.counts.refused, done.counts.kept_no) == (40, 1, 1)
    assert len(rows_of(world.store, "people")) == 41
    assert world.sound()


def _small_batches(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    cut = imports.batches
    monkeypatch.setattr(imports, "batches", lambda lines, before: cut(lines, before, size))


def test_a_batch_is_recorded_once_however_often_it_is_tried(world: World, tmp_path: Path) -> None:
    with open_table(write(tmp_path, many(5))) as table:
        plan = plan_for(world, table)
        begun = world.store.write(lambda tx: imports.begin(tx, world.kit, world.workspace, plan, table.survey.hash))
        job = imports.job_of(world.workspace, plan, begun.id)
        batch = imports.prepare(world.kit, world.workspace, job, 0, list(table.lines()))
    world.store.write(lambda tx: imports.apply(tx, world.kit, world.workspace, job, batch))
    with pytest.raises(InvalidRequest, match="elsewhere"):
        world.store.write(lambda tx: imports.apply(tx, world.kit, world.workspace, job, batch))
    assert len(rows_of(world.store, "people")) == 5
    assert world.sound()


def test_somebody_who_came_while_the_batch_was_made_ready_is_not_made_twice(world: World, tmp_path: Path) -> None:
    with open_table(write(tmp_path, [row(BRUNO), row(CHEN)])) as table:
        plan = plan_for(world, table)
        begun = world.store.write(lambda tx: imports.begin(tx, world.kit, world.workspace, plan, table.survey.hash))
        job = imports.job_of(world.workspace, plan, begun.id)
        batch = imports.prepare(world.kit, world.workspace, job, 0, list(table.lines()))
    world.say(BRUNO, "STOP")
    counts = world.store.write(lambda tx: imports.apply(tx, world.kit, world.workspace, job, batch))
    assert (counts.granted, counts.kept_no) == (1, 1)
    assert world.check(BRUNO).reason == "stopped_all"
    assert len(rows_of(world.store, "people")) == 2
    assert world.sound()


def test_the_same_file_is_imported_once_unless_it_is_said_again(world: World, tmp_path: Path) -> None:
    path = write(tmp_path, [row(CHEN)])
    first, _ = take_in(world, path)
    events = len(rows_of(world.store, "events"))
    second, counts = take_in(world, path)
    assert (second.id, counts.granted, len(rows_of(world.store, "events"))) == (first.id, 0, events)
    third, counts = take_in(world, path, again=True)
    assert (third.id != first.id, counts.granted) == (True, 1)
    assert world.types(CHEN).count("consent_recorded") == 2
    assert world.sound()


def test_an_import_begun_in_one_way_does_not_go_on_in_another(world: World, tmp_path: Path) -> None:
    with open_table(write(tmp_path, many(3))) as table:
        plan = plan_for(world, table)
        world.store.write(lambda tx: imports.begin(tx, world.kit, world.workspace, plan, table.survey.hash))
    with pytest.raises(InvalidRequest, match="another way"):
        take_in(world, tmp_path / "list.csv", source="elsewhere")


def test_a_purpose_with_a_typo_begins_nothing(world: World, tmp_path: Path) -> None:
    with pytest.raises(UnknownPurpose):
        take_in(world, write(tmp_path, many(3)), purposes=("ofers",))
    assert rows_of(world.store, "imports") == []


# -- undone ------------------------------------------------------------------------------------------------------------


def test_an_undo_takes_back_every_yes_of_the_import_and_no_other(world: World, tmp_path: Path) -> None:
    world.join(AMIRA)
    done, _ = take_in(world, write(tmp_path, [row(AMIRA), *many(30)]))
    assert undo(world, done.id) == 31
    assert world.check(AMIRA).verdict == "allow"
    assert world.check(Player("n", "+447700900007")).reason == "no_consent"
    assert world.store.read(lambda tx: imports.get(tx, world.workspace.id, done.id)).state == "undone"
    assert world.sound()


def test_an_undo_lifts_no_stop(world: World, tmp_path: Path) -> None:
    done, _ = take_in(world, write(tmp_path, [row(CHEN, left="yes"), row(BRUNO)]))
    world.say(BRUNO, "STOP")
    undo(world, done.id)
    assert world.check(CHEN).reason == world.check(BRUNO).reason == "stopped_all"
    assert world.sound()


def test_an_undo_that_ends_anywhere_goes_on(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_undo, "UNDO_BATCH", 5)
    done, _ = take_in(world, write(tmp_path, many(20)))

    def stop(left: int, _: int) -> None:
        if left < 10:
            raise Killed

    with pytest.raises(Killed):
        import_undo.undo(world.store, world.kit, world.workspace, done.id, stop)
    assert world.store.read(lambda tx: imports.get(tx, world.workspace.id, done.id)).state == "undoing"
    undo(world, done.id)
    undone = [fact for fact in rows_of(world.store, "events") if fact[3] == "record_undone"]
    assert len(undone) == 20
    assert world.sound()


def test_an_import_stopped_half_way_can_be_undone_and_begun_anew(world: World, tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    _small_batches(monkeypatch, 5)

    def stop(place: int, _: object) -> None:
        raise Killed

    path = write(tmp_path, many(20))
    with pytest.raises(Killed):
        take_in(world, path, tell=stop)
    part = world.store.read(lambda tx: imports.newest(tx, world.workspace.id))[0]
    assert undo(world, part.id) == part.counts.granted > 0
    with pytest.raises(InvalidRequest, match="undone already"):
        undo(world, part.id)
    done, _ = take_in(world, path)
    assert (done.id != part.id, done.counts.granted) == (True, 20)
    assert world.sound()


def test_an_import_that_is_being_undone_takes_no_more_rows(world: World, tmp_path: Path) -> None:
    with open_table(write(tmp_path, many(5))) as table:
        plan = plan_for(world, table)
        begun = world.store.write(lambda tx: imports.begin(tx, world.kit, world.workspace, plan, table.survey.hash))
        undo(world, begun.id)
        with pytest.raises(InvalidRequest, match="elsewhere"):
            imports.run(world.store, world.kit, world.workspace, begun, table.lines(), lambda *_: None)
    assert rows_of(world.store, "people") == []


def test_another_business_sees_no_import(world: World, tmp_path: Path) -> None:
    done, _ = take_in(world, write(tmp_path, [row(CHEN)]))
    other = neighbour(world)
    assert other.store.read(lambda tx: imports.newest(tx, other.workspace.id)) == []
    with pytest.raises(NotFound):
        undo(other, done.id)
    assert other.check(CHEN).reason == "unknown_person"
    assert world.check(CHEN).verdict == "allow"


def test_an_erasure_after_an_import_leaves_nothing_to_undo(world: World, tmp_path: Path) -> None:
    done, _ = take_in(world, write(tmp_path, [row(CHEN), row(NEW)]))
    world.system.erase(world.workspace, CHEN.address, how="test")
    assert undo(world, done.id) == 1
    assert world.check(CHEN).reason == "suppressed"
    assert world.sound()


# -- the outlook -------------------------------------------------------------------------------------------------------


def test_the_outlook_says_what_the_import_then_does_and_changes_nothing(world: World, tmp_path: Path) -> None:
    world.join(AMIRA)
    world.say(BRUNO, "STOP")
    path = write(tmp_path, [row(AMIRA), row(BRUNO), row(CHEN), row(CHEN), row(NEW, source=""),
                            ("x", "n/a", DAY, "s", ""), row(DANA, left="yes")])
    before = [len(rows_of(world.store, table)) for table in ("people", "events", "imports")]
    found = look(world, path)
    assert [len(rows_of(world.store, table)) for table in ("people", "events", "imports")] == before
    done, counts = take_in(world, path)
    assert found.counts == counts
    assert (found.rows, found.already, found.said_no, found.new_people) == (7, 1, 1, 3)
    assert found.missing == {"source": 1}
    assert done.counts.granted == 2
    shown = str(found.examples)
    assert AMIRA.phone not in shown
    assert AMIRA.phone[3:9] not in shown
    assert found.examples["unknown"][0].why == "no proof: source missing"


def test_a_bare_no_covers_what_is_invented_later(world: World, tmp_path: Path) -> None:
    take_in(world, write(tmp_path, [row(CHEN, left="x")]))
    assert world.standing(CHEN).stops[0].cell == EVERYTHING
