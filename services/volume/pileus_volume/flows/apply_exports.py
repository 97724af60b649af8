"""Have a storage host serve its exports after one changed. A host that misses this gets them with its next report."""

from pileus_kit.flow import Flow, Remote, Work
from pileus_volume.core import exports
from pileus_volume.core.job_data import ApplyExportsData
from pileus_volume.core.tools import Tools

PATIENCE_S = 60.0


def apply(tools: Tools, work: Work) -> None:
    host = work.data_as(ApplyExportsData).host
    with tools.sessions.read() as session:
        desired = exports.get_desired(session, host)
    tools.agent_named(host).apply_exports(desired)


apply_exports = Flow("exports.apply", Remote(apply, patience_s=PATIENCE_S))
