"""The manage command: rings and devices of one host, and of several."""

from pathlib import Path

import pytest

from pileus_objectstore import manage
from pileus_objectstore.config import Config
from pileus_objectstore.ring.rings import KINDS, Rings


@pytest.fixture
def conf(tmp_path: Path) -> str:
    path = tmp_path / "objectstore.conf"
    path.write_text(f"[DEFAULT]\nstate = {tmp_path}\nstorage_bind = 127.0.0.1:6200\n")
    return str(path)


def run(conf: str, *args: str) -> int:
    return manage.main(["--config", conf, *args])


def rings(conf: str) -> Rings:
    return Rings(Config(state=str(Path(conf).parent)).ring_directory)


def test_all_in_one_creates_four_devices_once(conf: str) -> None:
    assert run(conf, "all-in-one") == 0
    home = Path(conf).parent / "objectstore"
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert sorted(path.name for path in home.glob("d?")) == ["d1", "d2", "d3", "d4"]
    for kind in KINDS:
        ring = rings(conf).ring(kind)
        assert (ring.power, ring.replicas) == (manage.POWER, 3)
        assert len({device.name for device in ring.devices(0)}) == 3
    assert run(conf, "all-in-one") == 0
    assert run(conf, "migrate") == 0
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_a_cluster_of_several_hosts(conf: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(conf, "create", "--power", "4") == 0
    for number in range(4):
        host = f"10.0.0.{number + 1}:6200"
        assert run(conf, "add", "d1", host, "--region", "1", "--zone", str(number), "--weight", "50") == 0
    assert run(conf, "rebalance") == 0
    assert "48 replicas of 48 got a new device" in capsys.readouterr().out
    assert run(conf, "show") == 0
    shown = capsys.readouterr().out
    assert "object: version 5, 16 partitions, 3 replicas" in shown
    assert "10.0.0.4:6200" in shown
    assert "weight 50 holds 12" in shown
    assert run(conf, "weight", "3", "0") == 0
    assert run(conf, "rebalance") == 0
    ring = rings(conf).ring("object")
    assert {device.host for partition in range(16) for device in ring.devices(partition)} == {
        f"10.0.0.{number}:6200" for number in (1, 2, 3)
    }
    assert run(conf, "remove", "3") == 0
    assert rings(conf).ring("object").file.devices[3] is None


def test_devices_are_formatted_without_loss(conf: str) -> None:
    assert run(conf, "format", "d1", "d2") == 0
    marker = Path(conf).parent / "objectstore" / "d1" / ".device"
    before = marker.read_bytes()
    (marker.parent / "data").write_text("kept")
    assert run(conf, "format", "d1") == 0
    assert marker.read_bytes() == before
    assert (marker.parent / "data").read_text() == "kept"


def test_changes_that_are_impossible_are_refused(conf: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(conf, "create", "--power", "4", "--replicas", "3") == 0
    assert run(conf, "create") == 1
    assert "data would be lost" in capsys.readouterr().err
    run(conf, "add", "d1", "10.0.0.1:6200")
    for command, why in (
        (("add", "d1", "10.0.0.1:6200"), "is in the ring already"),
        (("rebalance",), "3 replicas need as many devices, there are 1"),
        (("remove", "7"), "there is no device 7"),
        (("weight", "7", "1"), "there is no device 7"),
    ):
        capsys.readouterr()
        assert run(conf, *command) == 1
        assert why in capsys.readouterr().err


def test_the_key_is_created_once_and_private(conf: str) -> None:
    config = Config(state=str(Path(conf).parent))
    key = config.key()
    assert len(key) == 64
    assert config.key() == key
    path = config.home / "cluster.key"
    assert path.stat().st_mode & 0o077 == 0
    assert Config(state=config.state, cluster_key="given").key() == "given"
