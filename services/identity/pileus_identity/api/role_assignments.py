"""/v3/role_assignments: who has which role where."""

from typing import Any

from flask import request

from pileus_identity.api.targets import project as project_target
from pileus_identity.api.views import View, asked, link, page, visible_domain
from pileus_identity.core import assignments, lists
from pileus_identity.core.assignments import Asked, Held
from pileus_identity.errors import Invalid
from pileus_kit.web import Resource, caller, enforce, tools

resource = Resource("role_assignments", __name__, url_prefix="/v3/role_assignments")


def _target() -> Any:
    """A token of a domain asks for the assignments of that domain, and gets no others."""
    return {"target.domain_id": caller().domain_id}


@resource.endpoint("GET", "", policy="identity:list_role_assignments", target=_target)
def list_all() -> Any:
    """Two rules: one for everything or a domain, and one more for the tree of a project."""
    wish = _asked()
    if wish.subtree:
        facts = project_target(wish.project or "")
        enforce("identity:list_role_assignments_for_tree", {"target.domain_id": facts.get("target.project.domain_id")})
    with tools().sessions.read() as session:
        found = assignments.find(session, wish)
        named = assignments.names(session, found) if _flag("include_names") else None
    view = page("role_assignments", [_show(held, named) for held in found])
    return view | {"truncated": True} if len(found) >= assignments.MOST else view


def _flag(name: str) -> bool:
    return name in request.args and lists.truth(request.args[name])


def _asked() -> Asked:
    given = asked()
    places = [key for key in ("scope.project.id", "scope.domain.id", "scope.system") if key in given]
    if len(places) > 1 or ("user.id" in given and "group.id" in given):
        raise Invalid(why="Specify a user or group, and one of a project, a domain or the system, not several.")
    if _flag("include_subtree") and "scope.project.id" not in given:
        raise Invalid(why="scope.project.id must be specified if include_subtree is also specified.")
    inherited_to = given.get("scope.OS-INHERIT:inherited_to")
    if inherited_to not in (None, "projects"):
        raise Invalid(why="scope.OS-INHERIT:inherited_to can only be `projects`.")
    return Asked(
        user=given.get("user.id"),
        group=given.get("group.id"),
        role=given.get("role.id"),
        project=given.get("scope.project.id"),
        domain=given.get("scope.domain.id"),
        system="scope.system" in given,
        inherited=True if inherited_to else None,
        effective=_flag("effective"),
        subtree=_flag("include_subtree"),
        only_in_domain=visible_domain(),
    )


def _show(held: Held, named: Any) -> View:
    def thing(id: str) -> View:
        return {"id": id} if named is None else named.get(id, {"id": id})

    view: View = {"role": thing(held.role_id), held.actor: thing(held.actor_id), "links": _links(held)}
    if held.target == "system":
        view["scope"] = {"system": {"all": True}}
    else:
        view["scope"] = {held.target: thing(held.target_id)}
        if held.inherited:
            view["scope"]["OS-INHERIT:inherited_to"] = "projects"
    return view


def _links(held: Held) -> View:
    """The call that gave it: to the group if it came through one, where it is inherited from, of the prior role."""
    actor = ("groups", held.group_id) if held.group_id else (f"{held.actor}s", held.actor_id)
    role = held.prior_id or held.role_id
    if held.target == "system":
        path: tuple[str, ...] = ("system", *actor, "roles", role)
    elif held.inherited:
        place = (f"{held.source_kind or held.target}s", held.source or held.target_id)
        path = ("OS-INHERIT", *place, *actor, "roles", role, "inherited_to_projects")
    else:
        path = (f"{held.target}s", held.target_id, *actor, "roles", role)
    links: View = {"assignment": link(*path)["self"]}
    if held.group_id:
        links["membership"] = link("groups", held.group_id, "users", held.actor_id)["self"]
    if held.prior_id:
        links["prior_role"] = link("prior_roles", held.prior_id, "implies", held.role_id)["self"]
    return links
