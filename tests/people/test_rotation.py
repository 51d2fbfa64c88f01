"""A new encryption key: everything is sealed anew, whatever happens on the way."""

import base64
import os
import subprocess
import sys

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core.management import CommandError, call_command

from runs.models import Run
from tests import factories
from tests.prepared import prepared_serve
from tests.served import KEY, ROOT

DESKTOP = "https://6080-abc.e2b.app/vnc.html"


def key(name: str) -> str:
    return f"{name}:{base64.urlsafe_b64encode(os.urandom(32)).decode()}"


@pytest.fixture
def sealed_run(workspace):
    run = factories.make_run(workspace)
    Run.objects.filter(pk=run.pk).update(
        sealed_desktop_url=run.sealed("desktop_url", DESKTOP),
        sealed_public_token=run.sealed("public_token", "t"),
    )
    return run


def test_everything_opens_with_the_new_key_alone(sealed_run, workspace, operator, settings, capsys):
    TOTP.activate(operator, "JBSWY3DPEHPK3PXP")
    codes = RecoveryCodes.activate(operator).generate_codes()
    settings.ENCRYPTION_KEYS = [key("newer"), *settings.ENCRYPTION_KEYS]
    call_command("rotate_keys")
    assert capsys.readouterr().out.splitlines()[0] == "5 secrets sealed anew under the key newer."
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    workspace.giga_account.refresh_from_db()
    sealed_run.refresh_from_db()
    assert (workspace.giga_account.api_key, sealed_run.desktop_url) == (KEY, DESKTOP)
    seed = Authenticator.objects.get(user=operator, type="recovery_codes")
    assert seed.wrap().generate_codes() == codes
    assert "JBSWY" not in str(Authenticator.objects.get(type="totp").data)
    call_command("rotate_keys")
    assert capsys.readouterr().out.splitlines()[0] == "0 secrets sealed anew under the key newer."


def test_what_cannot_be_opened_is_named_and_left(sealed_run, workspace, settings):
    Run.objects.filter(pk=sealed_run.pk).update(sealed_desktop_url="v1:gone:AAAA")
    settings.ENCRYPTION_KEYS = [key("newer"), *settings.ENCRYPTION_KEYS]
    with pytest.raises(CommandError, match=f"run:{sealed_run.pk}:desktop_url"):
        call_command("rotate_keys")
    assert Run.objects.get().sealed_desktop_url == "v1:gone:AAAA"


@pytest.mark.process
def test_killed_again_and_again_it_gets_to_the_end(tmp_path):
    """Each start seals one row and is killed: none is lost, and the last start finds nothing left."""
    data = tmp_path / "data"
    env = prepared_serve(data).env
    old, new = (data / "encryption_keys").read_text().strip(), key("new")

    def manage(*arguments, keys, **more):
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**env, "ENCRYPTION_KEYS": keys, **more},
            capture_output=True,
            text=True,
        )

    make = (
        "from tests import factories\n"
        "for n in range(3): factories.make_workspace(f'W{n}', key='giga_sk_' + str(n) * 32)"
    )
    assert manage("shell", "-c", make, keys=old).returncode == 0
    killed = [
        manage("rotate_keys", keys=f"{new},{old}", CRASH_AT="row_resealed").returncode for _ in range(3)
    ]
    assert killed == [-9, -9, -9]
    last = manage("rotate_keys", keys=f"{new},{old}", CRASH_AT="row_resealed")
    assert (last.returncode, "Nothing is left" in last.stdout) == (0, True), last.stderr
    look = (
        "from runs.models import GigaAccount\n"
        "accounts = GigaAccount.objects.order_by('pk')\n"
        "print(*(a.sealed_api_key.split(':')[1] + a.api_key[-1] for a in accounts))"
    )
    assert "new0 new1 new2" in manage("shell", "-c", look, keys=new).stdout
