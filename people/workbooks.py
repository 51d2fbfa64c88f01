"""A workbook (Office Open XML, ECMA-376) for spreadsheets that read no CSV by commas: texts are texts in it,
and never formulas. Made piece by piece while it is fetched; libraries keep the whole on a disk first."""

from collections.abc import Iterable, Iterator
from html import escape
from zipfile import ZIP_DEFLATED, ZipFile

import regex

from people.texts import beginning

# Of a sheet: rows, and bytes before they are packed.
MAX_ROWS, MAX_BYTES = 1_000_000, 1 << 30
# Of a cell, in UTF-16.
MAX_CELL = 32_767
# What XML cannot hold is written by its code (22.9.2.19); and what looks like such a code already.
UNWRITABLE = regex.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")

DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
FORMAT = "http://schemas.openxmlformats.org"
MAIN, KINDS = f"{FORMAT}/spreadsheetml/2006/main", f"{FORMAT}/officeDocument/2006/relationships"
SHEET = (
    f'{DECLARATION}<worksheet xmlns="{MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" state="frozen"/></sheetView></sheetViews><sheetData>'
)
END_OF_SHEET = "</sheetData></worksheet>"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
MEDIA = f"{TYPE}.sheet"


def workbook_pieces(head: Iterable, pieces: Iterable[list]) -> Iterator[bytes]:
    """A workbook with this line on top of each sheet, and these rows, some at a time."""
    sent, sheets = _Sent(), 0
    rows_of = iter(pieces)
    rows: list | None = []
    with ZipFile(sent, "w", ZIP_DEFLATED) as book:
        while rows is not None:
            sheets += 1
            with book.open(_path(sheets), "w") as sheet:
                count = size = 0
                lines = SHEET + _line(head)
                while rows is not None and count < MAX_ROWS and size < MAX_BYTES:
                    lines += "".join(map(_line, rows))
                    count, size = count + len(rows), size + sheet.write(lines.encode())
                    yield sent.taken()
                    rows, lines = next(rows_of, None), ""
                sheet.write(END_OF_SHEET.encode())
        for path, text in _parts(sheets).items():
            book.writestr(path, DECLARATION + text)
    yield sent.taken()


def _path(sheet: int) -> str:
    return f"xl/worksheets/sheet{sheet}.xml"


def _parts(sheets: int) -> dict[str, str]:
    """What says of the sheets that they are some."""
    numbers = range(1, sheets + 1)
    types = "".join(
        f'<Override PartName="/{_path(number)}" ContentType="{TYPE}.worksheet+xml"/>' for number in numbers
    )
    relations = "".join(
        f'<Relationship Id="s{number}" Type="{KINDS}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in numbers
    )
    named = "".join(f'<sheet name="{number}" sheetId="{number}" r:id="s{number}"/>' for number in numbers)
    packages = f"{FORMAT}/package/2006"
    return {
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{KINDS}"><sheets>{named}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{packages}/relationships">{relations}'
        "</Relationships>",
        "_rels/.rels": f'<Relationships xmlns="{packages}/relationships"><Relationship Id="b" '
        f'Type="{KINDS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "[Content_Types].xml": f'<Types xmlns="{packages}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override '
        f'PartName="/xl/workbook.xml" ContentType="{TYPE}.sheet.main+xml"/>{types}</Types>',
    }


def _line(values: Iterable) -> str:
    return f"<row>{''.join(map(_cell, values))}</row>"


def _cell(value) -> str:
    if isinstance(value, int | float):
        return f"<c><v>{value}</v></c>"
    text = value if len(value) <= MAX_CELL / 2 else _fitting(value)
    written = escape(UNWRITABLE.sub(lambda found: f"_x{ord(found.group()):04X}_", text), quote=False)
    return f'<c t="inlineStr"><is><t xml:space="preserve">{written}</t></is></c>'


def _fitting(text: str) -> str:
    is_short = len(text.encode("utf-16-le")) // 2 <= MAX_CELL
    return text if is_short else beginning(text, MAX_CELL // 2)


class _Sent:
    """What the archive is written to, which it cannot go back in."""

    def __init__(self):
        self.parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self.parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        """What was written since it was last asked for."""
        taken, self.parts = b"".join(self.parts), []
        return taken
