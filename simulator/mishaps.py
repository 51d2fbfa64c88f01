"""What can befall a request, by name: each takes the call and gives the answer that the client gets to see.
Which requests they befall is declared in `scenarios`."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse

from simulator import timeline
from simulator.answers import as_json
from simulator.records import Run
from simulator.world import Refused, World, not_found

SLOW_START_S = 15.0
NEVER_S = 60.0
DRIP_S = 0.5
GATEWAY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
LOGIN_PAGE = "<!doctype html><html><body><h1>Please sign in</h1><form></form></body></html>"


@dataclass(frozen=True)
class Call:
    """`carry_out` does what the request asks for and gives the right answer."""

    request: Request
    world: World
    run: Run | None
    carry_out: Callable[[], Awaitable[Response]]


async def close(call: Call) -> Response:
    """Close the connection without a word."""
    call.request.state.transport.abort()
    return Response(status_code=503)  # reaches nobody


async def answer_lost(call: Call) -> Response:
    await call.carry_out()
    return await close(call)


async def answer_timeout(call: Call) -> Response:
    await call.carry_out()
    await asyncio.sleep(NEVER_S)
    return await close(call)


async def slow_start(call: Call) -> Response:
    answer = await call.carry_out()
    await asyncio.sleep(SLOW_START_S / call.world.config.speed)
    return answer


async def created_and_500(call: Call) -> Response:
    await call.carry_out()
    raise Refused(500, "INTERNAL_ERROR", "An unexpected error occurred")


async def no_run_id(call: Call) -> Response:
    body = json.loads((await call.carry_out()).body)
    body.pop("runId", None)
    return as_json(body, 201)


async def hostile_ids(call: Call) -> Response:
    body = json.loads((await call.carry_out()).body)
    return as_json({**body, "runId": f"run_{timeline.HOSTILE}/../..", "messageId": {"id": 1}}, 201)


async def wrapped(call: Call) -> Response:
    answer = await call.carry_out()
    body = json.loads(answer.body)
    return answer if "error" in body else as_json({"success": True, "data": body}, answer.status_code)


async def success_false(call: Call) -> Response:
    return as_json({"success": False, "message": "Something did not work"})


async def garbage(call: Call) -> Response:
    return Response(b'{"threadId": "\xff\xfe\x00, NaN', media_type="application/json")


async def huge(call: Call) -> Response:
    return Response(b'{"x":"' + b"x" * 10_000_000 + b'"}', media_type="application/json")


async def drip(call: Call) -> Response:
    async def drops():
        for byte in json.dumps({"threadId": "x" * 2000}).encode():
            yield bytes([byte])
            await asyncio.sleep(DRIP_S)

    return StreamingResponse(drops(), media_type="application/json")


async def bad_gateway(call: Call) -> Response:
    return HTMLResponse(GATEWAY_PAGE, 502)


async def html_200(call: Call) -> Response:
    return HTMLResponse(LOGIN_PAGE)


async def not_found_after(call: Call) -> Response:
    run, now = call.run, call.world.now()
    if run and timeline.elapsed_s(run, now) > timeline.ready_s(run) + run.run_s / 4:
        raise not_found("Run")
    return await call.carry_out()


async def rate_limited(call: Call) -> Response:
    raise Refused(429, "RATE_LIMITED", "Too many requests", retry_after_s=call.world.config.retry_after_s)


def refuse(status: int, code: str, message: str) -> Callable[[Call], Awaitable[Response]]:
    async def refused(call: Call) -> Response:
        raise Refused(status, code, message)

    return refused


async def text_503(call: Call) -> Response:
    return PlainTextResponse("upstream connect error", 503)


MISHAPS = {
    "answer-lost": answer_lost,
    "answer-timeout": answer_timeout,
    "bad-gateway": bad_gateway,
    "bad-request": refuse(400, "INVALID_REQUEST", "message is required"),
    "close": close,
    "created-and-500": created_and_500,
    "drip": drip,
    "forbidden": refuse(403, "FORBIDDEN", "This API key may not access this resource"),
    "garbage": garbage,
    "hostile-ids": hostile_ids,
    "html-200": html_200,
    "huge": huge,
    "internal-error": refuse(500, "INTERNAL_ERROR", "An unexpected error occurred"),
    "key-refused": refuse(401, "INVALID_API_KEY", "The API key is invalid or has been revoked"),
    "no-computer": refuse(429, "CONCURRENCY_LIMIT_EXCEEDED", "All sandboxes of your plan are in use"),
    "no-credits": refuse(402, "INSUFFICIENT_CREDITS", "Your balance is too low to start a run"),
    "no-run-id": no_run_id,
    "not-found": refuse(404, "RESOURCE_NOT_FOUND", "Session not found"),
    "not-found-after": not_found_after,
    "plan-limit": refuse(403, "PLAN_LIMIT_EXCEEDED", "This needs a higher plan"),
    "rate-limited": rate_limited,
    "sandbox-failed": refuse(500, "SANDBOX_FAILED", "The sandbox could not be provisioned"),
    "slow-start": slow_start,
    "success-false": success_false,
    "text-503": text_503,
    "wrapped": wrapped,
}
