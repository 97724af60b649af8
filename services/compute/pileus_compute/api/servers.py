"""`/servers`: create, list, show, update and delete."""

from collections.abc import Sequence

from pileus_compute.api.requests import boot_sources, requested_networks, server_filters, server_requests
from pileus_compute.api.requests.listing import links_to_next
from pileus_compute.api.requests.server_access import find_unlocked, server_target, target_of, visible_project
from pileus_compute.api.schemas.server_lists import LIST
from pileus_compute.api.schemas.servers import CREATE, UPDATE
from pileus_compute.api.schemas.types import is_true, shortest_address
from pileus_compute.api.tools import tools
from pileus_compute.api.views import servers as views
from pileus_compute.api.views.servers import Style
from pileus_compute.core import hosts, server_details, server_lists, servers
from pileus_compute.core.server_details import Related
from pileus_compute.core.server_lists import ServerQuery
from pileus_compute.db.models import DeletedServer, Server
from pileus_kit.db import Session
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller, enforce, version

resource = Resource("servers", __name__, url_prefix="/v2.1/servers")
RULE = "os_compute_api:servers:"
COLUMNS = {
    "name": "name",
    "description": "description",
    "OS-DCF:diskConfig": "disk_config",
    "hostname": "hostname",
    "accessIPv4": "access_ip_v4",
    "accessIPv6": "access_ip_v6",
}
"""The columns that `PUT /servers/ID` changes, by attribute."""


# -- lists ---------------------------------------------------------------------------------------------------------


def _listed(shown: list[JsonObject], rows: Sequence[Server | DeletedServer], query: ServerQuery) -> JsonObject:
    return {"servers": shown} | links_to_next("servers_links", rows, query.limit, rows[-1].id if rows else None)


@resource.endpoint("GET", "", policy=RULE + "index", query=LIST)
def index() -> Answer:
    query = server_filters.parse(RULE + "index")
    if query is None:
        return {"servers": []}
    style = Style.of_request()
    with tools().sessions.read() as session:
        rows = server_lists.list_servers(session, query)
    return _listed([views.server_summary(s, style) for s in rows], rows, query)


@resource.endpoint("GET", "/detail", policy=RULE + "detail", query=LIST)
def detail() -> Answer:
    query = server_filters.parse(RULE + "detail")
    if query is None:
        return {"servers": []}
    style = Style.of_request()
    with tools().sessions.read() as session:
        rows, related = server_lists.list_with_related(session, query, tags=version() >= (2, 26))
        statuses = _host_statuses(session, style)
    return _listed([views.server_view(s, related, style, statuses.get(s.host or "", "")) for s in rows], rows, query)


def _host_statuses(session: Session, style: Style) -> dict[str, str]:
    return hosts.status_by_host(session, tools().config.host_silence_s) if style.host_status else {}


# -- one server ----------------------------------------------------------------------------------------------------


def _view(session: Session, server: Server, related: Related) -> JsonObject:
    style = Style.of_request()
    view = views.server_view(server, related, style, _host_statuses(session, style).get(server.host or "", ""))
    if style.version >= (2, 71):
        view["server_groups"] = [server.group_id] if server.group_id else []
    return view


def updated_view(session: Session, server: Server) -> JsonObject:
    """Return what an update or a rebuild answers: until 2.74 without the attributes of extensions."""
    view = _view(session, server, server_details.load_related(session, [server], tags=version() >= (2, 26)))
    return view if version() >= (2, 75) else views.without_extensions(view)


@resource.endpoint("GET", "/<server_id>", policy=RULE + "show")
def show(server_id: str) -> Answer:
    with tools().sessions.read() as session:
        server, related = server_details.get_detail(session, server_id, visible_project())
        enforce(RULE + "show", target_of(server))
        return {"server": _view(session, server, related)}


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE)
def create(body: JsonObject) -> Answer:
    """Look up what the request names with the user's rights, record the servers and their jobs, wake the workers."""
    asked = body["server"]
    request = server_requests.parse(body)
    source = boot_sources.find(request.image_id, request.block_devices)
    networks = requested_networks.find(
        server_requests.parse_networks(asked), server_requests.parse_group_names(asked), request.max_count
    )
    with tools().sessions.begin() as session:
        made = servers.create(
            session, request, source, networks, caller=caller(), default_zone=tools().config.default_zone
        )
        first, job_ids = made[0][0], [job.id for _, job in made]
        groups = asked.get("security_groups", [{"name": requested_networks.DEFAULT_GROUP}])
        view = views.created_view(first, Style.of_request(), groups, request.admin_password)
        reservation_id = first.reservation_id
    for job_id in job_ids:
        tools().ring(job_id)
    if is_true(asked.get("return_reservation_id", False)):
        return {"reservation_id": reservation_id}, 202
    return {"server": view}, 202, {"Location": view["links"][0]["href"]}


@resource.endpoint("PUT", "/<server_id>", policy=RULE + "update", body=UPDATE, target=server_target)
def update(server_id: str, body: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        server = find_unlocked(session, server_id)
        for key, value in body["server"].items():
            setattr(server, COLUMNS[key], _column_value(key, value))
        session.flush()
        return {"server": updated_view(session, server)}


def _column_value(key: str, value: str | None) -> str | None:
    if key == "name":
        return str(value).strip()
    return shortest_address(value) if key.startswith("accessIP") else value or None


@resource.endpoint("DELETE", "/<server_id>", policy=RULE + "delete", target=server_target)
def delete(server_id: str) -> Answer:
    with tools().sessions.begin() as session:
        job = servers.request_delete(session, find_unlocked(session, server_id), caller())
    if job:
        tools().ring(job.id)
    return "", 204
