from django.db import migrations

from runs import search

AT_A_TIME = 1000
SQLITE_TRIGGER = """CREATE TRIGGER runs_runtext_changed AFTER UPDATE ON runs_runtext BEGIN
    INSERT INTO runs_runindex (runs_runindex, rowid, words) VALUES ('delete', old.run_id, old.words);
    INSERT INTO runs_runindex (rowid, words) VALUES (new.run_id, new.words);
END"""
BEFORE = {"sqlite": "DROP TRIGGER runs_runtext_changed", "postgresql": "DROP INDEX runs_runtext_words"}
AFTER = {
    "sqlite": ["INSERT INTO runs_runindex (runs_runindex) VALUES ('rebuild')", SQLITE_TRIGGER],
    "postgresql": [
        "SET CONSTRAINTS ALL IMMEDIATE",  # nothing may wait for the end of the transaction
        "CREATE INDEX runs_runtext_words ON runs_runtext"
        " USING gin (array_to_tsvector(string_to_array(words, ' ')))",
    ],
}


def find_words_anew(apps, editor):
    """What a word is has changed. The index is built once, behind all words: 100,000 runs take half a minute."""
    runs = apps.get_model("runs", "Run").objects.select_related("agent_session", "text")
    runs = runs.defer("raw_answer", "agent_session__thread").prefetch_related("tags", "notes").order_by("pk")
    editor.execute(BEFORE[editor.connection.vendor])
    last = 0
    while piece := list(runs.filter(pk__gt=last, text__isnull=False)[:AT_A_TIME]):
        changed = [
            (words, run.pk)
            for run in piece
            if (words := search.words_to_find(run, run.tags.all(), run.notes.all())) != run.text.words
        ]
        with editor.connection.cursor() as cursor:
            cursor.executemany("UPDATE runs_runtext SET words = %s WHERE run_id = %s", changed)
        last = piece[-1].pk
    for statement in AFTER[editor.connection.vendor]:
        editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("runs", "0005_remote_id_of_a_workspace")]

    operations = [migrations.RunPython(find_words_anew, migrations.RunPython.noop)]
