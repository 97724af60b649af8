"""Every project has a security group `default` as soon as anybody looks."""

from pileus_network.api.attributes import scope
from pileus_network.api.transactions import change, read
from pileus_network.core import securitygroups


def ensure_default() -> None:
    """Make the caller's, in a transaction of its own, if it isn't there yet."""
    project_id = scope().project_id
    if project_id and not read(lambda session: securitygroups.has_default(session, project_id)):
        change(lambda session: securitygroups.default(session, project_id))
