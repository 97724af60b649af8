"""Errors about routers and floating IPs."""

from pileus_kit.errors import BadRequest, Conflict, NotFound


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
