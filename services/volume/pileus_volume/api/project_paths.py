"""Paths with and without a project: `/v3/{project_id}/volumes` means `/v3/volumes`, and is rewritten before routing.

The project in the path adds nothing to the scope of the token, so the two are only compared (as in Cinder, 400 if they
differ). A service, which goes on with work for users who have gone, acts for the project that it names.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any

from flask import Flask, g, request

from pileus_kit.errors import BadRequest
from pileus_kit.json_types import Answer
from pileus_kit.web import Handler, caller
from pileus_kit.web import Resource as KitResource

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

KEY = "pileus.project"
PROJECT = re.compile(r"/v3/([^/]+)(/.+)")


class WrongProject(BadRequest):
    text = "Malformed request url"


class Resource(KitResource):
    """A noun of the API, whose paths may have a project."""

    def endpoint(self, method: str, path: str, **terms: Any) -> Callable[[Handler], Handler]:  # type: ignore[override]
        declare = super().endpoint(method, path, **terms)

        def wrap(handler: Handler) -> Handler:
            @wraps(handler)
            def checked(**arguments: Any) -> Answer:
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
    """WSGI middleware that takes the project out of the path: it stands before a noun and is none itself."""

    def __init__(self, app: "WSGIApplication", nouns: Iterable[str]) -> None:
        self._app, self._nouns = app, frozenset(nouns)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        found = PROJECT.fullmatch(environ.get("PATH_INFO", ""))
        if found and found[1] not in self._nouns and found[2].split("/")[1] in self._nouns:
            environ["PATH_INFO"], environ[KEY] = "/v3" + found[2], found[1]
        return self._app(environ, start_response)


def install(app: Flask) -> None:
    """Let the application understand both forms of its paths. A path that ends in place of an id is not found."""
    for rule in app.url_map.iter_rules():
        rule.strict_slashes = rule.rule != "/v3/"
    nouns = {rule.rule.split("/")[2] for rule in app.url_map.iter_rules() if rule.rule.startswith("/v3/")}
    app.wsgi_app = ProjectPaths(app.wsgi_app, nouns - {""})  # type: ignore[method-assign]


def base_url() -> str:
    """The address before the nouns in links of answers: with the project, as in the catalogue."""
    return f"{request.url_root}v3/{caller().project_id}"
