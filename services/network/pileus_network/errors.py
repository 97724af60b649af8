"""What network refuses, under the names that OpenStack's clients test (`NeutronError.type`)."""

from pileus_kit.errors import BadRequest, Conflict, Forbidden, NotFound, Unavailable


class HTTPBadRequest(BadRequest):
    """The body or the query doesn't fit the API."""


class BadResource(BadRequest):
    text = "Bad {resource} request: {msg}."

    @property
    def type(self) -> str:
        return "BadRequest"


class InvalidInput(BadRequest):
    text = "Invalid input for operation: {error_message}."


class PolicyNotAuthorized(Forbidden):
    text = "(rule:{rule}) is disallowed by policy"


class HTTPNotFound(NotFound):
    text = "The resource could not be found."


class OverQuota(Conflict):
    text = "Quota exceeded for resources: {overs}."


class AutoAllocationFailure(Conflict):
    text = "Deployment error: {reason}."


class AutoAllocatedTopologyNotFound(NotFound):
    text = "No auto allocated topology found for project {tenant_id}."


class VlanRangesUsedUp(Unavailable):
    text = "Unable to create the network. No VLAN is free on physical network {physical_network}."

    @property
    def type(self) -> str:
        return "NoNetworkAvailable"


# networks


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


# subnets


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


# ports


class PortNotFound(NotFound):
    text = "Port {port_id} could not be found."


class PortInUse(Conflict):
    text = (
        "Unable to complete operation on port {port_id} for network {net_id}. Port already has an attached "
        "device {device_id}."
    )


class ServicePortInUse(Conflict):
    text = "Port {port_id} cannot be deleted directly via the port API: {reason}."


class DeviceIDNotOwnedByTenant(Conflict):
    text = "The following device_id {device_id} is not owned by your tenant or matches another tenants router."


class UnsupportedPortDeviceOwner(Conflict):
    text = "Operation {op} is not supported for device_owner {device_owner} on port {port_id}."


class MacAddressInUse(Conflict):
    text = "Unable to complete operation for network {net_id}. The mac address {mac} is in use."


class IpAddressInUse(Conflict):
    text = "Unable to complete operation for network {net_id}. The IP address {ip_address} is in use."


class IpAddressGenerationFailure(Conflict):
    text = "No more IP addresses available on network {net_id}."


class InvalidIpForNetwork(BadRequest):
    text = "IP address {ip_address} is not a valid IP for any of the subnets on the specified network."


class InvalidIpForSubnet(BadRequest):
    text = "IP address {ip_address} is not a valid IP for the specified subnet."


class PortSecurityPortHasSecurityGroup(Conflict):
    text = (
        "Port has security group associated. Cannot disable port security or IP address until security group is "
        "removed."
    )


class PortSecurityAndIPRequiredForSecurityGroups(BadRequest):
    text = "Port security must be enabled and port must have an IP address in order to use security groups."


class AddressPairAndPortSecurityRequired(Conflict):
    text = "Port Security must be enabled in order to have allowed address pairs on a port."


class PortBoundMacFixed(Conflict):
    text = "The MAC address of port {port_id} can't change while it is bound to host {host}."

    @property
    def type(self) -> str:
        return "PortBound"


# routers


class RouterNotFound(NotFound):
    text = "Router {router_id} could not be found"


class RouterInUse(Conflict):
    text = "Router {router_id} {reason}"


class RouterInterfaceNotFound(NotFound):
    text = "Router {router_id} does not have an interface with id {port_id}"


class RouterInterfaceNotFoundForSubnet(NotFound):
    text = "Router {router_id} has no interface on subnet {subnet_id}"


class RouterInterfaceInUseByFloatingIP(Conflict):
    text = (
        "Router interface for subnet {subnet_id} on router {router_id} cannot be deleted, as it is required by "
        "one or more floating IPs."
    )


class RouterInterfaceInUseByRoute(Conflict):
    text = (
        "Router interface for subnet {subnet_id} on router {router_id} cannot be deleted, as it is required by "
        "one or more routes."
    )


class RouterExternalGatewayInUseByFloatingIp(Conflict):
    text = (
        "Gateway cannot be updated for router {router_id}, since a gateway to external network {net_id} is "
        "required by one or more floating IPs."
    )


class InvalidRoutes(BadRequest):
    text = "Invalid format for routes: {routes}, {reason}"


class RoutesExhausted(BadRequest):
    text = "Unable to complete operation for {router_id}. The number of routes exceeds the maximum {quota}."


# floating addresses


class FloatingIPNotFound(NotFound):
    text = "Floating IP {floatingip_id} could not be found"


class ExternalGatewayForFloatingIPNotFound(NotFound):
    text = (
        "External network {external_network_id} is not reachable from subnet {subnet_id}. "
        "Therefore, cannot associate Port {port_id} with a Floating IP."
    )


class FloatingIPPortAlreadyAssociated(Conflict):
    text = (
        "Cannot associate floating IP {floating_ip_address} ({fip_id}) with port {port_id} using fixed IP {fixed_ip}, "
        "as that fixed IP already has a floating IP on external network {net_id}."
    )


# security groups


class SecurityGroupNotFound(NotFound):
    text = "Security group {id} does not exist"


class SecurityGroupRuleNotFound(NotFound):
    text = "Security group rule {id} does not exist"


class SecurityGroupInUse(Conflict):
    text = "Security Group {id} in use."


class SecurityGroupCannotRemoveDefault(Conflict):
    text = "Insufficient rights for removing default security group."


class SecurityGroupCannotUpdateDefault(Conflict):
    text = "Updating default security group not allowed."


class SecurityGroupDefaultAlreadyExists(Conflict):
    text = "Default security group already exists."


class SecurityGroupConflict(Conflict):
    text = "Error {reason} while attempting the operation."


class SecurityGroupRuleExists(Conflict):
    text = "Security group rule already exists. Rule id is {rule_id}."


class SecurityGroupRulesNotSingleTenant(BadRequest):
    text = "Multiple tenant_ids in bulk security group rule create not allowed."


class SecurityGroupInvalidPortRange(BadRequest):
    text = "For TCP/UDP protocols, port_range_min must be <= port_range_max."


class SecurityGroupInvalidPortValue(BadRequest):
    text = "Invalid value for port {port}."


class SecurityGroupInvalidIcmpValue(BadRequest):
    text = "Invalid value for ICMP {field} ({attr}) {value}. It must be 0 to 255."


class SecurityGroupMissingIcmpType(BadRequest):
    text = "ICMP code (port-range-max) {value} is provided but ICMP type (port-range-min) is missing."


class SecurityGroupProtocolRequiredWithPorts(BadRequest):
    text = "Must also specify protocol if port range is given."


class SecurityGroupInvalidProtocolForPort(BadRequest):
    text = "Invalid protocol {protocol} for port range, only supported for TCP, UDP, UDPLITE, SCTP and DCCP."


class SecurityGroupRuleInvalidProtocol(BadRequest):
    text = (
        "Security group rule protocol {protocol} not supported. Only protocol names and integer representations "
        "[0 to 255] are supported."
    )


class SecurityGroupEthertypeConflictWithProtocol(BadRequest):
    text = "Invalid ethertype {ethertype} for protocol {protocol}."


class SecurityGroupRemoteGroupAndRemoteIpPrefix(BadRequest):
    text = "Only remote_ip_prefix or remote_group_id may be provided."


class SecurityGroupRuleParameterConflict(BadRequest):
    text = "Conflicting value ethertype {ethertype} for CIDR {cidr}"


# the rest


class RbacPolicyNotFound(NotFound):
    text = "RBAC policy of type {object_type} with ID {id} not found"


class DuplicateRbacPolicy(Conflict):
    text = "An RBAC policy already exists with those values."


class RbacPolicyInUse(Conflict):
    text = "RBAC policy on object {object_id} cannot be removed because other objects depend on it. Details: {details}"


class TagNotFound(NotFound):
    text = "Tag {tag} could not be found."


class AgentNotFound(NotFound):
    text = "Agent {id} could not be found."


class AgentInUse(Conflict):
    text = "Agent {id} is alive: it would come back by itself. Stop it first."


class ExtensionNotFound(NotFound):
    text = "Extension with alias {alias} does not exist"

    @property
    def type(self) -> str:
        return "HTTPNotFound"


class TenantQuotaNotFound(NotFound):
    text = "Quota for tenant {tenant_id} could not be found."


class RevisionNumberConstraintFailed(Conflict):
    status = 412
    text = "Constrained to {expected}, but current revision is {current}"
