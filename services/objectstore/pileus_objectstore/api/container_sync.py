"""Requests of container sync: another container's daemon, here or in another cluster, brings objects.

They have no token: X-Container-Sync-Auth is `REALM NONCE SIGNATURE`, made with a key of the realm and the container's.
What they may do is HEAD, PUT and DELETE of objects, each as of its X-Timestamp.
"""

import re
from urllib.parse import quote

from pileus_kit.errors import BadRequest, NotFound
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.api.objects import created, put_request
from pileus_objectstore.api.routes import Call
from pileus_objectstore.core import container_sync, manifests, symlinks, sync_realms
from pileus_objectstore.core.container_sync import Synced
from pileus_objectstore.core.metadata import TRUE
from pileus_objectstore.core.names import NOT_FOUND, Target, check
from pileus_objectstore.core.sync_realms import KEY
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.errors import SyncRefused

HEADER = "HTTP_X_CONTAINER_SYNC_AUTH"  # in WSGI's form
TIMESTAMP = re.compile(r"[0-9]{10}\.[0-9]{5}")
MAX_AHEAD_S = 60.0  # clocks of clusters may differ by so much; later times are refused, and tried again by the sender


def answer(tools: Tools, request: Request, call: Call) -> Response:
    """Answer a signed request. Raises SyncRefused, and what the call itself raises."""
    target = request.target
    if request.method not in ("HEAD", "PUT", "DELETE") or not target.object:
        raise SyncRefused()
    _admit(tools, request)
    request.access.caller, request.access.signed_for = None, Target(target.account, target.container)
    request.access.refuse_denied(call.action, target)
    check(target)
    if request.method == "HEAD":
        meta = container_sync.find(tools, target)
        if meta is None:
            raise NotFound(why=NOT_FOUND)
        return Response(200, [("X-Timestamp", container_sync.changed_at(meta))], length=0)
    stamp = _stamp(tools, request)
    if request.method == "DELETE":
        return Response(container_sync.delete(tools, target, stamp))
    static = request.header(manifests.STATIC).lower() in TRUE
    synced = Synced(stamp, static, request.header(symlinks.BYTES))
    return created(container_sync.put(tools, put_request(tools, request), synced))


def _admit(tools: Tools, request: Request) -> None:
    """Raise SyncRefused unless the request is signed."""
    parts, target = request.header("X-Container-Sync-Auth").split(), request.target
    realm = sync_realms.load(tools.config.container_sync_realms).get(parts[0].upper()) if len(parts) == 3 else None
    if realm is None:
        raise SyncRefused()
    path, stamp = quote(request.path), request.header("X-Timestamp") or "0"
    for fresh in (False, True):
        info = tools.listing_cache.get(Target(target.account, target.container), fresh)
        key = info.value(KEY) if info is not None else ""
        if key and sync_realms.is_signed(realm, parts[2], request.method, path, stamp, parts[1], key):
            return
    raise SyncRefused()


def _stamp(tools: Tools, request: Request) -> str:
    """The timestamp that the object gets, or as of which it is deleted. Raises BadRequest."""
    stamp = request.header("X-Timestamp").partition("_")[0]  # what follows says how often Swift itself has moved it
    if not TIMESTAMP.fullmatch(stamp):
        raise BadRequest(why="X-Timestamp has the form 1234567890.12345: seconds, and five digits.")
    if float(stamp) > tools.now() + MAX_AHEAD_S:
        raise BadRequest(why="X-Timestamp is in the future: the clock of one of the clusters is wrong.")
    return stamp
