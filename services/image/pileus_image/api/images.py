"""Images: /v2/images."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Response, g, request
from sqlalchemy.orm import Session

from pileus_image.api import views
from pileus_image.core import attributes, imports, listings, patches, quotas
from pileus_image.core import images as core
from pileus_image.db.models import Image
from pileus_image.errors import ImageNotFound, Invalid, NotAllowed
from pileus_image.flows import sweep
from pileus_kit.errors import NotFound
from pileus_kit.web import Resource, allowed, caller, enforce, tools

resource = Resource("images", __name__, url_prefix="/v2/images")
LARGEST_PATCH = 1 << 20


def target(image_id: str, **_: str) -> Mapping[str, Any]:
    """The image as policy sees it; the handler finds it in `g.image`. 404 if the caller may not see it."""
    with tools().sessions.read() as session:
        g.image = core.find(session, caller(), image_id)
        seen_as = core.target(session, caller(), g.image)
    if not allowed("get_image", seen_as):
        raise ImageNotFound(image=image_id)
    return seen_as


def own_target() -> Mapping[str, Any]:
    """A new image is the caller's project's; whoever makes one for another project is asked again in core."""
    return caller().scope | {"owner": caller().project_id}


@contextmanager
def writing(image_id: str) -> Iterator[tuple[Session, Image]]:
    """The image in a transaction that may change it; policy has allowed it already."""
    with tools().sessions.begin() as session:
        yield session, core.find(session, caller(), image_id, lock=True)


def shown(image: Image) -> dict[str, Any]:
    return views.image(image, tools().config.store)


def may_be_seen(visibility: str | None) -> None:
    """Raise unless the caller may make images of their own so visible."""
    if visibility in attributes.WIDE:
        enforce(attributes.WIDE[visibility])


@resource.endpoint("POST", "", policy="add_image", target=own_target, body={(0, 0): attributes.CREATE})
def create(body: dict[str, Any]) -> Any:
    """Register an image; its data comes later."""
    may_be_seen(body.get("visibility"))
    with tools().sessions.begin() as session:
        quotas.check_count(session, caller().project_id, tools().limits)
        view = shown(core.create(session, caller(), body))
    store = tools().config.store
    headers = {
        "Location": f"{request.host_url}v2/images/{view['id']}",
        "OpenStack-image-store-ids": store,
        "OpenStack-image-import-methods": ",".join(imports.METHODS),
    }
    return view, 201, headers


@resource.endpoint("GET", "", policy="get_images")
def listed() -> Any:
    """What the caller may see, page by page."""
    arguments = request.args.to_dict(flat=False)
    query = listings.parse(arguments)
    with tools().sessions.read() as session:
        rows = listings.page(session, caller(), query)
    store = tools().config.store
    view: dict[str, Any] = {
        "images": [views.listed(row, store) for row in rows],
        "schema": "/v2/schemas/images",
        "first": _link(arguments, None),
    }
    if rows and len(rows) == query.limit:
        view["next"] = _link(arguments, rows[-1].id)
    return view


def _link(arguments: dict[str, list[str]], marker: str | None) -> str:
    kept = [(name, value) for name, values in arguments.items() if name != "marker" for value in values]
    query = urlencode(kept + ([("marker", marker)] if marker else []))
    return f"/v2/images?{query}" if query else "/v2/images"


@resource.endpoint("GET", "/<image_id>", policy="get_image", target=target)
def show(image_id: str) -> Any:
    """A service that asks on a user's behalf wants the data next: so the user must be allowed to have it."""
    if "service" in caller().service_roles:
        enforce("download_image", target(image_id))
    return shown(g.image)


@resource.endpoint("PATCH", "/<image_id>", policy="modify_image", target=target, raw=True)
def update(image_id: str) -> Any:
    """Change attributes and properties with a JSON patch."""
    changes = patches.parse(_patch(), request.mimetype)
    with writing(image_id) as (session, image):
        policy_target = core.target(session, caller(), image)

        def may(rule: str) -> None:
            if rule != "admin":
                enforce(rule, policy_target)
            elif not caller().is_admin:
                raise NotAllowed(why="You are not permitted to modify 'owner' on this image.")

        patches.apply(session, image, changes, may)
        return shown(image)


def _patch() -> Any:
    data = request.stream.read(LARGEST_PATCH + 1)
    if len(data) > LARGEST_PATCH:
        raise Invalid(why=f"A patch may have at most {LARGEST_PATCH} bytes.")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid(why="Malformed request body: it is not JSON") from None


@resource.endpoint("DELETE", "/<image_id>", policy="delete_image", target=target)
def delete(image_id: str) -> Any:
    """Delete the image and its data."""
    with writing(image_id) as (session, image):
        stored = image.blob
        core.delete(session, image)
    if stored:
        sweep.doomed(tools())
    return Response(status=204)


@resource.endpoint("POST", "/<image_id>/actions/deactivate", policy="deactivate", target=target)
def deactivate(image_id: str) -> Any:
    return _switch(image_id, "deactivate")


@resource.endpoint("POST", "/<image_id>/actions/reactivate", policy="reactivate", target=target)
def reactivate(image_id: str) -> Any:
    return _switch(image_id, "reactivate")


def _switch(image_id: str, event: str) -> Any:
    with writing(image_id) as (session, image):
        if image.status not in core.MOVES[event]:
            raise NotAllowed(why=f"Not allowed to {event} an image in status '{image.status}'")
        core.move(session, image.id, event)
    return Response(status=204)


@resource.endpoint("PUT", "/<image_id>/tags/<tag>", policy="modify_image", target=target)
def add_tag(image_id: str, tag: str) -> Any:
    if len(tag) > 255:
        raise Invalid(why="A tag may have at most 255 characters.")
    with writing(image_id) as (session, image):
        core.retag(session, image, {*image.tags, tag})
    return Response(status=204)


@resource.endpoint("DELETE", "/<image_id>/tags/<tag>", policy="modify_image", target=target)
def remove_tag(image_id: str, tag: str) -> Any:
    with writing(image_id) as (session, image):
        if tag not in image.tags:
            raise NotFound(why=f"Image {image.id} has no tag {tag[:255]}")
        core.retag(session, image, set(image.tags) - {tag})
    return Response(status=204)
