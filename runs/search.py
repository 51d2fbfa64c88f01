"""Finding runs by the words in them: prompts, follow-up message, notes, tags. Keeps the words of each run,
and asks the database's own word index: FTS5 on SQLite, GIN on Postgres. Both hold the same words
(`runs.words`), so both find the same runs. Knows no person: lists start with `visible_to` all the same."""

from bisect import bisect_left, bisect_right
from itertools import accumulate

from django.db import connection, models, transaction

from people.texts import edges_of
from runs.words import BEGINNING, Asked, asked_for, matches, words_of

MOST_TEXT = 100_000
# Postgres takes a megabyte for a row, and a text without spaces has two words a letter.
MOST_BYTES = 900_000
# Marks a fact about a run among its words: a private character, so never part of what somebody types.
FACT = "\ue000"


class Words(models.TextField):
    """Words parted by single spaces. Its lookup `has` takes what `wanted` returns."""


@Words.register_lookup
class Has(models.Lookup):
    lookup_name = "has"

    def get_prep_lookup(self):
        return self.rhs

    def as_sqlite(self, compiler, connection):
        words, params = self.process_lhs(compiler, connection)
        return f"{words} MATCH %s", [*params, _expression(self.rhs, '"', "*", " AND ", " OR ")]

    def as_postgresql(self, compiler, connection):
        words, params = self.process_lhs(compiler, connection)
        asked = _expression(self.rhs, "'", ":*", " & ", " | ")
        # The expression of the index: our words as they are, no language's rules.
        return f"array_to_tsvector(string_to_array({words}, ' ')) @@ %s::tsquery", [*params, asked]


class RunText(models.Model):
    """The words of a run, each once, and facts by which lists are filtered."""

    run = models.OneToOneField("runs.Run", models.CASCADE, primary_key=True, related_name="text")
    words = Words()

    def __str__(self):
        return f"Words of run {self.run_id}"


class RunIndex(models.Model):
    """SQLite's index of these words; kept by triggers. It can be read newest first, page by page."""

    run = models.OneToOneField(
        "runs.Run", models.DO_NOTHING, primary_key=True, db_column="rowid", related_name="index"
    )
    words = Words(db_column="runs_runindex")

    class Meta:
        managed = False

    def __str__(self):
        return f"Index of run {self.run_id}"


def fact(name: str, value) -> str:
    """A word that stands for a fact, like `who` and a person's id."""
    return f"{FACT}{name}{str(value).encode().hex()}"


def wanted(text: str, facts: dict) -> Asked:
    """What to look for: all of these words, the last also as the beginning of one, and all of these facts."""
    return asked_for(text) + [[[fact(name, value)]] for name, value in facts.items()]


def _expression(asked: Asked, quote: str, begun: str, every: str, either: str) -> str:
    """In the language of a word index."""

    def quoted(word: str) -> str:
        return f"{quote}{word.removesuffix(BEGINNING)}{quote}{begun if word.endswith(BEGINNING) else ''}"

    ones = [[every.join(map(quoted, words)) for words in alternatives] for alternatives in asked]
    return every.join(one[0] if len(one) == 1 else f"(({f'){either}('.join(one)}))" for one in ones)


def path() -> str:
    """Where the index of a run's words is reached from the run."""
    return "index" if connection.vendor == "sqlite" else "text"


def newest_by() -> str:
    """What found runs are ordered by: SQLite reads its index newest first when asked in the index's words."""
    return "index__run_id" if connection.vendor == "sqlite" else "pk"


def hold(run) -> None:
    """Let nobody else write texts of this run until the transaction ends. (On SQLite one writes at a time
    anyway. Rows that refer to the run may be added: two who did so would else wait for each other.)"""
    type(run).objects.select_for_update(no_key=True).only("pk").get(pk=run.pk)


@transaction.atomic
def keep_words(run, kept_in=RunText) -> None:
    """Make this run's index say what the run says now. Called wherever a text of it is written, in the same
    transaction: of two who write at once, the later one reads what the earlier one wrote."""
    hold(run)
    words = words_to_find(run, run.tags.all(), run.notes.all())
    kept_in.objects.update_or_create(run=run, defaults={"words": words})


def words_to_find(run, tags, notes) -> str:
    """What its index holds: facts and words, parted by single spaces."""
    agent_session, tags = run.agent_session, list(tags)
    facts = {
        "workspace": run.workspace_id,
        "who": run.created_by_id,
        "template": agent_session.sandbox_template,
    }
    texts = [
        agent_session.user_prompt,
        agent_session.goal_prompt,
        agent_session.system_prompt,
        run.message,
        *(tag.name for tag in tags),
        *(note.text for note in notes),
    ]
    words = [fact(name, value) for name, value in facts.items()] + [fact("tag", tag.pk) for tag in tags]
    words += words_of("\n".join(texts)[:MOST_TEXT])
    whole = " ".join(words)
    if len(whole) <= MOST_BYTES / 4:
        return whole
    ends = accumulate(len(word.encode()) + 1 for word in words)
    return " ".join(word for word, end in zip(words, ends, strict=True) if end <= MOST_BYTES)


def marked(text: str, asked: str) -> list[tuple[str, bool]]:
    """The text in parts, each with whether it is one of the words asked for."""
    parts, end = [], 0
    for start, next_end in matches(text, asked_for(asked)):
        parts += [(text[end:start], False), (text[start:next_end], True)]
        end = next_end
    return [part for part in [*parts, (text[end:], False)] if part[0]]


def excerpt(text: str, asked: str, around: int = 50) -> list[tuple[str, bool]]:
    """The first place of a long text where a word asked for stands, marked; [] when none does."""
    places = matches(text, asked_for(asked))
    if not places:
        return []
    first, last = places[0]
    edges = edges_of(text)
    start = edges[bisect_left(edges, first - around)]
    end = edges[bisect_right(edges, last + around) - 1]
    cut = " ".join(text[start:end].split())
    return marked(("… " if start else "") + cut + (" …" if end < len(text) else ""), asked)
