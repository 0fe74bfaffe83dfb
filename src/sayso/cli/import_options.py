"""What is said on the command line of `sayso import`, and the plan that comes of it and of the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from sayso.errors import ConfigError, InvalidRequest

if TYPE_CHECKING:
    from sayso.channels.files import Table
    from sayso.flows.import_plan import Plan
    from sayso.flows.import_values import Order, Says
    from sayso.library import Sayso

SAYS: Final[dict[str, Says]] = {"yes": "yes", "no": "no", "unknown": "unknown"}
ORDERS: Final[dict[str, Order]] = {"dmy": "dmy", "mdy": "mdy"}


@dataclass(frozen=True, slots=True)
class Given:
    """What was said on the command line."""

    map: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    purposes: str = ""
    sender: str = ""
    source: str = ""
    date: str = ""
    wording: Path | None = None
    document: Path | None = None
    date_order: str = ""
    stops: str = ""
    format: str = ""
    encoding: str = ""
    sheet: str = ""
    stop_list: bool = False
    #: Anything that would make another plan: without it, an import that was begun goes on as it was planned.
    plain: bool = field(init=False, default=True)

    def __post_init__(self) -> None:
        said = (self.map, self.status, self.purposes, self.sender, self.source, self.date, self.wording, self.document,
                self.date_order, self.stops, self.stop_list)
        object.__setattr__(self, "plain", not any(said))


def plan_of(sayso: Sayso, opened: Table, file: Path, given: Given) -> tuple[Plan, dict[Path, bytes]]:
    """How the file is read: what was said, and guesses for the rest. Papers are read and not yet kept."""
    import hashlib

    from sayso.flows.import_plan import Plan, columns_from, guess, order_of

    workspace, region = sayso.workspace, sayso.workspace.country
    sample = [line.cells for line in opened.sample]
    columns = columns_from(_pairs(given.map, "map"), opened.header, guess(opened.header, sample, region))
    order = _order(given.date_order) or order_of(opened.header, sample, columns, region, opened.notes)
    purposes = tuple(part.strip() for part in given.purposes.split(",") if part.strip())
    if not purposes and len(workspace.purposes) != 1 and not (given.stop_list and given.stops != "purposes"):
        raise InvalidRequest(f"Say what these people agreed to: --purposes {','.join(workspace.purposes)[:200]}.",
                             param="purposes")
    papers = {path: _content(path) for path in (given.wording, given.document) if path}
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in papers.items()}
    plan = Plan(
        name=file.name[:200], header=opened.header, columns=columns, purposes=purposes or tuple(workspace.purposes),
        sender=workspace.sender(given.sender).name, region=region, order=order, statuses=_statuses(given.status),
        source=given.source.strip()[:500], date=_day(sayso, given.date, order), stops=_stops(given.stops),
        wording=digests[given.wording] if given.wording else "",
        document=digests[given.document] if given.document else "", stop_list=given.stop_list,
    )
    plan.cells(workspace)  # every name is declared
    return plan, papers


def _pairs(given: Iterable[str], param: str) -> list[tuple[str, str]]:
    """NAME=VALUE, several with commas between or the option repeated. Raises InvalidRequest."""
    found = []
    for part in (piece for text in given for piece in text.split(",") if piece.strip()):
        name, sign, value = part.partition("=")
        if not sign:
            raise InvalidRequest(f"--{param} is written NAME=VALUE, with commas between.", param=param)
        found.append((name.strip(), value.strip()))
    return found


def _statuses(given: Iterable[str]) -> dict[str, Says]:
    from sayso.rules.columns import folded

    found: dict[str, Says] = {}
    for word, says in _pairs(given, "status"):
        if says not in SAYS:
            raise InvalidRequest("A status means yes, no or unknown, as in --status Gold=yes.", param="status")
        found[folded(word)] = SAYS[says]
    return found


def _order(text: str) -> Order | None:
    if text and text not in ORDERS:
        raise InvalidRequest("The order of days is dmy or mdy.", param="date-order")
    return ORDERS.get(text)


def _stops(text: str) -> Literal["everything", "purposes"]:
    if text not in ("", "everything", "purposes"):
        raise InvalidRequest("A no covers everything or purposes.", param="stops")
    return "purposes" if text == "purposes" else "everything"


def _day(sayso: Sayso, text: str, order: Order) -> int:
    from sayso.flows.import_values import Unreadable, moment_of

    if not text:
        return 0
    try:
        return moment_of(text, order, sayso.system.kit.now())
    except Unreadable as error:
        raise InvalidRequest(f"{error}.", param="proof-date") from None


def _content(path: Path) -> bytes:
    from sayso.flows.elsewhere import MAX_DOCUMENT

    try:
        with path.open("rb") as file:
            content = file.read(MAX_DOCUMENT + 1)
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be read: {error.strerror}.", param="document") from error
    if not content or len(content) > MAX_DOCUMENT:
        raise InvalidRequest(f"{path.name}: a document has 1 byte to {MAX_DOCUMENT // 1024**2} MB.", param="document")
    return content
