"""`sayso demo`: puts the stage up, plays the story in the terminal, and leaves it open to try."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from sayso.cli.say import FAILED, note

if TYPE_CHECKING:
    from sayso.cli.stage import Stage

#: Signals that end the demo as Ctrl-C does, so that nothing is left behind.
ENDINGS: Final = ("SIGTERM", "SIGHUP")

HEAD: Final = """\
Sayso demo: Harbour Coffee, and four people with phones. Nothing leaves this computer.
"""

OPEN: Final = """
{code}
        The code on the counter: it opens the chat with the first words written already.

Open    {phones}
        Four phones on one side, on the other what Sayso did: the webhook, the decision, the ledger.
Page    {url}/o/harbour/site    the landing page; ?lang=es for Spanish
Prefs   {preferences}
        Amira's preferences; MY DATA in the chat gives her such a link, too.
Try     Write STOP as Amira, or BAJA as Dana, or in your own words: please leave me alone;
        STATUS, TOPICS, PAUSE 30, MY DATA; tap buttons; switch offers off in WhatsApp itself;
        have somebody send START after a STOP: it asks again and opens nothing by itself.
Ask     curl -s {url}/v1/check -H 'Authorization: Bearer {key}' \\
          -H 'Content-Type: application/json' -d '{{"address": "+447700900101", "purpose": "offers"}}'
Look    {sayso} show +447700900101 --database {database}
        {sayso} verify --database {database}
Leave   Ctrl-C. The folder {folder} vanishes with all that is in it.
"""


def demo(*, once: bool, port: int, browser: bool) -> None:
    """Play, and unless `once` stay up until Ctrl-C. Exit 1 if a step did not hold."""
    from sayso.cli.stage import theatre
    from sayso.cli.story import play

    with _endings(), theatre(port) as stage:
        print(HEAD, flush=True)
        steps, failed = play(stage, lambda line: print(line, flush=True))
        if not once:
            _stay(stage, browser=browser)
    print(f"\nstory: {steps} steps, {failed} failed", flush=True)
    if failed:
        raise typer.Exit(FAILED)


def _stay(stage: Stage, *, browser: bool) -> None:
    from sayso.cli import ways_in
    from sayso.cli.serving import wait_for_the_end
    from sayso.cli.story import AMIRA

    preferences = stage.sayso.preference_link(stage.address(AMIRA))
    print(OPEN.format(code=ways_in.drawn(ways_in.poster_link(stage)), preferences=preferences,
                      phones=stage.phones, url=stage.url, key=stage.key, folder=stage.folder,
                      sayso=_myself(), database=stage.folder / "sayso.db"), flush=True)
    if browser and _has_screen():
        import webbrowser

        webbrowser.open(stage.phones)
    wait_for_the_end()
    note("Taking it all down.")


def _myself() -> str:
    """How to call this very program from this folder, whether or not it is on the PATH."""
    program = Path(sys.argv[0]).absolute()
    words = [program] if program.suffix != ".py" else [Path(sys.executable), "-m", "sayso.cli"]
    here = Path.cwd()
    return shlex.join(str(word.relative_to(here) if isinstance(word, Path) and word.is_relative_to(here) else word)
                      for word in words)


def _has_screen() -> bool:
    """True where a browser would open in a window: over SSH it would open in this terminal, if at all."""
    if not sys.stdout.isatty():
        return False
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def _endings() -> Iterator[None]:
    """Everything that ends a program politely is Ctrl-C here."""
    numbers = [getattr(signal, name) for name in ENDINGS if hasattr(signal, name)]
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
