"""Commands that ask the gate or record a yes or a no: check, optin, optout, erase, and link, by which people do it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final

import typer

from sayso.cli.opening import address_of, open_sayso
from sayso.cli.say import DENIED, WAIT, counted, note, tell, when
from sayso.errors import InvalidRequest

#: Verdict -> exit code; anything that is not in the table is a deny.
CODES: Final = {"allow": 0, "wait": WAIT}
#: Whether the person will be told of a stop.
TOLD: Final = {
    "owed": "sent once nothing can follow it", "said_before": "none, it was no news",
    "switched_off": "none, policy.confirm_stops is off",
    "no_template": "none, the person has not written within 24 hours and policy.stop_template names no template",
    "no_sender": "none, no number is known from which the person would expect it",
}


def check(database: str, workspace: str, address: str, purpose: str, sender: str, *, free_form: bool,
          as_json: bool) -> None:
    """Print the verdict and leave with its exit code."""
    with open_sayso(database, workspace) as sayso:
        verdict = sayso.check(address_of(address), purpose, sender, free_form=free_form)
    text = f"{verdict.verdict}: {verdict.sentence} ({verdict.reason})"
    if verdict.until:
        text += f"\nuntil {when(verdict.until)} UTC"
    if verdict.because:
        text += f"\nbecause of {verdict.because}"
    tell(verdict, text, as_json=as_json)
    raise typer.Exit(CODES.get(verdict.verdict, DENIED))


def opt_in(database: str, workspace: str, address: str, entry: str, evidence: Iterable[str], language: str, *,
           as_json: bool) -> None:
    """Begin a double opt-in and say where it stands."""
    with open_sayso(database, workspace) as sayso:
        asked = sayso.opt_in(address_of(address), entry=entry, evidence=_evidence(evidence), language=language)
    sentences = {
        "pending": "asked, or about to be: nothing may be sent until the person says yes.",
        "granted": "this person said yes to all of it already; nothing was asked.",
        "withdrawn": "this person said stop; only they can come back, for example by the link below.",
    }
    tell(asked, f"{asked.state}: {sentences[asked.state]}\nchat link: {asked.chat_link}", as_json=as_json)


def opt_out(database: str, workspace: str, address: str, purpose: str, sender: str, message_class: str,
            evidence: Iterable[str], *, as_json: bool) -> None:
    """Record a no and wait for the drain."""
    with open_sayso(database, workspace) as sayso:
        known = _evidence(evidence)
        stopped = sayso.opt_out(address_of(address), purpose, sender=sender, message_class=message_class,
                                evidence=known, how="clerk" if known.get("clerk") else "cli")
    holds = "nothing can follow it any more" if stopped.state == "acknowledged" else \
        f"it holds from {when(stopped.silent_by)} UTC at the latest"
    news = "" if stopped.changed else " (it was so already)"
    tell(stopped, f"{stopped.state}: the stop is on disk and {holds}{news}.\n"
                  f"confirmation: {TOLD[stopped.confirmation]}\nevent: {stopped.event}", as_json=as_json)


def erase(database: str, workspace: str, address: str, *, sure: bool, as_json: bool) -> None:
    """Destroy what is known of a person, after asking."""
    who = address_of(address)
    if not sure:
        if not sys.stdin.isatty():
            raise InvalidRequest("Erasing cannot be undone; say --yes where nobody can be asked.")
        typer.confirm("This destroys the record of this person, and cannot be undone. Go on?", abort=True, err=True)
    with open_sayso(database, workspace) as sayso:
        erased = sayso.erase(who, how="cli")
    note("Backups made before this still hold the data until they expire.")
    if erased.silent_by:
        note(f"A message that was under way may still leave until {when(erased.silent_by)} UTC.")
    tell({"event": erased.event, "person": erased.person, "suppressions": erased.suppressions,
          "silent_by": erased.silent_by},
         f"erased: {erased.person}; {counted(erased.suppressions, 'address', 'addresses')} kept as a keyed hash, so "
         "that the no holds.\n"
         f"event: {erased.event}", as_json=as_json)


def link(database: str, workspace: str, address: str, *, as_json: bool) -> None:
    """Print the address of a preference page."""
    who = address_of(address)
    with open_sayso(database, workspace) as sayso:
        url = sayso.preference_link(who)
    tell({"url": url}, url, as_json=as_json)


def _evidence(given: Iterable[str]) -> dict[str, str]:
    """NAME=TEXT, several times. Raises InvalidRequest."""
    evidence = {}
    for part in given:
        name, sign, value = part.partition("=")
        if not sign:
            raise InvalidRequest("Evidence is written NAME=TEXT, such as page=https://example.com/join.",
                                 param="evidence")
        evidence[name] = value
    return evidence
