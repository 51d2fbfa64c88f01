"""What is done after the answer is done, though the process is stopped meanwhile."""

import subprocess
import sys

import pytest

from tests.served import ROOT

STOPPED = """
import time, django
django.setup()
from people.later import later

def mail(name):
    time.sleep(0.2)
    print(name)

for name in ("first", "second"):
    later(mail, name)
print("stopped")
"""


@pytest.mark.process
def test_a_process_that_ends_does_first_what_waits():
    command = [sys.executable, "-c", STOPPED]
    ended = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert ended.stdout.split() == ["stopped", "first", "second"]
