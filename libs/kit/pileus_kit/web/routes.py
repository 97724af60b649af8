"""Routes: each says which policy rule guards it and what it accepts, or it can't be declared."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec
from flask import Blueprint, g, request

from pileus_kit.errors import BadRequest, NotFound, TooLarge
from pileus_kit.json_types import JsonObject
from pileus_kit.microversions import Version
from pileus_kit.schema import Checked, Schemas
from pileus_kit.web.authentication import admit_anonymous, authenticate
from pileus_kit.web.request import enforce

MAX_BODY_BYTES = 1 << 20
"""The size of a JSON body. Uploads are streams (`raw`), which their service bounds."""
NUL = re.compile(rb"(?<!\\)(\\\\)*\\u0000")
"""The character NUL as JSON writes it; PostgreSQL can't store a text with it."""
Handler = Callable[..., Any]


class HasPolicy(Protocol):
    """Something that a policy rule guards."""

    @property
    def policy(self) -> str:
        """The name of the rule."""
        ...


class Resource(Blueprint):
    """A noun of the API and its routes. Every route names its policy rule, or says why it is public."""

    def endpoint(  # type: ignore[override]  # noqa: PLR0913 -- keywords that a route is read by
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
        """Declare the decorated handler as a route.

        `policy` is the rule that guards it, checked against `target(**path)`, which reads the database; without one,
        against the caller's own scope. `public` says instead why it needs no token.

        `body` and `query` are JSON schemas, for each microversion or for all; the handler gets the checked `body`.
        With `raw` it reads the body itself. `since` and `until` are the microversions that have the route.

        `actions` is the table (`pileus_kit.actions`) that the handler resolves the body with. `counted` is False for a
        public route that only our own hosts use, with a proof in the request: it doesn't count against the rate of
        anonymous requests unless the proof is refused.
        """
        if (policy is None) == (public is None):
            raise TypeError(f"{method} {path}: say which policy rule guards it, or why it is public")
        checked_body, checked_query = body and Checked(body), query and Checked(query)

        def declare(handler: Handler) -> Handler:
            def view(**path_args: Any) -> Any:
                _admit(policy, counted)
                _check_version(since, until)
                if policy is not None:
                    enforce(policy, target(**path_args) if target else None)
                if checked_query:
                    checked_query.check({k: request.args.getlist(k) for k in request.args}, g.version, "query")
                if checked_body:
                    path_args["body"] = payload = _json_body()
                    checked_body.check(payload, g.version, "body")
                elif not raw and method != "GET":
                    _check_length()
                return handler(**path_args)

            name = f"{handler.__module__.rpartition('.')[2]}_{handler.__name__}_{len(self.deferred_functions)}"
            view.__name__, view.__doc__ = name, handler.__doc__
            view.about = {  # type: ignore[attr-defined]
                "policy": policy,
                "public": public,
                "since": since,
                "until": until,
                "handler": handler,
                "body": body,
                "query": query,
                "actions": actions,
            }
            self.add_url_rule(path, name, view, methods=[method], provide_automatic_options=False)
            return handler

        return declare


def _admit(policy: str | None, counted: bool) -> None:
    g.rule = policy or ""
    if policy is not None:
        authenticate()
    else:
        admit_anonymous(counted)


def _check_version(since: Version | None, until: Version | None) -> None:
    if (since and g.version < since) or (until and g.version > until):
        raise NotFound(why="The resource could not be found.")


def _check_length() -> None:
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise TooLarge(why=f"The body may have at most {MAX_BODY_BYTES} bytes.")


def _json_body() -> JsonObject:
    """Return the body, which a schema checks afterwards."""
    _check_length()
    data = request.stream.read(MAX_BODY_BYTES + 1)
    if len(data) > MAX_BODY_BYTES:
        raise TooLarge(why=f"The body may have at most {MAX_BODY_BYTES} bytes.")
    if NUL.search(data):
        raise BadRequest(why="The character NUL (\\u0000) can't be stored.")
    try:
        body: JsonObject = msgspec.json.decode(data)
    except msgspec.DecodeError as err:
        raise BadRequest(why=f"Malformed request body: {err}") from None
    except (UnicodeDecodeError, RecursionError):
        raise BadRequest(why="Malformed request body: it is not JSON") from None
    return body
