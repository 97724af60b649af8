"""Every route and every action, called by each kind of caller, against tables that a person reviewed."""

from pathlib import Path

import pytest

from pileus_compute.api.server_actions import actions
from pileus_compute.testing import ComputeFixture
from pileus_kit.testing import assert_policy_matrix, assert_table

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize("version", ["2.1", "latest"])
def test_the_policy_matrix(compute: ComputeFixture, version: str) -> None:
    """The server is p1's, so that `other` (of p2) must not find it."""
    server = compute.server(imageRef=IMAGE_ID)["id"]
    assert_policy_matrix(
        compute.app,
        compute.book,
        Path(__file__).with_name(f"policy_matrix_{version}.txt"),
        headers={"OpenStack-API-Version": f"compute {version}"},
        samples={"server_id": server, "flavor_id": "1"},
    )


def test_the_policy_of_each_action(compute: ComputeFixture) -> None:
    """A caller without the right gets 403, or 404 in another project, whatever the body; others get 400 for it."""
    server, book = compute.server(imageRef=IMAGE_ID)["id"], compute.book
    actors = {
        "none": None,
        "expired": book.expired,
        "revoked": book.revoked,
        "nobody": book.without_roles,
        "reader": book.reader,
        "other": book.other,
        "service": book.service,
        "domain": book.domain_admin,
        "sysread": book.system_reader,
        "system": book.system_admin,
        "member": book.member,
        "manager": book.manager,
        "admin": book.admin,
    }
    lines = [f"{'':28}{'rule':60}" + " ".join(f"{name:>8}" for name in actors)]
    for action in sorted(actions, key=lambda one: (one.name == "forceDelete", one.name)):  # its body is never wrong
        name = action.name
        version = "2.1" if action.until else "latest"
        seen = [
            compute.client.post(
                f"/v2.1/servers/{server}/action",
                json={name: {"not": "valid"}},
                as_=who,
                anonymous=who is None,
                version=version,
            ).status_code
            for who in actors.values()
        ]
        assert seen[:3] == [401, 401, 401] and seen[5] == 404, f"{name}: {seen}"
        assert seen[3:5] == [403, 403], f"{name}: {seen}"
        assert seen[6:10] == [404, 403, 404, 403], f"{name}: {seen}"  # scopes that no rule takes
        lines.append(f"{name:28}{action.policy:60}" + " ".join(f"{status:>8}" for status in seen))
    assert_table("\n".join(lines) + "\n", Path(__file__).with_name("policy_of_actions.txt"))
