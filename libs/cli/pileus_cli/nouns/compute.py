"""Compute's nouns beside servers: flavors, groups of servers, hosts, limits."""

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.crud import body_of, commands, pairs, subject
from pileus_cli.errors import NotFound, Usage
from pileus_cli.finding import find_id
from pileus_cli.json_types import JsonObject
from pileus_cli.kinds import Kind
from pileus_cli.nouns.quotas import visible

PROPERTY = arg("--property", "KEY=VALUE, may be repeated", action="append", metavar="KEY=VALUE")
FLAVOR = Kind(
    "flavor",
    "compute",
    "/flavors",
    "flavor",
    "flavors",
    {
        "ID": "id",
        "Name": "name",
        "RAM": "ram",
        "Disk": "disk",
        "Ephemeral": "OS-FLV-EXT-DATA:ephemeral",
        "VCPUs": "vcpus",
        "Is Public": "os-flavor-access:is_public",
    },
    {"Swap": "swap", "RXTX Factor": "rxtx_factor", "Properties": "extra_specs"},
    detail="/flavors/detail",
    name_filter="",
    found_among={"is_public": "None"},
    filters=(
        arg("--min-disk", "at least so many GiB", into="minDisk", type=int),
        arg("--min-ram", "at least so many MiB", into="minRam", type=int),
        arg("--all", "private ones too (administrators)", into="is_public", action="store_const", const="None"),
    ),
    create=(
        arg("name", into="name"),
        arg("--id", "made up if not given", into="id"),
        arg("--ram", "MiB (256)", into="ram", type=int, default=256),
        arg("--disk", "GiB (0: as large as the image)", into="disk", type=int, default=0),
        arg("--ephemeral", "GiB", into="OS-FLV-EXT-DATA:ephemeral", type=int),
        arg("--swap", "MiB", into="swap", type=int),
        arg("--vcpus", "(1)", into="vcpus", type=int, default=1),
        arg("--description", into="description"),
        arg("--public", "for everybody (the default)", action="store_true"),
        arg(
            "--private",
            "for chosen projects only",
            into="os-flavor-access:is_public",
            action="store_false",
            default=None,
        ),
    ),
    examples={
        "list": ("pileus flavor list", "pileus flavor list --min-ram 64 -f json"),
        "show": ("pileus flavor show m1.nano",),
    },
)
SERVER_GROUP = Kind(
    "server group",
    "compute",
    "/os-server-groups",
    "server_group",
    "server_groups",
    {"ID": "id", "Name": "name", "Policy": "policy"},
    {"Members": "members", "Project": "project_id"},
    name_filter="",
    filters=(arg("--all-projects", into="all_projects", action="store_true"),),
    create=(
        arg("name", into="name"),
        arg(
            "--policy",
            "how its servers are placed (affinity)",
            into="policy",
            default="affinity",
            choices=("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"),
        ),
    ),
    examples={
        "create": (
            "pileus server group create example-apart --policy anti-affinity",
            "pileus server group show example-apart",
            "pileus server group delete example-apart",
        ),
        "list": ("pileus server group list",),
    },
)
HYPERVISOR = Kind(
    "hypervisor",
    "compute",
    "/os-hypervisors",
    "hypervisor",
    "hypervisors",
    {
        "ID": "id",
        "Hypervisor Hostname": "hypervisor_hostname",
        "Hypervisor Type": "hypervisor_type",
        "Host IP": "host_ip",
        "State": "state",
    },
    {"Status": "status"},
    detail="/os-hypervisors/detail",
    name_filter="",
)
AGGREGATE = Kind(
    "aggregate",
    "compute",
    "/os-aggregates",
    "aggregate",
    "aggregates",
    {"ID": "id", "Name": "name", "Availability Zone": "availability_zone"},
    {"Hosts": "hosts", "Properties": "metadata"},
    name_filter="",
    create=(arg("name", into="name"), arg("--zone", into="availability_zone")),
)
SERVICE = Kind(
    "compute service",
    "compute",
    "/os-services",
    "service",
    "services",
    {
        "ID": "id",
        "Binary": "binary",
        "Host": "host",
        "Zone": "zone",
        "Status": "status",
        "State": "state",
        "Updated At": "updated_at",
    },
    {"Disabled Reason": "disabled_reason", "Forced Down": "forced_down"},
    name_filter="",
    filters=(arg("--host", into="host"), arg("--service", into="binary")),
)


def create_flavor(context: Context, given: Namespace) -> None:
    body = {"disk": given.disk, **body_of(context, FLAVOR.create, given)}
    made = context.cloud.call("compute", "POST", "/flavors", {"flavor": body})["flavor"]
    if given.property:
        made |= context.cloud.call(
            "compute", "POST", f"/flavors/{made['id']}/os-extra_specs", {"extra_specs": pairs(given.property)}
        )
    context.show_thing(FLAVOR.facts(made), given)


def set_flavor(context: Context, given: Namespace) -> None:
    path = f"/flavors/{find_id(context.cloud, FLAVOR, given.thing)}"
    if given.description is not None:
        context.cloud.call("compute", "PUT", path, {"flavor": {"description": given.description}})
    if given.property:
        context.cloud.call("compute", "POST", f"{path}/os-extra_specs", {"extra_specs": pairs(given.property)})
    _access(context, path, "addTenantAccess", given)


def unset_flavor(context: Context, given: Namespace) -> None:
    path = f"/flavors/{find_id(context.cloud, FLAVOR, given.thing)}"
    for key in given.property or ():
        context.cloud.call("compute", "DELETE", f"{path}/os-extra_specs/{key}")
    _access(context, path, "removeTenantAccess", given)


def _access(context: Context, path: str, action: str, given: Namespace) -> None:
    from pileus_cli.nouns import kind

    if given.project:
        project = find_id(context.cloud, kind("project"), given.project)
        context.cloud.call("compute", "POST", f"{path}/action", {action: {"tenant": project}})


def set_aggregate(context: Context, given: Namespace) -> None:
    path = f"/os-aggregates/{find_id(context.cloud, AGGREGATE, given.thing)}"
    body = {key: value for key, value in (("name", given.name), ("availability_zone", given.zone)) if value is not None}
    if body:
        context.cloud.call("compute", "PUT", path, {"aggregate": body})
    if given.property:
        context.cloud.call("compute", "POST", f"{path}/action", {"set_metadata": {"metadata": pairs(given.property)}})


def change_hosts(action: str) -> Any:
    def run(context: Context, given: Namespace) -> None:
        id = find_id(context.cloud, AGGREGATE, given.thing)
        made = context.cloud.call("compute", "POST", f"/os-aggregates/{id}/action", {action: {"host": given.host}})
        context.show_thing(AGGREGATE.facts(made["aggregate"]), given)

    return run


def list_zones(context: Context, given: Namespace) -> None:
    zones = context.cloud.call("compute", "GET", "/os-availability-zone")["availabilityZoneInfo"]
    context.show_rows(
        ("Zone Name", "Zone Status"),
        [(one["zoneName"], "available" if one["zoneState"]["available"] else "not available") for one in zones],
        given,
    )


def set_service(context: Context, given: Namespace) -> None:
    query = {"host": given.host, "binary": given.service}
    rows = context.cloud.call("compute", "GET", "/os-services", query=query)["services"]
    if not rows:
        raise NotFound(f"There is no {given.service} on {given.host}.", "pileus compute service list")
    body: JsonObject = {}
    if given.enable:
        body["status"] = "enabled"
    if given.disable or given.disable_reason:
        body |= {"status": "disabled"} | ({"disabled_reason": given.disable_reason} if given.disable_reason else {})
    if given.up or given.down:
        body["forced_down"] = given.down
    if not body:
        raise Usage("Nothing to change was named.", "pileus compute service set --help")
    context.cloud.call("compute", "PUT", f"/os-services/{rows[0]['id']}", body)


def show_limits(context: Context, given: Namespace) -> None:
    """Show the project's limits in each service that this cloud has."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for service in ("compute", "volume"):
        if context.cloud.offers(service):
            found.append((service, context.cloud.call(service, "GET", "/limits")["limits"]["absolute"]))
    rows = [
        (service, name, used(name, limits), limit)
        for service, limits in found
        for name, limit in sorted(limits.items())
        if not name.startswith("total") or name.startswith("totalM")
    ]
    if context.cloud.offers("network"):
        project = context.cloud.login()["project_id"]
        quota = visible(context, "network", f"/quotas/{project}/details.json").get("quota", {})
        rows += [("network", name, one.get("used"), one["limit"]) for name, one in sorted(quota.items())]
    context.show_rows(("Service", "Name", "Used", "Limit"), rows, given)


def used(name: str, limits: Mapping[str, Any]) -> Any:
    """Return the usage's name for a limit: totalCoresUsed for maxTotalCores, totalGigabytesUsed for
    maxTotalVolumeGigabytes."""
    core = name.removeprefix("maxTotal").removeprefix("max")
    for one in (
        core,
        core.replace("VolumeGigabytes", "Gigabytes").replace("SnapshotGigabytes", ""),
        core.replace("RAMSize", "RAM"),
    ):
        if f"total{one}Used" in limits:
            return limits[f"total{one}Used"]
    return None


ONE, HOST = subject(AGGREGATE), arg("host")
COMMANDS = [
    *commands(FLAVOR, ("list", "show")),
    Command(
        "flavor create",
        "Make a flavor (administrators)",
        (*FLAVOR.create, PROPERTY),
        create_flavor,
        (),
        "compute",
        "thing",
    ),
    Command(
        "flavor set",
        "Change a flavor",
        (subject(FLAVOR), arg("--description"), PROPERTY, arg("--project", "let it use a private one", kind="project")),
        set_flavor,
        (),
        "compute",
    ),
    Command(
        "flavor unset",
        "Take properties or a project away",
        (subject(FLAVOR), arg("--property", action="append", metavar="KEY"), arg("--project", kind="project")),
        unset_flavor,
        (),
        "compute",
    ),
    *commands(FLAVOR, ("delete",)),
    *commands(SERVER_GROUP, ("list", "show", "create", "delete")),
    *commands(HYPERVISOR, ("list", "show")),
    *commands(AGGREGATE, ("list", "show", "create", "delete")),
    Command(
        "aggregate set",
        "Change an aggregate",
        (ONE, arg("--name"), arg("--zone"), PROPERTY),
        set_aggregate,
        (),
        "compute",
    ),
    Command(
        "aggregate add host",
        "Put a host into an aggregate",
        (ONE, HOST),
        change_hosts("add_host"),
        (),
        "compute",
        "thing",
    ),
    Command(
        "aggregate remove host",
        "Take a host out of it",
        (ONE, HOST),
        change_hosts("remove_host"),
        (),
        "compute",
        "thing",
    ),
    Command(
        "availability zone list",
        "Where servers can be placed",
        (),
        list_zones,
        ("pileus availability zone list",),
        "compute",
        "rows",
    ),
    *commands(SERVICE, ("list",)),
    Command(
        "compute service set",
        "Let a host take servers, or not",
        (
            HOST,
            arg("service", "nova-compute"),
            arg("--enable", action="store_true"),
            arg("--disable", action="store_true"),
            arg("--disable-reason"),
            arg("--up", action="store_true"),
            arg("--down", "say that it is dead", action="store_true"),
        ),
        set_service,
        (),
        "compute",
    ),
    Command(
        "limits show",
        "What may be used, and what is",
        (),
        show_limits,
        ("pileus limits show -f csv",),
        "compute",
        "rows",
    ),
]
