"""`/limits`: how much a project may have, and how much of it it has."""

from flask import request

from pileus_compute.api.schemas.types import TEXT, query, strict_query
from pileus_compute.api.tools import tools
from pileus_compute.core import quotas
from pileus_kit.json_types import Answer
from pileus_kit.web import Resource, caller, enforce, version

resource = Resource("limits", __name__, url_prefix="/v2.1/limits")
RULE = "os_compute_api:limits"
LIST = {(2, 1): query(tenant_id=TEXT), (2, 75): strict_query(tenant_id=TEXT)}


@resource.endpoint("GET", "", policy=RULE, query=LIST)
def index() -> Answer:
    project_id = request.args.get("tenant_id") or caller().project_id or ""
    if project_id != caller().project_id:
        enforce(RULE + ":other_project")
    with tools().sessions.read() as session:
        maximum, used = quotas.limits(session, project_id), quotas.usage(session, project_id)
    view = {
        "maxServerMeta": maximum["metadata_items"],
        "maxTotalInstances": maximum["instances"],
        "maxTotalCores": maximum["cores"],
        "maxTotalRAMSize": maximum["ram"],
        "maxTotalKeypairs": maximum["key_pairs"],
        "maxServerGroups": maximum["server_groups"],
        "maxServerGroupMembers": maximum["server_group_members"],
        "totalInstancesUsed": used["instances"],
        "totalCoresUsed": used["cores"],
        "totalRAMUsed": used["ram"],
        "totalServerGroupsUsed": used["server_groups"],
    }
    if version() < (2, 39):
        view["maxImageMeta"] = maximum["metadata_items"]
    if version() < (2, 36):
        view |= {
            "maxTotalFloatingIps": maximum["floating_ips"],
            "maxSecurityGroups": maximum["security_groups"],
            "maxSecurityGroupRules": maximum["security_group_rules"],
            "totalFloatingIpsUsed": 0,
            "totalSecurityGroupsUsed": 0,
        }
    if version() < (2, 57):
        view |= {
            "maxPersonality": maximum["injected_files"],
            "maxPersonalitySize": maximum["injected_file_content_bytes"],
        }
    return {"limits": {"rate": [], "absolute": view}}
