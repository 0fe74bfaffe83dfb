"""Notices written by command or API: drafted, looked at, published for ever, compared.

Who owns a wording is never in doubt: a notice that sayso.toml declares is changed there and nowhere else; one that was
published here stays in force when the file is applied again. Publishing is one transaction: the versions, their
events, the workspace's configuration, and the drafts, which go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from sayso.core import events
from sayso.core.compare import Line, compare
from sayso.core.findings import Finding
from sayso.core.lint import beyond_reason, musts
from sayso.core.purposes import check_name
from sayso.core.workspace import Notice, Template, Workspace
from sayso.errors import ConfigError, IntegrityError, InvalidRequest, NotFound, NoticeRefused
from sayso.flows import linting, setup
from sayso.flows.kit import Kit
from sayso.settings import checks
from sayso.settings.tables import MAX_ITEMS
from sayso.store.base import Row, Tx

#: Characters of a draft: four times what can be published, so that an overlong one can be kept and cut.
MAX_DRAFT: Final = 4096
#: Languages of one notice.
MAX_LANGUAGES: Final = 60
#: Characters of the reason something is missing, and of who wrote or published; the reason stands in the ledger.
REASON: Final = (10, 200)
MAX_AUTHOR: Final = 100
#: What a version is called that is not published yet.
DRAFT: Final = "draft"
#: Findings that an error repeats; the whole list is lint's.
MAX_TOLD: Final = 3


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A wording being worked on, in one language. It proves nothing."""

    notice: str
    lang: str
    text: str
    purposes: tuple[str, ...]
    senders: tuple[str, ...]
    author: str
    updated_at: int


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One published wording. `missing` and `reason`: the checks it did not pass, and why it was published without.
    `published_at` is 0 if its event is gone, which `sayso verify` names.
    """

    version: int
    lang: str
    hash: str
    text: str
    purposes: tuple[str, ...]
    senders: tuple[str, ...]
    event: str
    published_at: int
    missing: tuple[str, ...] = ()
    reason: str = ""


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A notice at a glance. `origin` is empty, and `version` 0, while there is only a draft."""

    name: str
    origin: Literal["file", "desk", ""]
    version: int
    purposes: tuple[str, ...]
    senders: tuple[str, ...]
    languages: tuple[str, ...]
    drafts: tuple[str, ...]


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What was put in force, and what lint still says of it. `carried` are the languages taken over unchanged."""

    notice: str
    version: int
    languages: tuple[str, ...]
    carried: tuple[str, ...]
    events: dict[str, str]
    findings: tuple[Finding, ...]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions of a wording side by side; a version is its number or "draft"."""

    notice: str
    lang: str
    before: str
    after: str
    lines: tuple[Line, ...]


# -- looking -----------------------------------------------------------------------------------------------------------


def overview(tx: Tx, workspace: Workspace) -> list[Overview]:
    """Every notice in force and every draft, by name."""
    written: dict[str, list[Draft]] = {}
    for row in tx.rows("all_notice_drafts", ws=workspace.id):
        written.setdefault(row[0], []).append(_draft(row))
    found = []
    for name in sorted({*workspace.notices, *written}):
        notice, own = workspace.notices.get(name), written.get(name, [])
        shown = notice or own[0]
        found.append(Overview(
            name=name, origin=notice.origin if notice else "", version=notice.version if notice else 0,
            purposes=shown.purposes, senders=shown.senders, languages=tuple(notice.text) if notice else (),
            drafts=tuple(draft.lang for draft in own)))
    return found


def drafts(tx: Tx, ws: str, name: str) -> list[Draft]:
    """The drafts of a notice, by language."""
    return [_draft(row) for row in tx.rows("notice_drafts_of", ws=ws, notice=name)]


def history(tx: Tx, ws: str, name: str) -> list[Version]:
    """Every version ever in force, newest first. Raises NotFound."""
    found = [_version(row) for row in tx.rows("notice_history", ws=ws, notice=name)]
    if not found:
        raise NotFound(f"No notice '{name[:48]}' was ever published.", param="notice")
    return found


def proposed(tx: Tx, workspace: Workspace, name: str, templates: Mapping[str, Template] | None = None) -> Notice:
    """What publishing the drafts of a notice would put in force. Raises NotFound without a draft, InvalidRequest."""
    _refuse_declared(workspace, name)
    own, now = drafts(tx, workspace.id, name), workspace.notices.get(name)
    if not own:
        raise NotFound(f"There is no draft of '{name[:48]}'; write one first.", param="notice")
    text = {**(now.text if now else {}), **{draft.lang: draft.text for draft in own}}
    same = {lang for lang in text if now and now.text.get(lang) == text[lang]}
    kept = {lang: shown for lang, shown in now.templates.items() if lang in same} if now else {}
    highest = max((row[0] for row in tx.rows("notice_history", ws=workspace.id, notice=name)), default=0)
    notice = Notice(name, highest + 1, own[0].purposes, own[0].senders, text, {**kept, **(templates or {})}, "desk")
    if now and replace(notice, version=now.version) == now:
        raise InvalidRequest("The draft says what is in force already.", param="notice")
    return _checked(notice, workspace)


def difference(tx: Tx, workspace: Workspace, name: str, lang: str = "", before: str = "",
               after: str = "") -> Difference:
    """Two versions side by side: the draft (or the newest) against the one before it, unless they are named. Raises
    NotFound, InvalidRequest.
    """
    texts: dict[str, dict[str, str]] = {}
    if own := drafts(tx, workspace.id, name):
        texts[DRAFT] = {draft.lang: draft.text for draft in own}
    for row in tx.rows("notice_history", ws=workspace.id, notice=name):
        texts.setdefault(str(row[0]), {})[row[1]] = row[3]
    order = list(texts)
    if not order:
        raise NotFound(f"There is no notice '{name[:48]}'.", param="notice")
    after = after or order[0]
    before = before or next(iter(order[order.index(after) + 1:] if after in order else ()), after)
    for wanted, param in ((before, "before"), (after, "after")):
        if wanted not in texts:
            raise InvalidRequest(f"There is no version '{wanted[:20]}'; there is {', '.join(order[:20])}.", param=param)
    lang = lang or next((tag for tag in texts[after] if tag in texts[before]), next(iter(texts[after])))
    if lang not in texts[after] and lang not in texts[before]:
        raise NotFound(f"It is not written in '{lang[:20]}'.", param="lang")
    return Difference(notice=name, lang=lang, before=before, after=after,
                      lines=compare(texts[before].get(lang, ""), texts[after].get(lang, "")))


# -- writing -----------------------------------------------------------------------------------------------------------


def draft(tx: Tx, kit: Kit, workspace: Workspace, name: str, lang: str, text: str, *, purposes: tuple[str, ...] = (),
          senders: tuple[str, ...] = (), author: str = "") -> Draft:
    """Keep a draft in one language, in place of the one before. Purposes and senders are those of the whole notice;
    left out, they stay as they are. Raises InvalidRequest.
    """
    check_name(name, "notice")
    _refuse_declared(workspace, name)
    own, now = drafts(tx, workspace.id, name), workspace.notices.get(name)
    known = own[0] if own else now
    purposes = purposes or (known.purposes if known else ())
    senders = senders or (known.senders if known else tuple(workspace.senders) if len(workspace.senders) == 1 else ())
    if not text.strip() or len(text) > MAX_DRAFT:
        raise InvalidRequest(f"A draft has 1 to {MAX_DRAFT} characters.", param="text")
    if len(author) > MAX_AUTHOR:
        raise InvalidRequest(f"An author's name has at most {MAX_AUTHOR} characters.", param="author")
    if lang not in {each.lang for each in own} and len(own) >= MAX_LANGUAGES:
        raise InvalidRequest(f"A notice is in at most {MAX_LANGUAGES} languages.", param="lang")
    if not own and len({row[0] for row in tx.rows("all_notice_drafts", ws=workspace.id)}) >= MAX_ITEMS:
        raise InvalidRequest(f"There are at most {MAX_ITEMS} drafts.", param="notice")
    _checked(Notice(name, 1, purposes, senders, {lang: "-"}), workspace)  # all but the text, which may be unfinished
    kept = Draft(notice=name, lang=lang, text=text, purposes=purposes, senders=senders, author=author,
                 updated_at=kit.now())
    joined = {"purposes": " ".join(purposes), "senders": " ".join(senders)}
    tx.run("put_notice_draft", ws=workspace.id, notice=name, lang=lang, text=text, author=author, now=kept.updated_at,
           **joined)
    tx.run("set_drafts_cover", ws=workspace.id, notice=name, **joined)
    return kept


def discard(tx: Tx, workspace: Workspace, name: str, lang: str = "") -> int:
    """Forget the drafts of a notice, or of one language; how many there were. Raises NotFound if none."""
    if lang:
        gone = tx.run("drop_notice_draft", ws=workspace.id, notice=name, lang=lang)
    else:
        gone = tx.run("drop_notice_drafts", ws=workspace.id, notice=name)
    if not gone:
        raise NotFound(f"There is no such draft of '{name[:48]}'.", param="notice")
    return gone


def publish(tx: Tx, kit: Kit, workspace: Workspace, name: str, *, reason: str = "", author: str = "",
            templates: Mapping[str, Template] | None = None) -> Published:
    """Put the drafts of a notice in force as its next version; languages without a draft are carried over.

    `reason` lets it pass although something is missing, and stands in the ledger: no names in it. Nothing lets a
    deceptive wording pass. Raises NoticeRefused, NotFound, InvalidRequest.
    """
    workspace = _to_change(tx, workspace)
    notice = proposed(tx, workspace, name, templates)
    found = linting.look_whole(workspace, notice)
    facts = _excused(found, reason.strip())
    by = {"author": author[:MAX_AUTHOR]} if author else {}
    recorded = {lang: setup.put_in_force(tx, kit, workspace.id, notice, lang, facts=facts, evidence=by)
                for lang in notice.text}
    before = workspace.notices.get(name)
    carried = tuple(lang for lang in notice.text if before and before.text.get(lang) == notice.text[lang])
    setup.store_config(tx, kit, replace(workspace, notices={**workspace.notices, name: notice}))
    tx.run("drop_notice_drafts", ws=workspace.id, notice=name)
    return Published(notice=name, version=notice.version, languages=tuple(notice.text), carried=carried,
                     events=recorded, findings=found)


def retire(tx: Tx, kit: Kit, workspace: Workspace, name: str) -> None:
    """Take a notice that was published here out of force. What was published stays on record. Raises NotFound,
    InvalidRequest while an entry point shows it.
    """
    workspace = _to_change(tx, workspace)
    _refuse_declared(workspace, name)
    if name not in workspace.notices:
        raise NotFound(f"There is no notice '{name[:48]}' in force.", param="notice")
    users = [entry.name for entry in workspace.entries.values() if entry.notice == name]
    if users:
        raise InvalidRequest(f"The entry point '{users[0]}' shows it; give that another notice first.", param="notice")
    kept = {key: notice for key, notice in workspace.notices.items() if key != name}
    setup.store_config(tx, kit, replace(workspace, notices=kept))


def _excused(found: tuple[Finding, ...], reason: str) -> dict[str, str]:
    """The facts that say what is missing and why. Raises NoticeRefused, InvalidRequest."""
    for never, grave in ((True, beyond_reason(found)), (False, musts(found))):
        if grave and (never or not reason):
            raise NoticeRefused(_told(grave) + ("" if never else " Mend it, or publish with a reason."), param="text")
    missing = sorted({finding.code for finding in musts(found)})
    if not missing:
        return {}
    low, high = REASON
    if not low <= len(reason) <= high or "\n" in reason:
        raise InvalidRequest(f"A reason has {low} to {high} characters on one line.", param="reason")
    return {"missing": " ".join(missing), "reason": reason}


def _told(grave: tuple[Finding, ...]) -> str:
    told = [f"{finding.code} ({finding.lang}): {finding.sentence}" for finding in grave[:MAX_TOLD]]
    more = f" And {len(grave) - MAX_TOLD} more." if len(grave) > MAX_TOLD else ""
    return " ".join(told) + more


def _refuse_declared(workspace: Workspace, name: str) -> None:
    notice = workspace.notices.get(name)
    if notice is not None and notice.origin == "file":
        raise InvalidRequest(f"The notice '{name}' is declared in sayso.toml: write the new wording there, raise its "
                             "version and run `sayso init`.", param="notice")


def _checked(notice: Notice, workspace: Workspace) -> Notice:
    """The notice, if a sayso.toml could declare it. Raises InvalidRequest."""
    try:
        return checks.notice(notice, f"notices.{notice.name}", workspace.purposes, workspace.senders)
    except ConfigError as error:
        param = (error.param or "").removeprefix(f"notices.{notice.name}.")
        raise InvalidRequest(error.detail.removeprefix(f"notices.{notice.name}."), param=param or None) from error


def _to_change(tx: Tx, workspace: Workspace) -> Workspace:
    """The workspace as it is stored now; nobody else changes it until this transaction ends."""
    row = tx.row("workspace_to_change", slug=workspace.slug)
    if row is None or row[0] != workspace.id:
        raise NotFound("This workspace is not there any more.")
    return setup.decode(row)


def _draft(row: Row) -> Draft:
    return Draft(notice=row[0], lang=row[1], text=row[2], purposes=tuple(row[3].split()), senders=tuple(row[4].split()),
                 author=row[5], updated_at=row[6])


def _version(row: Row) -> Version:
    purposes, _, senders = row[4].partition(" | ")
    facts: dict[str, events.Fact] = {}
    if row[7] is not None:
        try:
            facts = events.decode(bytes(row[7])).facts
        except IntegrityError:
            facts = {}  # `sayso verify` names it; a list of wordings must not fail for it
    return Version(
        version=row[0], lang=row[1], hash=row[2], text=row[3], purposes=tuple(purposes.split()),
        senders=tuple(senders.split()), event=row[5], published_at=row[6] or 0,
        missing=tuple(str(facts.get("missing", "")).split()), reason=str(facts.get("reason", "")))
