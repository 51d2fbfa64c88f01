"""What an X11 key means for typed text. Nothing else is known of keyboards."""

from simulator.scene import Person

RETURN, BACKSPACE, TAB, UNICODE_KEYSYM = 0xFF0D, 0xFF08, 0xFF09, 0x01000000


def text_after(person: Person | None, keysym: int) -> str:
    """What has been typed, with one more key."""
    text = person.typed if person else ""
    if keysym == BACKSPACE:
        return text[:-1]
    if keysym in (RETURN, TAB):
        return text + ("\n" if keysym == RETURN else "    ")
    return text + character_of(keysym)


def character_of(keysym: int) -> str:
    """The character of an X11 keysym; nothing for keys without one."""
    if 0x20 <= keysym <= 0x7E or 0xA0 <= keysym <= 0xFF:
        return chr(keysym)
    if 0x06A1 <= keysym <= 0x06FF:
        return bytes([keysym & 0xFF]).decode("koi8_r")  # X11 numbers Cyrillic as KOI8 does
    if UNICODE_KEYSYM < keysym <= UNICODE_KEYSYM + 0x10FFFF:
        return chr(keysym - UNICODE_KEYSYM)
    return ""
