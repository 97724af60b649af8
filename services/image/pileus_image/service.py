"""What a deployment must know of this service."""

from pileus_kit.service import CatalogEntry, Service

SERVICE = Service(
    "image",
    port=9292,
    catalog=(CatalogEntry("image", "glance"),),
    has_worker=True,
    uses_bus=True,
)
