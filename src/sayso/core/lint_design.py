"""Deceptive design: phrases that bend the choice, after the EDPB's guidelines 03/2022 and 05/2020.

The phrases are data (`rules/lint/*.toml`); a text is looked through for those of every language, so that an English
phrase in a text tagged German is found too. A phrase that is denied ("no condition of purchase", "we never share with
third parties") is the opposite of the fault and passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sayso.core.findings import WHOLE, Finding, Looked, Tongue
from sayso.core.lint_says import ADVERTISING
from sayso.core.prose import Match, is_cased

#: Words before a phrase in which a "not" turns it into its opposite.
BEFORE: Final = 2
#: The same for sharing: "we do not pass your number on to third parties".
BEFORE_PARTNERS: Final = 8
#: Words after a phrase in languages that deny at the end.
AFTER: Final = 2
#: Words from which a phrase of another language is more than a coincidence of spelling.
FOREIGN: Final = 2

_MENDED: Final = {
    "bundled_consent": "makes the yes a condition of something else; ask for it apart, and let people go on without "
                       "it (GDPR Art. 7(4), EDPB 05/2020 paragraph 25 and following)",
    "hidden_consent": "hides the yes in terms and conditions; ask for it in a sentence of its own (GDPR Art. 7(2))",
    "preticked": "takes silence or a choice made beforehand for a yes; only what a person does is one (GDPR recital "
                 "32)",
    "shaming": 'makes people feel bad about saying no; say it neutrally, such as "No, thanks" (EDPB 03/2022, '
               '"emotional steering")',
    "pressure": 'hurries people; a yes can wait (EDPB 03/2022, "emotional steering")',
    "double_negative": "says no twice, so that nobody knows what a yes means; say what happens (EDPB 03/2022, "
                       '"ambiguous wording")',
    "reward": "offers something for the yes; then a no must not cost anything, and it must say so nearby (EDPB 05/2020 "
              "paragraph 48)",
    "vague_partners": "does not say who else gets the data; name every one, in a purpose of class sharing (EDPB "
                      "05/2020 paragraph 65)",
}
#: A "not" belongs to these phrases; it never undoes them.
_UNDENIABLE: Final = frozenset({"shaming", "double_negative"})


def deceptions(looked: Looked) -> Iterator[Finding]:
    """Every deceptive phrase, once for each sentence and check."""
    told: set[tuple[str, int]] = set()
    for match in looked.vocabulary.book.find(looked.words):
        lang, _, code = match.name.partition(" ")
        tongue = looked.vocabulary.tongues[lang]
        key = (code, looked.words[match.first].sentence)
        if key in told or _is_chance(looked, match, lang) or _is_denied(looked, match, tongue, code):
            continue
        if code == "vague_partners" and _are_named(looked, match):
            continue
        told.add(key)
        start, end = looked.words[match.first].start, looked.words[match.last].end
        yield looked.finding(code, f'"{looked.text[start:end]}" {_MENDED[code]}.', start, end)


def choices(looked: Looked) -> Iterator[Finding]:
    """Whether the choice itself is fair: a button for no, and marketing asked apart."""
    wording = looked.wording
    if len(wording.buttons) == 1:
        yield looked.finding("no_way_to_decline", "Add a button for no beside the one for yes, of the same size.")
    classes = {topic.cls for topic in wording.topics}
    if wording.place in WHOLE and len(classes) > 1 and classes & ADVERTISING:
        yield looked.finding("several_purposes", "One yes covers advertising and something else. Make a notice for "
                             "each, so that people can say yes to one and no to the other (GDPR recital 43).")


def _is_chance(looked: Looked, match: Match, lang: str) -> bool:
    """A single word of another language may be spelt like one of this."""
    own = lang == looked.tongue.lang
    return not own and match.last - match.first + 1 - len(match.skipped) < FOREIGN


def _is_denied(looked: Looked, match: Match, tongue: Tongue, code: str) -> bool:
    if code in _UNDENIABLE:
        return False
    reach = BEFORE_PARTNERS if code == "vague_partners" else BEFORE
    near = [*range(max(0, match.first - reach), match.first), *match.skipped]
    if tongue.negation_after:
        near += range(match.last + 1, min(len(looked.words), match.last + 1 + AFTER))
    sentence = looked.words[match.first].sentence
    return any(looked.words[place].sentence == sentence and parts[0].fits(looked.words[place].word)
               for place in near for parts in tongue.negators)


def _are_named(looked: Looked, match: Match) -> bool:
    """Recipients are named: a purpose of class sharing, and names after the phrase in its sentence."""
    if not any(topic.cls == "sharing" for topic in looked.wording.topics):
        return False
    sentence = looked.words[match.first].sentence
    after = [looked.text[token.start:token.end] for token in looked.words[match.last + 1:]
             if token.sentence == sentence]
    if any(is_cased(word) for word in after):
        return any(word[:1].isupper() for word in after)
    return bool(after) and looked.text[looked.words[match.last].end:].lstrip()[:1] in (":", "(", "：")
