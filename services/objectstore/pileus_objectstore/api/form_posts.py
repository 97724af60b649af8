"""Uploads from a web page's form, signed with a temporary-URL key: first the fields, then the files.

The signature is over `path \\n redirect \\n max_file_size \\n max_file_count \\n expires`.
"""

import hmac
from urllib.parse import quote

from pileus_kit.errors import BadRequest, CloudError, TooLarge, Unauthorized
from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.api.metadata_headers import delete_at
from pileus_objectstore.api.multipart_forms import Part, Parts
from pileus_objectstore.api.temp_urls import DIGESTS, signing_keys
from pileus_objectstore.core import objects
from pileus_objectstore.core.access import CREATE_OBJECT
from pileus_objectstore.core.names import Target, check
from pileus_objectstore.core.requests import PutRequest
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.errors import ObjectTooLarge

MAX_FIELDS = 50
SIGNED_FIELDS = ("redirect", "max_file_size", "max_file_count", "expires")


class FormRefused(Unauthorized):
    """The form is not signed, or its time has passed."""

    text = "FormPost: {why}"


def is_form(request: Request) -> bool:
    """Whether a POST is an upload from a form."""
    return request.header("Content-Type").lower().startswith("multipart/form-data")


def create(tools: Tools, request: Request) -> Response:
    """Store the form's files below the path. The signature is checked before the first file is read."""
    fields: dict[str, str] = {}  # those before the first file: they are signed, later ones are ignored
    count = 0
    try:
        for part in Parts(request.reader(), request.header("Content-Type")):
            if part.filename is None:
                if not count:
                    _add_field(fields, part)
                continue
            if not count:
                _check_signature(tools, request, fields)
            count += 1
            if count > _number(fields, "max_file_count"):
                raise BadRequest(why="max file count exceeded")
            _store(tools, request, part, fields)
        if not count:
            raise BadRequest(why="no files to process")
    except CloudError as e:
        if not fields.get("redirect") or not count:
            raise
        return _finished(fields, e.status, str(e))
    return _finished(fields, 201, "")


def _add_field(fields: dict[str, str], part: Part) -> None:
    if len(fields) >= MAX_FIELDS:
        raise BadRequest(why="too many fields")
    fields[part.name.lower()] = part.text()


def _check_signature(tools: Tools, request: Request, fields: dict[str, str]) -> None:
    if (parse_whole_number(fields.get("expires")) or 0) < tools.now():
        raise FormRefused(why="Form Expired")
    signature = fields.get("signature", "").lower()
    digest = DIGESTS.get(len(signature), "")
    text = "\n".join([request.path, *(fields.get(name, "") for name in SIGNED_FIELDS)]).encode()
    for fresh in (False, True):
        for key, _ in signing_keys(tools, request.target, fresh) if digest else ():
            if hmac.compare_digest(hmac.new(key.encode(), text, digest).hexdigest().encode(), signature.encode()):
                return
    raise FormRefused(why="Invalid Signature")


def _store(tools: Tools, request: Request, part: Part, fields: dict[str, str]) -> None:
    base = request.target
    target = Target(base.account, base.container, base.object + (part.filename or ""))
    if not target.object:
        raise BadRequest(why="a file without a name")
    check(target)
    request.access.signed_for = base
    request.access.refuse_denied(CREATE_OBJECT, target)
    put = PutRequest(
        target,
        part.read,
        -1,
        {"Content-Type": part.media},
        delete_at=delete_at(tools.now, fields.get("x_delete_after", ""), fields.get("x_delete_at", "")),
        max_bytes=_number(fields, "max_file_size"),
        event="Post",
    )
    try:
        objects.put(tools, request.access, put)
    except ObjectTooLarge:
        raise TooLarge(why="max_file_size exceeded") from None


def _number(fields: dict[str, str], name: str) -> int:
    number = parse_whole_number(fields.get(name))
    if number is None:
        raise BadRequest(why=f"{name} not an integer")
    return number


def _finished(fields: dict[str, str], status: int, message: str) -> Response:
    """The answer, or a redirection to the page that the form names, with status and message in the URL."""
    redirect = fields.get("redirect")
    if not redirect:
        return Response(status)
    if not redirect.isprintable():
        raise BadRequest(why="redirect is not a URL")
    mark = "&" if "?" in redirect else "?"
    return Response(303, [("Location", f"{redirect}{mark}status={status}&message={quote(message)}")])
