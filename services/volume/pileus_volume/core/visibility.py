"""Whose things a caller sees."""

from pileus_kit.auth import Caller


def sees_all(caller: Caller) -> bool:
    """Whether things of every project: an administrator, or a service that goes on for users who have gone.

    What a service may do with them is up to the policy. A user whose request a service only passes on is no service.
    """
    return caller.is_admin or "service" in caller.roles
