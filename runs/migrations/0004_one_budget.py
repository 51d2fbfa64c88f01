from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0003_list_search")]

    operations = [
        migrations.RenameField("gigaaccount", "people_free_at", "free_at"),
        migrations.RemoveField("gigaaccount", "polls_per_s"),
        migrations.AddField(
            "gigaaccount", "launches_first_until", models.FloatField(default=0, editable=False)
        ),
    ]
