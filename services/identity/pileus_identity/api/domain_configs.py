"""/v3/domains/{domain_id}/config."""

from typing import Any

from pileus_identity.api.views import View
from pileus_identity.core import domain_configs
from pileus_kit.web import Resource, tools

resource = Resource("domain_configs", __name__, url_prefix="/v3/domains")

GROUPS = {"type": "object", "maxProperties": 10, "additionalProperties": {"type": "object", "maxProperties": 100}}
BODY = {"type": "object", "required": ["config"], "properties": {"config": GROUPS}}
OPTION = {"type": "object", "required": ["config"], "properties": {"config": {"type": "object", "maxProperties": 10}}}
ALL = "/<domain_id>/config"
COMPLIANCE = ALL + "/security_compliance"
ONE_GROUP = ALL + "/<group>"
ONE_OPTION = ONE_GROUP + "/<option>"


@resource.endpoint("GET", "/config/default", policy="identity:get_domain_config_default")
def show_defaults() -> Any:
    return {"config": domain_configs.default()}


@resource.endpoint("GET", "/config/<group>/default", policy="identity:get_domain_config_default")
def show_default_group(group: str) -> Any:
    return {"config": domain_configs.default(group)}


@resource.endpoint("GET", "/config/<group>/<option>/default", policy="identity:get_domain_config_default")
def show_default_option(group: str, option: str) -> Any:
    return {"config": domain_configs.default(group, option)}


@resource.endpoint("PUT", ALL, policy="identity:create_domain_config", body=BODY)
def create(domain_id: str, body: View) -> Any:
    with tools().change() as session:
        had = domain_configs.put(session, domain_id, body["config"])
        return {"config": domain_configs.show(session, domain_id)}, 200 if had else 201


@resource.endpoint("GET", ALL, policy="identity:get_domain_config")
def show_all(domain_id: str) -> Any:
    return _show(domain_id)


@resource.endpoint("GET", COMPLIANCE, policy="identity:get_security_compliance_domain_config")
def show_compliance(domain_id: str) -> Any:
    """What a password has to look like is told to all who have a token, so that clients can say it beforehand."""
    return _compliance(domain_id)


@resource.endpoint("GET", COMPLIANCE + "/<option>", policy="identity:get_security_compliance_domain_config")
def show_compliance_option(domain_id: str, option: str) -> Any:
    return _compliance(domain_id, option)


def _compliance(domain_id: str, option: str | None = None) -> View:
    with tools().sessions.read() as session:
        return {"config": domain_configs.compliance(session, tools().config, domain_id, option)}


@resource.endpoint("GET", ONE_GROUP, policy="identity:get_domain_config")
def show_group(domain_id: str, group: str) -> Any:
    return _show(domain_id, group)


@resource.endpoint("GET", ONE_OPTION, policy="identity:get_domain_config")
def show_option(domain_id: str, group: str, option: str) -> Any:
    return _show(domain_id, group, option)


def _show(domain_id: str, group: str | None = None, option: str | None = None) -> View:
    with tools().sessions.read() as session:
        return {"config": domain_configs.show(session, domain_id, group, option)}


@resource.endpoint("PATCH", ALL, policy="identity:update_domain_config", body=BODY)
def update_all(domain_id: str, body: View) -> Any:
    with tools().change() as session:
        return {"config": domain_configs.change(session, domain_id, body["config"])}


@resource.endpoint("PATCH", ONE_GROUP, policy="identity:update_domain_config", body=BODY)
def update_group(domain_id: str, group: str, body: View) -> Any:
    with tools().change() as session:
        return {"config": domain_configs.change(session, domain_id, body["config"], group)}


@resource.endpoint("PATCH", ONE_OPTION, policy="identity:update_domain_config", body=OPTION)
def update_option(domain_id: str, group: str, option: str, body: View) -> Any:
    with tools().change() as session:
        return {"config": domain_configs.change(session, domain_id, {group: body["config"]}, group, option)}


@resource.endpoint("DELETE", ALL, policy="identity:delete_domain_config")
def delete_all(domain_id: str) -> Any:
    return _delete(domain_id)


@resource.endpoint("DELETE", ONE_GROUP, policy="identity:delete_domain_config")
def delete_group(domain_id: str, group: str) -> Any:
    return _delete(domain_id, group)


@resource.endpoint("DELETE", ONE_OPTION, policy="identity:delete_domain_config")
def delete_option(domain_id: str, group: str, option: str) -> Any:
    return _delete(domain_id, group, option)


def _delete(domain_id: str, group: str | None = None, option: str | None = None) -> Any:
    with tools().change() as session:
        domain_configs.remove(session, domain_id, group, option)
    return "", 204
