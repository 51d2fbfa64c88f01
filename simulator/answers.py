"""How the simulated Giga words its HTTP answers. No rules, no state."""

import base64
import json
import time
import uuid

from starlette.responses import Response

from simulator.world import Refused


def as_json(body: object, status: int = 200) -> Response:
    """ASCII only, so that half characters of a hostile scenario survive; Starlette's own answer cannot."""
    return Response(json.dumps(body), status, media_type="application/json")


def as_error(refused: Refused) -> Response:
    error = {"code": refused.code, "message": refused.message}
    if refused.hint:
        error["hint"] = refused.hint
    answer = as_json({"error": {**error, "requestId": str(uuid.uuid4())}}, refused.status)
    if refused.retry_after_s:
        answer.headers["Retry-After"] = str(refused.retry_after_s)
    return answer


def access_token(run_id: str) -> str:
    """A token of the form Trigger.dev's have; nothing accepts it."""
    claims = {
        "iss": "https://id.trigger.dev",
        "aud": "https://api.trigger.dev",
        "sub": "simulated",
        "pub": True,
        "scopes": [f"read:runs:{run_id}"],
        "exp": int(time.time()) + 3600,
    }
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps(claims), f"simulated {run_id}"]
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
