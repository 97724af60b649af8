"""What a domain would like to be different for it: stored here for backends that read it.

As in every cloud whose operator hasn't switched domain-specific backends on, nothing reads it yet; users of all domains
are in the one database.
"""

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pileus_identity.config import Config
from pileus_identity.core import domains
from pileus_identity.core.bodies import bounded
from pileus_identity.core.bootstrap import DEFAULT_DOMAIN
from pileus_identity.db.models import DomainOption
from pileus_identity.errors import Invalid, Missing, Refused

Options = dict[str, dict[str, Any]]

LDAP = {
    "url": "ldap://localhost",
    "user": None,
    "suffix": "cn=example,cn=com",
    "query_scope": "one",
    "page_size": 0,
    "alias_dereferencing": "default",
    "debug_level": None,
    "chase_referrals": None,
    "user_tree_dn": None,
    "user_filter": None,
    "user_objectclass": "inetOrgPerson",
    "user_id_attribute": "cn",
    "user_name_attribute": "sn",
    "user_description_attribute": "description",
    "user_mail_attribute": "mail",
    "user_pass_attribute": "userPassword",
    "user_enabled_attribute": "enabled",
    "user_enabled_invert": False,
    "user_enabled_mask": 0,
    "user_enabled_default": "True",
    "user_attribute_ignore": ["default_project_id"],
    "user_default_project_id_attribute": None,
    "user_enabled_emulation": False,
    "user_enabled_emulation_dn": None,
    "user_enabled_emulation_use_group_config": False,
    "user_additional_attribute_mapping": [],
    "group_tree_dn": None,
    "group_filter": None,
    "group_objectclass": "groupOfNames",
    "group_id_attribute": "cn",
    "group_name_attribute": "ou",
    "group_member_attribute": "member",
    "group_members_are_ids": False,
    "group_desc_attribute": "description",
    "group_attribute_ignore": [],
    "group_additional_attribute_mapping": [],
    "tls_cacertfile": None,
    "tls_cacertdir": None,
    "use_tls": False,
    "tls_req_cert": "demand",
    "use_pool": True,
    "pool_size": 10,
    "pool_retry_max": 3,
    "pool_retry_delay": 0.1,
    "pool_connection_timeout": -1,
    "pool_connection_lifetime": 600,
    "use_auth_pool": True,
    "auth_pool_size": 100,
    "auth_pool_connection_lifetime": 60,
}
DEFAULTS: Options = {"identity": {"driver": "sql", "list_limit": None}, "ldap": LDAP}
SECRET = {("ldap", "password")}  # may be set, is never shown


def default(group: str | None = None, option: str | None = None) -> Options | dict[str, Any]:
    return _part(DEFAULTS, group, option)


def get(session: Session, domain_id: str) -> Options:
    """Raises Missing where nothing is configured."""
    domains.get(session, domain_id)
    config: Options = {}
    for row in session.scalars(select(DomainOption).where(DomainOption.domain_id == domain_id)):
        if (row.group, row.name) not in SECRET:
            config.setdefault(row.group, {})[row.name] = row.value
    if not config:
        raise Missing(kind="domain config for", id=domain_id)
    return config


def show(
    session: Session, domain_id: str, group: str | None = None, option: str | None = None
) -> Options | dict[str, Any]:
    _known(group, option)
    return _part(get(session, domain_id), group, option)


def compliance(session: Session, settings: Config, domain_id: str, option: str | None = None) -> dict[str, Any]:
    """What passwords have to look like: the operator's settings, which hold for the default domain."""
    readable = {
        "password_regex": settings.password_regex or None,
        "password_regex_description": settings.password_regex_text or None,
    }
    domains.get(session, domain_id)
    if domain_id != DEFAULT_DOMAIN:
        raise Refused(
            why="Invalid domain specific configuration: Reading security compliance information for any domain other "
            "than the default domain is not allowed or supported."
        )
    if option is None:
        return {"security_compliance": readable}
    if option not in readable:
        raise Refused(
            why="Invalid domain specific configuration: Reading security compliance values other than password_regex "
            "and password_regex_description is not allowed."
        )
    return {option: readable[option]}


def put(session: Session, domain_id: str, config: Options) -> bool:
    """Exactly this; gives whether there was something before."""
    domains.get(session, domain_id)
    _check(config)
    had = session.execute(delete(DomainOption).where(DomainOption.domain_id == domain_id)).rowcount  # type: ignore[attr-defined]
    _write(session, domain_id, config)
    return bool(had)


def change(
    session: Session, domain_id: str, config: Options, group: str | None = None, option: str | None = None
) -> Options:
    """Set what `config` names; `group` and `option` are what the URL speaks of, and must be there already."""
    _known(group, option)
    _check(config)
    if group is not None and set(config) != {group}:
        raise Invalid(why=f"The body has to hold the group {group} and nothing else.")
    if option is not None and set(config[str(group)]) != {option}:
        raise Invalid(why=f"The body has to hold the option {option} and nothing else.")
    _part(get(session, domain_id), group, option)
    for name, options in config.items():
        session.execute(
            delete(DomainOption).where(
                DomainOption.domain_id == domain_id, DomainOption.group == name, DomainOption.name.in_(list(options))
            )
        )
    _write(session, domain_id, config)
    return get(session, domain_id)


def remove(session: Session, domain_id: str, group: str | None = None, option: str | None = None) -> None:
    _known(group, option)
    _part(get(session, domain_id), group, option)
    stmt = delete(DomainOption).where(DomainOption.domain_id == domain_id)
    if group is not None:
        stmt = stmt.where(DomainOption.group == group)
    if option is not None:
        stmt = stmt.where(DomainOption.name == option)
    session.execute(stmt)


def _write(session: Session, domain_id: str, config: Options) -> None:
    session.add_all(
        [
            DomainOption(domain_id=domain_id, group=group, name=name, value=value)
            for group, options in config.items()
            for name, value in options.items()
        ]
    )
    session.flush()


def _check(config: Options) -> None:
    bounded(config)
    if not config or not all(config.values()):
        raise Refused(why="Invalid domain specific configuration: it names no options.")
    for group, options in config.items():
        for option in options:
            _known(group, option)


def _known(group: str | None, option: str | None) -> None:
    if group is not None and group not in DEFAULTS:
        raise Refused(why=f"Invalid domain specific configuration: Group {group} is not supported.")
    if option is not None and option not in DEFAULTS[str(group)] and (group, option) not in SECRET:
        raise Refused(why=f"Invalid domain specific configuration: Option {option} in group {group} is not supported.")


def _part(config: Options, group: str | None, option: str | None) -> Options | dict[str, Any]:
    """The whole, {group: its options}, or {option: value}."""
    if group is None:
        return config
    if group not in config:
        raise Missing(kind="domain config group", id=group)
    if option is None:
        return {group: config[group]}
    if option not in config[group]:
        raise Missing(kind="domain config option", id=option)
    return {option: config[group][option]}
