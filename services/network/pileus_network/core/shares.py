"""Sharing a network with some projects or with all: what OpenStack calls RBAC policies."""

from typing import Any

from sqlalchemy import ColumnElement, exists, select, true
from sqlalchemy.orm import Session

from pileus_network.core import networks, nouns, projects
from pileus_network.core.scopes import EVERYTHING, EXTERNAL, SHARED, Scope
from pileus_network.db.models import FloatingIp, Network, Port, Router, Share
from pileus_network.errors import DuplicateRbacPolicy, InvalidInput, RbacPolicyInUse, RbacPolicyNotFound


def visible(scope: Scope) -> ColumnElement[bool]:
    return true() if scope.everything else Share.project_id == scope.project_id


def get(session: Session, share_id: str, scope: Scope) -> Share:
    row = session.scalars(select(Share).where(Share.id == share_id, visible(scope))).one_or_none()
    if row is None:
        raise RbacPolicyNotFound(object_type="network", id=share_id)
    return row


def create(session: Session, wish: dict[str, Any], scope: Scope) -> Share:
    """Only a network of one's own can be shared."""
    network = networks.get(session, wish["object_id"], scope)
    if not scope.owns(network.project_id):
        raise InvalidInput(error_message="Only admins can manipulate policies on objects they do not own")
    projects.reserve(session, projects.locked(session, wish["project_id"]), "rbac_policy")
    share = Share(project_id=wish["project_id"], action=wish["action"], target_project=wish["target_tenant"])
    _check_twin(session, network.id, share)
    network.shares.append(share)
    nouns.revise(network)
    if share.action == EXTERNAL:
        network.external = True
    session.flush()
    return share


def _check_twin(session: Session, network_id: str, share: Share) -> None:
    if session.scalar(
        select(
            exists(
                select(Share.id).where(
                    Share.network_id == network_id,
                    Share.action == share.action,
                    Share.id != (share.id or ""),
                    Share.target_project == share.target_project,
                )
            )
        )
    ):
        raise DuplicateRbacPolicy()


def retarget(session: Session, share: Share, target: str) -> None:
    """Share with somebody else instead."""
    if target == share.target_project:
        return
    _check_unused(session, share, instead=target)
    share.target_project = target
    nouns.revise(session.get_one(Network, share.network_id))
    _check_twin(session, share.network_id, share)
    session.flush()


def delete(session: Session, share: Share) -> None:
    _check_unused(session, share)
    session.delete(share)
    nouns.revise(session.get_one(Network, share.network_id))
    session.flush()
    if share.action == EXTERNAL and not session.scalar(
        select(exists(select(Share.id).where(Share.network_id == share.network_id, Share.action == EXTERNAL)))
    ):
        session.get_one(Network, share.network_id).external = False


def _check_unused(session: Session, share: Share, instead: str | None = None) -> None:
    """Refuse if a project that only this policy lets in uses the network. `instead`: whom the policy will let in."""
    network = networks.get(session, share.network_id, EVERYTHING)
    others = [other for other in network.shares if other.action == share.action and other.id != share.id]
    if any(other.target_project == "*" for other in others):
        return
    if share.action == SHARED:
        used = (
            _used_by_others(session, network, [other.target_project for other in others])
            if share.target_project == "*"
            else _used_by(session, network, share.target_project)
        )
    else:
        allowed = [other.target_project for other in others] + ([instead] if instead else [])
        used = instead != "*" and _external_use(session, network, share.target_project, allowed)
    if used:
        raise RbacPolicyInUse(object_id=network.id, details="Ports of other projects are on the network")


def _used_by_others(session: Session, network: Network, allowed: list[str]) -> bool:
    return networks.others_use(session, network, exempt=allowed)


def _used_by(session: Session, network: Network, project_id: str) -> bool:
    return project_id != network.project_id and bool(
        session.scalar(
            select(exists(select(Port.id).where(Port.network_id == network.id, Port.project_id == project_id)))
        )
    )


def _external_use(session: Session, network: Network, target: str, others: list[str]) -> bool:
    """Whether routers' gateways or floating IPs of projects are on it that only this policy lets in."""
    kept = {network.project_id, *others}
    routers = select(Router.project_id).join(Port, Port.id == Router.gateway_port_id)
    users = routers.where(Port.network_id == network.id).union(
        select(FloatingIp.project_id).where(FloatingIp.floating_network_id == network.id)
    )
    found = set(session.scalars(users))
    return bool((found if target == "*" else found & {target}) - kept)
