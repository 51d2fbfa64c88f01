from django.db import migrations, models


class Migration(migrations.Migration):
    """Apart from the one before: Postgres changes no table in whose rows something was changed just now."""

    dependencies = [("runs", "0007_one_tag_of_a_name")]

    operations = [
        migrations.RemoveConstraint("savedview", "one_view_of_a_name"),
        migrations.RemoveConstraint("tag", "one_tag_of_a_name"),
        migrations.AddConstraint(
            "savedview",
            models.UniqueConstraint(fields=("workspace", "owner", "folded"), name="one_view_of_a_name"),
        ),
        migrations.AddConstraint(
            "tag", models.UniqueConstraint(fields=("workspace", "folded"), name="one_tag_of_a_name")
        ),
    ]
