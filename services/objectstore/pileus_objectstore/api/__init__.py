"""Swift's API: a WSGI application of its own, because every millisecond that it takes is added to every request."""

from pileus_objectstore.api import accounts, archives, containers, copies, manifests, objects

RESOURCES = (
    accounts.calls,
    containers.calls,
    objects.calls,
    copies.calls,
    manifests.calls,
    archives.account_calls,
    archives.container_calls,
    archives.object_calls,
)
