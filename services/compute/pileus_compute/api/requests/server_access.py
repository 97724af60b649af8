"""Which servers a request may name: those of its project, or all of them for an administrator."""

from typing import cast

from flask import g

from pileus_compute.api.tools import tools
from pileus_compute.core import servers
from pileus_compute.db.models import DeletedServer, Server
from pileus_compute.errors import Locked
from pileus_kit.db import Session
from pileus_kit.web import allowed, caller

Target = dict[str, str]
"""What a policy rule is checked against."""
UNLOCK_OVERRIDE = "os_compute_api:os-lock-server:unlock:unlock_override"


def visible_project() -> str | None:
    """Return the project whose resources the caller may name; None for an administrator, who may name all."""
    return None if caller().is_admin else caller().project_id or ""


def target_of(server: Server | DeletedServer) -> Target:
    """Return the policy target for a server."""
    return {"project_id": server.project_id, "user_id": server.user_id, "tenant_id": server.project_id}


def server_target(server_id: str, **_: object) -> Target:
    """Return the policy target for the server in the path. Servers of other projects don't exist (404)."""
    with tools().sessions.read() as session:
        server = servers.find(session, server_id, visible_project())
        target = target_of(server)
    g.server_target = target
    return target


def checked_target() -> Target:
    """Return the target that this request's route was checked against: actions have a rule of their own besides."""
    return cast(Target, g.server_target)


def find_server(session: Session, server_id: str) -> Server:
    """Return the server in the path, if the caller may name it. Raises ServerNotFound."""
    return servers.find(session, server_id, visible_project())


def find_unlocked(session: Session, server_id: str) -> Server:
    """Return the server in the path for a change. Raises ServerNotFound or Locked."""
    return require_unlocked(find_server(session, server_id))


def require_unlocked(server: Server) -> Server:
    """Raise Locked if the server is locked, unless the caller may unlock the servers of every user."""
    if server.locked_by and not allowed(UNLOCK_OVERRIDE, target_of(server)):
        raise Locked(server=server.id)
    return server
