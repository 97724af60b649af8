"""The conditions of the rows that a caller may see: the part of the policy that has to be in the SQL."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select, true

from pileus_network.db.models import (
    AddressScope,
    Network,
    Port,
    RbacPolicy,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    SubnetPool,
)

SHARED, EXTERNAL = "access_as_shared", "access_as_external"


@dataclass(frozen=True)
class Viewer:
    """A caller who sees all rows (`sees_everything`), or the project's own and those that are shared with it."""

    project_id: str
    sees_everything: bool = False

    def owns(self, project_id: str) -> bool:
        """Whether the viewer may do what only an owner in `project_id` may."""
        return self.sees_everything or (bool(self.project_id) and self.project_id == project_id)


ELEVATED = Viewer("", sees_everything=True)


def _own_or_shared_networks(viewer: Viewer) -> ColumnElement[bool]:
    with_me = select(RbacPolicy.network_id).where(RbacPolicy.target_project.in_(("*", viewer.project_id)))
    return or_(Network.project_id == viewer.project_id, Network.id.in_(with_me))


def networks(viewer: Viewer) -> ColumnElement[bool]:
    """The condition of the project's own networks and those shared with it."""
    return true() if viewer.sees_everything else _own_or_shared_networks(viewer)


def subnets(viewer: Viewer) -> ColumnElement[bool]:
    """The project's own subnets, and those on its networks and on shared ones.

    Subnets of networks that are only external are hidden.
    """
    if viewer.sees_everything:
        return true()
    mine = select(Network.id).where(Network.project_id == viewer.project_id)
    shared = select(RbacPolicy.network_id).where(
        RbacPolicy.action == SHARED, RbacPolicy.target_project.in_(("*", viewer.project_id))
    )
    on = or_(Subnet.network_id.in_(mine), Subnet.network_id.in_(shared))
    return or_(Subnet.project_id == viewer.project_id, on)


def ports(viewer: Viewer) -> ColumnElement[bool]:
    """The project's own ports, and those on its networks."""
    if viewer.sees_everything:
        return true()
    mine = select(Network.id).where(Network.project_id == viewer.project_id)
    return or_(Port.project_id == viewer.project_id, Port.network_id.in_(mine))


def security_group_rules(viewer: Viewer) -> ColumnElement[bool]:
    """The rules of the project's groups, also those that other projects created, and the rules that the project
    created.
    """
    if viewer.sees_everything:
        return true()
    mine = select(SecurityGroup.id).where(SecurityGroup.project_id == viewer.project_id)
    return or_(SecurityGroupRule.security_group_id.in_(mine), SecurityGroupRule.project_id == viewer.project_id)


def subnet_pools(viewer: Viewer) -> ColumnElement[bool]:
    """The condition of the project's own subnet pools and shared ones."""
    return true() if viewer.sees_everything else or_(SubnetPool.project_id == viewer.project_id, SubnetPool.shared)


def address_scopes(viewer: Viewer) -> ColumnElement[bool]:
    """The condition of the project's own address scopes and shared ones."""
    return true() if viewer.sees_everything else or_(AddressScope.project_id == viewer.project_id, AddressScope.shared)
