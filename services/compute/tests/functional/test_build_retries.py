"""A build that fails because of its host is begun once more on another one; users read no path and no class name."""

import errno
from typing import Any

import pytest
from sqlalchemy import select

from pileus_compute.db.models import Allocation, Job
from pileus_compute.errors import HypervisorFailed
from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


def full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/srv/cloud/instances/x/disk")


def full_tool() -> None:
    raise HypervisorFailed(what="make a disk", why="qemu-img: /srv/cloud/instances/x/disk: No space left on device")


def refusing(compute: ComputeFixture, *hosts: str, fault: Any = full) -> None:
    for name in hosts:
        compute.tools._agents[name].driver.fail("prepare", *[fault] * 5)  # type: ignore[attr-defined]


def host_of(compute: ComputeFixture, server_id: str) -> Any:
    return compute.show(server_id, as_=compute.book.admin)["OS-EXT-SRV-ATTR:host"]


@pytest.mark.parametrize("fault", [full, full_tool])
def test_a_full_host_hands_the_server_on(compute: ComputeFixture, fault: Any) -> None:
    compute.add_host("host2")
    first = compute.server(drain=False, imageRef=IMAGE_ID)
    refusing(compute, "host1", fault=fault)
    compute.drain()
    view = compute.show(first["id"])
    assert (view["status"], host_of(compute, first["id"])) == ("ACTIVE", "host2")
    with compute.sessions.read() as session:
        assert [(a.server_id, a.host) for a in session.scalars(select(Allocation))] == [(first["id"], "host2")]
        assert len(session.scalars(select(Job)).all()) == 1, "it is one action of the user"


def test_a_host_that_said_it_is_full_is_the_last_choice(compute: ComputeFixture) -> None:
    compute.add_host("host2")
    refusing(compute, "host1")
    hosts = {host_of(compute, compute.server(imageRef=IMAGE_ID)["id"]) for _ in range(4)}
    assert hosts == {"host2"}


def test_full_hosts_everywhere_end_in_an_error_without_paths(compute: ComputeFixture) -> None:
    compute.add_host("host2")
    refusing(compute, "host1", "host2")
    view = compute.server(imageRef=IMAGE_ID)
    assert view["status"] == "ERROR"
    assert view["fault"]["message"] == "There is no space left on the host."
    assert not compute.host.driver.guests_by_id


def test_a_deletion_meanwhile_is_not_built_elsewhere(compute: ComputeFixture) -> None:
    compute.add_host("host2")
    refusing(compute, "host1", "host2")
    made = compute.server(drain=False, imageRef=IMAGE_ID)
    assert compute.client.delete(f"/v2.1/servers/{made['id']}").status_code == 204
    compute.drain()
    assert compute.client.get(f"/v2.1/servers/{made['id']}").status_code == 404


def test_a_bug_of_a_host_shows_no_machinery(compute: ComputeFixture) -> None:
    def bug() -> None:
        raise KeyError("/srv/cloud/secret")

    refusing(compute, "host1", fault=bug)
    message = compute.server(imageRef=IMAGE_ID)["fault"]["message"]
    assert "srv" not in message and "KeyError" not in message and message.startswith("Something unexpected happened")
