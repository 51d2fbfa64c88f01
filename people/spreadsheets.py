"""Texts of people in a file that parts cells by a sign, for spreadsheets: some part it by a comma, as it was
written, and in many countries by a semicolon, a tab or a bar."""

import csv

import regex

from people.texts import UNSEEN

# A cell that begins so is a formula there: it could read, and send away, other cells. The wide, small, raised
# and lowered ones are read like the plain ones.
FORMULA_SIGNS = "=＝﹦⁼₌+＋﹢⁺₊-－﹣−⁻₋@＠﹫"
# Where a cell may begin within a text, for who parts by other signs; then what is skipped in front of it.
BEGINS_CELL = r"^|[;|\t\r\n\v\f\x1c-\x1f\x85\u2028\u2029]"
IS_SKIPPED = rf'[\s\p{{Z}}"{UNSEEN}]*'
FORMULA = regex.compile(rf"({BEGINS_CELL})(?={IS_SKIPPED}[{regex.escape(FORMULA_SIGNS)}]|(?<=^)[\t\r\n])")


def safe_cell(value):
    """A text of which no spreadsheet takes a part for a formula, whatever it parts cells by; other values as
    they are."""
    return FORMULA.sub(r"\1'", value) if isinstance(value, str) else value


def csv_line(values) -> str:
    """One line of a CSV file."""
    return csv.writer(_Echo()).writerow([safe_cell(value) for value in values])


class _Echo:
    """What `csv` writes to: gives back what it is given."""

    def write(self, text: str) -> str:
        return text
