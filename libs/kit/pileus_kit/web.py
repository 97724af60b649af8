"""A route says who may call it and what it accepts, or it can't be written."""

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

import msgspec
from flask import Blueprint, Flask, Response, current_app, g, request
from flask.json.provider import JSONProvider
from werkzeug.exceptions import HTTPException

from pileus_kit import audit, context, deadlines, error_mapping
from pileus_kit.access_rules import covered
from pileus_kit.auth import Authenticator, Caller
from pileus_kit.config import ServiceConfig
from pileus_kit.errors import (
    BadRequest,
    CloudError,
    Forbidden,
    NotFound,
    RequestTimeout,
    TooLarge,
    Unauthorized,
)
from pileus_kit.http_server.sockets import BodyUnreadable
from pileus_kit.microversions import Microversions, Version, text
from pileus_kit.policy import Enforcer
from pileus_kit.rates import Rates
from pileus_kit.schema import Checked, Schemas

log = logging.getLogger(__name__)
access = logging.getLogger("pileus.access")

LARGEST_BODY = 1 << 20  # bytes of JSON; uploads are streams (`raw`) and bounded by their service
REQUEST_ID = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NUL = re.compile(rb"(?<!\\)(\\\\)*\\u0000")  # as JSON writes it; PostgreSQL keeps no text with it
Handler = Callable[..., Any]
T = TypeVar("T")


class HasPolicy(Protocol):
    """Something that only those may do whom its policy rule allows."""

    @property
    def policy(self) -> str: ...


class ErrorView(Protocol):
    def __call__(self, err: CloudError | None, status: int, message: str) -> tuple[Any, str]:
        """The body of a refusal and its content type, in this service's shape; `err` is None for a bug or a bad URL."""
        ...


# -- inside a request ----------------------------------------------------------------------------------------------


def caller() -> Caller:
    return g.caller


def version() -> Version:
    """The microversion this request speaks; (0, 0) where the API has none."""
    return g.version


def request_id() -> str:
    return context.request_id.get()


def tools() -> Any:
    """What the service's app was built with: sessions, config, peers, ringer, …"""
    return current_app.extensions["pileus"]


def tools_of(kind: type[T]) -> Callable[[], T]:
    """A typed accessor of what the service's application was built with: `tools = tools_of(Tools)`, then `tools()`."""

    def typed_tools() -> T:
        found: T = current_app.extensions["pileus"]
        return found

    return typed_tools


def allowed(rule: str, target: Mapping[str, Any] | None = None) -> bool:
    return current_app.extensions["pileus_enforcer"].allows(rule, caller(), target)


def enforce(rule: str, target: Mapping[str, Any] | None = None) -> None:
    """Raise Forbidden unless the caller may; the target comes from the database."""
    if not allowed(rule, target):
        raise Forbidden(rule=rule)


# -- declaring routes ----------------------------------------------------------------------------------------------


class Resource(Blueprint):
    """A noun of the API. Every route names its policy rule, or why it is public."""

    def endpoint(  # type: ignore[override]
        self,
        method: str,
        path: str,
        *,
        policy: str | None = None,
        public: str | None = None,
        body: Schemas | dict[str, Any] | None = None,
        query: Schemas | dict[str, Any] | None = None,
        since: Version | None = None,
        until: Version | None = None,
        target: Callable[..., Mapping[str, Any]] | None = None,
        raw: bool = False,
        counted: bool = True,
        actions: Iterable[HasPolicy] = (),
    ) -> Callable[[Handler], Handler]:
        """`policy` is checked against `target(**path)`, read from the database, or else the caller's own scope.

        A public route that our own hosts ask with a proof in the request isn't `counted` as a stranger's, unless the
        proof is refused. `actions` is the table (`pileus_kit.actions`) that the handler resolves the body with.
        """
        if (policy is None) == (public is None):
            raise TypeError(f"{method} {path}: say which policy rule guards it, or why it is public")
        accepts, asks = body and Checked(body), query and Checked(query)

        def wrap(handler: Handler) -> Handler:
            def view(**path_args: Any) -> Any:
                g.rule = policy or ""
                if public is None:
                    _authenticate()
                else:
                    _meet_stranger(counted)
                if (since and g.version < since) or (until and g.version > until):
                    raise NotFound(why="The resource could not be found.")
                if public is None:
                    enforce(policy or "", target(**path_args) if target else None)
                if asks:
                    asks.check({k: request.args.getlist(k) for k in request.args}, g.version, "query")
                if accepts:
                    path_args["body"] = payload = _json_body()
                    accepts.check(payload, g.version, "body")
                elif not raw and method != "GET" and (request.content_length or 0) > LARGEST_BODY:
                    raise TooLarge(why=f"The body may have at most {LARGEST_BODY} bytes.")
                return handler(**path_args)

            name = f"{handler.__module__.rpartition('.')[2]}_{handler.__name__}_{len(self.deferred_functions)}"
            view.__name__, view.__doc__ = name, handler.__doc__
            about = {
                "policy": policy,
                "public": public,
                "since": since,
                "until": until,
                "handler": handler,
                "body": body,
                "query": query,
                "actions": actions,
            }
            view.about = about  # type: ignore[attr-defined]
            self.add_url_rule(path, name, view, methods=[method], provide_automatic_options=False)
            return handler

        return wrap


def _json_body() -> Any:
    if (request.content_length or 0) > LARGEST_BODY:
        raise TooLarge(why=f"The body may have at most {LARGEST_BODY} bytes.")
    data = request.stream.read(LARGEST_BODY + 1)
    if len(data) > LARGEST_BODY:
        raise TooLarge(why=f"The body may have at most {LARGEST_BODY} bytes.")
    if NUL.search(data):
        raise BadRequest(why="The character NUL (\\u0000) can't be stored.")
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as err:
        raise BadRequest(why=f"Malformed request body: {err}") from None
    except (UnicodeDecodeError, RecursionError):
        raise BadRequest(why="Malformed request body: it is not JSON") from None


def add_audit_facts(**facts: object) -> None:
    """Something that the audit's line about this request shall say: who logged in, for example. No secrets."""
    g.facts.update(facts)


def _meet_stranger(counted: bool) -> None:
    rates, address = _rates(), request.remote_addr or ""
    if counted:
        rates.count_anonymous(address)
    if not counted or request.method not in audit.READS:
        rates.check_login(address)
    g.proves = not counted or request.method not in audit.READS


def _rates() -> Rates:
    return current_app.extensions["pileus_rates"]


def _authenticate() -> None:
    authenticate: Authenticator = current_app.extensions["pileus_authenticate"]
    token = request.headers.get("X-Auth-Token", "")
    _rates().check_token(token, authenticate, request.remote_addr or "")
    who = g.caller = authenticate(token)
    if who.access_rules is not None and not _ruled(who):
        raise Unauthorized()
    service_token = request.headers.get("X-Service-Token")
    if service_token:
        service = authenticate(service_token)
        who = replace(who, service_roles=service.roles, service_user_id=service.user_id)
    request.environ["pileus.owner"] = who.owner
    g.caller = who
    _rates().count_caller(who)


def _ruled(who: Caller) -> bool:
    """Whether one of an application credential's access rules covers this request."""
    return covered(who.access_rules or (), current_app.extensions["pileus_service_type"], request.method, request.path)


# -- building the app ----------------------------------------------------------------------------------------------


class FastJson(JSONProvider):
    def dumps(self, obj: Any, **_: Any) -> str:
        return msgspec.json.encode(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return msgspec.json.decode(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        return Response(msgspec.json.encode(self._prepare_response_obj(args, kwargs)), mimetype="application/json")


class App(Flask):
    """Doubled slashes in a path count as one, as in OpenStack's pipelines: clients join URLs without looking.

    They are collapsed before any middleware that a service wraps around `wsgi_app`, for some of it reads the path.
    """

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if "//" in environ["PATH_INFO"]:
            environ["PATH_INFO"] = re.sub("/{2,}", "/", environ["PATH_INFO"])
        return super().__call__(environ, start_response)


def create_app(
    name: str,
    *,
    tools: Any,
    resources: Sequence[Resource],
    authenticate: Authenticator,
    enforcer: Enforcer,
    error_view: ErrorView,
    microversions: Microversions | None = None,
    service_type: str = "",
    healthy: Callable[[], bool] | None = None,
) -> Flask:
    """A service's WSGI application. A route whose policy rule doesn't exist is refused here, at start."""
    app = App(name, static_folder=None)
    app.json = FastJson(app)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.extensions.update(
        pileus=tools,
        pileus_authenticate=authenticate,
        pileus_enforcer=enforcer,
        pileus_service_type=service_type,
        pileus_rates=Rates(getattr(tools, "config", None) or ServiceConfig()),
    )
    deadlines.bound(getattr(tools, "sessions", None))
    for resource in resources:
        app.register_blueprint(resource)
    for rule in app.url_map.iter_rules():
        about = getattr(app.view_functions[rule.endpoint], "about", {})
        for wanted in (about.get("policy"), *(action.policy for action in about.get("actions", ()))):
            if wanted and wanted not in enforcer.names:
                raise LookupError(f"{rule.rule}: there is no policy rule {wanted}")

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-OpenStack-Request-ID", "")
        context.request_id.set(given if REQUEST_ID.fullmatch(given) else context.new_request_id())
        context.arrived_at.set(datetime.now(UTC))
        deadlines.begin()
        g.began, g.version, g.rule, g.caller, g.facts, g.proves = time.perf_counter(), (0, 0), "", None, {}, False
        if b"%00" in request.query_string or "\0" in request.path:
            raise BadRequest(why="The character NUL can't be part of a URL.")
        if microversions:
            g.version = microversions.oldest
            g.version = microversions.of(
                request.headers.get("OpenStack-API-Version"),
                request.headers.get(microversions.legacy) if microversions.legacy else None,
            )

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-OpenStack-Request-ID"] = request_id()
        if microversions:
            _announce(response, microversions)
        access.info(
            "%s %s %d %.1f ms",
            request.method,
            request.full_path.rstrip("?"),
            response.status_code,
            1000 * (time.perf_counter() - g.began),
        )
        if response.status_code == 401 or (g.proves and response.status_code == 403):
            _rates().count_refusal(request.remote_addr or "", login=g.proves)
        audit.record(service_type, request.environ, response.status_code, g.rule, g.caller, g.facts)
        return response

    @app.teardown_request
    def leave(_: BaseException | None) -> None:
        deadlines.end()

    @app.errorhandler(CloudError)
    def refused(err: CloudError) -> Response:
        return _refusal(error_view, err, err.status, str(err))

    @app.errorhandler(BodyUnreadable)
    def broken(err: BodyUnreadable) -> Response:
        kind = RequestTimeout if isinstance(err.__cause__, TimeoutError) else BadRequest
        return refused(kind(why=f"The body could not be read: {err}"))

    @app.errorhandler(HTTPException)
    def unroutable(err: HTTPException) -> Response:
        status = err.code or 500
        message = "The resource could not be found." if status == 404 else err.description or HTTPStatus(status).phrase
        response = _refusal(error_view, None, status, message)
        if status == 405 and getattr(err, "valid_methods", None):
            response.headers["Allow"] = ", ".join(err.valid_methods)  # type: ignore[attr-defined]
        return response

    @app.errorhandler(Exception)
    def bug(err: Exception) -> Response:
        if (trouble := error_mapping.refusal_for(err)) is not None:
            log.warning(
                "%s %s: %s: %s", request.method, request.path, type(err).__name__, error_mapping.cause_without_sql(err)
            )
            return refused(trouble)
        log.exception("%s %s", request.method, request.path)
        return _refusal(error_view, None, 500, f"Unexpected error; the log has its cause under {request_id()}.")

    def refusal(status: int, message: str) -> tuple[bytes, str]:
        """What the server answers to what it can't hand to this application, in the application's shape."""
        body, content_type = error_view(None, status, message)
        return (body.encode() if isinstance(body, str) else msgspec.json.encode(body)), content_type

    app.refusal = refusal  # type: ignore[attr-defined]

    @app.get("/healthcheck")
    def healthcheck() -> tuple[str, int]:
        return ("OK", 200) if healthy is None or healthy() else ("UNHEALTHY", 503)

    return app


def _refusal(error_view: ErrorView, err: CloudError | None, status: int, message: str) -> Response:
    body, content_type = error_view(err, status, message)
    data = body if isinstance(body, str | bytes) else msgspec.json.encode(body)
    response = Response(data, status=status, content_type=content_type)
    if err is not None and err.retry_after is not None:
        response.headers["Retry-After"] = str(err.retry_after)
    if status == 401:
        response.headers["WWW-Authenticate"] = f'Keystone uri="{current_app.extensions.get("pileus_identity_url", "")}"'
    return response


def _announce(response: Response, microversions: Microversions) -> None:
    response.headers["OpenStack-API-Version"] = f"{microversions.service} {text(g.version)}"
    response.headers.add("Vary", "OpenStack-API-Version")
    if microversions.legacy:
        response.headers[microversions.legacy] = text(g.version)
        response.headers.add("Vary", microversions.legacy)


NAMES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    406: "notAcceptable",
    408: "requestTimeout",
    409: "conflictingRequest",
    410: "itemGone",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
    507: "insufficientStorage",
}


def named_error(err: CloudError | None, status: int, message: str) -> tuple[Any, str]:
    """The shape of compute and block storage: {"itemNotFound": {"code": 404, "message": …}}."""
    return {NAMES.get(status, "computeFault"): {"code": status, "message": message}}, "application/json"
