"""Who looks at a page: their network, their languages, what their browser says of their privacy, where a form came
from. Nothing here is believed that a stranger could have written, except what only concerns themselves.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final, Literal
from urllib.parse import urlsplit

from sayso.settings.environment import Network
from sayso.web.call import Call

#: Longest header of these looked at, bytes; real ones have a tenth of it.
MAX_HEADER: Final = 2_048
#: Most hops of proxies looked through.
MAX_HOPS: Final = 20
#: Languages of a browser that are looked at.
MAX_LANGUAGES: Final = 20
#: Languages written from right to left (Unicode CLDR, character orientation).
RIGHT_TO_LEFT: Final = frozenset({"ar", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"})


def address(call: Call) -> str:
    """The visitor's IP address as text, empty if there is none. What `X-Forwarded-For` says counts only as far as our
    own proxies wrote it: from the right, the first address that is not one of theirs.
    """
    peer = call.scope.get("client")
    nearest = str(peer[0]) if peer else ""
    if not _is_ours(nearest, call.desk.proxies):
        return nearest
    hops = [hop for value in _all(call, b"x-forwarded-for") for hop in value.split(",")]
    for hop in reversed(hops[-MAX_HOPS:]):
        plain = _without_port(hop.strip())
        if not plain:
            return nearest  # nonsense: nobody further away is known
        nearest = plain
        if not _is_ours(plain, call.desk.proxies):
            break
    return nearest


def objects_to_sharing(call: Call) -> bool:
    """Global Privacy Control: exactly `Sec-GPC: 1` (GPC specification, section 3)."""
    return call.header(b"sec-gpc").strip() == b"1"


def agent(call: Call) -> str:
    """What the browser calls itself."""
    return call.header(b"user-agent")[:MAX_HEADER].decode("latin-1")


def languages(call: Call) -> list[str]:
    """What the browser wants, best first (RFC 9110 section 12.5.4)."""
    wanted: list[tuple[float, int, str]] = []
    for part in call.header(b"accept-language")[:MAX_HEADER].decode("latin-1").split(",")[:MAX_LANGUAGES]:
        tag, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            quality = 0.0
        if tag.strip() and 0 < quality <= 1:
            wanted.append((-quality, len(wanted), tag.strip()))
    return [tag for *_, tag in sorted(wanted)]


def best_language(wanted: Iterable[str], written: Sequence[str], fallback: str) -> str:
    """The first language wanted that is written, exactly or by its base; `pt` takes `pt-BR` and the other way round."""
    for tag in wanted:
        base = tag.lower().partition("-")[0]
        exact = [one for one in written if one.lower() == tag.lower()]
        near = [one for one in written if one.lower().partition("-")[0] == base]
        if exact or near:
            return (exact or near)[0]
    return fallback if fallback in written else written[0]


def direction(lang: str) -> Literal["ltr", "rtl"]:
    """`rtl` or `ltr`."""
    return "rtl" if lang.lower().partition("-")[0] in RIGHT_TO_LEFT else "ltr"


def came_from_our_page(call: Call) -> bool:
    """False for a form that another website sent through its visitor's browser.

    Browsers say so themselves (Fetch Metadata, `Sec-Fetch-Site`), if the page came by https; all others by `Origin`,
    which a page's own form shows because our pages have the referrer policy `same-origin` (with `no-referrer` it would
    be `null`). What is neither is no browser.
    """
    site = call.header(b"sec-fetch-site")
    if site:
        return site in (b"same-origin", b"none")
    origin = call.header(b"origin").decode("latin-1")
    return not origin or origin == own_origin(call)


def own_origin(call: Call) -> str:
    """The name browsers have for this server."""
    if call.desk.public_url:
        parts = urlsplit(call.desk.public_url)
        return f"{parts.scheme}://{parts.netloc}"
    return f"{call.scope.get('scheme', 'http')}://{call.header(b'host').decode('latin-1')}"


def _all(call: Call, name: bytes) -> list[str]:
    return [value[-MAX_HEADER:].decode("latin-1") for key, value in call.headers if key == name]


def _is_ours(text: str, proxies: Sequence[Network]) -> bool:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(found.version == network.version and found in network for network in proxies)


def _without_port(hop: str) -> str:
    """An address of `X-Forwarded-For`, which some proxies write with a port; empty if it is none."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        return str(ipaddress.ip_address(hop))
    except ValueError:
        return ""
