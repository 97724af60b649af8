"""Security groups and their rules."""

from argparse import Namespace
from typing import Any

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.crud import body_of, commands
from pileus_cli.errors import Usage
from pileus_cli.finding import find_id
from pileus_cli.kinds import Kind

DESCRIPTION = arg("--description", into="description")
GROUP = Kind(
    "security group",
    "network",
    "/security-groups",
    "security_group",
    "security_groups",
    {
        "ID": "id",
        "Name": "name",
        "Description": "description",
        "Project": "project_id",
        "Tags": "tags",
        "Shared": "shared",
    },
    filters=(arg("--project", into="project_id", kind="project"),),
    create=(
        arg("name", into="name"),
        DESCRIPTION,
        arg("--stateless", into="stateful", action="store_false", default=None),
    ),
    change=(arg("--name", into="name"), DESCRIPTION),
    examples={
        "create": (
            "pileus secgroup create example-group",
            "pileus secgroup rule create example-group --protocol tcp --dst-port 443",
            "pileus secgroup rule list --group example-group",
            "pileus secgroup delete example-group",
        ),
        "list": ("pileus secgroup list",),
    },
)


def ports(row: Any) -> str:
    low, high = row["port_range_min"], row["port_range_max"]
    return "" if low is None and high is None else f"{low}:{high}"


RULE = Kind(
    "security group rule",
    "network",
    "/security-group-rules",
    "security_group_rule",
    "security_group_rules",
    {
        "ID": "id",
        "IP Protocol": "protocol",
        "Ethertype": "ethertype",
        "IP Range": "remote_ip_prefix",
        "Port Range": ports,
        "Direction": "direction",
        "Remote Security Group": "remote_group_id",
    },
    named=False,
    name_filter="",
    filters=(
        arg("--group", into="security_group_id", kind="security group"),
        arg("--protocol", into="protocol"),
        arg("--direction", into="direction"),
    ),
)
MADE = (
    arg("group", into="security_group_id", kind="security group"),
    arg("--protocol", into="protocol"),
    arg("--dst-port", "22 or 8000:8010", metavar="PORTS"),
    arg("--remote-ip", into="remote_ip_prefix"),
    arg("--remote-group", into="remote_group_id", kind="security group"),
    arg("--ingress", dest="direction", action="store_const", const="ingress", default="ingress"),
    arg("--egress", dest="direction", action="store_const", const="egress"),
    arg("--ethertype", into="ethertype", default="IPv4", choices=("IPv4", "IPv6")),
    DESCRIPTION,
)


def create(context: Context, given: Namespace) -> None:
    body = body_of(context, MADE, given) | {"direction": given.direction}
    if given.dst_port:
        low, _, high = given.dst_port.partition(":")
        if not low.isdigit() or not (high or low).isdigit():
            raise Usage(f"--dst-port takes a port or FIRST:LAST, not {given.dst_port!r}.")
        body |= {"port_range_min": int(low), "port_range_max": int(high or low)}
    made = context.cloud.call("network", "POST", "/security-group-rules", {"security_group_rule": body})
    context.show_thing(RULE.facts(made["security_group_rule"]), given)


COMMANDS = [
    *commands(GROUP),
    *commands(RULE, ("list", "show")),
    Command("security group rule create", "Let something through", MADE, create, (), "network", "thing"),
    *commands(RULE, ("delete",)),
]
__all__ = ["COMMANDS", "GROUP", "RULE", "find_id"]
