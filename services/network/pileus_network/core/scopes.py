"""What a caller may see at all: the part of a policy that has to be in the SQL."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select, true

from pileus_network.db.models import AddressScope, Network, Port, SecurityGroup, SecurityRule, Share, Subnet, SubnetPool

SHARED, EXTERNAL = "access_as_shared", "access_as_external"


@dataclass(frozen=True)
class Scope:
    """`everything`: an administrator or a service. Else what belongs to the project and what is shared with it."""

    project_id: str
    everything: bool = False

    def owns(self, project_id: str) -> bool:
        return self.everything or (bool(self.project_id) and self.project_id == project_id)


EVERYTHING = Scope("", everything=True)


def _shared_networks(scope: Scope) -> ColumnElement[bool]:
    with_me = select(Share.network_id).where(Share.target_project.in_(("*", scope.project_id)))
    return or_(Network.project_id == scope.project_id, Network.id.in_(with_me))


def networks(scope: Scope) -> ColumnElement[bool]:
    return true() if scope.everything else _shared_networks(scope)


def subnets(scope: Scope) -> ColumnElement[bool]:
    """A project's own, those on its networks and on shared ones; a network that is only external hides its own."""
    if scope.everything:
        return true()
    mine = select(Network.id).where(Network.project_id == scope.project_id)
    shared = select(Share.network_id).where(Share.action == SHARED, Share.target_project.in_(("*", scope.project_id)))
    on = or_(Subnet.network_id.in_(mine), Subnet.network_id.in_(shared))
    return or_(Subnet.project_id == scope.project_id, on)


def ports(scope: Scope) -> ColumnElement[bool]:
    """A project's own, and those on its networks."""
    if scope.everything:
        return true()
    mine = select(Network.id).where(Network.project_id == scope.project_id)
    return or_(Port.project_id == scope.project_id, Port.network_id.in_(mine))


def security_rules(scope: Scope) -> ColumnElement[bool]:
    """Those in a project's groups, whoever made them, and those that the project made."""
    if scope.everything:
        return true()
    mine = select(SecurityGroup.id).where(SecurityGroup.project_id == scope.project_id)
    return or_(SecurityRule.group_id.in_(mine), SecurityRule.project_id == scope.project_id)


def subnet_pools(scope: Scope) -> ColumnElement[bool]:
    return true() if scope.everything else or_(SubnetPool.project_id == scope.project_id, SubnetPool.shared)


def address_scopes(scope: Scope) -> ColumnElement[bool]:
    return true() if scope.everything else or_(AddressScope.project_id == scope.project_id, AddressScope.shared)
