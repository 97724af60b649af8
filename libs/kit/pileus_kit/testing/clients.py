"""HTTP into an app in this process: as a client (`Client`), or as another service (`routed_peers`)."""

import io
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse
from werkzeug.test import Client as WerkzeugClient
from werkzeug.test import TestResponse

from pileus_kit.auth import Caller
from pileus_kit.config import ServiceConfig
from pileus_kit.errors import PeerDown
from pileus_kit.peers import Peers
from pileus_kit.testing.callers import make_caller


class Client:
    """Sends requests: `client.get("/v2.1/servers", as_=book.member, version="2.79")`.

    `as_` is a caller or a token; without it the client's own caller is used, and with `anonymous` none.
    """

    def __init__(self, app: Flask, service: str = "", as_: Caller | None = None) -> None:
        self._http, self.app, self._service, self._as = WerkzeugClient(app), app, service, as_

    def request(
        self,
        method: str,
        path: str,
        *,
        as_: Caller | str | None = None,
        anonymous: bool = False,
        version: str | None = None,
        headers: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> TestResponse:
        sender = as_ if as_ is not None else self._as
        given = dict(headers or {})
        if sender is not None and not anonymous:
            given.setdefault("X-Auth-Token", sender if isinstance(sender, str) else sender.token)
        if version:
            given["OpenStack-API-Version"] = f"{self._service} {version}"
        return self._http.open(path, method=method, headers=given, **kwargs)

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.request("GET", path, **kwargs)

    def head(self, path: str, **kwargs: Any) -> TestResponse:
        return self.request("HEAD", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> TestResponse:
        return self.request("POST", path, **kwargs)

    def put(self, path: str, **kwargs: Any) -> TestResponse:
        return self.request("PUT", path, **kwargs)

    def patch(self, path: str, **kwargs: Any) -> TestResponse:
        return self.request("PATCH", path, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> TestResponse:
        return self.request("DELETE", path, **kwargs)


class WsgiAdapter(BaseAdapter):
    """Sends a call of the library requests into a WSGI app of this process instead of over the network."""

    def __init__(self, app: Any) -> None:
        super().__init__()
        self._client = WerkzeugClient(app)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        body: Any = request.body
        if body is not None and not isinstance(body, bytes | str):
            body = body.read() if hasattr(body, "read") else b"".join(body)
        headers = {
            k: v if isinstance(v, str) else v.decode()
            for k, v in request.headers.items()
            if k.lower() != "transfer-encoding"
        }
        answer = self._client.open(
            parts.path,
            method=request.method or "GET",
            query_string=parts.query,
            base_url=f"{parts.scheme}://{parts.netloc}",
            headers=headers,
            data=body,
        )
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status_code, str(request.url), request
        response.reason = HTTPStatus(answer.status_code).phrase
        response.headers.update(dict(answer.headers))
        response.raw = HTTPResponse(
            io.BytesIO(answer.get_data()),
            headers=dict(answer.headers),
            status=answer.status_code,
            preload_content=False,
            request_method=request.method,
        )
        return response

    def close(self) -> None:
        pass


class RoutedPeers(Peers):
    """Peers whose endpoints are apps of this process."""

    def __init__(self, apps: Mapping[str, Any], token: str) -> None:
        super().__init__(ServiceConfig(), {f"http://{name}.test": WsgiAdapter(app) for name, app in apps.items()})
        self._names, self._own = frozenset(apps), token

    def token(self) -> str:
        return self._own

    def me(self) -> Caller:
        return make_caller("service", "service", project="service")

    def endpoint(self, service: str) -> str:
        if service not in self._names:
            raise PeerDown(service=service, why="the catalogue doesn't offer it")
        return f"http://{service}.test"


def routed_peers(apps: Mapping[str, Any], token: str = "token-service") -> Peers:
    """Return peers for tests: {"image": flask app, …}. Calls without a caller carry `token`."""
    return RoutedPeers(apps, token)
