"""Every project has a security group `default` as soon as anybody looks."""

from werkzeug.datastructures import MultiDict

from pileus_kit.web import caller
from pileus_network.api.attributes import viewer
from pileus_network.api.transactions import read, write
from pileus_network.core import security_groups

MAX_PROJECTS = 10
"""Projects that one query of an administrator makes groups for."""


def ensure_default_groups(query: "MultiDict[str, str]") -> None:
    """Make the caller's, or those of the projects that an administrator asks about, if they aren't there yet."""
    wanted = {viewer().project_id}
    if caller().is_admin:
        wanted = set(query.getlist("project_id") + query.getlist("tenant_id")) or wanted
    asked = [project_id for project_id in sorted(wanted - {""}) if len(project_id) <= 255][:MAX_PROJECTS]
    missing = read(lambda session: [one for one in asked if not security_groups.has_default(session, one)])
    if missing:
        write(lambda session: [security_groups.find_or_create_default(session, one) for one in missing])
