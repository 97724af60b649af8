"""What callers may do in an account. A container's ACL may grant more to others (core/access.py).

As in Swift, operators are those with a role in the account's project, and only ResellerAdmin may use other accounts. A
token with the scope of a domain or the system belongs to no account, so it grants nothing; neither do service tokens,
nor the role `service`.
"""

from pileus_kit.policy import ADMIN, Rule

RESELLER = "role:ResellerAdmin"
READ = f"(role:reader and project_id:%(project_id)s) or (role:admin and project_id:%(project_id)s) or {RESELLER}"
WRITE = f"(role:member and project_id:%(project_id)s) or (role:admin and project_id:%(project_id)s) or {RESELLER}"
OVERRIDE = f"(role:admin and project_id:%(project_id)s) or {RESELLER}"

RULES = (
    Rule("objectstore:account:read", READ, "List containers, read the account's metadata"),
    Rule("objectstore:account:update", WRITE, "Change the account's metadata"),
    Rule("objectstore:account:set_quota", RESELLER, "Set the account's quota"),
    Rule("objectstore:account:set_limits", RESELLER, "Make an account read-only, or limit the rate of its writes"),
    Rule("objectstore:account:create", RESELLER, "Create an account (it is also created when it is first used)"),
    Rule("objectstore:account:delete", RESELLER, "Delete an account with all that is in it"),
    Rule("objectstore:container:read", READ, "List objects, read a container's metadata"),
    Rule("objectstore:container:create", WRITE, "Create a container"),
    Rule("objectstore:container:update", WRITE, "Change a container's metadata"),
    Rule("objectstore:container:delete", WRITE, "Delete an empty container"),
    Rule("objectstore:container:override_policy", OVERRIDE, "Read, replace or delete a bucket policy that denies it"),
    Rule("objectstore:object:read", READ, "Read an object and its metadata"),
    Rule("objectstore:object:create", WRITE, "Store an object, or a copy of one"),
    Rule("objectstore:object:update", WRITE, "Replace an object's metadata"),
    Rule("objectstore:object:delete", WRITE, "Delete an object"),
    Rule("objectstore:rings:read", ADMIN, "See the rings, storage policies and devices of the cluster"),
    Rule("objectstore:hosts:read", ADMIN, "See how the storage hosts are, and Swift's dispersion report"),
    Rule("objectstore:dispersion:populate", ADMIN, "Store what the dispersion report asks for"),
    Rule("objectstore:rings:update", ADMIN, "Change the rings and storage policies of the cluster"),
)
