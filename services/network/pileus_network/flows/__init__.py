"""What network does after a request has been answered. It is little: most of it is one transaction and a poke."""

from pileus_kit.flow import Flow
from pileus_network.flows.notify_compute import notify_compute

FLOWS: list[Flow] = [notify_compute]
