"""Images: /v2/images."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec
from flask import Response, g, request

from pileus_image.api import views
from pileus_image.api.tools import tools
from pileus_image.core import attributes, blobs, image_listing, imports, json_patch, orphaned_blobs, quotas
from pileus_image.core import images as core
from pileus_image.db.models import Image
from pileus_image.errors import ImageNotFound, Invalid, NotAllowed
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.listing import next_url
from pileus_kit.web import Resource, allowed, caller, enforce

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("images", __name__, url_prefix="/v2/images")
MAX_PATCH_BYTES = 1 << 20


def target(image_id: str, **_: str) -> Mapping[str, str | None]:
    """Return what policy checks of the image, and keep the image in `g.image`.

    Raises ImageNotFound if the caller may not see the image.
    """
    with tools().sessions.read() as session:
        g.image = core.find(session, caller(), image_id)
        found = core.policy_target(session, caller(), g.image)
    if not allowed("get_image", found):
        raise ImageNotFound(image=image_id)
    return found


def own_target() -> Mapping[str, object]:
    """Return the caller's own project as a new image's owner; core checks an owner that the body names."""
    return caller().scope | {"owner": caller().project_id}


@contextmanager
def writing(image_id: str) -> Iterator[tuple["Session", Image]]:
    """Open a transaction and lock the image in it. Policy has allowed the change already."""
    with tools().sessions.begin() as session:
        yield session, core.find(session, caller(), image_id, lock=True)


def check_visibility(visibility: str | None) -> None:
    """Raise Forbidden if the caller may not create images that are so visible."""
    if visibility in attributes.VISIBILITY_RULES:
        enforce(attributes.VISIBILITY_RULES[visibility])


def stores_of(session: "Session", image_ids: Sequence[str]) -> Mapping[str, str]:
    """Return the stores of each image that has data, with commas between them. With one store it takes no query."""
    if tools().has_several_stores:
        return blobs.stores_of(session, image_ids)
    return dict.fromkeys(image_ids, tools().default_store)


def show_image(session: "Session", image: Image) -> JsonObject:
    """Return the view of an image."""
    return views.image(image, stores_of(session, [image.id]).get(image.id))


@resource.endpoint("POST", "", policy="add_image", target=own_target, body={(0, 0): attributes.CREATE})
def create(body: JsonObject) -> Answer:
    """Create an image, which has no data yet."""
    check_visibility(body.get("visibility"))
    with tools().sessions.begin() as session:
        quotas.check_count(session, caller().project_id, tools().limits)
        view = views.image(core.create(session, caller(), core.parse(body, caller().project_id)), None)
    headers = {
        "Location": f"{request.url_root}v2/images/{view['id']}",
        "OpenStack-image-store-ids": ",".join(tools().stores),
        "OpenStack-image-import-methods": ",".join(imports.methods(tools().has_several_stores)),
    }
    return view, 201, headers


@resource.endpoint("GET", "", policy="get_images")
def index() -> Answer:
    """List a page of the images that the caller may see."""
    query = image_listing.parse(request.args)
    with tools().sessions.read() as session:
        rows = image_listing.list_images(session, caller(), query)
        stores = stores_of(session, [row.id for row in rows])
    view: JsonObject = {
        "images": [views.image_row(row, stores.get(row.id)) for row in rows],
        "schema": "/v2/schemas/images",
        "first": _first_url(),
    }
    if rows and len(rows) == query.limit:
        view["next"] = next_url("/v2/images", request.args, rows[-1].id)
    return view


def _first_url() -> str:
    query = urlencode([(name, value) for name, value in request.args.items(multi=True) if name != "marker"])
    return f"/v2/images?{query}" if query else "/v2/images"


@resource.endpoint("GET", "/<image_id>", policy="get_image", target=target)
def show(image_id: str) -> Answer:
    """Show an image.

    A service that asks on a user's behalf wants to use the data next, so the user must be allowed to download it.
    """
    if "service" in caller().service_roles:
        enforce("download_image", target(image_id))
    with tools().sessions.read() as session:
        return show_image(session, g.image)


@resource.endpoint("PATCH", "/<image_id>", policy="modify_image", target=target, raw=True)
def update(image_id: str) -> Answer:
    """Change attributes and properties with a JSON patch."""
    changes = json_patch.parse(_decoded_body(), request.mimetype)
    with writing(image_id) as (session, image):
        policy_target = core.policy_target(session, caller(), image)

        def may(rule: str) -> None:
            if rule != "admin":
                enforce(rule, policy_target)
            elif not caller().is_admin:
                raise NotAllowed(why="You are not permitted to modify 'owner' on this image.")

        json_patch.apply(session, image, changes, may)
        return show_image(session, image)


def _decoded_body() -> object:
    data = request.stream.read(MAX_PATCH_BYTES + 1)
    if len(data) > MAX_PATCH_BYTES:
        raise Invalid(why=f"A patch may have at most {MAX_PATCH_BYTES} bytes.")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid(why="Malformed request body: it is not JSON") from None


@resource.endpoint("DELETE", "/<image_id>", policy="delete_image", target=target)
def delete(image_id: str) -> Answer:
    """Delete the image and its data."""
    with writing(image_id) as (session, image):
        has_blob = image.blob is not None
        core.delete(session, image)
    if has_blob:
        orphaned_blobs.delete_orphans(tools(), quickly=True)
    return Response(status=204)
