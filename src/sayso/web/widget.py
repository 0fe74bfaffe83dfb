"""What the widget on other websites needs: its script, what to show, a sum to solve, and where to send the form.

Rules of the room: answers for other websites never carry credentials; what is the same for everybody may be cached,
nothing else; a form is taken only from the websites the entry point names, if it names any.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from sayso.core.workspace import Entry, Notice, Workspace
from sayso.errors import Forbidden, SaysoError
from sayso.flows import forms
from sayso.flows.forms import FIELDS, Form, Mistaken
from sayso.flows.opt_in import chat_link, coded
from sayso.web import visitor
from sayso.web.call import Answer, Call, Header, answer
from sayso.web.page_schemas import PageForm, WidgetShown
from sayso.web.pages import language_of, level, purposes_of, send, words
from sayso.web.problems import answer_for

STATIC: Final = Path(__file__).parent / "static"
#: The widget's version; a change of the script is a new one, and its old address keeps nothing.
VERSION: Final = "1.0.0"
#: A website may name the version for ever, or follow the first one's mends within an hour.
FOR_EVER: Final = b"public, max-age=31536000, immutable"
AN_HOUR: Final = b"public, max-age=3600"
#: What to show is asked again after this time.
FIVE_MINUTES: Final = b"public, max-age=300"
#: Whoever embeds it may read these. A module script of another host is always fetched by CORS.
ANYBODY: Final[tuple[Header, ...]] = (
    (b"access-control-allow-origin", b"*"), (b"cross-origin-resource-policy", b"cross-origin"),
)
#: Names of texts the widget shows.
TEXTS: Final = (
    "lang", "asks", "choose", "choose_hint", "free", "privacy", "chat", "chat_hint", "or", "phone", "phone_hint", "ask",
    "ask_hint", "working", "done", "done_text", "done_chat", "error_choice", "error_phone", "error_failed",
)
#: When what `/.well-known/gpc.json` says was last looked at.
GPC: Final = {"gpc": True, "lastUpdate": "2026-11-23"}
_SCRIPT: Final = b"text/javascript; charset=utf-8"
_STYLE: Final = b"text/css; charset=utf-8"


@cache
def _file(name: str) -> tuple[bytes, bytes]:
    """A file of ours, and the same packed."""
    plain = (STATIC / name).read_bytes()
    return plain, gzip.compress(plain, 9, mtime=0)


def _static(call: Call, name: str, media: bytes, cache_for: bytes, *headers: Header) -> Answer:
    plain, packed = _file(name)
    told = ((b"vary", b"accept-encoding"), *headers)
    if b"gzip" in call.header(b"accept-encoding"):
        return Answer(200, packed, media, (*told, (b"content-encoding", b"gzip")), cache_for)
    return Answer(200, plain, media, told, cache_for)


async def script(call: Call) -> Answer:
    """The widget, at the address that gets mends."""
    return _static(call, "w.js", _SCRIPT, AN_HOUR, *ANYBODY)


async def fixed_script(call: Call) -> Answer:
    """The widget of one version, unchanged for ever."""
    return _static(call, "w.js", _SCRIPT, FOR_EVER, *ANYBODY)


async def page_script(call: Call) -> Answer:
    """The landing page's script."""
    return _static(call, "page.js", _SCRIPT, AN_HOUR)


async def page_style(call: Call) -> Answer:
    """The landing page's stylesheet."""
    return _static(call, "page.css", _STYLE, AN_HOUR)


async def preference_style(call: Call) -> Answer:
    """What the preference page's stylesheet adds to it."""
    return _static(call, "preferences.css", _STYLE, AN_HOUR)


async def versions(_call: Call) -> Answer:
    """The version there is, and what a website writes into `integrity` to take no other (W3C SRI)."""
    told = {"version": VERSION, "path": f"/w/{VERSION}.js", "integrity": integrity()}
    return msgspec.structs.replace(answer(200, told, *ANYBODY), cache=FIVE_MINUTES)


def integrity() -> str:
    """The hash of the widget's script."""
    return "sha384-" + base64.b64encode(hashlib.sha384(_file("w.js")[0]).digest()).decode()


async def privacy_signal(_call: Call) -> Answer:
    """That Global Privacy Control is honoured here (GPC specification, section 4)."""
    return msgspec.structs.replace(answer(200, GPC, *ANYBODY), cache=AN_HOUR)


async def describe(call: Call) -> Answer:
    """Everything the widget shows of one entry point, in the language asked for. It changes nothing."""
    try:
        workspace, entry, notice = await _place(call)
    except SaysoError as error:
        return _problem(call, error, ANYBODY)
    lang = language_of(call, workspace, entry, notice, call.query.lang)
    texts = words(call, workspace, lang)
    told = WidgetShown(
        lang=lang, dir=visitor.direction(texts["lang"]), business=workspace.name, notice=notice.text[lang],
        hash=notice.hash(lang), purposes=purposes_of(workspace, notice, lang),
        phone=forms.asks_for_number(entry, notice, lang),
        chat=chat_link(workspace, entry).partition("?")[0], hello=entry.phrase or texts["hello"],
        code=coded(workspace, entry, lang),
        privacy=workspace.privacy, t={name: texts[name] for name in TEXTS},
    )
    return msgspec.structs.replace(answer(200, told, *ANYBODY), cache=FIVE_MINUTES)


async def challenge(call: Call) -> Answer:
    """A fresh sum to solve for one form, in ALTCHA's own fields. Nothing is stored."""
    slug, _, name = call.query.form.partition("/")
    try:
        workspace, entry, _ = forms.place(await call.desk.workspace(slug), name)
    except SaysoError as error:
        return _problem(call, error, ANYBODY)
    return answer(200, forms.challenge(call.desk.kit, workspace, entry), *ANYBODY)


async def preflight(call: Call) -> Answer:
    """May this website send the form? (Fetch, CORS-preflight)"""
    _, entry, _ = await _place(call)
    headers = (*_allowed(call, entry), (b"access-control-allow-methods", b"POST"),
               (b"access-control-allow-headers", b"content-type"), (b"access-control-max-age", b"86400"))
    return Answer(204, b"", headers=headers)


async def take(call: Call) -> Answer:
    """The widget's form. At most one question goes out, and the answer is the same whatever the records say."""
    began = asyncio.get_running_loop().time()
    workspace, entry, _ = await _place(call)
    allowed = _allowed(call, entry)
    form = _form(call, call.body)
    try:
        await send(call, workspace, entry, form)
        told = answer(202, {"state": "asked"}, *allowed)
    except SaysoError as error:
        if isinstance(error, Mistaken):
            mistake = error.mistakes[0]
            error.detail, error.param = words(call, workspace, form.lang)[f"error_{mistake}"], FIELDS[mistake]
        told = _problem(call, error, allowed)
    await level(began)
    return told


async def _place(call: Call) -> tuple[Workspace, Entry, Notice]:
    return forms.place(await call.desk.workspace(call.params["workspace"]), call.params["entry"])


def _problem(call: Call, error: SaysoError, headers: tuple[Header, ...]) -> Answer:
    """An error that the website may read: without these headers its console would speak of CORS and nothing else."""
    told = answer_for(error, call.request_id, call.route)
    return msgspec.structs.replace(told, headers=(*told.headers, *headers))


def _form(call: Call, sent: PageForm) -> Form:
    return Form(
        how="widget", lang=sent.lang, notice_hash=sent.notice_hash, purposes=tuple(sent.purposes), phone=sent.phone,
        proof=sent.proof, trap=sent.website, page=_without_query(sent.page), ip=visitor.address(call),
        user_agent=visitor.agent(call), gpc=visitor.objects_to_sharing(call),
    )


def _allowed(call: Call, entry: Entry) -> tuple[Header, ...]:
    """CORS for the website that asks. Raises Forbidden if the entry point names others only."""
    origin = call.header(b"origin")
    if entry.origins and origin.decode("latin-1") not in (*entry.origins, visitor.own_origin(call)):
        raise Forbidden("This entry point is not for this website; name it in `origins` in sayso.toml.")
    return ((b"access-control-allow-origin", origin or b"*"), (b"vary", b"origin"))


def _without_query(page: str) -> str:
    """A page's address as evidence: what stands in its query may be somebody's own affair."""
    try:
        parts = urlsplit(page)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https"):
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

