"""Turns a table of keywords (CSV: lang,intent,keyword,note) into one TOML file per language. Run once.

From then on the TOML files are the source: edit them, not the table. The script refuses to write over a file
unless told to, so a later run cannot undo an edit by accident.

    python tools/convert_keywords.py keywords.csv src/sayso/rules/words

The judgements that are not in the table stand here as tables of their own, each with its reason.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

INTENTS = ("stop", "start", "yes", "no", "help", "preferences")
WIDTH = 106  # an array line stays under the 110 columns of the house

NAMES = {
    "af": "Afrikaans", "am": "Amharic", "any": "signs of any language", "ar": "Arabic", "az": "Azerbaijani",
    "bg": "Bulgarian", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fil": "Filipino",
    "fr": "French", "gu": "Gujarati", "ha": "Hausa", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian",
    "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ka": "Georgian",
    "kk": "Kazakh", "km": "Khmer", "kn": "Kannada", "ko": "Korean", "lo": "Lao", "lt": "Lithuanian",
    "lv": "Latvian", "ml": "Malayalam", "mr": "Marathi", "ms": "Malay", "my": "Burmese",
    "nb": "Norwegian", "ne": "Nepali",
    "nl": "Dutch", "pa": "Punjabi", "pl": "Polish", "pt-BR": "Portuguese (Brazil)",
    "pt-PT": "Portuguese (Portugal)", "ro": "Romanian", "ru": "Russian", "si": "Sinhala", "sk": "Slovak",
    "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu",
    "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "uz": "Uzbek", "vi": "Vietnamese",
    "yo": "Yoruba", "zh-Hans": "Chinese", "zu": "Zulu",
}  # fmt: skip

# Second halves of a note that a semicolon split off into a row of their own: they belong to the row above.
STRAY = frozenset({
    "friend in Hindi, Urdu, Turkish", "insult in English", "and in Italian, Portuguese", "but in Turkish",
    "interjection in English and French", "article in Spanish, French, Italian", "English verb",
    "a colour in English",
    "polite yes", "common word in English", "short, also an interjection elsewhere",
    "hello in Swedish, Danish, Polish",
})  # fmt: skip

# Notes that say how a word is spelt or who says it, not that it is a lesser yes.
SPELLING = re.compile(
    r"no (accent|diacritics|umlaut|tone marks|apostrophe|nasal|hamza|cedilla|special letters|õ)"
    r"|Latin script|Hinglish|Banglish|Tanglish|Manglish|Greeklish|Arabizi"
    r"|(male|female) speaker|spelling variant"
)

# Plain words of the table that acknowledge rather than agree, or are said in passing.
WEAK_TOO = {
    "bn": {"আচ্ছা"}, "it": {"perché no"}, "ja": {"了解", "了解です"}, "vi": {"ừ", "ừm"},
    "zh-Hans": {"嗯", "嗯嗯"},
}  # fmt: skip

# Everyday words of other large languages. Outside its own language such a stop is asked about, never taken as
# certain, and the others count for nothing. Single Latin letters are added to these by `doubtful_of`.
DOUBTFUL = {
    "ar": {"ah", "la"}, "az": {"he"}, "bg": {"край"}, "cs": {"dost"}, "da": {"slut"}, "es": {"alto", "fin"},
    "et": {"abi"}, "fa": {"are"}, "fi": {"en", "peru", "seis"}, "fil": {"go"}, "fr": {"fin"},
    "ha": {"aa", "daina", "ee", "eh", "to"}, "he": {"lo"}, "hi": {"ha", "han", "na", "nai"},
    "hr": {"d", "kraj"}, "id": {"ga"}, "it": {"fine"}, "ka": {"ho"}, "kn": {"saku"}, "ko": {"ne"},
    "lt": {"gana"}, "pl": {"no"}, "pt-BR": {"pare"}, "ro": {"gata"}, "si": {"ona", "ow"},
    "sk": {"dost", "hej"}, "sr": {"kraj", "крај"}, "sv": {"slut"},
    "sw": {"acha", "la"}, "ta": {"ama", "sari"}, "tr": {"dur", "he", "red", "ret"}, "uk": {"ni"},
    "ur": {"han", "nai"}, "vi": {"co", "da", "huy", "ko", "tc"}, "yo": {"duro"}, "zh-Hans": {"td"},
    "zu": {"misa"},
    "any": {"✋", "⛔", "🚫", "🙅"},
}  # fmt: skip

# Not in the table: small variants people do type, signs, traditional characters, and the Vietnamese word for
# "correct", which without its marks would read like "dừng" (stop).
ADDED = {
    ("en", "stop"): ("stop stop", "stop please", "please stop", "pls stop", "stop pls", "stop now", "stop it",
                     "stop messages", "no more messages", "remove"),
    ("any", "stop"): ("✋", "⛔", "🚫", "🙅"),
    ("any", "help"): ("❓",),
    ("vi", "yes"): ("đúng", "đúng rồi"),
    ("zh-Hans", "stop"): ("退訂", "取消訂閱", "停止發送", "別發了", "不要再發了", "別再發了"),
    ("zh-Hans", "start"): ("訂閱", "重新訂閱", "開始", "恢復訂閱"),
    ("zh-Hans", "help"): ("幫助", "說明"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One keyword of one language and what the table says of it."""

    lang: str
    intent: str
    word: str
    note: str


def rows_of(path: Path) -> list[Row]:
    """The rows of the table, stray notes joined to the row above, signs moved to `any`."""
    rows: list[Row] = []
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            row = Row(*(line[column].strip() for column in ("lang", "intent", "keyword", "note")))
            if row.intent not in INTENTS:
                raise SystemExit(f"{path.name}: unknown intent {row.intent!r}")
            if row.word in STRAY:
                above = rows.pop()
                rows.append(replace(above, note=f"{above.note}; {row.word}".strip("; ")))
            else:
                rows.append(_at_home(row))
    return rows + [Row(lang, intent, word, "") for (lang, intent), words in ADDED.items() for word in words]


def _at_home(row: Row) -> Row:
    """A sign noted "any language", and the lone question mark, belong to no language."""
    anywhere = row.note.startswith("any language") or row.word == "?"
    return Row("any", row.intent, row.word, "") if anywhere else row


def is_weak(row: Row) -> bool:
    """A yes that counts only when the reply quotes our prompt."""
    if single_letter(row.word) or row.lang == "any" or row.word in WEAK_TOO.get(row.lang, ()):
        return True
    parts = [part.strip() for part in re.split(r"[|;,]", row.note) if part.strip()]
    clash = any(part.startswith("CROSS:") for part in parts)
    rest = [part for part in parts if not part.startswith("CROSS:")]
    # A clash alone (Polish "tak", a Malay no) the person's language settles; beside another note it does not.
    return (clash and bool(rest)) or any(not SPELLING.fullmatch(part) for part in rest)


def single_letter(word: str) -> bool:
    """One Latin letter: too little to mean anything outside its language."""
    return len(word) == 1 and word.isalpha() and word.isascii()


def worth_a_comment(note: str) -> bool:
    """Spelling, register and "alone only" are what the list is; a clash or a second meaning is news."""
    rest = [part.strip() for part in re.split(r"[|;]", note)]
    dull = re.compile(rf"({SPELLING.pattern}|alone only|slang|button|colloquial|common|abbreviation|,|\s)*")
    return any(part and not dull.fullmatch(part) for part in rest)


def array(key: str, words: Iterable[str]) -> Iterator[str]:
    """`key = [...]`, wrapped."""
    quoted = [f'"{word}"' for word in words]
    one = f"{key} = [{', '.join(quoted)}]"
    if len(one) <= WIDTH:
        yield one
        return
    yield f"{key} = ["
    line = "   "
    for item in quoted:
        if len(line) + len(item) + 2 > WIDTH:
            yield line
            line = "   "
        line += f" {item},"
    yield line
    yield "]"


def doubtful_of(lang: str, rows: list[Row]) -> list[str]:
    """The words of this language that mean little or something else outside it."""
    listed = {row.word for row in rows}
    missing = DOUBTFUL.get(lang, set()) - listed
    if missing:
        raise SystemExit(f"{lang}: doubtful words that are not listed: {sorted(missing)}")
    return sorted(DOUBTFUL.get(lang, set()) | {word for word in listed if single_letter(word)})


def render(lang: str, rows: list[Row]) -> str:
    """The text of one language's file."""
    out = [
        f"# Keywords, {NAMES[lang]}: a message counts when the whole of it, folded, is one of these.",
        "",
        f'lang = "{lang}"',
        f'name = "{NAMES[lang]}"',
    ]
    doubtful = doubtful_of(lang, rows)
    if doubtful:
        out += ["", "# Outside this language: a stop among these is asked about, others count for nothing."]
        out += array("doubtful", doubtful)
    for intent in INTENTS:
        mine = [row for row in rows if row.intent == intent]
        if mine:
            out += ["", f"[{intent}]", *section(intent, mine)]
    return "\n".join(out) + "\n"


def section(intent: str, rows: list[Row]) -> Iterator[str]:
    """One intent: its comments, `words`, and for yes `weak`."""
    for row in rows:
        if worth_a_comment(row.note):
            yield f"# {row.word}: {row.note}"
    weak = [row.word for row in rows if intent == "yes" and is_weak(row)]
    yield from array("words", dict.fromkeys(row.word for row in rows if row.word not in weak))
    if weak:
        yield "# Only when the reply quotes our question."
        yield from array("weak", dict.fromkeys(weak))


def main() -> int:
    """Read the table, write the files; 1 when a file is already there."""
    parser = argparse.ArgumentParser(description="Turn a CSV of keywords into TOML files, one per language.")
    parser.add_argument("table", type=Path, help="CSV with the columns lang,intent,keyword,note")
    parser.add_argument("folder", type=Path, help="where the <lang>.toml files go")
    parser.add_argument("--force", action="store_true", help="write over files that are there")
    wanted = parser.parse_args()
    rows = rows_of(wanted.table)
    wanted.folder.mkdir(parents=True, exist_ok=True)
    for lang in sorted({row.lang for row in rows}):
        path = wanted.folder / f"{lang}.toml"
        if path.exists() and not wanted.force:
            print(f"{path.name} is there already; edit it, or pass --force", file=sys.stderr)
            return 1
        path.write_text(render(lang, [row for row in rows if row.lang == lang]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
