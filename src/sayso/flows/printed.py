"""What is printed for an entry point: its QR code with the words under it, and its poster with the notice's wording."""

from __future__ import annotations

from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumberFormat

from sayso.channels import qr
from sayso.channels.poster import Poster
from sayso.channels.qr import Allowed, Code, Label
from sayso.core.workspace import Entry, Workspace
from sayso.errors import InvalidRequest
from sayso.flows import entries
from sayso.flows.entries import Link


@dataclass(frozen=True, slots=True)
class Printed:
    """A checked code, what stands under it, and where it leads."""

    code: Code
    label: Label
    link: Link


def allowed(workspace: Workspace, public_url: str) -> Allowed:
    """Where the codes of this business may lead: its pages, and chats with its WhatsApp numbers."""
    numbers = (sender.phone for sender in workspace.senders.values() if sender.channel == "whatsapp")
    return Allowed(public_url, tuple(numbers))


def code(workspace: Workspace, entry: Entry, public_url: str, own: str, *, chat: bool = False) -> Printed:
    """The QR code of an entry point by its own code or a placement's. Raises as `entries.link` and `qr.encode`."""
    link = entries.link(workspace, entry, public_url, own, chat=chat)
    made = qr.encode(link.url, allowed(workspace, public_url))
    titles = workspace.titles(workspace.cells_of(workspace.notices[entry.notice]), entry.lang or workspace.language)
    label = Label(workspace.name, link.short, f"{workspace.name}: {titles}",
                  f"QR code. It opens {link.short}. Number: {written(link.number)}.")
    return Printed(made, label, link)


def poster(workspace: Workspace, entry: Entry, printed: Printed, placement: str = "", lang: str = "") -> Poster:
    """The poster in one of the notice's languages. Raises InvalidRequest for a language it is not written in."""
    notice = workspace.notices[entry.notice]
    if lang and lang not in notice.text:
        raise InvalidRequest(f"Notice '{notice.name}' is not written in '{lang}', only in "
                             f"{', '.join(sorted(notice.text))}.", param="lang")
    chosen = lang or notice.language(entry.lang or workspace.language, workspace.language)
    mark = " · ".join(part for part in (entry.name, placement, printed.link.code, f"{notice.name} {notice.version}")
                      if part)
    return Poster(workspace.name, notice.text[chosen], chosen, printed.code, printed.link.short,
                  written(printed.link.number), printed.link.word, mark)


def written(number: str) -> str:
    """A number as people write it, with its country code."""
    return phonenumbers.format_number(phonenumbers.parse(number), PhoneNumberFormat.INTERNATIONAL)
