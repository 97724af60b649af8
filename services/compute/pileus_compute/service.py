"""What a deployment must know of this service."""

from pileus_kit.service import DISK_CAPABILITIES, CatalogEntry, Service

SERVICE = Service(
    "compute",
    port=8774,
    catalog=(CatalogEntry("compute", "nova", "/v2.1"),),
    has_worker=True,
    has_agent=True,
    uses_bus=True,
    seals=True,
    agent_capabilities=DISK_CAPABILITIES,
)
