"""Drafts, publishing, history, differences; and who owns a wording when the file is applied again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sayso.core import events
from sayso.core.workspace import Template, Workspace
from sayso.errors import ConfigError, InvalidRequest, NotFound, NoticeRefused, SaysoError
from sayso.flows import notices, setup, verify
from sayso.flows.notices import Draft, Published
from sayso.rules.vocabulary import starter_for
from sayso.settings.config import parse
from tests.cast import AMIRA
from tests.stores import World, declaration, neighbour, rows_of

ENGLISH = starter_for("en").text("offers", "Acme")
SPANISH = starter_for("es").text("offers", "Acme")
REASON = "the page beside it says how often"


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


class Desk:
    """Somebody who writes notices."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def workspace(self) -> Workspace:
        self.world.system.directory.refresh()
        found = self.world.system.directory.by_slug(self.world.workspace.slug)
        assert found is not None
        return found

    def draft(self, text: str = ENGLISH, lang: str = "en", name: str = "welcome", **more: Any) -> Draft:
        workspace = self.workspace
        more = {"purposes": ("offers",), "senders": ("shop",)} | more
        return self.world.store.write(
            lambda tx: notices.draft(tx, self.world.kit, workspace, name, lang, text, **more))

    def publish(self, name: str = "welcome", **more: Any) -> Published:
        workspace = self.workspace
        return self.world.store.write(lambda tx: notices.publish(tx, self.world.kit, workspace, name, **more))

    def history(self, name: str = "welcome") -> list[notices.Version]:
        return self.world.store.read(lambda tx: notices.history(tx, self.world.workspace.id, name))

    def drafts(self, name: str = "welcome") -> list[Draft]:
        return self.world.store.read(lambda tx: notices.drafts(tx, self.world.workspace.id, name))

    def diff(self, **more: str) -> notices.Difference:
        return self.world.store.read(lambda tx: notices.difference(tx, self.workspace, "welcome", **more))

    def apply(self, whole: dict[str, Any]) -> setup.Applied:
        declared = parse(whole, Path(), known=self.world.system.desk_notices)
        return self.world.store.write(lambda tx: setup.apply(tx, self.world.kit, declared))


def file(**entries: Any) -> dict[str, Any]:
    """The declaration, with more entry points."""
    whole = declaration()
    return whole | {"entry_points": whole["entry_points"] | entries}


# -- publishing --------------------------------------------------------------------------------------------------------


def test_a_draft_is_seen_by_nobody_until_it_is_published(desk: Desk) -> None:
    desk.draft()
    assert "welcome" not in desk.workspace.notices
    done = desk.publish()
    assert (done.version, done.languages, done.carried) == (1, ("en",), ())
    notice = desk.workspace.notices["welcome"]
    assert (notice.text, notice.origin, notice.purposes) == ({"en": ENGLISH}, "desk", ("offers",))
    assert desk.drafts() == []
    assert desk.world.sound()


def test_each_published_wording_is_an_event_with_its_hash(desk: Desk) -> None:
    desk.draft()
    desk.draft(SPANISH, "es")
    done = desk.publish(author="olga")
    rows = [row for row in rows_of(desk.world.store, "events") if row[1] in done.events.values()]
    facts = {event.facts["lang"]: event for event in (events.decode(bytes(row[5])) for row in rows)}
    notice = desk.workspace.notices["welcome"]
    assert {lang: event.facts["hash"] for lang, event in facts.items()} == {
        lang: notice.hash(lang) for lang in ("en", "es")}
    assert {event.type for event in facts.values()} == {"notice_published"}
    assert all("olga" not in str(event.facts) and "author" in event.commit for event in facts.values())


def test_the_next_version_carries_the_languages_that_were_not_touched(desk: Desk) -> None:
    desk.draft()
    desk.draft(SPANISH, "es")
    desk.publish()
    desk.draft(ENGLISH.replace("four", "two"))
    done = desk.publish()
    assert (done.version, set(done.languages), done.carried) == (2, {"en", "es"}, ("es",))
    assert [(each.version, each.lang) for each in desk.history()] == [(2, "en"), (2, "es"), (1, "en"), (1, "es")]
    assert desk.history()[3].text == SPANISH
    assert desk.history()[2].text == ENGLISH


def test_people_are_asked_with_it_through_an_entry_point_of_the_file(desk: Desk) -> None:
    desk.draft()
    desk.publish()
    desk.apply(file(hello={"kind": "keyword", "keywords": ["HELLO"], "notice": "welcome", "sender": "shop"}))
    world = World(desk.world.system, desk.world.clock, desk.world.wire, desk.workspace)
    world.join(AMIRA, "HELLO")
    assert world.check(AMIRA).reason == "granted"
    yes = next(line for line in world.history(AMIRA) if line["type"] == "said_yes")
    asked = next(line for line in world.history(AMIRA) if line["type"] == "opt_in_requested")
    shown = asked["facts"] | yes["facts"]
    assert shown["notice"] == "welcome"
    assert shown["notice_hash"] == desk.workspace.notices["welcome"].hash("en")


# -- refusing ----------------------------------------------------------------------------------------------------------


def test_nothing_lets_a_deceptive_wording_pass(desk: Desk) -> None:
    for bad in ("Hurry, this is your last chance.", "By continuing you agree.", "Reply NO if you do not want it.",
                "{name}", "x" * 1000):
        desk.draft(f"{ENGLISH} {bad}")
        with pytest.raises(SaysoError) as refusal:
            desk.publish(reason=REASON)
        assert isinstance(refusal.value, NoticeRefused | InvalidRequest)
    assert "welcome" not in desk.workspace.notices
    assert desk.drafts()[0].text.startswith(ENGLISH)


def test_a_deception_in_one_language_stops_the_whole_notice(desk: Desk) -> None:
    desk.draft()
    desk.draft(f"{SPANISH} ¡Date prisa!", "es")
    with pytest.raises(NoticeRefused, match=r"pressure \(es\)"):
        desk.publish(reason=REASON)
    assert rows_of(desk.world.store, "notices") == [
        row for row in rows_of(desk.world.store, "notices") if row[1] != "welcome"]


def test_what_is_missing_passes_only_with_a_reason_that_is_recorded(desk: Desk) -> None:
    desk.draft(ENGLISH.replace(", at most four messages a month", ""))
    with pytest.raises(NoticeRefused, match="often") as refusal:
        desk.publish()
    assert refusal.value.code == "notice_refused"
    for bad in ("short", "x" * 201, "two\nlines of a reason"):
        with pytest.raises(InvalidRequest, match="reason"):
            desk.publish(reason=bad)
    desk.publish(reason=REASON)
    [version] = desk.history()
    assert (version.missing, version.reason) == (("often",), REASON)


def test_a_whole_notice_records_no_reason_even_if_one_is_given(desk: Desk) -> None:
    desk.draft()
    desk.publish(reason=REASON)
    assert (desk.history()[0].missing, desk.history()[0].reason) == ((), "")


def test_the_rules_of_the_workspaces_country_are_asked(desk: Desk) -> None:
    whole = file()
    whole["workspace"] |= {"country": "DE"}
    desk.apply(whole)
    german = starter_for("de").text("offers", "Acme")
    desk.draft(german.replace("über WhatsApp ", ""), "de")
    with pytest.raises(NoticeRefused, match="Germany asks for it"):
        desk.publish()
    desk.draft(german, "de")
    assert desk.publish().version == 1


def test_publishing_nothing_or_the_same_again_is_refused(desk: Desk) -> None:
    with pytest.raises(NotFound, match="no draft"):
        desk.publish()
    desk.draft()
    desk.publish()
    desk.draft()
    with pytest.raises(InvalidRequest, match="in force already"):
        desk.publish()


@pytest.mark.parametrize(("field", "edit"), [
    ("notice", {"name": "Bad Name"}), ("text", {"text": " "}), ("text", {"text": "x" * 4097}),
    ("purposes", {"purposes": ("nope",)}),
    ("senders", {"senders": ("nope",)}), ("text.EN", {"lang": "EN"}), ("author", {"author": "x" * 101}),
    ("purposes", {"purposes": ("offers", "offers")}), ("notice", {"name": "join"}),
])  # fmt: skip
def test_a_draft_of_the_wrong_form_is_refused_with_its_field(desk: Desk, field: str, edit: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        desk.draft(**edit)
    assert refusal.value.param == field
    assert rows_of(desk.world.store, "notice_drafts") == []


def test_a_draft_may_be_too_long_and_says_so_only_when_published(desk: Desk) -> None:
    desk.draft(ENGLISH + " word" * 300)
    with pytest.raises(InvalidRequest, match="1024"):
        desk.publish(reason=REASON)


def test_all_languages_of_a_draft_are_for_the_same_purposes(desk: Desk) -> None:
    desk.draft()
    desk.draft(SPANISH, "es", purposes=("trial",))
    assert {draft.purposes for draft in desk.drafts()} == {("trial",)}
    desk.draft(SPANISH, "es", purposes=(), senders=())
    assert {(draft.purposes, draft.senders) for draft in desk.drafts()} == {(("trial",), ("shop",))}


def test_a_draft_thrown_away_is_gone_and_the_rest_stays(desk: Desk) -> None:
    desk.draft()
    desk.draft(SPANISH, "es")

    def discard(lang: str) -> int:
        return desk.world.store.write(lambda tx: notices.discard(tx, desk.workspace, "welcome", lang))

    assert discard("es") == 1
    assert [draft.lang for draft in desk.drafts()] == ["en"]
    with pytest.raises(NotFound):
        discard("es")
    assert discard("") == 1


def test_a_template_belongs_to_its_wording_and_goes_with_it(desk: Desk) -> None:
    desk.draft()
    desk.draft(SPANISH, "es")
    shown = {"en": Template("welcome_en", "en"), "es": Template("welcome_es", "es_MX")}
    desk.publish(templates=shown)
    assert desk.workspace.notices["welcome"].templates == shown
    desk.draft(ENGLISH.replace("four", "two"))
    desk.publish()
    assert desk.workspace.notices["welcome"].templates == {"es": shown["es"]}
    desk.draft()
    with pytest.raises(InvalidRequest, match="template"):
        desk.publish(templates={"en": Template("Not A Name", "en")})


# -- who owns a wording ------------------------------------------------------------------------------------------------


def test_what_was_published_here_stays_when_the_old_file_is_applied_again(desk: Desk) -> None:
    desk.draft()
    desk.publish()
    done = desk.apply(file())
    assert (done.changed, done.new_notices) == (False, ())
    assert desk.workspace.notices["welcome"].text == {"en": ENGLISH}
    whole = file()
    whole["workspace"] |= {"name": "Acme Ltd"}
    assert desk.apply(whole).changed
    assert "welcome" in desk.workspace.notices


def test_a_notice_of_the_file_is_changed_in_the_file_alone(desk: Desk) -> None:
    with pytest.raises(InvalidRequest, match=r"declared in sayso\.toml"):
        desk.draft(name="join")
    for act in (lambda tx: notices.retire(tx, desk.world.kit, desk.workspace, "join"),
                lambda tx: notices.publish(tx, desk.world.kit, desk.workspace, "join")):
        with pytest.raises(InvalidRequest, match=r"sayso\.toml"):
            desk.world.store.write(act)


def test_a_file_that_takes_a_notice_over_must_raise_its_version(desk: Desk) -> None:
    desk.draft()
    desk.publish()
    whole = file()
    mine = {"version": 1, "purposes": ["offers"], "senders": ["shop"], "text": {"en": ENGLISH + " Bye."}}
    with pytest.raises(ConfigError, match="raise its version to 2"):
        desk.apply(whole | {"notices": whole["notices"] | {"welcome": mine}})
    assert str(desk.workspace.notices["welcome"].origin) == "desk"
    desk.apply(whole | {"notices": whole["notices"] | {"welcome": mine | {"version": 2}}})
    assert desk.workspace.notices["welcome"].origin == "file"
    with pytest.raises(InvalidRequest, match=r"sayso\.toml"):
        desk.draft()


def test_a_file_that_forgets_what_such_a_notice_is_about_is_refused(desk: Desk) -> None:
    desk.draft(purposes=("support",))
    desk.publish(reason=REASON)
    whole = file()
    del whole["purposes"]["support"]
    with pytest.raises(ConfigError, match="'welcome'") as refusal:
        desk.apply(whole)
    assert refusal.value.param == "purposes.support"


def test_a_file_can_name_it_only_while_it_is_there(desk: Desk) -> None:
    hello = {"kind": "keyword", "keywords": ["HELLO"], "notice": "welcome", "sender": "shop"}
    with pytest.raises(ConfigError, match="'welcome', which is not declared"):
        desk.apply(file(hello=hello))
    desk.draft()
    desk.publish()
    desk.apply(file(hello=hello))

    def retire() -> None:
        desk.world.store.write(lambda tx: notices.retire(tx, desk.world.kit, desk.workspace, "welcome"))

    with pytest.raises(InvalidRequest, match="'hello' shows it"):
        retire()
    desk.apply(file())
    retire()
    assert "welcome" not in desk.workspace.notices
    assert len(desk.history()) == 1
    with pytest.raises(NotFound):
        retire()


def test_a_retired_notice_comes_back_as_the_next_version(desk: Desk) -> None:
    desk.draft()
    desk.publish()
    desk.world.store.write(lambda tx: notices.retire(tx, desk.world.kit, desk.workspace, "welcome"))
    desk.draft()
    assert desk.publish().version == 2


def test_the_file_itself_cannot_deceive_and_changes_nothing_when_it_tries(desk: Desk) -> None:
    whole = file()
    whole["notices"]["fresh"] = {"version": 1, "purposes": ["offers"], "senders": ["shop"],
                                 "text": {"en": "Acme: last chance! By continuing you agree."}}
    with pytest.raises(ConfigError, match=r"pressure|bundled") as refusal:
        desk.apply(whole)
    assert refusal.value.param == "notices.fresh.text.en"
    assert "fresh" not in desk.workspace.notices


def test_two_who_publish_at_once_make_two_versions_and_lose_neither(desk: Desk) -> None:
    for name in ("one", "two", "three"):
        desk.draft(name=name)
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(desk.publish, ("one", "two", "three")))
    assert [each.version for each in done] == [1, 1, 1]
    assert {"one", "two", "three"} <= set(desk.workspace.notices)
    assert desk.world.store.snapshot(
        lambda tx: verify.verify(tx, desk.world.kit, desk.world.workspace.id)).problems == []


def test_another_business_sees_and_moves_none_of_it(desk: Desk) -> None:
    desk.draft()
    desk.publish()
    theirs = Desk(neighbour(desk.world))
    with pytest.raises(NotFound):
        theirs.history()
    assert theirs.drafts() == []
    assert "welcome" not in theirs.workspace.notices
    theirs.draft()
    theirs.publish()
    assert len(desk.history()) == 1


# -- looking -----------------------------------------------------------------------------------------------------------


def test_a_glance_shows_where_each_notice_comes_from(desk: Desk) -> None:
    desk.draft()
    desk.publish()
    desk.draft(SPANISH, "es")
    desk.draft(name="later")
    shown = {each.name: each for each in desk.world.store.read(lambda tx: notices.overview(tx, desk.workspace))}
    assert [(shown[name].origin, shown[name].version, shown[name].drafts) for name in ("join", "welcome", "later")] == [
        ("file", 1, ()), ("desk", 1, ("es",)), ("", 0, ("en",))]


def test_versions_are_compared_side_by_side(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.diff()
    desk.draft()
    assert {line.change for line in desk.diff().lines} == {"same"}
    desk.publish()
    desk.draft(ENGLISH.replace("four", "two"))
    found = desk.diff()
    assert (found.before, found.after, found.lang) == ("1", "draft", "en")
    assert [line.right for line in found.lines if line.change == "changed"] == [
        "Acme would like to send you offers and news on WhatsApp, at most two messages a month."]
    desk.publish()
    assert (desk.diff().before, desk.diff().after) == ("1", "2")
    assert desk.diff(before="2", after="1").lines[0].right == ENGLISH.split(". ")[0] + "."
    for wrong in ({"before": "9"}, {"after": "draft"}):
        with pytest.raises(InvalidRequest, match="no version"):
            desk.diff(**wrong)
    with pytest.raises(NotFound, match="'fr'"):
        desk.diff(lang="fr")
