"""Makes the fonts of printed posters smaller: keeps the letters of living languages, drops what a poster never needs;
and draws the letters that stand under a QR code in a PNG.

The sources are the Noto fonts (SIL Open Font License 1.1), as in Debian's package fonts-noto-core. The results and the
licence stand in src/sayso/channels/fonts. Run it only to take a newer Noto.

Usage: make_poster_fonts.py FOLDER_OF_NOTO_TTF
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

from sayso.channels import qr

TARGET = Path(__file__).resolve().parent.parent / "src" / "sayso" / "channels" / "fonts"
#: Latin with every accent, Greek, Cyrillic, Vietnamese; punctuation and currencies.
WEST = ((0x20, 0x24F), (0x2B0, 0x52F), (0x1E00, 0x1EFF), (0x2010, 0x205E), (0x20A0, 0x20BF), (0x2116, 0x2122),
        (0xFB00, 0xFB04))  # fmt: skip
#: What stands between words of any script.
COMMON = ((0x20, 0x40), (0x5B, 0x60), (0xA0, 0xA0), (0x200B, 0x200F), (0x25CC, 0x25CC))
#: Noto's name -> what of it is kept.
FONTS = {
    "NotoSans-Regular": WEST,
    "NotoSans-Bold": WEST,
    "NotoSansArabic-Regular": ((0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF), *COMMON),
    "NotoSansDevanagari-Regular": ((0x900, 0x97F), (0xA8E0, 0xA8FF), (0x20B9, 0x20B9), *COMMON),
    "NotoSansHebrew-Regular": ((0x590, 0x5FF), *COMMON),
}


def make(source: Path, kept: tuple[tuple[int, int], ...], target: Path) -> None:
    """One font, with its shaping rules and without hints: paper has pixels enough."""
    font = TTFont(source)
    options = Options(layout_features=["*"], hinting=False, name_IDs=["*"], notdef_outline=True, glyph_names=False)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=[code for first, last in kept for code in range(first, last + 1)])
    subsetter.subset(font)
    font.save(target)
    print(f"{target.name}: {source.stat().st_size // 1024} kB -> {target.stat().st_size // 1024} kB")


def draw_letters(source: Path, target: Path) -> None:
    """One black and white image with every letter of `qr.LETTERS` in a cell of its own."""
    width, height = qr.CELL
    font = ImageFont.truetype(str(source), 32)
    sheet = Image.new("1", (width * len(qr.LETTERS), height), 1)
    for place, code in enumerate(qr.LETTERS):
        ImageDraw.Draw(sheet).text((place * width + 6, -2), chr(code), font=font, fill=0)
    pixels = sheet.convert("L").tobytes()  # a byte per pixel, 0 is dark
    rows = [bytes(not pixel for pixel in pixels[y * sheet.width:(y + 1) * sheet.width]) for y in range(height)]
    target.write_bytes(qr.write_png(rows))
    print(f"{target.name}: {target.stat().st_size // 1024} kB")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name, kept in FONTS.items():
        make(Path(sys.argv[1]) / f"{name}.ttf", kept, TARGET / f"{name}.ttf")
    draw_letters(Path(sys.argv[1]) / "NotoSans-Bold.ttf", TARGET / "letters.png")
