"""Everything that takes longer than a request: each file defines the flows of one operation."""

from pileus_compute.flows import power
from pileus_compute.flows.attach_interface import attach_interface, detach_interface
from pileus_compute.flows.attach_volume import attach_volume, detach_volume, extend_volume
from pileus_compute.flows.change_password import change_password
from pileus_compute.flows.create_server import create_server, create_server_with_volumes
from pileus_compute.flows.delete_server import delete_server
from pileus_compute.flows.evacuate_server import evacuate_server
from pileus_compute.flows.migrate_server import migrate_server, revert_migrate
from pileus_compute.flows.rebuild_server import drop_kept_disks, rebuild_server
from pileus_compute.flows.rebuild_volume import rebuild_volume
from pileus_compute.flows.refresh_addresses import refresh_addresses
from pileus_compute.flows.rescue_server import rescue_server, unrescue_server
from pileus_compute.flows.resize_server import confirm_resize, resize_server, revert_resize
from pileus_compute.flows.return_server import leave_host, return_server
from pileus_compute.flows.shelve_server import (
    delete_image_after_unshelve,
    offload_server,
    shelve_server,
    unshelve_server,
)
from pileus_compute.flows.snapshot_server import backup_server, snapshot_server
from pileus_compute.flows.snapshot_volumes import snapshot_volumes
from pileus_kit.flow import Flow

FLOWS: list[Flow] = [
    create_server,
    create_server_with_volumes,
    delete_server,
    *power.FLOWS,
    attach_volume,
    detach_volume,
    extend_volume,
    attach_interface,
    detach_interface,
    rebuild_server,
    rebuild_volume,
    drop_kept_disks,
    rescue_server,
    unrescue_server,
    snapshot_server,
    snapshot_volumes,
    backup_server,
    resize_server,
    confirm_resize,
    revert_resize,
    migrate_server,
    revert_migrate,
    evacuate_server,
    return_server,
    leave_host,
    shelve_server,
    offload_server,
    unshelve_server,
    delete_image_after_unshelve,
    change_password,
    refresh_addresses,
]
