"""No list of the image service costs more statements for more rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pileus_image.testing import ImageFixture, image_service
from pileus_kit.testing import assert_flat


class Rows:
    """How to make the i-th row of each noun."""

    def __init__(self, images: ImageFixture) -> None:
        self.images = images
        self.image = images.image(visibility="shared")["id"]
        self.send("/v2/metadefs/namespaces", {"namespace": "base", "visibility": "public"})

    def send(self, path: str, body: Any, as_: Any = None) -> None:
        answer = self.images.client.post(path, json=body, as_=as_ or self.images.book.admin)
        assert answer.status_code < 300, answer.text

    def queued(self, i: int) -> None:
        self.images.image(name=f"i{i}", tags=[f"t{i}"], colour="red")

    def active(self, i: int) -> None:
        self.images.image(content=bytes(512), name=f"i{i}")

    def members(self, i: int) -> None:
        self.send(f"/v2/images/{self.image}/members", {"member": f"project{i}"}, self.images.book.member)

    def namespaces(self, i: int) -> None:
        self.send("/v2/metadefs/namespaces", {"namespace": f"n{i}", "visibility": "public"})

    def objects(self, i: int) -> None:
        self.send("/v2/metadefs/namespaces/base/objects", {"name": f"o{i}"})


LISTS: dict[str, tuple[Callable[[Rows, int], None], str]] = {  # path: what makes a row, the key of the list
    "/v2/images?limit=1000": (Rows.queued, "images"),
    "/v2/images?limit=1000&status=active": (Rows.active, "images"),
    "/v2/images?limit=1000&sort=name:asc&visibility=shared": (Rows.queued, "images"),
    "/v2/images/{image}/members": (Rows.members, "members"),
    "/v2/metadefs/namespaces?limit=1000": (Rows.namespaces, "namespaces"),
    "/v2/metadefs/namespaces/base/objects": (Rows.objects, "objects"),
}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_whatever_its_length(tmp_path: Path, path: str) -> None:
    with image_service(tmp_path) as images:
        rows = Rows(images)
        make, key = LISTS[path]

        def look() -> int:
            answer = images.client.get(path.format(image=rows.image))
            assert answer.status_code == 200 and answer.json, answer.text
            return len(answer.json[key])

        assert_flat(images.sessions, lambda i: make(rows, i), look)
