"""The audit log: added to in the transaction of the act, and nowhere else; what was changed in it shows."""

import csv
import hashlib
import io
import json

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people import team
from people.audit import (
    MAX_ADDRESSES,
    ROWS_EACH,
    ROWS_FOR,
    Act,
    AuditEntry,
    AuditHead,
    AuditRepeats,
    audit,
    coming_from,
    faults,
    sum_up_repeats,
)
from people.models import Membership
from runs import accepting
from runs.models import Run
from runs.status import Status
from runs.tasks import tick
from tests import factories
from tests.streamed import body_of


@pytest.fixture
def log(manager):
    """Five rows."""
    with coming_from("192.0.2.7"):
        return [audit(manager, Act.SIGNED_IN, f"{n}", after={"n": n}) for n in range(1, 6)]


def sql(statement: str) -> None:
    """As somebody would who has the database in hand."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_an_untouched_log_is_whole(log, capsys):
    assert faults() == []
    call_command("verify_audit")
    assert capsys.readouterr().out == f"The log is whole. Its head: 5:{log[-1].hash}\n"


def test_an_empty_log_is_whole(db):
    assert faults() == []


@pytest.mark.parametrize(
    "column, value",
    [
        ("actor", "'somebody else'"),
        ("actor_id", "99"),
        ("username", "'root'"),
        ("username", "''"),
        ("act", "'joined'"),
        ("object", "'9'"),
        ("address", "'198.51.100.1'"),
        ("at", "'2020-01-01 00:00:00'"),
        ("workspace_id", "99"),
        ("after", "'{\"n\": 9}'"),
        ("before", "'{\"n\": 9}'"),
    ],
)
def test_an_edited_row_shows(log, column, value):
    sql(f"UPDATE people_auditentry SET {column} = {value} WHERE number = 3")
    assert faults() == ["row 3 was changed after it was written"]


def test_a_row_edited_with_its_hash_shows_in_the_next(log):
    sql("UPDATE people_auditentry SET object = '9' WHERE number = 3")
    sql(f"UPDATE people_auditentry SET hash = '{AuditEntry.objects.get(number=3).hashed()}' WHERE number = 3")
    assert faults() == ["row 4 does not follow the row before it"]


def test_a_deleted_row_shows(log):
    sql("DELETE FROM people_auditentry WHERE number = 3")
    assert faults()[0] == "rows 3 to 3 are missing"


def test_rows_cut_off_at_the_end_show(log):
    sql("DELETE FROM people_auditentry WHERE number > 3")
    assert faults() == ["the log ends with row 3, but 5 were written"]


def test_all_rows_deleted_shows(log):
    sql("DELETE FROM people_auditentry")
    assert faults() == ["the log ends with row 0, but 5 were written"]


def test_swapped_rows_show(log):
    sql("UPDATE people_auditentry SET number = number + 100 WHERE number IN (2, 3)")
    sql("UPDATE people_auditentry SET number = 3 WHERE number = 102")
    sql("UPDATE people_auditentry SET number = 2 WHERE number = 103")
    assert len(faults()) >= 2


def test_a_row_put_in_by_hand_shows(log):
    columns = [field.column for field in AuditEntry._meta.fields if field.column != "number"]
    copied = ", ".join(f'"{column}"' for column in columns)
    sql(
        f"INSERT INTO people_auditentry (number, {copied})"
        f" SELECT 6, {copied} FROM people_auditentry WHERE number = 5"
    )
    assert faults()


def rewrite(log) -> None:
    """As somebody would who knows how the chain is made, and leaves the third row out."""
    previous = ""
    for number, entry in enumerate([*log[:2], *log[3:]], start=1):
        entry.number, entry.previous = number, previous
        previous = entry.hash = entry.hashed()
    sql("DELETE FROM people_auditentry")
    AuditEntry.objects.bulk_create([*log[:2], *log[3:]])
    sql(f"UPDATE people_audithead SET number = 4, hash = '{previous}'")


@pytest.mark.parametrize("number", [3, 5])
def test_a_log_rewritten_as_a_whole_shows_against_a_head_that_was_kept_elsewhere(log, number):
    kept = f"{number}:{log[number - 1].hash}"
    call_command("verify_audit", f"--head={kept}")
    rewrite(log)
    call_command("verify_audit")
    with pytest.raises(CommandError, match=f"row {number} is not the one that was written"):
        call_command("verify_audit", f"--head={kept}")


def test_an_earlier_head_stays_good_while_rows_are_added(manager, log):
    kept = f"2:{log[1].hash}"
    audit(manager, Act.SIGNED_OUT)
    call_command("verify_audit", f"--head={kept}")


@pytest.mark.parametrize("head", ["", "5", "x:y", ":", "5:", "-1:aa", "5:xyz"])
def test_what_is_no_head_is_refused(log, head):
    with pytest.raises(CommandError, match="a head looks like 12:"):
        call_command("verify_audit", f"--head={head}")


def test_the_command_fails_on_a_broken_log(log):
    sql("UPDATE people_auditentry SET object = '9' WHERE number = 3")
    with pytest.raises(CommandError, match="row 3 was changed"):
        call_command("verify_audit")


def test_rows_are_not_changed_from_within(log):
    entry = log[0]
    for change in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(TypeError):
            change()
    with pytest.raises(TypeError):
        AuditEntry.objects.update(actor="x")


def test_an_act_that_is_undone_leaves_no_row(workspace, manager, operator):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        team.remove(manager.memberships.get(), operator.memberships.get())
        1 / 0  # noqa: B018
    assert Membership.objects.filter(user=operator).exists()
    assert not AuditEntry.objects.exists() and not AuditHead.objects.exists()


def test_a_row_says_who_what_when_and_from_where(client, manager, workspace, operator):
    factories.sign_in(client, manager)
    place = operator.memberships.get()
    client.post(f"/team/members/{place.pk}/role/", {"role": "viewer"}, REMOTE_ADDR="203.0.113.9")
    entry = AuditEntry.objects.get(act=Act.ROLE_CHANGED)
    assert (entry.actor_id, entry.workspace_id, entry.address) == (manager.pk, workspace.pk, "203.0.113.9")


def test_a_forged_forwarded_address_is_not_believed_without_a_proxy(client, manager, settings):
    factories.sign_in(client, manager)
    client.get("/team/", headers={"x-forwarded-for": "198.51.100.1"})
    client.post("/team/invite/", {"role": "viewer"}, headers={"x-forwarded-for": "198.51.100.1"})
    assert AuditEntry.objects.get(act=Act.INVITED).address == "127.0.0.1"
    settings.TRUSTED_PROXIES = 1
    forged = {"x-forwarded-for": "198.51.100.1, 203.0.113.9"}
    client.post("/team/invite/", {"role": "viewer"}, headers=forged)
    assert AuditEntry.objects.filter(act=Act.INVITED).first().address == "203.0.113.9"


def test_every_act_on_a_run_is_noted_and_what_machines_do_is_not(workspace, operator):
    run = factories.make_run(workspace, Status.RUNNING)
    run.move_to(Status.COMPLETED)
    assert not AuditEntry.objects.exists()
    run.judge("achieved", by=operator)
    run.write_note("All fine.", by=operator)
    acts = list(AuditEntry.objects.order_by("number").values_list("act", "actor", "workspace_id"))
    assert acts == [("run-verdict", "olga", workspace.pk), ("run-note", "olga", workspace.pk)]


def test_a_launch_is_noted_once(client, operator, workspace):
    client.force_login(operator)
    form = {
        "user_prompt": "Count the zebras",
        "goal_prompt": "Done.",
        "sandbox_template": "giga-standard",
        "duration_hours": "1",
        "launch_token": "9f0b1f3e-6a44-4a6e-8b61-6c1d9a8e2f10",
    }
    client.post("/runs/new/", form)
    client.post("/runs/new/", form)
    entry = AuditEntry.objects.get(act=Act.LAUNCHED)
    assert entry.object == f"{Run.objects.get().pk}: Count the zebras"


@pytest.mark.parametrize("act", [Act.RUN_RELAUNCH, Act.RUN_FOLLOW_UP])
def test_a_relaunch_and_a_follow_up_are_one_act_each_that_says_of_which_run(workspace, operator, act):
    source, membership = factories.make_run(workspace, Status.COMPLETED), operator.memberships.get()
    if act == Act.RUN_RELAUNCH:
        run = accepting.relaunch(source, membership, token=accepting.relaunch_token(source))
    else:
        token = accepting.follow_up_token(source.agent_session)
        run = accepting.accept_follow_up(source.agent_session, membership, message="Go on", token=token)
    entry = AuditEntry.objects.get()
    assert (entry.act, entry.object, entry.after) == (act, f"{run.pk}: {run.title}", {"of": source.pk})


def test_what_a_superuser_does_in_the_admin_is_noted_where_it_belongs(client, workspace, operator, stranger):
    operator.is_staff = operator.is_superuser = True
    operator.save()
    factories.sign_in(client, operator)
    theirs = stranger.memberships.get()
    form = {"user": stranger.pk, "workspace": theirs.workspace_id, "role": "viewer"}
    client.post(f"/admin/people/membership/{theirs.pk}/change/", form)
    entry = AuditEntry.objects.get(act=Act.ADMIN)
    assert (entry.actor, entry.workspace_id) == ("olga", theirs.workspace_id)
    assert "Role" in entry.after["change"]
    assert Membership.objects.get(pk=theirs.pk).role == "viewer"


def test_a_refused_launch_is_noted(client, viewer):
    client.force_login(viewer)
    client.post("/runs/new/", {})
    entry = AuditEntry.objects.get(act=Act.REFUSED)
    assert (entry.actor, entry.object) == ("victor", "POST /runs/new/")


def test_a_row_says_who_it_was_however_they_call_themselves(client, manager, operator, workspace):
    """Somebody takes another's name for a while, and gives it back."""
    factories.sign_in(client, operator)
    for name in ("mona", "Olga Moss"):
        client.post("/me/", {"name": name, "times": "relative", "single_keys": "on"})
        client.post("/runs/new/", {"launch_token": "x"})
        factories.make_run(workspace).write_note("Done.", by=operator)
        operator.refresh_from_db()
    rows = AuditEntry.objects.exclude(act=Act.SIGNED_IN).order_by("number")
    assert set(rows.values_list("actor_id", "username")) == {(operator.pk, "olga")}
    assert list(rows.values_list("act", "actor", "before", "after")) == [
        ("renamed", "mona", {"name": ""}, {"name": "mona"}),
        ("run-note", "olga", {}, {}),
        ("renamed", "Olga Moss", {"name": "mona"}, {"name": "Olga Moss"}),
        ("run-note", "mona", {}, {}),
    ]


def test_a_new_name_is_noted_wherever_it_is_shown(client, operator, stranger):
    elsewhere = stranger.memberships.get().workspace
    Membership.objects.create(user=operator, workspace=elsewhere, role="viewer")
    client.force_login(operator)
    client.post("/me/", {"name": "mona", "times": "relative"})
    noted = AuditEntry.objects.filter(act=Act.RENAMED).values_list("workspace_id", flat=True)
    assert sorted(noted) == sorted(operator.memberships.values_list("workspace", flat=True))


class TestRowsOfBefore:
    """Rows that were written when only the name was kept by which somebody called themselves."""

    @pytest.fixture
    def old_log(self, log):
        previous = ""
        for entry in log:
            entry.username, entry.previous = "", previous
            said = [entry.previous, entry.number, entry.at.isoformat(), entry.actor_id, entry.actor]
            said += [entry.workspace_id, entry.address, entry.act, entry.object, entry.before, entry.after]
            previous = entry.hash = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        sql("DELETE FROM people_auditentry")
        AuditEntry.objects.bulk_create(log)
        sql(f"UPDATE people_audithead SET hash = '{previous}'")
        return log

    def test_they_stand_and_newer_ones_follow_them(self, old_log, manager):
        assert faults() == []
        audit(manager, Act.SIGNED_OUT)
        assert faults() == [] and AuditEntry.objects.first().username == "mona"

    def test_a_name_added_to_one_shows(self, old_log):
        sql("UPDATE people_auditentry SET username = 'olga' WHERE number = 3")
        assert faults() == ["row 3 was changed after it was written"]

    def test_the_page_has_the_number_of_their_person(self, old_log, client, manager, workspace):
        factories.sign_in(client, manager)
        entry = audit(manager.memberships.get(), Act.INVITED, "nora")
        sql(f"UPDATE people_auditentry SET username = '' WHERE number = {entry.number}")
        page = client.get("/team/audit/", {"q": "nora"}).content.decode()
        assert f'<bdi>mona</bdi> <span class="mut">#{manager.pk}</span>' in page


@pytest.mark.long
@pytest.mark.any_database
class TestRepeats:
    """What anybody can make happen as often as they like fills no disk."""

    def refuse(self, client, times, path="/runs/new/"):
        for _ in range(times):
            assert client.post(path, {}).status_code == 403

    def rows(self, act=Act.REFUSED):
        return AuditEntry.objects.filter(act=act).order_by("number")

    def test_of_many_refusals_the_first_are_rows_and_one_says_how_many_there_were(self, client, viewer):
        client.force_login(viewer)
        self.refuse(client, 40)
        assert self.rows().count() == ROWS_EACH
        assert sum_up_repeats() == 0
        assert sum_up_repeats(timezone.now() + ROWS_FOR) == 1
        last = self.rows().last()
        assert self.rows().count() == ROWS_EACH + 1
        assert (last.username, last.actor_id, last.object) == ("victor", viewer.pk, "POST /runs/new/")
        assert last.workspace_id == viewer.memberships.get().workspace_id
        assert last.after["times"] == 40 - ROWS_EACH and last.after["since"] <= last.after["until"]
        assert faults() == [] and not AuditRepeats.objects.exists()

    def test_of_different_targets_no_more_are_rows(self, client, viewer):
        client.force_login(viewer)
        for number in range(1, 30):
            self.refuse(client, 1, f"/runs/{number}/notes/")
        sum_up_repeats(timezone.now() + ROWS_FOR)
        assert self.rows().count() == ROWS_EACH + 1
        assert (self.rows().last().object, self.rows().last().after["times"]) == ("", 29 - ROWS_EACH)

    def test_each_person_and_each_kind_has_rows_of_its_own(self, client, viewer, workspace):
        another = factories.make_person(workspace, role="viewer")
        for person in (viewer, another):
            client.force_login(person)
            self.refuse(client, ROWS_EACH + 2)
            client.post("/workspaces/switch/", {"workspace": workspace.pk})
        assert self.rows().count() == 2 * ROWS_EACH
        assert self.rows(Act.WORKSPACE_SWITCHED).count() == 2

    def test_after_their_time_rows_are_written_again(self, viewer):
        for _ in range(ROWS_EACH + 3):
            audit(viewer.memberships.get(), Act.REFUSED, "x")
        AuditRepeats.objects.update(started_at=timezone.now() - ROWS_FOR)
        assert audit(viewer.memberships.get(), Act.REFUSED, "y").object == "y"
        objects = list(self.rows().values_list("object", flat=True))
        assert objects == ["x"] * ROWS_EACH + ["x", "y"] and faults() == []

    def test_few_are_not_summed_up(self, viewer):
        audit(viewer, Act.REFUSED, "x")
        assert sum_up_repeats(timezone.now() + ROWS_FOR) == 1
        assert self.rows().count() == 1 and not AuditRepeats.objects.exists()

    def test_tries_to_sign_in_from_one_address_are_few_rows_whoever_is_meant(self, client, operator):
        for number in range(ROWS_EACH):
            login = "olga" if number % 2 else f"nobody{number}"
            client.post("/accounts/login/", {"login": login, "password": "wrong"})
        cache.clear()  # the limit on tries of this minute
        for login in ("olga", "nobody", "olga"):
            client.post("/accounts/login/", {"login": login, "password": "wrong"})
        assert self.rows(Act.SIGN_IN_FAILED).count() == ROWS_EACH
        sum_up_repeats(timezone.now() + ROWS_FOR)
        summed = self.rows(Act.SIGN_IN_FAILED)[ROWS_EACH:]
        told = {(one.object, one.workspace_id, one.after["times"]) for one in summed}
        assert told == {("olga", operator.memberships.get().workspace_id, 2), ("", None, 1)}

    @pytest.mark.parametrize("address", ["198.51.100.{}", "2001:db8:{}::1"])
    def test_strangers_from_many_addresses_are_few_rows_too(self, db, address):
        for number in range(200):
            with coming_from(address.format(number)):
                audit(None, Act.SIGN_IN_FAILED, "")
        assert self.rows(Act.SIGN_IN_FAILED).count() <= MAX_ADDRESSES + ROWS_EACH
        sum_up_repeats(timezone.now() + ROWS_FOR)
        summed = self.rows(Act.SIGN_IN_FAILED)
        assert sum(one.after.get("times", 1) for one in summed) == 200
        assert summed.last().address == "elsewhere" and faults() == []

    def test_all_addresses_of_one_network_are_one(self, db):
        for number in range(50):
            with coming_from(f"2001:db8::{number:x}"):
                audit(None, Act.SIGN_IN_FAILED, "")
        assert self.rows(Act.SIGN_IN_FAILED).count() == ROWS_EACH

    @pytest.mark.parametrize("before", [0, 1, ROWS_EACH - 1, ROWS_EACH, ROWS_EACH + 1])
    def test_a_name_that_somebody_has_takes_as_many_queries_as_one_nobody_has(self, operator, before):
        place = operator.memberships.get().workspace
        AuditHead.objects.get_or_create(pk=1)
        counted = []
        for workspace, name in ((place, "olga"), (None, "")):
            AuditRepeats.objects.all().delete()
            with coming_from("198.51.100.1"):
                for _ in range(before):
                    audit(None, Act.SIGN_IN_FAILED, "")
                with CaptureQueriesContext(connection) as queries:
                    audit(None, Act.SIGN_IN_FAILED, name, workspace=workspace)
            counted.append(len(queries))
        assert counted[0] == counted[1]

    def test_the_tick_sums_up(self, viewer):
        for _ in range(ROWS_EACH + 1):
            audit(viewer, Act.REFUSED, "x")
        AuditRepeats.objects.update(started_at=timezone.now() - ROWS_FOR)
        tick()
        assert self.rows().last().after["times"] == 1


class TestPage:
    @pytest.fixture
    def client(self, client, manager):
        factories.sign_in(client, manager)
        return client

    def test_it_shows_its_own_workspace_only(self, client, manager, workspace, stranger):
        audit(stranger.memberships.get(), Act.INVITED, "theirs")
        audit(manager.memberships.get(), Act.INVITED, "ours")
        page = client.get("/team/audit/").content
        assert b"ours" in page and b"theirs" not in page

    @pytest.mark.parametrize(
        "text, found",
        [
            ("ours", 1),
            ("mona", 2),
            ("203.0.113.9", 1),
            ("invited somebody", 1),
            ("removed", 1),
            ("nothing", 0),
            ("\x00ours", 0),
        ],
    )
    def test_it_is_searched(self, client, manager, text, found):
        with coming_from("203.0.113.9"):
            audit(manager.memberships.get(), Act.INVITED, "ours")
        audit(manager.memberships.get(), Act.REMOVED, "olga")
        entries = client.get("/team/audit/", {"q": text}).context["entries"]
        assert len([entry for entry in entries if entry.act != Act.SIGNED_IN]) == found

    def test_the_name_to_sign_in_with_is_found_and_shown_beside_the_one_they_chose(self, client, operator):
        operator.first_name = "root"
        operator.save()
        audit(operator.memberships.get(), Act.RUN_NOTE, "a run")
        for text in ("olga", "root", str(operator.pk), f"#{operator.pk}"):
            page = client.get("/team/audit/", {"q": text})
            assert Act.RUN_NOTE in [entry.act for entry in page.context["entries"]], text
        assert '<b><bdi>olga</bdi></b> <span class="mut"><bdi>root</bdi></span>' in page.content.decode()
        answer = client.get("/team/audit/export/?q=olga")
        row = next(csv.DictReader(io.StringIO(body_of(answer).decode())))
        assert (row["who"], row["user_id"], row["username"]) == ("root", str(operator.pk), "olga")

    def test_many_rows_come_in_pages_with_as_many_queries(self, client, manager, django_assert_num_queries):
        for n in range(60):
            audit(manager.memberships.get(), Act.INVITED, f"number {n}")
        client.get("/team/audit/")
        with django_assert_num_queries(6):
            page = client.get("/team/audit/")
        assert len(page.context["entries"]) == 50
        older = client.get("/team/audit/" + page.context["older"])
        assert older.context["entries"][0].number == page.context["entries"][-1].number - 1

    def test_names_are_text_on_the_page_and_no_formula_in_the_file(self, client, workspace, manager):
        hostile = '=HYPERLINK("https://evil.example","<script>alert(1)</script>")'
        audit(manager.memberships.get(), Act.INVITED, hostile, after={"@role": "+x"})
        assert b"<script>alert" not in client.get("/team/audit/").content
        answer = client.get("/team/audit/export/")
        rows = list(csv.reader(io.StringIO(body_of(answer).decode("utf-8-sig"))))
        assert rows[0][:3] == ["number", "at", "who"]
        assert rows[1][5] == "'" + hostile
        assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'


def test_a_failed_sign_in_notes_a_name_that_exists_and_no_other(client, operator, workspace):
    client.post("/accounts/login/", {"login": "olga", "password": "wrong"})
    client.post("/accounts/login/", {"login": "my secret password", "password": "wrong"})
    rows = list(AuditEntry.objects.order_by("number").values_list("act", "object", "workspace_id"))
    assert rows == [("sign-in-failed", "olga", workspace.pk), ("sign-in-failed", "", None)]
    assert Client().get("/team/audit/").status_code == 302
