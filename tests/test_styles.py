"""Styles hold in the oldest browsers the README promises, and say something in those that are older still."""

import re

from tests.served import ROOT

STYLES = {
    path.name: re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    for path in sorted((ROOT / "static" / "css").glob("*.css"))
}
TOKENS = STYLES["tokens.css"]
DECLARED = re.compile(r"(--[\w-]+):\s*([^;{}]+);")
THEMED = re.compile(r"@supports \(color: light-dark\(red, red\)\) \{\n(.*?)\n\}\n", re.S)
BOTH = re.compile(r"light-dark\(((?:[^(),]|\([^)]*\))+),\s*(?:[^(),]|\([^)]*\))+\)")

# What Chrome 123, Firefox 128 or Safari 17.5 lack, by MDN's tables, of what is likely to be wanted.
YOUNGER = re.compile(
    r"(?<![\w-])(field-sizing|reading-flow|reading-order|allow-discrete|scrollbar-width|interpolate-size|calc-size"
    r"|@starting-style|@scope|@function|anchor-name|position-anchor|position-area|position-try|view-transition"
    r"|animation-timeline|scroll-timeline|view-timeline|scroll-state|text-box|text-wrap: pretty|corner-shape"
    r"|sibling-index|sibling-count|contrast-color|::picker|base-select|::details-content|::scroll-marker|:open\b)"
)
# What of it is used, and what holds without it.
MAY_BE_MISSING = {
    "field-sizing": "a field is as high as its least height, and pulled larger by its corner",
    "reading-flow": "Tab goes through the tiles of the wall in the order of the document",
    "allow-discrete": "a checklist goes at once and not half a second later",
    "::details-content": "no menu fades in, and so none has to be kept from it",
    "scrollbar-width": "a bar is seen under rows that scroll sideways",
}


def test_every_colour_of_a_theme_has_its_light_value_where_light_dark_is_not_known():
    themed = dict(DECLARED.findall(THEMED.search(TOKENS)[1]))
    plain = dict(DECLARED.findall(THEMED.sub("", TOKENS)))
    light = {name: BOTH.sub(r"\1", value) for name, value in themed.items()}
    assert len(light) > 50 and light.items() <= plain.items()


def test_no_other_place_writes_a_colour_of_a_theme():
    elsewhere = {**STYLES, "tokens.css": THEMED.sub("", TOKENS)}
    assert [name for name, style in elsewhere.items() if "light-dark(" in style] == []


def test_what_the_oldest_promised_browsers_lack_may_be_missing():
    used = {name for style in STYLES.values() for name in YOUNGER.findall(style)}
    assert used == MAY_BE_MISSING.keys()
