"""Who may do what in an account. Containers' ACLs grant more to whom their owner names (core/access.py).

As with OpenStack's own store: operators are those with a role in the account's project, and only ResellerAdmin
reaches into other accounts. A token for a domain or the system has no account, so it gives no right to any; neither do
service tokens, nor the role `service`.
"""

from pileus_kit.policy import Rule

RESELLER = "role:ResellerAdmin"
READ = f"(role:reader and project_id:%(project_id)s) or (role:admin and project_id:%(project_id)s) or {RESELLER}"
WRITE = f"(role:member and project_id:%(project_id)s) or (role:admin and project_id:%(project_id)s) or {RESELLER}"

RULES = (
    Rule("objectstore:account:read", READ, "List containers, read the account's metadata"),
    Rule("objectstore:account:update", WRITE, "Change the account's metadata"),
    Rule("objectstore:account:set_quota", RESELLER, "Set the account's quota"),
    Rule("objectstore:account:create", RESELLER, "Create an account (they come by themselves when used)"),
    Rule("objectstore:account:delete", RESELLER, "Delete an account with all that is in it"),
    Rule("objectstore:container:read", READ, "List objects, read a container's metadata"),
    Rule("objectstore:container:create", WRITE),
    Rule("objectstore:container:update", WRITE),
    Rule("objectstore:container:delete", WRITE),
    Rule("objectstore:object:read", READ),
    Rule("objectstore:object:create", WRITE),
    Rule("objectstore:object:update", WRITE),
    Rule("objectstore:object:delete", WRITE),
)
