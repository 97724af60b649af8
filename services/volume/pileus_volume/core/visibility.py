"""Whose resources a caller sees."""

from pileus_kit.auth import Caller


def is_service(caller: Caller) -> bool:
    """Whether the caller is a service itself. A user whose request a service only passes on is none."""
    return "service" in caller.roles


def sees_all_projects(caller: Caller) -> bool:
    """Whether the caller sees the resources of every project: an administrator, or a service that goes on with work for
    users who have gone. The policy decides what a service may do with them."""
    return caller.is_admin or is_service(caller)
