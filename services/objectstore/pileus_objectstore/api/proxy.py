"""The WSGI application: find the call, identify the sender, let the call answer, and log under the transaction's id."""

import logging
import random
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from pileus_kit import audit, context, error_mapping
from pileus_kit.errors import CloudError, Unauthorized
from pileus_kit.rates import Rates
from pileus_objectstore.api import (
    access_log_lines,
    authorization,
    bulk,
    container_sync,
    cross_origin,
    domain_names,
    etag_quotes,
    form_posts,
    info,
    operations,
    static_web,
    temp_urls,
)
from pileus_objectstore.api.access_log_lines import Concerned
from pileus_objectstore.api.cname_lookup import CnameLookup
from pileus_objectstore.api.http import REASONS, Request, Response, access_of, origin_of, refusal, wire_of
from pileus_objectstore.api.routes import Call, Calls, Routes
from pileus_objectstore.api.s3.application import S3Application, is_s3, is_signed_for_s3
from pileus_objectstore.clients.access_keys import AccessKeys
from pileus_objectstore.core import event_queues
from pileus_objectstore.core.access_logs import Spool, directory
from pileus_objectstore.core.names import check
from pileus_objectstore.core.object_stream import ObjectStream
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.errors import ClientGone

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)
access_log = logging.getLogger("pileus.access")
BULK_DELETE_METHODS = ("POST", "DELETE")  # with ?bulk-delete they concern what the body names, whatever the path names
UNEXPECTED = "Unexpected error; the log has its cause under the transaction's id."


class Proxy:
    """What gunicorn serves. `calls` is also what the policy matrix is generated from."""

    refusal_statuses: ClassVar = {431: 400}  # as Swift's server, and S3, answer a head that is too large

    def __init__(self, tools: Tools, calls: Sequence[Calls], keys: AccessKeys) -> None:
        self.tools = tools
        self.rates = Rates(tools.config)
        self.cnames = CnameLookup(tools.config, self.rates)
        self.routes = Routes(calls)
        self.keys = keys
        self.s3 = S3Application(tools, self.rates, keys)
        self.spool = Spool(directory(tools.config.home))

    @property
    def calls(self) -> dict[tuple[str, str], Call]:
        """All calls by kind of target and method."""
        return self.routes.calls

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        began = time.perf_counter()
        transaction = f"tx{random.getrandbits(84):021x}-{int(time.time()):010x}"
        context.request_id.set(transaction)
        event_queues.origin.set(origin_of(environ, None))
        response = self._guarded(environ)
        try:
            return self._begun(environ, response, transaction, began, start_response)
        except BaseException:
            _close(response.body)
            raise

    def _begun(
        self,
        environ: "WSGIEnvironment",
        response: Response,
        transaction: str,
        began: float,
        start_response: "StartResponse",
    ) -> Iterable[bytes]:
        """Send the head, log the request, and return the body for the server to send."""
        headers = [(name, wire_of(value)) for name, value in response.headers]
        headers += (("X-Trans-Id", transaction), ("X-Openstack-Request-Id", transaction))
        start_response(REASONS.get(response.status, f"{response.status} Refused"), headers)
        method = environ["REQUEST_METHOD"]
        spent_s = time.perf_counter() - began
        access_log.info("%s %s %d %.1f ms", method, environ.get("PATH_INFO"), response.status, 1000 * spent_s)
        access_log_lines.note(self.tools, self.spool, environ, response, spent_s)
        rule, caller = environ.get("pileus.rule", ""), environ.get("pileus.caller")
        audit.record("object-store", environ, response.status, rule, caller)
        if method == "HEAD":
            _close(response.body)
            return ()
        return _sendable(response.body, environ)

    def refusal(self, status: int, why: str) -> tuple[bytes, str]:
        """The page and its media type for a request that the server can't hand to this application."""
        page = refusal(CloudError(why=why), status)
        return b"".join(page.body), page.get("Content-Type")

    def _guarded(self, environ: "WSGIEnvironment") -> Response:
        """The answer to a request; an error becomes an answer, too."""
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO")
        request: Request | None = None
        try:
            if not is_signed_for_s3(environ):
                config = self.tools.config
                host = self.cnames.storage_name(environ.get("HTTP_HOST", ""), environ.get("REMOTE_ADDR", ""))
                domain_names.complete_path(environ, host, config.storage_domains, config.prefixes)
            if is_s3(environ, self.tools.config):
                return self.s3.answer(environ)
            request = Request(environ, access_of(self.tools, environ, s3=False))
            return self._answer(request)
        except ClientGone as e:
            log.info("%s %s: %s", method, path, e)
            return refusal(e)
        except Unauthorized as e:
            response = refusal(e)
            response.headers.append(("Www-Authenticate", f'Swift realm="{_realm(environ)}"'))
            response.headers.append(("Www-Authenticate", f'Keystone uri="{self.tools.config.identity_url}"'))
            return response
        except CloudError as e:
            if e.status >= 500:
                log.warning("%s %s: %s", method, path, e)
            response = refusal(e)
            if request is not None and request.access.followed:
                response.headers.append(("Content-Location", request.access.followed))
            return response
        except Exception as e:  # the client must get an answer to any failure, and the log its cause
            if (known := error_mapping.refusal_for(e)) is not None:
                return refusal(known)
            log.exception("%s %s", method, path)
            return refusal(CloudError(why=UNEXPECTED))

    def _answer(self, request: Request) -> Response:
        public = info.PUBLIC.get(request.path)
        if public is not None:
            return public(self.tools, request)
        if request.path.startswith(operations.PREFIX):
            return operations.answer(self.tools, self.rates, request)
        response = self._routed(request)
        if request.target.object:
            etag_quotes.adapt(self.tools, request.target, response)
        if "HTTP_ORIGIN" in request.environ:
            cross_origin.adapt(self.tools, request, response)
        return response

    def _routed(self, request: Request) -> Response:
        tools, target = self.tools, request.target
        if request.method == "OPTIONS":
            methods = sorted(self.routes.methods(target.kind))
            return cross_origin.preflight(tools, request, ", ".join([*methods, "OPTIONS"]))
        call = self.routes.find(request)
        if call is None:
            return Response(405, [("Allow", ", ".join(self.routes.methods(target.kind)))])
        request.environ["pileus.rule"] = call.policy
        authorization.identify(tools, self.rates, request)
        event_queues.origin.set(origin_of(request.environ, request.access.caller))
        request.environ[access_log_lines.LOGGED] = Concerned(target, "SWIFT")
        if container_sync.HEADER in request.environ:
            return container_sync.answer(tools, request, call)
        if request.method == "POST" and target.container and form_posts.is_form(request):
            return form_posts.create(tools, request)
        is_signed = "temp_url_sig=" in request.environ.get("QUERY_STRING", "")
        if is_signed:
            temp_urls.admit(tools, request)
            call = self.routes.find(request) or call  # parameters that the signature doesn't cover are ignored now
            request.access.refuse_denied(call.action, target)
        elif request.method in BULK_DELETE_METHODS and "bulk-delete" in request.query:
            return bulk.delete_many(tools, request)
        if target.container and request.method in ("GET", "HEAD") and (site := static_web.site(tools, request)):
            return static_web.visit(tools, request, site)
        if not is_signed:
            authorization.authorize(tools, request, call)
        elif not target.object:
            raise Unauthorized()  # a signed URL reads a container's listing as a web page only
        check(target)
        return call.handler(tools, request)


def _realm(environ: "WSGIEnvironment") -> str:
    """The account that a path names, quoted; "unknown" if it names none."""
    parts = environ.get("PATH_INFO", "").split("/", 3)
    return quote(parts[2].encode("latin-1")) if len(parts) > 2 and parts[2] else "unknown"


def _sendable(body: Iterable[bytes], environ: "WSGIEnvironment") -> Iterable[bytes]:
    """The body, as a file if it is one and the server can send files."""
    wrap, file = environ.get("wsgi.file_wrapper"), body.file if isinstance(body, ObjectStream) else None
    return body if wrap is None or file is None else wrap(file)


def _close(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()
