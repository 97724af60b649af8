"""Images as compute showed them till 2.35 (their metadata till 2.38): a view of the image service's."""

from typing import Any

from flask import request

from pileus_compute.api.requests import base_url, bookmark, limit_of, links, next_link, parse_time
from pileus_compute.api.schemas import METADATA, body
from pileus_compute.clients import image as image_client
from pileus_compute.core import quotas
from pileus_kit.errors import BadRequest, NotFound
from pileus_kit.peers import PeerRefused
from pileus_kit.web import Resource, caller, tools

resource = Resource("image_proxy", __name__, url_prefix="/v2.1/images")
RULE = "os_compute_api:servers:index"  # whoever may read servers; the image service decides about images
WRITE = "os_compute_api:servers:create_image"
LAST, LAST_META = (2, 35), (2, 38)

STATUS = {
    "active": "ACTIVE",
    "queued": "SAVING",
    "saving": "SAVING",
    "importing": "SAVING",
    "uploading": "SAVING",
    "deleted": "DELETED",
    "pending_delete": "DELETED",
    "deactivated": "ACTIVE",
}
OWN = {
    "id",
    "name",
    "status",
    "visibility",
    "protected",
    "checksum",
    "owner",
    "size",
    "virtual_size",
    "created_at",
    "updated_at",
    "min_disk",
    "min_ram",
    "tags",
    "self",
    "file",
    "schema",
    "direct_url",
    "locations",
    "container_format",
    "disk_format",
    "os_hidden",
    "os_hash_algo",
    "os_hash_value",
    "stores",
}
ALL = {(2, 1): body("metadata", METADATA)}
ONE = {(2, 1): body("meta", METADATA | {"minProperties": 1, "maxProperties": 1})}


def _get(image_id: str) -> dict[str, Any]:
    try:
        return image_client.show_image(tools().peers, image_id, caller())
    except PeerRefused as err:
        if err.status == 404:
            raise NotFound(why="Image not found.") from None
        raise


def properties(image: dict[str, Any]) -> dict[str, str]:
    return {k: v for k, v in image.items() if k not in OWN and isinstance(v, str)}


def image_summary(image: dict[str, Any]) -> dict[str, Any]:
    alternate = {
        "rel": "alternate",
        "type": "application/vnd.openstack.image",
        "href": image_client.bookmark_url(tools().peers, image["id"]),
    }
    return {"id": image["id"], "name": image.get("name"), "links": [*links("images", image["id"]), alternate]}


def image_view(image: dict[str, Any]) -> dict[str, Any]:
    status = STATUS.get(image["status"], "UNKNOWN")
    meta = properties(image)
    view = image_summary(image) | {
        "status": status,
        "progress": {"ACTIVE": 100, "SAVING": 25}.get(status, 0),
        "minRam": image.get("min_ram", 0),
        "minDisk": image.get("min_disk", 0),
        "created": image.get("created_at"),
        "updated": image.get("updated_at"),
        "metadata": meta,
        "OS-EXT-IMG-SIZE:size": image.get("size") or 0,
    }
    if meta.get("instance_uuid"):
        server = meta["instance_uuid"]
        view["server"] = {
            "id": server,
            "links": [{"rel": "self", "href": f"{base_url()}/v2.1/servers/{server}"}, *bookmark("servers", server)],
        }
    return view


def _listed() -> tuple[list[dict[str, Any]], int]:
    """All filters are the image service's, under other names."""
    args, limit = request.args, limit_of()
    wanted: list[tuple[str, str]] = [("limit", str(limit))]
    for ours, theirs in (("name", "name"), ("marker", "marker"), ("type", "image_type")):
        if ours in args:
            wanted.append((theirs, args[ours]))
    if "server" in args:
        wanted.append(("instance_uuid", args["server"].rpartition("/")[2]))
    if "status" in args:
        status = args["status"].upper()
        wanted.append(("status", {"ACTIVE": "active", "SAVING": "saving"}.get(status, args["status"].lower())))
    if "changes-since" in args:
        since = parse_time(args["changes-since"], "changes-since")
        wanted.append(("updated_at", f"gte:{since:%Y-%m-%dT%H:%M:%SZ}"))
    try:
        found = image_client.list_images(tools().peers, wanted, caller())
    except PeerRefused as err:
        if err.status in (400, 404):
            raise BadRequest(why=str(err)) from None
        raise
    least = {"min_ram": args.get("minRam"), "min_disk": args.get("minDisk")}
    return [i for i in found if all(not v or i.get(k, 0) >= int(v) for k, v in least.items())], limit


def _list(views: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    following = next_link(views, limit, views[-1]["id"] if views else None)
    return {"images": views} | ({"images_links": following} if following else {})


@resource.endpoint("GET", "", policy=RULE, until=LAST)
def index() -> Any:
    rows, limit = _listed()
    return _list([image_summary(i) for i in rows], limit)


@resource.endpoint("GET", "/detail", policy=RULE, until=LAST)
def detail() -> Any:
    rows, limit = _listed()
    return _list([image_view(i) for i in rows], limit)


@resource.endpoint("GET", "/<image_id>", policy=RULE, until=LAST)
def show(image_id: str) -> Any:
    return {"image": image_view(_get(image_id))}


@resource.endpoint("DELETE", "/<image_id>", policy=WRITE, until=LAST)
def delete(image_id: str) -> Any:
    try:
        image_client.delete_image(tools().peers, image_id, caller())
    except PeerRefused as err:
        if err.status == 404:
            raise NotFound(why="Image not found.") from None
        raise
    return "", 204


@resource.endpoint("GET", "/<image_id>/metadata", policy=RULE, until=LAST_META)
def metadata(image_id: str) -> Any:
    return {"metadata": properties(_get(image_id))}


def _change(image_id: str, wanted: dict[str, str], replace: bool) -> dict[str, str]:
    """Turn what shall be into a JSON patch."""
    old = properties(_get(image_id))
    with tools().sessions.read() as session:
        quotas.check_metadata(session, caller().project_id or "", wanted if replace else old | wanted)
    steps: list[dict[str, Any]] = [
        {"op": "replace" if k in old else "add", "path": f"/{k}", "value": v} for k, v in wanted.items()
    ]
    if replace:
        steps += [{"op": "remove", "path": f"/{k}"} for k in old if k not in wanted]
    image_client.patch_image(tools().peers, image_id, steps, caller())
    return wanted if replace else old | wanted


@resource.endpoint("POST", "/<image_id>/metadata", policy=WRITE, body=ALL, until=LAST_META)
def add_metadata(image_id: str, body: dict[str, Any]) -> Any:
    return {"metadata": _change(image_id, body["metadata"], replace=False)}


@resource.endpoint("PUT", "/<image_id>/metadata", policy=WRITE, body=ALL, until=LAST_META)
def replace_metadata(image_id: str, body: dict[str, Any]) -> Any:
    return {"metadata": _change(image_id, body["metadata"], replace=True)}


@resource.endpoint("GET", "/<image_id>/metadata/<key>", policy=RULE, until=LAST_META)
def one_item(image_id: str, key: str) -> Any:
    found = properties(_get(image_id))
    if key not in found:
        raise NotFound(why="Metadata item was not found")
    return {"meta": {key: found[key]}}


@resource.endpoint("PUT", "/<image_id>/metadata/<key>", policy=WRITE, body=ONE, until=LAST_META)
def set_item(image_id: str, key: str, body: dict[str, Any]) -> Any:
    if key not in body["meta"]:
        raise BadRequest(why="Request body and URI mismatch")
    _change(image_id, body["meta"], replace=False)
    return {"meta": body["meta"]}


@resource.endpoint("DELETE", "/<image_id>/metadata/<key>", policy=WRITE, until=LAST_META)
def delete_item(image_id: str, key: str) -> Any:
    if key not in properties(_get(image_id)):
        raise NotFound(why="Metadata item was not found")
    image_client.patch_image(tools().peers, image_id, [{"op": "remove", "path": f"/{key}"}], caller())
    return "", 204
