"""Quotas of a project in every service that this cloud offers."""

from argparse import Namespace

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.errors import Refused, Usage
from pileus_cli.finding import find_id
from pileus_cli.json_types import JsonObject

SETS = {  # for each service, the names in its quota by option
    "compute": {
        "--instances": "instances",
        "--cores": "cores",
        "--ram": "ram",
        "--key-pairs": "key_pairs",
        "--server-groups": "server_groups",
        "--server-group-members": "server_group_members",
        "--properties": "metadata_items",
    },
    "volume": {
        "--volumes": "volumes",
        "--gigabytes": "gigabytes",
        "--snapshots": "snapshots",
        "--backups": "backups",
        "--backup-gigabytes": "backup_gigabytes",
        "--per-volume-gigabytes": "per_volume_gigabytes",
    },
    "network": {
        "--networks": "network",
        "--subnets": "subnet",
        "--ports": "port",
        "--routers": "router",
        "--floating-ips": "floatingip",
        "--secgroups": "security_group",
        "--secgroup-rules": "security_group_rule",
        "--subnetpools": "subnetpool",
    },
}


def place(context: Context, service: str, project: str) -> tuple[str, str]:
    """Return the path of a project's quota in a service, and the key of its body."""
    return (f"/quotas/{project}", "quota") if service == "network" else (f"/os-quota-sets/{project}", "quota_set")


def visible(context: Context, service: str, path: str) -> JsonObject:
    """Return the quota; empty where a service shows it to managers only, as the network service does."""
    try:
        body: JsonObject = context.cloud.call(service, "GET", path)
    except Refused as err:
        if err.status != 403:
            raise
        return {}
    return body


def project_of(context: Context, typed: str | None) -> str:
    from pileus_cli.nouns import kind

    if not typed:
        return str(context.cloud.login()["project_id"])
    return find_id(context.cloud, kind("project"), typed)


def show(context: Context, given: Namespace) -> None:
    project, rows = project_of(context, given.project), []
    for service, names in SETS.items():
        if context.cloud.offers(service):
            path, key = place(context, service, project)
            quota = visible(context, service, path).get(key, {})
            rows += [
                (service, option.removeprefix("--"), quota[name]) for option, name in names.items() if name in quota
            ]
    context.show_rows(("Service", "Resource", "Limit"), rows, given)


def change(context: Context, given: Namespace) -> None:
    project, changed = project_of(context, given.project), False
    for service, names in SETS.items():
        body: JsonObject = {name: getattr(given, option[2:].replace("-", "_")) for option, name in names.items()}
        body = {name: value for name, value in body.items() if value is not None}
        if body:
            path, key = place(context, service, project)
            if given.force and service == "compute":
                body["force"] = True
            context.cloud.call(service, "PUT", path, {key: body})
            changed = True
    if not changed:
        raise Usage("Nothing to change was named.", "pileus quota set --help")


PROJECT = arg("project", "your own if not given", kind="project", nargs="?")
COMMANDS = [
    Command("quota show", "What a project may use", (PROJECT,), show, ("pileus quota show",), output="rows"),
    Command(
        "quota set",
        "Let a project use more or less; -1 is no limit (administrators)",
        (
            arg("project", kind="project"),
            arg("--force", "also below what is used", action="store_true"),
            *(
                arg(option, f"in {service}", type=int, metavar="N")
                for service, names in SETS.items()
                for option in names
            ),
        ),
        change,
        ("pileus --os-cloud pileus-admin quota set demo --instances 20 --volumes 20",),
    ),
]
