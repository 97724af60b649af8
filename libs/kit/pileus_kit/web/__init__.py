"""HTTP APIs: routes that name their policy rule, authentication, errors in a service's shape, the application itself.

resource = Resource("volumes", __name__, url_prefix="/v3/<project_id>/volumes")
tools = tools_of(Tools)

@resource.endpoint("GET", "/<volume_id>", policy="volume:get", target=volume_target)
def show(volume_id: str) -> Answer: ...

app = create_app("volume", tools=…, resources=RESOURCES, authenticate=…, enforcer=…, error_view=named_error)
"""

from pileus_kit.web.app import create_app
from pileus_kit.web.error_views import ErrorView, named_error
from pileus_kit.web.request import (
    add_audit_facts,
    allowed,
    caller,
    enforce,
    request_id,
    tools_of,
    version,
)
from pileus_kit.web.routes import Handler, Resource

__all__ = [
    "ErrorView",
    "Handler",
    "Resource",
    "add_audit_facts",
    "allowed",
    "caller",
    "create_app",
    "enforce",
    "named_error",
    "request_id",
    "tools_of",
    "version",
]
