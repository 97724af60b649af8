"""Change the administrator's password inside a running guest."""

from sqlalchemy.orm import Session

from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server
from pileus_compute.steps.guests import agent_of
from pileus_kit.flow import Flow, Local, Remote, Work

ADMINISTRATOR = "root"


def set_password(tools: Tools, work: Work) -> None:
    """The password waits in the server's row, sealed, and not in the job: jobs stay on record."""
    with tools.sessions.read() as session:
        password = session.get_one(Server, work.subject).admin_password
    if password:
        agent_of(tools, work.subject).set_password(work.subject, ADMINISTRATOR, password)


def forget_password(session: Session, tools: Tools, work: Work) -> None:
    session.get_one(Server, work.subject).admin_password = None


change_password = Flow("server.change_password", Remote(set_password), Local(forget_password), failed=forget_password)
