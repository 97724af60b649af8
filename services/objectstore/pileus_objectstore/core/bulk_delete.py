"""Many deletions in one request, each of which needs the same rights as a request of its own."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import NamedTuple

from pileus_kit.errors import BadRequest, CloudError, NotFound
from pileus_objectstore.core import containers, objects
from pileus_objectstore.core.access import DELETE_CONTAINER, DELETE_OBJECT, Access
from pileus_objectstore.core.names import NOT_FOUND, Target, check
from pileus_objectstore.core.tools import Tools

PARALLEL_DELETIONS = 4


class Deletion(NamedTuple):
    """What became of one target; `error` is None if it was deleted."""

    target: Target
    error: CloudError | None


def delete_all(tools: Tools, access: Access, targets: Iterable[Target]) -> list[Deletion]:
    """Delete objects, several at a time, then containers, which may be empty by then. Raises nothing for one target."""
    targets = list(targets)
    objects_first = [target for target in targets if target.object]
    with ThreadPoolExecutor(PARALLEL_DELETIONS) as threads:
        contexts = [copy_context() for _ in objects_first]  # logs and events name the request, in each thread
        outcomes = list(
            threads.map(lambda c, target: c.run(delete_one, tools, access, target), contexts, objects_first)
        )
    return outcomes + [delete_one(tools, access, target) for target in targets if not target.object]


def delete_one(tools: Tools, access: Access, target: Target, version: str = "") -> Deletion:
    """Delete an object, a version of it, or a container. Raises nothing: see `Deletion`."""
    try:
        check(target)
        if not target.container:
            raise BadRequest(why="a line names an object or a container")
        if target.object:
            access.require(DELETE_OBJECT, target, version)
            if version:
                objects.delete_version(tools, target, version, promote=False)
            elif not objects.delete(tools, target).existed:
                raise NotFound(why=NOT_FOUND)
        else:
            access.require(DELETE_CONTAINER, target)
            containers.delete(tools, target)
    except CloudError as e:
        return Deletion(target, e)
    return Deletion(target, None)
