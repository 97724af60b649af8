"""The actions of `POST /servers/ID/action`, a module for each kind. Importing them enters them in the table."""

from pileus_compute.api.actions import (  # noqa: F401
    admin,
    consoles,
    deletion,
    evacuate,
    floating_ips,
    images,
    locks,
    migrate,
    passwords,
    power,
    rebuild,
    rescue,
    resize,
    security_groups,
    shelve,
)
