"""What network refuses, under the names that OpenStack's clients test (`NeutronError.type`).

Errors about one kind of resource are in the modules of this package.
"""

from pileus_kit.errors import BadRequest, Conflict, Forbidden, NotFound


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


class RouterSchedulingFailed(Conflict):
    text = "Failed scheduling router {router_id} to the L3 Agent {agent_id}: its host lacks a physical network."


class NetworkSchedulingFailed(Conflict):
    text = "Failed scheduling network {network_id} to the DHCP Agent {agent_id}: its host lacks its physical network."


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
