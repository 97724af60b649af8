"""What a server takes of a host."""

from pileus_compute.core.hosts import Claim
from pileus_compute.db.models import Server
from pileus_kit.json_types import JsonObject

MIB_PER_GIB = 1024


def claim_of(server: Server, flavor: JsonObject | None = None) -> Claim:
    """What the server takes of a host with its flavor, or with this one. A root disk that is a volume takes nothing."""
    flavor = flavor or server.flavor
    root_gib = flavor["disk_gib"] if server.image_id else 0
    swap_gib = -(-flavor["swap_mib"] // MIB_PER_GIB)
    return Claim(flavor["vcpus"], flavor["memory_mib"], root_gib + flavor["ephemeral_gib"] + swap_gib)
