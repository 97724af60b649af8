"""The image service in this process, for its own tests and other services'."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from pileus_image import app, policy
from pileus_image.config import Config
from pileus_image.core import json_patch, orphaned_blobs
from pileus_image.core.quotas import Limits
from pileus_image.core.tickets import Tickets
from pileus_image.core.tools import Tools, make_stores
from pileus_image.core.web_download import WebDownloader
from pileus_image.db.models import Model
from pileus_image.drivers.file import FileStore
from pileus_image.drivers.object_containers import OpenContainer
from pileus_image.worker import runner_of
from pileus_kit.json_types import JsonObject
from pileus_kit.policy import Enforcer
from pileus_kit.testing import Client, TokenBook, fresh_sessions

OCTETS = {"Content-Type": "application/octet-stream"}
PATCH = {"Content-Type": json_patch.JSON_PATCH}
OLDER_PATCH = {"Content-Type": json_patch.OLDER_JSON_PATCH}


class ImageFixture:
    """Has `app`, `client`, `tools`, `runner` and `book`. `book` may be shared with other services' fixtures."""

    def __init__(
        self,
        directory: Path,
        book: TokenBook | None = None,
        downloader: WebDownloader | None = None,
        open_container: OpenContainer | None = None,
        **options: Any,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        config = Config(state=str(directory), **options)
        self.book = book or TokenBook()
        self.sessions = fresh_sessions(Model, directory)
        self.store = FileStore(directory / "store")
        tickets = Tickets.at(config.path("image", "ticket.key"))
        self.tools = Tools(
            config=config,
            sessions=self.sessions,
            stores=make_stores(config, tickets, open_container) if config.enabled_backends else {"file": self.store},
            tickets=tickets,
            downloader=downloader or WebDownloader(config.download_networks),
            ring=lambda job_id: None,
            limits=Limits(config.quota_images, config.quota_mib),
        )
        self.runner = runner_of(self.tools, "image-test", threads=1)
        self.app = app.create(self.tools, self.book, Enforcer(policy.RULES))
        self.client = Client(self.app, "image", as_=self.book.member)

    def drain(self) -> None:
        """Run the jobs that wait and delete orphaned blobs, as a worker would."""
        self.runner.drain()
        orphaned_blobs.delete_orphans(self.tools)

    def stored(self) -> list[str]:
        """Return the names of everything in the stores, whole or not."""
        roots = [
            Path(self.tools.config.state, *place) for place in (("store",), ("image", "store"), ("image", "stores"))
        ]
        return sorted(path.name for root in roots for path in root.rglob("*") if path.is_file())

    def image(self, content: bytes | None = None, as_: Any = None, **attributes: Any) -> dict[str, Any]:
        """Create an image, active if `content` is given, and return its view. A refusal fails the test."""
        body = {"name": "image", "disk_format": "raw", "container_format": "bare"} | attributes
        made = self.client.post("/v2/images", json=body, as_=as_)
        assert made.status_code == 201 and made.json, made.text
        path = f"/v2/images/{made.json['id']}"
        if content is not None:
            put = self.client.put(f"{path}/file", data=io.BytesIO(content), headers=OCTETS, as_=as_)
            assert put.status_code == 204, put.text
        return dict(self.client.get(path, as_=as_).json or {})

    def show(self, image: JsonObject) -> JsonObject:
        """Return the view of an image as it is now."""
        return dict(self.client.get(f"/v2/images/{image['id']}").json or {})

    def names(self, query: str = "", as_: Any = None) -> list[str]:
        """Return the names of the images that the list with this query has."""
        found = self.client.get(f"/v2/images{query}", as_=as_).json
        assert found is not None
        return [image["name"] for image in found["images"]]

    def patch(self, image: JsonObject, *changes: Any, headers: dict[str, str] = PATCH, as_: Any = None) -> TestResponse:
        """Send a JSON patch of an image."""
        return self.client.patch(f"/v2/images/{image['id']}", json=list(changes), headers=headers, as_=as_)

    def upload(
        self,
        image: JsonObject,
        content: bytes,
        what: str = "file",
        headers: dict[str, str] = OCTETS,
        as_: Any = None,
    ) -> TestResponse:
        """Send an image's data; `what` is file or stage."""
        path = f"/v2/images/{image['id']}/{what}"
        return self.client.put(path, data=io.BytesIO(content), headers=headers, as_=as_)

    def assert_nothing_kept(self, image: JsonObject) -> None:
        """Assert that the image waits for data and that the store is empty."""
        view = self.show(image)
        assert (view["status"], view["size"], view["checksum"]) == ("queued", None, None)
        assert self.stored() == []

    def close(self) -> None:
        """Close the database."""
        self.sessions.dispose()


@contextmanager
def image_service(directory: Path, **kwargs: Any) -> Iterator[ImageFixture]:
    """Yield an ImageFixture in this directory, and close it afterwards."""
    fixture = ImageFixture(directory, **kwargs)
    try:
        yield fixture
    finally:
        fixture.close()
