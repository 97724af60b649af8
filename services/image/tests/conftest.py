"""Fixtures of the image service's tests."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pileus_image.testing import ImageFixture, image_service
from pileus_kit.testing import Client

CONTENT = b"from the web" * 10_000


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ImageFixture]:
    with image_service(tmp_path) as fixture:
        yield fixture


@pytest.fixture
def admin(service: ImageFixture) -> Client:
    """The service as an administrator uses it."""
    return Client(service.app, "image", as_=service.book.admin)


class Site(BaseHTTPRequestHandler):
    """A web server with an image at /image, a redirection to it at /moved, and a body that ends early at /short."""

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/image")
            self.end_headers()
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT) + 1))
            self.end_headers()
            self.wfile.write(CONTENT)
        elif self.path == "/image":
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT)
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def reaching(tmp_path: Path) -> Iterator[ImageFixture]:
    with image_service(tmp_path, download_networks=("127.0.0.0/8",)) as fixture:
        yield fixture
