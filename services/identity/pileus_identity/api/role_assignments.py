"""/v3/role_assignments."""

from collections.abc import Mapping

from flask import request

from pileus_identity.api import policy_targets
from pileus_identity.api.domain_scope import visible_domain_id
from pileus_identity.api.links import url
from pileus_identity.api.lists import query_flag, views_with_links
from pileus_identity.api.tools import tools
from pileus_identity.core import role_assignments
from pileus_identity.core.role_assignments import AssignmentFilter, NamedEntity, RoleAssignment
from pileus_identity.errors import ValidationFailed
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller, enforce

resource = Resource("role_assignments", __name__, url_prefix="/v3/role_assignments")

SCOPES = ("scope.project.id", "scope.domain.id", "scope.system")


def _own_domain() -> Mapping[str, object]:
    """A token of a domain asks for the assignments of that domain, and gets no others."""
    return {"target.domain_id": caller().domain_id}


@resource.endpoint("GET", "", policy="identity:list_role_assignments", target=_own_domain)
def index() -> Answer:
    """The tree of a project has a rule of its own."""
    filters = _parse_filters()
    if filters.include_subtree:
        facts = policy_targets.project(filters.project_id or "")
        enforce("identity:list_role_assignments_for_tree", {"target.domain_id": facts.get("target.project.domain_id")})
    with tools().sessions.read() as session:
        found = role_assignments.list_assignments(session, filters)
        names = role_assignments.load_names(session, found) if query_flag("include_names") else None
    view = views_with_links("role_assignments", [_assignment_view(assignment, names) for assignment in found])
    return view | {"truncated": True} if len(found) >= role_assignments.MAX_ROWS else view


def _parse_filters() -> AssignmentFilter:
    """Raises ValidationFailed for filters that exclude each other."""
    given = request.args
    if len([key for key in SCOPES if key in given]) > 1 or ("user.id" in given and "group.id" in given):
        raise ValidationFailed(
            why="Specify a user or group, and one of a project, a domain or the system, not several."
        )
    if query_flag("include_subtree") and "scope.project.id" not in given:
        raise ValidationFailed(why="scope.project.id must be specified if include_subtree is also specified.")
    inherited_to = given.get("scope.OS-INHERIT:inherited_to")
    if inherited_to not in (None, "projects"):
        raise ValidationFailed(why="scope.OS-INHERIT:inherited_to can only be `projects`.")
    return AssignmentFilter(
        user_id=given.get("user.id"),
        group_id=given.get("group.id"),
        role_id=given.get("role.id"),
        project_id=given.get("scope.project.id"),
        domain_id=given.get("scope.domain.id"),
        system="scope.system" in given,
        inherited=True if inherited_to else None,
        effective=query_flag("effective"),
        include_subtree=query_flag("include_subtree"),
        visible_domain_id=visible_domain_id(),
    )


def _assignment_view(assignment: RoleAssignment, names: Mapping[str, NamedEntity] | None) -> JsonObject:
    def entity(id: str) -> NamedEntity:
        return {"id": id} if names is None else names.get(id, {"id": id})

    view: JsonObject = {
        "role": entity(assignment.role_id),
        assignment.actor: entity(assignment.actor_id),
        "links": _links(assignment),
    }
    if assignment.target == "system":
        view["scope"] = {"system": {"all": True}}
    else:
        view["scope"] = {assignment.target: entity(assignment.target_id)}
        if assignment.inherited:
            view["scope"]["OS-INHERIT:inherited_to"] = "projects"
    return view


def _links(assignment: RoleAssignment) -> dict[str, str]:
    """The calls that created the assignment: the grant, and what made it effective for this user and role."""
    actor = ("groups", assignment.group_id) if assignment.group_id else (f"{assignment.actor}s", assignment.actor_id)
    granted_role_id = assignment.prior_role_id or assignment.role_id
    if assignment.target == "system":
        path: tuple[str, ...] = ("system", *actor, "roles", granted_role_id)
    elif assignment.inherited:
        source = (f"{assignment.source or assignment.target}s", assignment.source_id or assignment.target_id)
        path = ("OS-INHERIT", *source, *actor, "roles", granted_role_id, "inherited_to_projects")
    else:
        path = (f"{assignment.target}s", assignment.target_id, *actor, "roles", granted_role_id)
    links = {"assignment": url(*path)}
    if assignment.group_id:
        links["membership"] = url("groups", assignment.group_id, "users", assignment.actor_id)
    if assignment.prior_role_id:
        links["prior_role"] = url("prior_roles", assignment.prior_role_id, "implies", assignment.role_id)
    return links
