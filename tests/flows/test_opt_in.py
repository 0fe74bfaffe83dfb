"""Asking, and what counts as a yes: the life of an opt-in (design section 3) on both databases."""

from __future__ import annotations

import pytest

from sayso.channels.base import OutButtons, OutTemplate
from sayso.errors import EvidenceMissing, ProviderError, TemplateMissing
from sayso.flows import opt_in, rights
from sayso.flows.opt_in import Asked
from tests.cast import AMIRA, BRUNO, CHEN, DANA, Player
from tests.stores import CODE, NOTICE, World

HOUR, DAY = 3600, 86_400


def ask(world: World, who: Player, entry: str = "website", **evidence: str) -> Asked:
    found = evidence or {"page": "https://acme.example/join"}
    return world.store.write(lambda tx: opt_in.ask(tx, world.kit, world.workspace, who.address,
                                                   world.workspace.entry(entry), evidence=found))


def test_a_word_and_a_tap_make_a_grant_of_exactly_what_the_notice_named(world: World) -> None:
    assert world.check(AMIRA).reason == "unknown_person"
    world.join(AMIRA)
    assert world.check(AMIRA).reason == "granted"
    assert world.check(AMIRA, "orders").reason == "no_consent"
    assert world.check(AMIRA, "offers", "desk").reason == "no_consent"
    assert world.sound()


def test_the_question_shows_the_wording_and_the_yes_remembers_it(world: World) -> None:
    world.say(AMIRA, "join!")
    prompt = world.work()[-1]
    assert isinstance(prompt.message, OutButtons)
    assert prompt.body == NOTICE
    world.tap(AMIRA, prompt.button(0))
    yes = next(line for line in world.history(AMIRA) if line["type"] == "said_yes")
    assert yes["facts"]["notice_hash"] == world.workspace.notices["join"].hash("en")
    assert yes["facts"]["how"] == "button"
    assert yes["evidence"]["payload"] == prompt.button(0)


def test_a_phrase_with_a_code_begins_the_same_wherever_the_code_stands(world: World) -> None:
    world.say(AMIRA, f"hello Acme, edited by hand [{CODE.lower()}] :)")
    assert world.check(AMIRA).reason == "pending"
    world.say(BRUNO, "Hi Acme [AAAAAAAA]")
    assert world.said(BRUNO) == ["spoke"]


def test_the_welcome_says_how_to_leave_and_comes_once(world: World) -> None:
    world.say(AMIRA, "JOIN")
    prompt = world.work()[-1]
    world.tap(AMIRA, prompt.button(0))
    world.tap(AMIRA, prompt.button(0))
    welcome = world.work()
    assert ["STOP" in letter.body for letter in welcome] == [True]


def test_asking_again_within_a_minute_or_when_one_is_in_sends_no_second_question(world: World) -> None:
    world.say(AMIRA, "JOIN")
    assert len(world.work()) == 1
    world.say(AMIRA, "JOIN")
    assert world.work() == []
    world.tap(AMIRA, world.wire.last.button(0))
    world.work()
    world.say(AMIRA, "JOIN")
    assert world.work() == []


def test_a_plain_yes_right_after_the_question_is_a_yes(world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.work()
    world.say(AMIRA, "Yes")
    assert world.check(AMIRA).reason == "granted"


@pytest.mark.parametrize(("words", "quoted", "reason"), [
    ("k", False, "pending"), ("k", True, "granted"), ("👍", False, "pending"), ("👍", True, "granted"),
    ("yes", True, "granted"), ("yes please tell me more about the offers", False, "pending"),
])  # fmt: skip
def test_slang_counts_only_as_a_reply_to_the_question(
    lone_world: World, words: str, quoted: bool, reason: str
) -> None:
    world = lone_world
    world.say(AMIRA, "JOIN")
    prompt = world.work()[-1]
    world.say(AMIRA, words, context_id=prompt.message_id if quoted else None)
    assert world.check(AMIRA).reason == reason


def test_a_chatty_yes_after_small_talk_or_days_later_grants_nothing(world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.say(BRUNO, "JOIN")
    world.work()
    world.say(AMIRA, "what time do you open?")
    world.say(AMIRA, "yes")
    assert world.check(AMIRA).reason == "pending"
    world.clock.go(25 * HOUR)
    world.say(BRUNO, "yes")
    assert world.check(BRUNO).reason == "pending"


@pytest.mark.parametrize("flag", ["forwarded", "edited"])
def test_forwarded_or_edited_words_are_never_a_yes_nor_a_beginning(lone_world: World, flag: str) -> None:
    world = lone_world
    world.say(AMIRA, "JOIN", **{flag: True})
    assert world.said(AMIRA)[-1] == "spoke"
    world.say(AMIRA, "JOIN")
    prompt = world.work()[-1]
    world.say(AMIRA, "yes", context_id=prompt.message_id, **{flag: True})
    assert world.check(AMIRA).reason == "pending"


def test_a_no_closes_the_question_kindly_and_once(world: World) -> None:
    world.say(AMIRA, "JOIN")
    prompt = world.work()[-1]
    world.tap(AMIRA, prompt.button(1), "No, thanks")
    world.tap(AMIRA, prompt.button(1), "No, thanks")
    assert len(world.work()) == 1
    assert world.check(AMIRA).reason == "stopped"


def test_a_yes_to_somebody_elses_question_grants_nothing_to_either(world: World) -> None:
    world.say(AMIRA, "JOIN")
    amiras = world.work()[-1]
    world.say(BRUNO, "hello")
    world.tap(BRUNO, amiras.button(0))
    world.say(BRUNO, "yes", context_id=amiras.message_id)
    assert world.check(BRUNO).reason == "no_consent"
    assert world.check(AMIRA).reason == "pending"


@pytest.mark.parametrize("payload", ["sayso:yes:", "sayso:yes:evt_01J00000000000000000000000", "sayso:yes:' or 1=1",
                                     "sayso:keep:evt_1", "yes", "sayso:no:evt_1"])  # fmt: skip
def test_a_made_up_button_grants_nothing(lone_world: World, payload: str) -> None:
    world = lone_world
    world.say(AMIRA, "JOIN")
    world.work()
    assert world.tap(AMIRA, payload, "whatever").done == 1
    assert world.check(AMIRA).reason == "pending"
    assert world.said(AMIRA)[-1] == "spoke"


def test_a_button_that_names_another_kind_of_event_grants_nothing(world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.work()
    for line in world.history(AMIRA):
        if line["type"] != "opt_in_requested":
            world.tap(AMIRA, f"sayso:yes:{line['id']}")
    assert world.check(AMIRA).reason == "pending"


def test_a_question_lives_three_days_and_is_asked_again_once(world: World) -> None:
    world.say(AMIRA, "JOIN")
    prompt = world.work()[-1]
    world.clock.go(23 * HOUR)
    assert world.work() == []
    world.show(AMIRA)  # keeps the window open
    world.clock.go(HOUR)
    reminder = world.work()
    assert len(reminder) == 1
    assert reminder[0].button(0) == prompt.button(0)
    world.clock.go(50 * HOUR)
    assert world.work() == []
    assert "expired" in world.types(AMIRA)
    world.tap(AMIRA, prompt.button(0))
    assert world.check(AMIRA).reason == "no_consent"
    assert world.work() == []


def test_outside_the_window_only_a_template_reminds(world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.work()
    world.clock.go(25 * HOUR)
    assert isinstance(world.work()[0].message, OutTemplate)
    world.say(BRUNO, "JOIN ALL")  # its notice has no template
    world.work()
    world.clock.go(25 * HOUR)
    assert world.work() == []
    assert ("reminder", "parked", "window_closed") in world.outbox()


def test_a_yes_runs_out_when_its_purpose_says_so(world: World) -> None:
    world.join(AMIRA, "TRIAL")
    assert world.check(AMIRA, "trial").reason == "granted"
    world.clock.go(30 * DAY)
    assert world.check(AMIRA, "trial").reason == "expired"
    world.work()
    assert world.types(AMIRA).count("expired") == 1
    assert world.check(AMIRA, "trial").reason == "expired"


# -- the api asks ------------------------------------------------------------------------------------------------------


def test_the_api_asks_and_never_grants(world: World) -> None:
    asked = ask(world, CHEN)
    assert (asked.state, asked.chat_link[:14]) == ("pending", "https://wa.me/")
    assert world.check(CHEN).reason == "pending"
    prompt = world.work()[-1]
    assert isinstance(prompt.message, OutTemplate)
    assert world.check(CHEN).reason == "pending"
    world.tap(CHEN, prompt.button(0))
    assert world.check(CHEN).reason == "granted"
    assert ask(world, CHEN).state == "granted"
    assert world.sound()


def test_the_api_asks_once_while_an_answer_is_awaited(world: World) -> None:
    first = ask(world, CHEN)
    assert ask(world, CHEN) == first
    assert len(world.work()) == 1


def test_the_api_needs_evidence_and_a_way_to_ask(world: World) -> None:
    with pytest.raises(EvidenceMissing):
        ask(world, CHEN, note="  ")
    with pytest.raises(TemplateMissing):
        ask(world, CHEN, "bare")
    assert world.check(CHEN).reason == "unknown_person"
    world.say(AMIRA, "hello")
    assert ask(world, AMIRA, "bare").state == "pending"


def test_somebody_with_only_a_user_id_can_be_asked_too(world: World) -> None:
    assert ask(world, DANA).state == "pending"
    world.tap(DANA, world.work()[-1].button(0))
    assert world.check(DANA).reason == "granted"


def test_the_api_asks_nobody_who_said_stop(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    world.opt_out(BRUNO)
    world.say(CHEN, "hello")
    world.native(CHEN, "stop")
    before = len(world.work())
    assert before == 1
    world.clock.go(10 * DAY)
    for who in (AMIRA, BRUNO, CHEN):
        asked = ask(world, who)
        assert (asked.state, asked.request) == ("withdrawn", ""), who.name
    assert world.work() == []
    assert world.sound()


def test_the_api_asks_nobody_whose_no_outlived_their_data(world: World) -> None:
    world.join(AMIRA)
    world.store.write(lambda tx: rights.erase(tx, world.kit, world.workspace.id, AMIRA.address, how="api"))
    world.work()
    world.clock.go(10 * DAY)
    assert ask(world, AMIRA).state == "withdrawn"
    assert world.work() == []
    assert world.check(AMIRA).reason == "suppressed"
    assert world.sound()


def test_a_question_the_provider_would_not_deliver_stays_open_and_is_not_sent_again(world: World) -> None:
    ask(world, CHEN)
    prompt = world.work()[-1]
    world.status(prompt.message_id, "failed", 131049)
    assert world.standing(CHEN).pending[0].failed
    assert world.check(CHEN).reason == "pending"
    assert world.work() == []
    world.wire.fail = [ProviderError("not now", provider_code=131049)]
    ask(world, DANA)
    assert world.work() == []
    assert world.standing(DANA).pending[0].failed
    assert ("prompt", "parked", "provider_error:131049") in world.outbox()
