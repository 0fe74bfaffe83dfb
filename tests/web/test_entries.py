"""Entry points and open questions over HTTP, on both databases."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import zxingcpp

from sayso.channels import qr
from sayso.flows import opt_in
from tests.cast import AMIRA, BRUNO, CHEN
from tests.stores import CODE, World, declaration, neighbour, settle_in
from tests.web.desk import Api, contents, problem

DAY = 86_400


def ask(world: World) -> str:
    return world.store.write(lambda tx: opt_in.ask(tx, world.kit, world.workspace, CHEN.address,
                                                   world.workspace.entry("website"), evidence={"page": "x"})).request


def test_entry_points_are_listed_with_their_links(lone_api: Api) -> None:
    found = {entry["name"]: entry for entry in lone_api.get("/v1/entries").json()["data"]}
    assert found["poster"]["code"] == CODE
    assert found["poster"]["link"] == f"https://wa.me/447700900100?text=Hi%20Acme%20%5B{CODE}%5D"
    assert (found["join"]["keywords"], found["join"]["word"]) == (["JOIN"], "JOIN")
    assert (found["website"]["link"], found["website"]["placements"]) == ("", [])


def test_a_placement_is_made_once_and_its_code_can_be_drawn(api: Api) -> None:
    made = api.post("/v1/entries/poster/placements", {"placement": "counter"})
    assert made.status_code == 200
    assert api.post("/v1/entries/poster/placements", {"placement": "counter"}).json() == made.json()
    [placed] = next(entry for entry in api.get("/v1/entries").json()["data"] if entry["name"] == "poster")["placements"]
    assert placed == made.json()
    image = api.get("/v1/entries/poster/qr", params={"format": "png", "placement": "counter", "scale": 4})
    assert image.headers["content-type"] == "image/png"
    rows = qr.read_png(image.content)
    grey = b"".join(row.translate(bytes.maketrans(b"\0\1", b"\xff\0")) for row in rows)
    [found] = zxingcpp.read_barcodes(memoryview(grey).cast("B", (len(rows), len(rows[0]))))
    assert found.text == made.json()["link"]


def test_the_image_is_svg_by_default_and_may_run_nothing(lone_api: Api) -> None:
    image = lone_api.get("/v1/entries/poster/qr")
    assert image.headers["content-type"] == "image/svg+xml; charset=utf-8"
    assert image.headers["content-security-policy"] == "default-src 'none'"
    assert ET.fromstring(image.text).tag == "{http://www.w3.org/2000/svg}svg"


def test_looking_at_a_code_makes_no_placement(lone_api: Api, lone_world: World) -> None:
    before = contents(lone_world.store)
    problem(lone_api.get("/v1/entries/poster/qr", params={"placement": "counter"}), 404, "not_found")
    assert contents(lone_world.store) == before


def test_what_is_not_there_or_cannot_be_printed_is_told(lone_api: Api) -> None:
    for path in ("/v1/entries/nothing/stats", "/v1/entries/nothing/qr"):
        problem(lone_api.get(path), 404, "not_found")
    assert problem(lone_api.get("/v1/entries/website/qr"), 422, "invalid_request")["param"] == "entry"
    for query in ({"format": "gif"}, {"scale": "1"}, {"scale": "41"}, {"placement": "No!"}):
        problem(lone_api.get("/v1/entries/poster/qr", params=query), 422, "invalid_request")
    problem(lone_api.post("/v1/entries/website/placements", {"placement": "x"}), 422, "invalid_request")
    problem(lone_api.post("/v1/entries/poster/placements", {"placement": "No!"}), 422, "invalid_request")
    problem(lone_api.get("/v1/entries/join/stats", params={"days": "367"}), 422, "invalid_request")


def test_a_page_without_a_public_address_has_no_link_yet(lone_api: Api, lone_world: World) -> None:
    whole = declaration()
    whole["entry_points"]["web"] = {"kind": "page", "notice": "join", "sender": "shop"}
    settle_in(lone_world.system, whole)
    lone_world.clock.go(3)
    [page] = [entry for entry in lone_api.get("/v1/entries").json()["data"] if entry["name"] == "web"]
    assert (page["link"], page["placements"]) == ("", [])
    problem(lone_api.get("/v1/entries/web/qr"), 503, "not_configured")
    assert lone_api.get("/v1/entries/web/qr", params={"chat": "true"}).status_code == 200


def test_statistics_are_the_flows_own(api: Api, world: World) -> None:
    world.join(AMIRA)
    found = api.get("/v1/entries/join/stats", params={"days": 2}).json()
    assert found["totals"] == {"begun": 1, "asked": 1, "confirmed": 1, "declined": 0, "expired": 0, "undeliverable": 0}
    assert [day["begun"] for day in found["days"]] == [0, 1]
    assert found["placements"][0]["how"] == "keyword"


def test_open_questions_are_paged_and_show_no_number(api: Api, world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.say(BRUNO, "JOIN")
    world.clock.go(1)
    ask(world)
    whole = api.get("/v1/pending").json()
    assert [item["entry"] for item in whole["data"]] == ["website", "join", "join"]
    assert (whole["has_more"], whole["next_cursor"]) == (False, "")
    first = api.get("/v1/pending", params={"limit": 2}).json()
    rest = api.get("/v1/pending", params={"limit": 2, "after": first["next_cursor"]}).json()
    assert first["data"] + rest["data"] == whole["data"]
    for who in (AMIRA, BRUNO, CHEN):
        assert who.phone.lstrip("+") not in str(whole)


def test_a_question_is_asked_again_a_day_later(api: Api, world: World) -> None:
    request = ask(world)
    world.work()
    problem(api.post(f"/v1/pending/{request}/resend"), 409, "not_asked_again")
    world.clock.go(DAY)
    told = api.post(f"/v1/pending/{request}/resend")
    assert (told.status_code, told.json()) == (202, {"state": "asked_again"})
    assert len(world.work()) == 1
    problem(api.post(f"/v1/pending/{request}/resend"), 409, "not_asked_again")


def test_a_test_key_and_the_neighbour_ask_nobody_again(lone_api: Api, lone_world: World) -> None:
    world = lone_world
    world.say(AMIRA, "JOIN", addresses=AMIRA.addresses[1:])  # known by a user id alone
    for _ in range(2):  # the question, and its one reminder
        world.work()
        world.clock.go(DAY)
    [item] = lone_api.get("/v1/pending").json()["data"]
    path = f"/v1/pending/{item['request']}/resend"
    key = lone_api.make_key("consent", mode="test")
    problem(lone_api.run(lone_api.send("POST", path, key=key)), 403, "forbidden")
    problem(lone_api.beside(neighbour(world).workspace).post(path), 404, "not_found")
    assert [letter for letter in world.work() if letter.asks] == []
