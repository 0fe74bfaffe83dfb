"""`sayso intent`: what Sayso reads in a message, one by one or by the thousand. It opens no database.

Labels are the nine of docs/intents.md: status and preferences are shown as help, and what means nothing is other.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

import msgspec

from sayso.cli.say import note, tell
from sayso.core.intents import Reading
from sayso.core.understanding import Understanding
from sayso.errors import InvalidRequest
from sayso.rules.reader import load_understanding

#: Bytes of one line of JSON: the longest message there is, escaped, with room.
MAX_LINE: Final = 64_000
_SHOWN_AS: Final = {"status": "help", "preferences": "help"}


class Asked(msgspec.Struct, frozen=True):
    """A line of standard input; further fields are ignored."""

    text: str
    lang: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """A line of standard output."""

    intent: str
    grade: str
    lang: str | None
    why: str


def answer(reading: Reading) -> Answer:
    """A reading as it is shown."""
    label = _SHOWN_AS.get(reading.intent or "", reading.intent) or "other"
    return Answer(label, reading.grade, reading.lang, reading.why)


def intent(text: str, lang: str, *, as_json: bool) -> None:
    """Read one message, or the lines of standard input. Raises InvalidRequest."""
    if not text and not as_json:
        raise InvalidRequest("Give a message, or --json and JSON Lines on standard input.", param="text")
    words = load_understanding()
    if text:
        found = answer(words.read(text, lang or None))
        spoken = found.lang or "not known"
        tell(found, f"{found.intent}\n  grade     {found.grade}\n  language  {spoken}\n  why       {found.why}",
             as_json=as_json)
        return
    _lines(words, lang)


def _lines(words: Understanding, lang: str) -> None:
    """Answer line by line. A line that cannot be read ends it, after the answers to those before it."""
    decode, encode = msgspec.json.Decoder(Asked).decode, msgspec.json.Encoder().encode
    count = 0
    for number, line in _numbered():
        try:
            asked = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            sys.stdout.flush()
            raise InvalidRequest(f"Line {number} of standard input is no JSON object with a text, as in "
                                 '{"text": "stop", "lang": "en"}.', param=f"line {number}") from None
        found = answer(words.read(asked.text, asked.lang or lang or None))
        sys.stdout.write(encode(found).decode() + "\n")
        count += 1
    sys.stdout.flush()
    if not count:
        note("Standard input was empty.")


def _numbered() -> Iterator[tuple[int, str]]:
    """The lines that hold something. Raises InvalidRequest for one that is too long or no text."""
    try:
        for number, line in enumerate(sys.stdin, 1):
            if len(line) > MAX_LINE:
                raise InvalidRequest(f"Line {number} of standard input is too long.", param=f"line {number}")
            if line.strip():
                yield number, line
    except UnicodeDecodeError:
        raise InvalidRequest("Standard input is not UTF-8 text.", param="text") from None
