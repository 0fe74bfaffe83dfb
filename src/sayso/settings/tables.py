"""From one TOML table to one frozen struct, with errors that say where and what to mend.

msgspec checks each value; what it cannot do is name the table an unknown key stands in and what was probably
meant, so the walk over the keys is here. A path such as `notices.join.version` is also the error's `param`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

import msgspec

from sayso.core.purposes import check_name
from sayso.errors import ConfigError, InvalidRequest

S = TypeVar("S", bound=msgspec.Struct)
Reader = Callable[[object, str], object]

#: Most purposes, senders, notices ... of one workspace; all of them are in memory and in one stored value.
MAX_ITEMS: Final = 1_000
#: Characters of a key that an error repeats.
MAX_SHOWN: Final = 60

_WANTED: Final[Mapping[Any, str]] = {
    str: "a text in quotes",
    int: "a whole number",
    bool: "true or false",
    tuple[str, ...]: 'a list of texts, such as ["one", "two"]',
    tuple[int, ...]: "a list of whole numbers, such as [9443]",
    dict[str, str]: "a table of texts",
}


def wrong(where: str, what: str) -> ConfigError:
    """The error for one place: its dotted path, then what is to be mended."""
    return ConfigError(f"{where} {what}", param=where)


def meant(word: str, known: Iterable[str]) -> str:
    """The end of a sentence: what was probably meant, or what there is to choose from."""
    choices = list(known)
    near = difflib.get_close_matches(word, choices, n=1)
    if near:
        return f"; did you mean '{near[0]}'?"
    if not choices:
        return "."
    return f"; there is {', '.join(choices[:10])}{' ...' if len(choices) > 10 else ''}."


def unknown_key(key: str, where: str, known: Iterable[str]) -> ConfigError:
    """The error for a key that no table of this kind has."""
    place = f"in [{where}]" if where else "at the top"
    return ConfigError(
        f"unknown key '{key[:MAX_SHOWN]}' {place}{meant(key, known)}",
        param=f"{where}.{key}" if where else key,
    )


def table_of(raw: object, where: str) -> dict[str, Any]:
    """The value as a table. Raises ConfigError."""
    if not isinstance(raw, dict):
        raise wrong(where, f"must be a table, [{where}].")
    return raw


def struct_of(
    cls: type[S],
    raw: object,
    where: str,
    *,
    given: Mapping[str, object] | None = None,
    spelt: Mapping[str, str] | None = None,
    readers: Mapping[str, Reader] | None = None,
) -> S:
    """One struct from the table at `where`.

    `given` holds fields that do not come from the table (its name), `spelt` the fields whose TOML key is
    another word, `readers` those that need more than a type. Raises ConfigError for an unknown key, a missing
    one and a value of the wrong type.
    """
    given, spelt, readers = given or {}, spelt or {}, readers or {}
    table = table_of(raw, where)
    fields = {
        spelt.get(field.name, field.name): field
        for field in msgspec.structs.fields(cls)
        if field.name not in given
    }
    for key in table:
        if key not in fields:
            raise unknown_key(key, where, fields)
    values: dict[str, object] = dict(given)
    for key, field in fields.items():
        path = f"{where}.{key}"
        if key not in table:
            if field.required:
                raise wrong(path, f"is missing: add {key} to [{where}].")
            continue
        values[field.name] = readers.get(field.name, _by_type(field.type))(table[key], path)
    return cls(**values)


def items_of(root: Mapping[str, object], section: str, read: Callable[[str, object, str], S]) -> dict[str, S]:
    """The structs of one section, by name: `[purposes.offers]` is `offers`. Raises ConfigError."""
    tables = table_of(root.get(section, {}), section)
    if len(tables) > MAX_ITEMS:
        raise wrong(section, f"has {len(tables)} entries; at most {MAX_ITEMS} are read.")
    found = {}
    for name, raw in tables.items():
        where = f"{section}.{name[:MAX_SHOWN]}"
        if not isinstance(raw, dict):
            # `[policy]` style keys directly under [purposes]: the name in the table's head was forgotten
            raise wrong(where, f"must be a table with a name of its own, such as [{section}.main].")
        try:
            check_name(name, where)
        except InvalidRequest as error:
            raise ConfigError(f"[{where}]: {error.detail}", param=where) from error
        found[name] = read(name, raw, where)
    return found


def _by_type(kind: Any) -> Reader:
    def read(value: object, where: str) -> object:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError:
            raise wrong(where, f"must be {_wanted(kind)}{_nearest(value, kind)}") from None

    return read


def _wanted(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f"'{choice}'" for choice in get_args(kind))
    return _WANTED.get(kind, "of another type")


def _nearest(value: object, kind: Any) -> str:
    if get_origin(kind) is not Literal or not isinstance(value, str):
        return "."
    near = difflib.get_close_matches(value, get_args(kind), n=1)
    return f"; did you mean '{near[0]}'?" if near else "."
