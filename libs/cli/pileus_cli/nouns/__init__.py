"""The nouns, and the module of this folder that has each. No module is imported before one of its nouns is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pileus_cli.commands import Command
    from pileus_cli.kinds import Kind

NOUNS: dict[str, tuple[str, str]] = {  # noun: module, service
    "server": ("servers", "compute"),
    "server group": ("compute", "compute"),
    "server event": ("servers", "compute"),
    "flavor": ("compute", "compute"),
    "keypair": ("keypairs", "compute"),
    "hypervisor": ("compute", "compute"),
    "aggregate": ("compute", "compute"),
    "compute service": ("compute", "compute"),
    "availability zone": ("compute", "compute"),
    "limits": ("compute", "compute"),
    "console log": ("servers", "compute"),
    "image": ("images", "image"),
    "quota": ("quotas", "identity"),
    "volume": ("volumes", "volume"),
    "volume snapshot": ("volumes", "volume"),
    "volume type": ("volumes", "volume"),
    "volume backup": ("volumes", "volume"),
    "network": ("networks", "network"),
    "subnet": ("networks", "network"),
    "subnet pool": ("networks", "network"),
    "port": ("networks", "network"),
    "router": ("routers", "network"),
    "floating ip": ("routers", "network"),
    "security group": ("security", "network"),
    "security group rule": ("security", "network"),
    "network agent": ("networks", "network"),
    "project": ("identity", "identity"),
    "user": ("identity", "identity"),
    "role": ("identity", "identity"),
    "role assignment": ("identity", "identity"),
    "domain": ("identity", "identity"),
    "group": ("identity", "identity"),
    "service": ("identity", "identity"),
    "endpoint": ("identity", "identity"),
    "region": ("identity", "identity"),
    "application credential": ("identity", "identity"),
    "token": ("login", "identity"),
    "catalog": ("login", "identity"),
    "container": ("objects", "object-store"),
    "object": ("objects", "object-store"),
    "ring": ("rings", "object-store"),
    "storage policy": ("rings", "object-store"),
    "storage host": ("rings", "object-store"),
    "dispersion": ("rings", "object-store"),
}
PEOPLE: dict[str, tuple[str, str]] = {  # commands that aren't a noun and a verb: module of ..people, what it does
    "launch": ("launch", "Boot a server and wait until one can log in"),
    "ssh": ("ssh", "Log in to a server"),
    "logs": ("logs", "Show a server's console, and go on with -f"),
    "why": ("why", "Tell why something is as it is"),
    "trace": ("trace", "Show a request's way through the cloud"),
    "top": ("top", "What the cloud does now"),
    "doctor": ("doctor", "Look for damage"),
    "cloud": ("cloud", "Start and stop the cloud on this machine"),
    "host": ("hosts", "The machines of this cloud"),
    "completion": ("completion", "For your shell"),
    "complete": ("completion", ""),
}
ALIASES = {
    "fip": "floating ip",
    "secgroup": "security group",
    "secgroup rule": "security group rule",
    "snapshot": "volume snapshot",
    "backup": "volume backup",
    "az": "availability zone",
}


def commands(noun: str) -> list[Command]:
    """Return the commands of this noun, in their module's order."""
    module = import_module(f"pileus_cli.nouns.{NOUNS[noun][0]}")
    return [one for one in module.COMMANDS if noun_of(one.name) == noun]


def noun_of(name: str) -> str:
    """Return the longest noun that leaves a verb: "router" for "router add subnet"."""
    words = name.split()
    return next(begin for begin in (" ".join(words[:n]) for n in range(len(words) - 1, 0, -1)) if begin in NOUNS)


def kind(noun: str) -> Kind:
    module = import_module(f"pileus_cli.nouns.{NOUNS[noun][0]}")
    return next(
        value for value in vars(module).values() if getattr(value, "name", "") == noun and hasattr(value, "many")
    )
