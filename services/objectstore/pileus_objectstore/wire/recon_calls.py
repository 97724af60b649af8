"""The call by which operators look into a storage host: a part of the contract, under the same rules.

Names and units are those of Swift's recon where it has them.
"""

import msgspec


class DeviceUsage(msgspec.Struct):
    """A device of the host and its disk, in bytes."""

    device: str
    mounted: bool
    size: int = 0
    used: int = 0
    avail: int = 0


class DaemonReport(msgspec.Struct):
    """The last pass of a daemon: when it ended (epoch seconds), how long it took (seconds), and what it did."""

    ended: float
    took: float
    did: str = ""


class GetRecon(msgspec.Struct, omit_defaults=True):
    """Ask a host how it is. Reply: ReconReply."""


class ReconReply(msgspec.Struct):
    """The state of a host.

    `quarantined` is {kind: files}, `ringmd5` {file: MD5}, `ring_states` {file: (version, checksum)}.

    `machine` is the name under which the cloud knows the machine.
    """

    status: int
    diskusage: list[DeviceUsage] = []
    unmounted: list[str] = []
    async_pending: int = 0
    quarantined: dict[str, int] = {}
    ringmd5: dict[str, str] = {}
    daemons: dict[str, DaemonReport] = {}
    load: tuple[float, float, float] = (0.0, 0.0, 0.0)
    time: float = 0.0
    ring_states: dict[str, tuple[int, int]] = {}
    machine: str = ""
