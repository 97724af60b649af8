"""What an agent does with each heartbeat: it reports to a worker and serves the exports that the worker returns.

This repairs what a crash, a power cut or a dead bus has lost.
"""

from pileus_volume.agent.endpoint import AgentEndpoint
from pileus_volume.rpc import ControlPlane

EVERY_S = 30.0
RETRY_S = 2.0  # after a report that failed


def send_report(agent: AgentEndpoint, control_plane: ControlPlane) -> None:
    """Report once. Raises what the bus or the storage raises."""
    agent.apply_exports(control_plane.heartbeat(agent.report()))
