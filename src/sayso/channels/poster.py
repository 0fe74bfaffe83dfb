"""Posters with a QR code, to be printed: A4 or A6, as PDF, or as a page that a browser prints.

Rules of the room: the wording is the notice's own, word for word; beside the code stand the brand, the number and where
the code leads, with the advice to compare. The PDF embeds the Noto fonts of `fonts/` (Latin, Greek, Cyrillic, Arabic,
Hebrew, Devanagari); a text with other letters is refused, never printed with holes. The page takes any script, for the
browser's own fonts draw it. fpdf2 shapes and orders right-to-left text; lines are broken here.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from string import Template
from typing import TYPE_CHECKING, Final, Literal, get_args

from sayso.channels import qr
from sayso.channels.qr import Code
from sayso.errors import InvalidRequest

if TYPE_CHECKING:
    from fpdf import FPDF

Size = Literal["A4", "A6"]
SIZES: Final[tuple[str, ...]] = get_args(Size)
#: Width and height in millimetres (ISO 216). All measures below are of A4; A6 is half of it.
PAPER: Final = {"A4": (210.0, 297.0), "A6": (105.0, 148.0)}
MARGIN: Final = 14.0
#: How wide the code is, its light border included: the first that leaves the wording room.
CODE_SIDES: Final = (112.0, 98.0, 84.0)
#: The wording is set as large as fits. Points on A4; on A6 twelve of them are six, less nobody reads.
WORDING_POINTS: Final = 20.0
LEAST_POINTS: Final = {"A4": 9.0, "A6": 12.0}
#: The size words are measured at, points; widths grow evenly with it.
_MEASURED: Final = 100
#: Round the wording, and between the parts.
PAD: Final = 6.0
GAP: Final = 3.0
LEADING: Final = 1.32
POINT: Final = 25.4 / 72
#: Languages written from right to left.
RIGHT_TO_LEFT: Final = frozenset({"ar", "he", "fa", "ur", "ps", "ckb", "dv", "yi", "sd", "ug"})
FONTS: Final = ("NotoSans-Regular", "NotoSansArabic-Regular", "NotoSansDevanagari-Regular", "NotoSansHebrew-Regular")
BOLD: Final = "NotoSans-Bold"
#: Left-to-right inside any text, and its end (Unicode UAX 9, 2.4); the mark that a line runs from right to left.
ISOLATE, END, RTL_MARK = "\u2066", "\u2069", "\u200f"
NBSP: Final = "\u00a0"
#: Drawn by nobody.
UNSEEN: Final = frozenset({ISOLATE, END, RTL_MARK, "\u200e", "\n", "\r"})

#: Language -> scan me, send instead, compare. The wording of the notice is the business's; these are ours.
SENTENCES: Final[dict[str, tuple[str, str, str]]] = {
    "ar": ("امسح الرمز بكاميرا هاتفك.", "أو أرسل {word} إلى {number} على واتساب.",
           "تحقق: يجب أن يفتح هاتفك {short}. إذا ظهر شيء آخر فلا تتابع."),
    "de": ("Mit der Handykamera scannen.", "Oder {word} per WhatsApp an {number} senden.",
           "Bitte prüfen: Ihr Handy muss {short} öffnen. Zeigt es etwas anderes, machen Sie nicht weiter."),
    "en": ("Scan with your phone's camera.", "Or send {word} to {number} on WhatsApp.",
           "Please check: your phone must open {short}. If it shows anything else, do not go on."),
    "es": ("Escanea con la cámara del móvil.", "O envía {word} al {number} por WhatsApp.",
           "Comprueba que el móvil abra {short}. Si muestra otra cosa, no sigas."),
    "fr": ("Scannez avec l'appareil photo.", "Ou envoyez {word} au {number} sur WhatsApp.",
           "Vérifiez que votre téléphone ouvre {short}. S'il affiche autre chose, n'allez pas plus loin."),
    "hi": ("अपने फ़ोन के कैमरे से स्कैन करें।", "या WhatsApp पर {number} को {word} भेजें।",
           "जाँच लें: आपके फ़ोन पर {short} ही खुलना चाहिए। कुछ और दिखे तो आगे न बढ़ें।"),
    "id": ("Pindai dengan kamera ponsel.", "Atau kirim {word} ke {number} di WhatsApp.",
           "Periksa: ponsel Anda harus membuka {short}. Jika yang muncul lain, jangan lanjutkan."),
    "it": ("Inquadra con la fotocamera.", "Oppure invia {word} al {number} su WhatsApp.",
           "Controlla che il telefono apra {short}. Se mostra altro, non proseguire."),
    "nl": ("Scan met de camera van je telefoon.", "Of stuur {word} via WhatsApp naar {number}.",
           "Controleer of je telefoon {short} opent. Zie je iets anders, ga dan niet verder."),
    "pt": ("Leia com a câmera do celular.", "Ou envie {word} para {number} no WhatsApp.",
           "Confira se o celular abre {short}. Se aparecer outra coisa, não continue."),
    "ru": ("Наведите камеру телефона на код.", "Или отправьте {word} на номер {number} в WhatsApp.",
           "Проверьте: телефон должен открыть {short}. Если видите другое, не продолжайте."),
    "tr": ("Telefonunuzun kamerasıyla okutun.", "Ya da WhatsApp'tan {number} numarasına {word} yazın.",
           "Kontrol edin: telefonunuz {short} adresini açmalı. Başka bir şey görürseniz devam etmeyin."),
}


@dataclass(frozen=True, slots=True)
class Poster:
    """What stands on a poster. `number` as people write it, `word` what to type instead of scanning (empty for a page),
    `mark` small print by which the one who hung it up knows it again.
    """

    brand: str
    wording: str
    lang: str
    code: Code
    short: str
    number: str
    word: str
    mark: str

    @property
    def rtl(self) -> bool:
        """Whether its language runs from right to left."""
        return self.lang.split("-")[0] in RIGHT_TO_LEFT

    def sentences(self) -> tuple[str, str, str]:
        """Scan me, send instead (or the number alone), compare: in its language where we have it, else in English."""
        scan, send, compare = SENTENCES.get(self.lang.split("-")[0], SENTENCES["en"])
        fills = {name: f"{ISOLATE}{value.replace(' ', NBSP)}{END}"
                 for name, value in (("word", self.word), ("number", self.number), ("short", self.short))}
        told = send.format_map(fills) if self.word else f"WhatsApp {fills['number']}"
        return scan, told, compare.format_map(fills)


# -- PDF ---------------------------------------------------------------------------------------------------------------


def pdf(poster: Poster, size: Size) -> bytes:
    """The poster as a PDF of one page.

    Raises InvalidRequest for letters the fonts lack and for a wording that does not fit.
    """
    document = _document(poster, size)
    try:
        _check_letters(document, poster)
        _compose(_Paper(document, PAPER[size][0] / PAPER["A4"][0], poster.rtl), poster, size)
        return bytes(document.output())
    finally:
        for font in document.fonts.values():  # fpdf2 leaves the files of its fonts open
            font.ttfont.close()  # type: ignore[union-attr]


def _compose(paper: _Paper, poster: Poster, size: Size) -> None:
    """Put everything in its place, from the top and from the bottom; the wording takes what is left between."""
    scan, send, compare = poster.sentences()
    mark = f"{ISOLATE}{poster.mark}{END}"
    above = (_Part(poster.brand, 34, bold=True, most=2), _Part(scan, 17))
    below = (_Part(f"{ISOLATE}{poster.short}{END}", 20, bold=True), _Part(send, 16))
    foot = (_Part(compare, 11), _Part(mark, 8))
    bottom = PAPER[size][1] / paper.scale - MARGIN - sum(paper.height(part) for part in foot)
    room = bottom - MARGIN - sum(paper.height(part) for part in (*above, *below)) - 2 * PAD - 4 * GAP
    side, points = _plan(paper, poster.wording, room, LEAST_POINTS[size])
    top = paper.texts(above, MARGIN) + GAP
    _draw(paper.pdf, poster.code, paper.pdf.w / 2 - side * paper.scale / 2, top * paper.scale, side * paper.scale)
    top = paper.texts(below, top + side) + GAP
    paper.box(poster.wording, top, points)
    paper.texts(foot, bottom)


def _plan(paper: _Paper, wording: str, room: float, least: float) -> tuple[float, float]:
    """How wide the code is and how large the wording. Raises InvalidRequest if the wording is too long for the page."""
    for enough in (least + 2, least):  # rather a smaller code than small print
        for side in CODE_SIDES:
            points = WORDING_POINTS
            while points >= enough and paper.height(_Part(wording, points, most=0), PAD) > room - side:
                points -= 0.5
            if points >= enough:
                return side, points
    raise InvalidRequest("The wording is too long to be read on paper of this size; take a larger one, or a shorter "
                         "wording.", param="pdf")


def _document(poster: Poster, size: Size) -> FPDF:
    from fpdf import FPDF  # noqa: PLC0415  (it loads Pillow and fontTools: only who prints pays for that)

    made = FPDF(unit="mm", format=PAPER[size])
    made.set_auto_page_break(auto=False)
    made.add_page()
    folder = resources.files("sayso.channels").joinpath("fonts")
    for name in (*FONTS, BOLD):
        with resources.as_file(folder.joinpath(f"{name}.ttf")) as file:
            made.add_font(name.partition("-")[0], style="B" if name == BOLD else "", fname=file)
    made.set_fallback_fonts([name.partition("-")[0] for name in FONTS[1:]], exact_match=False)
    made.set_text_shaping(use_shaping_engine=True)
    made.set_title(f"{poster.brand} · {poster.mark}")
    made.set_author(poster.brand)
    made.set_lang(poster.lang)
    return made


def _check_letters(made: FPDF, poster: Poster) -> None:
    """Raises InvalidRequest naming the first letters no font has."""
    known: set[int] = set().union(*(getattr(font, "cmap", {}) for font in made.fonts.values()))
    text = "".join((poster.brand, poster.wording, poster.mark, *poster.sentences()))
    missing = list(dict.fromkeys(char for char in text if ord(char) not in known and char not in UNSEEN))
    if missing:
        raise InvalidRequest(f"The PDF's fonts have no letter for {' '.join(missing[:5])}; make the page instead "
                             "(--html), which a browser prints with its own fonts.", param="pdf")


def _draw(made: FPDF, code: Code, left: float, top: float, side: float) -> None:
    """The code with its light border, as rectangles: sharp at any size."""
    unit = side / (len(code.rows) + 2 * qr.QUIET)
    made.set_fill_color(255, 255, 255)
    made.rect(left, top, side, side, style="F")
    made.set_fill_color(0, 0, 0)
    for x, y, width in qr.runs(code):
        made.rect(left + x * unit, top + y * unit, width * unit, unit, style="F")


@dataclass(frozen=True, slots=True)
class _Part:
    """A text with the size it is set in, smaller if it would be more than `most` lines; 0 is any number."""

    text: str
    points: float
    bold: bool = False
    most: int = 4


@dataclass(slots=True)
class _Paper:
    """Sets text on the page, in millimetres and points of A4."""

    pdf: FPDF
    scale: float
    rtl: bool
    known: dict[tuple[str, bool], float] = field(default_factory=dict)

    @property
    def width(self) -> float:
        """Between the margins."""
        return self.pdf.w / self.scale - 2 * MARGIN

    def texts(self, parts: Sequence[_Part], top: float) -> float:
        """Centred texts, one below the other; where they end."""
        for part in parts:
            lines, points = self._broken(part)
            top = self._set(part, points, lines, top, 0, "C")
        return top

    def height(self, part: _Part, pad: float = 0) -> float:
        """How high a text would be, `pad` narrower on each side."""
        lines, points = self._broken(part, pad)
        return len(lines) * points * POINT * LEADING

    def box(self, text: str, top: float, points: float) -> None:
        """The wording on a tinted ground."""
        part = _Part(text, points, most=0)
        self.pdf.set_fill_color(243, 243, 240)
        self.pdf.rect(MARGIN * self.scale, top * self.scale, self.width * self.scale,
                      (self.height(part, PAD) + 2 * PAD) * self.scale, style="F", round_corners=True,
                      corner_radius=3 * self.scale)
        lines, _ = self._broken(part, PAD)
        self._set(part, points, lines, top + PAD, PAD, "R" if self.rtl else "L")

    def _broken(self, part: _Part, pad: float = 0) -> tuple[list[str], float]:
        points = part.points
        lines = self.lines(part.text, points, self.width - 2 * pad, bold=part.bold)
        while part.most and len(lines) > part.most and points > part.points / 3:
            points *= 0.9
            lines = self.lines(part.text, points, self.width - 2 * pad, bold=part.bold)
        return lines, points

    def lines(self, text: str, points: float, width: float, *, bold: bool = False) -> list[str]:
        """A text broken at spaces, and inside a word that is wider than the line."""
        room, space = width / points, self._wide(" ", bold)
        found: list[str] = []
        for paragraph in text.split("\n"):
            line, filled = "", 0.0
            for word in self._pieces(paragraph, room, bold):
                wide = self._wide(word, bold)
                if line and filled + space + wide > room:
                    found.append(line)
                    line, filled = "", 0.0
                filled += wide + (space if line else 0)
                line = f"{line} {word}" if line else word
            found.append(line)
        return found

    def _pieces(self, paragraph: str, room: float, bold: bool) -> Iterator[str]:
        for word in paragraph.split(" "):
            rest = word
            while len(rest) > 1 and self._wide(rest, bold) > room:
                cut = len(rest) - 1
                while cut > 1 and self._wide(rest[:cut], bold) > room:
                    cut -= 1
                yield rest[:cut]
                rest = rest[cut:]
            yield rest

    def _wide(self, text: str, bold: bool) -> float:
        """How wide a text is at one point, in millimetres of A4 whatever the paper. Shaping is slow, so each word is
        measured once.
        """
        if (text, bold) not in self.known:
            self.pdf.set_font("NotoSans", "B" if bold else "", _MEASURED)
            self.known[text, bold] = self.pdf.get_string_width(text) / _MEASURED
        return self.known[text, bold]

    def _set(self, part: _Part, points: float, lines: list[str], top: float, pad: float, align: str) -> float:
        high, left = points * POINT * LEADING, MARGIN + pad
        self.pdf.set_font("NotoSans", "B" if part.bold else "", points * self.scale)
        for line in lines:
            self.pdf.set_xy(left * self.scale, top * self.scale)
            shown = RTL_MARK + line if self.rtl else line
            self.pdf.cell((self.width - 2 * pad) * self.scale, high * self.scale, shown, align=align)
            top += high
        return top


# -- a page to print ---------------------------------------------------------------------------------------------------


def page(poster: Poster, size: Size) -> str:
    """The poster as one HTML file without a script, in any language: a browser prints it on this paper."""
    scan, send, compare = poster.sentences()
    side = len(poster.code.rows) + 2 * qr.QUIET
    width, height = PAPER[size]
    return _PAGE.substitute(
        lang=html.escape(poster.lang), dir="rtl" if poster.rtl else "ltr", brand=html.escape(poster.brand),
        width=f"{width:g}", height=f"{height:g}", unit=f"{width / PAPER['A4'][0]:g}", side=side,
        path=qr.path(poster.code), scan=html.escape(scan), send=html.escape(send), compare=html.escape(compare),
        short=html.escape(poster.short), mark=html.escape(poster.mark), size=size,
        wording=html.escape(poster.wording), points=f"{_points(poster.wording):g}")


def _points(wording: str) -> float:
    """How large a wording of this length can be on A4, in points; the browser measures letters, we guess them."""
    length = sum(2 if ord(char) > 0x2E80 else 1 for char in wording) + 30 * wording.count("\n")
    return next(points for limit, points in ((300, 19.0), (560, 16.0), (800, 13.0), (1 << 30, 10.5)) if length <= limit)


_PAGE: Final = Template("""\
<!doctype html>
<html lang="$lang" dir="$dir">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$brand · $mark</title>
<style>
@page { size: $size; margin: 0 }
html { background: #ddd; --u: ${unit}mm }
body { box-sizing: border-box; width: ${width}mm; height: ${height}mm; margin: 0 auto; overflow: hidden;
  padding: calc(12 * var(--u)) calc(14 * var(--u)); background: #fff; color: #000; text-align: center;
  font-family: system-ui, "Noto Sans", sans-serif; line-height: 1.32; display: flex; flex-direction: column;
  align-items: center; gap: calc(2 * var(--u)) }
h1 { margin: 0; font-size: calc(12 * var(--u)); line-height: 1.15; overflow-wrap: anywhere }
p { margin: 0; font-size: calc(5.6 * var(--u)) }
svg { width: calc(108 * var(--u)); height: calc(108 * var(--u)); flex: none }
b { font-size: calc(7 * var(--u)); direction: ltr; unicode-bidi: isolate }
.wording { align-self: stretch; text-align: start; white-space: pre-line; padding: calc(6 * var(--u));
  border-radius: calc(3 * var(--u)); background: #f3f3f0; font-size: calc($points * .3528 * var(--u));
  print-color-adjust: exact; -webkit-print-color-adjust: exact }
.compare { margin-top: auto; font-size: calc(3.9 * var(--u)) }
.mark { font-size: calc(2.8 * var(--u)); direction: ltr; unicode-bidi: isolate }
@media print { html { background: #fff } }
</style>
<h1 dir="auto">$brand</h1>
<p>$scan</p>
<svg viewBox="0 0 $side $side" role="img" aria-label="QR: $short"><path shape-rendering="crispEdges" d="$path"/></svg>
<b>$short</b>
<p>$send</p>
<p class="wording">$wording</p>
<p class="compare">$compare</p>
<p class="mark">$mark</p>
""")
