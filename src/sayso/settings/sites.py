"""Web addresses that a business declares: its privacy policy, and the websites that may embed the widget."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from sayso.core.workspace import Entry
from sayso.settings.tables import wrong

#: Characters of a web address; browsers and servers take 2,000 everywhere.
MAX_URL: Final = 2_000
#: Websites of one entry point.
MAX_ORIGINS: Final = 50


def https(url: str, where: str) -> None:
    """A web address that people are sent to, or empty. Raises ConfigError unless it begins with https://."""
    try:
        fine = urlsplit(url).scheme == "https" and bool(urlsplit(url).hostname)
    except ValueError:
        fine = False
    if url and (not fine or any(char.isspace() for char in url) or len(url) > MAX_URL):
        raise wrong(where, "must be a web address that begins with https://.")


def entry(item: Entry, where: str) -> None:
    """The websites of a page's widget. Raises ConfigError."""
    if item.origins and item.kind != "page":
        raise wrong(f"{where}.origins", f"is for the kind 'page'; this entry point is of kind '{item.kind}'.")
    if len(item.origins) > MAX_ORIGINS:
        raise wrong(f"{where}.origins", f"must list at most {MAX_ORIGINS} websites.")
    for site in item.origins:
        if not _is_origin(site):
            raise wrong(f"{where}.origins", "must hold websites as browsers name them, such as https://shop.example.")


def _is_origin(site: str) -> bool:
    """As browsers write it (RFC 6454 section 6.2): scheme, host and perhaps port; plain http on this machine only."""
    try:
        parts = urlsplit(site)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    plain = site == f"{parts.scheme}://{parts.netloc}".lower() and host and "@" not in site and len(site) <= MAX_URL
    return bool(plain) and (parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(host)))


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
