"""The landing page at /o/{workspace}/{entry}: shows the wording, takes a choice, and leads into WhatsApp.

Rules of the room: it works without JavaScript; GET and HEAD change nothing; no cookie, no third party, nothing inline.
Whatever the records say of a number, the answer has the same bytes, status and time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from sayso.core.workspace import Entry, Notice, Workspace
from sayso.errors import Forbidden, MalformedBody, NotFound, SaysoError
from sayso.flows import forms
from sayso.flows.forms import Form, Mistake, Mistaken
from sayso.flows.opt_in import chat_link
from sayso.store.base import Tx
from sayso.telemetry import log
from sayso.web import visitor
from sayso.web.call import Answer, Call, read_body
from sayso.web.texts import DEFAULT_LANG, all_texts, template, texts_for

#: A form is answered after this time or a multiple of it, seconds: how long the records took to ask tells nobody.
ANSWER_FLOOR_S: Final = 0.35
#: Largest form, bytes: the longest honest one has a tenth of it.
MAX_FORM: Final = 16 * 1024
#: Most fields of a form: one for each purpose, and the page's own.
MAX_FIELDS: Final = 64
#: Longest query of a page that is looked at, bytes; ads add long ones, and only `lang` is ours.
MAX_QUERY: Final = 4_096

HTML: Final = b"text/html; charset=utf-8"
#: Nobody has this number (Ofcom keeps it for fiction).
NOBODYS: Final = "+44 7700 900123"
#: Where on the page a mistake is told; the others stand at the number.
PLACES: Final = {"choice": "purposes", "notice": "purposes"}
#: Nothing but our own files, nothing inline, nobody frames it, and no script may put text where markup is read.
#: `form-action` names where WhatsApp's own link leads on to, for browsers hold redirects to it, too.
POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    b"form-action 'self' https://wa.me https://api.whatsapp.com; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'"
)
HEADERS: Final = (
    (b"content-security-policy", POLICY), (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"vary", b"accept-language"),
)


async def show(call: Call) -> Answer:
    """The page. It changes nothing, whoever looks."""
    try:
        workspace, entry, notice = await _place(call)
    except NotFound:
        return lost(call)
    lang = language_of(call, workspace, entry, notice, _asked_language(call))
    return _page(call, workspace, entry, notice, lang)


async def by_code(call: Call) -> Answer:
    """A short address to read off paper: leads to the page of the entry point that has this code."""
    code = call.params["code"].upper()
    found = [(workspace, entry) for workspace in await call.desk.workspaces() for entry in workspace.entries.values()
             if entry.code == code and entry.kind in forms.WITH_PAGE]
    if len(found) != 1:
        return lost(call, "..")
    workspace, entry = found[0]
    return Answer(303, b"", HTML, ((b"location", f"{workspace.slug}/{entry.name}".encode()), *HEADERS))


async def take(call: Call) -> Answer:
    """A form of the page: on to WhatsApp, or a number to be asked."""
    began = asyncio.get_running_loop().time()
    raw = await read_body(call, MAX_FORM)
    if not visitor.came_from_our_page(call):
        raise Forbidden("A form of this page is taken from this page only.")
    fields = fields_of(raw)
    try:
        workspace, entry, notice = await _place(call)
    except NotFound:
        return lost(call)
    lang = language_of(call, workspace, entry, notice, fields.get("lang", [""])[0])
    form = _form(call, fields, lang)
    if fields.get("way") == ["phone"]:
        return await _ask(call, workspace, entry, notice, form, began)
    return await _on_to_chat(call, workspace, entry, notice, form)


def lost(call: Call, root: str = "../..") -> Answer:
    """There is nothing here, in words for people."""
    lang = visitor.best_language(visitor.languages(call), list(all_texts()), DEFAULT_LANG)
    body = template("lost.html").render(lang=lang, dir=visitor.direction(lang), root=root,
                                                         t=texts_for(lang))
    return Answer(404, body.encode(), HTML, HEADERS)


async def level(began: float) -> None:
    """Wait until the next multiple of the floor."""
    passed = asyncio.get_running_loop().time() - began
    await asyncio.sleep(ANSWER_FLOOR_S - passed % ANSWER_FLOOR_S)


def language_of(call: Call, workspace: Workspace, entry: Entry, notice: Notice, asked: str) -> str:
    """The language of the page: as switched to, else the entry point's own, else the browser's, of those the notice
    is written in.
    """
    wanted = [one for one in (asked, entry.lang) if one] or visitor.languages(call)
    return visitor.best_language(wanted, list(notice.text), workspace.language)


def words(call: Call, workspace: Workspace, lang: str) -> dict[str, str]:
    """Every text of the page in this language."""
    return texts_for(lang).filled(business=workspace.name, stop=call.desk.kit.replies(lang).stop_word,
                                  example=example(workspace.country))


@cache
def example(country: str) -> str:
    """A phone number of this country as people there write it with its code, to show the form. It is held together from
    left to right in any text (Unicode isolates).
    """
    number = phonenumbers.example_number_for_type(country or "GB", PhoneNumberType.MOBILE)
    written = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL) if number else NOBODYS
    return f"\u2066{NOBODYS if written.startswith('+44') else written}\u2069"


def purposes_of(workspace: Workspace, notice: Notice, lang: str) -> list[tuple[str, str]]:
    """(name, title) of each purpose the notice names, in its order."""
    titles = ((name, workspace.purposes[name]) for name in notice.purposes)
    return [(name, purpose.titles.get(lang) or purpose.title) for name, purpose in titles]


# -- the two ways on ---------------------------------------------------------------------------------------------------


async def _on_to_chat(call: Call, workspace: Workspace, entry: Entry, notice: Notice, form: Form) -> Answer:
    """The person begins the chat themselves; what they ticked is named in its first message."""
    ticked = forms.chosen(notice, form)
    if not ticked:
        return _page(call, workspace, entry, notice, form.lang, form, ["choice"], 422)
    await _count(call, workspace, entry, form)
    link = _chat(workspace, entry, notice, ticked, words(call, workspace, form.lang)["hello"], form.lang)
    return Answer(303, b"", HTML, ((b"location", link.encode()), *HEADERS))


async def _count(call: Call, workspace: Workspace, entry: Entry, form: Form) -> None:
    kit = call.desk.kit
    whats = ["begun", *(["gpc"] if form.gpc else [])]

    def work(tx: Tx) -> None:
        for what in whats:
            forms.count(tx, kit, workspace, entry, what)

    await call.desk.write(work)


async def _ask(call: Call, workspace: Workspace, entry: Entry, notice: Notice, form: Form, began: float) -> Answer:
    """A number was left: at most one question goes out, and the answer is the same whatever the records say."""
    try:
        await send(call, workspace, entry, form)
        told = _page(call, workspace, entry, notice, form.lang, form, done=True)
    except Mistaken as wrong:
        told = _page(call, workspace, entry, notice, form.lang, form, wrong.mistakes, wrong.status)
    except SaysoError as error:
        log("failed", code=error.code, route=call.route, request_id=call.request_id)
        told = _page(call, workspace, entry, notice, form.lang, form, ["failed"], error.status)
    await level(began)
    return told


async def send(call: Call, workspace: Workspace, entry: Entry, form: Form) -> None:
    """Take the form. Raises Mistaken, Unavailable."""
    kit = call.desk.kit
    forms.read(workspace, entry, form)  # what needs no record is looked at before a transaction is begun
    await call.desk.write(lambda tx: forms.submit(tx, kit, workspace, entry, form))
    call.desk.wake()


def _chat(workspace: Workspace, entry: Entry, notice: Notice, ticked: tuple[str, ...], hello: str, lang: str) -> str:
    named = ticked if len(ticked) < len(notice.purposes) else ()
    return chat_link(workspace, entry, chosen=named, hello=hello, lang=lang)


# -- reading -----------------------------------------------------------------------------------------------------------


async def _place(call: Call) -> tuple[Workspace, Entry, Notice]:
    return forms.place(await call.desk.workspace(call.params["workspace"]), call.params["entry"])


def _asked_language(call: Call) -> str:
    """`?lang=`; whatever else an ad or a mailing put into the query is nobody's business."""
    return asked_in_query(call).get("lang", "")


def asked_in_query(call: Call) -> dict[str, str]:
    """The query of a page that is looked at; nothing where it cannot be read."""
    query = bytes(call.scope["query_string"])[:MAX_QUERY].decode("ascii", "replace")
    try:
        return dict(parse_qsl(query, max_num_fields=MAX_FIELDS))
    except ValueError:
        return {}


def fields_of(raw: bytes, most: int = MAX_FIELDS) -> dict[str, list[str]]:
    """The fields of a form. Raises MalformedBody."""
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=most, errors="strict")
    except ValueError:
        raise MalformedBody("The form cannot be read.") from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _form(call: Call, fields: Mapping[str, list[str]], lang: str) -> Form:
    def one(name: str) -> str:
        return fields.get(name, [""])[0]

    return Form(
        how="page", lang=lang, notice_hash=one("notice_hash"), purposes=tuple(fields.get("purpose", ())),
        phone=one("phone"), proof=one("proof"), trap=one("website"),
        page=f"{visitor.own_origin(call)}{call.scope['path']}",
        ip=visitor.address(call), user_agent=visitor.agent(call), gpc=visitor.objects_to_sharing(call),
    )


# -- showing -----------------------------------------------------------------------------------------------------------


def _page(call: Call, workspace: Workspace, entry: Entry, notice: Notice, lang: str, form: Form | None = None,
          mistakes: Sequence[Mistake | str] = (), status: int = 200, *, done: bool = False) -> Answer:
    """The page in one of its three states: to fill in, to mend, done."""
    texts = words(call, workspace, lang)
    wrong = {PLACES.get(mistake, "phone"): texts[f"error_{mistake}"] for mistake in mistakes}
    ticked = forms.chosen(notice, form) if form else ()
    public = call.desk.public_url
    names = all_texts()
    shown: dict[str, Any] = {
        "t": texts, "lang": lang, "dir": visitor.direction(texts["lang"]), "business": workspace.name, "root": "../..",
        "entry": f"{workspace.slug}/{entry.name}", "action": entry.name, "notice": notice.text[lang],
        "hash": notice.hash(lang), "purposes": purposes_of(workspace, notice, lang), "ticked": ticked,
        "phone": form.phone[:forms.MAX_TYPED] if form else "", "privacy": workspace.privacy, "done": done,
        "sender": written(workspace.sender(entry.sender).phone), "wrong": {"purposes": "", "phone": ""} | wrong,
        "mistakes": list(wrong.items()), "number": forms.asks_for_number(entry, notice, lang),
        "url": f"{public}/o/{workspace.slug}/{entry.name}" if public else "",
        "chat": _chat(workspace, entry, notice, ticked, texts["hello"], lang),
        "others": [(tag, names[tag].name if tag in names else tag) for tag in notice.text if len(notice.text) > 1],
    }
    return Answer(status, template("page.html").render(shown).encode(), HTML, HEADERS)


@cache
def written(phone: str) -> str:
    """A number as people read it."""
    return phonenumbers.format_number(phonenumbers.parse(phone), PhoneNumberFormat.INTERNATIONAL)

