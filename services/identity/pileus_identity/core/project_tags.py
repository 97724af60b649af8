"""Tags of projects and domains."""

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, Select, and_, exists
from sqlalchemy.orm import Session

from pileus_identity.core.attributes import check_mutable
from pileus_identity.db.models import Project, ProjectTag
from pileus_identity.errors import ResourceNotFound, ValidationFailed

MAX_TAGS = 80
MAX_TAG_CHARACTERS = 255


def check_exists(project: Project, name: str) -> None:
    """Raises ResourceNotFound if the project has no such tag."""
    if name not in {tag.name for tag in project.tags}:
        raise ResourceNotFound(kind="project tag", id=name)


def create(session: Session, project: Project, name: str) -> None:
    """Add a tag; repeating this does nothing. Raises ValidationFailed or ForbiddenAction."""
    if len(name) > MAX_TAG_CHARACTERS or "," in name:
        raise ValidationFailed(why="A tag may have 255 characters, without comma or slash.")
    update(session, project, {tag.name for tag in project.tags} | {name})


def update(session: Session, project: Project, names: Collection[str]) -> None:
    """Give a project exactly these tags. Raises ForbiddenAction if it is immutable, ValidationFailed for too many."""
    check_mutable(project, "project", {})
    if len(names) > MAX_TAGS:
        raise ValidationFailed(why="A project may have 80 tags.")
    replace(session, project, names)


def delete(session: Session, project: Project, name: str) -> None:
    """Remove a tag. Raises ForbiddenAction if the project is immutable, ResourceNotFound if it has no such tag."""
    check_mutable(project, "project", {})
    check_exists(project, name)
    replace(session, project, {tag.name for tag in project.tags} - {name})


def replace(session: Session, project: Project, names: Collection[str]) -> None:
    """Give a project exactly these tags, without a check."""
    wanted = set(names)
    project.tags = [tag for tag in project.tags if tag.name in wanted]
    present = {tag.name for tag in project.tags}
    project.tags += [ProjectTag(project_id=project.id, name=name) for name in sorted(wanted - present)]
    session.flush()


def apply_filters(stmt: Select[Project], filters: Mapping[str, str]) -> Select[Project]:
    """Narrow a statement to projects by `tags`, `tags-any`, `not-tags` and `not-tags-any`."""
    for name in _names(filters, "tags"):
        stmt = stmt.where(_has(name))
    if any_of := _names(filters, "tags-any"):
        stmt = stmt.where(_has_any(any_of))
    if not_all := _names(filters, "not-tags"):
        stmt = stmt.where(~and_(*[_has(name) for name in not_all]))
    if none_of := _names(filters, "not-tags-any"):
        stmt = stmt.where(~_has_any(none_of))
    return stmt


def _names(filters: Mapping[str, str], key: str) -> list[str]:
    return [name for name in filters[key].split(",") if name][:MAX_TAGS] if key in filters else []


def _has(name: str) -> ColumnElement[bool]:
    return exists().where(ProjectTag.project_id == Project.id, ProjectTag.name == name)


def _has_any(names: list[str]) -> ColumnElement[bool]:
    return exists().where(ProjectTag.project_id == Project.id, ProjectTag.name.in_(names))
