"""Lint: what is wrong with a wording, and what to mend. Pure; its words come from `rules/` as a Vocabulary.

A finding is a `must` or a `should`. A wording with a `must` is not published, unless the fault is that something is
missing and somebody gives a reason, which is recorded. Lint finds what it has words for: it is no lawyer, and a text
without findings can still be wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from sayso.core.findings import CHECKS, Finding, Looked, Severity, Vocabulary, Wording
from sayso.core.intents import languages_of
from sayso.core.lint_design import choices, deceptions
from sayso.core.lint_form import faults
from sayso.core.lint_says import missing
from sayso.core.prose import tokens

_ORDER: Final = {"must": 0, "should": 1}


@dataclass(frozen=True, slots=True)
class Spoken:
    """The languages a country wants a notice in: any of each group."""

    country: str
    languages: tuple[str, ...]
    says: str
    cite: str
    firm: bool


def lint(wording: Wording, vocabulary: Vocabulary) -> tuple[Finding, ...]:
    """Everything found in one wording, the gravest first. Never raises; reads the first 4,096 characters."""
    tongue = vocabulary.tongue(wording.lang)
    looked = Looked(wording, vocabulary, tongue, wording.text, tokens(wording.text))
    found = [*faults(looked), *missing(looked), *deceptions(looked), *choices(looked)]
    for number, text in enumerate(wording.buttons, 1):
        button = Looked(wording, vocabulary, tongue, text, tokens(text), f"button {number}")
        found += [*faults(button), *deceptions(button)]
    return in_order(found)


def lint_languages(written: Collection[str], wanted: Iterable[Spoken]) -> tuple[Finding, ...]:
    """Languages a country asks for in which the notice is not written."""
    found = []
    for spoken in wanted:
        for lang in spoken.languages:
            if languages_of(lang, written) or any(languages_of(tag, (lang,)) for tag in written):
                continue
            severity: Severity = "must" if spoken.firm else "should"
            found.append(Finding(
                code="country_language", severity=severity, kind=CHECKS["country_language"].kind, lang=lang,
                where="notice", sentence=f'Write it in "{lang}" too. {spoken.country} asks for it: {spoken.says} '
                                         f"({spoken.cite})."))
    return tuple(found)


def in_order(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """The gravest first, then as they stand in the text."""
    return tuple(sorted(found, key=lambda finding: (_ORDER[finding.severity], finding.where != "text", finding.start)))


def musts(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """What keeps a wording from being published."""
    return tuple(finding for finding in found if finding.severity == "must")


def beyond_reason(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those among them that no reason lifts: deceptive design, and what cannot be shown."""
    return tuple(finding for finding in musts(found) if finding.kind != "missing")
