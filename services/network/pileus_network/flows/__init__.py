"""What network does after a request has been answered. There is one flow: most operations are one transaction."""

from pileus_kit.flow import Flow
from pileus_network.flows.notify_compute import notify_compute

FLOWS: list[Flow] = [notify_compute]
