"""Access rules: the calls that an application credential may make. A user's credentials share their rules."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete as delete_rows
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from pileus_identity.core.listing import ListPage, ListQuery, fetch_page
from pileus_identity.db.models import AccessRule, ApplicationCredential, ApplicationCredentialAccessRule
from pileus_identity.errors import ForbiddenAction, ResourceNotFound, ValidationFailed

MAX_WILDCARDS = 10  # in a path; more take long to compare
MAX_RULES = 10_000  # of one user

Call = tuple[str, str, str]  # service type, method, path


@dataclass(frozen=True)
class AccessRuleRequest:
    """An access rule as a request names it: by the id of an existing one, or by the call that it allows."""

    id: str | None = None
    service: str | None = None
    method: str | None = None
    path: str | None = None

    @property
    def call(self) -> Call:
        """Raises ValidationFailed if a part is missing or the path isn't allowed."""
        if self.service is None or self.method is None or self.path is None:
            raise ValidationFailed(why="An access rule has a service, a method and a path, or the id of one there is.")
        return self.service, self.method, _check_path(self.path)


def find(session: Session, user_id: str, rule_id: str) -> AccessRule:
    """A user's access rule. Raises ResourceNotFound."""
    rule = session.get(AccessRule, rule_id)
    if rule is None or rule.user_id != user_id:
        raise ResourceNotFound(kind="access rule", id=rule_id)
    return rule


def delete(session: Session, rule: AccessRule) -> None:
    """Delete an access rule. Raises ForbiddenAction if an application credential uses it."""
    if session.scalar(select(exists().where(ApplicationCredentialAccessRule.access_rule_id == rule.id))):
        raise ForbiddenAction(why=f"Access rule {rule.id} is still in use by an application credential.")
    session.execute(delete_rows(AccessRule).where(AccessRule.id == rule.id))


def list_page(session: Session, user_id: str, query: ListQuery) -> ListPage[AccessRule]:
    """A user's access rules that match a query."""
    stmt = select(AccessRule).where(AccessRule.user_id == user_id)
    for column in (AccessRule.service, AccessRule.path, AccessRule.method):
        if column.key in query.filters:
            stmt = stmt.where(column == query.filters[column.key])
    return fetch_page(session, stmt, AccessRule.id, query.page)


def list_for_credential(session: Session, credential_id: str) -> list[AccessRule]:
    """The access rules of an application credential."""
    return list(
        session.scalars(
            select(AccessRule)
            .join(
                ApplicationCredentialAccessRule,
                ApplicationCredentialAccessRule.access_rule_id == AccessRule.id,
            )
            .where(ApplicationCredentialAccessRule.application_credential_id == credential_id)
            .order_by(AccessRule.id)
        )
    )


def attach(session: Session, credential: ApplicationCredential, requests: Sequence[AccessRuleRequest]) -> None:
    """Give a new application credential its access rules; rules for the same call are one.

    Raises ResourceNotFound for an unknown id, ValidationFailed for an incomplete rule.
    """
    rules = session.scalars(select(AccessRule).where(AccessRule.user_id == credential.user_id).limit(MAX_RULES)).all()
    by_id = {rule.id: rule for rule in rules}
    by_call: dict[Call, AccessRule] = {(rule.service, rule.method, rule.path): rule for rule in rules}
    chosen: dict[str, AccessRule] = {}
    for request in requests:
        rule = by_id.get(request.id) if request.id is not None else None
        rule = rule or _find_or_create(session, credential.user_id, request, by_call)
        chosen[rule.id] = rule
    session.add_all(
        [ApplicationCredentialAccessRule(application_credential_id=credential.id, access_rule_id=id) for id in chosen]
    )


def _find_or_create(
    session: Session, user_id: str, request: AccessRuleRequest, by_call: dict[Call, AccessRule]
) -> AccessRule:
    if request == AccessRuleRequest(id=request.id):
        raise ResourceNotFound(kind="access rule", id=request.id)
    call = request.call
    rule = by_call.get(call)
    if rule is None:
        if request.id is not None:
            raise ResourceNotFound(kind="access rule", id=request.id)
        rule = by_call[call] = AccessRule(user_id=user_id, service=call[0], method=call[1], path=call[2])
        session.add(rule)
        session.flush()
    return rule


def _check_path(path: str) -> str:
    """`**` matches everything that follows, so it comes last."""
    *before, last = segments = path.split("/")
    if any("**" in segment for segment in before) or ("**" in last and last != "**"):
        raise ValidationFailed(why=f"Invalid path of an access rule: {path}. `**` may only be its last segment.")
    wildcards = [segment for segment in segments if "*" in segment or segment.startswith("{")]
    if len(wildcards) > MAX_WILDCARDS or path.count("*") > MAX_WILDCARDS + 1:
        raise ValidationFailed(why=f"Invalid path of an access rule: {path}. It may have {MAX_WILDCARDS} wildcards.")
    return path
