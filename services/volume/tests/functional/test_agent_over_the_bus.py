"""The contracts over a bus: what is sent arrives unchanged."""

from collections.abc import Iterator

import pytest

from pileus_kit.rpc import Bus, Refused
from pileus_volume.agent.endpoint import AgentEndpoint
from pileus_volume.config import Config
from pileus_volume.drivers.fake import FakeBackend
from pileus_volume.rpc import (
    GIB,
    ControlPlane,
    DesiredExports,
    Disk,
    DiskSize,
    Export,
    HostReport,
    Image,
    SnapshotResult,
    StorageAgent,
    Ticket,
)


class RecordingControlPlane(ControlPlane):
    def __init__(self) -> None:
        self.reports: list[HostReport] = []

    def heartbeat(self, report: HostReport) -> DesiredExports:
        self.reports.append(report)
        return DesiredExports(7, [Export("v", "a", "secret", True)])

    def report_backend(self, report: HostReport, backend: str) -> DesiredExports:
        self.reports.append(report)
        return DesiredExports(8, [Export("w", "b", f"secret of {backend}", True)])


@pytest.fixture
def bus() -> Iterator[Bus]:
    bus = Bus("fake://")
    yield bus
    bus.close()


def test_an_agent_over_the_bus(bus, tmp_path):
    backend, sent = FakeBackend(), []
    agent = AgentEndpoint(Config(state=str(tmp_path), host="h"), backend, lambda path, ticket: sent.append(ticket))
    server = bus.serve(agent, "h")
    try:
        far, disk = bus.client(StorageAgent, "h"), Disk("v", 2)
        far.create(disk)
        far.create_from_image(Disk("w", 1), Image("i", "raw", "sha512", "d", 10, Ticket("http://i", "t")))
        assert far.snapshot("v", "s") == SnapshotResult(True)
        far.create_from_snapshot(Disk("x", 2), "v", "s")
        assert far.extend(Disk("v", 3)) == DiskSize(3 * GIB)
        far.upload("v", None, "raw", Ticket("http://u", "t"))
        assert sent == [Ticket("http://u", "t")]
        far.apply_exports(DesiredExports(3, [Export("v", "a", "secret", False)]))
        far.apply_exports(DesiredExports(2, []))  # older: refused
        assert backend.exports["a"].name == "secret"
        with pytest.raises(Refused, match="no snapshot"):
            far.create_from_snapshot(Disk("y", 2), "v", "unknown")
        assert set(backend.disks) == {"v", "w", "x"}
        with pytest.raises(Refused, match="no backend fast"):
            far.create(disk, backend="fast")
    finally:
        server.stop()


def test_a_host_reports_over_the_bus(bus, tmp_path):
    control_plane = RecordingControlPlane()
    server = bus.serve(control_plane, "w")
    try:
        agent = AgentEndpoint(Config(state=str(tmp_path), host="h", backend="fake"), FakeBackend())
        answer = bus.client(ControlPlane).heartbeat(agent.report())
        assert answer.exports[0].name == "secret" and control_plane.reports == [agent.report()]
        further = bus.client(ControlPlane).report_backend(agent.report(), "fast")
        assert further.exports[0].name == "secret of fast"
    finally:
        server.stop()
