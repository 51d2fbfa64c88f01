"""How people and workspaces may be called. A name is to be read: what is not seen in it, or turns round what
stands beside it, is there to be taken for another. And when two names to sign in with are the same."""

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from people.texts import is_blank, is_unseen

NON_JOINER, JOINER = "\u200c", "\u200d"
AS_PICTURE = "\ufe0f"
ON_A_KEY = "\u20e3"
SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
VIRAMA = 9  # the combining class of signs by which letters of Indian scripts are joined


def invisible_in(name: str) -> str:
    """The first character that nobody would see, or ""."""
    return next(
        (one for place, one in enumerate(name) if is_unseen(one) and not _is_spelling(name, place)), ""
    )


def visible(name: str) -> str:
    """The name without what nobody sees, for one that cannot be asked for again."""
    seen = "".join(one for place, one in enumerate(name) if not is_unseen(one) or _is_spelling(name, place))
    return "" if is_blank(seen) else seen


def validate_visible(name: str) -> None:
    """Raises ValidationError for a name with something in it that nobody sees."""
    if found := invisible_in(name):
        sentence = _("Something in it cannot be seen (%(code)s). Type the name anew, without it.")
        raise ValidationError(sentence, params={"code": f"U+{ord(found):04X}"})
    if is_blank(name):
        raise ValidationError(_("There is nothing to read in it."))


def folded(name: str) -> str:
    """A name to sign in with as it is compared: capitals, wide letters and other forms of a letter are it."""
    letters = unicodedata.normalize("NFD", name).casefold()
    letters = unicodedata.normalize("NFKD", letters).casefold()
    return unicodedata.normalize("NFKC", letters)


def label_key(name: str) -> str:
    """The name of a thing as it is compared: as one to sign in with, but without what nobody sees."""
    return " ".join(folded("".join(one for one in name if one.isspace() or not is_unseen(one))).split())


def _is_spelling(name: str, place: int) -> bool:
    """Whether a joiner stands where words of some scripts are spelt with it (RFC 5892, A.1 and A.2), or
    pictures are put together (UTS 51)."""
    if _is_part_of_picture(name, place):
        return True
    if name[place] not in (NON_JOINER, JOINER) or not 0 < place < len(name) - 1:
        return False
    before, after = name[place - 1], name[place + 1]
    if unicodedata.combining(before) == VIRAMA:
        return True
    is_arabic = all(unicodedata.bidirectional(one) == "AL" for one in (before, after))
    return name[place] == NON_JOINER and is_arabic


def _is_part_of_picture(name: str, place: int) -> bool:
    before, after = name[:place], name[place + 1 :]
    if name[place] == AS_PICTURE:
        return _is_picture(before[-1:]) or (before[-1:].isascii() and after[:1] == ON_A_KEY)
    if before[-1:] == AS_PICTURE or (before and before[-1] in SKIN_TONES):
        before = before[:-1]
    return name[place] == JOINER and _is_picture(before[-1:]) and _is_picture(after[:1])


def _is_picture(one: str) -> bool:
    return bool(one) and unicodedata.category(one) == "So"
