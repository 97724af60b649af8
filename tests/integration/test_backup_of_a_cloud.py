"""docs/operating.md, "Back up and restore": a copied state directory is the cloud as it was."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import Cloud
from conftest import deploy

OFFSET = 860


@pytest.fixture
def home() -> Iterator[Path]:
    """The state directory of a cloud with a fake hypervisor, where other users may pass as in /var/lib."""
    place = Path("/var/tmp") / f"pileus-backup-{os.getpid()}"
    place.mkdir(mode=0o755)
    yield place / "state"
    deploy("reset", state=place / "state")
    shutil.rmtree(place)


def copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", "--sparse=always", source, target], check=True)


def test_a_restored_cloud_is_as_it_was(home: Path) -> None:
    deploy("up", "--offset", str(OFFSET), "--hypervisor", "fake", "--no-demo", state=home)
    cloud = Cloud(home, "pileus").sdk()
    cloud.object_store.create_container("kept")
    cloud.object_store.upload_object("kept", "letter", data=b"as it was")
    network = cloud.network.create_network(name="kept")
    token = cloud.auth_token
    deploy("down", state=home)
    copy(home, home.with_name("backup"))
    deploy("up", state=home)
    cloud.object_store.delete_object("letter", container="kept")
    cloud.network.delete_network(network)
    deploy("down", state=home)
    home.rename(home.with_name("broken"))
    copy(home.with_name("backup"), home)
    deploy("up", state=home)
    assert cloud.object_store.download_object("letter", container="kept") == b"as it was"
    assert cloud.network.get_network(network.id).name == "kept"
    assert Cloud(home, "pileus").sdk().auth_token and cloud.auth_token == token, "tokens outlive the copy"
