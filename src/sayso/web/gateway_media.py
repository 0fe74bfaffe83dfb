"""Files that people sent: described by Meta, and fetched with the token that only Sayso has.

Meta describes a file by an absolute address that wants Meta's token. Clients fetch whatever address they are told, with
the token they have, which is a Sayso key here: so they are told an address of this server instead.

Rules of the room: an address to fetch from comes out of Meta's own answer, in the same request, and never from a
caller; the token goes to Meta's host for files and to the connection's base URL, nowhere else; no redirect is
followed. A file is handed on as it comes and is kept nowhere.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec

from sayso.channels.graph_body import Refused
from sayso.channels.relay import Carried, Opened
from sayso.core.workspace import Sender, Workspace
from sayso.errors import BodyTooLarge, NotFound, ProviderError, Unavailable
from sayso.web.call import Answer, Call, Header
from sayso.web.gateway import graph_url, sender_of
from sayso.web.gateway_wire import PLAIN, Wire, handed_back

#: Meta, media: a document has up to 100 MB.
MAX_FILE: Final = 101 * 1024 * 1024
#: Meta, media: where files are. The whole origin and its slash, so that no other host can begin like this.
META_FILES: Final = "https://lookaside.fbsbx.com/"
#: Longest address, and what it is made of: no space, no backslash, no control character.
_ADDRESS: Final = re.compile(r"[!-\[\]-~]{1,2048}\Z")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z")
_NODE: Final = re.compile(r"[0-9]{5,20}\Z")
_KIND: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}(?:; ?[A-Za-z0-9=._+-]{1,100})?\Z")
#: Meta's code for a file that cannot be had.
NO_FILE: Final = 131052
_HEADERS: Final[tuple[Header, ...]] = (
    (b"content-disposition", b"attachment"), (b"content-security-policy", b"default-src 'none'; sandbox"))


async def download(call: Call) -> Answer:
    """The bytes of a file, by its id."""
    known = call.known()
    known.check_live()
    node, named = call.params["media_id"], _named(call)
    if not _NODE.match(node):
        raise NotFound("There is no such file, or this key may not see it.")
    account = call.desk.system.account(known.workspace, reader_of(known.workspace, named))
    headers, query = PLAIN | {"authorization": f"Bearer {account.token}"}, _query(named)
    try:
        found = await call.desk.wire.relay.carry("GET", graph_url(call, account, node) + query, headers)
    except ProviderError as error:  # what may have been sent is a question only
        raise ProviderError("Meta cannot be reached; try again in a moment.", retry=True) from error
    if found.status != 200:
        return handed_back(found)
    address = _address(found.json(), account.base_url)
    return await _fetched(call.desk.wire, address, headers)


async def _fetched(wire: Wire, address: str, headers: dict[str, str]) -> Answer:
    if wire.files.locked():
        raise Unavailable("As many files as go at a time are under way; try again in a moment.")
    await wire.files.acquire()
    try:
        opened = await wire.relay.open(address, headers, limit=MAX_FILE)
    except BaseException:
        wire.files.release()
        raise
    file = File(opened, wire)
    if opened.status == 200 and (opened.length or 0) <= MAX_FILE:
        kind = opened.media if _KIND.match(opened.media) else "application/octet-stream"
        return Answer(200, b"", kind.encode(), _HEADERS, stream=file)
    await file.close()
    if opened.status == 200:
        raise BodyTooLarge(f"A file has at most {MAX_FILE} bytes.")
    raise Refused(f"Meta does not hand this file over; its server answered {opened.status}.", NO_FILE)


class File:
    """A file on its way, and the place it takes among those under way. Close it whatever happens."""

    def __init__(self, opened: Opened, wire: Wire) -> None:
        self._opened, self._wire = opened, wire
        self.length = opened.length

    def parts(self) -> AsyncIterator[bytes]:
        """Its bytes as they come. Raises ProviderError when they end too early, or do not end."""
        return self._opened.parts()

    async def close(self) -> None:
        """Let go of the connection and of the place. Once."""
        self._wire.files.release()
        await self._opened.close()


# -- who and where -----------------------------------------------------------------------------------------------------


def reader_of(workspace: Workspace, named: str) -> Sender:
    """The sender whose token reads a file: the one named, or any where there is one connection to Meta. Raises
    NotFound.
    """
    if named:
        return sender_of(workspace, named)[1]
    metas = [name for name, item in workspace.connections.items() if item.provider == "meta"]
    if len(metas) > 1:
        raise NotFound("There are several connections to Meta: say whose file it is, with ?phone_number_id=.")
    for sender in workspace.senders.values():
        if sender.connection in metas:
            return sender
    raise NotFound("There is no such object, or this key may not see it.")


def described(call: Call, carried: Carried, node: str, named: str) -> Answer:
    """What Meta says of a file, with an address on this server in place of Meta's. Anything else tells nothing: an id
    nobody declared could be of anything the token may see.
    """
    if carried.status != 200:
        return handed_back(carried)
    found = carried.json()
    if "mime_type" not in found:
        raise NotFound("There is no such file, or this key may not see it.")
    if "url" not in found:
        return handed_back(carried)
    path = f"/{call.params['version']}/{node}/file{_query(named)}"
    told = Carried(200, carried.media, msgspec.json.encode(found | {"url": _here(call) + path}), carried.headers)
    return handed_back(told)


def _here(call: Call) -> str:
    """Where the caller reached this server; if by its public name, then by the public scheme, whoever ended TLS."""
    host = call.header(b"host").decode("latin-1")
    public = urlsplit(call.desk.public_url)
    if not _HOST.match(host):
        raise Refused("Send a Host header, so that the file can be given an address.")
    return f"{public.scheme if host == public.netloc else call.scope.get('scheme', 'http')}://{host}"


def _named(call: Call) -> str:
    """The number in the query, which holds nothing else."""
    text = bytes(call.scope["query_string"]).decode("latin-1")
    name, _, value = text.partition("=")
    if text and (name != "phone_number_id" or not _NODE.match(value)):
        raise Refused("This call takes phone_number_id in its query, and the key in the Authorization header.",
                      190 if "access_token" in text else 100)
    return value


def _query(named: str) -> str:
    return f"?{urlencode({'phone_number_id': named})}" if named else ""


def _address(found: dict[str, Any], base_url: str) -> str:
    """Where Meta keeps a file. Raises NotFound for what is no file, Refused for a host that is not Meta's."""
    if "mime_type" not in found:
        raise NotFound("There is no such file, or this key may not see it.")
    address = found.get("url")
    if not isinstance(address, str) or not is_metas(address, base_url):
        raise Refused("Meta named an address for this file that is not one of Meta's for files.", NO_FILE)
    return address


def is_metas(address: str, base_url: str) -> bool:
    """True for an address the token may go to: Meta's host for files, by https, or where the token goes anyway."""
    base = urlsplit(base_url)
    ours = (META_FILES, f"{base.scheme}://{base.netloc}/")
    return address.startswith(ours) and _ADDRESS.match(address) is not None
