"""Errors about ports."""

from pileus_kit.errors import BadRequest, Conflict, NotFound


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
