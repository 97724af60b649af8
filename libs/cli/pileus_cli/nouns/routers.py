"""Routers and floating IPs."""

from argparse import Namespace
from typing import Any

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.crud import body_of, commands, subject
from pileus_cli.finding import find_id
from pileus_cli.kinds import Kind
from pileus_cli.nouns.networks import DESCRIPTION, NETWORK, PORT, SUBNET, UP

GATEWAY = arg("--external-gateway", "an external network", into="external_gateway_info.network_id", kind="network")
SNAT = (arg("--disable-snat", into="external_gateway_info.enable_snat", action="store_false", default=None),)
ROUTER = Kind(
    "router",
    "network",
    "/routers",
    "router",
    "routers",
    {"ID": "id", "Name": "name", "Status": "status", "State": "admin_state_up", "Project": "project_id"},
    {"External Gateway": "external_gateway_info.network_id", "Routes": "routes"},
    create=(arg("name", into="name"), DESCRIPTION, *UP, GATEWAY, *SNAT),
    change=(arg("--name", into="name"), DESCRIPTION, *UP, GATEWAY, *SNAT),
    examples={"list": ("pileus router list",)},
)
FLOATING_IP = Kind(
    "floating ip",
    "network",
    "/floatingips",
    "floatingip",
    "floatingips",
    {
        "ID": "id",
        "Floating IP Address": "floating_ip_address",
        "Fixed IP Address": "fixed_ip_address",
        "Port": "port_id",
        "Floating Network": "floating_network_id",
        "Project": "project_id",
    },
    {"Status": "status", "Description": "description"},
    name_filter="floating_ip_address",
    filters=(arg("--network", into="floating_network_id", kind="network"), arg("--status", into="status")),
    examples={"list": ("pileus fip list",)},
)
MADE = (
    arg("network", "the external network", into="floating_network_id", kind="network"),
    arg("--port", into="port_id", kind="port"),
    arg("--fixed-ip-address", into="fixed_ip_address"),
    arg("--floating-ip-address", into="floating_ip_address"),
    DESCRIPTION,
)


def create(context: Context, given: Namespace) -> None:
    made = context.cloud.call("network", "POST", "/floatingips", {"floatingip": body_of(context, MADE, given)})
    context.show_thing(FLOATING_IP.facts(made["floatingip"]), given)


def point(context: Context, given: Namespace) -> None:
    id = find_id(context.cloud, FLOATING_IP, given.thing)
    port = find_id(context.cloud, PORT, given.port) if given.port else None
    context.cloud.call("network", "PUT", f"/floatingips/{id}", {"floatingip": {"port_id": port}})


def interface(call: str, key: str, kind: Kind) -> Any:
    def run(context: Context, given: Namespace) -> None:
        id = find_id(context.cloud, ROUTER, given.thing)
        context.cloud.call("network", "PUT", f"/routers/{id}/{call}", {key: find_id(context.cloud, kind, given.what)})

    return run


ONE = subject(ROUTER)
COMMANDS = [
    *commands(ROUTER),
    Command(
        "router add subnet",
        "Connect a subnet",
        (ONE, arg("what", kind="subnet")),
        interface("add_router_interface", "subnet_id", SUBNET),
        (),
        "network",
    ),
    Command(
        "router remove subnet",
        "Disconnect a subnet",
        (ONE, arg("what", kind="subnet")),
        interface("remove_router_interface", "subnet_id", SUBNET),
        (),
        "network",
    ),
    Command(
        "router add port",
        "Connect a port",
        (ONE, arg("what", kind="port")),
        interface("add_router_interface", "port_id", PORT),
        (),
        "network",
    ),
    Command(
        "router remove port",
        "Disconnect a port",
        (ONE, arg("what", kind="port")),
        interface("remove_router_interface", "port_id", PORT),
        (),
        "network",
    ),
    *commands(FLOATING_IP, ("list", "show")),
    Command("floating ip create", "Take a floating IP", MADE, create, (), "network", "thing"),
    Command(
        "floating ip set",
        "Point it at a port",
        (subject(FLOATING_IP), arg("--port", kind="port", required=True)),
        point,
        (),
        "network",
    ),
    Command(
        "floating ip unset",
        "Point it nowhere",
        (subject(FLOATING_IP), arg("--port", action="store_const", const="")),
        point,
        (),
        "network",
    ),
    *commands(FLOATING_IP, ("delete",)),
]
__all__ = ["COMMANDS", "FLOATING_IP", "NETWORK", "ROUTER"]
