"""Errors about security groups and their rules."""

from pileus_kit.errors import BadRequest, Conflict, NotFound


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
