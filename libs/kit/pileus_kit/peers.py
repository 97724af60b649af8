"""Calls to the other services over their public APIs: with this service's own token and, on a user's behalf, the user's
token as well (X-Service-Token). Connections are kept (`pileus_kit.kept_connections`).

Only a service's `clients/` call peers. Why this is not keystoneauth: docs/decisions/0018.
"""

import logging
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import requests
from requests.adapters import BaseAdapter

from pileus_kit import context
from pileus_kit.auth import Caller, KeystoneAuthenticator, caller_of
from pileus_kit.bulkheads import Bulkhead
from pileus_kit.config import ServiceConfig
from pileus_kit.errors import CloudError, PeerDown, Transient, Unauthorized
from pileus_kit.spans import span

log = logging.getLogger(__name__)

Timeout = tuple[float, float]
"""Seconds to connect, and seconds between two pieces of the answer."""
TIMEOUT: Timeout = (3.05, 60)
TOKEN_TIMEOUT: Timeout = (3.05, 10)
"""For identity's answer about a token, which a request waits for."""
REVOCATIONS_TIMEOUT: Timeout = (1.0, 4.0)
"""For identity's answer about revocations, which every request waits for once a second."""
LOGIN_PAUSE_S = 0.8
"""How long a login that failed counts for every request that waits for one."""
RENEW_BEFORE_S = 60
"""How long before its end our own token is renewed."""
MAX_SENTENCE_CHARACTERS = 500
SERVICE_TYPES = {"volume": ("block-storage", "volumev3"), "objectstore": ("object-store",)}


class PeerRefused(CloudError):
    """Another service refused the call. The error keeps that service's status and sentence."""

    text = "{why}"

    def __init__(self, service: str, status: int, why: str) -> None:
        self.service, self.status = service, status
        super().__init__(why=why)


class PeerFailed(PeerRefused, Transient):
    """Another service answered that it failed, for a moment or because of a bug. A flow tries again within its step's
    patience."""

    def __init__(self, service: str, why: str) -> None:
        super().__init__(service, Transient.status, PeerDown.text.format(service=service, why=why))


class Peers:
    """The other services, called as this service's own user or on behalf of a caller."""

    def __init__(self, config: ServiceConfig, adapters: Mapping[str, BaseAdapter] | None = None) -> None:
        """`adapters` maps beginnings of URLs to transports of requests other than HTTP; for tests."""
        self._config = config
        self._http = config.certificates.open_session(config.threads)
        for prefix, adapter in (adapters or {}).items():
            self._http.mount(prefix, adapter)
        self._lock = threading.Lock()
        self._token, self._expires = "", 0.0
        self._me: Caller | None = None
        self._refused = -LOGIN_PAUSE_S  # when a login failed (monotonic)
        self._bulkhead = Bulkhead(max(2, config.threads // 2))
        self._endpoints: dict[str, str] = {}

    # -- calls -----------------------------------------------------------------------------------------------------

    def call(  # noqa: PLR0913 -- keywords
        self,
        service: str,
        method: str,
        path: str,
        *,
        caller: Caller | None = None,
        json: Any = None,
        microversion: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: Timeout = TIMEOUT,
    ) -> Any:
        """Return the JSON that `service` answers, None for an empty body. Raises PeerRefused or PeerDown."""
        response = self.send(
            service, method, path, caller=caller, json=json, microversion=microversion, headers=headers, timeout=timeout
        )
        return msgspec.json.decode(response.content) if response.content else None

    def send(  # noqa: PLR0913 -- keywords
        self,
        service: str,
        method: str,
        path: str,
        *,
        caller: Caller | None = None,
        json: Any = None,
        microversion: str | None = None,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        stream: bool = False,
        timeout: Timeout = TIMEOUT,
    ) -> requests.Response:
        """Return the response itself; `data` and `stream` are for bytes. Raises PeerRefused or PeerDown."""
        if not {".", ".."}.isdisjoint(path.partition("?")[0].split("/")):  # an id in it would lead to another resource
            raise PeerRefused(service, 404, "The resource could not be found.")
        for is_last in (False, True):
            own = self.token()
            given = self._headers(service, own, caller, microversion) | dict(headers or {})
            if json is not None:
                data, given["Content-Type"] = msgspec.json.encode(json), "application/json"
            response = self._send(service, method, self.endpoint(service) + path, given, data, stream, timeout)
            if response.status_code == 401 and not is_last and (data is None or isinstance(data, bytes)):
                self._drop(own)  # our own token was revoked: log in and try once more
                continue
            if response.status_code >= 400:
                raise _refusal(service, response)
            return response
        raise AssertionError("unreachable")

    def _send(
        self,
        service: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        data: Any,
        stream: bool = False,
        timeout: Timeout = TIMEOUT,
    ) -> requests.Response:
        try:
            with (
                self._bulkhead.call(service),
                span(f"{method} {url.partition('?')[0].split('/', 3)[-1]}", where=service),
            ):
                return self._http.request(
                    method, url, headers=headers, data=data, stream=stream, timeout=timeout, allow_redirects=False
                )
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as err:
            with self._lock:
                self._endpoints.pop(service, None)  # it may be at another address now
            log.warning("%s %s: %s", method, url.partition("?")[0], type(err).__name__)
            raise PeerDown(service=service, why="it can't be reached") from err
        except requests.Timeout as err:
            log.warning("%s %s: no answer in time", method, url.partition("?")[0])
            raise PeerDown(service=service, why="it did not answer in time") from err

    def _headers(self, service: str, own: str, caller: Caller | None, microversion: str | None) -> dict[str, str]:
        headers = {
            "X-Auth-Token": caller.token if caller else own,
            "Accept": "application/json",
            "X-OpenStack-Request-ID": context.request_id.get() or context.new_request_id(),
        }
        if caller:
            headers["X-Service-Token"] = own
        if microversion:
            headers["OpenStack-API-Version"] = f"{service} {microversion}"
        return headers

    # -- our own token, the catalogue ------------------------------------------------------------------------------

    def token(self) -> str:
        """Return a token of this service's user in project `service`, renewed a minute before it ends."""
        arrived = time.monotonic()
        with self._lock:
            if time.time() > self._expires - RENEW_BEFORE_S:
                if arrived - self._refused < LOGIN_PAUSE_S:
                    raise PeerDown(service="identity", why="this service could not log in a moment ago")
                self._log_in()
            return self._token

    def me(self) -> Caller:
        """Return this service's own user and project."""
        self.token()
        assert self._me is not None
        return self._me

    def _drop(self, token: str) -> None:
        with self._lock:
            if token == self._token:
                self._expires = 0.0

    def _log_in(self) -> None:
        user = {
            "name": self._config.service_user,
            "domain": {"id": "default"},
            "password": self._config.service_password,
        }
        request = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"name": "service", "domain": {"id": "default"}}},
            }
        }
        try:
            response = self._http.post(
                f"{self._config.identity_url}/auth/tokens",
                data=msgspec.json.encode(request),
                headers={"Content-Type": "application/json"},
                timeout=TOKEN_TIMEOUT,
            )
        except requests.RequestException as err:
            self._refused = time.monotonic()
            raise PeerDown(service="identity", why="it can't be reached") from err
        if response.status_code != 201:
            raise PeerDown(service="identity", why=f"it refuses {self._config.service_user} ({response.status_code})")
        view = msgspec.json.decode(response.content)["token"]
        self._token = response.headers["X-Subject-Token"]
        self._me = caller_of(self._token, view)
        self._expires = self._me.expires_at
        self._endpoints = self._roots(view.get("catalog", ()))

    def _roots(self, catalog: Any) -> dict[str, str]:
        """Return scheme://host:port of each service type's internal endpoint in our region, or of its public one."""
        roots = {}
        for entry in catalog:
            urls = {e["interface"]: e["url"] for e in entry["endpoints"] if e["region"] == self._config.region}
            url = urls.get("internal") or urls.get("public")
            if url:
                roots[entry["type"]] = "/".join(url.split("/")[:3])
        return roots

    def endpoint(self, service: str) -> str:
        """Return scheme://host:port of `service`, a type of the catalogue or our name for one. Raises PeerDown."""
        if service == "identity":
            return "/".join(self._config.identity_url.split("/")[:3])
        for is_last in (False, True):
            for kind in SERVICE_TYPES.get(service, (service,)):
                if kind in self._endpoints:
                    return self._endpoints[kind]
            if not is_last:
                with self._lock:
                    self._log_in()
        raise PeerDown(service=service, why="the catalogue doesn't offer it")

    # -- tokens of others ------------------------------------------------------------------------------------------

    def authenticator(self) -> KeystoneAuthenticator:
        """Return what checks callers' tokens through identity."""
        return KeystoneAuthenticator(self._validate, self._revoked)

    def _validate(self, token: str) -> Mapping[str, Any]:
        try:
            answer = self.call(
                "identity",
                "GET",
                "/v3/auth/tokens?nocatalog=1",
                timeout=TOKEN_TIMEOUT,
                headers={"X-Subject-Token": token, "OpenStack-Identity-Access-Rules": "1"},  # kit.web enforces them
            )
        except PeerRefused as err:
            if err.status in (400, 401, 404):
                raise Unauthorized() from None
            raise
        return answer["token"]

    def _revoked(self, since: int) -> Mapping[str, Any]:
        return self.call("identity", "GET", f"/v3/OS-PILEUS/revocations?since={since}", timeout=REVOCATIONS_TIMEOUT)


def _refusal(service: str, response: requests.Response) -> CloudError:
    why = _sentence(response)
    if response.status_code in (502, 503, 504):
        return PeerDown(service=service, why=why)
    if response.status_code >= 500 and response.status_code != HTTPStatus.NOT_IMPLEMENTED:
        log.warning("%s answered %d: %s", service, response.status_code, why)
        return PeerFailed(service, why)
    return PeerRefused(service, response.status_code, why)


def _sentence(response: requests.Response) -> str:
    """Return the message of an error in any of the services' shapes."""
    try:
        body = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return response.text[:MAX_SENTENCE_CHARACTERS] or response.reason
    while isinstance(body, dict) and body:
        if isinstance(body.get("message"), str):
            return str(body["message"])
        body = next((v for v in body.values() if isinstance(v, dict | str)), "")
    return str(body)[:MAX_SENTENCE_CHARACTERS] or response.reason
