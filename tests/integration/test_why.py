"""`pileus why` on a real host: what only a real disk and a real image can do wrong."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PILEUS = Path(sys.executable).parent / "pileus"
CREATE = ("server", "create", "--flavor", "m1.nano", "--network", "private")
Ask = Callable[..., tuple[int, str]]


@pytest.fixture
def pileus(state: Path, tmp_path: Path) -> Ask:
    """`pileus("server", "list")` as the demo user types it: exit code and all that was said."""
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("OS_")},
        "OS_CLOUD": "pileus",
        "OS_CLIENT_CONFIG_FILE": str(state / "clouds.yaml"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }

    def ask(*words: str) -> tuple[int, str]:
        done = subprocess.run([PILEUS, *words], env=environment, capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout + done.stderr

    return ask


@contextmanager
def full(directory: Path) -> Iterator[None]:
    """A disk that takes no file more, in the directory's place. It looks as if it had room: what the host reports of
    its size must not make the scheduler refuse what comes meanwhile, and afterwards.
    """
    room = os.statvfs(directory)
    options = f"size={room.f_blocks * room.f_frsize},nr_inodes=1,mode=0711"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", directory], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", directory], check=True)


def test_a_full_disk(pileus: Ask, state: Path) -> None:
    with full(state / "instances"):
        code, said = pileus(*CREATE, "w-full", "--image", "pileus-test")
        assert code == 1, said
        _, told = pileus("why", "server", "w-full")
    assert pileus("server", "delete", "w-full")[0] == 0
    assert "no space left on the host" in told, told
    assert "delete servers or volumes" in told.partition("What helps: ")[2], told


def test_an_image_that_was_changed_behind_the_service_s_back(pileus: Ask, state: Path, tmp_path: Path) -> None:
    source = tmp_path / "image.qcow2"
    source.write_bytes((state / "cache" / "pileus-test.qcow2").read_bytes() + bytes(1 << 16))  # the host hasn't it yet
    assert pileus("image", "create", "w-changed", "--disk-format", "qcow2", "--file", str(source))[0] == 0
    try:
        blob = max((state / "image" / "store" / "blobs").glob("*/*"), key=lambda path: path.stat().st_mtime)
        with blob.open("r+b") as file:
            file.seek(1 << 20)
            file.write(b"something else")
        code, said = pileus(*CREATE, "w-changed-server", "--image", "w-changed")
        assert code == 1, said
        _, told = pileus("why", "server", "w-changed-server")
        assert "SHA-256" in told, told
        assert "What helps: " in told, told
    finally:
        pileus("server", "delete", "w-changed-server")
        pileus("image", "delete", "w-changed")


def test_an_image_with_a_backing_file(pileus: Ask, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(1 << 20))
    hostile = tmp_path / "hostile.qcow2"
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", tmp_path / "secret", hostile], check=True
    )
    code, said = pileus("image", "create", "w-hostile", "--disk-format", "qcow2", "--file", str(hostile))
    assert code == 1 and "backing file" in said, said
    _, told = pileus("why", "image", "w-hostile")
    pileus("image", "delete", "w-hostile")
    assert "backing file" in told and "qemu-img" in told.partition("What helps: ")[2], told
