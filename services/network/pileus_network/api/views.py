"""The parts that the views of all resources share."""

import re
from datetime import datetime

from flask import request

from pileus_kit.json_types import JsonObject
from pileus_kit.numbers import parse_whole_number
from pileus_network.db.models import StandardAttributes
from pileus_network.errors import HTTPBadRequest, RevisionNumberConstraintFailed

NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)


def format_time(when: datetime) -> str:
    """Times are shown as OpenStack Networking does: whole seconds in UTC."""
    return when.isoformat(timespec="seconds")[:19] + "Z"


def show_standard_attributes(row: StandardAttributes) -> JsonObject:
    return {
        "id": row.id,
        "project_id": row.project_id,
        "tenant_id": row.project_id,
        "description": row.description,
        "created_at": format_time(row.created_at),
        "updated_at": format_time(row.updated_at),
        "revision_number": row.revision_number,
    }


def check_revision(row: StandardAttributes) -> None:
    """Raise RevisionNumberConstraintFailed if `If-Match: revision_number=N` names another revision than the current
    one.
    """
    condition = request.headers.get("If-Match")
    if condition is None:
        return
    name, _, text = condition.partition("=")
    if name.strip() != "revision_number" or not NUMBER.fullmatch(text):
        raise HTTPBadRequest(why="Revision number precondition in If-Match header is malformed")
    if parse_whole_number(text.strip().removeprefix("+")) != row.revision_number:
        raise RevisionNumberConstraintFailed(expected=text.strip()[:20], current=row.revision_number)
