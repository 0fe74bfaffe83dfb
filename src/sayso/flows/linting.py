"""Lint joined to a workspace: its name, its purposes in each language, the rules of its countries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sayso.core.findings import Finding, Place, Topic, Wording
from sayso.core.lint import beyond_reason, in_order, lint, lint_languages
from sayso.core.workspace import Notice, Workspace
from sayso.errors import ConfigError
from sayso.rules import countries
from sayso.rules.countries import Country
from sayso.rules.vocabulary import vocabulary


def codes_of(workspace: Workspace) -> tuple[str, ...]:
    """The countries whose rules matter: the workspace's own, and those whose numbers its forms may ask."""
    return tuple(dict.fromkeys(code for code in (workspace.country, *workspace.policy.countries) if code))


def look(workspace: Workspace, text: str, lang: str, *, purposes: Iterable[str] = (), place: Place = "interactive",
         buttons: tuple[str, ...] = (), rules: tuple[Country, ...] | None = None) -> tuple[Finding, ...]:
    """Everything found in one text. Raises UnknownPurpose."""
    if rules is None:
        rules = countries.rules_for(codes_of(workspace))
    chosen = [workspace.purpose(name) for name in purposes]
    topics = tuple(Topic(purpose.titles.get(lang) or purpose.title, purpose.cls) for purpose in chosen)
    linked = place == "page" and bool(workspace.privacy)
    wording = Wording(text, lang, place, workspace.name, topics, buttons, countries.elements(rules), linked)
    return lint(wording, vocabulary())


def look_whole(workspace: Workspace, notice: Notice, *, place: Place = "interactive",
               rules: tuple[Country, ...] | None = None) -> tuple[Finding, ...]:
    """Everything found in a notice: in each of its languages, and in which languages it is written."""
    if rules is None:
        rules = countries.rules_for(codes_of(workspace))
    found = [finding for lang, text in notice.text.items()
             for finding in look(workspace, text, lang, purposes=notice.purposes, place=place, rules=rules)]
    return in_order([*found, *lint_languages(notice.text, countries.spoken(rules))])


def refuse_deception(workspace: Workspace, notice: Notice, lang: str) -> None:
    """A wording of sayso.toml may lack what it should say, which `sayso init` tells; deceive it may not. Raises
    ConfigError.
    """
    found = beyond_reason(look(workspace, notice.text[lang], lang, purposes=notice.purposes, rules=()))
    for finding in found:
        if finding.kind == "design":
            raise ConfigError(f"notices.{notice.name}.text.{lang}: {finding.code}: {finding.sentence}",
                              param=f"notices.{notice.name}.text.{lang}")


def counted(found: Iterable[Finding]) -> Mapping[str, int]:
    """How many of each severity."""
    counts = {"must": 0, "should": 0}
    for finding in found:
        counts[finding.severity] += 1
    return counts
