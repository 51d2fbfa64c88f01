"""What Unicode says of a text: whether there is anything in it to see, and where one of its letters ends for
whoever reads it. Knows no names and no words."""

import regex

# Controls, formats (which turn the direction of writing, or join and part letters), halves of characters,
# private and unassigned ones, what ends a line or a paragraph, and what shows nothing by default. And what is
# drawn empty though no property says so: spaces that are not a whole one wide, blanks of Braille, Egyptian
# and Khitan, joiners and selectors of Brahmi, shorthand and music, the place of an object.
UNSEEN = (
    r"\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2000-\u200a\u202f\u205f\u2800\ufffc"
    r"\U0001107f\U00013441\U00013442\U00016fe4\U0001bc9d\U0001d159"
)
_UNSEEN = regex.compile(f"[{UNSEEN}]")
# Accents and vowel signs are seen on a letter; alone they are dirt.
_BLANK = regex.compile(rf"[\s\p{{Z}}\p{{M}}{UNSEEN}]*")
_CLUSTER = regex.compile(r"\X")


def is_unseen(character: str) -> bool:
    """Whether nobody would see it."""
    return bool(_UNSEEN.match(character))


def is_blank(text: str) -> bool:
    """Whether there is nothing in it to see."""
    return bool(_BLANK.fullmatch(text))


def clusters(text: str) -> list[str]:
    """Its letters as a reader counts them: a flag, a family or a syllable of several characters is one."""
    return _CLUSTER.findall(text)


def edges_of(text: str) -> list[int]:
    """Where it may be cut without cutting a letter, its both ends among them."""
    return [0, *(cluster.end() for cluster in _CLUSTER.finditer(text))]


def beginning(text: str, length: int) -> str:
    """As many whole letters of it as are at most so many characters; of one that is longer than that, its
    beginning."""
    if len(text) <= length:
        return text
    end = 0
    for cluster in _CLUSTER.finditer(text):
        if cluster.end() > length:
            break
        end = cluster.end()
    return text[: end or length]


def shortened(text: str, length: int) -> str:
    """The text, or as much of its beginning as stands before a “…” in so many characters."""
    return text if len(text) <= length else beginning(text, length - 1).rstrip() + "…"
