"""What a deployment must know of this service."""

from pileus_kit.service import DISK_CAPABILITIES, CatalogEntry, Service

SERVICE = Service(
    "volume",
    port=8776,
    catalog=(
        CatalogEntry("block-storage", "cinder", "/v3/$(project_id)s"),
        CatalogEntry("volumev3", "cinderv3", "/v3/$(project_id)s"),
    ),
    has_worker=True,
    has_agent=True,
    uses_bus=True,
    seals=True,
    agent_capabilities=DISK_CAPABILITIES,
)
