"""Projects: a tree in each domain."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, and_, delete, exists, literal, select, union, update
from sqlalchemy.orm import Session, selectinload

from pileus_identity.core import ledger, lists
from pileus_identity.core.bodies import Body, apply, flush, mutable, store, unchanged
from pileus_identity.core.standings import actors
from pileus_identity.db.models import Assignment, Credential, Lineage, Project, ProjectTag, User
from pileus_identity.errors import Invalid, Missing, Refused

DEEPEST = 5  # projects from the domain's child to the leaf, as everybody's default is
KNOWN = ("name", "description", "enabled")


def get(session: Session, project_id: str, *, domain: bool | None = False) -> Project:
    """`domain=None`: a project or a domain."""
    project = session.scalar(select(Project).where(Project.id == project_id).options(selectinload(Project.tags)))
    if project is None or (domain is not None and project.is_domain != domain):
        raise Missing(kind="domain" if domain else "project", id=project_id)
    return project


def create(session: Session, body: Body, default_domain: str) -> Project:
    """Without a parent it becomes a child of its domain; without a domain it goes to its parent's or the caller's."""
    domain_id, parent_id = body.get("domain_id"), body.get("parent_id")
    parent = get(session, parent_id or domain_id or default_domain, domain=None if parent_id else True)
    home = parent.id if parent.is_domain else parent.domain_id
    if domain_id is not None and domain_id != home:
        raise Invalid(why="The domain_id of a project must be the one of its parent.")
    if not parent.enabled:
        raise Refused(why=f"Cannot create a project in {parent.id}, which is disabled.")
    ancestors = _ancestors(session, parent.id)
    if len(ancestors) >= DEEPEST:
        raise Refused(why=f"Max hierarchy depth reached for branch {parent.id}: {DEEPEST} levels.")
    project = Project(domain_id=home, parent_id=parent.id, is_domain=False, options={}, extra={}, tags=[])
    apply(project, _without_nulls(body), KNOWN)
    store(session, project, "project")
    set_tags(session, project, body.get("tags", ()))
    add_lineage(session, project.id, parent.id)
    return project


def add_lineage(session: Session, project_id: str, parent_id: str | None) -> None:
    """Everything above the parent is above the project, one step farther."""
    session.add(Lineage(project_id=project_id, ancestor_id=project_id, distance=0))
    session.flush()
    if parent_id is not None:
        above = select(literal(project_id), Lineage.ancestor_id, Lineage.distance + 1).where(
            Lineage.project_id == parent_id
        )
        session.execute(Lineage.__table__.insert().from_select(["project_id", "ancestor_id", "distance"], above))  # type: ignore[attr-defined]


def change(session: Session, project: Project, body: Body) -> None:
    mutable(project, "project", body)
    unchanged(project, body, "domain_id", "parent_id", "is_domain")
    was = project.enabled
    if project.enabled and body.get("enabled") is False:
        _subtree_disabled(session, project)
        ledger.record(session, kills=True, project_id=project.id)
    elif not was and body.get("enabled"):
        _parents_enabled(session, project)
    apply(project, _without_nulls(body), KNOWN)
    flush(session, "project", project.name)
    if "tags" in body:
        set_tags(session, project, body["tags"])
    ledger.record(session, project_id=project.id)


def remove(session: Session, project: Project) -> None:
    """Only a leaf goes; with it all roles on it, and credentials for it."""
    mutable(project, "project")
    if session.scalar(select(exists().where(Project.parent_id == project.id))):
        raise Refused(why=f"Cannot delete the project {project.id} since it is not a leaf in the hierarchy.")
    session.execute(delete(Assignment).where(Assignment.target_id == project.id, Assignment.target == "project"))
    session.execute(delete(Credential).where(Credential.project_id == project.id))
    session.execute(update(User).where(User.default_project_id == project.id).values(default_project_id=None))
    session.delete(project)
    ledger.record(session, kills=True, project_id=project.id)


def find(asked: Mapping[str, str]) -> Select[Project]:
    """The projects that a query asks for; domains only with `is_domain`."""
    stmt = select(Project).options(selectinload(Project.tags))
    stmt = stmt.where(Project.is_domain.is_("is_domain" in asked and lists.truth(asked["is_domain"])))
    stmt = lists.matching(stmt, Project, asked, ("name", "domain_id", "parent_id"), ("enabled",))
    return _tagged(stmt, asked)


def of_user(user_id: str, asked: Mapping[str, str]) -> Select[Project]:
    """Enabled projects and domains where a user has a role, directly, through a group, or inherited."""
    on_itself = select(Assignment.target_id).where(
        actors(user_id), Assignment.target == "project", Assignment.inherited.is_(False)
    )
    inherited = (
        select(Lineage.project_id)
        .join(Assignment, Assignment.target_id == Lineage.ancestor_id)
        .where(actors(user_id), Assignment.inherited, Lineage.distance > 0)
    )
    return find(asked).where(Project.id.in_(union(on_itself, inherited)))


def domains_of_user(user_id: str) -> Select[Project]:
    mine = exists().where(
        actors(user_id),
        Assignment.target == "domain",
        Assignment.target_id == Project.id,
        Assignment.inherited.is_(False),
    )
    return select(Project).options(selectinload(Project.tags)).where(Project.is_domain, Project.enabled, mine)


def on_system(session: Session, user_id: str) -> bool:
    return bool(session.scalar(select(exists().where(actors(user_id), Assignment.target == "system"))))


def family(session: Session, project_id: str, *, up: bool) -> list[Project]:
    """Ancestors (nearest first, without the domain) or descendants (nearest first)."""
    mine, theirs = (Lineage.project_id, Lineage.ancestor_id) if up else (Lineage.ancestor_id, Lineage.project_id)
    return list(
        session.scalars(
            select(Project)
            .join(Lineage, theirs == Project.id)
            .where(mine == project_id, Lineage.distance > 0, Project.is_domain.is_(False))
            .options(selectinload(Project.tags))
            .order_by(Lineage.distance, Project.id)
            .limit(1000)
        )
    )


def set_tags(session: Session, project: Project, names: Any) -> None:
    """Exactly these tags, whatever there was."""
    wanted = set(names)
    project.tags = [tag for tag in project.tags if tag.name in wanted]
    have = {tag.name for tag in project.tags}
    project.tags += [ProjectTag(project_id=project.id, name=name) for name in sorted(wanted - have)]
    session.flush()


def _tagged(stmt: Select[Project], asked: Mapping[str, str]) -> Select[Project]:
    def has(name: str) -> Any:
        return exists().where(ProjectTag.project_id == Project.id, ProjectTag.name == name)

    def names(key: str) -> list[str]:
        return [name for name in asked[key].split(",") if name][:80] if key in asked else []

    for name in names("tags"):
        stmt = stmt.where(has(name))
    if any_of := names("tags-any"):
        stmt = stmt.where(exists().where(ProjectTag.project_id == Project.id, ProjectTag.name.in_(any_of)))
    if all_of := names("not-tags"):
        stmt = stmt.where(~and_(*[has(name) for name in all_of]))
    if none_of := names("not-tags-any"):
        stmt = stmt.where(~exists().where(ProjectTag.project_id == Project.id, ProjectTag.name.in_(none_of)))
    return stmt


def _ancestors(session: Session, project_id: str) -> list[str]:
    """The project's own id and those above it, without the domain."""
    return list(
        session.scalars(
            select(Lineage.ancestor_id)
            .join(Project, Project.id == Lineage.ancestor_id)
            .where(Lineage.project_id == project_id, Project.is_domain.is_(False))
        )
    )


def _subtree_disabled(session: Session, project: Project) -> None:
    if session.scalar(
        select(
            exists().where(
                Lineage.ancestor_id == project.id,
                Lineage.distance > 0,
                Project.id == Lineage.project_id,
                Project.enabled,
            )
        )
    ):
        raise Refused(why=f"Cannot disable project {project.id} since its subtree contains enabled projects.")


def _parents_enabled(session: Session, project: Project) -> None:
    if session.scalar(
        select(
            exists().where(
                Lineage.project_id == project.id,
                Lineage.distance > 0,
                Project.id == Lineage.ancestor_id,
                Project.enabled.is_(False),
            )
        )
    ):
        raise Refused(why=f"Cannot enable project {project.id} since it has disabled parents.")


def _without_nulls(body: Body) -> Body:
    """A null means the default here."""
    given = {key: value for key, value in body.items() if value is not None or key not in ("description", "enabled")}
    if "description" in body and body["description"] is None:
        given["description"] = ""
    return given
