"""Transfers of images between the image service and this host, each with a ticket, as streams of bounded memory."""

import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import requests

from pileus_kit.errors import PeerDown
from pileus_kit.tls import NO_CERTIFICATES, Certificates
from pileus_volume.drivers.base import ImageFile
from pileus_volume.errors import ImageRefused, ToolFailed
from pileus_volume.rpc import Image, Ticket

log = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 20
TIMEOUT_S = (5, 120)  # to connect, and between two chunks
FIRST_FAILURE, FIRST_SERVER_ERROR = 300, 500  # redirections aren't followed: a ticket is for the image service alone
ALGORITHMS = ("sha256", "sha512")


@contextmanager
def downloaded(image: Image, directory: Path, certificates: Certificates = NO_CERTIFICATES) -> Iterator[ImageFile]:
    """The image in a temporary file. Raises ImageRefused if its content doesn't have the expected checksum."""
    directory.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=directory) as file:
        path = Path(file.name)
        digest = _download(image, path, certificates)
        if not image.digest or digest != image.digest:
            raise ImageRefused(image=image.image_id, why="its content doesn't have the checksum that it should")
        yield ImageFile(image.image_id, image.digest, image.format, path)


def _download(image: Image, path: Path, certificates: Certificates) -> str:
    if image.algorithm not in ALGORITHMS:
        raise ImageRefused(image=image.image_id, why=f"its checksum is of kind {image.algorithm}")
    digest, received = hashlib.new(image.algorithm), 0
    try:
        with (
            certificates.open_session() as http,
            http.get(
                image.ticket.url,
                headers={"X-Image-Ticket": image.ticket.ticket},
                stream=True,
                allow_redirects=False,
                timeout=TIMEOUT_S,
            ) as response,
            path.open("wb") as file,
        ):
            _check_status(response, f"image {image.image_id}")
            for chunk in response.iter_content(CHUNK_BYTES):
                received += len(chunk)
                if image.size and received > image.size:
                    raise ImageRefused(image=image.image_id, why=f"it is longer than its {image.size} bytes")
                digest.update(chunk)
                file.write(chunk)
    except requests.RequestException as err:
        raise PeerDown(service="image", why=str(err)) from err
    return digest.hexdigest()


def send(path: Path, ticket: Ticket, certificates: Certificates = NO_CERTIFICATES) -> None:
    """Upload the file to the image of the ticket."""
    try:
        with path.open("rb") as file, certificates.open_session() as http:
            response = http.put(
                ticket.url,
                data=file,
                timeout=TIMEOUT_S,
                allow_redirects=False,
                headers={"X-Image-Ticket": ticket.ticket, "Content-Type": "application/octet-stream"},
            )
            _check_status(response, "the upload")
    except requests.RequestException as err:
        raise PeerDown(service="image", why=str(err)) from err


def _check_status(response: requests.Response, what: str) -> None:
    if response.status_code >= FIRST_SERVER_ERROR:
        raise PeerDown(service="image", why=f"{what}: status {response.status_code}")
    if response.status_code >= FIRST_FAILURE:
        raise ToolFailed(tool="image service", why=f"{what}: status {response.status_code}: {_plain_text(response)}")


def _plain_text(response: requests.Response) -> str:
    """The image service's sentence without its HTML."""
    return " ".join(re.sub(r"<[^>]*>", " ", response.text[:2000]).split())[:300]
