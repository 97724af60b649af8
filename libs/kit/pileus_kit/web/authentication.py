"""Who makes a request, and whether they make too many."""

from dataclasses import replace

from flask import current_app, g, request

from pileus_kit import audit
from pileus_kit.access_rules import covered
from pileus_kit.auth import Authenticator, Caller
from pileus_kit.errors import Unauthorized
from pileus_kit.rates import Rates


def authenticate() -> None:
    """Set the request's caller from its token. Raises Unauthorized or RateExceeded.

    A service that calls on a user's behalf sends the user's token and, as X-Service-Token, its own.
    """
    check_token: Authenticator = current_app.extensions["pileus_authenticate"]
    token = request.headers.get("X-Auth-Token", "")
    rates().check_token(token, check_token, request.remote_addr or "")
    caller = g.caller = check_token(token)
    if caller.access_rules is not None and not _is_covered(caller):
        raise Unauthorized()
    service_token = request.headers.get("X-Service-Token")
    if service_token:
        service = check_token(service_token)
        caller = replace(caller, service_roles=service.roles, service_user_id=service.user_id)
    request.environ["pileus.owner"] = caller.owner
    g.caller = caller
    rates().count_caller(caller)


def admit_anonymous(is_counted: bool) -> None:
    """Admit a request to a public route. Raises RateExceeded.

    One that changes something proves the client's identity in itself, as a login does, so it is refused to an address
    of which too many were refused. `is_counted` is False for routes that only our own hosts use, with a proof.
    """
    address = request.remote_addr or ""
    g.proves_identity = not is_counted or request.method not in audit.READS
    if is_counted:
        rates().count_anonymous(address)
    if g.proves_identity:
        rates().check_login(address)


def rates() -> Rates:
    """Return the bounds of this API process."""
    found: Rates = current_app.extensions["pileus_rates"]
    return found


def _is_covered(caller: Caller) -> bool:
    """Whether one of an application credential's access rules covers this request."""
    service_type = current_app.extensions["pileus_service_type"]
    return covered(caller.access_rules or (), service_type, request.method, request.path)
