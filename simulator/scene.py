"""What is on the simulated desktop: a picture for a story, a number of seconds and a time of day. Pure but
for the last background, kept because it rarely changes. No network, no clock of its own."""

import time
from dataclasses import dataclass, replace
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFilter

from simulator.ink import BOLD, REGULAR, Colour, box, head, pointer, ring, stroke, tail, width_of, write
from simulator.story import ROWS, Moment, Story, rows_of

SIZE = (1024, 768)
BAR = 28
WINDOW = (56, 58, 968, 712)
SIDEBAR = 226
CONTENT = (250, 946)
SEARCH = (250, 214, 812, 248)
BUTTON = (824, 214, 946, 248)
FIRST_ROW, ROW_HEIGHT = 314, 35
COLUMNS = {"number": 288, "name": 406, "date": 566, "amount": 742, "state": 776, "link": 858}
NOTES = (596, 506, 1000, 724)
PERSON_HOLDS_S = 4.0

WHITE, INK, MUTED, FAINT, LINE = (
    (255, 255, 255),
    (30, 38, 48),
    (104, 115, 128),
    (152, 161, 172),
    (230, 234, 239),
)
PAGE, STRIP, SELECTED = (245, 247, 250), (226, 231, 237), (236, 244, 254)
PAID, OPEN = (24, 121, 78), (176, 98, 10)
ACCENTS = ((37, 99, 171), (15, 118, 110), (109, 76, 178), (170, 74, 60))
DARK = (27, 35, 46)
WALLPAPER, WALLPAPER_END = (56, 86, 122), (30, 50, 72)


@dataclass(frozen=True)
class Person:
    """What somebody at the controls did last. `at` is in the caller's seconds."""

    x: int
    y: int
    is_pressed: bool = False
    at: float = 0.0
    typed: str = ""
    has_pointed: bool = False


class Scene:
    """The desktop of one story. Draws; decides nothing about when."""

    def __init__(self, story: Story):
        self.story = story
        self._background: tuple[object, Image.Image] | None = None

    def draw(
        self, seconds: float, *, clock: time.struct_time, is_over: bool = False, person: Person | None = None
    ) -> Image.Image:
        """The picture `seconds` after the desktop came up; `is_over` when the agent works no more. `person`
        when somebody is at the controls."""
        moment = self.story.at(seconds)
        picture = self._page(moment, is_over).copy()
        write(
            picture, (1010, BAR / 2), time.strftime("%a %d %b  %H:%M:%S", clock), WHITE, size=12, anchor="rm"
        )
        if moment.is_open:
            self._draw_search(picture, moment, seconds)
            if moment.is_thinking:
                self._draw_progress(picture, seconds)
            if moment.has_results:
                self._draw_ticks(picture, moment, is_over)
        if person and person.typed:
            _draw_notes(picture, person.typed, has_caret=int(seconds * 2) % 2 == 0)
        if person and person.has_pointed:
            if person.is_pressed:
                ring(picture, (person.x, person.y), 13, self.accent)
            pointer(picture, (person.x, person.y))
        else:
            pointer(picture, self._pointer_at(moment))
        return picture

    @property
    def accent(self) -> Colour:
        return ACCENTS[self.story.seed % len(ACCENTS)]

    def _page(self, moment: Moment, is_over: bool) -> Image.Image:
        """The background: everything that stays for a while."""
        key = (moment.is_open, moment.has_results, moment.page, is_over)
        if self._background is None or self._background[0] != key:
            self._background = (key, self._paint_page(moment, is_over))
        return self._background[1]

    def _paint_page(self, moment: Moment, is_over: bool) -> Image.Image:
        story = self.story
        picture = _empty_desktop(moment.is_open).copy()
        if not moment.is_open:
            return picture
        title = f"{story.sections[story.section]} · {story.site}"
        left, top, right, _ = WINDOW
        box(picture, (left + 72, top + 4, left + 96 + width_of(title, size=12), top + 34), WHITE, radius=7)
        box(picture, (left + 72, top + 24, left + 96 + width_of(title, size=12), top + 34), WHITE)
        write(picture, (left + 84, top + 18), title, INK, size=12)
        address = f"https://{story.host}/{story.sections[story.section].lower()}"
        if moment.has_results:
            address += f"?page={moment.page + 1}"
        box(picture, (left + 78, top + 40, right - 12, top + 64), (240, 243, 247), radius=12)
        write(picture, (left + 92, top + 52), address, (70, 80, 92), size=12)
        self._paint_sidebar(picture)
        write(picture, (250, 170), story.sections[story.section], INK, size=21, face=BOLD)
        said = f"{ROWS} entries · page {moment.page + 1}" if moment.has_results else "Search to see entries"
        write(picture, (250, 195), said, MUTED, size=12)
        box(picture, SEARCH, WHITE, radius=6, line=(190, 199, 209) if moment.has_results else self.accent)
        box(picture, BUTTON, self.accent, radius=6)
        write(picture, ((BUTTON[0] + BUTTON[2]) / 2, 231), "Search", WHITE, face=BOLD, anchor="mm")
        if moment.has_results:
            self._paint_rows(picture, moment)
        else:
            for place in range(3):
                y = 300 + place * 46
                box(picture, (250, y, 640 - place * 60, y + 12), (240, 243, 246), radius=6)
                box(picture, (250, y + 20, 470 - place * 30, y + 28), (245, 247, 249), radius=4)
        if is_over:
            box(picture, (700, 152, 946, 186), (230, 245, 237), radius=6, line=(178, 221, 199))
            stroke(picture, [(715, 169), (719.5, 173.5), (727, 164.5)], PAID, width=2)
            write(picture, (738, 169), "The agent has ended its work", PAID, size=12, face=BOLD)
        return picture

    def _paint_sidebar(self, picture: Image.Image) -> None:
        left, top, _, bottom = WINDOW
        box(picture, (left, top + 70, SIDEBAR, bottom - 8), PAGE)
        box(picture, (left, bottom - 20, SIDEBAR, bottom), PAGE, radius=8)
        box(picture, (SIDEBAR - 10, bottom - 20, SIDEBAR, bottom), PAGE)
        box(picture, (SIDEBAR - 1, top + 70, SIDEBAR, bottom), LINE)
        box(picture, (74, 146, 92, 164), self.accent, radius=5)
        write(picture, (102, 155), self.story.site, INK, size=14, face=BOLD)
        for place, section in enumerate(self.story.sections):
            is_here = place == self.story.section
            y = 192 + place * 32
            if is_here:
                box(picture, (66, y - 14, SIDEBAR - 11, y + 14), (229, 236, 245), radius=6)
            write(
                picture,
                (78, y),
                section,
                self.accent if is_here else MUTED,
                face=BOLD if is_here else REGULAR,
            )

    def _paint_rows(self, picture: Image.Image, moment: Moment) -> None:
        for name, label, anchor in (
            ("number", "Number", "lm"),
            ("name", "From", "lm"),
            ("date", "Date", "lm"),
            ("amount", "Amount", "rm"),
            ("state", "State", "lm"),
        ):
            write(picture, (COLUMNS[name], 280), label, MUTED, size=11, face=BOLD, anchor=anchor)
        for place, row in enumerate(rows_of(self.story, moment.page)):
            y = FIRST_ROW + place * ROW_HEIGHT
            box(picture, (*_row_top(place, 250), 946, _row_top(place, 0)[1] + 1), LINE)
            _write_row(picture, row, y)
        end = _row_top(ROWS, 0)[1]
        box(picture, (250, end, 946, end + 1), LINE)
        write(picture, (250, end + 24), f"Page {moment.page + 1}", MUTED, size=12)
        write(picture, (946, end + 24), "Next page", self.accent, size=12, anchor="rm")

    def _draw_search(self, picture: Image.Image, moment: Moment, seconds: float) -> None:
        left, top, right, bottom = SEARCH
        middle, room = (top + bottom) / 2, right - left - 28
        typed = self.story.task[: moment.typed]
        if moment.has_results:
            write(picture, (left + 12, middle), head(typed, room), INK)
            return
        shown = tail(typed, room)
        if typed:
            write(picture, (left + 12, middle), shown, INK)
        else:
            write(picture, (left + 12, middle), "What are you looking for?", FAINT)
        if not moment.is_thinking and int(seconds * 2) % 2 == 0:
            caret = left + 13 + width_of(shown)
            box(picture, (caret, middle - 9, caret + 1, middle + 9), INK)

    def _draw_progress(self, picture: Image.Image, seconds: float) -> None:
        left, top, right, _ = WINDOW
        reach = left + (right - left) * min(1.0, 0.2 + (seconds * 0.55) % 0.8)
        box(picture, (left, top + 69, reach, top + 71), self.accent)

    def _draw_ticks(self, picture: Image.Image, moment: Moment, is_over: bool) -> None:
        rows = rows_of(self.story, moment.page)
        if moment.row < ROWS and not is_over:
            y = FIRST_ROW + moment.row * ROW_HEIGHT
            box(picture, (250, y - ROW_HEIGHT // 2 + 1, 946, y + ROW_HEIGHT // 2 + 1), SELECTED)
            _write_row(picture, rows[moment.row], y)
        for place in range(ROWS):
            y = FIRST_ROW + place * ROW_HEIGHT
            if place < moment.ticked:
                box(picture, (260, y - 7, 274, y + 7), self.accent, radius=3)
                stroke(picture, [(263.5, y), (266, y + 2.8), (270.8, y - 3)], WHITE, width=1.7)
            else:
                box(picture, (260, y - 7, 274, y + 7), WHITE, radius=3, line=(170, 179, 189))
        if moment.ticked:
            text = f"{moment.ticked} of {ROWS} checked"
            write(picture, (946, 195), text, self.accent, size=12, face=BOLD, anchor="rm")

    def _pointer_at(self, moment: Moment) -> tuple[float, float]:
        """Where the agent's pointer is on its way from one place to the next."""
        if moment.row < 0:
            places = ((470.0, 420.0), (400.0, 236.0), (880.0, 236.0))
            begin, end = places[1:] if moment.is_thinking else places[:2]
        else:
            begin = (880.0, 236.0) if moment.row == 0 else _tick_place(moment.row - 1)
            end = _tick_place(moment.row) if moment.row < ROWS else (924.0, _row_top(ROWS, 0)[1] + 26.0)
        eased = moment.travelled**2 * (3 - 2 * moment.travelled)
        return begin[0] + (end[0] - begin[0]) * eased, begin[1] + (end[1] - begin[1]) * eased


def moved(person: Person | None, *, x: int, y: int, is_pressed: bool, at: float) -> Person:
    return replace(
        person or Person(x, y),
        x=min(max(x, 0), SIZE[0] - 1),
        y=min(max(y, 0), SIZE[1] - 1),
        is_pressed=is_pressed,
        at=at,
        has_pointed=True,
    )


def typed(person: Person | None, text: str, *, at: float) -> Person:
    """`text` is what was typed so far, all of it."""
    return replace(person or Person(0, 0), typed=text[-2000:], at=at)


def let_go(person: Person) -> Person:
    """The pointer is the agent's again; what was typed stays."""
    return replace(person, has_pointed=False, is_pressed=False)


def enlarged(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The same desktop on a larger screen."""
    larger = Image.new("RGB", size, WALLPAPER_END)
    box(larger, (0, 0, size[0], BAR), DARK)
    larger.paste(picture, (0, 0))
    return larger


def _row_top(place: int, x: int) -> tuple[int, int]:
    return x, FIRST_ROW + place * ROW_HEIGHT - ROW_HEIGHT // 2


def _tick_place(row: int) -> tuple[float, float]:
    return 268.0, FIRST_ROW + row * ROW_HEIGHT + 3.0


def _write_row(picture: Image.Image, row, y: int) -> None:
    write(picture, (COLUMNS["number"], y), row.number, INK, size=12)
    write(picture, (COLUMNS["name"], y), row.name, INK, size=12)
    write(picture, (COLUMNS["date"], y), row.date, INK, size=12)
    write(picture, (COLUMNS["amount"], y), row.amount, INK, size=12, anchor="rm")
    write(
        picture, (COLUMNS["state"], y), row.state, PAID if row.state == "Paid" else OPEN, size=12, face=BOLD
    )
    write(picture, (COLUMNS["link"], y), "Download", (37, 99, 171), size=12)


@lru_cache(maxsize=2)
def _empty_desktop(has_window: bool) -> Image.Image:
    """Wallpaper, top bar, the mark that this is simulated; with an empty browser window on top."""
    picture = Image.new("RGB", SIZE)
    draw = ImageDraw.Draw(picture)
    for y in range(SIZE[1]):
        part = y / SIZE[1]
        colour = tuple(round(a + (b - a) * part) for a, b in zip(WALLPAPER, WALLPAPER_END, strict=True))
        draw.line((0, y, SIZE[0], y), colour)
    box(picture, (0, 0, SIZE[0], BAR), DARK)
    write(picture, (14, BAR / 2), "Applications", WHITE, size=12, face=BOLD)
    write(
        picture, (106, BAR / 2), "Firefox" if has_window else "Starting Firefox …", (206, 213, 222), size=12
    )
    for place, name in enumerate(() if has_window else ("Home", "Trash")):
        y = 70 + place * 92
        box(
            picture, (26 if has_window else 40, y, 62 if has_window else 88, y + 38), (91, 141, 196), radius=5
        )
        box(
            picture,
            (26 if has_window else 40, y - 5, 44 if has_window else 62, y + 10),
            (91, 141, 196),
            radius=4,
        )
        write(picture, (64, y + 54), name, WHITE, size=12, anchor="mm")
    if has_window:
        _paint_window(picture)
    box(picture, (908, 734, 1010, 756), (22, 34, 48), radius=11)
    write(picture, (959, 745), "simulated", (186, 199, 214), size=12, anchor="mm")
    return picture


def _paint_window(picture: Image.Image) -> None:
    left, top, right, bottom = WINDOW
    shadow = Image.new("L", SIZE)
    ImageDraw.Draw(shadow).rectangle((left, top + 10, right, bottom + 14), 110)
    picture.paste((8, 14, 22), (0, 0), shadow.filter(ImageFilter.GaussianBlur(14)))
    box(picture, (0, 0, SIZE[0], BAR), DARK)
    write(picture, (14, BAR / 2), "Applications", WHITE, size=12, face=BOLD)
    write(picture, (106, BAR / 2), "Firefox", (206, 213, 222), size=12)
    box(picture, WINDOW, WHITE, radius=9)
    box(picture, (left, top, right, top + 30), STRIP, radius=9)
    box(picture, (left, top + 20, right, top + 34), STRIP)
    for place in range(3):
        box(
            picture,
            (left + 14 + place * 18, top + 12, left + 24 + place * 18, top + 22),
            (190, 199, 209),
            radius=5,
        )
    y = top + 52
    for x, way in ((left + 20, -1), (left + 44, 1)):
        stroke(picture, [(x - 5, y), (x + 5, y)], (88, 98, 110))
        stroke(picture, [(x + way, y - 4), (x + 5 * way, y), (x + way, y + 4)], (88, 98, 110))
    box(picture, (left, top + 69, right, top + 70), LINE)


def _draw_notes(picture: Image.Image, text: str, *, has_caret: bool) -> None:
    """A small editor that shows what somebody at the controls has typed."""
    left, top, right, _ = NOTES
    box(picture, NOTES, WHITE, radius=8, line=(120, 132, 146))
    box(picture, (left + 1, top + 1, right - 1, top + 29), STRIP, radius=7)
    box(picture, (left + 1, top + 20, right - 1, top + 30), STRIP)
    write(picture, ((left + right) / 2, top + 15), "Notes", INK, size=12, face=BOLD, anchor="mm")
    lines = _wrapped(text, right - left - 32)[-8:]
    for place, line in enumerate(lines):
        write(picture, (left + 16, top + 48 + place * 20), line, INK)
    if has_caret:
        x, y = left + 17 + width_of(lines[-1]), top + 48 + (len(lines) - 1) * 20
        box(picture, (x, y - 8, x + 1, y + 9), INK)


def _wrapped(text: str, width: float) -> list[str]:
    lines = []
    for line in text.split("\n"):
        while width_of(line) > width:
            fits = len(line)
            while width_of(line[:fits]) > width:
                fits -= 1
            lines.append(line[:fits])
            line = line[fits:]
        lines.append(line)
    return lines
