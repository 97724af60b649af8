"""Storage policies: named ways to keep objects, each with a ring of its own.

A container gets one when it is created and keeps it. The policies are in the file `policies.json` beside the rings.
Without the file there is one policy, which every cluster has.
"""

import msgspec

from pileus_objectstore.errors import RingRefused

MAX_NAME = 64
FIRST_AREA = 10_000  # areas of fragments have indexes from here on, policies below


class ErasureCode(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a policy splits an object: any `data` of its `data` + `parity` fragments give it back.

    It is coded in segments of `segment_bytes`. Objects of less than `min_bytes` are kept whole, on `parity` + 1 devices
    as the heads of the others are. `kind` is a name that pyeclib knows.
    """

    data: int
    parity: int
    kind: str = "isa_l_rs_cauchy"
    segment_bytes: int = 1 << 20
    min_bytes: int = 64 << 10

    @property
    def fragments(self) -> int:
        """The number of fragments."""
        return self.data + self.parity


class StoragePolicy(msgspec.Struct, frozen=True, omit_defaults=True):
    """One policy. No new container gets a deprecated one. Clients may name a policy by its name or an alias.

    Each policy has an index, which stands in rings' and directories' names; it is never given to another policy.
    """

    index: int
    name: str
    aliases: tuple[str, ...] = ()
    deprecated: bool = False
    erasure_code: ErasureCode | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The name and all aliases."""
        return (self.name, *self.aliases)


class StoragePolicies(msgspec.Struct, frozen=True, omit_defaults=True):
    """All policies of a cluster, by index. `version` grows with each change. `default` is an index."""

    policies: tuple[StoragePolicy, ...] = (StoragePolicy(0, "Policy-0"),)
    default: int = 0
    version: int = 0

    @property
    def indexes(self) -> tuple[int, ...]:
        """The indexes of all policies."""
        return tuple(policy.index for policy in self.policies)

    def by_index(self, index: int) -> StoragePolicy | None:
        """The policy with an index, if there is one."""
        return next((policy for policy in self.policies if policy.index == index), None)

    def by_name(self, name: str) -> StoragePolicy | None:
        """The policy with a name or alias; case doesn't matter."""
        wanted = name.lower()
        return next((p for p in self.policies if wanted in (known.lower() for known in p.names)), None)

    def with_policy(self, policy: StoragePolicy) -> "StoragePolicies":
        """The same policies with one that is new or changed. Raises RingRefused."""
        others = tuple(other for other in self.policies if other.index != policy.index)
        taken = {name.lower() for other in others for name in other.names}
        for name in policy.names:
            if not name or len(name) > MAX_NAME or not all(c.isascii() and (c.isalnum() or c == "-") for c in name):
                raise RingRefused(
                    why=f"{name!r} is not a policy's name: letters, digits and hyphens, at most {MAX_NAME}"
                )
            if name.lower() in taken:
                raise RingRefused(why=f"there is a policy of the name {name} already")
        if policy.deprecated and policy.index == self.default:
            raise RingRefused(why=f"{policy.name} is the default policy; make another one the default first")
        policies = tuple(sorted((*others, policy), key=lambda p: p.index))
        return msgspec.structs.replace(self, policies=policies, version=self.version + 1)

    def with_default(self, index: int) -> "StoragePolicies":
        """The same policies with another default. Raises RingRefused."""
        policy = self.by_index(index)
        if policy is None or policy.deprecated:
            raise RingRefused(why="only a policy that exists and is not deprecated can be the default")
        return msgspec.structs.replace(self, default=index, version=self.version + 1)


SINGLE = StoragePolicies()


def fragments_area(policy: int) -> int:
    """The index under which devices keep the fragments of an erasure-coded policy, apart from its whole objects."""
    return FIRST_AREA + policy


def policy_of_area(area: int) -> int:
    """The policy whose fragments an area holds; -1 if it is no area of fragments."""
    return area - FIRST_AREA if area >= FIRST_AREA else -1
