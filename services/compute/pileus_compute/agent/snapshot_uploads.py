"""Uploads of snapshots to the image service, streamed and with a ticket."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import requests

from pileus_compute.errors import ImageUnreachable, ImageUnusable
from pileus_compute.rpc import Upload, Uploaded
from pileus_kit.tls import NO_CERTIFICATES, Certificates

CHUNK_BYTES = 1 << 20
CONNECT_S, ANSWER_S = 10, 300


class HashedFile:
    """A file as a request's body of known length, hashed while it is sent."""

    def __init__(self, path: Path) -> None:
        self.path, self.size, self.digest = path, path.stat().st_size, hashlib.sha256()

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                self.digest.update(chunk)
                yield chunk


def upload_file(path: Path, upload: Upload, certificates: Certificates = NO_CERTIFICATES) -> Uploaded:
    """PUT the file. Raises ImageUnreachable, after which a later try may succeed, or ImageUnusable if the image service
    refuses it."""
    body = HashedFile(path)
    headers = {
        "X-Image-Ticket": upload.ticket,
        "X-Image-Format": upload.format,
        "Content-Length": str(body.size),
        "Content-Type": "application/octet-stream",
    }
    try:
        with certificates.open_session() as http:
            answer = http.put(
                upload.url, data=body, headers=headers, allow_redirects=False, timeout=(CONNECT_S, ANSWER_S)
            )
    except requests.RequestException as err:
        raise ImageUnreachable(image=upload.image_id, why=str(err)) from err
    if answer.status_code >= 500:
        raise ImageUnreachable(image=upload.image_id, why=f"the image service answered {answer.status_code}")
    if answer.status_code >= 300:
        raise ImageUnusable(image=upload.image_id, why=f"the image service answered {answer.status_code}")
    return Uploaded(body.size, body.digest.hexdigest())
