"""The WSGI application: find the call, see who asks, let the call answer, never let a failure go without its
transaction's id."""

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from pileus_kit import audit, context, error_mapping
from pileus_kit.errors import CloudError, Unauthorized
from pileus_kit.rates import Rates
from pileus_objectstore.api import bulk, cross_origin, form_posts, info, static_web, temp_urls
from pileus_objectstore.api.authorization import judge
from pileus_objectstore.api.http import REASONS, ClientGone, Request, Response, refusal, wire_of
from pileus_objectstore.api.reading import FOLLOWED
from pileus_objectstore.api.routes import Call, Calls
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core.access import ruled
from pileus_objectstore.core.names import check

log = logging.getLogger(__name__)
access = logging.getLogger("pileus.access")
StartResponse = Callable[[str, list[tuple[str, str]]], Any]

DELETES = ("POST", "DELETE")  # with ?bulk-delete: of what the body names, whatever the path names


class Proxy:
    """What gunicorn serves. `calls` is also what the policy matrix is generated from."""

    def __init__(self, tools: Tools, calls: Sequence[Calls]) -> None:
        self.tools = tools
        self.rates = Rates(tools.config)
        self.calls: dict[tuple[str, str], Call] = {
            (c.kind, c.method): c for group in calls for c in group.table.values()
        }

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        transaction = f"tx{secrets.token_hex(11)[:21]}-{int(time.time()):010x}"
        context.request_id.set(transaction)
        response = self._guarded(environ, transaction)
        headers = [(name, wire_of(value)) for name, value in response.headers]
        headers += (("X-Trans-Id", transaction), ("X-Openstack-Request-Id", transaction))
        start_response(REASONS.get(response.status, f"{response.status} Refused"), headers)
        access.info(
            "%s %s %d %.1f ms",
            environ["REQUEST_METHOD"],
            environ.get("PATH_INFO"),
            response.status,
            1000 * (time.perf_counter() - began),
        )
        rule, caller = environ.get("pileus.rule", ""), environ.get("pileus.caller")
        audit.record("object-store", environ, response.status, rule, caller)
        if environ["REQUEST_METHOD"] == "HEAD":
            _close(response.body)
            return ()
        return response.body

    def refusal(self, status: int, why: str) -> tuple[bytes, str]:
        """What the server answers to what it can't hand to this application, in Swift's shape."""
        page = refusal(CloudError(why=why), status)
        return b"".join(page.body), page.get("Content-Type")

    def _guarded(self, environ: dict[str, Any], transaction: str) -> Response:
        try:
            request = Request(environ, transaction)
            return self._answer(request)
        except ClientGone as e:
            log.info("%s %s: %s", environ["REQUEST_METHOD"], environ.get("PATH_INFO"), e)
            return refusal(e)
        except Unauthorized as e:
            response = refusal(e)
            response.headers.append(("Www-Authenticate", f'Keystone uri="{self.tools.config.identity_url}"'))
            return response
        except CloudError as e:
            if e.status >= 500:
                log.warning("%s %s: %s", environ["REQUEST_METHOD"], environ.get("PATH_INFO"), e)
            response = refusal(e)
            if FOLLOWED in environ:
                response.headers.append(("Content-Location", environ[FOLLOWED]))
            return response
        except Exception as e:  # the edge: whatever it is, the client gets an answer and the log the cause
            if (trouble := error_mapping.refusal_for(e)) is not None:
                return refusal(trouble)
            log.exception("%s %s", environ["REQUEST_METHOD"], environ.get("PATH_INFO"))
            return refusal(CloudError(why="Unexpected error; the log has its cause under the transaction's id."))

    def _answer(self, request: Request) -> Response:
        public = info.PUBLIC.get(request.path)
        if public is not None:
            return public(self.tools, request)
        response = self._routed(request)
        if "HTTP_ORIGIN" in request.environ:
            cross_origin.dress(self.tools, request, response)
        return response

    def _routed(self, request: Request) -> Response:
        target = request.target
        if request.method == "OPTIONS":
            methods = sorted(method for kind, method in self.calls if kind == target.kind)
            return cross_origin.preflight(self.tools, request, ", ".join([*methods, "OPTIONS"]))
        extract = target.kind == "account" and request.method == "PUT" and "extract-archive" in request.query
        call = self.calls.get((target.kind, "POST" if extract else request.method))
        if call is None:
            allow = sorted(method for kind, method in self.calls if kind == target.kind)
            return Response(405, [("Allow", ", ".join(allow))])
        request.environ["pileus.rule"] = call.policy
        self._identify(request)
        if form_posts.is_form(request) and target.container:
            return form_posts.take(self.tools, request)
        if not temp_urls.admit(self.tools, request):
            if request.method in DELETES and "bulk-delete" in request.query:
                return bulk.delete_many(self.tools, request)
            visited = static_web.site(self.tools, request)
            if visited:
                return static_web.visit(self.tools, request, visited)
            operator = judge(self.tools, request, target, call.policy, call.acl)  # and not let in by an ACL
            request.owner = operator and self.tools.rights.allows("objectstore:account:update", request.caller, target)
        check(target)
        return call.handler(self.tools, request)

    def _identify(self, request: Request) -> None:
        """A token that is not valid makes its bearer a stranger, as Swift has it: a public container still answers."""
        token = request.header("X-Auth-Token") or request.header("X-Storage-Token")
        address = request.environ.get("REMOTE_ADDR", "")
        if not token:
            self.rates.count_anonymous(address)
            return
        self.rates.check_token(token, self.tools.authenticate, address)
        try:
            caller = request.environ["pileus.caller"] = self.tools.authenticate(token)
            request.environ["pileus.owner"] = caller.owner
            self.rates.count_caller(caller)
            if not ruled(caller, request.method, request.path):
                return
            request.caller = caller
        except Unauthorized:
            self.rates.count_refusal(address)
            return
        service = request.header("X-Service-Token")
        if service and request.caller:
            request.caller = replace(request.caller, service_roles=self._service_roles(service))

    def _service_roles(self, token: str) -> frozenset[str]:
        """A service token that is not valid adds nothing and takes nothing away."""
        try:
            return self.tools.authenticate(token).roles
        except Unauthorized:
            return frozenset()


def _close(body: Any) -> None:
    if hasattr(body, "close"):
        body.close()
