"""A scenario for each flow: how its job comes to be, and what a test expects when the job is done, or undone."""

from flow_scenarios.attachments import (
    AttachInterface,
    AttachVolume,
    DetachInterface,
    DetachVolume,
    ExtendVolume,
    RefreshAddresses,
)
from flow_scenarios.base import World
from flow_scenarios.disks import Confirm, DropKeptDisks, Rebuild, RebuildVolume, Resize, Revert
from flow_scenarios.images import Backup, DeleteShelvedImage, Offload, Shelve, Snapshot, SnapshotVolumes, Unshelve
from flow_scenarios.moves import Evacuate, LeaveHost, Migrate, Return, RevertMove
from flow_scenarios.power import (
    ChangePassword,
    Pause,
    Reboot,
    Rescue,
    Resume,
    SoftReboot,
    Start,
    Stop,
    Suspend,
    Unpause,
    Unrescue,
)
from flow_scenarios.servers import Create, CreateFromVolume, Delete

SCENARIOS: dict[str, type[World]] = {
    "server.create": Create,
    "server.create_with_volumes": CreateFromVolume,
    "server.delete": Delete,
    "server.stop": Stop,
    "server.reboot_hard": Reboot,
    "server.rebuild": Rebuild,
    "server.snapshot": Snapshot,
    "server.rebuild_volume": RebuildVolume,
    "server.snapshot_volumes": SnapshotVolumes,
    "server.attach_volume": AttachVolume,
    "server.detach_volume": DetachVolume,
    "server.resize": Resize,
    "server.confirm_resize": Confirm,
    "server.revert_resize": Revert,
    "server.shelve": Shelve,
    "server.unshelve": Unshelve,
    "server.start": Start,
    "server.reboot": SoftReboot,
    "server.pause": Pause,
    "server.unpause": Unpause,
    "server.suspend": Suspend,
    "server.resume": Resume,
    "server.rescue": Rescue,
    "server.unrescue": Unrescue,
    "server.change_password": ChangePassword,
    "server.backup": Backup,
    "server.extend_volume": ExtendVolume,
    "server.attach_interface": AttachInterface,
    "server.detach_interface": DetachInterface,
    "server.drop_kept_disks": DropKeptDisks,
    "server.offload": Offload,
    "server.delete_shelved_image": DeleteShelvedImage,
    "server.refresh_addresses": RefreshAddresses,
    "server.migrate": Migrate,
    "server.revert_migrate": RevertMove,
    "server.evacuate": Evacuate,
    "server.return": Return,
    "server.leave_host": LeaveHost,
}
