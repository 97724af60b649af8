"""The calls by which containers are divided into shards: a part of the contract, under the same rules."""

import msgspec

from pileus_objectstore.wire.contract import HostReplicas


class GetRanges(msgspec.Struct, omit_defaults=True):
    """Read the head of a container, with its ranges, in the host's most recent replica. Reply: ChangesReply."""

    replicas: HostReplicas


class PutRanges(msgspec.Struct, omit_defaults=True):
    """Replace a container's ranges by those in the body, unless later ones than those of `if_at` were decided.

    A replica that has those of `at` already counts as one that took them. Reply: DividedReply.
    """

    replicas: HostReplicas
    at: str
    if_at: str


class DividedReply(msgspec.Struct, omit_defaults=True):
    """Status 200, 404, or 409 if other ranges were decided meanwhile. `devices` are those that have the new ones."""

    status: int
    devices: tuple[str, ...] = ()


class ReportShard(msgspec.Struct, omit_defaults=True):
    """Note in a divided container's ranges what a shard has, as of `stats_at`. Reply: DividedReply."""

    replicas: HostReplicas
    name: str
    shard: str
    count: int
    size: int
    stats_at: str


class FindSplits(msgspec.Struct, omit_defaults=True):
    """Read every `every`-th name of the host's most recent replica of a container, in order. Reply: SplitsReply."""

    replicas: HostReplicas
    every: int


class SplitsReply(msgspec.Struct, omit_defaults=True):
    """Status 200 or 404."""

    status: int
    names: list[str] = []


class DropRows(msgspec.Struct, omit_defaults=True):
    """Remove rows of one device's replica without a trace: those that changed last at change `upto` or before.

    Reply: DroppedReply. At most `limit` rows are removed in one call.
    """

    device: str
    partition: int
    digest: str
    upto: int
    limit: int = 1000


class DroppedReply(msgspec.Struct, omit_defaults=True):
    """Status 200 or 404; how many rows, those of deleted objects included, were removed."""

    status: int
    dropped: int = 0
