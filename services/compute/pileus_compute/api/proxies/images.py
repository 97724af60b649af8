"""`/images` until microversion 2.35, and images' metadata until 2.38: the image service's images in compute's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import request

from pileus_compute.api.requests.listing import LISTING, limit, links_to_next
from pileus_compute.api.schemas.types import METADATA, body
from pileus_compute.api.tools import tools
from pileus_compute.api.views.links import base_url, bookmark, links
from pileus_compute.clients import image as image_client
from pileus_compute.core import quotas
from pileus_compute.errors import MetadataItemNotFound
from pileus_kit.errors import BadRequest, NotFound
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.peers import PeerRefused
from pileus_kit.web import Resource, caller

resource = Resource("image_proxy", __name__, url_prefix="/v2.1/images")
READ = "os_compute_api:servers:index"
"""A caller who may list servers may ask for images; the image service decides which."""
WRITE = "os_compute_api:servers:create_image"
LAST, LAST_METADATA = (2, 35), (2, 38)

STATUSES = {
    "active": "ACTIVE",
    "queued": "SAVING",
    "saving": "SAVING",
    "importing": "SAVING",
    "uploading": "SAVING",
    "deleted": "DELETED",
    "pending_delete": "DELETED",
    "deactivated": "ACTIVE",
}
PROGRESS = {"ACTIVE": 100, "SAVING": 25}
ATTRIBUTES = {
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
"""The image service's own attributes; everything else that it shows are properties."""
REPLACE = {(2, 1): body("metadata", METADATA)}
ONE = {(2, 1): body("meta", METADATA | {"minProperties": 1, "maxProperties": 1})}
Metadata = dict[str, str]


@contextmanager
def _image_not_found() -> Iterator[None]:
    """Say OpenStack's sentence where the image service answers 404."""
    try:
        yield
    except PeerRefused as err:
        if err.status == 404:
            raise NotFound(why="Image not found.") from None
        raise


def _find(image_id: str) -> JsonObject:
    with _image_not_found():
        return image_client.show_image(tools().peers, image_id, caller())


def properties(image: JsonObject) -> Metadata:
    """Return the image's properties, which are its metadata here."""
    return {k: v for k, v in image.items() if k not in ATTRIBUTES and isinstance(v, str)}


def image_summary(image: JsonObject) -> JsonObject:
    alternate = {
        "rel": "alternate",
        "type": "application/vnd.openstack.image",
        "href": image_client.bookmark_url(tools().peers, image["id"]),
    }
    return {"id": image["id"], "name": image.get("name"), "links": [*links("images", image["id"]), alternate]}


def image_view(image: JsonObject) -> JsonObject:
    status = STATUSES.get(image["status"], "UNKNOWN")
    metadata = properties(image)
    view = image_summary(image) | {
        "status": status,
        "progress": PROGRESS.get(status, 0),
        "minRam": image.get("min_ram", 0),
        "minDisk": image.get("min_disk", 0),
        "created": image.get("created_at"),
        "updated": image.get("updated_at"),
        "metadata": metadata,
        "OS-EXT-IMG-SIZE:size": image.get("size") or 0,
    }
    server_id = metadata.get("instance_uuid")
    if server_id:
        own = {"rel": "self", "href": f"{base_url()}/v2.1/servers/{server_id}"}
        view["server"] = {"id": server_id, "links": [own, *bookmark("servers", server_id)]}
    return view


# -- images --------------------------------------------------------------------------------------------------------


def _filters(size: int) -> list[tuple[str, str]]:
    """Return this request's filters as the image service names them."""
    args = request.args
    found = [("limit", str(size))]
    for ours, theirs in (("name", "name"), ("marker", "marker"), ("type", "image_type")):
        if ours in args:
            found.append((theirs, args[ours]))
    if "server" in args:
        found.append(("instance_uuid", args["server"].rpartition("/")[2]))
    if "status" in args:
        word = args["status"]
        found.append(("status", {"ACTIVE": "active", "SAVING": "saving"}.get(word.upper(), word.lower())))
    if "changes-since" in args:
        since = LISTING.time("changes-since", args["changes-since"])
        found.append(("updated_at", f"gte:{since:%Y-%m-%dT%H:%M:%SZ}"))
    return found


def _list() -> tuple[list[JsonObject], int]:
    size = limit()
    minima = {"min_ram": request.args.get("minRam"), "min_disk": request.args.get("minDisk")}
    least = {key: LISTING.number(key, text) for key, text in minima.items() if text}
    try:
        found = image_client.list_images(tools().peers, _filters(size), caller())
    except PeerRefused as err:
        if err.status in (400, 404):
            raise BadRequest(why=str(err)) from None
        raise
    return [i for i in found if all(i.get(key, 0) >= number for key, number in least.items())], size


def _listed(views: list[JsonObject], size: int) -> JsonObject:
    return {"images": views} | links_to_next("images_links", views, size, views[-1]["id"] if views else None)


@resource.endpoint("GET", "", policy=READ, until=LAST)
def index() -> Answer:
    images, size = _list()
    return _listed([image_summary(image) for image in images], size)


@resource.endpoint("GET", "/detail", policy=READ, until=LAST)
def detail() -> Answer:
    images, size = _list()
    return _listed([image_view(image) for image in images], size)


@resource.endpoint("GET", "/<image_id>", policy=READ, until=LAST)
def show(image_id: str) -> Answer:
    return {"image": image_view(_find(image_id))}


@resource.endpoint("DELETE", "/<image_id>", policy=WRITE, until=LAST)
def delete(image_id: str) -> Answer:
    with _image_not_found():
        image_client.delete_image(tools().peers, image_id, caller())
    return "", 204


# -- metadata ------------------------------------------------------------------------------------------------------


@resource.endpoint("GET", "/<image_id>/metadata", policy=READ, until=LAST_METADATA)
def index_metadata(image_id: str) -> Answer:
    return {"metadata": properties(_find(image_id))}


def _change(image_id: str, given: Metadata, replace: bool) -> Metadata:
    """Add the given metadata, or replace all by it. Return all of it."""
    old = properties(_find(image_id))
    merged = given if replace else old | given
    with tools().sessions.read() as session:
        quotas.check_metadata(session, caller().project_id or "", merged)
    changes: list[JsonObject] = [
        {"op": "replace" if k in old else "add", "path": f"/{k}", "value": v} for k, v in given.items()
    ]
    changes += [{"op": "remove", "path": f"/{k}"} for k in old if k not in merged]
    image_client.patch_image(tools().peers, image_id, changes, caller())
    return merged


@resource.endpoint("POST", "/<image_id>/metadata", policy=WRITE, body=REPLACE, until=LAST_METADATA)
def create_metadata(image_id: str, body: JsonObject) -> Answer:
    return {"metadata": _change(image_id, body["metadata"], replace=False)}


@resource.endpoint("PUT", "/<image_id>/metadata", policy=WRITE, body=REPLACE, until=LAST_METADATA)
def update_all_metadata(image_id: str, body: JsonObject) -> Answer:
    return {"metadata": _change(image_id, body["metadata"], replace=True)}


@resource.endpoint("GET", "/<image_id>/metadata/<key>", policy=READ, until=LAST_METADATA)
def show_metadata(image_id: str, key: str) -> Answer:
    found = properties(_find(image_id))
    if key not in found:
        raise MetadataItemNotFound()
    return {"meta": {key: found[key]}}


@resource.endpoint("PUT", "/<image_id>/metadata/<key>", policy=WRITE, body=ONE, until=LAST_METADATA)
def update_metadata(image_id: str, key: str, body: JsonObject) -> Answer:
    if key not in body["meta"]:
        raise BadRequest(why="Request body and URI mismatch")
    _change(image_id, body["meta"], replace=False)
    return {"meta": body["meta"]}


@resource.endpoint("DELETE", "/<image_id>/metadata/<key>", policy=WRITE, until=LAST_METADATA)
def delete_metadata(image_id: str, key: str) -> Answer:
    if key not in properties(_find(image_id)):
        raise MetadataItemNotFound()
    image_client.patch_image(tools().peers, image_id, [{"op": "remove", "path": f"/{key}"}], caller())
    return "", 204
