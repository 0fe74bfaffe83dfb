"""Webhooks out, as declared: an address that can be called safely, types that there are, networks that are meant."""

from __future__ import annotations

import ipaddress
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from sayso.core import egress
from sayso.core.cloud_events import CHOICES
from sayso.core.workspace import Secret, Webhook
from sayso.settings.sites import MAX_URL
from sayso.settings.tables import meant, wrong

T = TypeVar("T")

#: Ports a receiver may listen on without being declared.
PORTS: Final = (443, 8443)
#: Networks and ports of one webhook.
MAX_LISTED: Final = 20


def webhook(item: Webhook, where: str) -> Webhook:
    """Checked. Raises ConfigError."""
    if item.secret == Secret():
        raise wrong(f"{where}.secret", 'is missing: add secret = { file = "..." }; `sayso webhook secret` prints one.')
    for network in _listed(item.allow_private, f"{where}.allow_private"):
        _network(network, f"{where}.allow_private")
    for port in _listed(item.ports, f"{where}.ports"):
        if not 1 <= port <= 65_535:
            raise wrong(f"{where}.ports", "must hold ports, 1 to 65535.")
    for name in item.types:
        if name not in CHOICES:
            raise wrong(f"{where}.types", f"holds '{name[:60]}', which is no type{meant(name, CHOICES)}")
    _url(item, f"{where}.url")
    return item


def _listed(values: tuple[T, ...], where: str) -> tuple[T, ...]:
    if len(values) > MAX_LISTED:
        raise wrong(where, f"must list at most {MAX_LISTED}.")
    return values


def _network(text: str, where: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise wrong(where, 'must hold networks, such as ["10.0.0.0/8"].') from None


def _url(item: Webhook, where: str) -> None:
    try:
        parts = urlsplit(item.url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise wrong(where, "is no web address.") from None
    if len(item.url) > MAX_URL or not host or any(ord(char) <= 32 or ord(char) > 126 for char in item.url):
        raise wrong(where, "must be a web address that begins with https://, in ASCII.")
    if parts.username or parts.password or parts.fragment:
        raise wrong(where, "must hold no name, no password and no #: a delivery is signed, and that is enough.")
    if parts.scheme == "http":
        _plain(item, host, where)
    elif parts.scheme != "https":
        raise wrong(where, "must begin with https://.")
    elif (port or 443) not in (*PORTS, *item.ports):
        raise wrong(where, f"has port {port}; declare it in ports, or use 443 or 8443.")
    _literal(item, parts, where)


def _plain(item: Webhook, host: str, where: str) -> None:
    """Without TLS only to this machine, and only where that is meant."""
    if host != "localhost" and not egress.loopback(host):
        raise wrong(where, "must begin with https://; http:// is for a receiver on this machine.")
    if not item.allow_private:
        raise wrong(where, 'is on this machine: say that it is meant with allow_private = ["127.0.0.0/8", "::1/128"].')


def _literal(item: Webhook, parts: SplitResult, where: str) -> None:
    """An address written out can be judged now; a name is judged whenever it is resolved."""
    try:
        ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return
    if egress.refused(parts.hostname or "", item.allow_private):
        raise wrong(where, "is no public address; declare its network in allow_private if it is meant.")
