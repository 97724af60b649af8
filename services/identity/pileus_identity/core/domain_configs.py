"""Domain-specific configurations: stored for identity backends that read them.

No backend does yet, as in every cloud whose operator hasn't enabled domain-specific backends: the users of all domains
are in the one database.
"""

from collections.abc import Mapping

from sqlalchemy import delete as delete_rows
from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_identity.config import Config
from pileus_identity.core import domains
from pileus_identity.core.attributes import check_extra_size
from pileus_identity.core.bootstrap import DEFAULT_DOMAIN
from pileus_identity.core.domain_config_options import DEFAULTS, SECRET, Options
from pileus_identity.db.models import DomainOption
from pileus_identity.errors import ForbiddenAction, ResourceNotFound, ValidationFailed
from pileus_kit.json_types import JsonObject

INVALID = "Invalid domain specific configuration:"


def find_defaults(group: str | None = None, option: str | None = None) -> JsonObject:
    """The defaults of all groups, of one group, or of one option. Raises ResourceNotFound."""
    return _select_part(DEFAULTS, group, option)


def find(session: Session, domain_id: str, group: str | None = None, option: str | None = None) -> JsonObject:
    """A domain's configuration, one group or one option of it, without secrets.

    Raises ResourceNotFound if it isn't configured, ForbiddenAction for an unknown group or option.
    """
    _check_known(group, option)
    return _select_part(_load(session, domain_id), group, option)


def find_security_compliance(session: Session, config: Config, domain_id: str, option: str | None = None) -> JsonObject:
    """What passwords have to look like: the operator's settings, which apply to the default domain.

    Raises ForbiddenAction for other domains and options.
    """
    readable = {
        "password_regex": config.password_regex or None,
        "password_regex_description": config.password_regex_description or None,
    }
    domains.find(session, domain_id)
    if domain_id != DEFAULT_DOMAIN:
        raise ForbiddenAction(
            why=f"{INVALID} Reading security compliance information for any domain other than the default domain is "
            "not allowed or supported."
        )
    if option is None:
        return {"security_compliance": readable}
    if option not in readable:
        raise ForbiddenAction(
            why=f"{INVALID} Reading security compliance values other than password_regex and "
            "password_regex_description is not allowed."
        )
    return {option: readable[option]}


def create(session: Session, domain_id: str, options: Options) -> bool:
    """Give a domain exactly this configuration; returns whether it had another one before."""
    domains.find(session, domain_id)
    _check(options)
    removed = session.scalars(
        delete_rows(DomainOption).where(DomainOption.domain_id == domain_id).returning(DomainOption.name)
    ).all()
    _insert(session, domain_id, options)
    return bool(removed)


def update(
    session: Session, domain_id: str, options: Options, group: str | None = None, option: str | None = None
) -> JsonObject:
    """Set the options that `options` names; returns the whole configuration.

    `group` and `option` are those of the URL, which have to exist. Raises ForbiddenAction, ValidationFailed or
    ResourceNotFound.
    """
    _check_known(group, option)
    _check(options)
    if group is not None and set(options) != {group}:
        raise ValidationFailed(why=f"The body has to hold the group {group} and nothing else.")
    if option is not None and set(options[str(group)]) != {option}:
        raise ValidationFailed(why=f"The body has to hold the option {option} and nothing else.")
    _select_part(_load(session, domain_id), group, option)
    for name, values in options.items():
        session.execute(
            delete_rows(DomainOption).where(
                DomainOption.domain_id == domain_id, DomainOption.group == name, DomainOption.name.in_(list(values))
            )
        )
    _insert(session, domain_id, options)
    return dict(_load(session, domain_id))


def delete(session: Session, domain_id: str, group: str | None = None, option: str | None = None) -> None:
    """Delete a domain's configuration, one group or one option of it. Raises ResourceNotFound or ForbiddenAction."""
    find(session, domain_id, group, option)
    stmt = delete_rows(DomainOption).where(DomainOption.domain_id == domain_id)
    if group is not None:
        stmt = stmt.where(DomainOption.group == group)
    if option is not None:
        stmt = stmt.where(DomainOption.name == option)
    session.execute(stmt)


def _load(session: Session, domain_id: str) -> Options:
    domains.find(session, domain_id)
    options: Options = {}
    for row in session.scalars(select(DomainOption).where(DomainOption.domain_id == domain_id)):
        if (row.group, row.name) not in SECRET:
            options.setdefault(row.group, {})[row.name] = row.value
    if not options:
        raise ResourceNotFound(kind="domain config for", id=domain_id)
    return options


def _insert(session: Session, domain_id: str, options: Options) -> None:
    session.add_all(
        [
            DomainOption(domain_id=domain_id, group=group, name=name, value=value)
            for group, values in options.items()
            for name, value in values.items()
        ]
    )
    session.flush()


def _check(options: Options) -> None:
    check_extra_size(dict(options))
    if not options or not all(options.values()):
        raise ForbiddenAction(why=f"{INVALID} it names no options.")
    for group, values in options.items():
        for option in values:
            _check_known(group, option)


def _check_known(group: str | None, option: str | None) -> None:
    if group is not None and group not in DEFAULTS:
        raise ForbiddenAction(why=f"{INVALID} Group {group} is not supported.")
    if option is not None and option not in DEFAULTS[str(group)] and (group, option) not in SECRET:
        raise ForbiddenAction(why=f"{INVALID} Option {option} in group {group} is not supported.")


def _select_part(options: Mapping[str, Mapping[str, object]], group: str | None, option: str | None) -> JsonObject:
    """The whole configuration, {group: its options}, or {option: value}."""
    if group is None:
        return dict(options)
    if group not in options:
        raise ResourceNotFound(kind="domain config group", id=group)
    if option is None:
        return {group: options[group]}
    if option not in options[group]:
        raise ResourceNotFound(kind="domain config option", id=option)
    return {option: options[group][option]}
