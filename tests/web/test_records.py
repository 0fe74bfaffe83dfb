"""Looking at records over HTTP: people, pages of the ledger, receipts, what is owed."""

from __future__ import annotations

from typing import Any

from tests.cast import AMIRA, BRUNO, CHEN
from tests.stores import World, neighbour
from tests.web.desk import Api, problem


def test_a_person_is_shown_with_cells_stops_and_history(api: Api, world: World) -> None:
    world.join(AMIRA)
    shown = api.post("/v1/people/lookup", {"address": AMIRA.user_id}).json()
    cells = {(cell["purpose"], cell["sender"]): cell for cell in shown["cells"]}
    assert len(cells) == len(world.workspace.purposes) * len(world.workspace.senders)
    assert cells["offers", "shop"]["state"] == "granted"
    assert cells["offers", "shop"]["since"] > 0
    assert cells["offers", "shop"]["class"] == "marketing"
    assert cells["orders", "shop"]["state"] == "unknown"
    assert (shown["person"], shown["stops"], shown["epoch"]) == (world.person(AMIRA), [], world.check(AMIRA).epoch)
    assert [line["type"] for line in shown["history"]] == world.types(AMIRA)
    assert [window["sender"] for window in shown["windows"]] == ["shop"]
    world.say(AMIRA, "STOP")
    stopped = api.post("/v1/people/lookup", {"address": AMIRA.phone}).json()
    assert [(mark["purpose"], mark["sender"], mark["class"]) for mark in stopped["stops"]] == [("*", "*", "*")]
    assert {cell["state"] for cell in stopped["cells"]} == {"withdrawn"}


def test_no_number_comes_back(api: Api, world: World) -> None:
    world.join(AMIRA)
    for answer in (api.post("/v1/people/lookup", {"address": AMIRA.phone}), api.get("/v1/events"),
                   api.get("/v1/outbox"), api.get("/v1/unhandled")):
        assert answer.status_code == 200
        assert AMIRA.phone.lstrip("+") not in answer.text


def test_nobody_is_found_who_was_never_heard_of(api: Api) -> None:
    assert problem(api.post("/v1/people/lookup", {"address": CHEN.phone}), 404, "not_found")["param"] == "address"
    problem(api.post("/v1/receipts", {"address": CHEN.phone}), 404, "not_found")


def pages(api: Api, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor, more = -1, True
    while more:
        page = api.get("/v1/events", params={"after": cursor, "limit": limit}).json()
        assert len(page["data"]) <= limit
        found += page["data"]
        cursor, more = page["next_cursor"], page["has_more"]
    return found


def test_pages_of_the_ledger_hold_every_event_once_and_in_order(api: Api, world: World) -> None:
    world.join(AMIRA)
    world.say(BRUNO, "STOP")
    world.work()
    whole = api.get("/v1/events").json()
    assert [line["leaf_index"] for line in whole["data"]] == list(range(len(whole["data"])))
    assert (whole["has_more"], whole["next_cursor"]) == (False, len(whole["data"]) - 1)
    assert pages(api, 3) == pages(api, 1) == whole["data"]
    world.say(BRUNO, "hello")
    world.work()
    later = api.get("/v1/events", params={"after": whole["next_cursor"]}).json()
    assert [line["type"] for line in later["data"]] == ["spoke"]
    end = api.get("/v1/events", params={"after": later["next_cursor"]}).json()
    assert end == {"data": [], "next_cursor": later["next_cursor"], "has_more": False}


def test_a_cursor_that_is_none_is_refused(lone_api: Api) -> None:
    for query, param in (({"after": "x"}, "after"), ({"after": -2}, "after"), ({"limit": 0}, "limit"),
                         ({"limit": 1001}, "limit"), ({"phone": "1"}, "phone"), ({"after": 2**63}, "after")):
        assert problem(lone_api.get("/v1/events", params=query), 422, "invalid_request")["param"] == param
    problem(lone_api.get("/v1/events?after=1&after=2"), 422, "invalid_request")
    problem(lone_api.get("/v1/events?after=" + "1" * 3000), 422, "invalid_request")


def test_a_receipt_is_given_once_the_ledger_has_the_yes(api: Api, world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.tap(AMIRA, world.work()[-1].button(0))
    waiting = api.post("/v1/receipts", {"address": AMIRA.phone})
    assert problem(waiting, 202, "not_yet_in_ledger")["retry"] is True
    world.work()
    receipt = api.post("/v1/receipts", {"address": AMIRA.phone, "purpose": "offers"})
    assert (receipt.status_code, receipt.json()["format"]) == (200, "sayso-receipt/1")
    yes = next(line["id"] for line in world.history(AMIRA) if line["type"] == "said_yes")
    assert api.post("/v1/receipts", {"event": yes}).json()["events"] == receipt.json()["events"]
    problem(api.post("/v1/receipts", {"address": AMIRA.phone, "purpose": "orders"}), 404, "not_found")
    problem(api.beside(neighbour(world).workspace).post("/v1/receipts", {"event": yes}), 404, "not_found")


def test_what_is_owed_is_shown(api: Api, world: World) -> None:
    world.say(AMIRA, "JOIN")
    owed = api.get("/v1/outbox").json()["data"]
    assert sorted((row["kind"], row["state"]) for row in owed) == [("expiry", "queued"), ("prompt", "queued")]
    assert all(row["id"].startswith("out_") for row in owed)
