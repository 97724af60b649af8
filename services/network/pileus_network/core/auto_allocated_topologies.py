"""Auto-allocated topologies ("get me a network"): a network, subnets and a router with a gateway, for a project."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_network.config import Config
from pileus_network.core import networks, ports, quotas, router_interfaces, routers, subnets
from pileus_network.core.networks import NewNetwork
from pileus_network.core.routers import GatewayInfo, NewRouter
from pileus_network.core.subnets import NewSubnet
from pileus_network.core.visibility import ELEVATED, Viewer
from pileus_network.db.models import Network, Port, Project, Router, SubnetPool
from pileus_network.errors import AutoAllocatedTopologyNotFound, AutoAllocationFailure
from pileus_network.rpc import INTERFACE_OWNER

NAME = "auto_allocated"


def check_requirements(session: Session) -> tuple[Network, list[SubnetPool]]:
    """Return the default external network and the default subnet pools.

    Raises AutoAllocationFailure if one is missing.
    """
    external = session.scalars(select(Network).where(Network.external, Network.is_default)).first()
    if external is None:
        raise AutoAllocationFailure(reason="No default router:external network")
    pools = list(session.scalars(select(SubnetPool).where(SubnetPool.is_default).order_by(SubnetPool.ip_version)))
    if not pools:
        raise AutoAllocationFailure(reason="No default subnetpools defined")
    return external, pools


def find_or_create(session: Session, config: Config, project_id: str) -> str:
    """Return the id of the project's network; the first call creates the topology."""
    project = quotas.lock_project(session, project_id)
    if project.auto_network_id is not None:
        return project.auto_network_id
    external, pools = check_requirements(session)
    network = networks.create(session, config, [NewNetwork(project_id=project_id, name=f"{NAME}_network")])[0]
    requests = [_subnet_request(project_id, network.id, pool) for pool in pools]
    made = subnets.create(session, {network.id: network}, requests)
    gateway: GatewayInfo = {"network_id": external.id}
    requested = NewRouter(project_id=project_id, name=f"{NAME}_router", external_gateway_info=gateway)
    router = routers.create(session, requested, ELEVATED)
    for subnet in made:
        router_interfaces.add(session, router, {"subnet_id": subnet.id}, ELEVATED)
    project.auto_network_id = network.id
    return network.id


def _subnet_request(project_id: str, network_id: str, pool: SubnetPool) -> NewSubnet:
    mode = "slaac" if pool.ip_version == 6 else None
    return NewSubnet(
        project_id=project_id,
        network_id=network_id,
        name=f"{NAME}_subnet_v{pool.ip_version}",
        ip_version=pool.ip_version,
        subnetpool_id=pool.id,
        ipv6_ra_mode=mode,
        ipv6_address_mode=mode,
    )


def delete(session: Session, project_id: str) -> None:
    """Delete the topology. Raises NetworkInUse if servers use it."""
    project = session.get(Project, project_id)
    if project is None or project.auto_network_id is None:
        raise AutoAllocatedTopologyNotFound(tenant_id=project_id)
    network = networks.find(session, project.auto_network_id, ELEVATED)
    for router in _routers(session, network, Viewer(project_id)):
        for port in _interfaces(session, router):
            ports.remove(session, port)
        routers.delete(session, router)
    project.auto_network_id = None
    session.flush()
    networks.delete(session, network)


def _routers(session: Session, network: Network, viewer: Viewer) -> list[Router]:
    ids = select(Port.router_id).where(Port.network_id == network.id, Port.device_owner == INTERFACE_OWNER)
    mine = Router.project_id == viewer.project_id
    return list(session.scalars(select(Router).where(Router.id.in_(ids), mine).options(*routers.LOADED)))


def _interfaces(session: Session, router: Router) -> list[Port]:
    query = select(Port).where(Port.router_id == router.id, Port.device_owner == INTERFACE_OWNER)
    return list(session.scalars(query.options(*ports.LOADED)))
