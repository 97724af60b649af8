"""Shelved servers."""

from typing import Any

from sqlalchemy import select

from pileus_compute.db.models import Job
from pileus_compute.testing import ComputeFixture
from pileus_kit.flow.jobs import alive

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


def test_a_server_that_is_deleted_just_after_it_was_unshelved_leaves_no_image(
    compute: ComputeFixture, image: Any
) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    compute.act(server, "shelve")
    assert len(image.images) == 2
    answer = compute.client.post(f"/v2.1/servers/{server}/action", json={"unshelve": None})
    assert answer.status_code == 202, answer.text
    with compute.sessions.read() as session:
        job = session.scalars(select(Job.id).where(Job.subject == server, alive(Job))).one()
    assert compute.runner.run(job) is None  # that job alone: what it leaves to be done waits
    assert compute.show(server)["status"] == "ACTIVE" and len(image.images) == 2
    assert compute.client.delete(f"/v2.1/servers/{server}").status_code == 204
    compute.drain()
    assert list(image.images) == [IMAGE_ID]
