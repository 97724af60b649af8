"""Parses the query of `GET /servers`: filters, order and page."""

from flask import request

from pileus_compute.api.requests.listing import LISTING, TRUE_WORDS, changed_between, limit
from pileus_compute.api.schemas.server_lists import INTERNAL
from pileus_compute.core import server_lists
from pileus_compute.core.server_lists import ServerQuery
from pileus_compute.core.states import STABLE, TRANSITIONAL
from pileus_kit.errors import BadRequest, Forbidden
from pileus_kit.listing import SortKeys
from pileus_kit.microversions import Version
from pileus_kit.web import allowed, caller, enforce, version

ALL_FILTERS = "os_compute_api:servers:allow_all_filters"
FOR_EVERY_CALLER = {
    "name",
    "status",
    "image",
    "flavor",
    "ip",
    "ip6",
    "reservation_id",
    "tags",
    "tags-any",
    "not-tags",
    "not-tags-any",
    "locked",
    "key_name",
    "power_state",
    "vm_state",
    "task_state",
    "config_drive",
    "progress",
    "availability_zone",
    "description",
    "hostname",
    "user_id",
    "access_ip_v4",
    "access_ip_v6",
    "uuid",
}
"""The filters of callers who may not use all of them."""
SINCE: dict[str, Version] = dict.fromkeys(("tags", "tags-any", "not-tags", "not-tags-any"), (2, 26)) | {
    "locked": (2, 73)
}
"""Since when a filter counts. It is ignored before."""
SINCE_FOR_EVERY_CALLER: dict[str, Version] = {"ip6": (2, 5)} | dict.fromkeys(
    ("availability_zone", "config_drive", "key_name", "power_state", "task_state", "vm_state", "progress", "user_id"),
    (2, 83),
)
"""Since when a filter counts for callers who may not use all of them."""
ALIASES = {"display_name": "name", "display_description": "description", "image_ref": "image"}
NOT_FILTERS = {
    "limit",
    "marker",
    "sort_key",
    "sort_dir",
    "status",
    "all_tenants",
    "changes-since",
    "changes-before",
    "deleted",
    "project_id",
    "tenant_id",
    "soft_deleted",
}
NEWEST_FIRST: SortKeys = (("created_at", "desc"),)


def parse(rule: str) -> ServerQuery | None:
    """Return what the request asks for; None if nothing can match.

    `rule` is that of the list; a rule of its own guards the lists of all projects.
    """
    args = request.args
    project_id: str | None = caller().project_id or ""
    if _asks_for_all_projects():
        enforce(rule + ":get_all_tenants")
        project_id = args.get("project_id") or args.get("tenant_id")
    words = {word.upper() for word in args.getlist("status")}
    if "DELETED" in words and not allowed(ALL_FILTERS):
        raise Forbidden(rule=ALL_FILTERS)
    statuses = tuple(status for status in STABLE if status in words)
    flows = tuple(flow for flow, status in TRANSITIONAL.items() if status in words)
    if "DELETED" in words:
        statuses, flows = (), ()
    elif words and not statuses and not flows:
        if version() >= (2, 38):
            raise BadRequest(why="Invalid status value")
        return None
    since, before = changed_between()
    return ServerQuery(
        project_id=project_id,
        filters=_filters(),
        statuses=statuses,
        flows=flows,
        since=since,
        before=before,
        sorts=LISTING.sort(args, sortable=server_lists.SORTS, default=NEWEST_FIRST),
        marker=args.get("marker"),
        limit=limit(),
        deleted=True if "DELETED" in words else _deleted(changes=since is not None or before is not None),
    )


def _asks_for_all_projects() -> bool:
    word = request.args.get("all_tenants")
    return word is not None and (word == "" or LISTING.flag("all_tenants", word))


def _deleted(changes: bool) -> bool | None:
    """Return which servers are meant: existing ones (False), deleted ones (True), or, for changes, both (None)."""
    if "deleted" in request.args and allowed(ALL_FILTERS):
        return request.args["deleted"].lower() in TRUE_WORDS
    return None if changes else False


def _filters() -> dict[str, str]:
    """Return the filters that count for this caller. Others are ignored, and so are unknown parameters."""
    all_filters = allowed(ALL_FILTERS)
    found = {}
    for key, value in request.args.items():
        if key.startswith("_") or key in INTERNAL:
            raise BadRequest(why=f"Invalid filter field: {key}.")
        key = ALIASES.get(key, key)
        if key in NOT_FILTERS or key not in server_lists.FILTERS or version() < SINCE.get(key, (2, 1)):
            continue
        if all_filters or (key in FOR_EVERY_CALLER and version() >= SINCE_FOR_EVERY_CALLER.get(key, (2, 1))):
            found[key] = value.rpartition("/")[2] if key in ("image", "flavor") else value
    return found
