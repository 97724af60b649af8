"""Errors about networks, subnets, subnet pools and address scopes."""

from pileus_kit.errors import BadRequest, Conflict, NotFound, Unavailable


class VlanRangesUsedUp(Unavailable):
    text = "Unable to create the network. No VLAN is free on physical network {physical_network}."

    @property
    def type(self) -> str:
        return "NoNetworkAvailable"


class NetworkNotFound(NotFound):
    text = "Network {net_id} could not be found."


class NetworkInUse(Conflict):
    text = (
        "Unable to complete operation on network {net_id}. There are one or more ports still in use on the "
        "network, id for these ports is: {ports}."
    )


class InvalidSharedSetting(Conflict):
    text = "Unable to reconfigure sharing settings for network {network}. Multiple tenants are using it."


class ExternalNetworkInUse(Conflict):
    text = "External network {net_id} cannot be updated to be made non-external, since it has existing gateway ports."


class VlanIdInUse(Conflict):
    text = "Unable to create the network. The VLAN {vlan_id} on physical network {physical_network} is in use."


class FlatNetworkInUse(Conflict):
    text = "Unable to create the flat network. Physical network {physical_network} is in use."


class TunnelIdInUse(Conflict):
    text = "Unable to create the network. The tunnel ID {tunnel_id} is in use."


class NoNetworkAvailable(Unavailable):
    text = "Unable to create the network. No tenant network is available for allocation."


class NetworkMTUSubnetConflict(Conflict):
    text = "Cannot set MTU on network {net_id}: at least {mtu} is required by its subnets."


class SubnetNotFound(NotFound):
    text = "Subnet {subnet_id} could not be found."


class SubnetInUse(Conflict):
    text = "Unable to complete operation on subnet {subnet_id}: {reason}"


class GatewayConflictWithAllocationPools(Conflict):
    text = "Gateway ip {ip_address} conflicts with allocation pool {pool}."


class GatewayIpInUse(Conflict):
    text = "Current gateway ip {ip_address} already in use by port {port_id}. Unable to update."


class InvalidAllocationPool(BadRequest):
    text = "The allocation pool {pool} is not valid."


class OutOfBoundsAllocationPool(BadRequest):
    text = "The allocation pool {pool} spans beyond the subnet cidr {subnet_cidr}."


class OverlappingAllocationPools(Conflict):
    text = "Found overlapping allocation pools: {pool_1} {pool_2} for subnet {subnet_cidr}."


class NetworkSubnetPoolAffinityError(BadRequest):
    text = "Subnets hosted on the same network must be allocated from the same subnet pool."


class SubnetPoolNotFound(NotFound):
    text = "Subnet pool {subnetpool_id} could not be found."


class SubnetPoolInUse(Conflict):
    text = (
        "Unable to complete operation on subnet pool {subnet_pool_id}. There are one or more subnets allocated from it."
    )


class SubnetAllocationError(Conflict):
    text = "Failed to allocate subnet: {reason}."


class SubnetPoolQuotaExceeded(Conflict):
    text = "Per-tenant subnet pool prefix quota exceeded."


class IllegalSubnetPoolPrefixUpdate(BadRequest):
    text = "Illegal update to prefixes: {msg}."


class IllegalSubnetPoolPrefixBounds(BadRequest):
    text = "Illegal prefix bounds: {prefix_type}={prefixlen}, {base_prefix_type}={base_prefixlen}."


class IllegalSubnetPoolUpdate(BadRequest):
    text = "Illegal subnetpool update : {reason}."


class AddressScopePrefixConflict(Conflict):
    text = "Failed to associate address scope: subnetpools within an address scope must have unique prefixes."


class IllegalSubnetPoolIpVersionAssociationToAddressScope(BadRequest):
    text = (
        "Illegal subnetpool association: subnetpool {subnetpool_id} cannot associate with address scope "
        "{address_scope_id} because subnetpool ip_version is not {ip_version}."
    )


class AddressScopeNotFound(NotFound):
    text = "Address scope {address_scope_id} could not be found."


class AddressScopeInUse(Conflict):
    text = (
        "Unable to complete operation on address scope {address_scope_id}. There are one or more subnet pools in "
        "use on the address scope."
    )
