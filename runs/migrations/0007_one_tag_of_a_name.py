import unicodedata
from urllib.parse import parse_qsl, urlencode

from django.db import migrations, models

from people.names import label_key, visible
from people.texts import beginning
from runs import search
from runs.marks import TAG_LENGTH

VIEW_LENGTH = 60


def fold_names(apps, editor):
    """Names that are written in different ways become one. No run loses a tag by it, and nobody a view."""
    merge_tags(apps)
    name_views(apps)


def merge_tags(apps):
    """The oldest of those that are one tag stays, and goes to the runs of the others."""
    Tag, Run = apps.get_model("runs", "Tag"), apps.get_model("runs", "Run")
    kept, merged, again = {}, {}, set()
    for tag in Tag.objects.order_by("pk"):
        name = as_label(tag.name, TAG_LENGTH)
        key = (tag.workspace_id, label_key(name))
        first = kept.setdefault(key, tag)
        if first is tag:
            if tag.name != name:
                again.update(tag.runs.values_list("pk", flat=True))
            Tag.objects.filter(pk=tag.pk).update(name=name, folded=key[1])
            continue
        merged[tag.pk] = first.pk
        for run in tag.runs.all():
            run.tags.add(first.pk)
            run.tags.remove(tag.pk)
            again.add(run.pk)
        Tag.objects.filter(pk=tag.pk).delete()
    for view in apps.get_model("runs", "SavedView").objects.filter(query__contains="tag="):
        parts = [
            (name, str(merged.get(int(value), value)) if name == "tag" and value.isdecimal() else value)
            for name, value in parse_qsl(view.query.removeprefix("?"), keep_blank_values=True)
        ]
        if merged:
            type(view).objects.filter(pk=view.pk).update(query="?" + urlencode(parts))
    for run in Run.objects.filter(pk__in=again).select_related("agent_session"):
        search.keep_words(run, kept_in=apps.get_model("runs", "RunText"))


def name_views(apps):
    """Of somebody's views that have one name by now, the later ones are numbered."""
    SavedView = apps.get_model("runs", "SavedView")
    taken = set()
    for view in SavedView.objects.order_by("pk"):
        name, number = as_label(view.name, VIEW_LENGTH), 1
        while (key := (view.workspace_id, view.owner_id, label_key(name))) in taken:
            number += 1
            name = f"{as_label(view.name, VIEW_LENGTH - 6)} ({number})"
        taken.add(key)
        SavedView.objects.filter(pk=view.pk).update(name=name, folded=key[2])


def as_label(name, length):
    """As it is kept from now on; by its codes where there is nothing in it to see."""
    seen = " ".join(visible(unicodedata.normalize("NFC", " ".join(name.split()))).split())
    return beginning(seen or " ".join(f"U+{ord(one):04X}" for one in name), length)


class Migration(migrations.Migration):
    dependencies = [("runs", "0006_words_anew")]

    operations = [
        migrations.AddField("savedview", "folded", models.TextField(default="", editable=False), False),
        migrations.AddField("tag", "folded", models.TextField(default="", editable=False), False),
        migrations.RunPython(fold_names, migrations.RunPython.noop),
    ]
