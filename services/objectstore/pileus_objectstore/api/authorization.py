"""Who sends a request, and whether they may make this call."""

from dataclasses import replace

from pileus_kit.access_rules import covered
from pileus_kit.auth import Caller
from pileus_kit.errors import Unauthorized
from pileus_kit.rates import Rates
from pileus_objectstore.api import object_versions
from pileus_objectstore.api.http import Request
from pileus_objectstore.api.routes import Call
from pileus_objectstore.core.tools import Tools


def identify(tools: Tools, rates: Rates, request: Request) -> None:
    """Find the caller. As in Swift, an invalid token makes its bearer anonymous: public containers still answer."""
    request.access.caller = _caller(tools, rates, request)


def authorize(tools: Tools, request: Request, call: Call) -> None:
    """Raise Unauthorized or Forbidden unless policy or ACL allows the call. Owners are shown keys and ACLs later."""
    version = "" if call.ignores_version else object_versions.named(request)
    request.owner = request.access.require(call.action, request.target, version) and request.access.owns(request.target)


def _caller(tools: Tools, rates: Rates, request: Request) -> Caller | None:
    """The bearer of a valid token; None without one, or if the access rules of their credential exclude the call."""
    environ = request.environ
    token = request.header("X-Auth-Token") or request.header("X-Storage-Token")
    address = environ.get("REMOTE_ADDR", "")
    if not token:
        rates.count_anonymous(address)
        return None
    rates.check_token(token, tools.authenticate, address)
    try:
        caller = environ["pileus.caller"] = tools.authenticate(token)
    except Unauthorized:
        rates.count_refusal(address)
        return None
    environ["pileus.owner"] = caller.owner
    rates.count_caller(caller)
    rules = caller.access_rules  # None: the token was not issued to an application credential with rules
    if rules is not None and not covered(rules, "object-store", request.method, request.path):
        return None
    service = request.header("X-Service-Token")
    return replace(caller, service_roles=_service_roles(tools, service)) if service else caller


def _service_roles(tools: Tools, token: str) -> frozenset[str]:
    """A service token that is not valid adds nothing and takes nothing away."""
    try:
        return tools.authenticate(token).roles
    except Unauthorized:
        return frozenset()
