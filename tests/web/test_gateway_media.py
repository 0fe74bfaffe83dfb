"""Files that people sent, fetched through the gateway: by clients that know nothing of it, and by nobody else."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pywa

from sayso.web import gateway_media
from tests.stores import World, neighbour
from tests.web.gateway_desk import Gateway, gateway_of, graph_error
from tests.world import NUMBER_ID

MEDIA_ID = "137524587935346"
FILE = f"/v23.0/{MEDIA_ID}/file"
PICTURE = b"\x89PNG" + bytes(range(256)) * 4_000


@pytest.fixture
def gateway(lone_world: World) -> Iterator[Gateway]:
    with gateway_of(lone_world) as opened:
        opened.upstream.kind = "image/png"
        yield opened


def fetch(gateway: Gateway, url: str, key: str = "", method: str = "GET") -> httpx.Response:
    return httpx.request(method, url if url.startswith("http") else gateway.url + url, trust_env=False,
                         headers={"authorization": f"Bearer {key or gateway.key}"})


def about(gateway: Gateway, **edits: Any) -> tuple[int, Any]:
    """Meta's answer to a look-up."""
    return 200, {"id": MEDIA_ID, "mime_type": "image/png", "sha256": "00", "file_size": len(PICTURE),
                 "messaging_product": "whatsapp", "url": f"{gateway.upstream.url}/files/1?mid=7&hash=x", **edits}


def test_the_look_up_tells_an_address_of_this_server_and_the_file_is_there(gateway: Gateway) -> None:
    gateway.upstream.answers = [about(gateway), about(gateway), (200, PICTURE)]
    told = fetch(gateway, f"/v23.0/{MEDIA_ID}").json()
    assert told == about(gateway)[1] | {"url": gateway.url + FILE}
    file = fetch(gateway, told["url"])
    assert (file.status_code, file.content, file.headers["content-type"]) == (200, PICTURE, "image/png")
    assert file.headers["content-length"] == str(len(PICTURE))
    assert (file.headers["content-disposition"], file.headers["cache-control"]) == ("attachment", "no-store")
    assert [(got.method, got.path) for got in gateway.upstream.got] == [
        ("GET", f"/v23.0/{MEDIA_ID}"), ("GET", f"/v23.0/{MEDIA_ID}"), ("GET", "/files/1?mid=7&hash=x")]
    assert {got.headers["authorization"] for got in gateway.upstream.got} == {"Bearer t0ken"}


def test_pywa_downloads_with_nothing_changed_but_its_base_url(gateway: Gateway, tmp_path: Path) -> None:
    gateway.upstream.answers = [about(gateway), about(gateway), (200, PICTURE)] * 2
    with httpx.Client(trust_env=False) as session:
        whatsapp = pywa.WhatsApp(phone_id=NUMBER_ID, token=gateway.key, session=session, server=None)
        session.base_url = f"{gateway.url}/v26.0"
        found = whatsapp.get_media_url(MEDIA_ID)
        assert whatsapp.get_media_bytes(url=found.url) == PICTURE
        saved = whatsapp.download_media(url=whatsapp.get_media_url(MEDIA_ID).url, path=tmp_path)
    assert (saved.suffix, saved.read_bytes()) == (".png", PICTURE)


@pytest.mark.parametrize("url", [
    "http://127.0.0.1:1/files/1", "https://evil.example/files/1", "http://169.254.169.254/latest/meta-data",
    "https://lookaside.fbsbx.com.evil.example/x", "file:///etc/passwd", "", None, 7, ["x"]])
def test_the_token_goes_to_no_other_host(gateway: Gateway, url: Any) -> None:
    gateway.upstream.answers = [about(gateway, url=url)]
    graph_error(fetch(gateway, FILE), 400, 131052)
    assert len(gateway.upstream.got) == 1


@pytest.mark.parametrize(("address", "may"), [
    ("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&ext=2&hash=AT-x_y", True),
    ("https://graph.example:8443/x", True), ("https://graph.example/x", False), ("http://graph.example:8443/x", False),
    ("http://lookaside.fbsbx.com/x", False), ("https://lookaside.fbsbx.com:444/x", False),
    ("https://lookaside.fbsbx.com", False), ("https://lookaside.fbsbx.com@evil.example/", False),
    ("https://evil.example\\@lookaside.fbsbx.com/", False), ("https://lookaside.fbsbx.com/\\@evil.example", False),
    ("https://user@lookaside.fbsbx.com/", False), ("//lookaside.fbsbx.com/x", False),
    ("https://lookaside.fbsbx.com/a b", False), ("https://lookaside.fbsbx.com/a\r\nx: y", False),
    ("https://lookaside.fbsbx.com/\u00e9", False), ("https://lookaside.fbsbx.com/" + "a" * 3_000, False)])
def test_which_addresses_are_metas(address: str, may: bool) -> None:
    assert gateway_media.is_metas(address, "https://graph.example:8443/prefix") is may


def test_a_redirect_is_not_followed(gateway: Gateway) -> None:
    gateway.upstream.extra = {"Location": f"{gateway.upstream.url}/files/2"}
    gateway.upstream.answers = [about(gateway), (302, b"")]
    graph_error(fetch(gateway, FILE), 400, 131052)
    assert len(gateway.upstream.got) == 2


def test_a_file_that_breaks_off_never_looks_whole(gateway: Gateway) -> None:
    gateway.upstream.answers = [about(gateway), (200, PICTURE)]
    gateway.upstream.cut = 10
    with pytest.raises(httpx.RemoteProtocolError):
        fetch(gateway, FILE)


def test_a_file_that_is_too_large_is_refused_announced_or_not(gateway: Gateway,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_media, "MAX_FILE", len(PICTURE) - 1)
    gateway.upstream.answers = [about(gateway), (200, PICTURE)]
    graph_error(fetch(gateway, FILE), 413, 100, "body_too_large")
    gateway.upstream.answers = [(200, gzip.compress(json.dumps(about(gateway)[1]).encode())),
                                (200, gzip.compress(PICTURE))]
    gateway.upstream.extra = {"Content-Encoding": "gzip"}
    with pytest.raises(httpx.RemoteProtocolError):
        fetch(gateway, FILE)


def test_every_place_is_free_again_whatever_became_of_the_files(gateway: Gateway) -> None:
    for answers in ([about(gateway), (200, PICTURE)], [about(gateway), (404, b"gone")], [about(gateway), None]) * 12:
        gateway.upstream.answers = list(answers)
        assert fetch(gateway, FILE).status_code in (200, 400, 503)
        gateway.upstream.answers = [about(gateway), (200, PICTURE)]
        assert fetch(gateway, FILE, method="HEAD").status_code == 200
    gateway.upstream.answers = [about(gateway), (200, PICTURE)]
    assert fetch(gateway, FILE).content == PICTURE


def test_a_file_is_not_for_a_test_key_another_business_or_nobody(gateway: Gateway) -> None:
    graph_error(fetch(gateway, FILE, gateway.make_key("send", mode="test")), 403, 10)
    graph_error(fetch(gateway, FILE, gateway.make_key("check")), 403, 10)
    graph_error(httpx.get(gateway.url + FILE, trust_env=False), 401, 190)
    other = fetch(gateway, FILE, gateway.make_key("send", world=neighbour(gateway.world)))
    assert other.status_code in (400, 503)  # their connection has no token here
    assert gateway.upstream.got == []


@pytest.mark.parametrize("path", [
    "/v23.0/me/file", f"/v23.0/{MEDIA_ID}/file?url=https://evil.example", f"{FILE}?access_token=x",
    f"{FILE}?phone_number_id=1066666666666", f"{FILE}?phone_number_id={NUMBER_ID}&a=b", f"/v23.0/{MEDIA_ID}x/file"])
def test_a_caller_says_an_id_and_a_number_of_theirs_and_nothing_else(gateway: Gateway, path: str) -> None:
    assert fetch(gateway, path).status_code == 400
    assert gateway.upstream.got == []


def test_what_is_no_file_tells_nothing(gateway: Gateway) -> None:
    gateway.upstream.answers = [(200, {"id": "555555", "name": "Some other business", "url": "https://x.example"})]
    answer = fetch(gateway, "/v23.0/555555/file")
    graph_error(answer, 400, 100, "not_found")
    assert "other business" not in answer.text


def test_a_look_up_that_breaks_may_be_tried_again(gateway: Gateway) -> None:
    gateway.upstream.answers = [None]
    graph_error(fetch(gateway, FILE), 503, 133004)


def test_metas_own_error_comes_back_as_it_is(gateway: Gateway) -> None:
    gateway.upstream.answers = [(400, {"error": {"code": 100, "message": "(#100) gone"}})]
    assert fetch(gateway, FILE).json()["error"]["message"] == "(#100) gone"


def test_with_several_connections_the_number_says_whose_file_it_is(gateway: Gateway) -> None:
    gateway.upstream.answers = [about(gateway)]
    told = fetch(gateway, f"/v23.0/{MEDIA_ID}?phone_number_id={NUMBER_ID}").json()
    assert told["url"] == f"{gateway.url}{FILE}?phone_number_id={NUMBER_ID}"
    gateway.upstream.answers = [about(gateway), (200, PICTURE)]
    assert fetch(gateway, told["url"]).content == PICTURE
    assert gateway.upstream.got[1].path == f"/v23.0/{MEDIA_ID}?phone_number_id={NUMBER_ID}"
