from itertools import count

from django.conf import settings
from django.db import migrations, models
from django.db.models import F

from people.names import folded

LENGTH = 150


def keep_names(apps, schema_editor):
    """Of accounts whose names are the same letters, the one that was used last keeps its name; the others get
    a number, and are told of on the console. Who has an address signs in with it as before."""
    users = apps.get_model("auth", "User").objects.using(schema_editor.connection.alias)
    names = apps.get_model("people", "SignInName").objects.using(schema_editor.connection.alias)
    exact = set(users.values_list("username", flat=True))
    taken = {}
    # First all who keep theirs, so that no number is given that is somebody's name.
    renamed = []
    for user in users.order_by("-is_active", F("last_login").desc(nulls_last=True), "id"):
        name = folded(user.username)
        if name in taken or len(name) > LENGTH:
            renamed.append(user)
        else:
            taken[name] = user.pk
    for user in renamed:
        before = user.username
        base = before if len(folded(before)) <= LENGTH - 10 else f"account{user.pk}"
        fresh = (f"{base}-{number}" for number in count(2))
        user.username = next(name for name in fresh if folded(name) not in taken and name not in exact)
        taken[folded(user.username)] = user.pk
        if not (user.first_name or user.last_name):
            user.first_name = before  # by which colleagues know them
        users.filter(pk=user.pk).update(username=user.username, first_name=user.first_name)
        print(f"\n  account {user.pk} ({before}) signs in as {user.username} from now on", end="")
    model = apps.get_model("people", "SignInName")
    names.bulk_create([model(user_id=pk, folded=name) for name, pk in taken.items()], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0004_audit_usernames_and_repeats"),
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SignInName",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=models.deletion.CASCADE,
                        primary_key=True,
                        related_name="sign_in_name",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("folded", models.CharField(max_length=LENGTH, unique=True)),
            ],
        ),
        migrations.RunPython(keep_names, migrations.RunPython.noop),
    ]
