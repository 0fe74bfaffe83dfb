"""Carries out `sayso notice` and `sayso lint`: reads a text from wherever it is, shows findings and differences."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast, get_args

import typer

from sayso.cli.opening import open_sayso
from sayso.cli.say import FAILED, console, note, table, tell, when
from sayso.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from rich.text import Text

    from sayso.core.compare import Line
    from sayso.core.findings import Finding, Place
    from sayso.core.workspace import Notice, Template, Workspace
    from sayso.flows.notices import Difference
    from sayso.library import Sayso
    from sayso.rules.countries import Country
    from sayso.store.base import Tx

#: Bytes of a file that lint reads: four times the longest draft, in a script of four bytes a character.
MAX_FILE: Final = 65_536
SIGNS: Final = {"same": " ", "changed": "~", "added": "+", "removed": "-"}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a draft's text comes from: exactly one of them is given."""

    text: str
    file: Path | None
    starter: str
    privacy: str


def show_all(database: str, workspace: str, *, as_json: bool) -> None:
    """`notice list`."""
    from sayso.flows import notices

    with open_sayso(database, workspace) as sayso:
        found = sayso.system.store.read(lambda tx: notices.overview(tx, sayso.workspace))
    if as_json:
        tell(found, "", as_json=True)
        return
    table(("notice", "where", "version", "languages", "drafts", "purposes", "senders"),
          [(one.name, {"file": "sayso.toml", "desk": "published here", "": "draft"}[one.origin],
            str(one.version or "-"), " ".join(one.languages) or "-", " ".join(one.drafts) or "-",
            " ".join(one.purposes), " ".join(one.senders)) for one in found],
          empty="There is no notice. Begin: sayso notice draft welcome --starter offers --lang en --purposes offers")


def show(database: str, workspace: str, name: str, lang: str, *, as_json: bool) -> None:
    """`notice show`. Raises NotFound."""
    from sayso.flows import notices

    with open_sayso(database, workspace) as sayso:
        now = sayso.workspace.notices.get(name)
        own = sayso.system.store.read(lambda tx: notices.drafts(tx, sayso.workspace.id, name))
    if now is None and not own:
        raise NotFound(f"There is no notice '{name[:48]}'.", param="name")
    texts = {tag: text for tag, text in now.text.items() if lang in ("", tag)} if now else {}
    own = [draft for draft in own if lang in ("", draft.lang)]
    if not texts and not own:
        raise NotFound(f"It is not written in '{lang[:20]}'.", param="lang")
    value = {"notice": name, "origin": now.origin if now else "", "version": now.version if now else 0, "text": texts,
             "hash": {tag: now.hash(tag) for tag in texts} if now else {}, "drafts": own}
    shown = [f"{name} version {now.version}, {tag}, {now.hash(tag)}\n\n{text}"
             for tag, text in texts.items()] if now else []
    shown += [f"{name} draft, {draft.lang}, {when(draft.updated_at)}\n\n{draft.text}" for draft in own]
    tell(value, "\n\n".join(shown), as_json=as_json)


def draft(database: str, workspace: str, name: str, lang: str, source: Source, purposes: str, senders: str, *,
          as_json: bool) -> None:
    """`notice draft`: keep it, then show what lint says. Raises InvalidRequest."""
    from sayso.flows import linting, notices

    with open_sayso(database, workspace) as sayso:
        lang = lang or sayso.workspace.language
        text = _text_of(source, sayso.workspace, lang)
        chosen = _listed(purposes) or _purpose_of(sayso, name, source.starter)
        kept = sayso.system.store.write(lambda tx: notices.draft(
            tx, sayso.system.kit, sayso.workspace, name, lang, text, purposes=chosen, senders=_listed(senders),
            author=_author()))
        found = linting.look(sayso.workspace, kept.text, lang, purposes=kept.purposes)
    tell({"draft": kept, "findings": found}, f"{name} draft, {lang}\n\n{kept.text}", as_json=as_json)
    if not as_json:
        _show_findings(found)
        note(f"Next: sayso notice publish {name}")


def discard(database: str, workspace: str, name: str, lang: str, *, as_json: bool) -> None:
    """`notice draft --discard`. Raises NotFound."""
    from sayso.flows import notices

    with open_sayso(database, workspace) as sayso:
        gone = sayso.system.store.write(lambda tx: notices.discard(tx, sayso.workspace, name, lang))
    tell({"notice": name, "discarded": gone}, f"{gone} draft{'s' if gone > 1 else ''} of {name} thrown away.",
         as_json=as_json)


def diff(database: str, workspace: str, name: str, lang: str, before: str, after: str, *, as_json: bool) -> None:
    """`notice diff`. Raises NotFound, InvalidRequest."""
    from sayso.flows import notices

    with open_sayso(database, workspace) as sayso:
        found = sayso.system.store.read(lambda tx: notices.difference(tx, sayso.workspace, name, lang, before, after))
    if as_json:
        tell(found, "", as_json=True)
    else:
        _draw(found)


def publish(database: str, workspace: str, name: str, reason: str, templates: Sequence[str], *, as_json: bool) -> None:
    """`notice publish`. Raises NoticeRefused, NotFound, InvalidRequest."""
    from sayso.flows import notices

    given = _templates(templates)
    with open_sayso(database, workspace) as sayso:
        done = sayso.system.store.write(lambda tx: notices.publish(
            tx, sayso.system.kit, sayso.workspace, name, reason=reason, author=_author(), templates=given))
        sayso.system.directory.refresh()
    tell(done, f"{name} version {done.version} is in force: {', '.join(done.languages)}.", as_json=as_json)
    if not as_json:
        if done.carried:
            note(f"Taken over as they were: {', '.join(done.carried)}.")
        _show_findings(done.findings)


def history(database: str, workspace: str, name: str, lang: str, *, as_json: bool) -> None:
    """`notice history`. Raises NotFound."""
    from sayso.flows import notices

    with open_sayso(database, workspace) as sayso:
        found = sayso.system.store.read(lambda tx: notices.history(tx, sayso.workspace.id, name))
    found = [one for one in found if lang in ("", one.lang)]
    if as_json:
        tell(found, "", as_json=True)
        return
    table(("version", "language", "published (UTC)", "purposes", "senders", "missing", "hash"),
          [(str(one.version), one.lang, when(one.published_at), " ".join(one.purposes), " ".join(one.senders),
            f"{' '.join(one.missing)}: {one.reason}" if one.missing else "-", one.hash) for one in found],
          empty=f"{name} was never published in {lang}.")


def retire(database: str, workspace: str, name: str, *, as_json: bool) -> None:
    """`notice retire`. Raises NotFound, InvalidRequest."""
    from sayso.flows import notices

    with open_sayso(database, workspace) as sayso:
        sayso.system.store.write(lambda tx: notices.retire(tx, sayso.system.kit, sayso.workspace, name))
        sayso.system.directory.refresh()
    tell({"notice": name, "retired": True}, f"{name} is out of force; its versions stay on record.", as_json=as_json)


def lint(database: str, workspace: str, file: Path | None, notice: str, lang: str, place: str, purposes: str,
         buttons: tuple[str, ...], country: tuple[str, ...], *, as_json: bool) -> None:
    """`sayso lint`: exit 1 if something must be mended. Raises InvalidRequest, NotFound."""
    from sayso.core.findings import Place
    from sayso.core.lint import musts
    from sayso.flows import linting

    if place not in get_args(Place):
        raise InvalidRequest(f"A place is one of {', '.join(get_args(Place))}.", param="--place")
    if file is not None and notice:
        raise InvalidRequest("Name a file or --notice, not both.", param="--notice")
    where = cast("Place", place)
    with open_sayso(database, workspace) as sayso:
        rules = _rules(country, sayso.workspace)
        found: dict[str, tuple[Finding, ...]] = {}
        if file is not None:
            lang = lang or sayso.workspace.language
            found[str(file)] = linting.look(sayso.workspace, _read(file), lang, purposes=_listed(purposes), place=where,
                                            buttons=buttons, rules=rules)
        else:
            found = {each.name: linting.look_whole(sayso.workspace, each, place=where, rules=rules)
                     for each in _notices(sayso, notice, lang)}
    if as_json:
        tell([{"what": name, "findings": list(each)} for name, each in found.items()], "", as_json=True)
    else:
        for name, told in found.items():
            note(f"{name}: {_count(told)}")
            _show_findings(told)
    if any(musts(each) for each in found.values()):
        raise typer.Exit(FAILED)


# -- reading -----------------------------------------------------------------------------------------------------------


def _text_of(source: Source, workspace: Workspace, lang: str) -> str:
    given = [bool(source.text), source.file is not None, bool(source.starter)]
    if sum(given) != 1:
        raise InvalidRequest("Give the wording by one of --text, --file and --starter.", param="--text")
    if source.starter:
        from sayso.rules.vocabulary import starter_for

        return starter_for(lang).text(source.starter, workspace.name, source.privacy or workspace.privacy)
    return source.text if source.file is None else _read(source.file)


def _read(file: Path) -> str:
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(MAX_FILE + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise InvalidRequest(f"{file} has over {MAX_FILE} bytes; a notice has at most 1,024 characters.",
                                 param="FILE")
        return data.decode("utf-8-sig").replace("\r\n", "\n").strip()
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error.strerror}.", param="FILE") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{file} is not UTF-8 text.", param="FILE") from error


def _purpose_of(sayso: Sayso, name: str, starter: str) -> tuple[str, ...]:
    """A starter named as a purpose is for that purpose, unless the notice has its own already."""
    known = name in sayso.workspace.notices
    return (starter,) if starter in sayso.workspace.purposes and not known else ()


def _notices(sayso: Sayso, name: str, lang: str) -> list[Notice]:
    """The notices to look at, as they would be: a draft goes before what is in force."""
    from msgspec.structs import replace

    from sayso.flows import notices

    def work(tx: Tx) -> list[Notice]:
        return [notices.proposed(tx, sayso.workspace, one.name) if one.drafts and one.origin != "file"
                else sayso.workspace.notices[one.name]
                for one in notices.overview(tx, sayso.workspace) if name in ("", one.name)]

    found = sayso.system.store.read(work)
    if name and not found:
        raise NotFound(f"There is no notice '{name[:48]}'.", param="--notice")
    if not lang:
        return found
    return [replace(each, text={lang: each.text[lang]}) for each in found if lang in each.text]


def _rules(codes: tuple[str, ...], workspace: Workspace) -> tuple[Country, ...]:
    from sayso.flows.linting import codes_of
    from sayso.rules import countries

    for code in codes:
        if not countries.ISO.match(code):
            raise InvalidRequest(f"'{code[:12]}' is no country; write its ISO letters, such as DE or US-CA.",
                                 param="--country")
        if not countries.rules_for([code]):
            note(f"Nothing is known of the rules in {code}.")
    return countries.rules_for(codes or codes_of(workspace))


def _templates(given: Sequence[str]) -> dict[str, Template]:
    from sayso.core.workspace import Template

    found = {}
    for line in given:
        lang, _, rest = line.partition("=")
        name, _, language = rest.partition(":")
        if not lang or not name:
            raise InvalidRequest("Write a template as LANG=NAME:LANGUAGE, such as es=sayso_optin:es_MX.",
                                 param="--template")
        found[lang] = Template(name, language or lang.replace("-", "_"))
    return found


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _author() -> str:
    """Who sits at the terminal, as far as the machine knows."""
    return (os.environ.get("SUDO_USER") or os.environ.get("USER") or os.environ.get("USERNAME") or "terminal")[:100]


# -- showing -----------------------------------------------------------------------------------------------------------


def _show_findings(found: Iterable[Finding]) -> None:
    for finding in found:
        place = f" {finding.where}" if finding.where != "text" else ""
        span = f" [{finding.start}-{finding.end}]" if finding.end else ""
        print(f"{finding.severity}\t{finding.code}\t{finding.lang}{place}{span}\t{finding.sentence}")


def _count(found: Iterable[Finding]) -> str:
    from sayso.flows.linting import counted

    counts = counted(found)
    if not any(counts.values()):
        return "nothing to mend"
    return ", ".join(f"{number} {name} be mended" for name, number in counts.items() if number)


def _draw(found: Difference) -> None:
    """Side by side on a terminal, lines with signs elsewhere."""
    heads = (f"{found.before}", f"{found.after}")
    if not sys.stdout.isatty():
        print(f"{found.notice} ({found.lang})\t{heads[0]}\t{heads[1]}")
        for line in found.lines:
            print(f"{SIGNS[line.change]}\t{line.left}\t{line.right}")
        return
    from rich import box
    from rich.table import Table

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"{found.notice} ({found.lang})", title_justify="left")
    drawn.add_column("")
    for head in heads:
        drawn.add_column(head, overflow="fold", ratio=1)
    for line in found.lines:
        drawn.add_row(SIGNS[line.change], *_sides(line))
    console().print(drawn)


def _sides(line: Line) -> tuple[Text, Text]:
    from rich.text import Text

    left, right = Text(line.left), Text(line.right)
    for start, end in line.left_words:
        left.stylize("red strike", start, end)
    for start, end in line.right_words:
        right.stylize("green bold", start, end)
    return left, right
