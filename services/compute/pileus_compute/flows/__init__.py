"""Everything that takes longer than a request."""

from pileus_compute.flows import power
from pileus_compute.flows.create_server import create_server, create_server_with_volumes
from pileus_compute.flows.delete_server import delete_server
from pileus_kit.flow import Flow

FLOWS: list[Flow] = [create_server, create_server_with_volumes, delete_server, *power.FLOWS]
