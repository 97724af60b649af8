"""Tell a storage host what to export, after that changed. A host that misses it asks for it with its next report."""

from pileus_kit.flow import Flow, Remote, Work
from pileus_volume.core import hosts
from pileus_volume.flows.tools import Tools

PATIENCE_S = 60.0


def serve(tools: Tools, work: Work) -> None:
    name = work.data["host"]
    with tools.sessions.read() as session:
        wanted = hosts.wanted(session, name)
    tools.agent(name).serve(wanted)


serve_exports = Flow("exports.serve", Remote(serve, patience_s=PATIENCE_S))
