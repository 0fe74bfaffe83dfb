"""At Twilio: a keyword by SMS is confirmed in WhatsApp, a STOP by SMS ends everything, and START grants nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sayso.channels.base import OutButtons, OutTemplate, OutText
from sayso.errors import ProviderError
from sayso.flows import inbound
from tests.cast import AMIRA, BRUNO, DANA
from tests.stores import build, open_kind, rows_of
from tests.texting import CONTENT, NUMBER, PUBLIC, SERVICE, TOKEN, WHATSAPP, Line, little_twilio, twilio_declaration
from tests.world import NOTICE, NUMBER_ID, HandClock, World


@pytest.fixture
def world(database: tuple[str, str], clock: HandClock) -> Iterator[World]:
    """The business at Twilio, on each kind of database."""
    opened = open_kind(*database, clock)
    yield build(opened, clock, twilio_declaration())
    opened.close()


@pytest.fixture
def line(world: World) -> Line:
    return Line(world)


def joined(line: Line) -> None:
    """Amira is in: keyword, question, tap, welcome."""
    line.chat(AMIRA, "JOIN")
    line.tap(AMIRA, line.world.question().button(0))
    line.world.work()


# -- a keyword by SMS --------------------------------------------------------------------------------------------------


def test_a_keyword_by_sms_is_asked_about_in_whatsapp_and_the_yes_there_grants(world: World, line: Line) -> None:
    line.sms(AMIRA, "join")
    assert world.check(AMIRA).reason == "pending"
    question = world.question()
    assert (question.sender, question.message) == ("shop", OutTemplate(
        CONTENT, "en", ("Acme", "{yes}", "{no}"), (question.button(0), question.button(1))))
    assert question.to.value == AMIRA.phone
    line.tap(AMIRA, question.button(0))
    assert world.check(AMIRA).reason == "granted"
    request, yes = (next(fact for fact in world.history(AMIRA) if fact["type"] == kind)
                    for kind in ("opt_in_requested", "said_yes"))
    assert (request["facts"]["how"], request["facts"]["inbound"], request["facts"]["sender"]) == ("sms", "text", "shop")
    assert request["evidence"]["text"] == "join"
    assert (yes["facts"]["how"], yes["facts"]["inbound"], yes["clock"]) == ("button", "shop", "twilio")
    assert [letter.body[:9] for letter in world.work()] == ["Thank you"]
    assert world.sound()


def test_a_keyword_by_sms_alone_grants_nothing_and_opens_no_window_in_whatsapp(world: World, line: Line) -> None:
    line.sms(AMIRA, "JOIN")
    assert [world.check(AMIRA).reason, world.check(AMIRA, "support").reason] == ["pending", "window_closed"]
    assert world.check(AMIRA, "support", "text").reason == "in_window"


def test_a_tap_that_comes_by_sms_is_no_answer_to_a_question_in_whatsapp(world: World, line: Line) -> None:
    line.sms(AMIRA, "JOIN")
    button = world.question().button(0)
    line.sms(AMIRA, "Yes", ButtonPayload=button, ButtonText="Yes")
    assert world.check(AMIRA).reason == "pending"
    line.tap(AMIRA, button)
    assert world.check(AMIRA).reason == "granted"


@pytest.mark.parametrize("words", ["YES", "Yes", "ok"])
def test_a_yes_by_sms_is_no_answer_to_a_question_in_whatsapp(world: World, line: Line, words: str) -> None:
    line.sms(AMIRA, "JOIN")
    world.question()
    line.sms(AMIRA, words, OptOutType="START") if words == "YES" else line.sms(AMIRA, words)
    assert world.check(AMIRA).reason == "pending"


def test_a_plain_yes_in_whatsapp_is_one_though_twilio_stamps_no_time(world: World, line: Line) -> None:
    line.sms(AMIRA, "JOIN")
    world.question()
    line.chat(AMIRA, "yes")
    assert world.check(AMIRA).reason == "granted"
    assert world.sound()


def test_a_forged_sms_cannot_ask_somebody_again_and_again(world: World, line: Line) -> None:
    for _ in range(5):
        line.sms(AMIRA, "JOIN")
        world.clock.go(120)
    assert len([letter for letter in world.work() if letter.asks]) == 1


def test_the_number_on_whatsapp_may_be_at_meta(database: tuple[str, str], clock: HandClock) -> None:
    declared = twilio_declaration()
    secrets = {"app_secret": {"env": "ACME_APP_SECRET"}, "access_token": {"env": "ACME_ACCESS_TOKEN"}}
    declared["connections"]["meta"] = {"provider": "meta", **secrets}
    declared["senders"]["shop"] = {"connection": "meta", "phone_number_id": NUMBER_ID, "phone": NUMBER, "start": "join"}
    for notice in declared["notices"].values():
        notice["templates"] = {"en": {"name": "sayso_optin", "language": "en"}}
    opened = open_kind(*database, clock)
    world = build(opened, clock, declared)
    Line(world).sms(AMIRA, "JOIN")
    question = world.question()
    tap = world.text(AMIRA, "yes", context_id=question.message_id)
    meta = world.workspace.connections["meta"]
    world.store.write(lambda tx: inbound.receive(tx, world.kit, world.workspace, meta, [tap], b""))
    assert world.check(AMIRA).reason == "granted"
    opened.close()


# -- STOP, START and HELP ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [{}, {"OptOutType": "STOP"}, {"OptOutType": "STOP", "Body": "ARRET"},
                                  {"OptOutType": "STOP", "Body": "my own keyword"}])
def test_a_stop_by_sms_stops_everything_everywhere(world: World, line: Line, more: dict[str, str]) -> None:
    joined(line)
    assert world.check(AMIRA).reason == "granted"
    line.hear(line.spoken(AMIRA, "STOP", more, sms=True))
    assert [world.check(AMIRA, purpose).reason for purpose in ("offers", "orders")] == ["stopped_all", "stopped_all"]
    assert world.sound()


def test_twilio_confirms_the_stops_it_understood_and_sayso_the_others(world: World, line: Line) -> None:
    line.sms(AMIRA, "STOP", OptOutType="STOP")
    assert world.work() == []
    line.sms(BRUNO, "please stop")
    [letter] = world.work()
    assert (letter.sender, letter.to.value) == ("text", BRUNO.phone)
    assert letter.body.startswith("Done.")


def test_a_confirmation_that_twilio_refuses_because_it_confirmed_is_no_trouble(world: World, line: Line) -> None:
    line.sms(AMIRA, "STOP")
    world.wire.fail.append(ProviderError("stopped", provider_code=21610, outcome="stopped_all"))
    assert world.work() == []
    assert world.outbox() == [("stop_confirmation", "cancelled", "provider_error:21610")]
    assert world.types(AMIRA).count("said_stop") == 1


@pytest.mark.parametrize("body", ["START", "YES", "UNSTOP", "JOIN"])
@pytest.mark.parametrize("before", ["nothing", "stopped"])
def test_a_start_that_twilio_understood_never_grants(world: World, line: Line, body: str, before: str) -> None:
    if before == "stopped":
        joined(line)
        line.sms(AMIRA, "STOP", OptOutType="STOP")
    line.sms(AMIRA, body, OptOutType="START")
    reason = "stopped_all" if before == "stopped" else "pending"  # until the question that START begins has its yes
    assert world.check(AMIRA).reason == reason
    assert world.question().sender == "shop"
    assert world.check(AMIRA).reason == reason
    assert not any(letter.body.startswith("Thank") for letter in world.work())


def test_help_is_answered_by_twilio_or_by_sayso_and_not_by_both(world: World, line: Line) -> None:
    line.sms(AMIRA, "HELP", OptOutType="HELP")
    assert world.work() == []
    line.sms(AMIRA, "HELP")
    assert [letter.sender for letter in world.work()] == ["text"]


def test_an_unclear_stop_by_sms_is_settled_by_words(world: World, line: Line) -> None:
    joined(line)
    line.sms(AMIRA, "fin")  # a stop in French, and perhaps something else to somebody who writes English
    assert world.check(AMIRA).reason == "held_unclear"
    [letter] = world.work()
    assert isinstance(letter.message, OutButtons)
    assert "STOP" in letter.message.plain
    assert "START" in letter.message.plain
    line.sms(AMIRA, "START")
    assert world.check(AMIRA).reason == "granted"
    assert world.sound()


# -- in WhatsApp at Twilio ---------------------------------------------------------------------------------------------


def test_inside_the_window_the_question_is_the_template_with_buttons(world: World, line: Line) -> None:
    line.chat(AMIRA, "JOIN")
    question = world.question()
    assert isinstance(question.message, OutTemplate)
    assert [fact["facts"]["via"] for fact in world.history(AMIRA) if fact["type"] == "prompted"] == ["template"]


def test_without_a_template_the_question_says_what_to_reply_and_the_reply_counts(world: World, line: Line) -> None:
    line.chat(AMIRA, "PLAIN")
    question = world.question()
    assert isinstance(question.message, OutButtons)
    assert (question.body, question.message.plain) == (NOTICE, "Reply YES to agree or NO to decline.")
    assert [fact["facts"]["via"] for fact in world.history(AMIRA) if fact["type"] == "prompted"] == ["words"]
    line.chat(AMIRA, "YES")
    assert world.check(AMIRA).reason == "granted"


def test_a_quick_reply_with_a_fixed_id_counts_by_the_message_it_stood_under(world: World, line: Line) -> None:
    line.chat(AMIRA, "JOIN")
    sid = world.question().message_id
    line.tap(AMIRA, "yes", "Count me in", on="SM" + "9" * 32)
    assert world.check(AMIRA).reason == "pending"
    line.tap(BRUNO, "yes", "Count me in", on=sid)  # a message that was not sent to Bruno
    assert world.check(BRUNO).reason == "no_consent"
    line.tap(AMIRA, "yes", "Count me in", on=sid)
    assert world.check(AMIRA).reason == "granted"


def test_somebody_with_a_user_id_alone_joins_and_leaves(world: World, line: Line) -> None:
    line.chat(DANA, "JOIN")
    question = world.question()
    assert question.to.kind == "bsuid"
    line.tap(DANA, question.button(0))
    assert world.check(DANA).reason == "granted"
    line.chat(DANA, "STOP")
    assert world.check(DANA).reason == "stopped_all"


def test_a_yes_that_a_stop_may_have_overtaken_on_the_way_does_not_undo_it(world: World, line: Line) -> None:
    """Twilio stamps no time: the yes that arrives just after the stop may have been tapped before it."""
    line.chat(AMIRA, "JOIN")
    question = world.question()
    line.chat(AMIRA, "STOP")
    line.tap(AMIRA, question.button(0))
    assert world.check(AMIRA).reason == "stopped_all"
    line.chat(AMIRA, "START")  # asked for again after the stop, the answer is one to the new question
    line.tap(AMIRA, world.question().button(0))
    assert world.check(AMIRA).reason == "granted"
    assert world.sound()


def test_every_message_counts_once_however_often_twilio_repeats_it(world: World, line: Line) -> None:
    messages = [line.spoken(AMIRA, "JOIN", sms=True), line.spoken(BRUNO, "STOP", sms=True)]
    assert [line.hear(params).done for params in messages] == [1, 1]
    before = len(rows_of(world.store, "events"))
    world.clock.go(400 * 24 * 3600)
    assert [line.hear(params).repeated for params in messages * 2] == [1] * 4
    assert len(rows_of(world.store, "events")) == before


def test_a_number_declared_by_its_service_is_found_and_only_on_its_own_network(
    database: tuple[str, str], clock: HandClock
) -> None:
    declared = twilio_declaration()
    declared["senders"]["text"]["phone_number_id"] = SERVICE
    opened = open_kind(*database, clock)
    world = build(opened, clock, declared)
    line = Line(world)
    pool = {"To": "+447700900177", "MessagingServiceSid": SERVICE}
    line.hear(line.spoken(AMIRA, "STOP", pool, sms=True))
    assert world.check(AMIRA).reason == "stopped_all"
    line.hear(line.spoken(BRUNO, "hello", {"To": "whatsapp:+447700900177", "MessagingServiceSid": SERVICE}))
    assert world.unhandled() == ["unknown phone_number_id"]
    opened.close()


# -- what became of our messages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "more", "reason"), [
    (21610, {}, "stopped_all"), (63014, {}, "stopped"),
    (63024, {"ChannelStatusMessage": "131050"}, "stopped_on_whatsapp"),
    (63049, {}, "granted"), (63032, {}, "granted"), (63024, {}, "granted"), (30003, {}, "granted"),
])
def test_only_a_failure_that_says_the_person_left_changes_consent(world: World, line: Line, code: int,
                                                                  more: dict[str, str], reason: str) -> None:
    joined(line)
    line.status(world.wire.last.message_id, "undelivered", code, more, to=AMIRA.phone)
    assert world.check(AMIRA).reason == reason
    line.status("SM" + "8" * 32, "failed", code, more, to=BRUNO.phone)  # a message Sayso did not send
    assert world.check(BRUNO).reason == ("unknown_person" if reason == "granted" else reason)
    assert world.sound()


def test_a_marketing_stop_by_a_failure_leaves_utility_and_a_later_yes_reopens(world: World, line: Line) -> None:
    joined(line)
    line.status(world.wire.last.message_id, "failed", 63014, to=AMIRA.phone)
    assert world.check(AMIRA, "orders").reason == "no_consent"
    world.clock.go(600)
    joined(line)
    assert world.check(AMIRA).reason == "granted"


def test_a_question_that_was_not_delivered_stays_open_and_is_shown(world: World, line: Line) -> None:
    line.sms(AMIRA, "JOIN")
    line.status(world.question().message_id, "undelivered", 63049, to=AMIRA.phone)
    assert world.check(AMIRA).reason == "pending"
    assert world.standing(AMIRA).pending[0].failed


@pytest.mark.parametrize("word", ["queued", "sent", "delivered", "read"])
def test_other_statuses_change_nothing(world: World, line: Line, word: str) -> None:
    joined(line)
    before = len(rows_of(world.store, "events"))
    line.status(world.wire.last.message_id, word, to=AMIRA.phone)
    assert len(rows_of(world.store, "events")) == before


@pytest.mark.parametrize(("outcome", "code", "reason"), [("stopped_all", 21610, "stopped_all"),
                                                         ("stopped_marketing", 63014, "stopped"),
                                                         ("opted_out", 131050, "stopped_on_whatsapp")])
def test_a_send_that_twilio_refuses_because_the_person_left_is_a_stop(world: World, line: Line, outcome: str,
                                                                     code: int, reason: str) -> None:
    line.chat(AMIRA, "JOIN")
    world.wire.fail.append(ProviderError("left", provider_code=code, outcome=outcome))
    assert world.work() == []
    assert world.check(AMIRA).reason == reason
    stops = [fact for fact in world.history(AMIRA) if fact["type"] in ("said_stop", "native_stop")]
    assert [fact["facts"]["how"] for fact in stops] == [str(code)]


# -- the whole way, over a socket --------------------------------------------------------------------------------------


def test_the_worker_speaks_twilio_to_twilio(world: World, line: Line) -> None:
    world.system.environ["ACME_AUTH_TOKEN"] = TOKEN
    with little_twilio() as service, httpx.Client() as client:
        divert(world, service.url)
        world.system._client = client
        line.sms(AMIRA, "JOIN")
        world.system.worker().settle()
        [sent] = service.forms
        yes = json.loads(sent["ContentVariables"])["2"]
        assert (sent["To"], sent["From"], sent["ContentSid"]) == (f"whatsapp:{AMIRA.phone}", WHATSAPP, CONTENT)
        assert sent["StatusCallback"] == f"{PUBLIC}/hooks/twilio/acme-main"
        line.tap(AMIRA, yes)
        line.sms(AMIRA, "please stop")
        world.system.worker().settle()
        assert [asked["To"] for asked in service.forms] == [f"whatsapp:{AMIRA.phone}", AMIRA.phone]
        assert service.forms[1]["Body"].startswith("Done.")
    assert world.check(AMIRA).reason == "stopped_all"


def divert(world: World, url: str) -> None:
    """Lead the connection to another address of the API, as `base_url` does."""
    declared: dict[str, Any] = twilio_declaration()
    declared["connections"]["main"]["base_url"] = url
    world.workspace = world.system.apply(declared).workspace


def test_a_free_form_sms_is_text_and_not_a_template(world: World, line: Line) -> None:
    line.sms(AMIRA, "HELP")
    assert isinstance(world.work()[0].message, OutText)
