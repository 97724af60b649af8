"""RBAC policies: they share a network with one project or with all."""

from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy import ColumnElement, exists, false, select, true
from sqlalchemy.orm import Session

from pileus_network.core import networks, quotas, standard_attributes
from pileus_network.core.listing import Listing
from pileus_network.core.visibility import ELEVATED, EXTERNAL, SHARED, Viewer
from pileus_network.db.models import FloatingIp, Network, Port, RbacPolicy, Router
from pileus_network.errors import DuplicateRbacPolicy, InvalidInput, RbacPolicyInUse, RbacPolicyNotFound


@dataclass(frozen=True, kw_only=True)
class NewRbacPolicy:
    """A request to create an RBAC policy. The object is a network."""

    project_id: str
    object_type: str
    object_id: str
    action: str
    target_tenant: str


class RbacPolicyUpdate(TypedDict, total=False):
    """The attributes that an update may set."""

    target_tenant: str


def visible_policies(viewer: Viewer) -> ColumnElement[bool]:
    """The condition of the policies that the viewer may see: the project's own."""
    return true() if viewer.sees_everything else RbacPolicy.project_id == viewer.project_id


LISTING = Listing(
    RbacPolicy,
    visible_policies,
    columns={
        "id": RbacPolicy.id,
        "object_id": RbacPolicy.network_id,
        "action": RbacPolicy.action,
        "target_tenant": RbacPolicy.target_project,
        "project_id": RbacPolicy.project_id,
        "tenant_id": RbacPolicy.project_id,
    },
    clauses={"object_type": lambda names: true() if "network" in names else false()},
)


def find(session: Session, share_id: str, viewer: Viewer) -> RbacPolicy:
    """Return the policy. Raises RbacPolicyNotFound if the viewer can't see it."""
    row = session.scalars(select(RbacPolicy).where(RbacPolicy.id == share_id, visible_policies(viewer))).one_or_none()
    if row is None:
        raise RbacPolicyNotFound(object_type="network", id=share_id)
    return row


def create(session: Session, requested: NewRbacPolicy, viewer: Viewer) -> RbacPolicy:
    """Share a network. Only its owner may, or an administrator."""
    network = networks.find(session, requested.object_id, viewer)
    if not viewer.owns(network.project_id):
        raise InvalidInput(error_message="Only admins can manipulate policies on objects they do not own")
    quotas.check(session, quotas.lock_project(session, requested.project_id), "rbac_policy")
    share = RbacPolicy(project_id=requested.project_id, action=requested.action, target_project=requested.target_tenant)
    _check_duplicate(session, network.id, share)
    network.rbac_policies.append(share)
    standard_attributes.bump_revision(network)
    if share.action == EXTERNAL:
        network.external = True
    session.flush()
    return share


def _check_duplicate(session: Session, network_id: str, share: RbacPolicy) -> None:
    if session.scalar(
        select(
            exists(
                select(RbacPolicy.id).where(
                    RbacPolicy.network_id == network_id,
                    RbacPolicy.action == share.action,
                    RbacPolicy.id != (share.id or ""),
                    RbacPolicy.target_project == share.target_project,
                )
            )
        )
    ):
        raise DuplicateRbacPolicy()


def update(session: Session, share: RbacPolicy, target: str) -> None:
    """Share with the project `target` instead."""
    if target == share.target_project:
        return
    _check_unused(session, share, instead=target)
    share.target_project = target
    standard_attributes.bump_revision(session.get_one(Network, share.network_id))
    _check_duplicate(session, share.network_id, share)
    session.flush()


def delete(session: Session, share: RbacPolicy) -> None:
    """Delete the policy. Raises RbacPolicyInUse if a project would lose a network that it uses."""
    _check_unused(session, share)
    session.delete(share)
    standard_attributes.bump_revision(session.get_one(Network, share.network_id))
    session.flush()
    if share.action == EXTERNAL and not session.scalar(
        select(
            exists(
                select(RbacPolicy.id).where(RbacPolicy.network_id == share.network_id, RbacPolicy.action == EXTERNAL)
            )
        )
    ):
        session.get_one(Network, share.network_id).external = False


def _check_unused(session: Session, share: RbacPolicy, instead: str | None = None) -> None:
    """Raise RbacPolicyInUse if a project that only has access by this policy uses the network.

    `instead`: its next target.
    """
    network = networks.find(session, share.network_id, ELEVATED)
    others = [other for other in network.rbac_policies if other.action == share.action and other.id != share.id]
    if any(other.target_project == "*" for other in others):
        return
    if share.action == SHARED:
        used = (
            _is_used_by_others(session, network, [other.target_project for other in others])
            if share.target_project == "*"
            else _is_used_by(session, network, share.target_project)
        )
    else:
        allowed = [other.target_project for other in others] + ([instead] if instead else [])
        used = instead != "*" and _is_used_as_external(session, network, share.target_project, allowed)
    if used:
        raise RbacPolicyInUse(object_id=network.id, details="Ports of other projects are on the network")


def _is_used_by_others(session: Session, network: Network, allowed: list[str]) -> bool:
    return networks.is_used_by_others(session, network, exempt=allowed)


def _is_used_by(session: Session, network: Network, project_id: str) -> bool:
    return project_id != network.project_id and bool(
        session.scalar(
            select(exists(select(Port.id).where(Port.network_id == network.id, Port.project_id == project_id)))
        )
    )


def _is_used_as_external(session: Session, network: Network, target: str, others: list[str]) -> bool:
    """Whether projects that only have access by this policy have router gateways or floating IPs on the network."""
    kept = {network.project_id, *others}
    routers = select(Router.project_id).join(Port, Port.id == Router.gateway_port_id)
    users = routers.where(Port.network_id == network.id).union(
        select(FloatingIp.project_id).where(FloatingIp.floating_network_id == network.id)
    )
    found = set(session.scalars(users))
    return bool((found if target == "*" else found & {target}) - kept)
