"""Texts of people in files that a spreadsheet opens."""

import csv

# A cell that begins so is a formula there: it could read, and send away, other cells. The wide ones are read
# like the narrow ones.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(value):
    """A text that no spreadsheet takes for a formula; other values as they are."""
    if isinstance(value, str) and value.startswith(FORMULA_SIGNS):
        return "'" + value
    return value


def csv_line(values) -> str:
    """One line of a CSV file."""
    return csv.writer(_Echo()).writerow([safe_cell(value) for value in values])


class _Echo:
    """What `csv` writes to: gives back what it is given."""

    def write(self, text: str) -> str:
        return text
