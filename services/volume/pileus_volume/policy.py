"""Policy rules, with Cinder's names and present defaults."""

from pileus_kit import host_inspections, operations
from pileus_kit.policy import ADMIN, ANYONE, Rule
from pileus_kit.policy import PROJECT_MEMBER_OR_ADMIN as MEMBER
from pileus_kit.policy import PROJECT_MEMBER_OR_ADMIN_OR_SERVICE as MEMBER_OR_SERVICE
from pileus_kit.policy import PROJECT_READER_OR_ADMIN as READER
from pileus_kit.policy import PROJECT_READER_OR_ADMIN_OR_SERVICE as READER_OR_SERVICE

SCOPES = ("project",)
"""The scope types of every rule: everything here belongs to projects. Cinder's rules have none, so Cinder takes the
administrator of a domain for one of the cloud."""


def _rules(check: str, names: str) -> list[Rule]:
    return [Rule(name, check, scopes=SCOPES) for name in names.split()]


RULES = [
    *operations.RULES,
    *host_inspections.RULES,
    *_rules(
        READER,
        """
        volume:get_volume_metadata volume_extension:volume_tenant_attribute
        volume_extension:volume_image_metadata:show volume_extension:volume_encryption_metadata
        volume:get_snapshot_metadata volume_extension:extended_snapshot_attributes
        volume_extension:type_get volume_extension:type_get_all volume_extension:types_extra_specs:index
        volume_extension:types_extra_specs:show volume_extension:access_types_extra_specs
        volume_extension:quotas:show limits_extension:used_limits
        backup:get_all backup:get
        group:get_all group:get group:get_all_group_snapshots group:get_group_snapshot
        volume:get_all_transfers volume:get_transfer message:get message:get_all""",
    ),
    *_rules(
        MEMBER,
        """
        volume:update volume:extend volume:extend_attached_volume
        volume:retype volume:update_readonly_flag
        volume:create_volume_metadata volume:update_volume_metadata volume:delete_volume_metadata
        volume_extension:volume_image_metadata:set volume_extension:volume_image_metadata:remove
        volume_extension:volume_type_access
        volume_extension:volume_actions:upload_image
        volume_extension:volume_actions:reserve volume_extension:volume_actions:unreserve
        volume_extension:volume_actions:begin_detaching volume_extension:volume_actions:roll_detaching
        volume_extension:volume_actions:attach volume_extension:volume_actions:detach
        volume_extension:volume_actions:initialize_connection volume_extension:volume_actions:terminate_connection
        volume:update_snapshot volume:update_snapshot_metadata
        volume:delete_snapshot_metadata snapshot_extension:snapshot_actions:update_snapshot_status
        backup:create backup:update backup:delete backup:restore
        group:create group:update group:delete group:enable_replication group:disable_replication
        group:failover_replication group:list_replication_targets
        group:create_group_snapshot group:delete_group_snapshot
        volume:create_transfer volume:accept_transfer volume:delete_transfer message:delete
        volume:revert_to_snapshot""",
    ),
    # Compute does this for a server whose user may have been deleted.
    *_rules(
        READER_OR_SERVICE,
        """
        volume:get volume:get_all volume:get_all_snapshots volume:get_snapshot""",
    ),
    *_rules(
        MEMBER_OR_SERVICE,
        """
        volume:create volume:create_from_image volume:delete volume:create_snapshot volume:delete_snapshot
        volume:multiattach volume:multiattach_bootable_volume volume:reimage volume:reimage_reserved
        volume:attachment_create volume:attachment_update volume:attachment_delete volume:attachment_complete""",
    ),
    *_rules(
        ADMIN,
        """
        volume:force_delete volume_extension:volume_host_attribute volume_extension:volume_mig_status_attribute
        volume_extension:volume_admin_actions:reset_status volume_extension:volume_admin_actions:force_delete
        volume_extension:volume_admin_actions:force_detach
        volume_extension:volume_admin_actions:migrate_volume
        volume_extension:volume_admin_actions:migrate_volume_completion volume_extension:volume_actions:upload_public
        volume_extension:snapshot_admin_actions:reset_status volume_extension:snapshot_admin_actions:force_delete
        volume_extension:type_create volume_extension:type_update volume_extension:type_delete
        volume_extension:types_extra_specs:create volume_extension:types_extra_specs:update
        volume_extension:types_extra_specs:delete volume_extension:types_extra_specs:read_sensitive
        volume_extension:volume_type_encryption:get
        volume_extension:access_types_qos_specs_id volume_extension:volume_type_access:addProjectAccess
        volume_extension:volume_type_access:removeProjectAccess volume_extension:volume_type_access:get_all_for_type
        volume_extension:qos_specs_manage:create volume_extension:qos_specs_manage:get_all
        volume_extension:qos_specs_manage:get volume_extension:qos_specs_manage:update
        volume_extension:qos_specs_manage:delete
        volume_extension:quotas:update volume_extension:quotas:delete
        volume_extension:quota_classes:get volume_extension:quota_classes:update
        volume_extension:services:index volume_extension:services:update volume:freeze_host volume:thaw_host
        volume_extension:hosts clusters:get clusters:get_all clusters:update
        volume_extension:backup_admin_actions:reset_status volume_extension:backup_admin_actions:force_delete
        snapshot_extension:snapshot_unmanage volume_extension:volume_unmanage
        volume_extension:volume_manage volume_extension:list_manageable
        snapshot_extension:snapshot_manage snapshot_extension:list_manageable
        backup:backup-import backup:export-import backup:backup_project_attribute
        group:reset_status group:reset_group_snapshot_status group:group_project_attribute
        group:group_snapshot_project_attribute group:access_group_types_specs
        group:group_types:create group:group_types:update group:group_types:delete
        group:group_types_specs:get group:group_types_specs:get_all group:group_types_specs:create
        group:group_types_specs:update group:group_types_specs:delete
        volume_extension:capabilities scheduler_extension:scheduler_stats:get_pools
        volume_extension:default_set_or_update volume_extension:default_get volume_extension:default_get_all
        volume_extension:default_unset""",
    ),
    *_rules(ANYONE, "volume_extension:availability_zone_list volume_extension:extensions volume:resource_filters"),
    *_rules(ANYONE, "group:group_types:get group:group_types:get_all"),  # Cinder has no rule for these: every user may
]
