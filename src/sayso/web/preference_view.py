"""What the preference page looks like: a record, made into words of the person's language.

Rules of the room: nothing here reads a record or a clock; what is on the page depends on the view alone, and the view
of an old link, or of somebody erased, holds nothing.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from sayso.core.workspace import Workspace
from sayso.flows import preferences
from sayso.flows.links import Link
from sayso.flows.preferences import Told, View
from sayso.web import dates, visitor
from sayso.web.call import Call
from sayso.web.pages import written
from sayso.web.texts import DEFAULT_LANG, all_texts, template, texts_for

WORDS: Final = Path(__file__).parent / "words"
#: Nothing but our own stylesheet, no script at all, forms to this page only, and nobody frames it.
POLICY: Final = (b"default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; "
                 b"frame-ancestors 'none'")
HEADERS: Final = (
    (b"content-security-policy", POLICY), (b"referrer-policy", b"same-origin"), (b"x-robots-tag", b"noindex, nofollow"),
    (b"cross-origin-opener-policy", b"same-origin"), (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"), (b"vary", b"accept-language"),
)
#: Between the items of a list, where it is no Latin comma (Unicode CLDR, list patterns).
COMMAS: Final = {"ar": "\u060c "}
#: Numbers of the business that are shown, so that people know who writes.
MAX_SENDERS: Final = 3


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All words of one language that the landing page does not have already."""

    lang: str
    title: str
    preview: str
    state_none: str
    state_some: str
    state_paused: str
    state_asked: str
    stop_all: str
    stop_hint: str
    choices: str
    choices_hint: str
    on: str
    off: str
    save: str
    pause: str
    pause_hint: str
    pause_7: str
    pause_30: str
    pause_90: str
    end_pause: str
    history: str
    told_asked: str
    told_yes: str
    told_recorded: str
    told_no: str
    told_stop: str
    told_native_stop: str
    told_native_resume: str
    told_paused: str
    told_pause_ended: str
    told_data: str
    place_chat: str
    place_page: str
    place_sms: str
    place_business: str
    everything: str
    wording: str
    data: str
    data_hint: str
    data_get: str
    data_chat: str
    data_chat_hint: str
    data_word: str
    erase: str
    erase_hint: str
    erase_ask: str
    erase_yes: str
    erase_no: str
    help: str
    join: str
    join_hint: str
    old: str
    kept_nothing: str
    gpc: str
    done_stop: str
    done_soon: str
    done_saved: str
    done_same: str
    done_paused: str
    done_resumed: str
    done_erased: str
    done_reason: str
    reason: str
    reason_too_many: str
    reason_not_relevant: str
    reason_never_asked: str
    reason_other: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What the address asks to be shown besides the record: a report, a question, a language. Anybody can write it, so
    a report is shown only where the record agrees. `sure`: the report is of this very request.
    """

    done: str = ""
    ask: str = ""
    lang: str = ""
    joining: tuple[str, ...] = ()
    sure: bool | None = None


@cache
def all_words() -> dict[str, Words]:
    """Every language there is, by its tag."""
    files = sorted(WORDS.glob("*.toml"))
    words = [msgspec.convert(tomllib.loads(file.read_text("utf-8")), Words) for file in files]
    return {one.lang: one for one in words}


def page(call: Call, workspace: Workspace, link: Link, view: View, shown: Shown) -> bytes:
    """The whole page."""
    lang = _language(call, workspace, "" if link.expired else view.lang, shown.lang)
    t = Texts(call, workspace, lang)
    open_now = view.known and not link.expired
    told: dict[str, Any] = {
        "t": t, "lang": lang, "dir": visitor.direction(lang), "business": workspace.name, "root": "..",
        "senders": [written(sender.phone) for sender in workspace.senders.values()][:MAX_SENDERS],
        "privacy": workspace.privacy, "chosen_lang": shown.lang if shown.lang in all_words() else "",
        "others": [(tag, all_texts()[tag].name) for tag in all_words()],
        "open": open_now, "old": link.expired, "known": view.known, "view": view,
        "report": _report(t, link, view, shown), "ways": [], "asking": False, "choices": [], "history": [],
        "pauses": preferences.PAUSES, "reasons": (), "sentence": "", "data_link": "", "full": link.use == "data",
        "gpc": open_now and visitor.objects_to_sharing(call),
    }
    if open_now:
        told |= _open(workspace, view, shown, t, lang)
    return template("preferences.html").render(told).encode()


def _open(workspace: Workspace, view: View, shown: Shown, t: Texts, lang: str) -> dict[str, Any]:
    """What only a link that still shows the record puts on the page."""
    def title(name: str) -> str:
        known = workspace.purposes.get(name)
        return (known.titles.get(lang) or known.title) if known else name

    joining = [choice.purpose for choice in view.choices if choice.purpose in shown.joining and choice.state != "on"]
    ways = preferences.ways_in(workspace, joining, t["hello"])
    left = shown.done in ("stop", "soon", "saved") and workspace.policy.ask_reason
    return {
        "ways": [(t.say("join_hint", purposes=_listed(title, names, lang)), url) for names, url in ways],
        "asking": shown.ask == "erase",
        "choices": [(choice, title(choice.purpose)) for choice in view.choices],
        "history": [_line(item, t, title, lang) for item in view.history],
        "sentence": _sentence(view, t, title),
        "reasons": [(name, t[f"reason_{name}"]) for name in preferences.REASONS] if left else (),
        "data_link": _chat(workspace, t["data_word"]),
    }


def _sentence(view: View, t: Texts, title: Callable[[str], str]) -> str:
    on = [choice.purpose for choice in view.choices if choice.state == "on"]
    asked = [choice.purpose for choice in view.choices if choice.state == "asked"]
    parts = [t.say("state_some", purposes=_listed(title, on, t.lang)) if on else t["state_none"]]
    if on and view.paused_until:
        parts.append(t.say("state_paused", date=dates.day(view.paused_until, t.lang)))
    if asked:
        parts.append(t.say("state_asked", purposes=_listed(title, asked, t.lang)))
    return " ".join(parts)


def _report(t: Texts, link: Link, view: View, shown: Shown) -> str:
    """What just happened, if the record agrees that it did."""
    if shown.done == "failed":
        return t["error_failed"]
    if link.expired:
        if shown.sure is None:
            return ""
        return t["done_stop"] if shown.sure else t.say("done_soon", time=dates.clock(view.silent_by))
    if not view.known:
        return t["done_erased"] if shown.done == "erased" else ""
    if shown.done in ("stop", "soon") and not view.stopped_all:
        return ""
    if view.silent_by and shown.done in ("stop", "soon", "saved", "paused"):
        return t.say("done_soon", time=dates.clock(view.silent_by))
    if shown.done in ("stop", "soon"):
        return t["done_stop"]
    if shown.done == "paused":
        return t.say("done_paused", date=dates.day(view.paused_until, t.lang)) if view.paused_until else ""
    return t[f"done_{shown.done}"] if shown.done in ("saved", "same", "resumed", "reason") else ""


def _line(item: Told, t: Texts, title: Callable[[str], str], lang: str) -> dict[str, Any]:
    about = _listed(title, item.purposes, lang) if item.purposes else (t["everything"] if item.what == "stop" else "")
    return {"what": t[f"told_{item.what}"], "day": dates.day(item.at, lang),
            "iso": dates.iso_day(item.at), "time": dates.clock(item.at)[:5], "place": t[f"place_{item.place}"],
            "about": about, "wording": item.wording, "lang": item.lang or lang,
            "until": dates.day(item.until, lang) if item.until else "",
            "until_iso": dates.iso_day(item.until) if item.until else ""}


def _listed(title: Callable[[str], str], names: Iterable[str], lang: str) -> str:
    """Titles in a row, each held together whatever direction it is written in (Unicode isolates)."""
    return COMMAS.get(lang, ", ").join(f"\u2068{title(name)}\u2069" for name in names)


def _language(call: Call, workspace: Workspace, own: str, asked: str) -> str:
    wanted = [one for one in (asked, own) if one] or visitor.languages(call)
    fallback = visitor.best_language([workspace.language], list(all_words()), DEFAULT_LANG)
    return visitor.best_language(wanted, list(all_words()), fallback)


class Texts(dict[str, str]):
    """Every text of the page by its name, the business's name and stop word put in. `say` puts in what only a moment
    knows as well; each text is filled once, so that a brace in somebody's name stays a brace.
    """

    def __init__(self, call: Call, workspace: Workspace, lang: str) -> None:
        self.lang = lang
        self._raw: dict[str, str] = msgspec.to_builtins(texts_for(lang)) | msgspec.to_builtins(all_words()[lang])
        self._always = {"business": f"\u2068{workspace.name}\u2069", "stop": call.desk.kit.replies(lang).stop_word}
        super().__init__({name: self._filled(text, {}) for name, text in self._raw.items()})
        self["hello"] = self._raw["hello"].format(business=workspace.name)  # goes into a message as it is

    def say(self, name: str, **more: str) -> str:
        """One text with a date or purposes in it."""
        return self._filled(self._raw[name], more)

    def _filled(self, text: str, more: dict[str, str]) -> str:
        return text.format_map(defaultdict(str, self._always | more))


def _chat(workspace: Workspace, text: str) -> str:
    """A chat with the business, this text ready to send."""
    sender = next((one for one in workspace.senders.values() if one.channel == "whatsapp"), None)
    return f"https://wa.me/{sender.phone.lstrip('+')}?text={quote(text, safe='')}" if sender else ""

