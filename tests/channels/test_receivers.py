"""Calling receivers: to addresses that were looked at, with one deadline, following nothing and trusting nothing."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sayso.channels.receivers import MAX_ANSWER, Receivers
from sayso.core.workspace import Secret, Webhook
from tests.receiver import HERE, Receiver, listening

HEADERS = {"webhook-id": "evt_1", "content-type": "application/json"}


def webhook(url: str, *, allowed: list[str] | None = None) -> Webhook:
    return Webhook("crm", url, Secret(env="X"), allow_private=tuple(HERE if allowed is None else allowed))


@contextmanager
def calling(**more: object) -> Iterator[Receivers]:
    receivers = Receivers(**more)  # type: ignore[arg-type]
    try:
        yield receivers
    finally:
        receivers.close()


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A socket that answers bytes, not HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve() -> None:
            try:
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(65_536)
                        answer(connection)
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


def test_a_delivery_arrives_with_its_headers_and_the_name_as_host(receiver: Receiver) -> None:
    with calling() as receivers:
        for _ in range(3):
            reply = receivers.post(webhook(f"http://localhost:{receiver.port}/hook?a=b"), HEADERS, b"{}")
            assert (reply.status, reply.problem) == (204, "")
    assert receiver.got[0].headers["host"] == f"localhost:{receiver.port}"
    assert (receiver.got[0].headers["webhook-id"], receiver.got[0].body) == ("evt_1", b"{}")


def test_a_name_that_leads_inside_is_refused_even_if_one_of_its_addresses_is_public(receiver: Receiver) -> None:
    for found in (["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:169.254.169.254"], ["64:ff9b::7f00:1"],
                  ["8.8.8.8"] * 3 + ["fe80::1"]):
        with calling(resolve=lambda host, port, found=found: found) as receivers:
            url = f"https://receiver.example:{receiver.port}/"
            assert receivers.post(webhook(url, allowed=[]), HEADERS, b"{}").problem == "refused_address"
    assert receiver.got == []


def test_a_name_that_changes_its_mind_is_asked_once_and_connected_to_what_was_looked_at(receiver: Receiver) -> None:
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with calling(resolve=rebinding) as receivers:
        here = webhook(f"http://rebind.example:{receiver.port}/", allowed=["127.0.0.0/8"])
        assert receivers.post(here, HEADERS, b"{}").status == 204
        assert receivers.post(here, HEADERS, b"{}").status == 204  # the connection that was looked at is still there
        assert asked == ["rebind.example"]
        other = webhook(f"http://rebind.example:{receiver.port}/other", allowed=["127.0.0.0/8"])
        assert receivers.post(other, HEADERS, b"{}").problem == "refused_address"


def test_without_tls_only_this_machine_is_called() -> None:
    with calling(resolve=lambda host, port: ["10.0.0.1"]) as receivers:
        assert receivers.post(webhook("http://localhost:1/", allowed=["10.0.0.0/8"]), HEADERS, b"").problem == \
            "refused_address"


def test_connections_of_one_declaration_are_not_lent_to_another(receiver: Receiver) -> None:
    with calling() as receivers:
        assert receivers.post(webhook(receiver.url), HEADERS, b"{}").status == 204
        assert receivers.post(webhook(receiver.url, allowed=[]), HEADERS, b"{}").problem == "refused_address"


@pytest.mark.parametrize(("failure", "problem"), [(socket.gaierror(), "unresolved"), (UnicodeError(), "unresolved")])
def test_a_name_without_an_address_is_a_failure(failure: Exception, problem: str) -> None:
    def fails(host: str, port: int) -> list[str]:
        raise failure

    with calling(resolve=fails) as receivers:
        assert receivers.post(webhook("https://nowhere.example/"), HEADERS, b"").problem == problem
    with calling(resolve=lambda host, port: []) as receivers:
        assert receivers.post(webhook("https://nowhere.example/"), HEADERS, b"").problem == "unresolved"


def test_a_resolver_that_hangs_and_a_port_nobody_listens_on_end_in_time() -> None:
    over = threading.Event()

    def hangs(host: str, port: int) -> list[str]:
        over.wait(20)
        return []

    with calling(resolve=hangs, timeout_s=0.05) as receivers:
        assert receivers.post(webhook("https://slow.example/"), HEADERS, b"").problem == "timeout"
    over.set()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with calling() as receivers:
            reply = receivers.post(webhook(f"http://127.0.0.1:{probe.getsockname()[1]}/"), HEADERS, b"")
            assert reply.problem == "connect_failed"


def test_an_answer_that_drips_ends_at_the_deadline() -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        try:
            for byte in b"HTTP/1.1 200 OK\r\nx: " + b"y" * 1_000:
                connection.sendall(bytes([byte]))
                if over.wait(0.02):
                    return
        except OSError:
            return

    with raw_server(drip) as port, calling(timeout_s=0.3) as receivers:
        began = time.monotonic()
        assert receivers.post(webhook(f"http://127.0.0.1:{port}/"), HEADERS, b"").problem == "timeout"
        assert time.monotonic() - began < 15
        over.set()


def test_of_a_long_answer_no_more_than_its_limit_is_read() -> None:
    sent = []

    def pour(connection: socket.socket) -> None:
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
            while True:
                sent.append(connection.send(b"x" * 65_536))
        except OSError:
            return

    with raw_server(pour) as port, calling() as receivers:
        assert receivers.post(webhook(f"http://127.0.0.1:{port}/"), HEADERS, b"").status == 200
    assert sum(sent) < 200 * MAX_ANSWER


@pytest.mark.parametrize("answer", [b"", b"SMTP ready\r\n", b"HTTP/1.1 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nbad\r\n\r\n",
                                    b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"])
def test_what_is_no_answer_is_a_broken_connection(answer: bytes) -> None:
    with raw_server(lambda connection: connection.sendall(answer)) as port, calling() as receivers:
        assert receivers.post(webhook(f"http://127.0.0.1:{port}/"), HEADERS, b"").problem == "broken_connection"


@pytest.mark.parametrize(("said", "meant"), [
    ("120", 120), ("0", 0), ("999999999", 24 * 3600), ("soon", None), ("-5", None), ("", None),
    ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Wed, 21 Oct 2099 07:28:00 GMT", 24 * 3600), ("1" * 30, None),
])
def test_retry_after_is_read_as_seconds_or_a_date_and_has_a_limit(receiver: Receiver, said: str,
                                                                   meant: int | None) -> None:
    receiver.answer = lambda _: (429, {"retry-after": said})
    with calling() as receivers:
        reply = receivers.post(webhook(receiver.url), HEADERS, b"{}")
    assert (reply.status, reply.retry_after_s) == (429, meant)


def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with calling() as receivers:
        assert receivers.post(webhook(receiver.url), HEADERS, b"{}").status == 204


# -- TLS ---------------------------------------------------------------------------------------------------------------


@contextmanager
def secured(folder: Path, name: str) -> Iterator[tuple[int, ssl.SSLContext, list[str | None]]]:
    """A TLS server whose certificate is for this name: its port, a context that trusts it, the names asked for."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate, secret = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption()))
    theirs, asked = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), list[str | None]()
    theirs.load_cert_chain(certificate, secret)
    theirs.sni_callback = lambda _socket, server, _context: asked.append(server)
    ours = ssl.create_default_context(cafile=str(certificate))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                try:
                    with theirs.wrap_socket(connection, server_side=True) as safe:
                        got = b""
                        while not got.endswith(b"{}") and (part := safe.recv(65_536)):
                            got += part
                        safe.sendall(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
                except OSError:
                    continue
                finally:
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield int(listener.getsockname()[1]), ours, asked
        listener.shutdown(socket.SHUT_RDWR)


def test_tls_and_its_certificate_are_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    with secured(tmp_path, "receiver.example") as (port, context, asked):
        with calling(resolve=lambda host, port: ["127.0.0.1"], context=context) as receivers:
            assert receivers.post(webhook(f"https://receiver.example:{port}/"), HEADERS, b"{}").status == 204
            assert asked == ["receiver.example"]
            assert receivers.post(webhook(f"https://other.example:{port}/"), HEADERS, b"{}").problem == "tls_failed"
        with calling(resolve=lambda host, port: ["127.0.0.1"]) as receivers:
            assert receivers.post(webhook(f"https://receiver.example:{port}/"), HEADERS, b"{}").problem == "tls_failed"


def test_the_suite_itself_calls_only_this_machine() -> None:
    assert all(ipaddress.ip_network(network).is_loopback for network in HERE)
