"""Devices that threads take at the same time, or that are under another name."""

import threading

from pileus_objectstore.testing import ObjectStoreFixture


def forget(store: ObjectStoreFixture, device: str) -> None:
    """Make the server look at the device now, not half a second later."""
    store.servers[0].host._devices[device].disk._seen = 0.0


def test_threads_that_take_a_device_at_once(store: ObjectStoreFixture) -> None:
    """Two of them could lock each other out, so that the device stayed locked until the process ended."""
    device = store.servers[0].host.device("d1")
    for _ in range(50):
        device.disk.close()
        together, usable = threading.Barrier(4), []

        def take(together: threading.Barrier = together, usable: list[bool] = usable) -> None:
            together.wait()
            usable.append(device.usable)

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert usable == [True] * 4


def test_a_device_under_another_name_is_not_used(store: ObjectStoreFixture, container: str) -> None:
    """If it were, its lock would keep it from coming back under its own name."""
    root = store.configs[0].home / "d1"
    root.rename(root.with_name("aside"))
    forget(store, "d1")
    assert "aside" not in {device.name for device in store.servers[0].updater._known_devices()}
    root.with_name("aside").rename(root)
    forget(store, "d1")
    assert store.servers[0].host.device("d1").usable
