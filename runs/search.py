"""Finding runs by the words in them: prompts, follow-up message, notes, tags. Says what a word is, keeps the
words of each run, and asks the database's own word index: FTS5 on SQLite, GIN on Postgres. Both hold the same
words, made here, so both find the same runs. Knows no person: lists start with `visible_to` all the same."""

import re
import unicodedata

from django.db import connection, models, transaction

# Letters and digits that stand together; each ideograph or kana alone, because nothing parts their words.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
LONGEST_WORD = 40
MOST_WORDS_ASKED = 16
MOST_TEXT = 100_000
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
        return f"{words} MATCH %s", [*params, " AND ".join(_quoted(word, '"', "*") for word in self.rhs)]

    def as_postgresql(self, compiler, connection):
        words, params = self.process_lhs(compiler, connection)
        asked = " & ".join(_quoted(word, "'", ":*") for word in self.rhs)
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


def folded(text: str) -> str:
    """As it is compared: without accents, capitals and other forms of the same letters."""
    letters = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()


def words_of(text: str) -> list[str]:
    """The words of a text, each once, in order."""
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in WORD.findall(folded(text))))


def fact(name: str, value) -> str:
    """A word that stands for a fact, like `who` and a person's id."""
    return f"{FACT}{name}{str(value).encode().hex()}"


def wanted(text: str, facts: dict) -> list[str]:
    """What to look for: all of these words and facts, the last word also as the beginning of one."""
    words = words_of(text)[:MOST_WORDS_ASKED]
    if words:
        words[-1] += "*"
    return words + [fact(name, value) for name, value in facts.items()]


def _quoted(word: str, quote: str, beginning: str) -> str:
    is_beginning = word.endswith("*")
    return f"{quote}{word.rstrip('*')}{quote}{beginning if is_beginning else ''}"


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
    return " ".join(words + words_of("\n".join(texts)[:MOST_TEXT]))


def marked(text: str, asked: str) -> list[tuple[str, bool]]:
    """The text in parts, each with whether it is one of the words asked for."""
    *whole, last = words_of(asked)[:MOST_WORDS_ASKED] or [""]
    parts, end = [], 0
    for found in WORD.finditer(text) if last else ():
        word = folded(found.group())[:LONGEST_WORD]
        if word in whole or word.startswith(last):
            parts += [(text[end : found.start()], False), (found.group(), True)]
            end = found.end()
    return [part for part in [*parts, (text[end:], False)] if part[0]]


def excerpt(text: str, asked: str, around: int = 50) -> list[tuple[str, bool]]:
    """The first place of a long text where a word asked for stands, marked; [] when none does."""
    for found in WORD.finditer(text):
        if any(is_match for _, is_match in marked(found.group(), asked)):
            start, end = max(0, found.start() - around), found.end() + around
            cut = " ".join(text[start:end].split())
            return marked(("… " if start else "") + cut + (" …" if end < len(text) else ""), asked)
    return []
