"""Tickets: how hosts read and write image data without credentials."""

import hashlib
import time

from pileus_image.core import blobs
from pileus_image.db.models import Image
from pileus_image.testing import OCTETS


def ticket(service, image, action, **more):
    body = {"image_id": image["id"], "action": action} | more
    return service.client.post("/v2/tickets", json=body, as_=service.book.service)


def test_a_read_ticket_opens_one_image(service):
    image, other = service.image(content=b"data", visibility="private"), service.image(content=b"none")
    given = ticket(service, image, "read").json
    url = given["url"].removeprefix("http://localhost")
    got = service.client.get(url, anonymous=True, headers={"X-Image-Ticket": given["ticket"]})
    assert got.data == b"data"
    assert (got.headers["X-Image-Format"], got.headers["Content-Length"]) == ("raw", "4")
    assert got.headers["X-Image-Sha256"] == hashlib.sha256(b"data").hexdigest() == given["sha256"]
    for path, token in (
        (f"/v2/data/{other['id']}", given["ticket"]),
        (url, given["ticket"][:-1] + "x"),
        (url, ""),
        (url, "x.y"),
        (url, "\u00e9.a"),
    ):
        refused = service.client.get(path, anonymous=True, headers={"X-Image-Ticket": token})
        assert refused.status_code == 401, token
    assert service.client.put(url, anonymous=True, headers={"X-Image-Ticket": given["ticket"]}).status_code == 401


def test_a_write_ticket_fills_a_queued_image(service):
    image = service.image()
    given = ticket(service, image, "write", seconds=60).json
    headers = OCTETS | {"X-Image-Ticket": given["ticket"]}
    url = given["url"].removeprefix("http://localhost")
    assert service.client.put(url, data=b"snapshot", anonymous=True, headers=headers).status_code == 204
    assert service.show(image)["size"] == 8
    assert service.client.put(url, data=b"again", anonymous=True, headers=headers).status_code == 409


def test_a_host_that_tries_again_ends_its_first_try(service):
    image = service.image()
    with service.sessions.begin() as session:
        blobs.create(session, session.get(Image, image["id"]), "upload", "file")
    assert service.upload(image, b"x").status_code == 409, "a user's upload waits its turn"
    given = ticket(service, image, "write").json
    headers = OCTETS | {"X-Image-Ticket": given["ticket"]}
    path = f"/v2/data/{image['id']}"
    assert service.client.put(path, data=b"again", anonymous=True, headers=headers).status_code == 204
    assert service.show(image)["size"] == 5
    service.drain()
    assert len(service.stored()) == 1


def test_tickets_are_for_services_and_end(service, monkeypatch):
    image = service.image(content=b"data")
    body = {"image_id": image["id"], "action": "read"}
    assert service.client.post("/v2/tickets", json=body).status_code == 403
    assert ticket(service, image, "write").status_code == 409
    assert ticket(service, service.image(), "read").status_code == 409
    assert ticket(service, image, "odd").status_code == 400
    assert ticket(service, {"id": "0" * 8 + "-0000-0000-0000-" + "0" * 12}, "read").status_code == 404
    given = ticket(service, image, "read", seconds=1).json
    later = time.time() + 2
    monkeypatch.setattr("time.time", lambda: later)
    assert (
        service.client.get(
            f"/v2/data/{image['id']}", anonymous=True, headers={"X-Image-Ticket": given["ticket"]}
        ).status_code
        == 401
    )
