"""Fills a data folder with runs in every state, long and hostile texts included, and prints as JSON what was
made: a login for each person, the runs by name. A process of its own, because settings name one folder.

    python -m tests.frozen_rows <address of a simulated Giga>
"""

import json
import os
import sys
import time
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django.setup()

from allauth.account.forms import default_token_generator  # noqa: E402
from allauth.account.models import EmailAddress  # noqa: E402
from allauth.account.utils import user_pk_to_url_str  # noqa: E402
from allauth.mfa.models import Authenticator  # noqa: E402
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes  # noqa: E402
from allauth.mfa.totp.internal.auth import TOTP  # noqa: E402
from allauth.mfa.webauthn.internal.auth import WebAuthn  # noqa: E402
from allauth.usersessions.models import UserSession  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.auth.models import Group  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.template.loader import render_to_string  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402
from fido2.cose import ES256  # noqa: E402
from fido2.utils import websafe_encode  # noqa: E402
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData  # noqa: E402

from people import team  # noqa: E402
from people.links import sign_in_path  # noqa: E402
from people.models import Workspace  # noqa: E402
from runs import demo_history, giga  # noqa: E402
from runs.management.commands.collect import collect_static_files  # noqa: E402
from runs.models import AgentSession, Run, RunEvent  # noqa: E402
from runs.status import FINAL, Status, Verdict  # noqa: E402
from tests import factories  # noqa: E402
from tests.canaries import PASSWORD  # noqa: E402
from tests.frozen import SEED  # noqa: E402

LONG = "Compare the delivery terms of forty suppliers, clause by clause, and write down " * 12
HOSTILE = (
    """<script>document.title='pwned'</script> "quotes" 'single' & &amp; {{ 7 }} {% now %} \u202e"""
    """\u05e9\u05dc\u05d5\u05dd Zürich Ω 👩\u200d🚀 """
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
)
PROMPTS = [
    "Download October invoices from the supplier portal",
    "Compare prices of the Aeron chair at five shops",
    "Fill the travel request for the Lisbon offsite",
    "Sort the shared inbox into folders by customer",
    "Renew the parking permits for five vans",
    "Take screenshots of all landing pages",
]
MANY = 1_000
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
# What does not go by itself from the status.
PARTICULARS = {
    Status.FAILED: {
        "reason": "agent crashed: out of memory",
        "error_code": "AGENT_CRASHED",
        "raw_answer": {"status": "FAILED", "error": {"code": "AGENT_CRASHED"}},
    },
    Status.REJECTED: {
        "reason": "Not enough credits",
        "error_code": "INSUFFICIENT_CREDITS",
        "error_hint": "Add credits in Giga's billing page, then launch again.",
        "request_id": "req_7f3a0c",
        "started_at": None,
        "accepted_at": None,
    },
    Status.QUEUED: {"reason": "2nd in line, all 5 computers busy"},
    Status.LOST: {"contact_at": timezone.now() - timedelta(hours=5)},
}


def make_every_status(workspace, people) -> dict[str, int]:
    """One run of each status, of each verdict, and some that are hard to show; their ids by name."""
    made = {}
    names = [*Status.values, *Verdict.values, "long", "hostile", "needs"]
    for number, name in enumerate(names):
        prompt = {"long": LONG, "hostile": HOSTILE}.get(name, PROMPTS[number % len(PROMPTS)])
        status = name if name in Status.values else Status.RUNNING if name == "needs" else Status.COMPLETED
        run = factories.make_run(
            workspace,
            status,
            by=people[number % len(people)],
            prompt=prompt,
            due_at=None,
            **PARTICULARS.get(status, {}),
        )
        if name in Verdict.values:
            run.judge(name, by=people[0])
        if name == "needs":
            run.call_for_somebody("The portal asks for a code by phone", by=people[1])
        if name == "hostile":
            run.write_note(HOSTILE, by=people[1])
            run.tag(["quarter end", "Ω"], by=people[1])
        made[name] = run.pk
    return made


def show_desktop(run: Run, simulator: str) -> None:
    """Give this run the desktop of a run that really works in a simulated Giga."""
    access = giga.Access(simulator, factories.KEY)
    prompts = {"user_prompt": PROMPTS[0], "goal_prompt": "All there.", "system_prompt": ""}
    session = giga.create_session(
        access, **prompts, sandbox_template="giga-standard", duration_hours=1, deployment_id=""
    )
    started = giga.start_run(access, thread_id=session.thread_id, message="Begin.")
    while not (url := giga.get_run(access, thread_id=session.thread_id, run_id=started.run_id).desktop_url):
        time.sleep(0.2)
    Run.objects.filter(pk=run.pk).update(
        sandbox_id="box_1",
        sealed_desktop_url=run.sealed("desktop_url", url),
        desktop_kind="page",
        desktop_at=timezone.now(),
    )


def make_many(workspace, by) -> None:
    """So many runs, as a team has them after some months."""
    now = timezone.now()
    sessions = AgentSession.objects.bulk_create(
        AgentSession(
            workspace=workspace,
            created_by=by,
            user_prompt=f"{PROMPTS[number % len(PROMPTS)]}, part {number}",
            goal_prompt="It is done.",
            sandbox_template="giga-standard",
            duration_hours=1,
            thread_id=f"many-{number}",
        )
        for number in range(MANY)
    )
    runs = Run.objects.bulk_create(
        Run(
            workspace=workspace,
            agent_session=session,
            created_by=by,
            status=FINAL[number % len(FINAL)],
            due_at=None,
            remote_id=f"run_many_{number}",
            queued_at=now - timedelta(minutes=20 * (MANY - number)),
            sent_at=now - timedelta(minutes=20 * (MANY - number)),
            accepted_at=now - timedelta(minutes=20 * (MANY - number)),
            started_at=now - timedelta(minutes=20 * (MANY - number) - 1),
            ended_at=now - timedelta(minutes=20 * (MANY - number) - 15),
        )
        for number, session in enumerate(sessions)
    )
    RunEvent.objects.bulk_create(
        RunEvent(run=run, workspace=workspace, kind="status", now=run.status) for run in runs
    )


def make_guarded(workspace):
    """Somebody with everything there is to sign in with."""
    fields = {"password": PASSWORD, "email": "sam@example.com", "first_name": "Sam Okafor"}
    sam = factories.make_person(workspace, username="sam", **fields)
    EmailAddress.objects.create(user=sam, email=sam.email, verified=True, primary=True)
    TOTP.activate(sam, SEED)
    RecoveryCodes.activate(sam)
    WebAuthn.add(sam, "Laptop", passkey())
    return sam


def make_superuser(workspace):
    """Somebody for the admin, and the one kind of row there that nothing here is made of."""
    root = factories.make_person(
        workspace, username="root", password=PASSWORD, is_staff=True, is_superuser=True
    )
    TOTP.activate(root, SEED)
    Group.objects.create(name="Helpers")
    return root


def passkey() -> dict:
    """What a browser sends when it made one."""
    public_key = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    credential = AttestedCredentialData.create(b"\0" * 16, b"id of a passkey", public_key)
    data = AuthenticatorData.create(b"\0" * 32, AuthenticatorData.FLAG.AT, 0, credential)
    client = {"type": "webauthn.create", "challenge": "", "origin": "https://localhost"}
    said = {
        "clientDataJSON": json.dumps(client).encode(),
        "attestationObject": bytes(AttestationObject.create("none", data, {})),
    }
    return {
        "id": websafe_encode(credential.credential_id),
        "rawId": websafe_encode(credential.credential_id),
        "type": "public-key",
        "response": {name: websafe_encode(value) for name, value in said.items()},
        "clientExtensionResults": {"credProps": {"rk": True}},
    }


def make_limited(simulator: str):
    """A manager and an operator of a workspace whose run-hours of the day are used up."""
    workspace = factories.make_workspace("Acme Lab", api_url=simulator)
    Workspace.objects.filter(pk=workspace.pk).update(run_hours_a_day=1)
    over = factories.make_run(workspace, Status.COMPLETED, prompt=PROMPTS[1], due_at=None)
    people = [factories.make_person(workspace, role=role) for role in ("manager", "operator")]
    return people, over


def reset_key_of(person) -> str:
    return f"{user_pk_to_url_str(person)}-{default_token_generator.make_token(person)}"


def login_of(person) -> str:
    """A login whose person is not asked again who it is."""
    client = Client()
    factories.sign_in(client, person, seconds_ago=-24 * 3600)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def main() -> None:
    simulator = sys.argv[1]
    call_command("migrate", verbosity=0, interactive=False)
    collect_static_files()
    acme = factories.make_workspace("Acme Ops", api_url=simulator)
    people = {
        "every": factories.make_person(acme, role="manager", username="mara", first_name="Mara Lindqvist"),
        "operator": factories.make_person(acme, username="tom", first_name="Tom Keller"),
        "viewer": factories.make_person(acme, role="viewer", username="rui"),
        "nowhere": factories.make_person(username="new"),
    }
    runs = make_every_status(acme, [people["every"], people["operator"]])
    show_desktop(Run.objects.get(pk=runs["running"]), simulator)
    for name, count in (("none", 0), ("one", 1), ("three", 3)):
        workspace = factories.make_workspace(f"Team of {name}", api_url=simulator)
        people[name] = factories.make_person(workspace, role="manager", username=name)
        for number in range(count):
            factories.make_run(
                workspace, Status.COMPLETED, by=people[name], prompt=PROMPTS[number], due_at=None
            )
    many = factories.make_workspace("A long name of a workspace that does not fit", api_url=simulator)
    people["many"] = factories.make_person(many, role="manager", username="many")
    make_many(many, people["many"])
    history = factories.make_workspace("Acme Supply", api_url=simulator, is_simulated=True)
    people["history"] = factories.make_person(history, role="manager", username="hana")
    demo_history.fill(history)
    people["guarded"] = make_guarded(acme)
    people["root"] = make_superuser(factories.make_workspace("Acme Admin", api_url=simulator))
    (people["limited"], people["limited-operator"]), over = make_limited(simulator)
    safe = factories.make_workspace("Acme Vault", api_url=simulator)
    people["unguarded"] = factories.make_person(safe, username="una")
    Workspace.objects.filter(pk=safe.pk).update(needs_second_factor=True)
    manager = people["every"].memberships.get()
    places = {
        **runs,
        "session": Run.objects.get(pk=runs["completed"]).agent_session_id,
        "over": over.pk,
        "key": Authenticator.objects.get(type="webauthn").pk,
        "invitation": team.invite(manager, role="operator", email="")[1],
        "mailed_invitation": team.invite(manager, role="viewer", email="kim@example.com")[1],
    }
    logins = {name: login_of(person) for name, person in people.items()}
    devices = {"user": people["guarded"], "ip": "192.0.2.7"}
    UserSession.objects.create(**devices, session_key=logins["guarded"], user_agent=FIREFOX)
    places["reset_key"] = reset_key_of(people["guarded"])  # signing in uses up earlier ones
    places["enter"] = sign_in_path(people["guarded"]).removeprefix("/enter/").strip("/")
    # Nothing here fails, so what would be shown then is handed over as it is.
    error_pages = {
        code: render_to_string(f"{code}.html", {"request_id": "req_0123456789abcdef"})
        for code in (400, 429, 500)
    }
    made = {"logins": logins, "places": places, "error_pages": error_pages}
    print(json.dumps(made))


if __name__ == "__main__":
    main()
