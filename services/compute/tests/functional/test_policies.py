"""Every route and every action, asked by everybody, against tables that a person reviewed."""

from pathlib import Path

import pytest

from pileus_compute.api.server_actions import ACTIONS
from pileus_compute.testing import ComputeFixture
from pileus_kit.testing import assert_policy_matrix

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize("version", ["2.1", "latest"])
def test_the_policy_matrix(compute: ComputeFixture, version: str) -> None:
    """The server is p1's, so that `other` (of p2) must not find it."""
    server = compute.server(imageRef=IMAGE_ID)["id"]
    assert_policy_matrix(compute.app, compute.book, Path(__file__).with_name(f"policy_matrix_{version}.txt"),
                         headers={"OpenStack-API-Version": f"compute {version}"},
                         samples={"server_id": server, "flavor_id": "1"})


def test_the_policy_of_each_action(compute: ComputeFixture) -> None:
    """Whoever may not gets 403, and 404 in another project, whatever the body."""
    server = compute.server(imageRef=IMAGE_ID)["id"]
    book = compute.book
    lines = []
    for name, action in sorted(ACTIONS.items()):
        version = "2.1" if action.until else "latest"
        seen = []
        for who in (book.nobody, book.reader, book.other, book.member, book.manager, book.admin):
            answer = compute.client.post(f"/v2.1/servers/{server}/action", json={name: {"not": "valid"}}, as_=who,
                                         version=version)
            seen.append("403" if answer.status_code == 403 else "404" if answer.status_code == 404 else "in")
        lines.append(f"{name:24}{action.rule:60}" + " ".join(f"{s:>4}" for s in seen))
        assert seen[2] == "404", f"{name}: another project's server is found"
        assert "in" not in seen[:2], f"{name}: {seen}"
    assert len(lines) > 20
