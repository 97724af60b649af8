"""The bodies of errors: JSON for clients that ask for it, else the HTML that older image clients read."""

from html import escape
from http import HTTPStatus

from flask import has_request_context, request

from pileus_kit.errors import CloudError
from pileus_kit.json_types import JsonObject


def view(err: CloudError | None, status: int, message: str) -> tuple[JsonObject | str, str]:
    """Return the body of an error, and its media type. The server itself refuses some requests before they are read."""
    phrase = HTTPStatus(status).phrase
    kinds = ("text/html", "application/json")
    if has_request_context() and request.accept_mimetypes.best_match(kinds) == "application/json":
        return {"message": message, "code": f"{status} {phrase}", "title": phrase}, "application/json"
    title = f"{status} {phrase}"
    page = (
        f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n"
        f"  {escape(message)}<br /><br />\n\n\n </body>\n</html>"
    )
    return page, "text/html; charset=UTF-8"
