"""Connections of our own: they read every form of answer, are kept while they are good, and say what is known after."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sayso.channels import pipes
from sayso.channels.pipes import Pipes
from sayso.channels.relay import Carried, Relay
from sayso.errors import PermitExpired, ProviderError

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
Say = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def against(say: Say, ask: Callable[[str], Awaitable[Carried]]) -> tuple[Carried, list[bytes]]:
    """Ask a server that reads a request and says something; what came back, and the requests it read by connection."""
    read: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read.append(b"")
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                read[-1] += head + await reader.readexactly(length)
                await say(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        return await ask(f"http://127.0.0.1:{port}"), read
    finally:
        server.close()


def saying(*parts: bytes, close: bool = False) -> Say:
    async def say(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        if close:
            writer.close()

    return say


def carried(say: Say, *, times: int = 1, timeout_s: float = 5, limit: int = 1_000,
            before_write: Callable[[], None] | None = None) -> tuple[Carried, list[bytes]]:
    async def ask(url: str) -> Carried:
        client = Pipes(timeout_s)
        try:
            for _ in range(times):
                found = await client.carry("POST", f"{url}/v1.0/x?y=1", {"authorization": "Bearer t"}, b"body",
                                           before_write=before_write, limit=limit)
            return found
        finally:
            await client.close()

    return asyncio.run(against(say, ask))


@pytest.mark.parametrize(("parts", "body"), [
    ((OK,), b"{}"),
    ((OK[:30], OK[30:70], OK[70:]), b"{}"),
    ((b"HTTP/1.1 100 Continue\r\n\r\n", OK), b"{}"),
    ((b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[1", b"\r\n2\r\n,2\r\n1\r\n]\r\n0\r\n\r\n"), b"[1,2]"),
    ((b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",), b""),
])
def test_every_form_of_answer_is_read_whole(parts: tuple[bytes, ...], body: bytes) -> None:
    found, read = carried(saying(*parts))
    assert (found.status, found.body) == (200, body)
    assert read[0].startswith(b"POST /v1.0/x?y=1 HTTP/1.1\r\nhost: 127.0.0.1:")
    assert read[0].endswith(b"authorization: Bearer t\r\ncontent-length: 4\r\n\r\nbody")


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    found, _ = carried(saying(b"HTTP/1.1 404 Not Found\r\nretry-after: 7\r\n\r\nabc", close=True))
    assert (found.status, found.body, found.retry_after) == (404, b"abc", "7")


def test_a_good_connection_is_kept_and_a_closed_one_is_not_used_again() -> None:
    assert len(carried(saying(OK), times=3)[1]) == 1
    closing = OK.replace(b"content-type", b"connection: close\r\ncontent-type")
    assert len(carried(saying(closing), times=3)[1]) == 3


@pytest.mark.parametrize("parts", [
    (), (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}",), (b"nonsense\r\n\r\n",),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + b"x" * 5_000,),
    (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 5_000 + b"\r\n\r\n",)])
def test_what_breaks_after_the_write_may_have_been_sent(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(ProviderError) as broken:
        carried(saying(*parts, close=True))
    assert (broken.value.outcome, broken.value.retry) == ("possibly_sent", False)


def test_an_answer_that_does_not_come_may_have_been_sent() -> None:
    with pytest.raises(ProviderError) as late:
        carried(saying(), timeout_s=0.05)
    assert late.value.outcome == "possibly_sent"


def test_without_a_connection_nothing_was_sent() -> None:
    async def ask() -> None:
        await Pipes(1).carry("POST", "http://127.0.0.1:9/x", {}, b"")

    with pytest.raises(ProviderError) as refused:
        asyncio.run(ask())
    assert (refused.value.outcome, refused.value.retry) == ("not_sent", True)


def test_what_the_last_look_raises_goes_through_and_nothing_is_written() -> None:
    def too_late() -> None:
        raise PermitExpired

    read: list[bytes] = []

    async def ask(url: str) -> Carried:
        client = Pipes(5)
        try:
            with pytest.raises(PermitExpired):
                await client.carry("POST", f"{url}/first", {}, b"first", before_write=too_late)
            return await client.carry("POST", f"{url}/second", {}, b"second")
        finally:
            await client.close()

    _, read = asyncio.run(against(saying(OK), ask))
    assert len(read) == 1
    assert b"first" not in read[0]


@pytest.mark.parametrize(("url", "token"), [
    ("ftp://a/x", "t"), ("http:///x", "t"), ("http://a:b@c/x", "t"), ("http://a/x y", "t"), ("http://a:99999/x", "t"),
    ("http://a/x\r\nhost: b", "t"), ("http://127.0.0.1:9/x", "t\r\nx: y"), ("http://127.0.0.1:9/x", "\u2713")])
def test_a_malformed_url_or_token_is_told_without_repeating_it(url: str, token: str) -> None:
    async def ask() -> None:
        await Pipes(1).carry("POST", url, {"authorization": token}, b"")

    with pytest.raises(ProviderError) as wrong:
        asyncio.run(ask())
    assert "malformed" in str(wrong.value)
    assert token not in str(wrong.value) or token == "t"


def test_a_proxy_in_the_environment_is_noticed() -> None:
    assert pipes.proxied({"HTTPS_PROXY": "http://proxy.example"})
    assert not pipes.proxied({"HTTPS_PROXY": "", "PATH": "x"})


def test_the_general_client_says_the_same_of_a_broken_answer() -> None:
    async def ask(url: str) -> Carried:
        relay = Relay(5)
        try:
            with pytest.raises(ProviderError) as broken:
                await relay.carry("POST", f"{url}/x", {"authorization": "Bearer t"}, b"body")
            assert broken.value.outcome == "possibly_sent"
            return Carried(200, "", b"")
        finally:
            await relay.close()

    assert asyncio.run(against(saying(close=True), ask))[1][0].endswith(b"body")
