"""The life of a question nobody answered: listed, asked once more, declined, run out, forgotten. On both databases."""

from __future__ import annotations

import pytest

from sayso.core.workspace import Workspace
from sayso.errors import InvalidRequest, NotAskedAgain, NotFound, TemplateMissing
from sayso.flows import opt_in, pending
from sayso.flows.pending import PURGE_AFTER_DAYS, Page, Purged
from tests.cast import AMIRA, BRUNO, CHEN, DANA, EVERYBODY, Player
from tests.stores import World, neighbour, rows_of, run_sql

HOUR, DAY = 3600, 86_400
PAGE_OF_ACME = "https://acme.example/join"


def ask(world: World, who: Player, entry: str = "website") -> str:
    """A number left in a form: the id of its request."""
    asked = world.store.write(lambda tx: opt_in.ask(tx, world.kit, world.workspace, who.address,
                                                    world.workspace.entry(entry), evidence={"page": PAGE_OF_ACME}))
    return asked.request


def listed(world: World, after: str = "", limit: int = 100) -> Page:
    return world.store.read(lambda tx: pending.waiting(tx, world.kit, world.workspace, after=after, limit=limit))


def resend(world: World, request: str, workspace: Workspace | None = None) -> None:
    world.store.write(lambda tx: pending.resend(tx, world.kit, workspace or world.workspace, request))


def sweep(world: World, days: int = PURGE_AFTER_DAYS) -> Purged:
    return pending.sweep(world.store, world.kit, world.workspace.id, days=days)


def wait_days(world: World, days: float) -> None:
    world.clock.go(days * DAY)


# -- the list ----------------------------------------------------------------------------------------------------------


def test_the_list_shows_who_was_asked_and_has_not_answered(world: World) -> None:
    world.join(AMIRA)
    world.say(BRUNO, "JOIN")
    world.clock.go(1)
    ask(world, CHEN)
    world.work()
    chen, bruno = listed(world).items
    assert (bruno.entry, bruno.how, chen.entry, chen.how) == ("join", "keyword", "website", "api")
    assert bruno.person == world.person(BRUNO)
    assert bruno.prompted_at >= bruno.since
    assert bruno.until == bruno.since + 72 * HOUR * 1_000_000
    assert (bruno.undeliverable, bruno.code) == (False, 0)


def test_the_list_shows_no_number(world: World) -> None:
    ask(world, CHEN)
    [item] = listed(world).items
    assert CHEN.phone not in repr(item)
    assert item.address == "+15······89"


def test_answered_stopped_and_run_out_questions_leave_the_list(world: World) -> None:
    for who in EVERYBODY:
        world.say(who, "JOIN")
    prompts = {letter.to.value: letter for letter in world.work()}
    assert len(listed(world).items) == 4
    world.tap(AMIRA, prompts[AMIRA.phone].button(0))
    world.tap(BRUNO, prompts[BRUNO.phone].button(1), "No, thanks")
    world.say(CHEN, "STOP")
    assert [item.person for item in listed(world).items] == [world.person(DANA)]
    world.clock.go(73 * HOUR)
    assert listed(world).items == ()


def test_a_question_whatsapp_would_not_deliver_is_shown_with_its_reason_and_is_still_pending(world: World) -> None:
    request = ask(world, CHEN)
    [letter] = world.work()
    world.status(letter.message_id, "failed", 131049, addresses=CHEN.addresses)
    [item] = listed(world).items
    assert (item.request, item.undeliverable, item.code) == (request, True, 131049)
    assert world.check(CHEN).reason == "pending"


def test_pages_of_the_list_hold_everybody_once(world: World) -> None:
    for who in EVERYBODY:
        world.say(who, "JOIN")
    whole = [item.request for item in listed(world).items]
    found, after = [], ""
    while True:
        page = listed(world, after, 3)
        found += [item.request for item in page.items]
        after = page.after
        if not after:
            break
    assert found == whole
    assert len(set(whole)) == 4
    for limit in (0, 501):
        with pytest.raises(InvalidRequest):
            listed(world, limit=limit)
    with pytest.raises(NotFound):
        listed(world, "evt_00000000000000000000000000")


def test_another_business_sees_and_resends_nothing(world: World) -> None:
    request = ask(world, CHEN)
    other = neighbour(world)
    assert listed(other).items == ()
    with pytest.raises(NotFound):
        resend(other, request)


# -- asking again ------------------------------------------------------------------------------------------------------


def test_a_question_is_asked_again_a_day_later_and_once(world: World) -> None:
    request = ask(world, CHEN)
    world.work()
    world.clock.go(23 * HOUR)
    with pytest.raises(NotAskedAgain, match="in 1 h"):
        resend(world, request)
    [item] = listed(world).items
    assert item.resend_from == item.prompted_at + DAY * 1_000_000
    world.clock.go(HOUR + 1)
    resend(world, request)
    assert [letter.to for letter in world.work()] == [CHEN.address]
    assert listed(world).items[0].resend_from == 0
    world.clock.go(30 * HOUR)
    with pytest.raises(NotAskedAgain, match="once already"):
        resend(world, request)
    assert world.work() == []
    assert world.sound()


def test_asking_again_takes_the_place_of_the_waiting_reminder(world: World) -> None:
    request = ask(world, CHEN)
    world.work()
    world.clock.go(24 * HOUR)
    resend(world, request)
    assert len(world.work()) == 1
    wait_days(world, 1)
    assert world.work() == []


def test_after_the_reminder_went_out_the_day_is_counted_anew(world: World) -> None:
    request = ask(world, CHEN)
    world.work()
    world.clock.go(24 * HOUR + 5)
    assert len(world.work()) == 1
    with pytest.raises(NotAskedAgain, match="last 24 hours"):
        resend(world, request)


def test_a_question_that_never_arrived_is_asked_as_a_question_and_then_shown_as_delivered(world: World) -> None:
    request = ask(world, CHEN)
    [letter] = world.work()
    world.status(letter.message_id, "failed", 131049, addresses=CHEN.addresses)
    world.clock.go(24 * HOUR)
    resend(world, request)
    assert len(world.work()) == 1
    kinds = [line["facts"]["kind"] for line in world.history(CHEN) if line["type"] == "prompted"]
    assert kinds[-1] == "prompt"
    assert not listed(world).items[0].undeliverable


def test_the_repeated_question_can_be_answered(world: World) -> None:
    request = ask(world, CHEN)
    world.work()
    world.clock.go(24 * HOUR)
    resend(world, request)
    world.tap(CHEN, world.question().button(0))
    assert world.check(CHEN).reason == "granted"


@pytest.mark.parametrize("act", ["yes", "no", "stop", "native", "hold", "late"])
def test_nothing_is_asked_again_once_the_person_spoke_or_time_ran_out(lone_world: World, act: str) -> None:
    world = lone_world
    request = ask(world, BRUNO)
    [letter] = world.work()
    world.clock.go(24 * HOUR)
    if act == "yes":
        world.tap(BRUNO, letter.button(0))
    elif act == "no":
        world.tap(BRUNO, letter.button(1), "No, thanks")
    elif act == "stop":
        world.say(BRUNO, "STOP")
    elif act == "native":
        world.native(BRUNO, "stop")
    elif act == "hold":
        world.say(BRUNO, "STOP", forwarded=True)
    else:
        world.clock.go(72 * HOUR)
    world.work()
    with pytest.raises(NotAskedAgain):
        resend(world, request)
    assert [letter for letter in world.work() if letter.asks] == []


def test_outside_the_window_only_a_template_can_ask_again(world: World) -> None:
    world.say(AMIRA, "JOIN ALL")  # this notice has no template
    world.work()
    world.clock.go(24 * HOUR)
    [item] = listed(world).items
    with pytest.raises(TemplateMissing):
        resend(world, item.request)
    world.say(AMIRA, "what was that?")
    resend(world, item.request)
    assert len([letter for letter in world.work() if letter.asks]) == 1


def test_a_stranger_who_fills_in_the_form_again_has_nobody_asked_again(world: World) -> None:
    first = ask(world, CHEN)
    assert len(world.work()) == 1
    wait_days(world, 2)
    world.work()  # the one reminder
    assert ask(world, CHEN) == first
    assert world.work() == []


def test_a_stranger_changes_nothing_for_somebody_who_is_in(world: World) -> None:
    world.join(AMIRA)
    before = world.types(AMIRA)
    assert ask(world, AMIRA) == ""
    assert world.work() == []
    assert (world.check(AMIRA).reason, world.types(AMIRA)) == ("granted", before)


def test_an_unknown_request_is_not_found(world: World) -> None:
    world.join(AMIRA)
    yes = next(line["id"] for line in world.history(AMIRA) if line["type"] == "said_yes")
    for request in ("evt_00000000000000000000000000", yes):
        with pytest.raises(NotFound):
            resend(world, request)


# -- forgetting --------------------------------------------------------------------------------------------------------


def test_somebody_who_never_answered_is_forgotten_whole_after_ninety_days(world: World) -> None:
    ask(world, CHEN)
    world.work()
    wait_days(world, PURGE_AFTER_DAYS + 2)
    assert sweep(world) == Purged()
    wait_days(world, 1.1)
    done = sweep(world)
    assert (done.requests, done.people) == (1, 1)
    assert rows_of(world.store, "addresses") == []
    assert rows_of(world.store, "suppressions") == []
    assert [row for row in rows_of(world.store, "openings") if row[2]] == []
    assert world.check(CHEN).reason == "unknown_person"
    assert world.sound()


def test_who_was_forgotten_without_a_no_can_be_asked_when_they_come_back(world: World) -> None:
    ask(world, CHEN)
    world.work()
    wait_days(world, PURGE_AFTER_DAYS + 4)
    sweep(world)
    world.join(CHEN)
    assert world.check(CHEN).reason == "granted"
    assert world.sound()


def test_of_somebody_in_contact_only_the_evidence_of_the_request_goes(world: World) -> None:
    world.join(AMIRA, "JOIN")
    world.say(AMIRA, "TRIAL")
    world.work()
    wait_days(world, PURGE_AFTER_DAYS + 4)
    done = sweep(world)
    assert (done.requests, done.people) == (1, 0)
    lines = {line["facts"].get("entry"): line["evidence"] for line in world.history(AMIRA)
             if line["type"] == "opt_in_requested"}
    assert lines["join"]["text"] == "JOIN"
    assert lines["trial"] == {}
    assert world.types(AMIRA)[-1] == "evidence_purged"
    assert world.check(AMIRA).reason == "granted"
    assert world.sound()


def test_the_proof_of_a_no_is_kept(world: World) -> None:
    world.say(BRUNO, "JOIN")
    world.tap(BRUNO, world.question().button(1), "No, thanks")
    world.say(AMIRA, "JOIN")
    world.work()
    world.say(AMIRA, "STOP")
    wait_days(world, PURGE_AFTER_DAYS + 4)
    assert sweep(world).people == 0
    assert world.check(BRUNO).reason == "stopped"
    assert world.check(AMIRA).reason == "stopped_all"
    request = next(line for line in world.history(BRUNO) if line["type"] == "opt_in_requested")
    assert request["evidence"]["text"] == "JOIN"
    assert world.sound()


def test_a_tap_on_a_question_long_forgotten_grants_nothing_and_still_verifies(world: World) -> None:
    world.say(AMIRA, "hello")
    world.say(AMIRA, "JOIN")
    prompt = world.question()
    wait_days(world, PURGE_AFTER_DAYS + 4)
    assert sweep(world).requests == 1
    world.tap(AMIRA, prompt.button(0))
    assert not world.check(AMIRA).allowed
    assert world.sound()


def test_evidence_that_went_missing_without_such_a_fact_is_still_noticed(world: World) -> None:
    world.join(AMIRA)
    world.say(BRUNO, "hello")
    world.say(BRUNO, "JOIN")
    world.work()
    wait_days(world, PURGE_AFTER_DAYS + 4)
    sweep(world)
    assert world.sound()
    request = next(line["id"] for line in world.history(AMIRA) if line["type"] == "opt_in_requested")
    run_sql(world.store, "delete from openings where event_id = ?", request)
    [problem] = world.verify().problems
    assert request in problem
    assert "no erasure explains it" in problem


def test_a_purge_fact_never_explains_the_missing_proof_of_a_yes(world: World) -> None:
    from sayso.flows.record import append

    world.join(AMIRA)
    lines = {line["type"]: line["id"] for line in world.history(AMIRA)}
    wait_days(world, 200)
    for cause in (lines["opt_in_requested"], lines["said_yes"]):
        world.store.write(lambda tx, cause=cause: append(  # type: ignore[misc]
            tx, world.kit, world.workspace.id, "evidence_purged", person=world.person(AMIRA), cause=cause))
        run_sql(world.store, "delete from openings where event_id = ?", cause)
        world.work()
        assert world.verify().problems


def test_the_round_goes_on_where_the_last_one_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "BATCH", 2)
    for who in EVERYBODY:
        world.say(who, "JOIN")
    world.work()
    wait_days(world, PURGE_AFTER_DAYS + 4)
    foreseen = world.store.read(lambda tx: pending.outlook(tx, world.kit, world.workspace.id))
    assert (foreseen.looked, foreseen.requests, foreseen.people) == (4, 4, 4)
    assert len(rows_of(world.store, "addresses")) == 6
    done = sweep(world)
    assert (done.looked, done.requests, done.people) == (4, 4, 4)
    assert sweep(world) == Purged()
    for days in (0, 4000):
        with pytest.raises(InvalidRequest):
            sweep(world, days)


def test_the_worker_forgets_by_itself(lone_world: World) -> None:
    world = lone_world
    ask(world, CHEN)
    world.work()
    wait_days(world, PURGE_AFTER_DAYS + 4)
    world.work()
    assert rows_of(world.store, "addresses") == []


def test_the_neighbours_requests_are_left_alone(world: World) -> None:
    other = neighbour(world)
    ask(other, CHEN)
    wait_days(world, PURGE_AFTER_DAYS + 4)
    assert sweep(world) == Purged()
    assert len(rows_of(world.store, "addresses")) == 1
