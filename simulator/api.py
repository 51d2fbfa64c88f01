"""Giga's routes, as documented: who may ask, what is asked, the answer. The rules are in `world`, what goes
wrong on demand is in `mishaps`."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from simulator import timeline
from simulator.answers import access_token, as_error, as_json
from simulator.mishaps import MISHAPS, Call
from simulator.scenarios import marked_scenario
from simulator.world import CREDITS_PER_HOUR, DEPLOYMENT, Refused, World, not_found

Handler = Callable[[Request, World, str, dict], Awaitable[Response]]
LARGEST_NOTED = 64 * 1024
FILES = {
    "file_report": ("report.csv", "text/csv", "number,name,amount\nINV-1180,Nordhaus Paper,1284.00\n"),
    "file_notes": ("notes.txt", "text/plain", "Simulated file of a simulated computer.\n"),
}

# What a careless or hostile Giga might list: ids of other forms, sizes and names that are none.
HOSTILE_FILES = [
    None,
    "report.csv",
    {"fileName": "without an id.txt"},
    {"_id": "../../keys", "fileName": "path in the id.txt"},
    {"id": "file_notes", "fileName": f"{timeline.HOSTILE}\r\nSet-Cookie: a=b", "fileSize": "12"},
    {"_id": "file_report", "fileName": {"name": 1}, "fileSize": -5, "mimeType": ["text/html"]},
]


def documented(call_name: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint around a handler: key, rate, mishap, errors in Giga's envelope."""

    async def endpoint(request: Request) -> Response:
        world = request.app.state.world
        authorization = request.headers.get("authorization", "")
        remaining = 0
        try:
            remaining = world.count(authorization)
            sent = await _body(request)
            owner = world.owner(authorization)
            if not isinstance(sent, dict):
                raise Refused(400, "INVALID_REQUEST", "The body is not a JSON object")
            body = sent
            mishap = world.mishap_for(call_name, _marked(request, world, body))
            if mishap:
                run = world.runs.get(request.path_params.get("run_id", ""))
                call = Call(request, world, run, lambda: handler(request, world, owner, body))
                answer = await MISHAPS[mishap](call)
            else:
                answer = await handler(request, world, owner, body)
        except Refused as refused:
            answer = as_error(refused)
        answer.headers["X-RateLimit-Remaining"] = str(remaining)
        return answer

    return endpoint


async def _body(request: Request) -> object:
    """The JSON sent, also noted in the ledger; an empty object for a GET, None for what is no JSON."""
    if request.method in ("GET", "HEAD"):
        return {}
    raw = await request.body()
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if len(raw) <= LARGEST_NOTED:
        request.scope["ledger_entry"]["body"] = body
    return body


def _marked(request: Request, world: World, body: dict) -> str:
    """The scenario that the session of this request asked for in its prompt, or nothing."""
    session = world.sessions.get(request.path_params.get("thread_id", ""))
    if session:
        return session.scenario
    computer = world.computer(str(body.get("sandboxId", "")))
    if computer:
        return world.sessions[computer.thread_id].scenario
    prompts = body.get("prompts")
    prompt = prompts.get("userPrompt") if isinstance(prompts, dict) else None
    return marked_scenario(prompt) if isinstance(prompt, str) else ""


async def create_session(request: Request, world: World, owner: str, body: dict) -> Response:
    session = world.create_session(owner, body)
    config = {"template": session.template, "duration": session.duration, "prompts": session.prompts}
    answer = {"threadId": session.thread_id, "messageId": session.message_id, "deploymentConfig": config}
    return as_json(answer, 201)


async def read_session(request: Request, world: World, owner: str, body: dict) -> Response:
    session = world.session(owner, request.path_params["thread_id"])
    return as_json(
        timeline.thread_body(
            session,
            world.thread_runs[session.thread_id],
            world.now(),
            scenario=world.scenario_of(session.scenario),
            config=world.config,
            host=_host(request),
        )
    )


async def start_run(request: Request, world: World, owner: str, body: dict) -> Response:
    session = world.session(owner, request.path_params["thread_id"])
    run = world.start_run(session, body.get("message"))
    await asyncio.sleep(world.config.start_delay / world.config.speed)
    answer = {
        "threadId": run.thread_id,
        "runId": run.run_id,
        "publicAccessToken": access_token(run.run_id),
        "messageId": run.message_id,
    }
    return as_json(answer, 201)


async def read_run(request: Request, world: World, owner: str, body: dict) -> Response:
    run = world.run(owner, request.path_params["thread_id"], request.path_params["run_id"])
    return as_json(timeline.run_body(run, world.now(), config=world.config, host=_host(request)))


async def extend_sandbox(request: Request, world: World, owner: str, body: dict) -> Response:
    extend = world.extend(owner, body.get("sandboxId"))
    message = "Sandbox lifecycle extended by 15 minutes"
    return as_json({"success": True, "message": message, "sandboxId": extend.sandbox_id})


async def billing(request: Request, world: World, owner: str, body: dict) -> Response:
    return as_json({"success": True, "data": {"billing": world.billing(owner)}})


async def keys(request: Request, world: World, owner: str, body: dict) -> Response:
    now = timeline.iso(world.now())
    key = {"id": f"key_{owner}", "name": "Simulated key", "lastUsedAt": now, "createdAt": now}
    return as_json({"success": True, "data": {"keys": [key]}})


async def files(request: Request, world: World, owner: str, body: dict) -> Response:
    deployment_id = request.query_params.get("deploymentId")
    if not deployment_id:
        raise Refused(400, "INVALID_REQUEST", "deploymentId is required", hint="deploymentId")
    if deployment_id != DEPLOYMENT:
        raise not_found("Deployment")
    listed = [
        {
            "_id": identifier,
            "deploymentId": DEPLOYMENT,
            "userId": f"user_{owner}",
            "fileName": name,
            "fileSize": len(content),
            "mimeType": mime_type,
            "storagePath": f"deployments/{DEPLOYMENT}/{name}",
            "status": "ready",
            "createdAt": "2026-11-01T09:00:00.000Z",
            "updatedAt": "2026-11-01T09:00:00.000Z",
        }
        for identifier, (name, mime_type, content) in FILES.items()
    ]
    if world.scenario_of("").is_hostile:
        listed = [*HOSTILE_FILES, *listed]
    return as_json({"success": True, "data": {"files": listed}})


async def download(request: Request, world: World, owner: str, body: dict) -> Response:
    identifier = request.query_params.get("fileId", "")
    if identifier not in FILES:
        raise not_found("File")
    url = f"http://{_host(request)}/storage/{identifier}"
    return as_json({"success": True, "data": {"downloadUrl": url, "url": url}})


async def stored_file(request: Request) -> Response:
    """What the presigned address of a download leads to; no key is asked for, as with S3."""
    name, mime_type, content = FILES.get(request.path_params["file_id"], ("", "text/plain", ""))
    if not name:
        return PlainTextResponse("NoSuchKey", 404)
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=mime_type, headers=disposition)


async def deployments(request: Request, world: World, owner: str, body: dict) -> Response:
    """A guessed route: only with `Config.extensions`, and marked in its answer."""
    if not world.config.extensions:
        raise not_found("Route")
    row = {"id": DEPLOYMENT, "name": "Demo", "status": "running", "platform": next(iter(CREDITS_PER_HOUR))}
    pagination = {"total": 1, "limit": 10, "offset": 0, "hasMore": False}
    answer = as_json({"success": True, "data": {"deployments": [row], "pagination": pagination}})
    answer.headers["X-Simulated-Extension"] = "1"
    return answer


def _host(request: Request) -> str:
    return request.headers.get("host", "127.0.0.1")


routes = [
    Route("/api/sessions", documented("create-session", create_session), methods=["POST"]),
    Route("/api/sessions/{thread_id}", documented("read-session", read_session), methods=["GET"]),
    Route("/api/sessions/{thread_id}/runs", documented("start-run", start_run), methods=["POST"]),
    Route("/api/sessions/{thread_id}/runs/{run_id}", documented("read-run", read_run), methods=["GET"]),
    Route("/api/sandbox/extend", documented("extend", extend_sandbox), methods=["POST"]),
    Route("/api/billing", documented("other", billing), methods=["GET"]),
    Route("/api/keys", documented("other", keys), methods=["GET"]),
    Route("/api/files", documented("other", files), methods=["GET"]),
    Route("/api/files/download", documented("other", download), methods=["GET"]),
    Route("/api/deployments", documented("other", deployments), methods=["GET"]),
    Route("/storage/{file_id}", stored_file, methods=["GET"]),
]
