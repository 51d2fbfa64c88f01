"""Finding runs by words and ids: what counts as a word, that no text is an error, and where the match is
shown. The same on both databases."""

import importlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection

from people.texts import clusters
from runs import migrations, search
from runs.models import AgentSession, Run, RunText
from runs.words import folded
from tests import factories

HOSTILE = [
    '"',
    "'",
    "''; DROP TABLE runs_run; --",
    "AND",
    "OR NOT NEAR(",
    "invoices*",
    "* ^ : { } ( )",
    "words:invoices",
    "-invoices",
    "\\",
    "'invoices':* & !",
    "<-> | &",
    "\ue000workspace31",
    "\ue000",
    "\u202e\u200b",
    "a" * 200,
    "é" * 200,
    "x y " * 40,
    "%_[]",
    "👩‍🚀",
    "\U0010ffff",
]


def found(text: str, **facts) -> list[str]:
    runs = Run.objects.matching(text, **facts)
    return [run.title for run in runs.order_by(f"-{runs.newest_by}")]


def test_all_words_count_and_the_last_may_be_begun(workspace):
    factories.make_run(workspace, prompt="Download the October invoices")
    factories.make_run(workspace, prompt="Download the press kit")
    assert found("download") == ["Download the press kit", "Download the October invoices"]
    assert found("october download") == ["Download the October invoices"]
    assert found("the inv") == ["Download the October invoices"]
    assert found("inv the") == []


@pytest.mark.parametrize("asked", ["CAFE", "café", "cafe\u0301", "Café", "caf"])
def test_accents_and_capitals_make_no_difference(workspace, asked):
    factories.make_run(workspace, prompt="Reserve the Café Zürich")
    assert found(asked) == ["Reserve the Café Zürich"]


# Of each kind: what is written, and what it is found by.
FOUND = {
    "letters with a stroke": (
        "Łódź, Smørrebrød, Đorđe, Ħamrun",
        ["lodz", "smorrebrod", "Dorde", "hamrun"],
    ),
    "letters with a hook": ("ɓala ƙasa ɗaya", ["bala kasa daya"]),
    "letters of two": ("Æther œuvre ĳs ßtraße Ǽ", ["aether", "oeuvre", "ijs", "sstrasse", "ae"]),
    "letters of the north": ("Þórður Guðmundsson Eŋe", ["thordur gudmundsson", "ene"]),
    "an i without and with a dot": ("ISPARTA ısparta İstanbul", ["isparta", "istanbul", "ISTANBUL"]),
    "letters of Azerbaijan and Africa": ("Gəncə Ɛwe mɔ", ["gence", "ewe", "mo"]),
    "letters barred, turned and of old": (
        "sʉ Ʀune ꝺꝼ Ɋ Ƕ Ɵrꝺ mɯx ʌx",
        ["su", "rune", "df", "ɋ", "hv", "ƕ", "ɵrd", "ord", "MƜX", "vx"],
    ),
    "capitals of two": ("DŽ ǆ", ["dž", "dz"]),
    "ligatures": ("ﬁle ﬃ", ["file", "ffi"]),
    "wide and half ones": ("ＩＮＶＯＩＣＥ ﾊﾞｽ", ["invoice", "バス"]),
    "numbers": ("Ⅻ ½ ٣٤ ３ x²", ["xii", "34", "3", "x2"]),
    "Greek": ("Καφές ΟΔΟΣ ᾳδης", ["καφεσ", "οδος", "αδης"]),
    "Cyrillic": (
        "Ёлка Қазақ ґанок Өскемен Үлкен ұлт әке Һәм",
        ["елка", "казак", "ганок", "оскемен", "УЛКЕН", "улт", "аке", "хам"],
    ),
    "points and abbreviations of Hebrew": (
        'שָׁלוֹם חשבוניות מנכ"ל צה״ל',
        ["שלום", "שלומ", "חשבוניות", "מנכל", "מנכ״ל", "צהל", 'צה"ל'],
    ),
    "vowels of Arabic": ("مُحَمَّدٌ أحمد إلى مدرسة فاتـــورة", ["محمد", "احمد", "الي", "مدرسه", "فاتورة"]),
    "the article of Arabic": ("الفاتورة والكتاب للشركة", ["فاتورة", "الفاتورة", "الفا", "كتاب", "شركة"]),
    "letters of Persian": ("کتاب می\u200cخواهم یک", ["كتاب", "میخواهم", "می\u200cخواهم", "يك"]),
    "vowels of Hindi": ("हिन्दी ज़रूरी", ["हिन्दी", "जरूरी"]),
    "letters of Malayalam and Bengali in both spellings": ("അവൻ അവന്‍റെ হঠাৎ", ["അവന്‍", "അവൻറെ", "হঠাত্‍"]),
    "syllables of Hangul": ("한국어 송장", ["한국", "하", "송장"]),
    "signs of Chinese": ("請下載發票。", ["發票", "下載", "載", "請下載發票"]),
    "rare signs": ("𠮷野家へ", ["𠮷", "野家"]),
    "kana": ("インボイスを保存する", ["保存", "いんぼいす", "ボイス", "保存する"]),
    "Thai": ("ดาวน์โหลดใบแจ้งหนี้", ["ใบแจ้งหนี้", "หนี้", "โหลด"]),
    "Lao": ("ດາວໂຫຼດໃບແຈ້ງໜີ້", ["ໃບແຈ້ງ"]),
    "Khmer": ("ទាញយកវិក្កយបត្រ", ["វិក្កយបត្រ"]),
    "Burmese": ("ပြေစာဒေါင်းလုဒ်", ["ဒေါင်းလုဒ်"]),
    "apostrophes": (
        "don't l’avion O`Neil qu´il Hawaiʻi col·lecció",
        ["dont", "don’t", "avion", "oneil", "quil", "hawaii", "colleccio", "coŀlecció"],
    ),
    "their absence": ("dont lavion", ["don't", "l'avion"]),
    "hyphens": (
        "e-mail Jean‑Luc 2024-11-24 co−op",
        ["email", "e-mail", "mail", "luc", "jeanluc", "2024-11", "coop"],
    ),
    "their absence, too": ("email, and e mail", ["e-mail", "e mail"]),
    "parts of names of programs": (
        "supplierInvoices.csv XMLReport INV2024 2025Q3 HTTPServer2b",
        ["invoices", "report", "xml", "2024", "Q3", "server2"],
    ),
    "a soft hyphen and a space of no width": ("in\u00advoices sup\u200bplier", ["invoices", "supplier"]),
}


@pytest.mark.parametrize("written, asked", FOUND.values(), ids=FOUND)
def test_other_forms_of_the_same_letters_are_found(workspace, written, asked):
    """wenzhixin/bootstrap-table #8003, Neamar/KISS #1141, motss/normalize-diacritics #108, CyberChef #1257,
    typesense #228, giowck/symphytum #134."""
    factories.make_run(workspace, prompt=written)
    factories.make_run(workspace, prompt="Nothing of it 無 ไม่ шум")
    assert {text: found(text) for text in asked} == {text: [written] for text in asked}


def test_no_letter_is_another_one_in_capitals():
    letters = filter(str.isalpha, map(chr, range(0x110000)))
    pairs = [(one, other) for one in letters for other in (one.upper(), one.lower()) if len(other) == 1]
    assert [pair for pair in pairs if folded(pair[0]) != folded(pair[1])] == []


@pytest.mark.parametrize(
    "written, asked",
    [
        ("票發", "發票"),
        ("下を保つ、存在", "保存"),
        ("ขา", "ข่า"),
        ("がく", "かく"),
        ("कि", "का"),
        ("supplierinvoices", "invoices"),
        ("Müller", "mueller"),
        ("الله", "له"),
    ],
)
def test_other_words_are_not_found(workspace, written, asked):
    factories.make_run(workspace, prompt=written)
    assert found(asked) == []


@pytest.mark.parametrize("asked", ["👍", "≠ €", "voices"])
@pytest.mark.parametrize("path", ["/runs/", "/sessions/"])
def test_who_finds_nothing_is_told_what_is_never_found(client, workspace, operator, path, asked):
    factories.sign_in(client, operator)
    factories.make_run(workspace, prompt="👍 ≠ € 5 oldvoices")
    page = client.get(path, {"q": asked}).text
    assert "Words are found by their beginning; signs and pictures are not." in page
    assert "signs and pictures" not in client.get(path, {"q": "oldvoices"}).text


def test_every_text_of_a_run_is_searched(workspace, operator):
    agent_session = factories.make_session(
        workspace, user_prompt="title", goal_prompt="a goal", system_prompt="some rules"
    )
    run = factories.make_run(workspace, agent_session=agent_session, message="and a message")
    run.write_note("stopped at the payment page", by=operator)
    run.tag(["quarterly"], by=operator)
    for word in ("title", "goal", "rules", "message", "payment", "quarterly"):
        assert found(word) == ["and a message"], word


def at_once(pk: int, writes) -> None:
    """Each of these writes to the run, on a thread of its own."""

    def one(write):
        try:
            write(Run.objects.get(pk=pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(len(writes)) as pool:
        list(pool.map(one, writes))


@pytest.mark.django_db(transaction=True)
def test_no_word_is_lost_when_many_write_at_once(workspace, operator):
    run = factories.make_run(workspace)
    words = [f"word{number}" for number in range(12)]
    tags = ["one", "two"]
    at_once(
        run.pk,
        [
            *(lambda run, word=word: run.write_note(word, by=operator) for word in words),
            *(lambda run, tag=tag: run.tag([tag], by=operator) for tag in tags),
        ],
    )
    assert [word for word in words if len(found(word)) != 1] == []
    (kept,) = run.tags.values_list("name", flat=True)
    assert [len(found(tag)) for tag in tags] == [int(tag == kept) for tag in tags]


@pytest.mark.django_db(transaction=True)
def test_no_tag_is_lost_when_many_are_added_at_once(workspace, operator):
    run = factories.make_run(workspace)
    tags = [f"tag{number}" for number in range(8)]
    at_once(run.pk, [lambda run, tag=tag: run.add_tag(tag, by=operator) for tag in tags])
    assert list(run.tags.values_list("name", flat=True)) == tags
    assert [tag for tag in tags if found(tag) != [run.title]] == []


def test_a_tag_that_is_taken_away_is_not_found_any_more(workspace, operator):
    run = factories.make_run(workspace)
    run.tag(["quarterly"], by=operator)
    run.tag([], by=operator)
    assert found("quarterly") == []


def test_a_run_that_is_deleted_leaves_no_words(workspace):
    factories.make_run(workspace, prompt="gone soon").delete()
    assert found("gone") == []
    assert not RunText.objects.exists()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_an_error_or_finds_what_it_does_not_say(workspace, text):
    factories.make_run(workspace, prompt="Nothing to see")
    assert found(text) == []
    assert list(AgentSession.objects.matching(text)) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_prompt_is_kept_and_found_by_its_other_words(workspace, text):
    factories.make_run(workspace, prompt=f"{text} lighthouse")
    assert len(found("lighthouse")) == 1


def test_a_prompt_cannot_pretend_to_be_of_another_workspace(workspace):
    factories.make_run(workspace, prompt=f"{search.fact('workspace', 999)} lighthouse")
    assert found("lighthouse", workspace=999) == []


def test_very_long_texts_are_kept(workspace, operator):
    long = " ".join(f"{number:x}é字" for number in range(4000))[:20_000]
    agent_session = factories.make_session(
        workspace, user_prompt="first " + long, goal_prompt=long, system_prompt=long
    )
    factories.make_run(workspace, agent_session=agent_session, message=long).write_note(
        "w" * 5000, by=operator
    )
    assert len(found("first")) == 1


class TestIds:
    def test_a_whole_id_finds_its_run_however_short(self, workspace):
        run = factories.make_run(workspace, prompt="one", remote_id="r1")
        factories.make_run(workspace, prompt="other")
        assert found("r1") == ["one"]
        assert found(f" {run.agent_session.thread_id} ") == ["one"]

    def test_the_beginning_of_an_id_finds_it(self, workspace):
        deployed = factories.make_session(workspace, user_prompt="two", deployment_id="dep_99abcdef")
        factories.make_run(workspace, prompt="one", remote_id="run_12345678")
        factories.make_run(workspace, agent_session=deployed)
        assert found("run_1234") == ["one"]
        assert found("dep_99ab") == ["two"]

    def test_signs_in_an_id_mean_themselves(self, workspace):
        factories.make_run(workspace, prompt="one", remote_id="run_12345678")
        assert found("run%12345") == [] and found("run_1%5678") == []


class TestSessions:
    def test_are_found_by_the_words_of_their_runs_once(self, workspace, operator):
        agent_session = factories.make_session(workspace, user_prompt="Download the invoices")
        for _ in range(2):
            factories.make_run(workspace, agent_session=agent_session)
        factories.make_run(workspace, prompt="other")
        assert list(AgentSession.objects.matching("invoices")) == [agent_session]

    def test_a_word_of_very_many_is_found_the_other_way(self, workspace, monkeypatch):
        monkeypatch.setattr("runs.querysets.MOST_OF_AN_ID", 1)
        made = [factories.make_run(workspace, prompt="Download").agent_session for _ in range(3)]
        factories.make_run(workspace, prompt="other")
        assert list(AgentSession.objects.matching("download")) == made[::-1]


class TestMarks:
    def test_a_match_is_marked_as_it_is_written(self):
        assert search.marked("Reserve the Café", "cafe") == [("Reserve the ", False), ("Café", True)]
        assert search.marked("Invoices, invoice", "invoice") == [
            ("Invoices", True),
            (", ", False),
            ("invoice", True),
        ]

    def test_only_the_last_word_may_be_begun(self):
        assert search.marked("the then", "the x") == [("the", True), (" then", False)]

    def test_nothing_is_lost_or_added(self):
        for text in HOSTILE:
            assert "".join(part for part, _ in search.marked(text, "a")) == text

    @pytest.mark.parametrize(
        "text, asked, marked",
        [
            ("Łódź e-mail", "lodz", ["Łódź"]),
            ("re\u0301sume\u0301s", "resume", ["re\u0301sume\u0301s"]),
            ("read e-mail", "email", ["e-mail"]),
            ("supplierInvoices.csv", "invoices", ["Invoices"]),
            ("請下載發票。發", "載發票", ["載發票", "發"][:1]),
            ("ดาวน์โหลดใบแจ้งหนี้", "แจ้งหนี้", ["แจ้งหนี้"]),
            ("the الفاتورة", "فاتورة", ["الفاتورة"]),
            ("x ﬁle ½", "file", ["ﬁle"]),
        ],
    )
    def test_all_that_was_found_is_marked_and_no_letter_in_half(self, text, asked, marked):
        assert [part for part, is_match in search.marked(text, asked) if is_match] == marked

    @pytest.mark.parametrize("letter", ["🇩🇪", "👨‍👩‍👧‍👦", "e\u0301", "क्षि"])
    def test_an_excerpt_begins_and_ends_with_a_whole_letter(self, letter):
        text = letter * 30 + " payment " + letter * 30
        for around in range(1, 24):
            first, _match, last = (part for part, _is_match in search.excerpt(text, "payment", around=around))
            assert set(clusters(first.removeprefix("… ").strip())) <= {letter}
            assert set(clusters(last.removesuffix(" …").strip())) <= {letter}

    def test_an_excerpt_shows_the_first_match_in_its_surroundings(self):
        text = "x " * 100 + "the payment page\n\nrefused " + "y " * 100
        parts = search.excerpt(text, "payment", around=12)
        assert parts == [("… x x x x the ", False), ("payment", True), (" page refus …", False)]
        assert search.excerpt(text, "nowhere") == []


@pytest.mark.django_db
def test_the_migration_fills_the_index_for_older_runs(workspace):
    run = factories.make_run(workspace, prompt="from before")
    RunText.objects.all().delete()
    (name,) = Path(migrations.__file__).parent.glob("*_list_search.py")
    migration = importlib.import_module(f"runs.migrations.{name.stem}")
    migration.fill(apps, None)
    assert RunText.objects.get().run == run and found("before") == ["from before"]


class Editor:
    """What a migration does its statements with."""

    connection = connection

    def execute(self, statement):
        with connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.django_db
def test_the_migration_finds_older_runs_by_what_a_word_is_now(workspace, operator, monkeypatch):
    migration = importlib.import_module("runs.migrations.0006_words_anew")
    monkeypatch.setattr(migration, "AT_A_TIME", 2)
    runs = [factories.make_run(workspace, prompt=f"Łódź {number}") for number in range(5)]
    runs[0].write_note("Smørrebrød", by=operator)
    words = dict(RunText.objects.values_list("run", "words"))
    RunText.objects.update(words="łodz")
    assert found("lodz") == []
    migration.find_words_anew(apps, Editor())
    assert dict(RunText.objects.values_list("run", "words")) == words
    assert len(found("lodz")) == 5 and found("smorrebrod") == ["Łódź 0"]
    runs[1].write_note("afterwards", by=operator)
    assert found("afterwards") == ["Łódź 1"] and found("łodz") != []


@pytest.mark.django_db
def test_a_text_that_is_all_different_signs_fits_into_the_index(workspace):
    signs = "".join(map(chr, range(0x20000, 0x20000 + 20_000)))
    others = "".join(chr(0x20000 + (number * 7) % 40_000) for number in range(20_000))
    session = factories.make_session(
        workspace, user_prompt=signs, goal_prompt=others, system_prompt=signs[::-1]
    )
    run = factories.make_run(workspace, agent_session=session, message=others[::-1])
    run.write_note(signs[::2][:5000], by=None)
    assert len(run.text.words.encode()) <= search.MOST_BYTES and len(found(signs[:10])) == 1


@pytest.mark.django_db
def test_found_runs_are_read_newest_first_without_sorting(workspace):
    """The difference between one page and a million rows."""
    if connection.vendor != "sqlite":
        pytest.skip("Postgres decides by its statistics")
    runs = Run.objects.in_workspace(workspace).matching("invoices", workspace=workspace.pk)
    plan = runs.order_by(f"-{runs.newest_by}")[:50].explain()
    assert "VIRTUAL TABLE" in plan and "TEMP B-TREE" not in plan
