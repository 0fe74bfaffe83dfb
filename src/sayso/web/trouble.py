"""A page that could not do what was asked: the problem in a sentence for people, where a browser asked.

Rules of the room: the same for everybody; it says nothing of a record, and repeats nothing that was sent.
"""

from __future__ import annotations

from typing import Final

from sayso.web import visitor
from sayso.web.call import Answer, Call
from sayso.web.pages import HTML, asked_in_query
from sayso.web.preference_view import HEADERS
from sayso.web.texts import DEFAULT_LANG, all_texts, template, texts_for

#: Status -> which text says what to do; the others are told to try again.
SAYS: Final = {403: "trouble_foreign", 429: "trouble_often"}
#: Longest Accept header looked at, bytes.
MAX_ACCEPT: Final = 2_048


def wants_a_page(call: Call) -> bool:
    """True for a browser that shows a page: it names HTML itself (RFC 9110 section 12.5.1). `*/*` is a program."""
    accepted = call.header(b"accept")[:MAX_ACCEPT].lower().split(b",")
    return any(kind.partition(b";")[0].strip() == b"text/html" for kind in accepted)


def page(call: Call, problem: Answer) -> Answer:
    """The page in place of a problem, with its status and headers."""
    asked = asked_in_query(call).get("lang", "")
    chosen = asked if asked in all_texts() else ""
    lang = visitor.best_language([chosen] if chosen else visitor.languages(call), list(all_texts()), DEFAULT_LANG)
    t = texts_for(lang)
    body = template("trouble.html").render(
        t=t, lang=lang, dir=visitor.direction(lang), root="/".join([".."] * (call.scope["path"].count("/") - 1)),
        text=getattr(t, SAYS.get(problem.status, "trouble_again")), chosen=chosen)
    return Answer(problem.status, body.encode(), HTML, (*HEADERS, *problem.headers))
