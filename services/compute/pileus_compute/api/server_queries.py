"""What `GET /servers` may be asked for: from 2.75 on nothing else is passed over."""

from pileus_compute.api.schemas import PAGE, TEXT, query, strict_query

WORDS = (
    "user_id", "project_id", "tenant_id", "launch_index", "image_ref", "image", "kernel_id", "ramdisk_id", "hostname",
    "key_name", "power_state", "vm_state", "task_state", "host", "node", "flavor", "reservation_id", "launched_at",
    "terminated_at", "availability_zone", "name", "display_name", "description", "display_description", "locked_by",
    "uuid", "root_device_name", "config_drive", "access_ip_v4", "access_ip_v6", "auto_disk_config", "progress",
    "sort_key", "sort_dir", "all_tenants", "soft_deleted", "deleted", "status", "changes__since", "ip", "ip6",
    "created_at")
NEWER = ("tags", "tags__any", "not__tags", "not__tags__any", "changes__before", "locked")
LIST = {(2, 1): query(**PAGE), (2, 75): strict_query(**dict.fromkeys(WORDS + NEWER, TEXT) | PAGE)}
INTERNAL = ("block_device_mapping", "services", "metadata", "system_metadata", "info_cache", "security_groups",
            "pci_devices")
"""Names of tables behind OpenStack's servers, by which nobody may search."""
