"""Creates the default security groups of projects when they are listed for the first time."""

from werkzeug.datastructures import MultiDict

from pileus_kit.web import caller
from pileus_network.api.attributes import viewer
from pileus_network.api.transactions import read, write
from pileus_network.core import security_groups

MAX_PROJECTS = 10
"""Projects for which one query of an administrator creates default groups."""


def ensure_default_groups(query: "MultiDict[str, str]") -> None:
    """Create the default group of the caller's project, or of the projects that an administrator filters by, if
    missing.
    """
    wanted = {viewer().project_id}
    if caller().is_admin:
        wanted = set(query.getlist("project_id") + query.getlist("tenant_id")) or wanted
    asked = [project_id for project_id in sorted(wanted - {""}) if len(project_id) <= 255][:MAX_PROJECTS]
    missing = read(lambda session: [one for one in asked if not security_groups.has_default(session, one)])
    if missing:
        write(lambda session: [security_groups.find_or_create_default(session, one) for one in missing])
