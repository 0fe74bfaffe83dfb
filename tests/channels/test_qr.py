"""QR codes and posters, read back by another library (zxing-cpp) from the pixels a printer or a screen would show."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import quote

import pytest
import zxingcpp

from sayso.channels import poster, qr
from sayso.channels.poster import SENTENCES, Poster, Size
from sayso.channels.qr import QUIET, Allowed, Code, Label
from sayso.errors import InvalidRequest

NUMBER = "+447700900100"
ALLOWED = Allowed("https://sayso.acme.example", (NUMBER,))
TEXT = "Hi Acme, sign me up for offers [7K2QX0MV]"
CHAT = f"https://wa.me/447700900100?text={quote(TEXT, safe='')}"
PAGE = "https://sayso.acme.example/o/7K2QX0MV"
LABEL = Label("Acme & Söhne", "wa.me/447700900100", "Acme: offers", "It opens wa.me/447700900100.")
EN = ("Acme would like to send you offers and news here on WhatsApp, at most four messages a month.\n\nIt is your "
      "choice: you can buy from us and get help without saying yes. It costs you nothing. You can leave at any time by "
      "sending STOP, and we will stop at once.\n\nMay we write to you?")
AR = "تود شركة Acme أن ترسل إليك العروض، أربع رسائل في الشهر على الأكثر. هذا اختياريّ ومجاني. أرسل إيقاف للمغادرة."
HI = "Acme आपको ऑफ़र भेजना चाहता है, महीने में अधिकतम चार संदेश। यह मुफ़्त और स्वैच्छिक है। छोड़ने के लिए STOP भेजें।"
RU = "Можно ли Acme присылать вам предложения? Это бесплатно и добровольно. Отправьте СТОП, чтобы отказаться."


def read(rows: list[bytes]) -> list[str]:
    """What another library reads in an image; a byte per pixel, 1 is dark."""
    grey = b"".join(row.translate(bytes.maketrans(b"\0\1", b"\xff\0")) for row in rows)
    image = memoryview(grey).cast("B", (len(rows), len(rows[0])))
    return [found.text for found in zxingcpp.read_barcodes(image)]


def painted(svg: str, scale: int = 8) -> list[bytes]:
    """The pixels of the code in an SVG of ours: its path is rectangles."""
    root = ET.fromstring(svg)
    _, _, wide, high = (float(part) for part in root.attrib["viewBox"].split())
    rows = [bytearray(int(wide) * scale) for _ in range(int(high) * scale)]
    path = root.find("{http://www.w3.org/2000/svg}path")
    assert path is not None
    runs = re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", path.attrib["d"])
    assert runs
    for x, y, width, back in runs:
        assert width == back
        for row in rows[int(y) * scale:(int(y) + 1) * scale]:
            row[int(x) * scale:(int(x) + int(width)) * scale] = b"\1" * (int(width) * scale)
    return [bytes(row) for row in rows]


def a_poster(wording: str = EN, lang: str = "en", url: str = CHAT, **other: Any) -> Poster:
    given = {"brand": "Acme Garden", "short": "wa.me/447700900100", "number": "+44 7700 900100", "word": "[7K2QX0MV]",
             "mark": "poster · counter · 7K2QX0MV"} | other
    return Poster(wording=wording, lang=lang, code=qr.encode(url, ALLOWED), **given)


def sheet(data: bytes) -> Any:
    """The one page of a PDF."""
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 draws the PDF, to be scanned as it is printed")
    document = pdfium.PdfDocument(data)
    assert len(document) == 1
    return document[0]


def scanned(data: bytes, dots: int = 150) -> list[str]:
    """What is read from the printed page at so many dots per inch."""
    bitmap = sheet(data).render(scale=dots / 72, grayscale=True)
    image = memoryview(bytes(bitmap.buffer)).cast("B", (bitmap.height, bitmap.stride))
    return [found.text for found in zxingcpp.read_barcodes(image)]


def words(data: bytes) -> str:
    """The text of the printed page, as it can be copied and is read aloud."""
    return " ".join(str(sheet(data).get_textpage().get_text_bounded()).split())


# -- where a code may lead ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [CHAT, PAGE, "https://wa.me/447700900100?text=JOIN"])
def test_a_code_leads_to_our_page_or_to_a_chat_with_our_number(url: str) -> None:
    assert qr.encode(url, ALLOWED).url == url


@pytest.mark.parametrize("url", [
    "https://wa.me/447700900999?text=JOIN", "https://wa.me/4477009001000?text=JOIN", "https://wa.me/?text=JOIN",
    "https://wa.me/447700900100", "https://wa.me/447700900100?text=a&text=b", "https://wa.me/447700900100?text=a&x=b",
    "https://wa.me/447700900100/../447700900999?text=a", "https://wa.me:443/447700900100?text=JOIN",
    "https://wa.me@evil.example/447700900100?text=JOIN", "https://evil.example/447700900100?text=JOIN",
    "http://wa.me/447700900100?text=JOIN", "http://sayso.acme.example/o/7K2QX0MV", "//sayso.acme.example/o/7K2QX0MV",
    "https://sayso.acme.example.evil.example/o/7K2QX0MV", "https://sayso.acme.example@evil.example/o/7K2QX0MV",
    "https://sayso.acme.example:8443/o/7K2QX0MV", "https://sayso.acme.example/o/7K2QX0MV?next=https://evil.example",
    "https://sayso.acme.example/o/7K2QX0MV#x", "https://sayso.acme.example/o/../admin", "https://sayso.acme.example/",
    "https://sayso.acme.example/o/7K2QX0MV/x", "https://sayso.acme.example\\@evil.example/o/7K2QX0MV",
    "https://sayso.acme.example/o/7K2QX0MV\n", "https://SAYSO.acme.example/o/7K2QX0MV", "javascript:alert(1)", "",
    "https://wa.me/447700900100?text=" + "x" * 2_400, "https://sayso.acmé.example/o/7K2QX0MV",
])  # fmt: skip
def test_anything_else_raises(url: str) -> None:
    with pytest.raises(InvalidRequest, match="nowhere else"):
        qr.encode(url, ALLOWED)


def test_without_a_public_address_no_page_can_be_encoded_and_with_plain_http_neither() -> None:
    for public_url in ("", "http://sayso.acme.example", "https://other.example"):
        with pytest.raises(InvalidRequest):
            qr.encode(PAGE, Allowed(public_url, (NUMBER,)))
    with pytest.raises(InvalidRequest):
        qr.encode(CHAT, Allowed("https://wa.me", ()))


def test_a_public_address_with_a_path_and_a_port_is_kept_to() -> None:
    under = Allowed("https://acme.example:8443/consent", ())
    deep = "https://acme.example:8443/consent/o/7K2QX0MV"
    assert qr.encode(deep, under).url == deep
    for url in ("https://acme.example:8443/o/7K2QX0MV", "https://acme.example/consent/o/7K2QX0MV",
                "https://acme.example:8443/consentx/o/7K2QX0MV"):
        with pytest.raises(InvalidRequest):
            qr.encode(url, under)


# -- images ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [TEXT, "JOIN", "Привет, Acme! Хочу скидки [7K2QX0MV]", "مرحبا، أريد العروض [7K2QX0MV]",
                                  "नमस्ते 🌿 [7K2QX0MV]", "x" * 200])
def test_another_library_reads_from_svg_and_png_what_was_encoded(text: str) -> None:
    url = f"https://wa.me/447700900100?text={quote(text, safe='')}"
    code = qr.encode(url, ALLOWED)
    assert read(painted(qr.svg(code, LABEL))) == [url]
    assert read(qr.read_png(qr.png(code, LABEL, 4))) == [url]


def test_the_light_border_is_four_modules_wide_also_above_the_words() -> None:
    code, scale = qr.encode(CHAT, ALLOWED), 5
    rows = qr.read_png(qr.png(code, LABEL, scale))
    dark = [y for y, row in enumerate(rows) if any(row)]
    side = len(code.rows)
    assert dark[0] == QUIET * scale
    below = [y for y in dark if y >= (QUIET + side) * scale]
    assert below[0] >= (2 * QUIET + side) * scale
    assert all(not any(row[:QUIET * scale]) for row in rows[:(QUIET + side) * scale])


def test_the_brand_and_where_it_leads_stand_under_the_code() -> None:
    code = qr.encode(CHAT, ALLOWED)
    root = ET.fromstring(qr.svg(code, LABEL))
    assert [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")] == [LABEL.brand, LABEL.short]
    bare = qr.read_png(qr.png(code, Label("", "", "", ""), 12))
    named = qr.read_png(qr.png(code, LABEL, 12))
    assert len(named) - len(bare) == 2 * qr.CELL[1]


def test_a_brand_that_png_cannot_spell_is_left_out_and_the_address_never_is() -> None:
    code = qr.encode(CHAT, ALLOWED)
    bare = len(qr.read_png(qr.png(code, Label("", "", "", ""), 12)))
    shown = len(qr.read_png(qr.png(code, Label("حديقة", LABEL.short, "", ""), 12)))
    assert shown - bare == qr.CELL[1]
    assert "حديقة" in qr.svg(code, Label("حديقة", LABEL.short, "", ""))


def test_long_words_are_broken_and_never_wider_than_the_image() -> None:
    code = qr.encode(CHAT, ALLOWED)
    wide = Label("A" * 100, "consent.a-very-long-name-of-a-shop.example/o/7K2QX0MV", "", "")
    rows = qr.read_png(qr.png(code, wide, 4))
    assert {len(row) for row in rows} == {(len(code.rows) + 2 * QUIET) * 4}
    below = rows[(len(code.rows) + 2 * QUIET) * 4:]
    assert all(not row[0] and not row[-1] for row in below)
    assert sum(any(row) for row in below) > 3 * 20


def test_a_screen_reader_is_told_what_it_is_and_where_it_leads() -> None:
    svg = qr.svg(qr.encode(CHAT, ALLOWED), LABEL)
    root = ET.fromstring(svg)
    assert root.attrib["role"] == "img"
    named = {element.attrib["id"]: element.text for element in root if "id" in element.attrib}
    assert [named[name] for name in root.attrib["aria-labelledby"].split()] == [LABEL.title, LABEL.description]


def test_nothing_in_a_brand_becomes_markup() -> None:
    nasty = Label('<script>"&', "wa.me/1", "</title><x>", "]]>")
    root = ET.fromstring(qr.svg(qr.encode(CHAT, ALLOWED), nasty))
    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {"svg", "title", "desc", "rect", "path", "g",
                                                                          "text"}


def test_a_png_has_bounds() -> None:
    for scale in (1, 41):
        with pytest.raises(InvalidRequest):
            qr.png(qr.encode(CHAT, ALLOWED), LABEL, scale)
    assert len(qr.png(qr.encode(CHAT, ALLOWED), LABEL, 40)) < 60_000


# -- posters -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", ["A4", "A6"])
@pytest.mark.parametrize(("wording", "lang"), [(EN, "en"), (AR, "ar"), (HI, "hi"), (RU, "ru")])
def test_a_printed_poster_can_be_scanned(size: Size, wording: str, lang: str) -> None:
    assert scanned(poster.pdf(a_poster(wording, lang), size)) == [CHAT]


def test_the_poster_is_one_page_of_its_paper() -> None:
    for size, (wide, high) in poster.PAPER.items():
        page = sheet(poster.pdf(a_poster(), size))  # type: ignore[arg-type]
        assert (round(page.get_width() / 72 * 25.4), round(page.get_height() / 72 * 25.4)) == (wide, high)


def test_the_poster_says_who_where_how_and_in_the_notices_own_words() -> None:
    said = words(poster.pdf(a_poster(), "A4"))
    for part in ("Acme Garden", "wa.me/447700900100", "+44 7700 900100", "[7K2QX0MV]", "counter",
                 "anything else, do not go on", *EN.replace("\n\n", "\n").split("\n")):
        assert part in said, part


def test_the_longest_wording_there_can_be_fits_on_a4_and_a6_says_what_to_do() -> None:
    longest = (EN + "\n\n") * 4
    assert len(longest) > 1024
    assert scanned(poster.pdf(a_poster(longest[:1024]), "A4")) == [CHAT]
    with pytest.raises(InvalidRequest, match="take a larger one"):
        poster.pdf(a_poster(longest[:1024]), "A6")
    assert scanned(poster.pdf(a_poster("W" * 600), "A6")) == [CHAT]


def test_nothing_is_printed_outside_the_page() -> None:
    page = sheet(poster.pdf(a_poster(EN, brand="Donaudampfschifffahrtsgesellschaftskapitänsmütze" * 2), "A6"))
    text = page.get_textpage()
    for place in range(text.count_chars()):
        left, bottom, right, top = text.get_charbox(place)
        assert left >= 0
        assert right <= page.get_width() + 1
        assert bottom >= 0
        assert top <= page.get_height() + 1


@pytest.mark.parametrize("wording", ["我们可以给您发送优惠吗？", "Offers 🎁 for you", "ขอส่งข้อเสนอ"])
def test_letters_the_fonts_lack_are_refused_and_the_page_takes_them(wording: str) -> None:
    with pytest.raises(InvalidRequest, match="--html"):
        poster.pdf(a_poster(wording), "A4")
    assert wording in poster.page(a_poster(wording), "A4")


def test_arabic_is_joined_and_set_from_right_to_left() -> None:
    data = poster.pdf(a_poster("مرحبا " * 3 + "Acme", "ar"), "A4")
    text = sheet(data).get_textpage()
    whole = text.get_text_range()
    first, name = whole.index("مرحبا"), whole.index("Acme")
    boxes = [text.get_charbox(place) for place in range(text.count_chars())]
    assert boxes[first][0] > boxes[name][0]
    assert "مرحبا" in whole


def test_every_starter_language_has_its_sentences_with_a_place_for_each_thing() -> None:
    assert set(SENTENCES) == {"ar", "de", "en", "es", "fr", "hi", "id", "it", "nl", "pt", "ru", "tr"}
    for scan, send, compare in SENTENCES.values():
        assert "{" not in scan
        assert {"{word}", "{number}"} <= set(re.findall(r"{\w+}", send))
        assert re.findall(r"{\w+}", compare) == ["{short}"]


def test_a_regional_language_takes_the_words_of_its_own_and_an_unknown_one_english() -> None:
    assert a_poster(lang="pt-BR").sentences()[0] == SENTENCES["pt"][0]
    assert a_poster(lang="sv").sentences()[0] == SENTENCES["en"][0]
    assert a_poster(lang="ar").rtl
    assert not a_poster(lang="pt-BR").rtl


def test_the_page_is_one_file_that_runs_and_loads_nothing() -> None:
    page = poster.page(a_poster(AR, "ar", brand="<Acme>"), "A6")
    assert '<html lang="ar" dir="rtl">' in page
    assert "&lt;Acme&gt;" in page
    assert "<Acme>" not in page
    assert not re.findall(r"<script|<link|src=|url\(|@import|\son\w+=", page)


@pytest.mark.browser
@pytest.mark.parametrize(("wording", "lang", "size"), [
    (EN, "en", "A4"), (AR, "ar", "A6"), ("给您优惠，" * 60, "zh", "A4"), (EN * 2, "en", "A6"),
])  # fmt: skip
def test_the_page_printed_by_a_browser_is_one_sheet_that_scans(wording: str, lang: str, size: Size) -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("There is no Chromium on this machine to print the page with.")
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        try:
            page = browser.new_page()
            page.set_content(poster.page(a_poster(wording, lang), size))
            cut = page.evaluate("() => document.body.scrollHeight - document.body.clientHeight")
            printed = page.pdf(prefer_css_page_size=True, print_background=True)
        finally:
            browser.close()
    assert cut <= 0
    assert scanned(printed) == [CHAT]


def test_a_code_object_holds_only_what_was_checked() -> None:
    code = qr.encode(CHAT, ALLOWED)
    assert isinstance(code, Code)
    assert len(code.rows) == len(code.rows[0])
