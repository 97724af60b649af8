"""What an agent does with each heartbeat: it reports to a worker and serves the exports that the worker returns.

This repairs what a crash, a power cut or a dead bus has lost.
"""

import logging

from pileus_volume.agent.endpoint import AgentEndpoint
from pileus_volume.rpc import ControlPlane

log = logging.getLogger(__name__)

EVERY_S = 30.0
RETRY_S = 2.0  # after a report that failed


def send_report(agent: AgentEndpoint, control_plane: ControlPlane) -> None:
    """Report each backend once. Raises what the bus or the storage raises, after all were tried: one backend whose disk
    is broken must not silence the others."""
    failures: list[Exception] = []
    try:
        agent.apply_exports(control_plane.heartbeat(agent.report()))
    except Exception as err:
        failures.append(err)
    for name in agent.further_backends:
        try:
            agent.apply_exports(control_plane.report_backend(agent.report(name), name), name)
        except Exception as err:
            failures.append(err)
    for more in failures[1:]:
        log.warning("another backend couldn't report", exc_info=more)
    if failures:
        raise failures[0]
