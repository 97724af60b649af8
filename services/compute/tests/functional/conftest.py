"""Compute with stand-ins of the other services, or with these services themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stand_ins import Image, Network, Volume

from pileus_compute.testing import ComputeFixture, compute_service
from pileus_image.testing import ImageFixture, image_service
from pileus_kit.testing import TokenBook
from pileus_network.testing import NetworkFixture
from pileus_volume.testing import VolumeFixture


@pytest.fixture
def image() -> Image:
    return Image()


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def volume() -> Volume:
    return Volume()


@pytest.fixture
def compute(tmp_path: Path, image: Image, network: Network, volume: Volume) -> Iterator[ComputeFixture]:
    with compute_service(tmp_path, apps={"image": image.app, "network": network.app, "volume": volume.app}) as fixture:
        fixture.flavor()
        yield fixture


@pytest.fixture
def standins() -> Any:
    """A fresh image, network and volume service each time it is called."""
    return lambda: (Image(), Network(), Volume())


@dataclass
class Cloud:
    compute: ComputeFixture
    image: ImageFixture
    network: NetworkFixture
    volume: VolumeFixture
    book: TokenBook

    def drain(self) -> None:
        """Until nobody has anything left to do."""
        for _ in range(30):
            self.network.drain()
            self.volume.drain()
            try:
                self.compute.runner.drain(rounds=3)
            except TimeoutError:
                continue
            self.volume.drain()  # what compute asked for last
            return
        raise AssertionError("the cloud does not come to rest")

    def create(self, **wish: Any) -> dict[str, Any]:
        view = self.compute.server(drain=False, **wish)
        self.drain()
        return self.compute.show(view["id"])


@contextmanager
def real_cloud(path: Path) -> Iterator[Cloud]:
    book = TokenBook()

    def compute_app(environ: Any, start: Any) -> Any:
        """The volume service asks compute, which is there a little later."""
        return compute.app(environ, start)

    with (
        image_service(path / "image", book=book) as image,
        NetworkFixture(_made(path / "network"), authenticate=book) as network,
        VolumeFixture(path / "volume", apps={"image": image.app, "compute": compute_app}, book=book) as volume,
        compute_service(
            path / "compute", book=book, apps={"image": image.app, "network": network.app, "volume": volume.app}
        ) as compute,
    ):
        compute.flavor()
        yield Cloud(compute, image, network, volume, book)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with real_cloud(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def lasting_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """One for all tests of a file: they only ask."""
    with real_cloud(tmp_path_factory.mktemp("cloud")) as made:
        yield made


def _made(path: Path) -> Path:
    path.mkdir()
    return path
