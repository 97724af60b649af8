"""A running cloud is upgraded to the next release, goes back, and is upgraded again, under a steady load of calls."""

from pathlib import Path

import pytest
from cloud_of_a_test import pileus, running_version
from next_release import next_version
from steady_load import Account, Load


def load_of(state: Path) -> Load:
    """Return a load on the cloud, which isn't started yet."""
    account = Account(state)
    flavors = account.call("GET", "compute", "/flavors").json()["flavors"]
    images = account.call("GET", "image", "/v2/images").json()["images"]
    networks = account.call("GET", "network", "/v2.0/networks?name=private").json()["networks"]
    flavor = next(one["id"] for one in flavors if one["name"] == "m1.nano")
    return Load(state, images[0]["id"], flavor, networks[0]["id"])


@pytest.mark.timeout(1800)  # it takes one minute, and the cloud is made within that; a machine may be ten times as slow
def test_upgrade_undo_and_upgrade_again(newer: Path, state: Path) -> None:
    former, load = running_version(state), load_of(state)
    with load:
        pileus(newer, "upgrade")
        assert running_version(state) == next_version()
        pileus(newer, "upgrade", "--undo")
        assert running_version(state) == former
        pileus(newer, "upgrade")
    assert not load.failures, "\n".join(load.failures[:20])
    assert not load.lost()
    assert len(load.answers) == 6 and min(load.answers.values()) >= 3, load.answers
