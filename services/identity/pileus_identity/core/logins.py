"""Proving who one is: the methods of `POST /v3/auth/tokens`, and the scope that one wants.

Every refusal reads the same (LoginFailed), whatever was wrong, and takes about as long.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, aliased

from pileus_identity.config import Config
from pileus_identity.core import credentials, lockouts, passwords, totp, trusts
from pileus_identity.core.delegation import lent
from pileus_identity.core.keys import KeyRing
from pileus_identity.core.lockouts import Lockouts
from pileus_identity.core.payloads import Payload, iso
from pileus_identity.core.request_tokens import over
from pileus_identity.core.signed_requests import SignedRequest, Signers
from pileus_identity.core.standings import Place
from pileus_identity.core.tokens import Token, Tokens
from pileus_identity.db.models import AccessToken, ApplicationCredential, Project, Trust, User
from pileus_identity.errors import (
    Invalid,
    LoginFailed,
    MoreFactorsNeeded,
    PasswordExpired,
    Refused,
    TokenNotFound,
    Unproven,
)
from pileus_kit.db import Sessions, now

Body = dict[str, Any]


@dataclass
class Proof:
    """Who it is, as far as the methods given have shown."""

    user_id: str = ""
    methods: list[str] = field(default_factory=list)
    parent: Token | None = None
    credential: ApplicationCredential | None = None
    user: User | None = None
    request: SignedRequest | None = None  # with which all this came
    source: str = ""  # the address that it came from
    access_token: AccessToken | None = None

    def shown(self, method: str, user_id: str) -> None:
        """All methods of a request must speak of the same user."""
        if self.user_id and self.user_id != user_id:
            raise LoginFailed
        self.user_id = user_id
        if method not in self.methods:
            self.methods.append(method)


class Logins:
    def __init__(self, config: Config, sessions: Sessions, tokens: Tokens, secrets: KeyRing, signers: Signers) -> None:
        self._config = config
        self._sessions = sessions
        self._tokens = tokens
        self._secrets = secrets
        self._signers = signers
        self._lockouts = Lockouts(config, sessions)
        self._no_seed = secrets.seal_text(token_hex(16))
        self._provers: dict[str, Callable[[Body, Proof], None]] = {
            "password": self._password,
            "token": self._token,
            "totp": self._totp,
            "application_credential": self._application_credential,
            "oauth1": self._oauth1,
        }

    def login(
        self, auth: Body, receipt: str | None = None, request: SignedRequest | None = None, source: str = ""
    ) -> Token:
        """The token that `auth` asks for; `receipt` is of an earlier try that lacked factors, `request` may be signed,
        `source` is the caller's address.

        Raises LoginFailed, PasswordExpired, MoreFactorsNeeded, Invalid.
        """
        ledger, began = self._tokens.standings.ledger, time.time_ns() // 1000
        serial = ledger.look()
        proof = Proof(request=request, source=source)
        if receipt is not None:
            self._receipt(receipt, proof)
        self._prove(auth["identity"], proof)
        place = self._place(proof, auth.get("scope"))
        parent = proof.parent.payload if proof.parent else None
        token = self._issue(place, tuple(proof.methods), parent, began, fallback="scope" not in auth)
        if token.standing.limited:
            with self._sessions.begin() as session:
                trusts.use(session, str(place.trust_id))
        # A password may have changed while we checked the old one; then the token, whose time is when we began, is dead
        # if the change came after that, and this looks for those that were about to be committed.
        _, entries, lost = ledger.since(serial)
        concerned = (proof.user_id, *token.standing.people)
        if lost or any(entry.kills and entry.user_id in concerned for entry in entries):
            raise LoginFailed
        return token

    def check_old(self, user_id: str, password: str, source: str = "") -> None:
        """Whether that is the user's password, even an expired one; failures count like those of a login."""
        with self._sessions.read() as session:
            found = session.get(User, user_id)
        self._lockouts.succeeded(self._check(found, password, source), source)

    def _issue(
        self, place: Place, methods: tuple[str, ...], parent: Payload | None, began: int, fallback: bool
    ) -> Token:
        try:
            return self._tokens.issue(place, methods, parent, began)
        except LoginFailed:
            if not fallback or place.kind != "project" or place.application_credential_id or place.access_token_id:
                raise
            # The user's default project was not asked for; having no role there is no failure.
            return self._tokens.issue(Place(place.user_id, "unscoped"), methods, parent, began)

    def _prove(self, identity: Body, proof: Proof) -> None:
        for method in dict.fromkeys(identity["methods"]):
            if method in KNOWN_ELSEWHERE:
                raise LoginFailed
            if method not in identity:
                raise Invalid(why=f"Expecting to find {method} in identity.")
            if method not in self._provers:
                raise Unproven(why="Attempted to authenticate with an unsupported method.")
            self._provers[method](identity[method], proof)
        if not proof.methods:
            raise LoginFailed
        self._all_factors(proof)
        if proof.user is not None and {"password", "totp"} & set(identity["methods"]):
            # Not before all is proven: with the right password, wrong codes would never count up.
            self._lockouts.succeeded(proof.user, proof.source)

    def _password(self, given: Body, proof: Proof) -> None:
        who = given["user"]
        with self._sessions.read() as session:
            found = find_user(session, who)
        user = self._check(found, who["password"], proof.source)
        if password_over(user):
            raise PasswordExpired(user=user.id)
        proof.user = user
        proof.shown("password", user.id)

    def _check(self, found: User | None, password: str, source: str) -> User:
        """The user, if that is their password."""
        user = found if found is not None and not self._lockouts.locked(found, source) else None
        # A locked user's password is checked against nothing: right or wrong, it takes as long and fails.
        if not passwords.matches(user.password_hash if user else None, password):
            self._lockouts.failed(user, source)
            raise LoginFailed
        assert user is not None
        if not user.enabled:
            raise LoginFailed
        self._rehash(user, password)
        return user

    def _totp(self, given: Body, proof: Proof) -> None:
        """Wrong codes count like wrong passwords; there are only a million."""
        who = given["user"]
        with self._sessions.read() as session:
            found = find_user(session, who)
            rows = credentials.of_type(session, found.id if found else "", "totp")
            seeds = [(row.id, self._secrets.open_text(row.blob)) for row in rows]
        seeds = seeds or [("", self._secrets.open_text(self._no_seed))]  # so that this takes as long, too
        locked = found is None or self._lockouts.locked(found, proof.source, lockouts.CODE_SECONDS)
        user = None if locked else found
        match = totp.find(seeds, who["passcode"])
        if user is None or match is None or not rows:
            self._lockouts.failed(user, proof.source)
            raise LoginFailed
        if not user.enabled:
            raise LoginFailed
        with self._sessions.begin() as session:
            totp.use_up(session, match)
        proof.user = user
        proof.shown("totp", user.id)

    def _receipt(self, text: str, proof: Proof) -> None:
        try:
            payload = self._tokens.receipt(text)
        except TokenNotFound:
            raise LoginFailed from None
        for method in payload.methods:
            proof.shown(method, payload.user_id)

    def _token(self, given: Body, proof: Proof) -> None:
        token = self._tokens.check(given["id"])  # an unknown one is a 404 here, too
        if token.payload.kind != "unscoped" and not self._config.allow_rescope_scoped_token:
            raise Refused(why="You are not authorized to perform the requested action: rescope a scoped token.")
        if lent(self._tokens.caller(token.text)):
            raise Refused(why="Using a delegated token to create another token is not allowed.")
        proof.parent = token
        proof.shown("token", token.payload.user_id)
        for method in token.payload.methods:
            proof.shown(method, token.payload.user_id)

    def _application_credential(self, given: Body, proof: Proof) -> None:
        with self._sessions.read() as session:
            credential, user = find_application_credential(session, given) or (None, None)
        if not passwords.secret_matches(credential.secret_hash if credential else None, given["secret"]):
            raise LoginFailed
        assert credential is not None
        if user is None or not user.enabled or (credential.expires_at is not None and credential.expires_at <= now()):
            raise LoginFailed
        proof.credential, proof.user = credential, user
        proof.shown("application_credential", credential.user_id)

    def _oauth1(self, _: Body, proof: Proof) -> None:
        """Nothing is in the body: the whole request is signed, by a consumer with an access token."""
        if proof.request is None:
            raise LoginFailed
        signer = self._signers.prove(proof.request, AccessToken)
        with self._sessions.read() as session:
            token = session.get(AccessToken, signer.token_id)
        if token is None or over(token.expires_at):
            raise LoginFailed
        proof.access_token = token
        proof.shown("oauth1", token.user_id)

    def _all_factors(self, proof: Proof) -> None:
        """A user with multi-factor rules has to satisfy one of them (a rule: a list of methods)."""
        user = proof.user
        if user is None or proof.credential is not None or not user.options.get("multi_factor_auth_enabled", True):
            return
        rules = [set(rule) for rule in user.options.get("multi_factor_auth_rules") or ()]
        rules = [rule & set(self._provers) for rule in rules]
        if any(rules) and not any(rule and rule <= set(proof.methods) for rule in rules):
            text, payload = self._tokens.new_receipt(user.id, tuple(proof.methods))
            raise MoreFactorsNeeded(
                text,
                {
                    "receipt": {
                        "methods": list(payload.methods),
                        "issued_at": iso(payload.issued),
                        "expires_at": iso(payload.expires),
                        "user": {"id": user.id, "name": user.name},
                    },
                    "required_auth_methods": [sorted(rule) for rule in rules if rule],
                },
            )

    def _rehash(self, user: User, password: str) -> None:
        if user.password_hash is None or not passwords.weak(user.password_hash):
            return
        values = {"password_hash": passwords.digest(password)}
        with self._sessions.begin() as session:
            session.execute(
                update(User).where(User.id == user.id, User.password_hash == user.password_hash).values(values)
            )

    def _place(self, proof: Proof, scope: Body | str | None) -> Place:
        if proof.credential is not None:
            if scope is not None:
                raise LoginFailed  # it has the only scope that it can have
            return Place(proof.user_id, "project", proof.credential.project_id, proof.credential.id)
        if proof.access_token is not None:  # so has this, and clients that ask for another get it nevertheless
            return Place(proof.user_id, "project", proof.access_token.project_id, access_token_id=proof.access_token.id)
        if scope is None:
            default = self._default_project(proof)
            return Place(proof.user_id, "project", default) if default else Place(proof.user_id, "unscoped")
        if scope == "unscoped" or "unscoped" in scope:
            return Place(proof.user_id, "unscoped")
        if not isinstance(scope, dict) or len(scope) != 1 or not SCOPES & scope.keys():
            raise Invalid(why=f"Expecting exactly one of {', '.join(sorted(SCOPES))} or unscoped as the scope.")
        return self._scope(proof, scope)

    def _default_project(self, proof: Proof) -> str | None:
        if proof.user is not None:
            return proof.user.default_project_id
        with self._sessions.read() as session:
            return session.scalar(select(User.default_project_id).where(User.id == proof.user_id))

    def _scope(self, proof: Proof, scope: Body) -> Place:
        ((kind, wanted),) = scope.items()
        if kind == "system":
            if wanted.get("all") is not True:
                raise Invalid(why='The system scope is asked for with {"all": true}.')
            return Place(proof.user_id, "system")
        with self._sessions.read() as session:
            if kind == "OS-TRUST:trust":
                trust = session.get(Trust, wanted["id"])
                if trust is None or trust.trustee_id != proof.user_id:
                    raise LoginFailed
                return Place(
                    proof.user_id, "project" if trust.project_id else "unscoped", trust.project_id, None, trust.id
                )
            scope_id = find_project(session, wanted) if kind == "project" else find_domain(session, wanted)
        if scope_id is None:
            raise LoginFailed
        return Place(proof.user_id, kind, scope_id)


SCOPES = {"project", "domain", "OS-TRUST:trust", "system"}
KNOWN_ELSEWHERE = ("external", "mapped", "saml2", "openid")  # not offered here, but no mistake in form


def find_user(session: Session, who: Body) -> User | None:
    """By id, or by name and domain (its id or name); only in a domain that is enabled."""
    found: User | None = session.scalar(_of(select(User), who))
    return found


def _of(stmt: Any, who: Body) -> Any:
    domain = aliased(Project)
    stmt = stmt.join(domain, domain.id == User.domain_id).where(domain.enabled)
    if "id" in who:
        return stmt.where(User.id == who["id"])
    home = who.get("domain")
    if "name" not in who or not home or not ("id" in home or "name" in home):
        raise Invalid(why="Expecting to find a user's id, or its name and domain.")
    here = domain.id == home["id"] if "id" in home else domain.name == home["name"]
    return stmt.where(User.name == who["name"], here)


def find_application_credential(session: Session, given: Body) -> tuple[ApplicationCredential, User] | None:
    """With its user, in one statement whatever there is, so that time doesn't tell which part is unknown."""
    stmt: Any = select(ApplicationCredential, User).join(User, User.id == ApplicationCredential.user_id)
    if "id" in given:
        row = session.execute(stmt.where(ApplicationCredential.id == given["id"])).first()
    elif "name" in given and "user" in given:
        row = session.execute(_of(stmt, given["user"]).where(ApplicationCredential.name == given["name"])).first()
    else:
        raise Invalid(why="Expecting to find an application credential's id, or its name and user.")
    return None if row is None else (row[0], row[1])


def find_project(session: Session, wanted: Body) -> str | None:
    if "id" in wanted:
        return str(wanted["id"])
    home = wanted.get("domain")
    if "name" not in wanted or not home or not ("id" in home or "name" in home):
        raise Invalid(why="Expecting to find a project's id, or its name and domain.")
    domain = aliased(Project)
    here = domain.id == home["id"] if "id" in home else domain.name == home["name"]
    return session.scalar(
        select(Project.id)
        .join(domain, domain.id == Project.domain_id)
        .where(Project.name == wanted["name"], domain.is_domain, here)
    )


def find_domain(session: Session, wanted: Body) -> str | None:
    if "id" in wanted:
        return str(wanted["id"])
    if "name" not in wanted:
        raise Invalid(why="Expecting to find a domain's id or name.")
    return session.scalar(select(Project.id).where(Project.name == wanted["name"], Project.is_domain))


def password_over(user: User, at: datetime | None = None) -> bool:
    if user.password_expires_at is None or user.options.get("ignore_password_expiry"):
        return False
    return user.password_expires_at <= (at or now())
