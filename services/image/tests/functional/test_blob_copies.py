"""Two image services of one cloud, each with a store of its own: data that one of them took is on both."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from pileus_image.core import blob_copies
from pileus_image.drivers.base import BlobMissing
from pileus_image.drivers.copies import CopiedStore, Peers
from pileus_image.testing import ImageFixture, image_service

DATA = b"an image's data" * 1000


class Pair:
    """Two services with one database and one key, and the sockets by which they reach each other."""

    def __init__(self, first: ImageFixture, second: ImageFixture, folder: Path) -> None:
        self.first, self.second, self._folder = first, second, folder
        second.tools.sessions, second.tools.tickets = first.tools.sessions, first.tools.tickets
        for one in (first, second):
            self.place_of(one).mkdir()
            peers = Peers(self.place_of(one), lambda blob: first.tools.tickets.issue(blob, "copy", 60))
            one.tools.stores["file"] = CopiedStore(one.store, peers)

    def place_of(self, one: ImageFixture) -> Path:
        """The directory of the sockets that lead from this service to the other."""
        return self._folder / ("1" if one is self.first else "2")

    @contextmanager
    def reaching(self, one: ImageFixture, *, source: ImageFixture) -> Iterator[None]:
        """Serve `one` at a socket of `source`'s."""
        server = make_server(f"unix://{self.place_of(source) / 'other.sock'}", 0, one.app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            (self.place_of(source) / "other.sock").unlink(missing_ok=True)

    @contextmanager
    def connected(self) -> Iterator[None]:
        with self.reaching(self.first, source=self.second), self.reaching(self.second, source=self.first):
            yield


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        services = [stack.enter_context(image_service(tmp_path / name)) for name in ("a", "b")]
        yield Pair(services[0], services[1], tmp_path)


def blob_of(one: ImageFixture) -> str:
    (blob,) = (path.name for path in one.store.blobs.glob("*/*"))
    return blob


def test_an_upload_ends_with_a_copy_on_each_machine(pair: Pair) -> None:
    with pair.connected():
        pair.first.image(content=DATA)
    assert blob_of(pair.first) == blob_of(pair.second)
    with pair.second.store.open(blob_of(pair.second)) as copy:
        assert copy.read() == DATA


def test_data_is_asked_of_the_machine_that_has_it(pair: Pair) -> None:
    image = pair.first.image(content=DATA)  # the other machine is away
    path = f"/v2/images/{image['id']}/file"
    assert pair.second.client.get(path).status_code == 404, "and while it is, nobody else has the data"
    with pair.connected():
        assert pair.second.client.get(path).data == DATA
    assert pair.second.client.get(path).data == DATA, "it is a copy from now on"


def test_a_machine_that_was_away_gets_what_it_missed(pair: Pair) -> None:
    pair.first.image(content=DATA)
    with pair.connected():
        assert blob_copies.bring_missing(pair.second.tools) == 1
        assert blob_copies.bring_missing(pair.second.tools) == 0
    assert blob_of(pair.second) == blob_of(pair.first)


def test_a_copy_of_a_deleted_image_goes_on_each_machine(pair: Pair) -> None:
    with pair.connected():
        image = pair.first.image(content=DATA)
    stored = (pair.second.store.blobs / blob_of(pair.second)[:2] / blob_of(pair.second)).stat().st_mtime
    assert blob_copies.delete_unknown(pair.second.tools, stored + 2 * blob_copies.FORGOTTEN_S) == 0
    assert pair.first.client.delete(f"/v2/images/{image['id']}").status_code == 204
    pair.first.drain()
    assert pair.first.stored() == [] and len(pair.second.stored()) == 1
    assert blob_copies.delete_unknown(pair.second.tools, stored + 1) == 0, "an upload's row may come yet"
    assert blob_copies.delete_unknown(pair.second.tools, stored + 2 * blob_copies.FORGOTTEN_S) == 1
    assert pair.second.stored() == []


def test_a_copy_that_breaks_off_leaves_nothing(pair: Pair) -> None:
    pair.first.image(content=DATA)
    blob = blob_of(pair.first)
    file = pair.first.store.blobs / blob[:2] / blob

    def app(environ: object, start_response: object) -> list[bytes]:
        start_response("200 OK", [("Content-Length", str(len(DATA)))])  # type: ignore[operator]
        return [DATA[:100]]

    pair.first.app = app  # type: ignore[assignment]
    with pair.reaching(pair.first, source=pair.second), pytest.raises(BlobMissing):
        pair.second.tools.store.bring(blob)
    assert pair.second.stored() == [] and file.exists()


def test_blobs_are_for_who_has_the_key(pair: Pair) -> None:
    pair.first.image(content=DATA)
    path = f"/v2/blobs/{blob_of(pair.first)}"
    assert pair.first.client.get(path).status_code == 401
    for blob, action in (("other", "copy"), (blob_of(pair.first), "read")):
        ticket = pair.first.tools.tickets.issue(blob, action, 60)  # type: ignore[arg-type]
        assert pair.first.client.get(path, headers={"X-Image-Ticket": ticket}).status_code == 401
    ticket = pair.first.tools.tickets.issue(blob_of(pair.first), "copy", 60)
    assert pair.first.client.get(path, headers={"X-Image-Ticket": ticket}).data == DATA
    ticket = pair.first.tools.tickets.issue("none", "copy", 60)
    assert pair.first.client.post("/v2/blobs/none/copies", headers={"X-Image-Ticket": ticket}).status_code == 404
