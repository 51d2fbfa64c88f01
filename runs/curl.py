"""A launch as two calls of curl, for a shell. Pure functions of plain values; the key is never in them."""

import json
from shlex import quote

from runs import giga
from runs.launching import START_MESSAGE


def launch_as_curl(api_url: str, configuration: dict) -> str:
    """Creates the session, keeps its id, starts the run in it."""
    body = giga.session_body(**configuration)
    create = _post(quote(f"{api_url}/api/sessions"), body)
    return f"THREAD_ID=$({create} | jq -r .threadId)\n\n{follow_up_as_curl(api_url, '', START_MESSAGE)}"


def follow_up_as_curl(api_url: str, thread_id: str, message: str) -> str:
    """Starts a run in a session; without an id, in the one that $THREAD_ID names."""
    where = quote(f"{api_url}/api/sessions/{thread_id}/runs")
    if not thread_id:
        where = quote(f"{api_url}/api/sessions/") + '"$THREAD_ID"/runs'
    return _post(where, {"message": message})


def _post(address: str, body: dict) -> str:
    # Plain ASCII: nothing in a text can turn the writing direction of what is pasted, or be lost on its way.
    return " \\\n  ".join(
        [
            f"curl -sS -X POST {address}",
            '-H "Authorization: Bearer $GIGA_API_KEY"',
            "-H 'Content-Type: application/json'",
            f"-d {quote(json.dumps(body))}",
        ]
    )
