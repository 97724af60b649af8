"""`/flavors`: the sizes of servers."""

from flask import request

from pileus_compute.api.requests.listing import LISTING, limit, links_to_next
from pileus_compute.api.schemas.types import (
    BOOLEAN,
    DESCRIPTION,
    LIMIT,
    NAME,
    TEXT,
    body,
    is_true,
    number,
    obj,
    query,
    strict_query,
)
from pileus_compute.api.tools import tools
from pileus_compute.api.views.links import links
from pileus_compute.core import flavors
from pileus_compute.core.flavors import FlavorQuery, NewFlavor
from pileus_compute.db.models import Flavor
from pileus_kit.errors import BadRequest, NotFound
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.numbers import parse_whole_number
from pileus_kit.web import Resource, allowed, caller, version

resource = Resource("flavors", __name__, url_prefix="/v2.1/flavors")
RULE = "os_compute_api:flavors"
MANAGE = "os_compute_api:os-flavor-manage:"
SEE_ALL = "os_compute_api:os-flavor-access"

ID = {
    "type": ["string", "number", "null"],
    "minLength": 1,
    "maxLength": 255,
    "pattern": r"^(?! )[a-zA-Z0-9. _-]+(?<! )$",
}
NEW: JsonObject = {
    "name": NAME,
    "id": ID,
    "ram": number(1),
    "vcpus": number(1),
    "disk": number(),
    "OS-FLV-EXT-DATA:ephemeral": number(),
    "swap": number(),
    "rxtx_factor": {
        "type": ["number", "string"],
        "pattern": r"^(?=.*[1-9])[0-9]{1,38}(\.[0-9]+)?$",
        "exclusiveMinimum": 0,
        "maximum": 3.40282e38,
    },
    "os-flavor-access:is_public": BOOLEAN,
}
REQUIRED = ("name", "ram", "vcpus", "disk")
LONG_DESCRIPTION = {"type": ["string", "null"], "minLength": 0, "maxLength": 65535, "pattern": DESCRIPTION["pattern"]}
CREATE = {
    (2, 1): body("flavor", obj(NEW, REQUIRED)),
    (2, 55): body("flavor", obj(NEW | {"description": LONG_DESCRIPTION}, REQUIRED)),
}
UPDATE = {(2, 55): body("flavor", obj({"description": LONG_DESCRIPTION}, ("description",)))}
QUERY = {
    "limit": LIMIT,
    "marker": TEXT,
    "is_public": TEXT,
    "minRam": TEXT,
    "minDisk": TEXT,
    "sort_key": TEXT,
    "sort_dir": TEXT,
}
LIST = {(2, 1): query(**QUERY), (2, 75): strict_query(**QUERY)}


def flavor_view(flavor: Flavor, specs: bool) -> JsonObject:
    view = {
        "id": flavor.id,
        "name": flavor.name,
        "ram": flavor.memory_mib,
        "disk": flavor.disk_gib,
        "swap": flavor.swap_mib or ("" if version() < (2, 75) else 0),
        "vcpus": flavor.vcpus,
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral_gib,
        "OS-FLV-DISABLED:disabled": False,
        "os-flavor-access:is_public": flavor.is_public,
        "rxtx_factor": flavor.rxtx_factor,
        "links": links("flavors", flavor.id),
    }
    if version() >= (2, 55):
        view["description"] = flavor.description
    if specs:
        view["extra_specs"] = flavor.extra_specs
    return view


def flavor_summary(flavor: Flavor) -> JsonObject:
    view: JsonObject = {"id": flavor.id, "name": flavor.name, "links": links("flavors", flavor.id)}
    if version() >= (2, 55):
        view["description"] = flavor.description
    return view


def _shows_specs() -> bool:
    return version() >= (2, 61) and allowed("os_compute_api:os-flavor-extra-specs:index")


def _query() -> FlavorQuery:
    args = request.args
    sort_key, sort_dir = args.get("sort_key", "flavorid"), args.get("sort_dir", "asc").lower()
    if sort_key not in flavors.SORTS or sort_dir not in ("asc", "desc"):
        raise BadRequest(why=f"Invalid sort key or direction: {sort_key} {sort_dir}")
    return FlavorQuery(
        project_id=caller().project_id,
        see_all=allowed(SEE_ALL),
        is_public=_is_public(args.get("is_public")),
        min_memory_mib=_minimum("minRam"),
        min_disk_gib=_minimum("minDisk"),
        sort_key=sort_key,
        sort_dir="asc" if sort_dir == "asc" else "desc",
        marker=args.get("marker"),
        limit=limit(),
    )


def _minimum(name: str) -> int | None:
    if name not in request.args:
        return None
    number = parse_whole_number(request.args[name])
    if number is None:
        raise BadRequest(why=f"Invalid {name} filter [{request.args[name]}]")
    return number


def _is_public(word: str | None) -> bool | None:
    """Return which flavors an administrator asks for; None: both kinds."""
    if word is None:
        return True
    if word.lower() == "none":
        return None
    try:
        return LISTING.flag("is_public", word)
    except BadRequest:
        raise BadRequest(why=f"Invalid is_public filter [{word}]") from None


def _list(query: FlavorQuery) -> list[Flavor]:
    try:
        with tools().sessions.read() as session:
            return flavors.list_flavors(session, query)
    except NotFound:
        raise BadRequest(why=f"marker [{query.marker}] not found") from None


def _links(rows: list[Flavor], query: FlavorQuery) -> JsonObject:
    return dict(links_to_next("flavors_links", rows, query.limit, rows[-1].id if rows else None))


@resource.endpoint("GET", "", policy=RULE, query=LIST)
def index() -> Answer:
    query = _query()
    rows = _list(query)
    return {"flavors": [flavor_summary(f) for f in rows]} | _links(rows, query)


@resource.endpoint("GET", "/detail", policy=RULE, query=LIST)
def detail() -> Answer:
    query = _query()
    rows, specs = _list(query), _shows_specs()
    return {"flavors": [flavor_view(f, specs) for f in rows]} | _links(rows, query)


@resource.endpoint("GET", "/<flavor_id>", policy=RULE)
def show(flavor_id: str) -> Answer:
    with tools().sessions.read() as session:
        flavor = flavors.find(session, flavor_id, caller().project_id, see_all=allowed(SEE_ALL))
        return {"flavor": flavor_view(flavor, _shows_specs())}


@resource.endpoint("POST", "", policy=MANAGE + "create", body=CREATE)
def create(body: JsonObject) -> Answer:
    asked = body["flavor"]
    flavor_id = asked.get("id")
    new = NewFlavor(
        id=None if flavor_id in (None, "auto") else str(flavor_id),
        name=asked["name"].strip(),
        memory_mib=int(asked["ram"]),
        vcpus=int(asked["vcpus"]),
        disk_gib=int(asked["disk"]),
        ephemeral_gib=int(asked.get("OS-FLV-EXT-DATA:ephemeral", 0)),
        swap_mib=int(asked.get("swap", 0)),
        rxtx_factor=float(asked.get("rxtx_factor", 1.0)),
        description=asked.get("description"),
        is_public=is_true(asked.get("os-flavor-access:is_public", True)),
    )
    with tools().sessions.begin() as session:
        return {"flavor": flavor_view(flavors.create(session, new), _shows_specs())}


@resource.endpoint("PUT", "/<flavor_id>", policy=MANAGE + "update", body=UPDATE, since=(2, 55))
def update(flavor_id: str, body: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        flavor = flavors.update(session, flavor_id, body["flavor"]["description"])
        return {"flavor": flavor_view(flavor, _shows_specs())}


@resource.endpoint("DELETE", "/<flavor_id>", policy=MANAGE + "delete")
def delete(flavor_id: str) -> Answer:
    with tools().sessions.begin() as session:
        flavors.delete(session, flavor_id)
    return "", 202
