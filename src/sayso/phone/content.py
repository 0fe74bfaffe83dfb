"""What a business may put into a message: each type checked as the Graph API does, and turned into what a
phone shows.

Limits are Meta's (messages reference and interactive message pages); a breach is error 131009, a gap 131008.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sayso.phone.config import Template
from sayso.phone.errors import GraphError

MAX_BODY = 4096
MAX_INTERACTIVE_BODY = 1024
MAX_CAPTION = 1024
MAX_LABEL = 60  # header and footer text
MAX_BUTTONS = 3
MAX_BUTTON_TITLE = 20
MAX_ID = 256
MAX_ROWS = 10
MAX_ROW_TITLE = 24
MAX_ROW_DESCRIPTION = 72
MAX_LIST_ID = 200

MEDIA = ("image", "video", "audio", "document", "sticker")
VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Content:
    """A message as a phone shows it. `category` is the template's, or empty for a free-form message."""

    kind: str
    text: str
    header: str = ""
    footer: str = ""
    buttons: tuple[dict[str, str], ...] = ()
    category: str = ""
    target: str = ""


def read(body: dict[str, Any], templates: dict[str, Template]) -> Content:
    """The content of a send request. Raises GraphError."""
    kind = body.get("type", "text")
    reader = READERS.get(kind) if isinstance(kind, str) else None
    if kind == "template":
        return _template(_part(body, "template"), templates)
    if reader is None:
        raise GraphError(131051, f"The type {kind!r} is not one of the message types.")
    return reader(str(kind), _part(body, str(kind)))


def _text(kind: str, part: dict[str, Any]) -> Content:
    return Content(kind, _words(part, "body", MAX_BODY, "text.body"))


def _media(kind: str, part: dict[str, Any]) -> Content:
    if not (isinstance(part.get("id"), str) or isinstance(part.get("link"), str)):
        raise GraphError(131008, f"{kind} needs an id or a link.")
    caption = part.get("caption", "")
    if not isinstance(caption, str) or len(caption) > MAX_CAPTION:
        raise GraphError(131009, f"{kind}.caption is a text of at most {MAX_CAPTION} characters.")
    name = part.get("filename") if kind == "document" else None
    return Content(kind, caption, header=str(name or kind))


def _reaction(kind: str, part: dict[str, Any]) -> Content:
    emoji = part.get("emoji", "")
    if not isinstance(emoji, str):
        raise GraphError(131009, "reaction.emoji is a text.")
    return Content(kind, emoji, target=_words(part, "message_id", MAX_ID, "reaction.message_id"))


def _location(kind: str, part: dict[str, Any]) -> Content:
    if part.get("latitude") is None or part.get("longitude") is None:
        raise GraphError(131008, "location needs latitude and longitude.")
    return Content(kind, str(part.get("name") or part.get("address") or ""), header="location")


def _interactive(_kind: str, part: dict[str, Any]) -> Content:
    kind = part.get("type")
    body = _part(part, "body", "interactive.body")
    text = _words(body, "text", MAX_INTERACTIVE_BODY, "interactive.body.text")
    header, footer = _label(part, "header"), _label(part, "footer")
    action = _part(part, "action", "interactive.action")
    if kind == "button":
        return Content("button", text, header, footer, _buttons(action))
    if kind == "list":
        return Content("list", text, header, footer, _rows(action))
    if not isinstance(kind, str) or not kind:
        raise GraphError(131008, "interactive.type is missing.")
    # cta_url, flow, request_contact_info ...: shown, with nothing here to tap.
    return Content(kind, text, header, footer)


def _buttons(action: dict[str, Any]) -> tuple[dict[str, str], ...]:
    items = action.get("buttons")
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_BUTTONS:
        raise GraphError(131009, f"interactive.action.buttons takes 1 to {MAX_BUTTONS} buttons.")
    found = []
    for item in items:
        reply = _part(item if isinstance(item, dict) else {}, "reply", "interactive.action.buttons.reply")
        found.append({"id": _words(reply, "id", MAX_ID, "button id"),
                      "title": _words(reply, "title", MAX_BUTTON_TITLE, "button title")})
    return _distinct(found, ("id", "title"))


def _rows(action: dict[str, Any]) -> tuple[dict[str, str], ...]:
    _words(action, "button", MAX_BUTTON_TITLE, "interactive.action.button")
    sections = action.get("sections")
    if not isinstance(sections, list) or not sections:
        raise GraphError(131009, "interactive.action.sections is missing or empty.")
    rows = [row for section in sections if isinstance(section, dict) for row in section.get("rows") or []]
    if not 1 <= len(rows) <= MAX_ROWS or not all(isinstance(row, dict) for row in rows):
        raise GraphError(131009, f"A list has 1 to {MAX_ROWS} rows in all.")
    found = []
    for row in rows:
        description = row.get("description", "")
        if not isinstance(description, str) or len(description) > MAX_ROW_DESCRIPTION:
            raise GraphError(131009, f"A row's description has at most {MAX_ROW_DESCRIPTION} characters.")
        found.append({"id": _words(row, "id", MAX_LIST_ID, "row id"),
                      "title": _words(row, "title", MAX_ROW_TITLE, "row title"), "description": description})
    return _distinct(found, ("id",))


def _template(part: dict[str, Any], templates: dict[str, Template]) -> Content:
    name = _words(part, "name", 512, "template.name")
    language = part.get("language")
    if not isinstance(language, dict) or not isinstance(language.get("code"), str):
        raise GraphError(131008, "template.language.code is missing.")
    template = templates.get(name)
    if template is None:
        raise GraphError(132001, f"template name ({name}) does not exist in {language['code']}")
    components = part.get("components") or []
    if not isinstance(components, list) or not all(isinstance(c, dict) for c in components):
        raise GraphError(131009, "template.components is a list of objects.")
    buttons = [{"id": label, "title": label} for label in template.buttons]
    text = template.body
    for component in components:
        if str(component.get("type", "")).casefold() == "button":
            _payload(component, buttons)
    text = _filled(template, next((c for c in components if str(c.get("type", "")).casefold() == "body"), {}))
    return Content("template", text, "", template.footer, tuple(buttons), template.category)


def _payload(component: dict[str, Any], buttons: list[dict[str, str]]) -> None:
    """A quick-reply payload replaces the label that is sent back otherwise (Meta: button webhook)."""
    if str(component.get("sub_type", "")).casefold() != "quick_reply":
        return
    index, parameters = str(component.get("index", "")), component.get("parameters") or []
    if not index.isdecimal() or int(index) >= len(buttons):
        raise GraphError(131009, f"The template has no button at index {index or '(none)'}.")
    for parameter in parameters:
        if isinstance(parameter, dict) and parameter.get("payload") is not None:
            buttons[int(index)]["id"] = _words(parameter, "payload", MAX_ID, "button payload")


def _filled(template: Template, component: dict[str, Any]) -> str:
    parameters = [p for p in component.get("parameters") or [] if isinstance(p, dict)]
    names = list(dict.fromkeys(VARIABLE.findall(template.body)))
    if template.body and len(parameters) != len(names):
        raise GraphError(132000, f"body: {len(names)} variables expected, {len(parameters)} given.")
    values = {str(p.get("parameter_name") or position): _value(p) for position, p in enumerate(parameters, 1)}
    if template.body and set(values) != set(names):
        raise GraphError(132000, f"body: the template's variables are {', '.join(names)}.")
    if not template.body:
        return " ".join([f"[{template.name}]", *values.values()])
    return VARIABLE.sub(lambda found: values[found.group(1)], template.body)


def _value(parameter: dict[str, Any]) -> str:
    kind = str(parameter.get("type", "text"))
    inner = parameter.get(kind)
    if isinstance(inner, dict):
        return str(inner.get("fallback_value", ""))
    return str(inner or "")


def _part(body: dict[str, Any], name: str, path: str = "") -> dict[str, Any]:
    part = body.get(name)
    if not isinstance(part, dict):
        raise GraphError(131008, f"{path or name} is missing.")
    return part


def _words(part: dict[str, Any], name: str, most: int, path: str) -> str:
    value = part.get(name)
    if value is None or value == "":
        raise GraphError(131008, f"{path} is missing.")
    if not isinstance(value, str) or len(value) > most:
        raise GraphError(131009, f"{path} is a text of at most {most} characters.")
    return value


def _label(part: dict[str, Any], name: str) -> str:
    """Header and footer text; a picture as header is shown by its kind."""
    label = part.get(name)
    if label is None:
        return ""
    if not isinstance(label, dict):
        raise GraphError(131009, f"interactive.{name} is an object.")
    if name == "header" and label.get("type") not in (None, "text"):
        return f"[{label['type']}]"
    return _words(label, "text", MAX_LABEL, f"interactive.{name}.text")


def _distinct(found: list[dict[str, str]], keys: tuple[str, ...]) -> tuple[dict[str, str], ...]:
    for key in keys:
        if len({item[key] for item in found}) != len(found):
            raise GraphError(131009, f"Two buttons or rows have the same {key}.")
    return tuple(found)


READERS: dict[str, Callable[[str, dict[str, Any]], Content]] = {
    "text": _text, "interactive": _interactive, "reaction": _reaction, "location": _location,
    **dict.fromkeys(MEDIA, _media),
}
