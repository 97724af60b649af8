"""What an inspection says of the object store's devices on its machine, as their own command makes them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pileus_kit.inspection.object_devices import lost_devices
from pileus_objectstore import manage

HERE, MARKER = "127.0.0.1:6200", ".device"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    config = tmp_path / "etc" / "objectstore-agent.conf"
    config.parent.mkdir()
    config.write_text(f"[DEFAULT]\nstate = {tmp_path}\nstorage_bind = {HERE}\n")
    assert manage.main(["--config", str(config), "all-in-one"]) == 0
    return tmp_path


def gone(device: Path) -> None:
    device.rename(device.parent / "aside")


def exchanged(device: Path) -> None:
    gone(device)
    device.mkdir()


def mixed_up(device: Path) -> None:
    (device / MARKER).write_bytes((device.parent / "d3" / MARKER).read_bytes())


def found(state: Path) -> list[tuple[str, str]]:
    return [(one.thing, one.check) for one in lost_devices(state, HERE)]


@pytest.mark.parametrize("damage", [gone, exchanged, mixed_up])
def test_a_device_that_is_lost_is_named(state: Path, damage: Callable[[Path], None]) -> None:
    assert found(state) == []
    damage(state / "objectstore" / "d2")
    assert found(state) == [("device d2", "object devices")]
    assert not list(lost_devices(state, "192.0.2.1:6200")), "another host's devices are not looked for here"


@pytest.mark.parametrize("damage", [gone, exchanged])
def test_what_mends_a_lost_device(state: Path, damage: Callable[[Path], None]) -> None:
    damage(state / "objectstore" / "d2")
    command = next(iter(lost_devices(state, HERE))).mend.split()
    assert command[0] == "pileus-objectstore-manage" and manage.main(command[1:]) == 0
    assert found(state) == []


def test_rings_that_are_gone_or_broken(state: Path) -> None:
    (state / "objectstore" / "rings" / "object.ring").unlink()
    (state / "objectstore" / "rings" / "account.ring").write_text("{")
    assert found(state) == [("account ring", "rings"), ("object ring", "rings")]
    gone(state / "objectstore" / "d4")
    assert ("device d4", "object devices") in found(state), "one ring is enough to know the devices"
