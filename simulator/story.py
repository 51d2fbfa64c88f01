"""What the simulated agent does with a task, and when: the one source of what the desktop shows and of what
the thread says. Pure functions of the task's text; no drawing, no clock."""

import random
import zlib
from dataclasses import dataclass
from functools import lru_cache

ROWS = 9
OPEN_S, TYPE_FROM_S, LETTER_S, TYPE_AT_MOST_S = 1.2, 2.4, 0.09, 9.0
THINK_S, READ_S, TICK_S, TURN_S = 1.4, 2.6, 3.8, 3.0
SITES = (
    ("Nordhaus", "portal.nordhaus.example", ("Orders", "Invoices", "Contracts", "Contacts")),
    ("Marlow & Sons", "desk.marlow.example", ("Inbox", "Documents", "Approvals", "Archive")),
    ("Ostwind", "my.ostwind.example", ("Overview", "Records", "Deliveries", "Settings")),
    ("Lumen", "office.lumen.example", ("Projects", "Files", "Reports", "People")),
)
NAMES = (
    "Nordhaus Paper",
    "Kessler Freight",
    "Ostwind Energy",
    "Lumen Office",
    "Marlow Catering",
    "Brandt IT",
    "Hafen Storage",
    "Señal Móvil",
    "Atelier Béranger",
    "Волга Сервис",
    "Okeanos Travel",
    "Pilar & Hijos",
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Row:
    number: str
    name: str
    date: str
    amount: str
    state: str


@dataclass(frozen=True)
class Moment:
    """What the agent has done by now. `page` counts from 0; `ticked` rows of that page are done."""

    is_open: bool
    typed: int
    is_thinking: bool
    has_results: bool
    page: int
    ticked: int
    row: int  # where the pointer is going; -1 before the rows
    travelled: float  # 0 to 1, how far on the way there


@dataclass(frozen=True)
class Story:
    task: str
    site: str
    host: str
    sections: tuple[str, ...]
    section: int
    seed: int

    @property
    def results_s(self) -> float:
        return TYPE_FROM_S + self.typing_s + THINK_S

    @property
    def typing_s(self) -> float:
        return min(TYPE_AT_MOST_S, len(self.task) * LETTER_S)

    @property
    def page_s(self) -> float:
        return READ_S + ROWS * TICK_S + TURN_S

    def at(self, seconds: float) -> Moment:
        """The moment `seconds` after the desktop came up."""
        typing = min(1.0, max(0.0, seconds - TYPE_FROM_S) / (self.typing_s or 1))
        if seconds < self.results_s:
            thought = (seconds - TYPE_FROM_S - self.typing_s) / THINK_S
            return Moment(
                is_open=seconds >= OPEN_S,
                typed=int(typing * len(self.task)),
                is_thinking=typing == 1.0,
                has_results=False,
                page=0,
                ticked=0,
                row=-1,
                travelled=min(1.0, thought * 2 if typing == 1.0 else seconds / TYPE_FROM_S),
            )
        page, on_page = divmod(seconds - self.results_s, self.page_s)
        ticks = max(0.0, on_page - READ_S) / TICK_S
        return Moment(
            is_open=True,
            typed=len(self.task),
            is_thinking=False,
            has_results=True,
            page=int(page),
            ticked=min(ROWS, int(ticks)),
            row=min(ROWS, int(ticks)),
            travelled=min(1.0, (ticks - int(ticks)) * 1.6),
        )

    def steps(self, until_s: float) -> list[tuple[float, str, str]]:
        """(seconds, role, text) of everything the agent said or did up to `until_s`."""
        found = self.results_s
        steps = [
            (0.4, "assistant", f"The desktop is up. I open the browser and go to {self.host}."),
            (OPEN_S, "tool", f"Opened https://{self.host}/"),
            (
                TYPE_FROM_S + self.typing_s,
                "tool",
                f"Searched for “{_shortened(self.task, 120)}”",
            ),
            (
                found + 0.5,
                "assistant",
                f"{ROWS} entries match on the first page. I go through them.",
            ),
        ]
        page = 0
        while found + page * self.page_s < until_s and page < 40:
            begun = found + page * self.page_s
            rows = rows_of(self, page)
            for tick in (3, 6, ROWS):
                names = ", ".join(row.number for row in rows[tick - 3 : tick])
                steps.append((begun + READ_S + tick * TICK_S, "tool", f"Checked {names}"))
            turned = begun + READ_S + ROWS * TICK_S + 1
            steps.append((turned, "assistant", f"Page {page + 1} is done; there is another one."))
            page += 1
        return [step for step in steps if step[0] <= until_s]


@lru_cache(maxsize=256)
def tell(task: str) -> Story:
    """The story of a task; the same text always gives the same story."""
    text = " ".join(task.split())[:400] or "Look around"
    seed = zlib.crc32(text.encode("utf-8", "replace"))
    known = [
        (site, place)
        for site in SITES
        for place, section in enumerate(site[2])
        if section.lower().rstrip("s") in text.lower()
    ]
    (name, host, sections), section = known[0] if known else (SITES[seed % len(SITES)], seed // 7 % 4)
    return Story(text, name, host, sections, section, seed)


@lru_cache(maxsize=256)
def rows_of(story: Story, page: int) -> tuple[Row, ...]:
    chance = random.Random(f"{story.seed} {page}")
    named = [month for month in MONTHS if month.lower() in story.task.lower()]
    month, day, number = (named or MONTHS)[story.seed % len(named or MONTHS)], 1, chance.randrange(1100, 1900)
    rows = []
    for _ in range(ROWS):
        day, number = day + chance.randrange(1, 4), number + chance.randrange(3, 9)
        cents = chance.randrange(9_000, 480_000)
        rows.append(
            Row(
                number=f"{story.sections[story.section][:3].upper()}-{number}",
                name=chance.choice(NAMES),
                date=f"{day:02} {month}",
                amount=f"{cents / 100:,.2f} €",
                state=chance.choice(("Paid", "Paid", "Open")),
            )
        )
    return tuple(rows)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
