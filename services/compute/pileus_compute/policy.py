"""Who may do what in compute: OpenStack's rule names, defaults and scopes, as a table."""

from pileus_kit import operations
from pileus_kit.policy import (
    ADMIN,
    ANYONE,
    PROJECT_MANAGER_OR_ADMIN,
    PROJECT_MEMBER_OR_ADMIN,
    PROJECT_READER_OR_ADMIN,
    SERVICE,
    Rule,
)

PREFIX = "os_compute_api:"
SERVICE_OR_ADMIN = f"{SERVICE} or {ADMIN}"
OWN_USER_OR_ADMIN = f"user_id:%(user_id)s or {ADMIN}"
SCOPES = ("project",)  # of every rule: compute's things belong to projects, and system tokens have none
WHOLE = ("compute:", "network:")  # names that begin so stand as they are

READ = (
    "servers:index", "servers:detail", "servers:show", "ips:index", "ips:show", "server-metadata:index",
    "server-metadata:show", "os-server-tags:index", "os-server-tags:show", "os-attach-interfaces:list",
    "os-attach-interfaces:show", "os-volumes-attachments:index", "os-volumes-attachments:show",
    "os-instance-actions:list", "os-instance-actions:show", "os-security-groups:list", "os-security-groups:get",
    "os-security-groups:show",
    "os-server-groups:show", "os-server-groups:index", "os-quota-sets:show",
    "os-quota-sets:detail", "os-simple-tenant-usage:show", "os-server-password:show", "compute:server:topology:index",
    "os-volumes:list", "os-volumes:show", "os-volumes:detail", "os-volumes:snapshots:list",
    "os-volumes:snapshots:show", "os-volumes:snapshots:detail", "os-floating-ips:list", "os-floating-ips:show",
    "os-networks:list", "os-networks:show", "os-tenant-networks:list", "os-tenant-networks:show",
    "servers:show:flavor-extra-specs",
)
WRITE = (
    "servers:create", "servers:create:attach_volume", "servers:create:attach_network",
    "servers:create:trusted_certs", "servers:update", "servers:delete", "servers:start", "servers:stop",
    "servers:reboot", "servers:rebuild", "servers:rebuild:trusted_certs", "servers:resize", "servers:confirm_resize",
    "servers:revert_resize", "servers:create_image", "servers:create_image:allow_volume_backed",
    "servers:trigger_crash_dump", "os-pause-server:pause", "os-pause-server:unpause", "os-suspend-server:suspend",
    "os-suspend-server:resume", "os-rescue", "os-unrescue", "os-lock-server:lock", "os-lock-server:unlock",
    "os-shelve:shelve", "os-shelve:unshelve", "os-admin-password", "os-create-backup", "os-console-output",
    "os-remote-consoles", "os-deferred-delete:restore", "os-deferred-delete:force", "server-metadata:create",
    "server-metadata:update", "server-metadata:update_all", "server-metadata:delete", "os-server-tags:update",
    "os-server-tags:update_all", "os-server-tags:delete", "os-server-tags:delete_all", "os-attach-interfaces:create",
    "os-attach-interfaces:delete", "os-volumes-attachments:create", "os-volumes-attachments:update",
    "os-volumes-attachments:delete", "os-security-groups:add", "os-security-groups:remove",
    "os-security-groups:create", "os-security-groups:update", "os-security-groups:delete",
    "os-security-groups:rule:create", "os-security-groups:rule:delete",
    "os-server-groups:create", "os-server-groups:delete", "os-server-password:clear", "os-volumes:create",
    "os-volumes:delete", "os-volumes:snapshots:create", "os-volumes:snapshots:delete", "os-floating-ips:create",
    "os-floating-ips:remove", "os-floating-ips:add", "os-floating-ips:delete",
)
MANAGE = ("os-migrate-server:migrate", "os-migrations:index", "servers:migrations:index",
          "os-migrate-server:migrate_live", "servers:migrations:force_complete", "servers:migrations:delete")
ADMINS = (
    "servers:index:get_all_tenants", "servers:detail:get_all_tenants", "servers:allow_all_filters",
    "servers:show:host_status", "servers:show:host_status:unknown-only", "servers:create:forced_host",
    "servers:create:zero_disk_flavor", "compute:servers:create:requested_destination",
    "os-extended-server-attributes", "os-flavor-manage:create", "os-flavor-manage:update", "os-flavor-manage:delete",
    "os-flavor-access:add_tenant_access", "os-flavor-access:remove_tenant_access", "os-flavor-access",
    "os-flavor-extra-specs:create", "os-flavor-extra-specs:update", "os-flavor-extra-specs:delete",
    "os-hypervisors:list", "os-hypervisors:list-detail", "os-hypervisors:statistics", "os-hypervisors:show",
    "os-hypervisors:uptime", "os-hypervisors:search", "os-hypervisors:servers", "os-services:list",
    "os-services:update", "os-services:delete", "os-aggregates:set_metadata", "os-aggregates:add_host",
    "os-aggregates:create", "os-aggregates:remove_host", "os-aggregates:update", "os-aggregates:index",
    "os-aggregates:delete", "os-aggregates:show", "os-availability-zone:detail", "os-quota-sets:update",
    "os-quota-sets:delete", "os-quota-class-sets:show", "os-quota-class-sets:update", "os-simple-tenant-usage:list",
    "os-instance-usage-audit-log:list", "os-instance-usage-audit-log:show", "os-server-diagnostics",
    "os-admin-actions:reset_state", "os-admin-actions:inject_network_info", "os-shelve:shelve_offload",
    "os-shelve:unshelve_to_host", "os-evacuate", "os-lock-server:unlock:unlock_override",
    "os-server-groups:index:all_projects", "limits:other_project", "os-instance-actions:events",
    "os-instance-actions:events:details", "compute:server:topology:host:index", "os-console-auth-tokens",
    "os-hosts:list", "os-hosts:show", "os-hosts:update", "os-hosts:reboot", "os-hosts:shutdown", "os-hosts:start",
    "network:attach_external_network", "servers:migrations:show", "os-migrate-server:migrate:host",
    "os-migrate-server:migrate_live:host", "os-migrations:index:all_projects", "os-migrations:index:host",
    "servers:migrations:index:host",
)
ALL = ("extensions", "limits", "os-availability-zone:list", "os-quota-sets:defaults", "os-floating-ip-pools")


def _named(names: tuple[str, ...], check: str) -> list[Rule]:
    return [Rule(n if n.startswith(WHOLE) else PREFIX + n, check, scopes=SCOPES) for n in names]


RULES: list[Rule] = [
    *operations.RULES,
    *_named(READ, PROJECT_READER_OR_ADMIN),
    *_named(WRITE, PROJECT_MEMBER_OR_ADMIN),
    *_named(MANAGE, PROJECT_MANAGER_OR_ADMIN),
    *_named(ADMINS, ADMIN),
    *_named(ALL, ANYONE),
    *_named(("os-flavor-extra-specs:index", "os-flavor-extra-specs:show"), PROJECT_READER_OR_ADMIN),
    *_named(("os-keypairs:index", "os-keypairs:show", "os-keypairs:create", "os-keypairs:delete"), OWN_USER_OR_ADMIN),
    *_named(("os-server-external-events:create", "os-assisted-volume-snapshots:create",
             "os-assisted-volume-snapshots:delete", "os-volumes-attachments:swap"), SERVICE_OR_ADMIN),
    Rule(PREFIX + "flavors", ANYONE, "OpenStack asks no rule here: whoever has a token lists flavors"),
]
