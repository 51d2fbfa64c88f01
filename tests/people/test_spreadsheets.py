"""What a spreadsheet opens: no text is a formula in it, whatever it parts cells by, and in a workbook every
text is the one that was written."""

import csv
import io
import re
import zipfile
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from people import workbooks
from people.spreadsheets import FORMULA_SIGNS, csv_line, safe_cell
from people.workbooks import workbook_pieces
from tests import factories
from tests.hostile_texts import TEXTS
from tests.streamed import body_of

pytestmark = pytest.mark.any_database

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(1)",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    "﹦1",
    "⁺1",
    "\u22121",
    "  =1",
    "\u200b=1",
    "\u3000\u2066=1",
    '"=1',
    '" "=1',
    "\t=1",
    "\n=1",
]
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def cells_of(text: str) -> list[str]:
    """All that a spreadsheet may take for a cell: parted as it is told, quoted or not, its quotes and what it
    trims taken off."""
    found = []
    for sign in ",;\t|":
        for lines in (io.StringIO(text, newline=""), text.splitlines(keepends=True)):
            found += [cell for row in csv.reader(lines, delimiter=sign) for cell in row]
        if sign != ",":
            found += [cell for line in text.splitlines() for cell in line.split(sign)]
    return [re.sub(r'^[\s"\u200b\u2066\u3000]+', "", cell) for cell in found]


def formulas_in(text: str) -> list[str]:
    return [cell for cell in cells_of(text) if cell.startswith(tuple(FORMULA_SIGNS))]


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize(
    "before", ["", "Report;", "Report\t", "a|b |", "a\nb\n", "a\r", "a\u2028", 'a,";', "a;b;;", "x\x0b"]
)
def test_no_cell_is_a_formula_whatever_parts_them(before, formula):
    """OWASP/www-community #443, mui/mui-x #3689, cosmocode/dokuwiki-plugin-struct #416."""
    line = csv_line([7, before + formula, "last, one", "b"])
    assert formulas_in(line) == []
    assert next(csv.reader([line]))[3] == "b" or "\n" in before + formula or "\r" in before + formula


@given(st.lists(st.text(alphabet=";|,\t\n\r\"'=+-@ a＝\u200b\u2028", max_size=9), min_size=1, max_size=4))
def test_nor_with_any_signs_together(texts):
    assert formulas_in(csv_line([7, *texts])) == []


@pytest.mark.parametrize(
    "text", ["a - b", "a, -b", "x@example.org", "1+1=2", "well-known; and so on", "", "'=1"]
)
def test_other_texts_stay_as_they_are(text):
    assert safe_cell(text) == text


def test_numbers_stay_numbers():
    assert safe_cell(-1) == -1 and safe_cell(0.5) == 0.5


def sheets_of(book: bytes) -> list[list[list]]:
    """Rows of each sheet, read as ECMA-376 says."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        assert archive.testzip() is None
        parts = {name: ElementTree.fromstring(archive.read(name)) for name in archive.namelist()}  # noqa: S314
    names = [name for name in parts if name.startswith("xl/worksheets/")]
    assert len(parts["xl/workbook.xml"].findall(f".//{MAIN}sheet")) == len(names)
    assert not any(sheet.findall(f".//{MAIN}f") for sheet in parts.values())
    return [[[cell(one) for one in row] for row in parts[name].iter(f"{MAIN}row")] for name in names]


def cell(element):
    number, text = element.find(f"{MAIN}v"), element.find(f".//{MAIN}t")
    if number is not None:
        return float(number.text) if "." in number.text else int(number.text)
    return re.sub(r"_x([0-9A-F]{4})_", lambda code: chr(int(code[1], 16)), text.text or "")


class TestWorkbook:
    @pytest.mark.parametrize("name", TEXTS)
    def test_every_text_is_the_one_that_was_written(self, name):
        text = TEXTS[name].replace("\ud800", "")
        (rows,) = sheets_of(b"".join(workbook_pieces(["id", "text"], [[[1, text]], [[2.5, "_x0041_"]]])))
        assert rows == [["id", "text"], [1, text], [2.5, "_x0041_"]]

    def test_nothing_is_a_sheet_with_its_head(self):
        assert sheets_of(b"".join(workbook_pieces(["id"], []))) == [[["id"]]]

    def test_a_text_that_is_too_long_for_a_cell_is_cut_between_letters(self):
        ((_head, (text,)),) = sheets_of(b"".join(workbook_pieces(["a"], [[["🇩🇪" * 20_000]]])))
        assert set(text.split("🇩🇪")) == {""} and len(text.encode("utf-16-le")) // 2 <= workbooks.MAX_CELL

    @pytest.mark.parametrize("limit", ["MAX_ROWS", "MAX_BYTES"])
    def test_more_than_a_sheet_takes_goes_on_in_the_next(self, monkeypatch, limit):
        monkeypatch.setattr(workbooks, limit, 2)
        sheets = sheets_of(b"".join(workbook_pieces(["n"], ([[n]] for n in range(5)))))
        assert [rows[0] for rows in sheets] == [["n"]] * len(sheets) and len(sheets) > 2
        assert [row for rows in sheets for row in rows[1:]] == [[n] for n in range(5)]

    def test_it_comes_piece_by_piece(self):
        made = []
        rows = ([made.append(n) or [n, "x" * 1000]] for n in range(100))
        pieces = workbook_pieces(["n", "x"], rows)
        assert next(pieces) and made == []
        next(pieces)
        assert made == [0]

    def test_runs_and_the_audit_log_come_as_one(self, client, workspace, manager):
        factories.sign_in(client, manager)
        task = "Report;=1+1\nGrüße"
        run = factories.make_run(workspace, by=manager, prompt=task)
        run.write_note("x", by=manager)
        answer = client.post("/runs/bulk/", {"action": "xlsx", "everything": "1"})
        assert re.fullmatch(
            r'attachment; filename="runs-[\d-]+\.xlsx"', answer.headers["Content-Disposition"]
        )
        assert answer.headers["Content-Type"] == workbooks.MEDIA
        ((head, row),) = sheets_of(body_of(answer))
        assert (row[head.index("id")], row[head.index("task")]) == (run.pk, task)
        answer = client.get("/team/audit/export/?format=xlsx")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.xlsx"'
        ((head, *rows),) = sheets_of(body_of(answer))
        assert head[0] == "number" and [row[4] for row in rows][:2] == ["exported", "run-note"]

    def test_both_are_offered_wherever_a_csv_is(self, client, workspace, manager):
        factories.sign_in(client, manager)
        factories.make_run(workspace)
        assert 'value="xlsx"' in client.get("/runs/").content.decode()
        assert "/team/audit/export/?q=x&amp;format=xlsx" in client.get("/team/audit/?q=x").content.decode()
