"""The HTTP API: each module holds the routes of one noun."""

from pileus_image.api import (
    blob_copies,
    discovery,
    image_actions,
    image_data,
    image_imports,
    image_members,
    image_tags,
    images,
    metadef_namespaces,
    metadef_resources,
    schemas,
    stores,
    tasks,
    tickets,
    versions,
)
from pileus_image.db.models import Event, Job
from pileus_kit import operations

RESOURCES = (
    versions.resource,
    discovery.resource,
    schemas.resource,
    images.resource,
    image_data.resource,
    image_actions.resource,
    image_tags.resource,
    image_members.resource,
    image_imports.resource,
    stores.resource,
    tasks.resource,
    tickets.resource,
    blob_copies.resource,
    metadef_namespaces.resource,
    metadef_resources.resource,
    operations.resource(Job, Event),
)
