"""Long operations as ordered steps that can be undone; FLOWS are all of them."""

from pileus_volume.flows.apply_exports import apply_exports
from pileus_volume.flows.back_up_volume import back_up_volume
from pileus_volume.flows.copy_group import copy_group
from pileus_volume.flows.create_volume import create_volume
from pileus_volume.flows.create_volume_from_image import create_volume_from_image
from pileus_volume.flows.create_volume_from_snapshot import create_volume_from_snapshot
from pileus_volume.flows.create_volume_from_volume import create_volume_from_volume
from pileus_volume.flows.delete_backup import delete_backup
from pileus_volume.flows.delete_group import delete_group
from pileus_volume.flows.delete_group_snapshot import delete_group_snapshot
from pileus_volume.flows.delete_snapshot import delete_snapshot
from pileus_volume.flows.delete_source import delete_source_of_volume
from pileus_volume.flows.delete_volume import delete_volume
from pileus_volume.flows.extend_volume import extend_volume
from pileus_volume.flows.import_backup import import_backup
from pileus_volume.flows.manage_snapshot import manage_snapshot
from pileus_volume.flows.manage_volume import manage_volume
from pileus_volume.flows.migrate_volume import migrate_volume
from pileus_volume.flows.reimage_volume import reimage_volume
from pileus_volume.flows.restore_backup import create_volume_from_backup, restore_volume
from pileus_volume.flows.revert_volume import revert_volume
from pileus_volume.flows.snapshot_group import snapshot_group
from pileus_volume.flows.snapshot_volume import snapshot_volume
from pileus_volume.flows.upload_volume import upload_volume

FLOWS = [
    create_volume,
    create_volume_from_image,
    create_volume_from_snapshot,
    create_volume_from_volume,
    delete_volume,
    extend_volume,
    snapshot_volume,
    delete_snapshot,
    upload_volume,
    revert_volume,
    reimage_volume,
    apply_exports,
    migrate_volume,
    manage_volume,
    manage_snapshot,
    delete_source_of_volume,
    back_up_volume,
    create_volume_from_backup,
    restore_volume,
    delete_backup,
    import_backup,
    copy_group,
    delete_group,
    snapshot_group,
    delete_group_snapshot,
]
