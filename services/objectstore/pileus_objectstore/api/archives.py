"""PUT ?extract-archive=tar|tar.gz|tar.bz2: every file of the archive becomes an object."""

from urllib.parse import quote

from pileus_objectstore.api.bulk import answer
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.api.routes import Calls
from pileus_objectstore.core import archives
from pileus_objectstore.core.tools import Tools

account_calls, container_calls, object_calls = Calls("account"), Calls("container"), Calls("object")


@account_calls.endpoint("PUT", policy="objectstore:account:update", variant="extract")
@container_calls.endpoint("PUT", policy="objectstore:container:create", variant="extract")
@object_calls.endpoint("PUT", policy="objectstore:object:create", acl="write", variant="extract")
def extract(tools: Tools, request: Request) -> Response:
    """Store the files of an archive. The path gives the container and a prefix, or an account alone."""
    kind = request.query["extract-archive"]
    outcome = archives.extract(tools, request.access, request.target, request.reader(), kind)
    failed = [(quote(name.encode(errors="surrogateescape")), error.status) for name, error in outcome.failed]
    counts = {"Number Files Created": outcome.created}
    return answer(request, counts, failed, outcome.broken, complete=bool(outcome.created))
