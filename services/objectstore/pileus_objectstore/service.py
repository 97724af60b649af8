"""What a deployment must know of this service."""

from pileus_kit.service import CatalogEntry, Service

SERVICE = Service(
    "objectstore",
    port=8080,
    catalog=(CatalogEntry("object-store", "swift", "/v1/AUTH_$(project_id)s"),),
    has_worker=True,
    has_agent=True,
    has_database=False,
)
