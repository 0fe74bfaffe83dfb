"""Reads what is known of countries: what a notice must say there, in which languages, from which age, and how long
proof is kept.

Not legal advice: every file says `status = "unreviewed"` until a lawyer of that country has read it, and every line
has its citation and how sure we are of it (H, M, L, U) and where it is from (S seen in a source, K own knowledge, SK
both). A wrong file is a ConfigError that names file and key. Nothing is read at import.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Final, Literal

import msgspec

from sayso.core.findings import Element
from sayso.core.lint import Spoken
from sayso.errors import ConfigError

Confidence = Literal["H", "M", "L", "U"]
Source = Literal["S", "K", "SK"]
Reach = Literal["explicit", "likely", "unsure", "unlikely"]

#: What lint can look for in a text; anything else a country asks for belongs into a privacy policy.
IN_TEXT: Final = frozenset({"who", "what", "often", "free", "voluntary", "leave", "channel", "privacy_link",
                            "advertising", "automated", "contact"})
#: ISO 3166-1 letters, or 3166-2 for a part of a country.
ISO: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?\Z")
_ID: Final = re.compile(r"[a-z]{2}(-[a-z0-9]{1,3})?\Z")
_FIRM_REACH: Final = frozenset({"explicit", "likely"})
_FIRM_KNOWLEDGE: Final = frozenset({"H", "M"})


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every line of a file has."""

    cite: str
    confidence: Confidence
    source: Source


class Reached(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the law on messages reaches WhatsApp."""

    whatsapp: Reach


class Said(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing a notice must say. `where`: in its text, or in the policy it links to."""

    say: str
    where: Literal["text", "policy"]
    words: str


class Languages(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Languages a notice must be in, all of them; none where any language of the audience will do."""

    required: tuple[str, ...]
    words: str


class Age(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From which age a person says yes alone. `by_country` by ISO letters, where one file speaks for many."""

    years: int
    words: str
    by_country: dict[str, int] = {}


class Proof(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long proof is kept after what: months, 0 where there is no number. `basis`: the law's, or our default."""

    months: int
    words: str
    basis: str
    after: str = ""


class Country(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file. `over` is the file it adds to: Germany to the European Union."""

    id: str
    name: str
    iso: tuple[str, ...]
    status: Literal["unreviewed", "reviewed"]
    as_of: str
    reach: Reached
    over: str = ""
    notice: tuple[Said, ...] = ()
    language: Languages | None = None
    age: Age | None = None
    proof: Proof | None = None


@cache
def countries() -> Mapping[str, Country]:
    """Every country by its id. Raises ConfigError."""
    found: dict[str, Country] = {}
    for path in sorted((resources.files("sayso.rules") / "countries").iterdir(), key=lambda path: path.name):
        if path.name.endswith(".toml"):
            country = parse_country(f"countries/{path.name}", path.read_text("utf-8"))
            found[country.id] = country
    for country in found.values():
        if country.over and country.over not in found:
            raise _wrong(f"countries/{country.id}.toml", "over", f"names '{country.over}', which there is no file of")
    return found


def parse_country(name: str, text: str) -> Country:
    """One country from the text of its file. Raises ConfigError."""
    try:
        country = msgspec.convert(tomllib.loads(text), Country)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"rules/{name} is not TOML: {problem}", param=name) from problem
    except msgspec.ValidationError as problem:
        raise ConfigError(f"rules/{name}: {problem}", param=name) from problem
    if name != f"countries/{country.id}.toml" or not _ID.match(country.id):
        raise _wrong(name, "id", "is not the one the file is named after")
    if not country.iso or not all(ISO.match(code) for code in country.iso):
        raise _wrong(name, "iso", "must be ISO 3166 letters, such as DE or US-CA")
    for said in country.notice:
        if said.where == "text" and said.say not in IN_TEXT:
            raise _wrong(name, f"notice.{said.say}", f"cannot be seen in a text; there is {', '.join(sorted(IN_TEXT))}")
    return country


def rules_for(codes: Iterable[str]) -> tuple[Country, ...]:
    """What applies to these ISO letters, the particular before the general: DE is Germany, then the European Union.
    A code nobody wrote about adds nothing.
    """
    known, found = countries(), dict[str, Country]()
    for code in codes:
        own = [country for country in known.values() if code in country.iso]
        for country in sorted(own, key=lambda country: len(country.iso)):
            step: Country | None = country
            while step is not None and step.id not in found:
                found[step.id] = step
                step = known.get(step.over)
    return tuple(found.values())


def elements(rules: Iterable[Country]) -> tuple[Element, ...]:
    """What these countries want said, for lint."""
    return tuple(
        Element(country.name, said.say, said.where, said.words, said.cite, _is_firm(country, said.confidence))
        for country in rules for said in country.notice
    )


def spoken(rules: Iterable[Country]) -> tuple[Spoken, ...]:
    """The languages these countries want, for lint."""
    return tuple(
        Spoken(country.name, country.language.required, country.language.words, country.language.cite,
               _is_firm(country, country.language.confidence))
        for country in rules if country.language is not None and country.language.required
    )


def youngest(rules: Sequence[Country], code: str) -> int:
    """From which age a person in this country says yes alone: the most particular rule, 0 where none is known."""
    for country in rules:
        if country.age is not None:
            return country.age.by_country.get(code, country.age.years)
    return 0


def kept_months(rules: Iterable[Country]) -> int:
    """The longest time proof is kept in any of these countries, months; 0 where no number is known."""
    return max((country.proof.months for country in rules if country.proof is not None), default=0)


def _is_firm(country: Country, confidence: Confidence) -> bool:
    """Known for certain, of a law that reaches WhatsApp: only that is insisted on."""
    reach = country.reach
    return confidence == "H" and reach.whatsapp in _FIRM_REACH and reach.confidence in _FIRM_KNOWLEDGE


def _wrong(name: str, key: str, what: str) -> ConfigError:
    return ConfigError(f"rules/{name}: {key} {what}", param=f"{name}:{key}")
