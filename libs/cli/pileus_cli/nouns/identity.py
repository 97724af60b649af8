"""Users, groups, projects, domains, roles and their assignments."""

from argparse import Namespace

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.crud import body_of, commands
from pileus_cli.errors import Usage
from pileus_cli.finding import find_id
from pileus_cli.kinds import Kind
from pileus_cli.parsing import Secret

TEXT = arg("--description", "what it is for", into="description")
ENABLE = (
    arg("--enable", "let it be used", into="enabled", action="store_true", default=None),
    arg("--disable", "don't", into="enabled", action="store_false", default=None, dest="enabled_off"),
)
PASSWORD = (
    arg("--password", "its password; other users of this machine may see it meanwhile", into="password"),
    arg("--password-prompt", "ask for its password", dest="password", action=Secret),
)
OF_DOMAIN = arg("--domain", "its domain", into="domain_id", kind="domain")

PROJECT = Kind(
    "project",
    "identity",
    "/projects",
    "project",
    "projects",
    {"ID": "id", "Name": "name"},
    {"Domain ID": "domain_id", "Description": "description", "Enabled": "enabled"},
    filters=(OF_DOMAIN, arg("--parent", "only its children", into="parent_id", kind="project")),
    create=(
        arg("name", into="name"),
        TEXT,
        OF_DOMAIN,
        *ENABLE,
        arg("--parent", "its parent", into="parent_id", kind="project"),
    ),
    change=(arg("--name", into="name"), TEXT, *ENABLE),
    change_method="PATCH",
    examples={"list": ("pileus --os-cloud pileus-admin project list",)},
)
USER = Kind(
    "user",
    "identity",
    "/users",
    "user",
    "users",
    {"ID": "id", "Name": "name"},
    {"Domain ID": "domain_id", "Email": "email", "Enabled": "enabled"},
    filters=(OF_DOMAIN,),
    create=(
        arg("name", into="name"),
        *PASSWORD,
        TEXT,
        OF_DOMAIN,
        *ENABLE,
        arg("--email", into="email"),
        arg("--project", "its default project", into="default_project_id", kind="project"),
    ),
    change=(arg("--name", into="name"), *PASSWORD, arg("--email", into="email"), TEXT, *ENABLE),
    change_method="PATCH",
    examples={"list": ("pileus --os-cloud pileus-admin user list",)},
)
ROLE = Kind(
    "role",
    "identity",
    "/roles",
    "role",
    "roles",
    {"ID": "id", "Name": "name"},
    filters=(OF_DOMAIN,),
    create=(arg("name", into="name"), TEXT, OF_DOMAIN),
    change=(arg("--name", into="name"), TEXT),
    change_method="PATCH",
)
DOMAIN = Kind(
    "domain",
    "identity",
    "/domains",
    "domain",
    "domains",
    {"ID": "id", "Name": "name", "Enabled": "enabled", "Description": "description"},
    create=(arg("name", into="name"), TEXT, *ENABLE),
    change=(arg("--name", into="name"), TEXT, *ENABLE),
    change_method="PATCH",
)
GROUP = Kind(
    "group",
    "identity",
    "/groups",
    "group",
    "groups",
    {"ID": "id", "Name": "name"},
    {"Domain ID": "domain_id", "Description": "description"},
    filters=(OF_DOMAIN,),
    create=(arg("name", into="name"), TEXT, OF_DOMAIN),
    change=(arg("--name", into="name"), TEXT),
    change_method="PATCH",
)
SERVICE = Kind(
    "service",
    "identity",
    "/services",
    "service",
    "services",
    {"ID": "id", "Name": "name", "Type": "type"},
    {"Description": "description", "Enabled": "enabled"},
    name_filter="",
    names=("name", "type"),
    create=(arg("type", into="type"), arg("--name", into="name"), TEXT),
    change=(arg("--name", into="name"), arg("--type", into="type"), TEXT),
    change_method="PATCH",
)
ENDPOINT = Kind(
    "endpoint",
    "identity",
    "/endpoints",
    "endpoint",
    "endpoints",
    {
        "ID": "id",
        "Region": "region_id",
        "Service ID": "service_id",
        "Enabled": "enabled",
        "Interface": "interface",
        "URL": "url",
    },
    named=False,
    name_filter="",
    filters=(arg("--service", into="service_id", kind="service"), arg("--interface", into="interface")),
    create=(
        arg("service", into="service_id", kind="service"),
        arg("interface", into="interface", choices=("public", "internal", "admin")),
        arg("url", into="url"),
        arg("--region", into="region_id"),
    ),
    change=(arg("--url", into="url"),),
    change_method="PATCH",
)
REGION = Kind(
    "region",
    "identity",
    "/regions",
    "region",
    "regions",
    {"Region": "id", "Parent Region": "parent_region_id", "Description": "description"},
    named=False,
    name_filter="",
    create=(arg("name", into="id"), TEXT),
    change=(TEXT,),
    change_method="PATCH",
)


def _credentials(context: Context) -> Kind:
    """Application credentials are below their user in the API."""
    from dataclasses import replace

    return replace(CREDENTIAL, path=f"/users/{context.cloud.login()['user_id']}/application_credentials")


CREDENTIAL = Kind(
    "application credential",
    "identity",
    "/users/me/application_credentials",
    "application_credential",
    "application_credentials",
    {"ID": "id", "Name": "name", "Project ID": "project_id", "Description": "description", "Expires At": "expires_at"},
)
MADE = (
    arg("name", into="name"),
    TEXT,
    arg("--secret", "chosen by the cloud otherwise", into="secret"),
    arg("--expiration", "when it ends, 2027-01-31T00:00:00", into="expires_at"),
    arg("--unrestricted", "may make others", into="unrestricted", action="store_true"),
)


def list_credentials(context: Context, given: Namespace) -> None:
    kind = _credentials(context)
    rows = context.cloud.pages("identity", kind.path, kind.many)
    context.show_rows(
        list(kind.columns), [[row.get(str(name)) for name in kind.columns.values()] for row in rows], given
    )


def create_credential(context: Context, given: Namespace) -> None:
    kind = _credentials(context)
    made = context.cloud.call("identity", "POST", kind.path, kind.wrapped(body_of(context, MADE, given)))
    context.show_thing(kind.facts(kind.opened(made)), given)


def delete_credential(context: Context, given: Namespace) -> None:
    kind = _credentials(context)
    context.cloud.call("identity", "DELETE", f"{kind.path}/{find_id(context.cloud, kind, given.thing)}")


WHO = (
    arg("--user", "to whom", kind="user"),
    arg("--user-domain", "the domain of the user", kind="domain"),
    arg("--group", "to which group", kind="group"),
    arg("--group-domain", "the domain of the group", kind="domain"),
    arg("--project", "on which project", kind="project"),
    arg("--project-domain", "the domain of the project", kind="domain"),
    arg("--domain", "on which domain", kind="domain"),
    arg("--system", "on the whole cloud", action="store_true"),
    arg("--role-domain", "the domain of the role", kind="domain"),
)


def _grant(context: Context, given: Namespace) -> str:
    def path(kind: Kind, noun: str) -> str:
        return f"/{kind.many}/{_within_domain(context, kind, given, noun)}" if getattr(given, noun) else ""

    targets = [path(PROJECT, "project"), path(DOMAIN, "domain"), "/system" if given.system else ""]
    actors = [path(USER, "user"), path(GROUP, "group")]
    if sum(map(bool, targets)) != 1 or sum(map(bool, actors)) != 1:
        raise Usage("Name one of --user and --group, and one of --project, --domain and --system.")
    return f"{''.join(targets)}{''.join(actors)}/roles/{_within_domain(context, ROLE, given, 'role')}"


def _within_domain(context: Context, kind: Kind, given: Namespace, noun: str) -> str:
    """Return the id of the named user or project, looked for in the domain that --NOUN-domain names."""
    domain = getattr(given, f"{noun}_domain", None)
    among = {"domain_id": find_id(context.cloud, DOMAIN, domain)} if domain else {}
    return find_id(context.cloud, kind, getattr(given, noun), **among)


def add(context: Context, given: Namespace) -> None:
    context.cloud.call("identity", "PUT", _grant(context, given))


def remove(context: Context, given: Namespace) -> None:
    context.cloud.call("identity", "DELETE", _grant(context, given))


def assignments(context: Context, given: Namespace) -> None:
    cloud = context.cloud
    query: dict[str, str] = {"include_names": "true"}
    for name, kind, key in (
        ("user", USER, "user.id"),
        ("group", GROUP, "group.id"),
        ("project", PROJECT, "scope.project.id"),
        ("role", ROLE, "role.id"),
    ):
        if getattr(given, name):
            query[key] = _within_domain(context, kind, given, name)
    if given.effective:
        query["effective"] = "true"
    rows = [
        (
            one["role"].get("name"),
            one.get("user", {}).get("name"),
            one.get("group", {}).get("name"),
            one["scope"].get("project", {}).get("name"),
            one["scope"].get("domain", {}).get("name"),
            "all" if one["scope"].get("system") else None,
            "OS-INHERIT:inherited_to" in one["scope"],
        )
        for one in cloud.call("identity", "GET", "/role_assignments", query=query)["role_assignments"]
    ]
    context.show_rows(("Role", "User", "Group", "Project", "Domain", "System", "Inherited"), rows, given)


COMMANDS = [
    *commands(PROJECT),
    *commands(USER),
    *commands(ROLE),
    *commands(DOMAIN),
    *commands(GROUP),
    *commands(SERVICE),
    *commands(ENDPOINT),
    *commands(REGION),
    Command("role add", "Give somebody a role", (arg("role", kind="role"), *WHO), add, service="identity"),
    Command("role remove", "Take a role away", (arg("role", kind="role"), *WHO), remove, service="identity"),
    Command(
        "role assignment list",
        "Who has which role",
        (
            arg("--user", kind="user"),
            arg("--user-domain", kind="domain"),
            arg("--group", kind="group"),
            arg("--group-domain", kind="domain"),
            arg("--project", kind="project"),
            arg("--project-domain", kind="domain"),
            arg("--role", kind="role"),
            arg("--names", "names are always shown", action="store_true"),
            arg("--effective", "also what follows from groups and implied roles", action="store_true"),
        ),
        assignments,
        ("pileus --os-cloud pileus-admin role assignment list",),
        "identity",
        "rows",
    ),
    Command(
        "application credential list",
        "List your application credentials",
        (),
        list_credentials,
        ("pileus application credential list",),
        "identity",
        "rows",
    ),
    Command(
        "application credential create",
        "Make an application credential",
        MADE,
        create_credential,
        (),
        "identity",
        "thing",
    ),
    Command(
        "application credential delete",
        "Delete an application credential",
        (arg("thing", "name or id", kind="application credential"),),
        delete_credential,
        service="identity",
    ),
]
