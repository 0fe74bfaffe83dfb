"""What every test can rely on: no settings from outside, no network beyond this machine, repeatable examples.

Shared fixtures live in plugin modules beside this file, one subject each; name them in `pytest_plugins`.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest

pytest_plugins = ["tests.postgres", "tests.stores"]

# Settings for the suite itself. All else that starts with SAYSO_ belongs to somebody's real installation.
KEPT_PREFIX = "SAYSO_TEST_"

# A deadline measures the machine, not the code. CI tries the same examples every time, a developer new ones.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_configure() -> None:
    """Forget the machine's own Sayso settings before any fixture can read them."""
    for name in list(os.environ):
        if name.startswith("SAYSO_") and not name.startswith(KEPT_PREFIX):
            del os.environ[name]


def is_this_machine(host: object) -> bool:
    """True for names and addresses that cannot leave this machine; None and "" mean a listening socket."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def is_allowed(address: object) -> bool:
    """True where `address` is a Unix socket path, or a (host, port, ...) on this machine."""
    if isinstance(address, str | bytes):
        return True
    return isinstance(address, tuple) and bool(address) and is_this_machine(address[0])


def guarded(real: Callable[..., Any], wanted: Callable[..., object]) -> Callable[..., Any]:
    """The socket function `real`, failing the test where `wanted` picks an address outside this machine."""

    def call(*arguments: Any, **named: Any) -> Any:
        address = wanted(*arguments, **named)
        if not is_allowed(address):
            # Not an Exception: no `except OSError` in the code under test may swallow it.
            pytest.fail(f"A test reached for the network: {address!r}. Tests talk to this machine only.")
        return real(*arguments, **named)

    return call


def second(_self: object, address: object, *_rest: object) -> object:
    """The address given to a method of a socket."""
    return address


def host_and_port(host: object, port: object = 0, *_rest: object, **_named: object) -> object:
    """The address given to getaddrinfo."""
    return (host, port)


def last(_self: object, *arguments: object) -> object:
    """The address given to sendto(data[, flags], address)."""
    return arguments[-1]


@pytest.fixture(scope="session", autouse=True)
def no_outside_network() -> Iterator[None]:
    """Sockets of this process reach this machine only, in tests and in fixtures of the whole session."""
    with pytest.MonkeyPatch.context() as patch:
        for name, wanted in (("connect", second), ("connect_ex", second), ("sendto", last)):
            patch.setattr(socket.socket, name, guarded(getattr(socket.socket, name), wanted))
        patch.setattr(socket, "getaddrinfo", guarded(socket.getaddrinfo, host_and_port))
        yield
