"""Handle the HTTP of `sandbox serve`: routes, the token, limited bodies, clients that disconnect, the page about it."""

from __future__ import annotations

import asyncio
import hmac
import json
import reprlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from html import escape
from importlib import resources
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.boxes.pool import Pool
from sandbox.cluster.pool import ClusterPool
from sandbox.errors import SandboxError, TaskCancelled
from sandbox.problems import Problem
from sandbox.scoring.compiler import Executed, scaled
from sandbox.scoring.scorer import Scorer
from sandbox.scoring.strategy import ScoringOptions
from sandbox.serving import piston, sandboxfusion, score_api
from sandbox.serving.admission import FULL, AdmissionQueue, RunTask, ScoreTask, Timed
from sandbox.serving.bodies import Bodies, Refused
from sandbox.serving.metrics import Metrics, node_metrics
from sandbox.values import PYTHON, Job, Program

_LEFT = 499  # the client has disconnected
T = TypeVar("T")
Handler = Callable[[Request, Mapping[str, object]], Awaitable[Response]]
Refusal = Callable[[str], dict[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is served, to whom, and with which limits; without a token, every client is admitted."""

    options: ScoringOptions
    problems: Sequence[Problem] = ()
    token: str | None = None
    room: int
    longest_s: float
    versions: Mapping[str, str]  # of the languages that are served, Python first


class Server:
    """Serves the routes over one pool."""

    def __init__(self, pool: Pool | ClusterPool, service: Service) -> None:
        self._pool, self._service = pool, service
        self._languages = tuple(service.versions)
        self._metrics, self._bodies = Metrics(), Bodies()
        self._admission = AdmissionQueue(pool, self._metrics, service.room)
        self._problems = score_api.KnownProblems(service.problems)
        self._scorer: Scorer | None = None
        self._generation = 0

    def app(self, hosts: Sequence[str] = ("*",)) -> ASGIApp:
        """Return the ASGI application, for requests to these hosts."""
        routes = [
            self._post("/run_code", self._run_code, sandboxfusion.failure),
            self._post("/api/v2/execute", self._execute, _message),
            self._post("/v1/score", self._score, _error),
            Route("/api/v2/runtimes", lambda _: Json(piston.runtimes(self._service.versions))),
            Route("/v1/ping", lambda _: PlainTextResponse("pong")),
            Route("/healthz", self._health),
            Route("/metrics", self._measured),
            Route("/openapi.json", lambda _: Json(openapi(self._service.longest_s, self._languages))),
            Route("/", lambda _: HTMLResponse(page(openapi(self._service.longest_s, self._languages)))),
        ]
        doors = [Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)]
        if self._service.token is not None:
            doors.append(Middleware(Bearer, token=self._service.token))
        handlers: Any = {HTTPException: _http_error}
        return Starlette(routes=routes, middleware=doors, exception_handlers=handlers)

    def _post(self, path: str, handler: Handler, refusal: Refusal) -> Route:
        """Return a route for JSON, which counts requests and reports refusals in its protocol's form."""

        async def answered(request: Request) -> Response:
            try:
                with self._bodies.hold() as body:
                    response = await handler(request, await body.read(_pieces(request)))
            except Refused as refused:
                headers = {} if refused.retry_after is None else {"Retry-After": str(refused.retry_after)}
                response = Json(refusal(refused.message), refused.status, headers)
            except ClientDisconnect:
                self._metrics.count("sandbox_clients_left_total")
                response = Response(status_code=_LEFT)
            self._metrics.count("sandbox_requests_total", route=path, status=str(response.status_code))
            return response

        return Route(path, answered, methods=["POST"])

    async def _run_code(self, request: Request, body: Mapping[str, object]) -> Response:
        asked = sandboxfusion.read(body, self._pool.limits, self._service.longest_s, self._languages)
        came = await self._executed(request, asked.job, asked.compile_s, sandboxfusion.FULL)
        if isinstance(came, SandboxError):
            return Json(sandboxfusion.failure(str(came)))
        return Json(sandboxfusion.answer(asked, came.came), headers=_timing([came]))

    async def _execute(self, request: Request, body: Mapping[str, object]) -> Response:
        asked = piston.read(body, self._pool.limits, self._service.longest_s, self._languages)
        came = await self._executed(request, asked.job, asked.compile_s, FULL)
        if isinstance(came, SandboxError):
            return Json(_message(str(came)), 500)
        version = self._service.versions[asked.job.program.language]
        return Json(piston.answer(asked, came.came, version), headers=_timing([came]))

    async def _executed(
        self, request: Request, job: Job, compile_s: float, full: int
    ) -> Timed[Executed] | SandboxError:
        task = self._running(job, compile_s)
        (came,) = await self._waited(request, self._admission.ask([task], lambda executed: executed.ending, full))
        return came

    async def _score(self, request: Request, body: Mapping[str, object]) -> Response:
        if isinstance(body.get("problem"), str):
            asked = score_api.read(body, self._problems)
        else:  # reading a problem may take long, and others want to be heard meanwhile
            asked = await run_in_threadpool(score_api.read, body, self._problems)
        distinct = list(dict.fromkeys(program.source for program in asked.programs))
        by_source = {program.source: program for program in asked.programs}
        tasks = [self._scoring(by_source[source], asked.limits) for source in distinct]
        came = await self._waited(request, self._admission.ask(tasks, lambda row: str(row["verdict"])))
        rows = dict(zip(distinct, map(_row, came), strict=True))
        ran = [one for one in came if isinstance(one, Timed)]
        return Json(score_api.answer(asked, [rows[p.source] for p in asked.programs]), headers=_timing(ran))

    def _running(self, job: Job, compile_s: float) -> RunTask:
        """Return the task that runs a job."""
        return RunTask(job, compile_s, None if isinstance(self._pool, ClusterPool) else self._scorer_of(self._pool))

    def _scoring(self, program: Program, asked_limits: Mapping[str, float]) -> ScoreTask:
        """Return the task that scores a program; refused for limits beyond ours."""
        scorer = self._pool if isinstance(self._pool, ClusterPool) else self._scorer_of(self._pool)
        usual = scaled(scorer.limits_for(program.assumptions), program.language)
        limits = score_api.granted(asked_limits, usual, scorer.limits, self._service.longest_s)
        if asked_limits:
            own: dict[str, Any] = dict(asked_limits)
            program = replace(program, assumptions=replace(program.assumptions, **own))
        asked = None if isinstance(scorer, ClusterPool) else scorer.task(program, limits=limits)
        return ScoreTask(program, limits, asked)

    def _scorer_of(self, pool: Pool) -> Scorer:
        """Return a scorer that does not hold what too many problems have left in it."""
        if self._scorer is None or self._generation != self._problems.generation:
            self._scorer, self._generation = Scorer(pool, self._service.options), self._problems.generation
        return self._scorer

    async def _waited(self, request: Request, futures: Sequence[Future[Timed[T]]]) -> list[Timed[T] | SandboxError]:
        """Wait for all results and return them in order; raises ClientDisconnect when the client disconnects.

        When the waiting ends for any reason, unfinished tasks are cancelled.
        """
        came = asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)
        came.add_done_callback(_retrieve_exception)
        left = asyncio.ensure_future(_wait_for_disconnect(request))
        try:
            await asyncio.wait((came, left), return_when=asyncio.FIRST_COMPLETED)
            if not came.done():
                raise ClientDisconnect
        finally:
            left.cancel()
            for future in futures:
                self._admission.cancel(future)
            came.cancel()
        return [_result_or_error(one) for one in came.result()]

    def _health(self, _: Request) -> Response:
        """Report whether programs can be run; 503 with the reason if not."""
        failure = self._pool.failure
        return PlainTextResponse("ok\n") if failure is None else PlainTextResponse(f"{failure}\n", 503)

    def _measured(self, _: Request) -> Response:
        gauges = {
            "sandbox_waiting": self._admission.waiting,
            "sandbox_room": self._admission.room,
            "sandbox_boxes": self._pool.boxes,
        }
        text = self._metrics.text(gauges)
        if isinstance(self._pool, ClusterPool):
            text += node_metrics(self._pool.nodes())
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


class Json(JSONResponse):
    """A JSON response for any text of a program: lone surrogates, which UTF-8 cannot encode, become question marks."""

    def render(self, content: Any) -> bytes:
        """Encode the content; without this, one such text would make the whole response fail."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")


class Bearer:
    """Admits requests with the token; /healthz needs none."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._wanted = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401."""
        sent = dict(scope.get("headers", [])).get(b"authorization", b"")
        if scope["type"] == "http" and scope["path"] != "/healthz" and not hmac.compare_digest(sent, self._wanted):
            refused = Json(_error("a bearer token is needed"), 401, {"WWW-Authenticate": "Bearer"})
            await refused(scope, receive, send)
            return
        await self._app(scope, receive, send)


def openapi(longest_s: float, languages: Sequence[str] = (PYTHON,)) -> dict[str, Any]:
    """Return the OpenAPI description of the routes; `longest_s` is the most time that this server grants."""
    described: dict[str, Any] = json.loads((resources.files("sandbox.serving") / "openapi.json").read_text("utf-8"))
    schemas = described["components"]["schemas"]
    schemas["RunCodeRequest"]["properties"]["run_timeout"]["maximum"] = longest_s
    served = f"What is served: {', '.join(languages)}, each by any of its usual names."
    for request in ("RunCodeRequest", "ExecuteRequest"):
        schemas[request]["properties"]["language"]["description"] = served
    for name in ("run_timeout", "run_cpu_time"):
        schemas["ExecuteRequest"]["properties"][name]["maximum"] = 1000 * longest_s
    return described


def _pieces(request: Request) -> AsyncIterator[bytes]:
    """Yield the body as it arrives; it must be application/json, which web pages cannot send without a preflight."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, f"the body must be application/json, not {kind or 'of no type'}")
    return request.stream()


def _retrieve_exception(came: asyncio.Future[Any]) -> None:
    """Read a future's exception, so that Python prints no warning about it."""
    if not came.cancelled():
        came.exception()


def _result_or_error(one: Timed[T] | BaseException) -> Timed[T] | SandboxError:
    """Return the message for a client; a bug of ours is raised again."""
    if isinstance(one, asyncio.CancelledError):
        return TaskCancelled("the server is stopping")
    if isinstance(one, BaseException) and not isinstance(one, SandboxError):
        raise one
    return one


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _row(came: Timed[dict[str, Any]] | SandboxError) -> dict[str, object]:
    if isinstance(came, SandboxError):
        return score_api.failure(str(came))
    return came.came | {"queue_s": round(came.queue_s, 6), "run_s": round(came.run_s, 6)}


def _timing(came: Sequence[Timed[Any]]) -> dict[str, str]:
    """Return the Server-Timing header: the longest wait and the sum of the visits, in milliseconds."""
    queue_s = max((one.queue_s for one in came), default=0.0)
    run_s = sum(one.run_s for one in came)
    return {"Server-Timing": f"queue;dur={1000 * queue_s:.3f}, run;dur={1000 * run_s:.3f}"}


def _message(message: str) -> dict[str, object]:
    return {"message": message}


def _error(message: str) -> dict[str, object]:
    return {"error": {"message": message}}


async def _http_error(request: Request, error: HTTPException) -> Response:
    return Json(_error(_refusal(request, error)), error.status_code, error.headers)


def _refusal(request: Request, error: HTTPException) -> str:
    """Return the message for an unknown route or method, and where the routes are listed."""
    request_line = f"{request.method} {reprlib.repr(request.url.path)}"
    match error.status_code:
        case 404:
            return f"there is no {request_line} here; GET / lists the routes"
        case 405:
            methods = (error.headers or {}).get("Allow", "another method")
            return f"there is no {request_line} here, but with {methods}; GET / says how to ask"
        case _:
            return str(error.detail)


_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}pre{background:#eee;padding:.5rem}"
)


def page(described: Mapping[str, Any]) -> str:
    """Return a page with every route, its fields and an example."""
    info = described["info"]
    body = "".join(_routes(described))
    return (
        "<!doctype html><html lang=en><meta "
        f"charset=utf-8><title>{escape(info['title'])}</title><style>{_STYLE}</style>"
        f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>"
        f"<p><a href=openapi.json>openapi.json</a></p>{body}</html>"
    )


def _routes(described: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            yield f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(route['summary'])}</p>"
            if "requestBody" in route:
                content = route["requestBody"]["content"]["application/json"]
                yield from _fields(content["schema"], described["components"]["schemas"])
                yield f"<pre>{escape(json.dumps(content['example'], indent=2))}</pre>"


def _fields(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    found = known[schema["$ref"].rpartition("/")[2]]
    yield "<ul>"
    for name, field in found["properties"].items():
        needed = ", needed" if name in found.get("required", ()) else ""
        yield f"<li><code>{escape(name)}</code>{needed}: {escape(field.get('description', ''))}</li>"
    yield "</ul>"
