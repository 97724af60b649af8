"""The WSGI application of a service."""

import logging
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Flask, Response, g, request
from flask.json.provider import JSONProvider
from werkzeug.exceptions import HTTPException

from pileus_kit import audit, context, deadlines, error_mapping
from pileus_kit.auth import Authenticator
from pileus_kit.config import ServiceConfig
from pileus_kit.errors import BadRequest, CloudError, RequestTimeout
from pileus_kit.http_server.responder import HEALTH_PATH
from pileus_kit.http_server.sockets import BodyUnreadable
from pileus_kit.microversions import Microversions, text
from pileus_kit.policy import Enforcer
from pileus_kit.rates import Rates
from pileus_kit.web.authentication import rates
from pileus_kit.web.error_views import ErrorView, error_response
from pileus_kit.web.lazy_rules import LazyRule
from pileus_kit.web.request import request_id
from pileus_kit.web.routes import Resource

log = logging.getLogger(__name__)
access_log = logging.getLogger("pileus.access")

REQUEST_ID = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class FastJson(JSONProvider):
    """Flask's JSON by msgspec."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return msgspec.json.encode(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return msgspec.json.decode(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        return Response(msgspec.json.encode(self._prepare_response_obj(args, kwargs)), mimetype="application/json")


class App(Flask):
    """Doubled slashes in a path count as one, as in OpenStack's pipelines: clients join URLs without looking.

    They are collapsed before any middleware that a service wraps around `wsgi_app`, because some of it reads the path.
    """

    url_rule_class = LazyRule

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if "//" in environ["PATH_INFO"]:
            environ["PATH_INFO"] = re.sub("/{2,}", "/", environ["PATH_INFO"])
        return super().__call__(environ, start_response)


def create_app(  # noqa: PLR0913 -- keywords
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
    """Return a service's WSGI application.

    `tools` is what its handlers get from `tools_of`; `healthy` is asked by `GET /healthcheck`. Raises LookupError for a
    route or an action whose policy rule doesn't exist.
    """
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
    _check_rules(app, enforcer)
    _wrap_requests(app, microversions, service_type)
    _handle_errors(app, error_view)

    @app.get(HEALTH_PATH)
    def healthcheck() -> tuple[str, int]:
        return ("OK", 200) if healthy is None or healthy() else ("UNHEALTHY", 503)

    return app


def _check_rules(app: Flask, enforcer: Enforcer) -> None:
    for rule in app.url_map.iter_rules():
        about = getattr(app.view_functions[rule.endpoint], "about", {})
        for wanted in (about.get("policy"), *(action.policy for action in about.get("actions", ()))):
            if wanted and wanted not in enforcer.names:
                raise LookupError(f"{rule.rule}: there is no policy rule {wanted}")


def _wrap_requests(app: Flask, microversions: Microversions | None, service_type: str) -> None:
    """Add what happens before and after every request: its id, deadline, microversion, and its lines in the logs."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-OpenStack-Request-ID", "")
        context.request_id.set(given if REQUEST_ID.fullmatch(given) else context.new_request_id())
        context.arrived_at.set(datetime.now(UTC))
        deadlines.begin()
        g.began, g.version, g.rule, g.caller, g.facts = time.perf_counter(), (0, 0), "", None, {}
        g.proves_identity = False
        if b"%00" in request.query_string or "\0" in request.path:
            raise BadRequest(why="The character NUL can't be part of a URL.")
        if microversions:
            g.version = microversions.oldest  # for the answer to a header that is refused
            g.version = microversions.of(
                request.headers.get("OpenStack-API-Version"),
                request.headers.get(microversions.legacy) if microversions.legacy else None,
            )

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-OpenStack-Request-ID"] = request_id()
        if microversions:
            _announce_version(response, microversions)
        took_ms = 1000 * (time.perf_counter() - g.began)
        path = request.full_path.rstrip("?")
        if not (path == HEALTH_PATH and response.status_code == 200):  # balancers ask again and again
            access_log.info("%s %s %d %.1f ms", request.method, path, response.status_code, took_ms)
        if response.status_code == 401 or (g.proves_identity and response.status_code == 403):
            rates().count_refusal(request.remote_addr or "", login=g.proves_identity)
        audit.record(service_type, request.environ, response.status_code, g.rule, g.caller, g.facts)
        return response

    @app.teardown_request
    def leave(_: BaseException | None) -> None:
        deadlines.end()


def _announce_version(response: Response, microversions: Microversions) -> None:
    response.headers["OpenStack-API-Version"] = f"{microversions.service} {text(g.version)}"
    response.headers.add("Vary", "OpenStack-API-Version")
    if microversions.legacy:
        response.headers[microversions.legacy] = text(g.version)
        response.headers.add("Vary", microversions.legacy)


def _handle_errors(app: Flask, error_view: ErrorView) -> None:
    """Turn every error into an answer of the service's shape."""

    @app.errorhandler(CloudError)
    def refuse(err: CloudError) -> Response:
        return error_response(error_view, err, err.status, str(err))

    @app.errorhandler(BodyUnreadable)
    def refuse_body(err: BodyUnreadable) -> Response:
        kind = RequestTimeout if isinstance(err.__cause__, TimeoutError) else BadRequest
        return refuse(kind(why=f"The body could not be read: {err}"))

    @app.errorhandler(HTTPException)
    def refuse_route(err: HTTPException) -> Response:
        status = err.code or 500
        message = "The resource could not be found." if status == 404 else err.description or HTTPStatus(status).phrase
        response = error_response(error_view, None, status, message)
        if status == 405 and getattr(err, "valid_methods", None):
            response.headers["Allow"] = ", ".join(err.valid_methods)  # type: ignore[attr-defined]
        return response

    @app.errorhandler(Exception)
    def fail(err: Exception) -> Response:
        if (refusal := error_mapping.refusal_for(err)) is not None:
            cause = error_mapping.cause_without_sql(err)
            log.warning("%s %s: %s: %s", request.method, request.path, type(err).__name__, cause)
            return refuse(refusal)
        log.exception("%s %s", request.method, request.path)
        message = f"Unexpected error; the log has its cause under {request_id()}."
        return error_response(error_view, None, 500, message)

    def error_body(status: int, message: str) -> tuple[bytes, str]:
        """Return the body of an error that the server answers without this application, and its content type."""
        body, content_type = error_view(None, status, message)
        return (body.encode() if isinstance(body, str) else msgspec.json.encode(body)), content_type

    app.refusal = error_body  # type: ignore[attr-defined]
