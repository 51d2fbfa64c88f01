"""What a word is, for finding: how a text is taken apart, and which letters are the same. Both databases are
given these words and look up whole ones and beginnings of them, so both find the same. No database here.

Found by its beginning is each word, each part of one that a hyphen or an apostrophe joins (and all of it
together), parts of one that is written likeThis or like2024, of three letters or with a number, and an Arabic
word without its article. Where nothing parts words (Chinese, Japanese, Thai, Lao, Khmer, Burmese),
each letter and each two that follow each other are words: so any piece of a sentence is found.

Not found: the middle of other words; a word in another grammatical form or spelling (Mueller for Müller);
simplified Chinese by traditional signs, or the other way round; what is no letter and no number, as emoji."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import regex

LONGEST_WORD = 40
MOST_WORDS_ASKED = 16
SHORTEST_PART = 3
BEGINNING = "*"

# Where no space parts words: line breaking needs a dictionary there (UAX 14, SA), or may be anywhere.
UNPARTED = r"\p{Line_Break=SA}\p{Ideographic}\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}ー"
UNPARTED_LETTER = regex.compile(rf"(?V1)[[{UNPARTED}]&&\p{{L}}]\p{{M}}*")
LETTER = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{UNPARTED}]]"
# What joins two pieces of a word; the last but one sign of an abbreviation is a quote in Hebrew.
JOINT = r"(?:['\p{Pd}−]|(?<=\p{Hebrew})\"(?=\p{Hebrew}))"
WORD = regex.compile(
    rf"(?V1)(?:{UNPARTED_LETTER.pattern.removeprefix('(?V1)')})+|{LETTER}+(?:{JOINT}{LETTER}+)*"
)
ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:['-][A-Za-z0-9]+)*")
UNIT = regex.compile(r"\p{L}\p{M}*")
PIECE = regex.compile(rf"(?V1){LETTER}+")
# A part of supplierInvoices, XMLRequest or report2024.
PART = regex.compile(r"\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{Lo}\p{Lm}\p{M}]+|\p{N}+")
# "The", perhaps after "and", "in" or "as", before enough to be a word of its own.
ARTICLE = regex.compile("(?:[وف]?[بك]?ال|[وف]?لل)(?=.{3})")
CLUSTER = regex.compile(r"\X")

Forms = tuple[tuple[str, int, int], ...]
Asked = list[list[list[str]]]

# Letters that Unicode does not take apart, and whose name does not say of what they are made.
OTHER_LETTERS = {
    "SHARP S": "ss",
    "ETH": "d",
    "THORN": "th",
    "ENG": "n",
    "SCHWA": "e",
    "ESH": "s",
    "EZH": "z",
    "GAMMA": "g",
    "OI": "gh",
    "KRA": "k",
    "ALPHA": "a",
    "IOTA": "i",
    "UPSILON": "u",
    "WYNN": "w",
    "YOGH": "y",
}
SAME = (
    dict(zip("ةۃہھەىیےکٱ", "هههههيييكا", strict=True))
    | {"ـ": ""}
    # Of a Cyrillic keyboard that lacks them
    | dict(zip("өүәһҡ", "оуахк", strict=True))
    # Signs of their own for what was written with a joiner
    | dict(zip("ൺൻർൽൾൿৎ", ["ണ്", "ന്", "ര്", "ല്", "ള്", "ക്", "ত্"], strict=True))
)
APOSTROPHES = dict.fromkeys("’‘‛ʼʹʻʾʿ՚׳״`´Ꞌꞌ·‧", "'")
# An accent as a sign of its own; NFKD makes a space of it.
ACUTE = {ord("´"): "'"}
LATIN = regex.compile(r"LATIN .*?(?:LETTER|LIGATURE) (.+)")
# What stands for itself in the name of a letter: the A of TURNED A, the OE of SMALL CAPITAL OE.
OWN_NAME = regex.compile(r"\b\w{1,2}\b")
# What is written on, under or through a letter: overlays, nuktas, the points of Hebrew, Arabic and Syriac,
# and accents. Others are vowels, tones and voices, without which it is another word.
ACCENTS = {1, 7, *range(10, 37), *range(200, 241)}
NOT_SEEN = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Me}]")


class _Letters(dict):
    """For `str.translate`: each character without accents and other forms, its case kept."""

    def __missing__(self, code: int) -> str:
        self[code] = letter = _letter(chr(code))
        return letter


LETTERS = _Letters()


def _letter(one: str) -> str:
    if one.isascii():
        return "'" if one == "`" else one
    if NOT_SEEN.match(one) or unicodedata.combining(one) in ACCENTS:
        return ""
    if one in APOSTROPHES:
        return "'"
    if one.isdecimal():
        return str(unicodedata.decimal(one))
    if not one.isalpha():
        return one
    small = one.lower()
    plain = SAME[small] if small in SAME else _letter_by_name(small)
    return plain if one == small else plain.capitalize()


def _letter_by_name(one: str) -> str:
    """What a small letter is when a stroke, a hook or the like is taken off; at the end of a word as inside;
    and in the other kana."""
    name = unicodedata.name(one, "")
    plain, _with, _what = name.partition(" WITH ")
    if latin := LATIN.fullmatch(plain):
        own = OWN_NAME.search(latin[1])
        return OTHER_LETTERS.get(latin[1]) or (own[0].lower() if own else one)
    plain = plain.replace(" FINAL ", " ").replace("KATAKANA", "HIRAGANA")
    try:
        return one if plain == name else _plain(unicodedata.lookup(plain))
    except KeyError:
        return one


def _plain(text: str) -> str:
    """As it is compared, but for capitals: they also show where words begin."""
    return unicodedata.normalize("NFKD", text.translate(ACUTE)).translate(LETTERS)


def _words_in(plain: str) -> Iterator[tuple[str, int, int]]:
    """Every word that this is found by, and from where to where it stands."""
    for found in (ASCII_WORD if plain.isascii() else WORD).finditer(plain):
        for word, start, end in _forms(found.group()):
            yield word, found.start() + start, found.start() + end


def _forms(found: str) -> Forms:
    """What one word, or one run of letters that nothing parts, is found by, and where in it that stands."""
    return _known_forms(found) if len(found) <= LONGEST_WORD else _forms_anew(found)


def _forms_anew(found: str) -> Forms:
    forms = []
    if UNPARTED_LETTER.match(found):
        units = list(UNIT.finditer(found))
        forms = [(unit.group(), *unit.span()) for unit in units]
        forms += [(one.group() + two.group(), one.start(), two.end()) for one, two in pairwise(units)]
    else:
        pieces = list(PIECE.finditer(found))
        forms = [(word, 0, len(found)) for word in _wholes(found)]
        for piece in pieces:
            if len(pieces) > 1:
                forms += [(word, *piece.span()) for word in _wholes(piece.group())]
            parts = list(PART.finditer(found, *piece.span()))
            if len(parts) > 1:
                forms += [
                    (part.group(), *part.span()) for part in parts if len(part.group()) >= SHORTEST_PART
                ]
                forms += [
                    (part.group() + number.group(), part.start(), number.end())
                    for part, number in pairwise(parts)
                    if number.group().isdecimal()
                ]
    return tuple((_cut(form), start, end) for form, start, end in forms)


# Texts are written in few words.
_known_forms = lru_cache(20_000)(_forms_anew)


def _wholes(word: str) -> list[str]:
    """A word in one piece, and without its article."""
    whole = "".join(PIECE.findall(word))
    article = ARTICLE.match(whole)
    return [whole, whole[article.end() :]] if article else [whole]


def _cut(word: str) -> str:
    return word.casefold()[:LONGEST_WORD]


def folded(text: str) -> str:
    """As it is compared: without accents, capitals and other forms of the same letters."""
    return _plain(text).casefold()


def words_of(text: str) -> list[str]:
    """The words a text is found by, each once, in order."""
    plain = _plain(text)
    found = dict.fromkeys((ASCII_WORD if plain.isascii() else WORD).findall(plain))
    return list(dict.fromkeys(word for one in found for word, _start, _end in _forms(one)))


def asked_for(text: str) -> Asked:
    """What somebody who typed this looks for: all of these, of each one of its alternatives, of that all
    words. The last of the last may be the beginning of a word, and ends in `*`."""
    asked: Asked = []
    for word in WORD.findall(_plain(text)):
        if UNPARTED_LETTER.match(word):
            units = UNIT.findall(word)
            asked += [[[_cut(one)]] for one in [one + two for one, two in pairwise(units)] or units]
        else:
            pieces = PIECE.findall(word)
            apart = [[_cut(_wholes(piece)[-1]) for piece in pieces]] if len(pieces) > 1 else []
            asked.append([[_cut(_wholes(word)[-1])], *apart])
    del asked[MOST_WORDS_ASKED:]
    for alternative in asked[-1] if asked else ():
        alternative[-1] += BEGINNING
    return asked


def matches(text: str, asked: Asked) -> list[tuple[int, int]]:
    """Where words asked for stand in the text, from where to where, in order; whole letters, and places that
    touch are one."""
    words = [word for one in asked for alternative in one for word in alternative]
    whole = {word for word in words if not word.endswith(BEGINNING)}
    begun = tuple(word.removesuffix(BEGINNING) for word in words if word.endswith(BEGINNING))
    if not words or not any(word in whole or word.startswith(begun) for word in words_of(text)):
        return []
    plain, starts, ends = _plain_with_places(text)
    spans = {
        (starts[start], ends[end - 1])
        for word, start, end in _words_in(plain)
        if word in whole or word.startswith(begun)
    }
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _plain_with_places(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """As `_plain`, and for each letter of that where in the text the one it comes from begins and ends."""
    if text.isascii():
        return _plain(text), range(len(text)), range(1, len(text) + 1)
    plain, starts, ends = [], [], []
    for cluster in CLUSTER.finditer(text):
        letters = _plain(cluster.group())
        plain.append(letters)
        starts += [cluster.start()] * len(letters)
        ends += [cluster.end()] * len(letters)
    return "".join(plain), starts, ends
