"""Clients work on while processes are killed and devices break: nothing acknowledged is lost or wrong.

The operations and the faults are thrown with a seed. PILEUS_FAULT_SEED names another one, and PILEUS_FAULT_OPERATIONS
more operations than 500: a longer run is `PILEUS_FAULT_OPERATIONS=20000 python -m pytest --timeout 3600` of this file.
"""

import os
import random
import resource
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import BotoCoreError, ClientError
from histories import NOTHING, History, Operation
from storage_processes import TOKEN, Cloud, md5

from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.wire.daemon_calls import GetInventory, GetSummary, InventoryReply, SummaryReply
from pileus_objectstore.worker import Worker

SEED = int(os.environ.get("PILEUS_FAULT_SEED", "11"))
OPERATIONS = int(os.environ.get("PILEUS_FAULT_OPERATIONS", "500"))
CLIENTS = 8
CONTAINERS = ("c", "d")
SIZES = (0, 1, 100, 4096, 4096, 4096, 70_000, 262_144, 300_000, 1_500_000)
FIRST_PART = os.urandom(5 << 20)
CONVERGED_S = 60.0
DEVICES = ("d1", "d2", "d3", "d4")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path, with_worker=True)
    for container in CONTAINERS:
        requests.put(f"{cloud.url}/{container}", headers=TOKEN, timeout=30).raise_for_status()
    yield cloud
    cloud.stop()


class Clients:
    """Eight clients that write, read and delete objects, and keep what they saw."""

    def __init__(self, cloud: Cloud, seed: int, s3_clock_is_right: bool = True) -> None:
        self.cloud = cloud
        self.history = History()
        self.refusals: set[int] = set()
        self._dice = random.Random(seed)
        self._multiparts = 0.05 if s3_clock_is_right else 0.0  # S3 refuses signatures of another time
        self._left = 0
        self._number = 0
        self._lock = threading.Lock()

    def work(self, operations: int) -> None:
        """Make requests until so many were answered."""
        self._left = operations
        with ThreadPoolExecutor(CLIENTS) as pool:
            for client in [pool.submit(self._client) for _ in range(CLIENTS)]:
                client.result()

    def read_all(self) -> dict[str, str]:
        """Read every object that was ever written: {key: value}."""
        keys = sorted({operation.key for operation in self.history.operations})
        with ThreadPoolExecutor(CLIENTS) as pool:
            return dict(zip(keys, pool.map(self.read, keys), strict=True))

    def read(self, key: str) -> str:
        """Read an object until it can be read; its value."""
        for _ in range(200):
            operation = self._read(key)
            if operation.known:
                return operation.value
            time.sleep(0.1)
        raise AssertionError(f"{key} can't be read")

    def _client(self) -> None:
        session, s3 = requests.Session(), self.cloud.s3()
        session.headers.update(TOKEN)
        while True:
            with self._lock:
                if self._left <= 0:
                    return
                self._number += 1
                number, dice = self._number, self._dice
                key = f"{dice.choice(CONTAINERS)}/{dice.randrange(40)}"
                size, throw = dice.choice(SIZES), dice.random()
            if throw < 0.72:
                data = (b"%09d" % number * (size // 9 + 1))[:size] if size > 9 else b"%d" % number * size
                operation = self._write(session, key, "PUT", data)
            elif throw < 0.72 + self._multiparts:
                operation = self._multipart(s3, key, number, size)
            elif throw < 0.87:
                operation = self._read(key)
            else:
                operation = self._write(session, key, "DELETE")
            if operation.known:
                with self._lock:
                    self._left -= 1
            else:
                time.sleep(0.1)

    def _write(self, session: requests.Session, key: str, method: str, data: bytes | None = None) -> Operation:
        with self.history.record(key, True, NOTHING if data is None else md5(data)) as operation:
            try:
                answer = session.request(method, f"{self.cloud.url}/{key}", data=data, timeout=30)
            except requests.RequestException:
                return operation
            operation.known = answer.ok or (method == "DELETE" and answer.status_code == 404)
            if not operation.known:
                self.refusals.add(answer.status_code)
        return operation

    def _multipart(self, s3: Any, key: str, number: int, size: int) -> Operation:
        """An upload of one part or two; its value is what GET's body has."""
        parts = [*([FIRST_PART] if number % 2 else []), b"%d" % number + b"x" * size]
        bucket, _, name = key.partition("/")
        with self.history.record(key, True, md5(b"".join(parts))) as operation:
            try:
                upload = s3.create_multipart_upload(Bucket=bucket, Key=name)["UploadId"]
                place = {"Bucket": bucket, "Key": name, "UploadId": upload}
                tags = [
                    {"PartNumber": at, "ETag": s3.upload_part(**place, PartNumber=at, Body=part)["ETag"]}
                    for at, part in enumerate(parts, 1)
                ]
                s3.complete_multipart_upload(**place, MultipartUpload={"Parts": tags})
                operation.known = True
            except ClientError as e:
                self.refusals.add(e.response["ResponseMetadata"]["HTTPStatusCode"])
            except BotoCoreError:
                pass  # the connection broke
        return operation

    def _read(self, key: str) -> Operation:
        with self.history.record(key, write=False) as operation:
            try:
                answer = requests.get(f"{self.cloud.url}/{key}", headers=TOKEN, timeout=30)
            except requests.RequestException:
                return operation
            if answer.status_code == 404:
                operation.known = True
            elif answer.status_code == 200:
                operation.value, operation.known = md5(answer.content), True
            else:
                self.refusals.add(answer.status_code)
        return operation


def listed(cloud: Cloud, container: str) -> dict[str, tuple[int, str]]:
    rows = requests.get(f"{cloud.url}/{container}?format=json", headers=TOKEN, timeout=30).json()
    return {f"{container}/{row['name']}": (row["bytes"], row["hash"]) for row in rows}


def headed(cloud: Cloud, key: str) -> tuple[int, str] | None:
    """Size and ETag as the listing should have them; None if there is no object. A manifest's ETag there is another."""
    head = requests.head(f"{cloud.url}/{key}", headers=TOKEN, timeout=30)
    assert head.status_code in (200, 404), (key, head.status_code)
    if not head.ok:
        return None
    etag = "" if "X-Static-Large-Object" in head.headers else head.headers["Etag"].strip('"')
    return int(head.headers["Content-Length"]), etag


def differences(cloud: Cloud, values: dict[str, str]) -> list[str]:
    """Where listings and objects disagree."""
    rows = listed(cloud, "c") | listed(cloud, "d")
    found = [f"{key} is listed and can't be read" for key in rows if not values.get(key)]
    for key in (key for key, value in values.items() if value):
        head, row = headed(cloud, key), rows.get(key)
        if head is None or row is None or row[0] != head[0] or head[1] not in ("", row[1]):
            found.append(f"{key}: listed {row}, stored {head}")
    return found


def await_listings(cloud: Cloud, values: dict[str, str]) -> None:
    """Wait until the listings show what is stored; a minute is promised."""
    until = time.monotonic() + CONVERGED_S
    while found := differences(cloud, values):
        assert time.monotonic() < until, found
        time.sleep(0.5)


def replicate(cloud: Cloud) -> None:
    """Make the passes that the worker would make in its own time, until there is nothing left to do."""
    worker = Worker(cloud.config)
    try:
        for _ in range(20):
            worker.replicator.run()
            if not (worker.replicator.failed or worker.replicator.left):
                return
        raise AssertionError("the replicator does not come to rest")
    finally:
        worker.stop()


def copies(cloud: Cloud) -> dict[str, set[int]]:
    """{digest of an object or tombstone: the versions on each device, as many as there are}, as servers tell it."""
    worker = Worker(cloud.config)
    context: DaemonContext = worker.replicator.context
    found: dict[str, list[int]] = {}
    try:
        for device in context.local("object"):
            sums = context.ask(device.host, "get_summary", GetSummary(device.name, "object"), SummaryReply)[0].sums
            for partition in sums:
                inventory = GetInventory(device.name, "object", partition)
                for held in context.ask(device.host, "get_inventory", inventory, InventoryReply)[0].held:
                    found.setdefault(held.digest, []).append(held.stamp)
    finally:
        worker.stop()
    return {digest: {*stamps, -len(stamps)} for digest, stamps in found.items()}


def check(cloud: Cloud, clients: Clients) -> None:
    """What must hold after all faults: the history, the listings, three replicas of each object."""
    values = clients.read_all()
    wrong = clients.history.contradictions()
    assert not wrong, [operation for operation in clients.history.operations if operation.key in wrong]
    await_listings(cloud, values)
    replicate(cloud)
    found = copies(cloud)
    assert found
    assert [digest for digest, stamps in found.items() if -3 not in stamps or len(stamps) != 2] == []
    assert clients.read_all() == values
    assert clients.refusals <= {503, 507}
    assert not cloud.files("tmp/*")


def in_background(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def test_each_process_is_killed_in_turn(cloud: Cloud) -> None:
    clients = Clients(cloud, SEED)
    worker = in_background(lambda: clients.work(OPERATIONS))
    dice, kills = random.Random(SEED), 0
    while worker.is_alive():
        worker.join(0.2 + dice.random())
        cloud.restart(("storage", "proxy", "worker", "storage")[kills % 4])
        kills += 1
    assert kills >= 3
    check(cloud, clients)


@pytest.mark.parametrize("fault", ["removed", "full", "slow"])
def test_devices_break_under_load(cloud: Cloud, fault: str) -> None:
    """Devices vanish and come back, files can't grow any more, the storage server stands still."""
    clients = Clients(cloud, SEED + 1)
    worker = in_background(lambda: clients.work(OPERATIONS // 5))
    away = cloud.home / "away"
    pid = cloud.storage.pid
    while worker.is_alive():
        if fault == "removed":
            (cloud.home / "d1").rename(away)
        elif fault == "full":
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (65_536, resource.RLIM_INFINITY))
        else:
            os.kill(pid, signal.SIGSTOP)
        worker.join(1.0)
        if fault == "removed":
            shutil.rmtree(cloud.home / "d1", ignore_errors=True)
            away.rename(cloud.home / "d1")
        elif fault == "full":
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        else:
            os.kill(pid, signal.SIGCONT)
        worker.join(0.5)
    assert fault != "full" or clients.refusals
    check(cloud, clients)


def test_what_is_refused_leaves_nothing(cloud: Cloud) -> None:
    """No file can grow beyond 8 KiB: larger bodies are refused, and neither listings nor readers see any of them."""
    resource.prlimit(cloud.storage.pid, resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
    answers = [
        requests.put(f"{cloud.url}/c/{n}", data=os.urandom(size), headers=TOKEN, timeout=30).status_code
        for n, size in enumerate((20_000, 100_000, 300_000, 1_000_000))
    ]
    assert set(answers) <= {503, 507}
    resource.prlimit(cloud.storage.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert listed(cloud, "c") == {}
    assert [headed(cloud, f"c/{n}") for n in range(4)] == [None] * 4
    assert not cloud.files("tmp/*")
    assert copies(cloud) == {}


def rot(path: Path, dice: random.Random) -> None:
    """Flip a bit of a file, somewhere; what was there before is gone."""
    data = bytearray(path.read_bytes())
    about = path.stat()
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    path.write_bytes(bytes(data))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def await_notice(cloud: Cloud, ring: Path, unharmed: Callable[[], bool]) -> None:
    """Wait until the proxy has read a damaged ring; it looks at each of them every few seconds."""
    until = time.monotonic() + 30
    while True:
        assert unharmed()
        if f"{ring.name} can't be read" in (cloud.state / "proxy.log").read_text():
            return
        assert time.monotonic() < until, f"the proxy has not looked at {ring.name}"


def test_every_kind_of_file_rots(cloud: Cloud) -> None:
    """All files of one device are damaged while its server is dead, and the rings while it runs.

    It is a device that has a replica of the account: of four devices one has none.
    """
    clients = Clients(cloud, SEED + 2)
    clients.work(OPERATIONS // 5)
    for key, value in clients.read_all().items():
        if value:
            requests.post(f"{cloud.url}/{key}", headers=TOKEN | {"X-Object-Meta-A": "1"}, timeout=30).raise_for_status()
    values = clients.read_all()
    cloud.kill("storage")
    dice = random.Random(SEED)
    rotten: dict[str, int] = {}
    device = next(name for name in DEVICES if any(cloud.home.glob(f"{name}/accounts/**/*.db")))
    for path in cloud.home.glob(f"{device}/**/*"):
        if path.is_file() and path.name != ".device" and path.stat().st_size:
            rot(path, dice)
            kind = path.relative_to(cloud.home).parts[1]
            rotten[kind] = rotten.get(kind, 0) + 1
    assert {"accounts", "containers", "objects", "packs"} <= set(rotten), rotten
    cloud.start("storage")
    assert clients.read_all() == values
    for kind in ("account", "container", "object"):
        ring = cloud.home / "rings" / f"{kind}.ring"
        saved = ring.read_bytes()
        ring.write_bytes(saved[: len(saved) // 2])
        await_notice(cloud, ring, lambda: clients.read_all() == values)
        ring.write_bytes(saved)
    worker = Worker(cloud.config)
    try:
        worker.auditor.pause = lambda seconds: None
        worker.auditor.run()
    finally:
        worker.stop()
    check(cloud, clients)
    assert clients.read_all() == values
    for key in (key for key, value in values.items() if value):
        head = requests.head(f"{cloud.url}/{key}", headers=TOKEN, timeout=30)
        assert head.headers["X-Object-Meta-A"] == "1"


def test_the_clock_is_stepped(cloud: Cloud) -> None:
    """By an hour, forward and back; what is refused for that succeeds when it is tried again."""
    clients = Clients(cloud, SEED + 3, s3_clock_is_right=False)
    clients.work(OPERATIONS // 10)
    for seconds in (3600.0, 0.0):
        cloud.step_clock(seconds)
        for name in ("storage", "proxy"):
            cloud.restart(name)
        clients.work(OPERATIONS // 10)
    check(cloud, clients)
    for key in {operation.key for operation in clients.history.operations}:
        for _ in range(3):
            answer = requests.put(f"{cloud.url}/{key}", data=b"last", headers=TOKEN, timeout=30)
            if answer.status_code == 201:
                break
        assert answer.status_code == 201
        assert requests.get(f"{cloud.url}/{key}", headers=TOKEN, timeout=30).content == b"last"
