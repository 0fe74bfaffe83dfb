"""Wordings over HTTP: drafted, refused, published, compared; and lint, which keeps nothing."""

from __future__ import annotations

import pytest

from tests.stores import World, neighbour, rows_of
from tests.web.desk import BODIES, JSON, Api, contents, problem

DRAFT = BODIES["/v1/notices/{notice}/draft"]
WELCOME = "/v1/notices/welcome"


def keep(api: Api, **more: object) -> JSON:
    answer = api.post(f"{WELCOME}/draft", {**DRAFT, **more})
    assert answer.status_code == 200, answer.text
    told: JSON = answer.json()
    return told


def test_a_notice_goes_from_draft_to_force(api: Api) -> None:
    told = keep(api)
    assert [finding["code"] for finding in told["findings"]] == ["privacy_link"]
    assert api.get(WELCOME).json()["version"] == 0
    done = api.post(f"{WELCOME}/publish", {})
    assert (done.status_code, done.json()["version"], list(done.json()["events"])) == (201, 1, ["en"])
    shown = api.get(WELCOME).json()
    assert (shown["origin"], shown["text"]["en"], shown["drafts"]) == ("desk", told["draft"]["text"], [])
    [version] = api.get(f"{WELCOME}/history").json()["data"]
    assert (version["hash"], version["event"]) == (shown["hash"]["en"], done.json()["events"]["en"])
    names = [each["name"] for each in api.get("/v1/notices").json()["data"]]
    assert names == sorted(names)
    assert "welcome" in names


def test_a_deceptive_wording_is_refused_whatever_the_reason(api: Api, world: World) -> None:
    keep(api, starter="", text="Acme: last chance! By continuing you agree.")
    before = contents(world.store)
    told = problem(api.post(f"{WELCOME}/publish", {"reason": "somebody important wants it"}), 422, "notice_refused")
    assert "bundled_consent (en)" in told["detail"]
    assert contents(world.store) == before


def test_a_missing_thing_needs_a_reason_and_the_reason_is_kept(lone_api: Api) -> None:
    text = keep(lone_api)["draft"]["text"].replace("Send STOP at any time to leave, and we will stop at once.", "")
    keep(lone_api, starter="", text=text)
    problem(lone_api.post(f"{WELCOME}/publish", {}), 422, "notice_refused")
    problem(lone_api.post(f"{WELCOME}/publish", {"reason": "short"}), 422, "invalid_request")
    assert lone_api.post(f"{WELCOME}/publish", {"reason": "the footer names the word"}).status_code == 201
    [version] = lone_api.get(f"{WELCOME}/history").json()["data"]
    assert (version["missing"], version["reason"]) == (["leave"], "the footer names the word")


def test_publishing_twice_with_one_key_publishes_once(api: Api) -> None:
    keep(api)
    key = {"idempotency-key": "publish-7"}
    first, second = (api.post(f"{WELCOME}/publish", {}, headers=key) for _ in range(2))
    assert (first.status_code, second.status_code, second.json()) == (201, 201, first.json())
    assert second.headers["idempotent-replayed"] == "true"
    assert len(api.get(f"{WELCOME}/history").json()["data"]) == 1


def test_two_versions_are_compared(lone_api: Api) -> None:
    text = keep(lone_api)["draft"]["text"]
    lone_api.post(f"{WELCOME}/publish", {})
    keep(lone_api, starter="", text=text.replace("four", "two"))
    told = lone_api.get(f"{WELCOME}/diff").json()
    assert (told["before"], told["after"], told["lines"][0]["change"]) == ("1", "draft", "changed")
    problem(lone_api.get(f"{WELCOME}/diff", params={"after": "9"}), 422, "invalid_request")
    problem(lone_api.get("/v1/notices/nothing/diff"), 404, "not_found")


def test_a_draft_is_thrown_away_and_a_published_one_retired(lone_api: Api) -> None:
    keep(lone_api)
    assert lone_api.post(f"{WELCOME}/discard", {}).json() == {"discarded": 1}
    problem(lone_api.get(WELCOME), 404, "not_found")
    keep(lone_api)
    lone_api.post(f"{WELCOME}/publish", {})
    assert lone_api.post(f"{WELCOME}/retire").json() == {"notice": "welcome"}
    problem(lone_api.get(WELCOME), 404, "not_found")
    assert len(lone_api.get(f"{WELCOME}/history").json()["data"]) == 1
    problem(lone_api.post("/v1/notices/join/retire"), 422, "invalid_request")


@pytest.mark.parametrize(("body", "param"), [
    ({"text": "x"}, "text"), ({"starter": ""}, "text"), ({"starter": "party"}, "starter"), ({"lang": "tlh"}, "lang"),
    ({"purposes": ["nope"]}, "purposes"), ({"senders": ["nope"]}, "senders"), ({"lang": ""}, "lang"),
    ({"starter": "", "text": "x" * 4097}, "text"),
])  # fmt: skip
def test_a_draft_of_the_wrong_form_names_its_field(lone_api: Api, lone_world: World, body: JSON, param: str) -> None:
    assert problem(lone_api.post(f"{WELCOME}/draft", DRAFT | body), 422, "invalid_request")["param"] == param
    assert rows_of(lone_world.store, "notice_drafts") == []


def test_a_notice_of_the_file_is_not_drafted_here(lone_api: Api) -> None:
    told = problem(lone_api.post("/v1/notices/join/draft", DRAFT), 422, "invalid_request")
    assert "sayso.toml" in told["detail"]
    assert lone_api.get("/v1/notices/join").json()["origin"] == "file"


def test_another_business_finds_nothing(api: Api, world: World) -> None:
    keep(api)
    api.post(f"{WELCOME}/publish", {})
    theirs = api.beside(neighbour(world).workspace)
    for path in (WELCOME, f"{WELCOME}/history", f"{WELCOME}/diff"):
        problem(theirs.get(path), 404, "not_found")
    for act, body in (("publish", {}), ("discard", {}), ("retire", None)):
        problem(theirs.post(f"{WELCOME}/{act}", body), 404, "not_found")
    assert api.get(WELCOME).status_code == 200


def test_lint_names_what_to_mend_and_keeps_nothing(api: Api, world: World) -> None:
    before = contents(world.store)
    body = {"text": "Acme: hurry!", "lang": "en", "purposes": ["offers"], "buttons": ["Yes", "No, I hate saving"]}
    told = api.post("/v1/lint", body).json()
    found = {finding["code"]: finding for finding in told["findings"]}
    assert {"pressure", "shaming", "leave", "free"} <= set(found)
    assert (found["pressure"]["words"], found["shaming"]["where"]) == ("hurry", "button 2")
    assert told["must"] == sum(finding["severity"] == "must" for finding in told["findings"])
    assert contents(world.store) == before


def test_lint_looks_at_a_notice_and_asks_the_rules_of_other_countries(lone_api: Api) -> None:
    keep(lone_api)
    assert lone_api.post("/v1/lint", {"notice": "welcome"}).json()["must"] == 0
    canada = lone_api.post("/v1/lint", {"notice": "welcome", "countries": ["CA"]}).json()
    assert [finding["code"] for finding in canada["findings"] if finding["severity"] == "must"] == ["country"]
    malaysia = lone_api.post("/v1/lint", {"notice": "welcome", "countries": ["MY"]}).json()
    assert ("country_language", "ms") in [(finding["code"], finding["lang"]) for finding in malaysia["findings"]]
    assert lone_api.post("/v1/lint", {"notice": "join", "place": "page"}).status_code == 200
    problem(lone_api.post("/v1/lint", {"notice": "nothing"}), 404, "not_found")
    for body in ({}, {"text": "x", "notice": "join"}, {"text": "x", "place": "moon"}):
        problem(lone_api.post("/v1/lint", body), 422, "invalid_request")
    problem(lone_api.post("/v1/lint", {"text": "x", "purposes": ["nope"]}), 422, "unknown_purpose")
