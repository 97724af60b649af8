"""`/v3/{project_id}/volumes` and `/v3/volumes` are one place: the project is taken out of the path before routing.

It adds nothing to a token's own scope, so it is only compared with it (Cinder: 400 when they differ). A service, which
acts for its users after they have gone, acts for the project that it names.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import wraps
from typing import Any

from flask import Flask, g, request

from pileus_kit.errors import BadRequest
from pileus_kit.web import Handler, caller
from pileus_kit.web import Resource as KitResource

KEY = "pileus.project"
PROJECT = re.compile(r"/v3/([^/]+)(/.+)")


class WrongProject(BadRequest):
    text = "Malformed request url"


class Resource(KitResource):
    """A noun under a project."""

    def endpoint(self, method: str, path: str, **terms: Any) -> Callable[[Handler], Handler]:  # type: ignore[override]
        declare = super().endpoint(method, path, **terms)

        def wrap(handler: Handler) -> Handler:
            @wraps(handler)
            def checked(**arguments: Any) -> Any:
                named = request.environ.get(KEY)
                if named is not None and named != caller().project_id:
                    if "service" not in caller().roles:
                        raise WrongProject()
                    g.caller = replace(caller(), project_id=named)
                return handler(**arguments)

            declare(checked)
            return handler

        return wrap


class ProjectPaths:
    """WSGI middleware. What is no noun of the API, before one, is a project."""

    def __init__(self, app: Callable[..., Any], nouns: Iterable[str]) -> None:
        self._app, self._nouns = app, frozenset(nouns)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        found = PROJECT.fullmatch(environ.get("PATH_INFO", ""))
        if found and found[1] not in self._nouns and found[2].split("/")[1] in self._nouns:
            environ["PATH_INFO"], environ[KEY] = "/v3" + found[2], found[1]
        return self._app(environ, start_response)


def install(app: Flask) -> None:
    """Understand both forms of every path that the app has. A path that ends where an id should be is no path."""
    for rule in app.url_map.iter_rules():
        rule.strict_slashes = rule.rule != "/v3/"
    nouns = {rule.rule.split("/")[2] for rule in app.url_map.iter_rules() if rule.rule.startswith("/v3/")}
    app.wsgi_app = ProjectPaths(app.wsgi_app, nouns - {""})  # type: ignore[method-assign]


def base_url() -> str:
    """Of links in answers: with the project, as the catalogue has it."""
    return f"{request.host_url}v3/{caller().project_id}"
