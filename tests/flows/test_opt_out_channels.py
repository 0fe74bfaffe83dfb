"""Every channel a stop can come by: recorded with its name, denied at once, confirmed exactly once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sayso.channels import meta
from sayso.channels.base import OutButtons, OutTemplate
from sayso.core.intents import Grade, Intent, Reading
from sayso.core.purposes import EVERYTHING
from sayso.core.understanding import Understanding
from sayso.errors import ProviderError
from sayso.flows import inbound, opt_out
from tests.cast import AMIRA, BRUNO, CHEN, Player
from tests.stores import build, open_kind
from tests.texting import Line, twilio_declaration
from tests.world import NUMBER_ID, HandClock, World, declaration

STOPPED = ("will send you no more", "You will no longer get")


def meta_hook(world: World, kind: str, content: dict[str, Any], field: str = "messages") -> None:
    """One signed webhook of Meta's, as its bytes."""
    world.clock.go(1)
    now = str(world.clock.time // 1_000_000)
    who = {"from": AMIRA.phone[1:], "id": world.fresh(), "timestamp": now, "type": kind, kind: content}
    value = {"metadata": {"phone_number_id": NUMBER_ID}, field: [who]}
    raw = json.dumps({"entry": [{"id": "1", "changes": [{"field": field, "value": value}]}]}).encode()
    items = meta.parse(raw)
    world.store.write(lambda tx: inbound.receive(tx, world.kit, world.workspace, world.connection, items, raw))


def edit(text: str) -> dict[str, Any]:
    return {"original_message_id": "wamid.OLD", "message": {"type": "text", "text": {"body": text}}}


def by_hand(world: World, how: str) -> None:
    """A stop through code: API, clerk, command line."""
    world.store.write(lambda tx: opt_out.opt_out(tx, world.kit, world.workspace, AMIRA.address, EVERYTHING, how=how,
                                                 evidence={"clerk": "Olga"}))


SAID: dict[str, tuple[str, Callable[[World], object]]] = {
    "keyword": ("word", lambda w: meta_hook(w, "text", {"body": "STOP"})),
    "spanish": ("word", lambda w: meta_hook(w, "text", {"body": "baja"})),
    "template button, payload": (
        "template_button", lambda w: meta_hook(w, "button", {"payload": "STOP", "text": "No"})),
    "template button, label": (
        "template_button", lambda w: meta_hook(w, "button", {"payload": "x:1", "text": "Unsubscribe"})),
    "button": ("button", lambda w: meta_hook(
        w, "interactive", {"type": "button_reply", "button_reply": {"id": "a", "title": "Stop"}})),
    "list, id": ("list", lambda w: meta_hook(
        w, "interactive", {"type": "list_reply", "list_reply": {"id": "STOP", "title": "Leave us"}})),
    "list, title": ("list", lambda w: meta_hook(
        w, "interactive", {"type": "list_reply", "list_reply": {"id": "row7", "title": "Unsubscribe"}})),
    "caption of a picture": ("caption", lambda w: meta_hook(w, "image", {"id": "1", "caption": "stop"})),
    "caption of a video": ("caption", lambda w: meta_hook(w, "video", {"id": "1", "caption": "Unsubscribe"})),
    "caption of a file": ("caption", lambda w: meta_hook(w, "document", {"id": "1", "caption": "STOP!!"})),
    "edit": ("edit", lambda w: meta_hook(w, "edit", edit("STOP"))),
    "api": ("api", lambda w: by_hand(w, "api")),
    "clerk": ("clerk", lambda w: by_hand(w, "clerk")),
    "command line": ("cli", lambda w: by_hand(w, "cli")),
}


@pytest.mark.parametrize("channel", sorted(SAID))
def test_a_stop_by_any_channel_is_named_denied_at_once_and_confirmed_exactly_once(world: World, channel: str) -> None:
    how, act = SAID[channel]
    world.join(AMIRA)
    act(world)
    assert world.check(AMIRA).reason == "stopped_all"
    stop = next(fact for fact in world.history(AMIRA) if fact["type"] == "said_stop")
    assert stop["facts"]["how"] == how
    assert stop["evidence"]
    act(world)
    letters = world.work()
    assert [any(words in letter.body for words in STOPPED) for letter in letters] == [True]
    assert world.work() == []


def test_the_button_stop_promotions_stops_marketing_and_says_what_goes_on(world: World) -> None:
    world.join(AMIRA, "JOIN ALL")
    meta_hook(world, "button", {"payload": "Stop promotions", "text": "Stop promotions"})
    assert world.check(AMIRA).reason == "stopped"
    assert world.check(AMIRA, "orders").reason == "granted"
    (told,) = world.work()
    assert "no longer get from Acme: offers and news" in told.body
    assert told.body.endswith("You still get: news about your orders.")


def test_a_stop_in_whatsapps_own_switch_or_by_131050_is_denied_and_not_answered(world: World) -> None:
    world.join(AMIRA)
    world.native(AMIRA, "stop")
    assert world.check(AMIRA).reason == "stopped_on_whatsapp"
    world.join(BRUNO)
    world.status(world.wire.last.message_id, "failed", 131050)
    assert world.check(BRUNO).reason == "stopped_on_whatsapp"
    hows = [fact["facts"]["how"] for who in (AMIRA, BRUNO) for fact in world.history(who)
            if fact["type"] == "native_stop"]
    assert hows == ["user_preferences", "131050"]
    assert world.work() == []


@pytest.fixture
def texted(database: tuple[str, str], clock: HandClock) -> Iterator[World]:
    """The business at Twilio."""
    opened = open_kind(*database, clock)
    yield build(opened, clock, twilio_declaration())
    opened.close()


def test_at_twilio_an_sms_stop_a_keyword_and_21610_cover_whatsapp_too(texted: World) -> None:
    line = Line(texted)
    ways: tuple[tuple[Player, Callable[[], object], str, int], ...] = (
        (AMIRA, lambda: line.sms(AMIRA, "STOP", OptOutType="STOP"), "opt_out_type", 0),
        (BRUNO, lambda: line.chat(BRUNO, "STOP"), "word", 1),
    )
    for who, act, how, told in ways:
        line.chat(who, "JOIN")
        line.tap(who, texted.question().button(0))
        texted.work()
        act()
        assert texted.check(who).reason == "stopped_all"
        stop = next(fact for fact in texted.history(who) if fact["type"] == "said_stop")
        assert stop["facts"]["how"] == how
        assert len(texted.work()) == told
    line.chat(CHEN, "JOIN")
    texted.wire.fail = [ProviderError("no", provider_code=21610, outcome="stopped_all")]
    texted.work()
    assert texted.check(CHEN).reason == "stopped_all"
    stop = next(fact for fact in texted.history(CHEN) if fact["type"] == "said_stop")
    assert (stop["facts"]["how"], stop["facts"]["reported"]) == ("21610", True)


# -- signs, doubts, silence --------------------------------------------------------------------------------------------


def test_a_thumb_down_is_nothing_and_a_stop_sign_on_a_message_holds_and_asks(world: World) -> None:
    world.join(AMIRA)
    meta_hook(world, "reaction", {"message_id": "wamid.X", "emoji": "👎"})
    assert world.check(AMIRA).reason == "granted"
    meta_hook(world, "reaction", {"message_id": "wamid.X", "emoji": "🛑"})
    assert world.check(AMIRA).reason == "held_unclear"
    assert world.question().asks


def test_an_edit_is_never_a_yes_and_a_doubtful_one_holds(world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.work()
    meta_hook(world, "edit", edit("YES"))
    assert world.check(AMIRA).reason == "pending"
    meta_hook(world, "edit", edit("✋"))
    assert "stop_suspected" in world.types(AMIRA)


def test_the_question_has_a_middle_way_only_for_who_gets_more_than_marketing(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP", forwarded=True)
    assert [title for _, title in buttons(world.question().message)] == ["Yes, stop", "No, keep them"]
    world.join(BRUNO, "JOIN ALL")
    world.say(BRUNO, "STOP", forwarded=True)
    question = world.question()
    assert [title for _, title in buttons(question.message)] == ["Yes, stop", "Only the offers", "No, keep them"]
    world.tap(BRUNO, question.button(1), "Only the offers")
    assert world.check(BRUNO).reason == "stopped"
    assert world.check(BRUNO, "orders").reason == "granted"
    (told,) = world.work()
    assert "You still get: news about your orders." in told.body


def buttons(message: object) -> tuple[tuple[str, str], ...]:
    assert isinstance(message, OutButtons)
    return message.buttons


def reads(world: World, monkeypatch: pytest.MonkeyPatch, **words: tuple[Intent, Grade]) -> None:
    """The lexicon reads these sentences so, whatever it makes of others."""
    lexicon = world.kit.words()
    plain = type(lexicon).read

    def read(self: Understanding, text: str, *rest: Any) -> Reading:
        known = words.get(text.partition(" ")[0].strip(","))
        return Reading(*known, "en", False, "so it is read") if known else plain(self, text, *rest)

    monkeypatch.setattr(type(lexicon), "read", read)


def test_free_text_about_offers_stops_marketing_and_doubt_about_it_asks(
        lone_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = lone_world
    reads(world, monkeypatch, enough=("stop_promotional", "certain"), hmm=("stop_promotional", "likely"),
          tired=("snooze", "certain"), what=("privacy", "certain"), maybe=("snooze", "likely"))
    world.join(AMIRA, "JOIN ALL")
    world.say(AMIRA, "maybe later")
    assert world.check(AMIRA).reason == "granted"
    world.say(AMIRA, "what do you know about me?")
    assert "What Acme has stored" in world.work()[-1].body
    world.say(AMIRA, "tired of this, give me 2 weeks")
    assert world.check(AMIRA).until == world.clock.time + 14 * 24 * 3600 * 1_000_000
    world.say(AMIRA, "START")
    world.say(AMIRA, "hmm, those offers")
    assert (world.check(AMIRA).reason, world.check(AMIRA, "orders").reason) == ("held_unclear", "granted")
    world.work()
    world.say(AMIRA, "enough of your offers")
    assert (world.check(AMIRA).reason, world.check(AMIRA, "orders").reason) == ("stopped", "granted")
    assert "You still get: news about your orders." in world.work()[-1].body


def test_who_wants_no_answer_gets_none(lone_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = lone_world
    reads(world, monkeypatch, STOP=("stop", "certain"))
    world.join(AMIRA)
    world.say(AMIRA, "STOP, and don't text me back")
    assert world.check(AMIRA).reason == "stopped_all"
    assert world.work() == []


def test_who_is_new_is_answered_in_the_language_they_left_in(world: World) -> None:
    world.say(CHEN, "退订")
    (told,) = world.work()
    assert told.body.startswith("已完成")


# -- confirmed outside the window --------------------------------------------------------------------------------------


def templated(database: tuple[str, str], clock: HandClock, **policy: Any) -> World:
    template = {"name": "stop_done", "language": "en", "params": ["{business}", "{purposes}"]}
    declared = declaration(policy={"stop_template": {"en": template}} | policy)
    return build(open_kind(*database, clock), clock, declared)


def test_outside_the_window_a_stop_is_confirmed_by_the_declared_template(
        database: tuple[str, str], clock: HandClock) -> None:
    world = templated(database, clock)
    world.join(AMIRA)
    clock.go(25 * 3600)
    assert world.opt_out(AMIRA).confirmation == "owed"
    (told,) = world.work()
    every = "offers and news, news about your orders, answers to your questions, a trial"
    assert told.message == OutTemplate("stop_done", "en", ("Acme", every))
    assert world.opt_out(AMIRA).confirmation == "said_before"
    assert world.work() == []
    assert world.opt_out(CHEN).confirmation == "no_sender"  # nobody who ever wrote or agreed
    world.store.close()


def test_without_a_template_none_is_sent_and_the_answer_says_so(world: World) -> None:
    world.join(AMIRA)
    world.clock.go(25 * 3600)
    assert world.opt_out(AMIRA).confirmation == "no_template"
    assert world.work() == []


def test_confirmations_can_be_switched_off_and_that_is_said(database: tuple[str, str], clock: HandClock) -> None:
    world = templated(database, clock, confirm_stops=False)
    world.join(AMIRA)
    assert world.opt_out(AMIRA).confirmation == "switched_off"
    world.say(AMIRA, "STOP")
    assert world.work() == []
    world.store.close()


# -- why ---------------------------------------------------------------------------------------------------------------


def test_a_reason_is_one_tap_under_the_confirmation_and_nothing_follows_from_it(
        database: tuple[str, str], clock: HandClock) -> None:
    from sayso.flows import reasons

    world = templated(database, clock, ask_reason=True)
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    (told,) = world.work()
    assert [title for _, title in buttons(told.message)] == ["Too many messages", "Not relevant", "Never asked for it"]
    world.tap(AMIRA, told.button(0), "Too many messages")
    world.tap(AMIRA, told.button(2), "Never asked for it")
    world.tap(BRUNO, told.button(1), "Not relevant")  # somebody else's stop
    world.tap(AMIRA, "sayso:why:nonsense:x", "?")
    counted = world.store.read(lambda tx: reasons.counts(tx, world.workspace.id))
    assert counted == {"too_many": 0, "not_relevant": 0, "never_asked": 1, "other": 0}
    assert world.types(AMIRA).count("reason_given") == 2
    assert world.work() == []
    assert world.check(AMIRA, "support", free_form=True).reason == "stopped_all"
    assert world.sound()
    world.store.close()
