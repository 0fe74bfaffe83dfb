"""The words of the page and the widget, by language: one TOML file each beside the templates. Both are read once."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import jinja2
import msgspec

TEMPLATES: Final = Path(__file__).parent / "templates"
#: The words of anybody whose language has none.
DEFAULT_LANG: Final = "en"


class Texts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All words of one language. `{business}`, `{stop}` and `{example}` are filled in by `filled`."""

    lang: str
    name: str
    title: str
    asks: str
    choose: str
    choose_hint: str
    free: str
    privacy: str
    chat: str
    chat_hint: str
    or_: str = msgspec.field(name="or")
    phone: str
    phone_hint: str
    ask: str
    ask_hint: str
    working: str
    no_script: str
    done: str
    done_text: str
    done_chat: str
    mend: str
    error_choice: str
    error_phone: str
    error_country: str
    error_proof: str
    error_notice: str
    error_failed: str
    language: str
    hello: str
    lost: str
    lost_text: str
    trouble: str
    trouble_again: str
    trouble_foreign: str
    trouble_often: str
    back: str

    def filled(self, **words: str) -> dict[str, str]:
        """Every text by its name, with the words put in."""
        return {name: value.format(**words) for name, value in msgspec.to_builtins(self).items()}


@cache
def all_texts() -> dict[str, Texts]:
    """Every language there is, by its tag."""
    files = sorted(TEMPLATES.glob("*.toml"))
    texts = [msgspec.convert(tomllib.loads(file.read_text("utf-8")), Texts) for file in files]
    return {text.lang: text for text in texts}


def texts_for(lang: str) -> Texts:
    """The words for a language: its own, its base's, another region's of it, else English."""
    found, base = all_texts(), lang.partition("-")[0]
    near = (one for tag, one in found.items() if tag.partition("-")[0] == base)
    return found.get(lang) or found.get(base) or next(near, found[DEFAULT_LANG])


@cache
def template(name: str) -> jinja2.Template:
    """A template of the pages; what is put into it is escaped, and a name it does not get is an error."""
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True,
                              undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
