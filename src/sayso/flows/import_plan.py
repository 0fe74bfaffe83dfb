"""How a file is read: which column holds what, guessed from names and contents, and confirmed by whoever imports.

Rules of the room: a guess is shown, never silently used; a file that says no in a column of its own is never read
without that column; what a row lacks as proof is said in words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from sayso.core.events import MAX_EVIDENCE
from sayso.core.identity import Address
from sayso.core.purposes import EVERYTHING, Cell
from sayso.core.workspace import Workspace
from sayso.errors import InvalidRequest
from sayso.flows import import_noes
from sayso.flows.elsewhere import Proof
from sayso.flows.import_values import (
    Order,
    Says,
    Unreadable,
    day_orders,
    is_stop,
    moment_of,
    number_of,
    status_of,
)
from sayso.ports import HOUR
from sayso.rules.columns import folded, load_columns

#: What a column can hold. `stopped` is a column about leaving: whatever stands in it is a no. Of `status` and `stopped`
#: there may be several, and a no in any of them counts.
FIELDS: Final = ("phone", "date", "source", "wording", "status", "stopped", "language")
MANY: Final = frozenset({"status", "stopped"})
#: Fields and the places of their columns, from 0.
Columns = dict[str, tuple[int, ...]]
#: Share of a column's cells that must be numbers (or days) for it to be taken for one.
MOSTLY: Final = 0.6
#: Share that is enough where the column's name says it holds numbers: lists are messy.
SOME: Final = 0.2
#: Countries that write the month first.
MONTH_FIRST: Final = frozenset({"US", "PH", "FM", "MH", "PW", "AS", "GU", "MP", "PR", "VI"})
#: Longest text about where a yes came from.
MAX_SOURCE: Final = 512

class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides what a row becomes. Proof for rows that have none of
    their own: `source`, `date` (microseconds, 0 = none), `wording` and `document` by the SHA-256 of their bytes.
    A `stop_list` brings noes and nothing else: each row is one, or where columns tell who left, those rows.
    """

    name: str
    header: tuple[str, ...]
    columns: Columns
    purposes: tuple[str, ...]
    sender: str
    region: str = ""
    order: Order = "dmy"
    statuses: dict[str, Says] = {}
    source: str = ""
    date: int = 0
    wording: str = ""
    document: str = ""
    stops: Literal["everything", "purposes"] = "everything"
    stop_list: bool = False

    def cells(self, workspace: Workspace) -> tuple[Cell, ...]:
        """What a yes covers. Raises UnknownPurpose, UnknownSender."""
        return tuple(workspace.cell(purpose, self.sender) for purpose in self.purposes)

    def stop_cells(self, workspace: Workspace) -> tuple[Cell, ...]:
        """What a no covers: everything, as a bare STOP does, or the purposes of the import."""
        return (EVERYTHING,) if self.stops == "everything" else self.cells(workspace)


class Row(msgspec.Struct, frozen=True):
    """One row as understood. `missing` is what its proof lacks for a yes; what there is of it is kept all the same."""

    place: int
    address: Address
    says: Says
    proof: Proof | None = None
    missing: str = ""
    stopped_at: int = 0
    lang: str = ""


def refuse(problem: str, column: str = "") -> str:
    """Why a row cannot be used, naming the field."""
    return f"{column}: {problem}" if column else problem


# -- reading a row -----------------------------------------------------------------------------------------------------


def read_row(plan: Plan, place: int, cells: Sequence[str], now: int) -> Row:
    """What a row says. Raises Unreadable with the field and the trouble, never with the value.

    A row that says no is kept whatever else is wrong with it, as long as its number can be read.
    """
    _check_shape(plan, cells)
    got = {field: cells[columns[0]].strip() for field, columns in plan.columns.items()}
    try:
        address = number_of(got["phone"], plan.region or None)
    except Unreadable as error:
        raise Unreadable(refuse(str(error), _column(plan, "phone"))) from None
    lang = _lang(got.get("language", ""))
    left = [cell for column in plan.columns.get("stopped", ()) if is_stop(cell := cells[column])]
    if left:
        return Row(place, address, "no", stopped_at=max(_when_stopped(plan, cell, now) for cell in left), lang=lang)
    says: Says = "no"
    if not import_noes.left(plan.header, plan.columns, cells):
        says = _stop_or_not(plan, cells) if plan.stop_list else _status(plan, cells)
    if says != "yes":
        return Row(place, address, says, missing="" if says == "no" else "status", lang=lang)
    proof = _proof(plan, got, now)
    missing = proof.missing
    return Row(place, address, "unknown" if missing else "yes", proof, missing, 0, lang)


def _stop_or_not(plan: Plan, cells: Sequence[str]) -> Says:
    """In a list of stops a row without a word about it is a no; one that says it stayed is passed over."""
    said = {_status_in(plan, cells[column]) for column in plan.columns.get("status", ())}
    if "no" in said or not (said or "stopped" in plan.columns):
        return "no"
    raise Unreadable("this row does not say that the person left, and a list of stops brings nothing else")


def _check_shape(plan: Plan, cells: Sequence[str]) -> None:
    """A row wider than the header has its columns out of place; one that ends before a column that counts may have
    lost a no.
    """
    if any(cell.strip() for cell in cells[len(plan.header):]):
        raise Unreadable(f"the row has {len(cells)} cells and the header {len(plan.header)}")
    last = max(max(columns) for columns in plan.columns.values())
    if last >= len(cells):
        raise Unreadable(refuse(f"the row ends after {len(cells)} cells, before this column", plan.header[last]))


def _column(plan: Plan, field: str) -> str:
    return plan.header[plan.columns[field][0]]


def _status(plan: Plan, cells: Sequence[str]) -> Says:
    """Without a column for it a row of an opt-in list is a yes, if it has proof. A no in any of several counts."""
    said = [_status_in(plan, cells[column]) for column in plan.columns.get("status", ())]
    if "no" in said:
        return "no"
    for column, word in zip(plan.columns.get("status", ()), said, strict=True):
        if word is None:
            problem = "this status is known neither as a yes nor as a no; say which it is with --status"
            raise Unreadable(refuse(problem, plan.header[column]))
    return "unknown" if "unknown" in said else "yes"


def _status_in(plan: Plan, cell: str) -> Says | None:
    said = plan.statuses.get(folded(cell))
    return said if said is not None else status_of(cell)


def _when_stopped(plan: Plan, text: str, now: int) -> int:
    """The time of a no where the column holds one; 0 is now, the stricter."""
    try:
        return moment_of(text, plan.order, _hour(now), end=True)
    except Unreadable:
        return 0


def _proof(plan: Plan, got: Mapping[str, str], now: int) -> Proof:
    """The row's own proof, filled up with the file's."""
    at = plan.date
    if text := got.get("date", ""):
        try:
            at = moment_of(text, plan.order, _hour(now))
        except Unreadable as error:
            raise Unreadable(refuse(str(error), _column(plan, "date"))) from None
    source, wording = got.get("source", "") or plan.source, got.get("wording", "")
    if len(wording) > MAX_EVIDENCE:
        raise Unreadable(refuse(f"a wording has at most {MAX_EVIDENCE:,} characters; attach it as a document",
                                _column(plan, "wording")))
    if len(source) > MAX_SOURCE:
        raise Unreadable(refuse(f"a source has at most {MAX_SOURCE} characters", _column(plan, "source")))
    digest = hashlib.sha256(wording.encode()).hexdigest() if wording else plan.wording
    return Proof(source=source, at=at, wording=wording, wording_hash=digest, document=plan.document)


def _hour(now: int) -> int:
    """The hour of now: days read before are remembered for as long."""
    return now - now % HOUR


def _lang(text: str) -> str:
    tag = text.replace("_", "-")[:35]
    return tag if tag[:2].isalpha() and tag.isascii() and tag[2:3] in ("", "-") else ""


# -- guessing ----------------------------------------------------------------------------------------------------------


def guess(header: Sequence[str], sample: Iterable[Sequence[str]], region: str) -> Columns:
    """Which column holds what, by their names and by what stands in them."""
    rows = list(sample)
    contents = [[row[place].strip() for row in rows if place < len(row) and row[place].strip()]
                for place in range(len(header))]
    words = [import_noes.title_of(name) for name in header]
    numbers = [_share_of(cells, lambda cell: number_of(cell, region or None)) for cells in contents]
    phones = sorted((place for place in range(len(header)) if _is_phone(words[place], numbers[place], contents[place])),
                    key=lambda place: (_rank("phone", words[place]), -numbers[place], place))
    found: Columns = {"phone": (phones[0],)} if phones else {}
    taken = set(phones[:1])
    for field in ("stopped", "status", "date", "source", "wording", "language"):
        fitting = [place for place in range(len(header)) if _named(field, words[place]) and place not in taken
                   and _fits(field, contents[place])]
        fitting.sort(key=lambda place: _rank(field, words[place]))
        if fitting:
            found[field] = tuple(fitting) if field in MANY else (fitting[0],)
            taken.update(found[field])
    return found


def _is_phone(word: str, share: float, cells: Sequence[str]) -> bool:
    """A column called so holds numbers if some can be read; one that is not must hold little else, and no days, which
    have as many digits.
    """
    if word in load_columns().names["phone"]:
        return share >= SOME
    return share >= MOSTLY and not _days(cells)


def _named(field: str, word: str) -> bool:
    if field == "stopped":
        return import_noes.about_leaving(word)
    if field == "status":
        return import_noes.about_consent(word)
    return word in load_columns().names[field]


def _fits(field: str, cells: Sequence[str]) -> bool:
    """Whether what stands in a column is what its name promises: "state" may be a place, "date" a birthday. A column
    about consent in which somebody says no is read, whatever else stands in it; a column of links says nothing.
    """
    if not cells or field not in ("date", "status", "stopped"):
        return True
    if field == "stopped":
        return sum("://" in cell for cell in cells) < MOSTLY * len(cells)
    if field == "status":
        said = [status_of(cell) for cell in cells]
        return "no" in said or sum(word is not None for word in said) >= MOSTLY * len(cells)
    return _days(cells)


def _days(cells: Sequence[str]) -> bool:
    late = 2**62
    return max(_share_of(cells, lambda cell: moment_of(cell, "dmy", late)),
               _share_of(cells, lambda cell: moment_of(cell, "mdy", late))) >= MOSTLY


def _rank(field: str, word: str) -> int:
    names = load_columns().names[field]
    return names.index(word) if word in names else len(names)


def _share_of(cells: Sequence[str], read: Callable[[str], object]) -> float:
    good = 0
    for cell in cells:
        try:
            read(cell)
        except Unreadable:
            continue
        good += 1
    return good / len(cells) if cells else 0.0


def order_of(header: Sequence[str], sample: Iterable[Sequence[str]], columns: Columns, region: str,
             notes: list[str]) -> Order:
    """Whether days stand before months: by the cells, and where they do not tell by the country."""
    places = [*columns.get("date", ()), *columns.get("stopped", ())]
    texts = [row[place] for row in sample for place in places if place < len(row)]
    usual: Order = "mdy" if region in MONTH_FIRST else "dmy"
    orders = day_orders(texts)
    if len(orders) == 1:
        return next(iter(orders))
    numeric = [text for text in texts if text[:2].strip("/.- ").isdecimal() and not text[:4].isdecimal()]
    if numeric and "date" in columns:
        shown = "month before day" if usual == "mdy" else "day before month"
        notes.append(f"Days such as {numeric[0][:10]} in '{header[columns['date'][0]]}' are read {shown}; say "
                     "--date-order if that is wrong.")
    return usual


def columns_from(given: Iterable[tuple[str, str]], header: Sequence[str],
                 guessed: Mapping[str, tuple[int, ...]]) -> Columns:
    """The guess with what was said in front; an empty name takes a column away. Raises InvalidRequest."""
    said: dict[str, list[int]] = {}
    for field, name in given:
        if field not in FIELDS:
            raise InvalidRequest(f"'{field[:40]}' is no field; there are {', '.join(FIELDS)}.", param="map")
        places = said.setdefault(field, [])
        if name:
            places.append(_place_of(name, header))
        if len(places) > 1 and field not in MANY:
            raise InvalidRequest(f"Only one column can be {field}.", param="map")
    named = [place for places in said.values() for place in places]
    if len(set(named)) < len(named):
        raise InvalidRequest("One column cannot be two things.", param="map")
    found = {field: tuple(place for place in places if place not in named)
             for field, places in guessed.items() if field not in said}
    found |= {field: tuple(places) for field, places in said.items()}
    if not found.get("phone"):
        raise InvalidRequest("No column seems to hold phone numbers; name it with --map phone=COLUMN. There are: "
                             f"{', '.join(header)[:300]}.", param="map")
    return {field: found[field] for field in FIELDS if found.get(field)}


def _place_of(name: str, header: Sequence[str]) -> int:
    """A column by its name, in any case, or by its number from 1."""
    if name in header:
        return header.index(name)
    fitting = [place for place, column in enumerate(header) if column.casefold() == name.strip().casefold()]
    if fitting:
        return fitting[0]
    if name.isascii() and name.isdecimal() and 1 <= int(name) <= len(header):
        return int(name) - 1
    raise InvalidRequest(f"There is no column '{name[:60]}'. There are: {', '.join(header)[:300]}.", param="map")
