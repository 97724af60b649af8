"""The policy rules of identity, with OpenStack's names, defaults and scope types.

Where a rule accepts domain-scoped tokens, OpenStack's default lets an administrator of any domain act on all domains,
because it asks for the role only. Here such a rule asks for `cloud_admin`, or else for a role in the domain of the
target, so that an administrator of a domain stays in it.
"""

from pileus_kit.policy import ANYONE, Rule

PROJECT = ("project",)
SYSTEM = ("system", "project")  # for the cloud as a whole: no domain-scoped tokens
ALL = ("system", "domain", "project")

READER = "(role:reader and system_scope:all)"
ADMIN = "rule:admin_required"
READ = f"{ADMIN} or {READER}"
CLOUD = "rule:cloud_admin"
CLOUD_READ = f"{CLOUD} or {READER}"
SERVICE_OR_ADMIN = "rule:service_or_admin"
CLOUD_OR_SERVICE = f"{CLOUD} or rule:service_role"

BASE: list[Rule] = [
    Rule("admin_required", "role:admin or is_admin:1", "Administrators; rules that say so take no tokens of domains"),
    Rule("cloud_admin", "rule:admin_required and not scope_type:domain", "Administrators whose token is for no domain"),
    Rule("service_role", "role:service"),
    Rule("service_or_admin", "rule:admin_required or rule:service_role"),
    Rule("owner", "user_id:%(user_id)s"),
    Rule("admin_or_owner", "rule:admin_required or rule:owner"),
    Rule("token_subject", "user_id:%(target.token.user_id)s"),
    Rule("admin_or_token_subject", "rule:admin_required or rule:token_subject"),
    Rule("service_admin_or_token_subject", "rule:service_or_admin or rule:token_subject"),
    Rule(
        "domain_managed_target_role",
        "'manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s",
        "The roles that a domain's manager may assign",
    ),
    Rule(
        "privileged_target_role",
        "True:%(target.role.privileged)s",
        "Roles that count everywhere, wherever they are held: a domain's administrator doesn't assign them to projects",
    ),
]


def _rules(check: str, scopes: tuple[str, ...], *names: str) -> list[Rule]:
    return [Rule(f"identity:{name}", check, scopes=scopes) for name in names]


def _crud(noun: str, plural: str = "", read: str = READ, read_scopes: tuple[str, ...] = SYSTEM) -> list[Rule]:
    """The five rules of a resource: administrators and system readers may read, administrators may write."""
    return [
        *_rules(read, read_scopes, f"get_{noun}", f"list_{plural or noun + 's'}"),
        *_rules(ADMIN, SYSTEM, *(f"{verb}_{noun}" for verb in ("create", "update", "delete"))),
    ]


def _in_domain(role: str, of: str) -> str:
    """A caller with `role` in the domain that the target attribute `of` names."""
    return f"(role:{role} and domain_id:%(target.{of})s)"


def _in_both(role: str) -> str:
    """A caller with `role` in the domain to which both the actor and the target of a grant belong."""
    places = [(actor, where) for actor in ("user", "group") for where in ("project.domain_id", "domain.id")]
    return " or ".join(
        f"(role:{role} and domain_id:%(target.{actor}.domain_id)s and domain_id:%(target.{where})s)"
        for actor, where in places
    )


TOKENS = [
    # A caller who has a token's text has all its rights already, so these are no stricter than OpenStack's.
    *_rules(f"{READ} or rule:token_subject", ALL, "check_token"),
    *_rules(f"{READ} or rule:service_role or rule:token_subject", ALL, "validate_token"),
    *_rules("rule:admin_or_token_subject", ALL, "revoke_token"),
    *_rules(ANYONE, (), "get_auth_catalog", "get_auth_projects", "get_auth_domains", "get_auth_system"),
    *_rules(CLOUD_OR_SERVICE, ALL, "s3tokens_validate", "ec2tokens_validate"),
    *_rules(SERVICE_OR_ADMIN, SYSTEM, "list_revoke_events"),
]

READ_PROJECT = f"{CLOUD_READ} or {_in_domain('reader', 'project.domain_id')} or project_id:%(target.project.id)s"
MANAGE_PROJECT = f"{CLOUD} or {_in_domain('manager', 'project.domain_id')}"
OWN_DOMAIN = "domain_id:%(target.domain.id)s or project_domain_id:%(target.domain.id)s"

PROJECTS = [
    *_rules(READ_PROJECT, ALL, "get_project", "list_project_tags", "get_project_tag"),
    *_rules(f"{CLOUD_READ} or {_in_domain('reader', 'domain_id')}", ALL, "list_projects"),
    *_rules(
        MANAGE_PROJECT,
        ALL,
        *("create_project", "update_project", "delete_project"),
        *("update_project_tags", "create_project_tag", "delete_project_tags", "delete_project_tag"),
    ),
    *_rules(f"{CLOUD_READ} or {OWN_DOMAIN}", ALL, "get_domain"),
    *_rules(f"{CLOUD_READ} or {_in_domain('reader', 'domain.id')}", ALL, "list_domains"),
    *_rules(ADMIN, SYSTEM, "create_domain", "update_domain", "delete_domain"),
    *_rules(ADMIN, SYSTEM, "create_domain_config", "update_domain_config", "delete_domain_config"),
    *_rules(READ, SYSTEM, "get_domain_config", "get_domain_config_default"),
    *_rules(ANYONE, ALL, "get_security_compliance_domain_config"),
]

READ_USER = f"{CLOUD_READ} or {_in_domain('reader', 'user.domain_id')} or user_id:%(target.user.id)s"
READ_GROUP = f"{CLOUD_READ} or {_in_domain('reader', 'group.domain_id')}"
# A caller who may set an administrator's password, or join their group, could become one: a domain's manager may not.
NOT_PRIVILEGED = "not True:%(target.user.privileged)s and not True:%(target.group.privileged)s"
BOTH_IN_DOMAIN = "domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s"

USERS = [
    *_rules(READ_USER, ALL, "get_user", "list_user_projects"),
    *_rules(f"{CLOUD_READ} or {_in_domain('reader', 'domain_id')}", ALL, "list_users"),
    *_rules(f"{CLOUD} or {_in_domain('manager', 'user.domain_id')}", ALL, "create_user"),
    *_rules(
        f"{CLOUD} or ({_in_domain('manager', 'user.domain_id')} and {NOT_PRIVILEGED})",
        ALL,
        *("update_user", "delete_user"),
    ),
    *_rules(READ_GROUP, ALL, "get_group", "list_groups", "list_users_in_group"),
    *_rules(f"{CLOUD_READ} or {_in_domain('reader', 'user.domain_id')} or rule:owner", ALL, "list_groups_for_user"),
    *_rules(f"{CLOUD} or {_in_domain('manager', 'group.domain_id')}", ALL, "create_group"),
    *_rules(
        f"{CLOUD} or ({_in_domain('manager', 'group.domain_id')} and {NOT_PRIVILEGED})",
        ALL,
        *("update_group", "delete_group"),
    ),
    *_rules(f"{CLOUD_READ} or (role:reader and {BOTH_IN_DOMAIN})", ALL, "check_user_in_group"),
    *_rules(
        f"{CLOUD} or (role:manager and {BOTH_IN_DOMAIN} and {NOT_PRIVILEGED})",
        ALL,
        *("add_user_to_group", "remove_user_from_group"),
    ),
]

ROLE_IN_DOMAIN = "(domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s)"
# An administrator's role on the domain itself, and not on projects, reaches no further than the domain.
HARMLESS = (
    "(not rule:privileged_target_role or ('admin':%(target.role.name)s and 'domain':%(target.grant.applies_to)s))"
)
ASSIGN = (
    f"{CLOUD} or (({_in_both('admin')}) and {ROLE_IN_DOMAIN} and {HARMLESS}) or "
    f"(({_in_both('manager')}) and rule:domain_managed_target_role)"
)

ROLES = [
    *_rules(f"{READ} or (role:manager and rule:domain_managed_target_role)", ALL, "get_role"),
    *_rules(f"{READ} or (role:manager and scope_type:domain)", ALL, "list_roles"),
    *_rules(ADMIN, SYSTEM, "create_role", "update_role", "delete_role"),
    *_crud("domain_role"),
    *_rules(READ, SYSTEM, "get_implied_role", "list_implied_roles", "list_role_inference_rules", "check_implied_role"),
    *_rules(ADMIN, SYSTEM, "create_implied_role", "delete_implied_role"),
    *_rules(f"{CLOUD_READ} or (({_in_both('reader')}) and {ROLE_IN_DOMAIN})", ALL, "check_grant"),
    *_rules(f"{CLOUD_READ} or {_in_both('reader')}", ALL, "list_grants"),
    *_rules(ASSIGN, ALL, "create_grant", "revoke_grant"),
    *_rules(READ, SYSTEM, "list_system_grants_for_user", "check_system_grant_for_user"),
    *_rules(READ, SYSTEM, "list_system_grants_for_group", "check_system_grant_for_group"),
    *_rules(ADMIN, SYSTEM, "create_system_grant_for_user", "revoke_system_grant_for_user"),
    *_rules(ADMIN, SYSTEM, "create_system_grant_for_group", "revoke_system_grant_for_group"),
    *_rules(
        f"{CLOUD_READ} or {_in_domain('reader', 'domain_id')}",
        ALL,
        *("list_role_assignments", "list_role_assignments_for_tree"),
    ),
]

CATALOG = [
    *_crud("service"),
    *_crud("endpoint"),
    *_crud("region", read=ANYONE, read_scopes=ALL),
    *_crud("endpoint_group"),
    *_crud("policy", "policies"),
    *_rules(
        READ,
        SYSTEM,
        *("list_projects_associated_with_endpoint_group", "list_endpoints_associated_with_endpoint_group"),
        *("get_endpoint_group_in_project", "list_endpoint_groups_for_project", "check_endpoint_in_project"),
        *("list_endpoints_for_project", "list_projects_for_endpoint"),
    ),
    *_rules(
        ADMIN,
        SYSTEM,
        *("add_endpoint_group_to_project", "remove_endpoint_group_from_project"),
        *("add_endpoint_to_project", "remove_endpoint_from_project"),
    ),
]

OWN_USER = "user_id:%(target.user.id)s"
OWN_CREDENTIAL = "user_id:%(target.credential.user_id)s"
TRUSTOR, TRUSTEE = "user_id:%(target.trust.trustor_user_id)s", "user_id:%(target.trust.trustee_user_id)s"

DELEGATION = [
    *_rules(f"{READ} or rule:owner", SYSTEM, "get_application_credential", "list_application_credentials"),
    *_rules("rule:owner", PROJECT, "create_application_credential"),
    *_rules("rule:admin_or_owner", SYSTEM, "delete_application_credential"),
    *_rules(f"{READER} or {OWN_USER}", SYSTEM, "get_access_rule", "list_access_rules"),
    *_rules(f"(role:admin and system_scope:all) or {OWN_USER}", SYSTEM, "delete_access_rule"),
    *_rules(f"{CLOUD_READ} or {OWN_CREDENTIAL}", ALL, "get_credential", "list_credentials"),
    *_rules(f"{CLOUD} or {OWN_CREDENTIAL}", ALL, "create_credential", "update_credential", "delete_credential"),
    *_rules(f"{READ} or {OWN_CREDENTIAL}", SYSTEM, "ec2_get_credential"),
    *_rules(f"{READ} or rule:owner", SYSTEM, "ec2_list_credentials"),
    *_rules(f"{ADMIN} or (role:member and {OWN_CREDENTIAL})", SYSTEM, "ec2_create_credential", "ec2_delete_credential"),
    *_rules(TRUSTOR, PROJECT, "create_trust"),
    *_rules(READ, SYSTEM, "list_trusts"),
    *_rules(f"{READ} or {TRUSTOR}", SYSTEM, "list_trusts_for_trustor"),
    *_rules(f"{READ} or {TRUSTEE}", SYSTEM, "list_trusts_for_trustee"),
    *_rules(f"{READ} or {TRUSTOR} or {TRUSTEE}", SYSTEM, "get_trust", "list_roles_for_trust", "get_role_for_trust"),
    *_rules(f"{ADMIN} or {TRUSTOR}", SYSTEM, "delete_trust"),
    *_crud("consumer"),
    *_rules(
        ADMIN,
        PROJECT,
        *("authorize_request_token", "list_access_tokens", "get_access_token", "delete_access_token"),
        *("list_access_token_roles", "get_access_token_role"),
    ),
]

READ_LIMIT = (
    f"{CLOUD_READ} or domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s or "
    "project_id:%(target.limit.project_id)s"
)

LIMITS = [
    *_rules(ANYONE, ALL, "get_limit_model", "list_limits", "get_registered_limit", "list_registered_limits"),
    *_rules(READ_LIMIT, ALL, "get_limit"),
    *_rules(ADMIN, SYSTEM, "create_limits", "update_limit", "delete_limit"),
    *_rules(ADMIN, SYSTEM, "create_registered_limits", "update_registered_limit", "delete_registered_limit"),
]

RULES: list[Rule] = [*BASE, *TOKENS, *PROJECTS, *USERS, *ROLES, *CATALOG, *DELEGATION, *LIMITS]
