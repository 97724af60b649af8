"""Who may do what: OpenStack's rule names and defaults."""

from pileus_kit.policy import ADMIN, ANYONE, SERVICE, Rule

SYSTEM = "(role:reader and system_scope:all)"
READ = f"{ADMIN} or {SYSTEM}"


def reader_of(kind: str) -> str:
    """Administrators, system readers, and readers of the domain that the thing is in."""
    return f"{READ} or (role:reader and domain_id:%(target.{kind}.domain_id)s)"


def manager_of(kind: str) -> str:
    """Administrators, and managers of the domain that the thing is in."""
    return f"{ADMIN} or (role:manager and domain_id:%(target.{kind}.domain_id)s)"


DOMAIN = "(role:reader and domain_id:%(target.domain_id)s)"
OWNER = "user_id:%(user_id)s"
SUBJECT = "user_id:%(target.token.user_id)s"
# A domain's manager may hand out these roles, inside his domain, and no others.
MANAGED_ROLES = "('manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s)"
ROLE_HERE = "(None:%(target.role.domain_id)s or domain_id:%(target.role.domain_id)s)"


def _within(kind: str, role: str) -> str:
    """Actor and target are both in the domain that the caller's token is for."""
    pairs = [f"(domain_id:%(target.{actor}.domain_id)s and domain_id:%(target.{place})s)"
             for actor in ("user", "group") for place in ("project.domain_id", "domain.id")]
    return f"(role:{kind} and ({' or '.join(pairs)}) and {role})"


def _crud(noun: str, read: str, write: str, plural: str | None = None) -> list[Rule]:
    return [Rule(f"identity:get_{noun}", read), Rule(f"identity:list_{plural or noun + 's'}", read),
            *(Rule(f"identity:{verb}_{noun}", write) for verb in ("create", "update", "delete"))]


def _names(check: str, *names: str) -> list[Rule]:
    return [Rule(f"identity:{name}", check) for name in names]


RULES: list[Rule] = [
    Rule("admin_required", ADMIN),
    Rule("service_role", SERVICE),
    Rule("owner", OWNER),
    # tokens
    *_names(f"{READ} or {SUBJECT}", "check_token"),
    *_names(f"{READ} or {SERVICE} or {SUBJECT}", "validate_token"),
    *_names(f"{ADMIN} or {SUBJECT}", "revoke_token"),
    *_names(ANYONE, "get_auth_catalog", "get_auth_projects", "get_auth_domains", "get_auth_system"),
    Rule(
        "identity:list_revocations", SERVICE, "What fell since a serial; how the other services keep their caches true"
    ),
    # projects and domains
    *_names(
        f"{reader_of('project')} or project_id:%(target.project.id)s",
        "get_project",
        "list_project_tags",
        "get_project_tag",
    ),
    *_names(f"{READ} or {DOMAIN}", "list_projects"),
    *_names(f"{reader_of('user')} or user_id:%(target.user.id)s", "list_user_projects"),
    *_names(manager_of("project"), "create_project", "update_project", "delete_project"),
    *_names(
        f"{manager_of('project')} or (role:admin and project_id:%(target.project.id)s)",
        "update_project_tags",
        "create_project_tag",
        "delete_project_tags",
        "delete_project_tag",
    ),
    *_names(f"{READ} or domain_id:%(target.domain.id)s or project_domain_id:%(target.domain.id)s", "get_domain"),
    *_names(f"{READ} or (role:reader and domain_id:%(target.domain.id)s)", "list_domains"),
    *_names(ADMIN, "create_domain", "update_domain", "delete_domain"),
    *_names(ADMIN, "create_domain_config", "update_domain_config", "delete_domain_config"),
    *_names(READ, "get_domain_config", "get_domain_config_default"),
    # users and groups
    *_names(f"{reader_of('user')} or user_id:%(target.user.id)s", "get_user"),
    *_names(f"{READ} or {DOMAIN}", "list_users", "list_groups"),
    *_names(manager_of("user"), "create_user", "update_user", "delete_user"),
    *_names(reader_of("group"), "get_group", "list_users_in_group"),
    *_names(f"{reader_of('user')} or user_id:%(target.user.id)s", "list_groups_for_user"),
    *_names(manager_of("group"), "create_group", "update_group", "delete_group"),
    *_names(
        f"{READ} or (role:reader and domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s)",
        "check_user_in_group",
    ),
    *_names(
        f"{ADMIN} or (role:manager and domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s)",
        "add_user_to_group",
        "remove_user_from_group",
    ),
    # roles
    *_names(f"{READ} or (role:manager and domain_id:%(target.domain_id)s)", "get_role", "list_roles"),
    *_names(ADMIN, "create_role", "update_role", "delete_role"),
    *_crud("domain_role", READ, ADMIN),
    *_names(READ, "get_implied_role", "list_implied_roles", "list_role_inference_rules", "check_implied_role"),
    *_names(ADMIN, "create_implied_role", "delete_implied_role"),
    *_names(f"{READ} or {_within('reader', ROLE_HERE)}", "check_grant"),
    *_names(f"{READ} or {_within('reader', '@')}", "list_grants"),
    *_names(f"{ADMIN} or {_within('manager', MANAGED_ROLES)}", "create_grant", "revoke_grant"),
    *_names(
        READ,
        "list_system_grants_for_user",
        "check_system_grant_for_user",
        "list_system_grants_for_group",
        "check_system_grant_for_group",
    ),
    *_names(
        ADMIN,
        "create_system_grant_for_user",
        "revoke_system_grant_for_user",
        "create_system_grant_for_group",
        "revoke_system_grant_for_group",
    ),
    *_names(f"{READ} or {DOMAIN}", "list_role_assignments"),
    *_names(
        f"{reader_of('project')} or (role:admin and project_id:%(target.project.id)s)", "list_role_assignments_for_tree"
    ),
    # catalogue
    *_crud("service", READ, ADMIN),
    *_crud("endpoint", READ, ADMIN),
    *_crud("region", ANYONE, ADMIN),
    *_crud("endpoint_group", READ, ADMIN),
    *_names(READ, "list_projects_associated_with_endpoint_group", "list_endpoints_associated_with_endpoint_group",
            "get_endpoint_group_in_project", "list_endpoint_groups_for_project", "check_endpoint_in_project",
            "list_endpoints_for_project", "list_projects_for_endpoint"),
    *_names(ADMIN, "add_endpoint_group_to_project", "remove_endpoint_group_from_project", "add_endpoint_to_project",
            "remove_endpoint_from_project"),
    *_crud("policy", READ, ADMIN, "policies"),
    # delegation and secrets
    *_names(
        f"{READ} or {OWNER}",
        "get_application_credential",
        "list_application_credentials",
        "get_access_rule",
        "list_access_rules",
    ),
    *_names(OWNER, "create_application_credential"),
    *_names(f"{ADMIN} or {OWNER}", "delete_application_credential", "delete_access_rule"),
    *_names(
        f"{READ} or user_id:%(target.credential.user_id)s", "get_credential", "list_credentials", "ec2_get_credential"
    ),
    *_names(
        f"{ADMIN} or user_id:%(target.credential.user_id)s",
        "create_credential",
        "update_credential",
        "delete_credential",
        "ec2_delete_credential",
    ),
    *_names(f"{READ} or {OWNER}", "ec2_list_credentials"),
    *_names(f"{ADMIN} or {OWNER}", "ec2_create_credential"),
    *_names(f"{READ}", "list_trusts"),
    *_names(f"{READ} or user_id:%(target.trust.trustor_user_id)s", "list_trusts_for_trustor"),
    *_names(f"{READ} or user_id:%(target.trust.trustee_user_id)s", "list_trusts_for_trustee"),
    *_names(
        f"{READ} or user_id:%(target.trust.trustor_user_id)s or user_id:%(target.trust.trustee_user_id)s",
        "get_trust",
        "list_roles_for_trust",
        "get_role_for_trust",
    ),
    *_names("user_id:%(target.trust.trustor_user_id)s", "create_trust"),
    *_names(f"{ADMIN} or user_id:%(target.trust.trustor_user_id)s", "delete_trust"),
    *_names(f"{ADMIN} or {SERVICE}", "s3tokens_validate", "ec2tokens_validate"),
    *_crud("consumer", READ, ADMIN),
    *_names(
        ADMIN,
        "authorize_request_token",
        "list_access_tokens",
        "get_access_token",
        "delete_access_token",
        "list_access_token_roles",
        "get_access_token_role",
    ),
    # limits
    *_names(ANYONE, "get_limit_model", "list_limits", "get_registered_limit", "list_registered_limits"),
    *_names(
        f"{READ} or domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s or "
        "project_id:%(target.limit.project_id)s",
        "get_limit",
    ),
    *_names(
        ADMIN,
        "create_limits",
        "update_limit",
        "delete_limit",
        "create_registered_limits",
        "update_registered_limit",
        "delete_registered_limit",
    ),
]
