"""Texts of people in files that a spreadsheet opens."""

# A cell that begins so is a formula there: it could read, and send away, other cells. The wide ones are read
# like the narrow ones.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(value):
    """A text that no spreadsheet takes for a formula; other values as they are."""
    if isinstance(value, str) and value.startswith(FORMULA_SIGNS):
        return "'" + value
    return value
