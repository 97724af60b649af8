"""Servers: create, list, show, update, delete."""

from collections.abc import Sequence
from typing import Any

from flask import request

from pileus_compute.api import server_requests, server_views
from pileus_compute.api.requests import (
    address,
    changed_between,
    find_server,
    limit_of,
    next_link,
    require_unlocked,
    server_target,
    target_of,
    visible_project,
)
from pileus_compute.api.schemas import truth
from pileus_compute.api.server_queries import INTERNAL, LIST
from pileus_compute.api.server_schemas import CREATE, UPDATE
from pileus_compute.api.server_views import Style
from pileus_compute.core import hosts, server_details, server_groups, server_lists, servers
from pileus_compute.core.server_details import Related
from pileus_compute.core.server_lists import Query
from pileus_compute.core.states import STABLE, TRANSITIONAL
from pileus_compute.db.models import DeletedServer, Host, Server
from pileus_kit.errors import BadRequest, Forbidden
from pileus_kit.web import Resource, allowed, caller, enforce, tools, version

resource = Resource("servers", __name__, url_prefix="/v2.1/servers")
RULE = "os_compute_api:servers:"

FOR_ALL = {
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
SINCE = {"tags": (2, 26), "tags-any": (2, 26), "not-tags": (2, 26), "not-tags-any": (2, 26), "locked": (2, 73)}
# what others than admins may filter by came with versions; before, it is passed over
SINCE_FOR_ALL = {"ip6": (2, 5)} | dict.fromkeys(
    ("availability_zone", "config_drive", "key_name", "power_state", "task_state", "vm_state", "progress", "user_id"),
    (2, 83),
)
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


# -- lists ---------------------------------------------------------------------------------------------------------


def _query(rule: str) -> Query | None:
    """None: nothing can match."""
    args = request.args
    project: str | None = caller().project_id or ""
    if "all_tenants" in args and _flag("all_tenants"):
        enforce(RULE + rule + ":get_all_tenants")
        project = args.get("project_id") or args.get("tenant_id")
    statuses, flows = _statuses(args.getlist("status"))
    if _asks_for_deleted():
        statuses, flows = (), ()
    elif args.getlist("status") and not statuses and not flows:
        if version() >= (2, 38):
            raise BadRequest(why="Invalid status value")
        return None
    since, before = changed_between()
    return Query(
        project,
        _filters(),
        statuses,
        flows,
        since,
        before,
        _sorts(),
        args.get("marker"),
        limit_of(),
        _deleted(since is not None or before is not None),
    )


def _asks_for_deleted() -> bool:
    return "DELETED" in {status.upper() for status in request.args.getlist("status")}


def _deleted(changes: bool) -> bool | None:
    """Which servers: those that are there, those that are gone (for admins), or whatever changed."""
    if _asks_for_deleted():
        return True
    if "deleted" in request.args and allowed("os_compute_api:servers:allow_all_filters"):
        return request.args["deleted"].lower() in ("true", "1", "t", "yes", "on", "y")
    return None if changes else False


def _flag(name: str) -> bool:
    given = request.args.get(name)
    if given is None:
        return False
    if given == "":
        return True
    if given.lower() in ("true", "1", "t", "yes", "on", "y"):
        return True
    if given.lower() in ("false", "0", "f", "no", "off", "n"):
        return False
    raise BadRequest(why=f"Invalid input for query parameters {name}. Value: {given}. It is not a boolean.")


def _statuses(asked: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where servers rest, and what may be going on with them."""
    wanted = {s.upper() for s in asked}
    if _asks_for_deleted() and not allowed("os_compute_api:servers:allow_all_filters"):
        raise Forbidden(rule="os_compute_api:servers:allow_all_filters")
    return tuple(s for s in STABLE if s in wanted), tuple(
        flow for flow, status in TRANSITIONAL.items() if status in wanted
    )


def _filters() -> dict[str, str]:
    """Unknown parameters are passed over, as they always were; those for admins too, for everybody else."""
    everything = allowed("os_compute_api:servers:allow_all_filters")
    known = (
        set(server_lists.EXACT)
        | set(server_lists.PATTERNS)
        | {
            "ip",
            "ip6",
            "tags",
            "tags-any",
            "not-tags",
            "not-tags-any",
            "config_drive",
            "locked",
            "vm_state",
            "power_state",
            "launch_index",
            "progress",
            "task_state",
            "locked_by",
            "kernel_id",
            "ramdisk_id",
            "auto_disk_config",
        }
    )
    found = {}
    for key, value in request.args.items():
        if key.startswith("_") or key in INTERNAL:
            raise BadRequest(why=f"Invalid filter field: {key}.")
        key = ALIASES.get(key, key)
        if key in NOT_FILTERS or key not in known or version() < SINCE.get(key, (2, 1)):
            continue
        if everything or (key in FOR_ALL and version() >= SINCE_FOR_ALL.get(key, (2, 1))):
            found[key] = value.rpartition("/")[2] if key in ("image", "flavor") else value
    return found


def _sorts() -> tuple[tuple[str, str], ...]:
    keys, directions = request.args.getlist("sort_key"), request.args.getlist("sort_dir")
    for direction in directions:
        if direction.lower() not in ("asc", "desc"):
            raise BadRequest(why=f"Invalid input for query parameters sort_dir. Value: {direction}.")
    if not keys:
        return (("created_at", directions[0].lower() if directions else "desc"),)
    pairs = []
    for index, key in enumerate(keys):
        if key not in server_lists.SORTS:
            raise BadRequest(why=f"Invalid input for query parameters sort_key. Value: {key}.")
        pairs.append((key, directions[index].lower() if index < len(directions) else "desc"))
    return tuple(pairs)


def _listed(view: list[Any], rows: Sequence[Server | DeletedServer], query: Query) -> dict[str, Any]:
    following = next_link(rows, query.limit, rows[-1].id if rows else None)
    return {"servers": view} | ({"servers_links": following} if following else {})


@resource.endpoint("GET", "", policy=RULE + "index", query=LIST)
def index() -> Any:
    query = _query("index")
    if query is None:
        return {"servers": []}
    style = Style.of_request()
    with tools().sessions.read() as session:
        rows = server_lists.page(session, query)
    return _listed([server_views.summary(s, style) for s in rows], rows, query)


@resource.endpoint("GET", "/detail", policy=RULE + "detail", query=LIST)
def detail() -> Any:
    query = _query("detail")
    if query is None:
        return {"servers": []}
    style = Style.of_request()
    with tools().sessions.read() as session:
        rows, related = server_lists.page_with_related(session, query, tags=version() >= (2, 26))
        health = _health(session) if style.host_status else {}
    views = [server_views.detail(s, related, style, health.get(s.host or "", "")) for s in rows]
    return _listed(views, rows, query)


def _health(session: Any) -> dict[str, str]:
    """Host -> `host_status`. A host that says nothing is UNKNOWN: only an administrator says that one is DOWN."""
    silence = tools().config.host_silence
    return {
        h.name: "DOWN"
        if h.forced_down
        else "MAINTENANCE"
        if h.disabled
        else "UP"
        if hosts.is_up(h, silence)
        else "UNKNOWN"
        for h in session.query(Host)
    }


# -- one -----------------------------------------------------------------------------------------------------------


def server_view(session: Any, server: Server) -> dict[str, Any]:
    """The full view of one server, read with the session at hand."""
    return _shown(session, server, server_details.load_related(session, [server], tags=version() >= (2, 26)))


def _shown(session: Any, server: Server, related: Related) -> dict[str, Any]:
    style = Style.of_request()
    health = _health(session).get(server.host or "", "") if style.host_status else None
    view = server_views.detail(server, related, style, health)
    if style.version >= (2, 71):
        view["server_groups"] = [server.group_id] if server.group_id else []
    return view


def changed(session: Any, server: Server) -> dict[str, Any]:
    """What an update or a rebuild answers: till 2.74 without the extensions' attributes."""
    view = server_view(session, server)
    if version() >= (2, 75):
        return view
    view["addresses"] = {
        label: [{"version": a["version"], "addr": a["addr"]} for a in rows] for label, rows in view["addresses"].items()
    }
    return {
        k: v
        for k, v in view.items()
        if not k.startswith(("OS-EXT", "OS-SRV", "os-ext"))
        and k not in ("key_name", "config_drive", "security_groups", "host_status", "server_groups")
    }


@resource.endpoint("GET", "/<server_id>", policy=RULE + "show")
def show(server_id: str) -> Any:
    with tools().sessions.read() as session:
        server, related = server_details.get_detail(session, server_id, visible_project())
        enforce(RULE + "show", target_of(server))
        return {"server": _shown(session, server, related)}


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE)
def create(body: dict[str, Any]) -> Any:
    asked = body["server"]
    if asked.get("block_device_mapping_v2") or asked.get("block_device_mapping"):
        enforce(RULE + "create:attach_volume")
    if isinstance(asked.get("networks"), list):
        enforce(RULE + "create:attach_network")
    if asked.get("trusted_image_certificates"):
        enforce(RULE + "create:trusted_certs")
    wish, secret = server_requests.parse(body)
    with tools().sessions.begin() as session:
        if wish.columns.get("group_id"):
            server_groups.find(session, wish.columns["group_id"])
        made = servers.create(session, wish, caller())
        first = made[0][0]
        jobs = [job.id for _, job in made]
        style = Style.of_request()
        view = {
            "id": first.id,
            "links": server_views.summary(first, style)["links"],
            "OS-DCF:diskConfig": first.disk_config,
            "security_groups": asked.get("security_groups", [{"name": "default"}]),
            "adminPass": secret,
        }
        reservation = first.reservation_id
    for job_id in jobs:
        tools().ring(job_id)  # a lost ring costs one poll interval, never the server
    if truth(body["server"].get("return_reservation_id", False)):
        return {"reservation_id": reservation}, 202
    return {"server": view}, 202, {"Location": view["links"][0]["href"]}


@resource.endpoint("PUT", "/<server_id>", policy=RULE + "update", body=UPDATE, target=server_target)
def update(server_id: str, body: dict[str, Any]) -> Any:
    wish = body["server"]
    columns = {
        "name": "name",
        "description": "description",
        "OS-DCF:diskConfig": "disk_config",
        "hostname": "hostname",
        "accessIPv4": "access_ip_v4",
        "accessIPv6": "access_ip_v6",
    }
    with tools().sessions.begin() as session:
        server = require_unlocked(find_server(session, server_id))
        for key, value in wish.items():
            setattr(server, columns[key], _stored(key, value))
        session.flush()
        return {"server": changed(session, server)}


def _stored(key: str, value: Any) -> Any:
    if key == "name":
        return value.strip()
    return address(value) if key.startswith("accessIP") else value or None


@resource.endpoint("DELETE", "/<server_id>", policy=RULE + "delete", target=server_target)
def delete(server_id: str) -> Any:
    with tools().sessions.begin() as session:
        server = require_unlocked(find_server(session, server_id))
        job = servers.request_delete(session, server, caller())
    if job:
        tools().ring(job.id)
    return "", 204
