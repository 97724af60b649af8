"""Security groups and their rules as compute shows them: ingress rules only."""

from collections.abc import Mapping

from pileus_compute.clients.security_groups import SecurityGroup, SecurityGroupRule
from pileus_kit.json_types import JsonObject


def group_view(group: SecurityGroup, names: Mapping[str, str]) -> JsonObject:
    """Return a group. `names` are those of the groups that its rules may refer to, by id."""
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "tenant_id": group.project_id,
        "rules": [rule_view(rule, names) for rule in group.rules if rule.direction == "ingress"],
    }


def rule_view(rule: SecurityGroupRule, names: Mapping[str, str]) -> JsonObject:
    remote = names.get(rule.remote_group_id or "")
    return {
        "id": rule.id,
        "parent_group_id": rule.group_id,
        "ip_protocol": rule.protocol,
        "from_port": rule.port_range_min,
        "to_port": rule.port_range_max,
        "group": {"tenant_id": rule.project_id, "name": remote} if remote is not None else {},
        "ip_range": {} if remote is not None else {"cidr": rule.remote_ip_prefix or "0.0.0.0/0"},
    }
