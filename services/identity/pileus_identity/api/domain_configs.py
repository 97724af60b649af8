"""/v3/domains/{domain_id}/config."""

from pileus_identity.api.tools import tools
from pileus_identity.core import (
    domain_configs,
)
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("domain_configs", __name__, url_prefix="/v3/domains")

GROUPS: JsonObject = {
    "type": "object",
    "maxProperties": 10,
    "additionalProperties": {"type": "object", "maxProperties": 100},
}
BODY: JsonObject = {"type": "object", "required": ["config"], "properties": {"config": GROUPS}}
OPTION: JsonObject = {
    "type": "object",
    "required": ["config"],
    "properties": {"config": {"type": "object", "maxProperties": 10}},
}
ALL = "/<domain_id>/config"
COMPLIANCE = ALL + "/security_compliance"
ONE_GROUP = ALL + "/<group>"
ONE_OPTION = ONE_GROUP + "/<option>"


@resource.endpoint("GET", "/config/default", policy="identity:get_domain_config_default")
def show_defaults() -> Answer:
    return {"config": domain_configs.find_defaults()}


@resource.endpoint("GET", "/config/<group>/default", policy="identity:get_domain_config_default")
def show_default_group(group: str) -> Answer:
    return {"config": domain_configs.find_defaults(group)}


@resource.endpoint("GET", "/config/<group>/<option>/default", policy="identity:get_domain_config_default")
def show_default_option(group: str, option: str) -> Answer:
    return {"config": domain_configs.find_defaults(group, option)}


@resource.endpoint("PUT", ALL, policy="identity:create_domain_config", body=BODY)
def create(domain_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        replaced = domain_configs.create(session, domain_id, body["config"])
        return {"config": domain_configs.find(session, domain_id)}, 200 if replaced else 201


@resource.endpoint("GET", ALL, policy="identity:get_domain_config")
def show(domain_id: str) -> Answer:
    return _show(domain_id)


@resource.endpoint("GET", COMPLIANCE, policy="identity:get_security_compliance_domain_config")
def show_compliance(domain_id: str) -> Answer:
    """All callers see what a password has to look like, so that clients can check it beforehand."""
    return _compliance(domain_id)


@resource.endpoint("GET", COMPLIANCE + "/<option>", policy="identity:get_security_compliance_domain_config")
def show_compliance_option(domain_id: str, option: str) -> Answer:
    return _compliance(domain_id, option)


def _compliance(domain_id: str, option: str | None = None) -> JsonObject:
    with tools().sessions.read() as session:
        return {"config": domain_configs.find_security_compliance(session, tools().config, domain_id, option)}


@resource.endpoint("GET", ONE_GROUP, policy="identity:get_domain_config")
def show_group(domain_id: str, group: str) -> Answer:
    return _show(domain_id, group)


@resource.endpoint("GET", ONE_OPTION, policy="identity:get_domain_config")
def show_option(domain_id: str, group: str, option: str) -> Answer:
    return _show(domain_id, group, option)


def _show(domain_id: str, group: str | None = None, option: str | None = None) -> JsonObject:
    with tools().sessions.read() as session:
        return {"config": domain_configs.find(session, domain_id, group, option)}


@resource.endpoint("PATCH", ALL, policy="identity:update_domain_config", body=BODY)
def update(domain_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        return {"config": domain_configs.update(session, domain_id, body["config"])}


@resource.endpoint("PATCH", ONE_GROUP, policy="identity:update_domain_config", body=BODY)
def update_group(domain_id: str, group: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        return {"config": domain_configs.update(session, domain_id, body["config"], group)}


@resource.endpoint("PATCH", ONE_OPTION, policy="identity:update_domain_config", body=OPTION)
def update_option(domain_id: str, group: str, option: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        return {"config": domain_configs.update(session, domain_id, {group: body["config"]}, group, option)}


@resource.endpoint("DELETE", ALL, policy="identity:delete_domain_config")
def delete(domain_id: str) -> Answer:
    return _delete(domain_id)


@resource.endpoint("DELETE", ONE_GROUP, policy="identity:delete_domain_config")
def delete_group(domain_id: str, group: str) -> Answer:
    return _delete(domain_id, group)


@resource.endpoint("DELETE", ONE_OPTION, policy="identity:delete_domain_config")
def delete_option(domain_id: str, group: str, option: str) -> Answer:
    return _delete(domain_id, group, option)


def _delete(domain_id: str, group: str | None = None, option: str | None = None) -> Answer:
    with tools().change() as session:
        domain_configs.delete(session, domain_id, group, option)
    return "", 204
