"""`/os-migrations` and `/servers/ID/migrations`: moves of servers, and live migrations, of which there are none."""

from flask import request

from pileus_compute.api.requests.listing import MAX_LIMIT, changed_between, limit, links_to_next
from pileus_compute.api.requests.server_access import server_target
from pileus_compute.api.schemas.types import PAGE, TEXT, query, strict_query
from pileus_compute.api.tools import tools
from pileus_compute.api.views.links import iso_micros
from pileus_compute.core import migrations
from pileus_compute.core.migrations import MigrationQuery
from pileus_compute.db.models import Migration
from pileus_kit.errors import NotFound
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, allowed, caller, enforce, version

resource = Resource("migrations", __name__)
RULE = "os_compute_api:os-migrations:index"
OF_SERVER = "os_compute_api:servers:migrations:"
PAGED = (2, 59)
"""Since when the list has pages and filters by time."""
FILTERS = dict.fromkeys(("hidden", "host", "instance_uuid", "source_compute", "status", "migration_type"), TEXT)
PAGED_FILTERS = FILTERS | PAGE | {"changes__since": TEXT}
LIST = {
    (2, 1): query(**FILTERS),
    PAGED: strict_query(**PAGED_FILTERS),
    (2, 66): strict_query(**PAGED_FILTERS, changes__before=TEXT),
    (2, 80): strict_query(**PAGED_FILTERS, changes__before=TEXT, user_id=TEXT, project_id=TEXT),
}
HOSTS = ("source_compute", "source_node", "dest_compute", "dest_node", "dest_host")


def migration_view(row: Migration) -> JsonObject:
    view: JsonObject = {
        "id": row.id,
        "instance_uuid": row.server_id,
        "status": row.status,
        "source_compute": row.source_host,
        "source_node": row.source_host,
        "dest_compute": row.dest_host,
        "dest_node": row.dest_host,
        "dest_host": row.dest_address,
        "created_at": iso_micros(row.created_at),
        "updated_at": iso_micros(row.updated_at),
        "old_instance_type_id": None,
        "new_instance_type_id": None,
    }
    if version() >= (2, 23):
        view["migration_type"] = row.type
    if version() >= PAGED:
        view["uuid"] = row.uuid
    if version() >= (2, 80):
        view |= {"user_id": row.user_id, "project_id": row.project_id}
    if not allowed(RULE + ":host"):
        view |= dict.fromkeys(HOSTS)
    return view


def _query() -> MigrationQuery:
    args, paged, of_users = request.args, version() >= PAGED, version() >= (2, 80)
    since, before = changed_between() if paged else (None, None)
    return MigrationQuery(
        limit=limit() if paged else MAX_LIMIT,
        marker=args.get("marker") if paged else None,
        project_id=args.get("project_id") if of_users else None,
        user_id=args.get("user_id") if of_users else None,
        server_id=args.get("instance_uuid"),
        status=args.get("status"),
        type=args.get("migration_type"),
        host=args.get("host"),
        source_host=args.get("source_compute"),
        since=since,
        before=before,
    )


@resource.endpoint("GET", "/v2.1/os-migrations", policy=RULE, query=LIST)
def index() -> Answer:
    query = _query()
    if query.project_id is None or query.project_id != caller().project_id:
        enforce(RULE + ":all_projects")
    with tools().sessions.read() as session:
        rows = migrations.list_migrations(session, query)
    view: JsonObject = {"migrations": [migration_view(row) for row in rows]}
    if version() < PAGED:
        return view
    return view | links_to_next("migrations_links", rows, query.limit, rows[-1].uuid if rows else None)


@resource.endpoint(
    "GET", "/v2.1/servers/<server_id>/migrations", policy=OF_SERVER + "index", target=server_target, since=(2, 23)
)
def index_of_server(server_id: str) -> Answer:
    """List the server's live migrations that are under way: running servers don't move between hosts yet."""
    return {"migrations": []}


@resource.endpoint(
    "GET",
    "/v2.1/servers/<server_id>/migrations/<migration_id>",
    policy=OF_SERVER + "show",
    target=server_target,
    since=(2, 23),
)
def show(server_id: str, migration_id: str) -> Answer:
    raise NotFound(why=f"In-progress live migration {migration_id} is not found for server {server_id}.")
