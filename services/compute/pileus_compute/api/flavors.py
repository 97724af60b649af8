"""Flavors."""

from typing import Any

from flask import request

from pileus_compute.api.requests import limit_of, links, next_link
from pileus_compute.api.schemas import (
    BOOLEAN,
    DESCRIPTION,
    LIMIT,
    NAME,
    TEXT,
    body,
    number,
    obj,
    query,
    strict_query,
    truth,
)
from pileus_compute.core import flavors
from pileus_compute.db.models import Flavor
from pileus_kit.errors import BadRequest, NotFound
from pileus_kit.numbers import parse_whole_number
from pileus_kit.web import Resource, allowed, caller, tools, version

resource = Resource("flavors", __name__, url_prefix="/v2.1/flavors")
ADMIN_RULE = "os_compute_api:os-flavor-access"

ID = {
    "type": ["string", "number", "null"],
    "minLength": 1,
    "maxLength": 255,
    "pattern": r"^(?! )[a-zA-Z0-9. _-]+(?<! )$",
}
NEW: dict[str, Any] = {
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
NEEDED = ("name", "ram", "vcpus", "disk")
DESCRIBED = {"type": ["string", "null"], "minLength": 0, "maxLength": 65535, "pattern": DESCRIPTION["pattern"]}
CREATE = {
    (2, 1): body("flavor", obj(NEW, NEEDED)),
    (2, 55): body("flavor", obj(NEW | {"description": DESCRIBED}, NEEDED)),
}
UPDATE = {(2, 55): body("flavor", obj({"description": DESCRIBED}, ("description",)))}
WANTED = {
    "limit": LIMIT,
    "marker": TEXT,
    "is_public": TEXT,
    "minRam": TEXT,
    "minDisk": TEXT,
    "sort_key": TEXT,
    "sort_dir": TEXT,
}
LIST = {(2, 1): query(**WANTED), (2, 75): strict_query(**WANTED)}


def flavor_view(flavor: Flavor, specs: bool) -> dict[str, Any]:
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


def with_specs() -> bool:
    return version() >= (2, 61) and allowed("os_compute_api:os-flavor-extra-specs:index")


def _page() -> tuple[list[Flavor], int]:
    args = request.args
    everything = allowed(ADMIN_RULE)
    sort = args.get("sort_key", "flavorid"), args.get("sort_dir", "asc").lower()
    if sort[0] not in flavors.SORTS or sort[1] not in ("asc", "desc"):
        raise BadRequest(why=f"Invalid sort key or direction: {sort[0]} {sort[1]}")
    least = {}
    for key in ("minRam", "minDisk"):
        if key in args:
            number = parse_whole_number(args[key])
            if number is None:
                raise BadRequest(why=f"Invalid {key} filter [{args[key]}]")
            least[key] = number
    limit = limit_of()
    try:
        with tools().sessions.read() as session:
            return flavors.page(
                session,
                caller().project_id,
                _is_public(args.get("is_public")),
                everything,
                least,
                sort,
                args.get("marker"),
                limit,
            ), limit
    except NotFound:
        raise BadRequest(why=f"marker [{args.get('marker')}] not found") from None


def _is_public(given: str | None) -> bool | None:
    """Only admins choose; "none" means both kinds."""
    if given is None:
        return True
    if given.lower() == "none":
        return None
    if given.lower() in ("true", "1", "t", "yes", "on"):
        return True
    if given.lower() in ("false", "0", "f", "no", "off"):
        return False
    raise BadRequest(why=f"Invalid is_public filter [{given}]")


@resource.endpoint("GET", "", policy="os_compute_api:flavors", query=LIST)
def index() -> Any:
    rows, limit = _page()
    view: dict[str, Any] = {"flavors": [_brief(f) for f in rows]}
    return view | _links(rows, limit)


def _brief(flavor: Flavor) -> dict[str, Any]:
    view: dict[str, Any] = {"id": flavor.id, "name": flavor.name, "links": links("flavors", flavor.id)}
    if version() >= (2, 55):
        view["description"] = flavor.description
    return view


def _links(rows: list[Flavor], limit: int) -> dict[str, Any]:
    following = next_link(rows, limit, rows[-1].id if rows else None)
    return {"flavors_links": following} if following else {}


@resource.endpoint("GET", "/detail", policy="os_compute_api:flavors", query=LIST)
def detail() -> Any:
    rows, limit = _page()
    specs = with_specs()
    return {"flavors": [flavor_view(f, specs) for f in rows]} | _links(rows, limit)


@resource.endpoint("GET", "/<flavor_id>", policy="os_compute_api:flavors")
def show(flavor_id: str) -> Any:
    with tools().sessions.read() as session:
        flavor = flavors.find(session, flavor_id, caller().project_id, everything=allowed(ADMIN_RULE))
        return {"flavor": flavor_view(flavor, with_specs())}


@resource.endpoint("POST", "", policy="os_compute_api:os-flavor-manage:create", body=CREATE)
def create(body: dict[str, Any]) -> Any:
    wish = body["flavor"]
    flavor_id = wish.get("id")
    facts = {
        "id": None if flavor_id in (None, "auto") else str(flavor_id),
        "name": wish["name"].strip(),
        "memory_mib": int(wish["ram"]),
        "vcpus": int(wish["vcpus"]),
        "disk_gib": int(wish["disk"]),
        "ephemeral_gib": int(wish.get("OS-FLV-EXT-DATA:ephemeral", 0)),
        "swap_mib": int(wish.get("swap", 0)),
        "rxtx_factor": float(wish.get("rxtx_factor", 1.0)),
        "description": wish.get("description"),
        "is_public": truth(wish.get("os-flavor-access:is_public", True)),
    }
    with tools().sessions.begin() as session:
        flavor = flavors.create(session, facts)
        return {"flavor": flavor_view(flavor, with_specs())}


@resource.endpoint("PUT", "/<flavor_id>", policy="os_compute_api:os-flavor-manage:update", body=UPDATE, since=(2, 55))
def update(flavor_id: str, body: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        flavor = flavors.find(session, flavor_id, everything=True)
        flavor.description = body["flavor"]["description"]
        return {"flavor": flavor_view(flavor, with_specs())}


@resource.endpoint("DELETE", "/<flavor_id>", policy="os_compute_api:os-flavor-manage:delete")
def delete(flavor_id: str) -> Any:
    with tools().sessions.begin() as session:
        flavors.delete(session, flavor_id)
    return "", 202
