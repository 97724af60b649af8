"""What a deployment must know of this service."""

from pileus_kit.service import CatalogEntry, Service

SERVICE = Service(
    "identity",
    port=5000,
    catalog=(CatalogEntry("identity", "keystone", "/v3"),),
)
