"""Projects: a tree in each domain."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, exists, literal, select, union
from sqlalchemy import delete as delete_rows
from sqlalchemy import insert as insert_rows
from sqlalchemy import update as update_rows
from sqlalchemy.orm import Session, selectinload

from pileus_identity.core import deleted_projects, project_tags, revocations
from pileus_identity.core.assignment_conditions import assigned_to_user
from pileus_identity.core.attributes import apply_attributes, check_mutable, check_unchanged, flush, insert
from pileus_identity.core.listing import ListPage, ListQuery, apply_filters, fetch_page
from pileus_identity.db.models import Assignment, Credential, Project, ProjectLineage, User
from pileus_identity.errors import ForbiddenAction, ResourceNotFound, ValidationFailed
from pileus_kit.json_types import JsonObject

MAX_DEPTH = 5  # projects from the domain's child to the leaf: OpenStack's default
MAX_RELATIVES = 1000
KNOWN = ("name", "description", "enabled")


def find(session: Session, project_id: str) -> Project:
    """A project by id, with its tags. Raises ResourceNotFound, also for a domain."""
    project = load(session, project_id)
    if project is None or project.is_domain:
        raise ResourceNotFound(kind="project", id=project_id)
    return project


def find_project_or_domain(session: Session, project_id: str) -> Project:
    """A project or a domain by id, with its tags. Raises ResourceNotFound."""
    project = load(session, project_id)
    if project is None:
        raise ResourceNotFound(kind="project", id=project_id)
    return project


def load(session: Session, project_id: str) -> Project | None:
    """A project or a domain by id, with its tags."""
    return session.scalar(select(Project).where(Project.id == project_id).options(selectinload(Project.tags)))


def create(session: Session, body: JsonObject, default_domain_id: str) -> Project:
    """Create a project below its parent, or else below the domain that the body names, or else the default domain.

    Raises ResourceNotFound, DuplicateEntry, ValidationFailed or ForbiddenAction.
    """
    domain_id, parent_id = body.get("domain_id"), body.get("parent_id")
    parent = _find_parent(session, parent_id, domain_id or default_domain_id)
    home = parent.id if parent.is_domain else parent.domain_id
    if domain_id is not None and domain_id != home:
        raise ValidationFailed(why="The domain_id of a project must be the one of its parent.")
    if not parent.enabled:
        raise ForbiddenAction(why=f"Cannot create a project in {parent.id}, which is disabled.")
    if len(_load_ancestor_ids(session, parent.id)) >= MAX_DEPTH:
        raise ForbiddenAction(why=f"Max hierarchy depth reached for branch {parent.id}: {MAX_DEPTH} levels.")
    project = Project(domain_id=home, parent_id=parent.id, is_domain=False, options={}, extra={}, tags=[])
    apply_attributes(project, _with_defaults(body), KNOWN)
    insert(session, project, "project", project.name)
    project_tags.replace(session, project, body.get("tags", ()))
    insert_lineage(session, project.id, parent.id)
    return project


def _find_parent(session: Session, parent_id: str | None, domain_id: str) -> Project:
    if parent_id:
        return find_project_or_domain(session, parent_id)
    domain = load(session, domain_id)
    if domain is None or not domain.is_domain:
        raise ResourceNotFound(kind="domain", id=domain_id)
    return domain


def insert_lineage(session: Session, project_id: str, parent_id: str | None) -> None:
    """Write the lineage of a new project: all ancestors of its parent are its ancestors, one step farther."""
    session.add(ProjectLineage(project_id=project_id, ancestor_id=project_id, distance=0))
    session.flush()
    if parent_id is not None:
        ancestors = select(literal(project_id), ProjectLineage.ancestor_id, ProjectLineage.distance + 1).where(
            ProjectLineage.project_id == parent_id
        )
        session.execute(insert_rows(ProjectLineage).from_select(["project_id", "ancestor_id", "distance"], ancestors))


def update(session: Session, project: Project, body: JsonObject) -> None:
    """Change a project. Disabling it revokes its tokens.

    Raises ForbiddenAction for an immutable project, and if it would be enabled below or above a disabled one.
    """
    check_mutable(project, "project", body)
    check_unchanged(project, body, "domain_id", "parent_id", "is_domain")
    if project.enabled and body.get("enabled") is False:
        _check_subtree_is_disabled(session, project)
        revocations.revoke_tokens(session, project_id=project.id)
    elif not project.enabled and body.get("enabled"):
        _check_ancestors_are_enabled(session, project)
    apply_attributes(project, _with_defaults(body), KNOWN)
    flush(session, "project", project.name)
    if "tags" in body:
        project_tags.replace(session, project, body["tags"])
    revocations.invalidate_authorizations(session, project_id=project.id)


def delete(session: Session, project: Project) -> None:
    """Delete a leaf of the tree with all assignments on it and credentials for it, and revoke its tokens.

    Raises ForbiddenAction if it is immutable or has children.
    """
    check_mutable(project, "project")
    if session.scalar(select(exists().where(Project.parent_id == project.id))):
        raise ForbiddenAction(why=f"Cannot delete the project {project.id} since it is not a leaf in the hierarchy.")
    session.execute(delete_rows(Assignment).where(Assignment.target_id == project.id, Assignment.target == "project"))
    session.execute(delete_rows(Credential).where(Credential.project_id == project.id))
    session.execute(update_rows(User).where(User.default_project_id == project.id).values(default_project_id=None))
    revocations.revoke_tokens(session, project_id=project.id)
    deleted_projects.remember(session, Project.id == project.id)
    session.delete(project)


def list_page(session: Session, query: ListQuery, domain_id: str | None = None) -> ListPage[Project]:
    """The projects that match a query (domains with `is_domain`); only those of one domain if it is given."""
    stmt = filtered(query)
    if domain_id is not None:
        stmt = stmt.where(Project.domain_id == domain_id)
    return fetch_page(session, stmt, Project.id, query.page)


def list_page_of_user(
    session: Session, user_id: str, query: ListQuery, enabled_only: bool = False
) -> ListPage[Project]:
    """The projects that match a query and where a user has a role, directly, through a group, or inherited."""
    stmt = filtered(query).where(_where_user_has_role(user_id))
    if enabled_only:
        stmt = stmt.where(Project.enabled)
    return fetch_page(session, stmt, Project.id, query.page)


def filtered(query: ListQuery | None = None) -> Select[Project]:
    """The statement for projects, or for domains if the query says `is_domain`, with their tags."""
    filters = query.filters if query else {}
    stmt = select(Project).options(selectinload(Project.tags))
    stmt = stmt.where(Project.is_domain.is_(query is not None and query.flag("is_domain")))
    stmt = apply_filters(stmt, filters, (Project.name, Project.domain_id, Project.parent_id), (Project.enabled,))
    return project_tags.apply_filters(stmt, filters)


def select_with_role(session: Session, user_id: str, projects: Sequence[Project]) -> list[Project]:
    """Those of the given projects where a user has a role."""
    wanted = filtered().where(_where_user_has_role(user_id), Project.id.in_([project.id for project in projects]))
    seen = {project.id for project in session.scalars(wanted)}
    return [project for project in projects if project.id in seen]


def _where_user_has_role(user_id: str) -> ColumnElement[bool]:
    on_itself = select(Assignment.target_id).where(
        assigned_to_user(user_id), Assignment.target == "project", Assignment.inherited.is_(False)
    )
    inherited = (
        select(ProjectLineage.project_id)
        .join(Assignment, Assignment.target_id == ProjectLineage.ancestor_id)
        .where(assigned_to_user(user_id), Assignment.inherited, ProjectLineage.distance > 0)
    )
    return Project.id.in_(union(on_itself, inherited))


def list_ancestors(session: Session, project_id: str) -> list[Project]:
    """The projects above a project, nearest first, without the domain."""
    return _load_relatives(session, ProjectLineage.project_id == project_id, ProjectLineage.ancestor_id == Project.id)


def list_descendants(session: Session, project_id: str) -> list[Project]:
    """The projects below a project, nearest first."""
    return _load_relatives(session, ProjectLineage.ancestor_id == project_id, ProjectLineage.project_id == Project.id)


def _load_relatives(session: Session, own: ColumnElement[bool], related: ColumnElement[bool]) -> list[Project]:
    return list(
        session.scalars(
            select(Project)
            .join(ProjectLineage, related)
            .where(own, ProjectLineage.distance > 0, Project.is_domain.is_(False))
            .options(selectinload(Project.tags))
            .order_by(ProjectLineage.distance, Project.id)
            .limit(MAX_RELATIVES)
        )
    )


def _load_ancestor_ids(session: Session, project_id: str) -> list[str]:
    """The project's own id and those above it, without the domain."""
    return list(
        session.scalars(
            select(ProjectLineage.ancestor_id)
            .join(Project, Project.id == ProjectLineage.ancestor_id)
            .where(ProjectLineage.project_id == project_id, Project.is_domain.is_(False))
        )
    )


def _check_subtree_is_disabled(session: Session, project: Project) -> None:
    if session.scalar(
        select(
            exists().where(
                ProjectLineage.ancestor_id == project.id,
                ProjectLineage.distance > 0,
                Project.id == ProjectLineage.project_id,
                Project.enabled,
            )
        )
    ):
        raise ForbiddenAction(why=f"Cannot disable project {project.id} since its subtree contains enabled projects.")


def _check_ancestors_are_enabled(session: Session, project: Project) -> None:
    if session.scalar(
        select(
            exists().where(
                ProjectLineage.project_id == project.id,
                ProjectLineage.distance > 0,
                Project.id == ProjectLineage.ancestor_id,
                Project.enabled.is_(False),
            )
        )
    ):
        raise ForbiddenAction(why=f"Cannot enable project {project.id} since it has disabled parents.")


def _with_defaults(body: JsonObject) -> JsonObject:
    """A null description is empty, and a null `enabled` means the default."""
    given = {key: value for key, value in body.items() if value is not None or key not in ("description", "enabled")}
    if "description" in body and body["description"] is None:
        given["description"] = ""
    return given


@dataclass(frozen=True)
class ProjectIds:
    """What policy rules compare of a project or a domain."""

    id: str
    domain_id: str | None
    is_domain: bool


def find_ids(session: Session, project_id: str) -> ProjectIds | None:
    """The ids of a project or a domain, or None."""
    row = session.execute(
        select(Project.id, Project.domain_id, Project.is_domain).where(Project.id == project_id)
    ).first()
    return None if row is None else ProjectIds(row.id, row.domain_id, row.is_domain)
