"""What delegated tokens may not do.

A token is delegated if it was issued for a trust, an application credential, an OAuth1 access token or an access key.
Such tokens read no secrets, and they create no delegation that would outlive or outgrow their own.
"""

from pileus_identity.errors import ForbiddenAction
from pileus_kit.auth import Caller

EC2_CREDENTIAL = "ec2credential"  # the method of tokens that were issued for an access key
OAUTH1 = "oauth1"


def is_delegated(caller: Caller) -> bool:
    """Whether the caller's token is delegated."""
    return caller.is_delegated or is_issued_for_signature(caller)


def is_issued_for_signature(caller: Caller) -> bool:
    """Whether the caller's token was issued for a request signed with an access key or an OAuth1 access token."""
    return not {EC2_CREDENTIAL, OAUTH1}.isdisjoint(caller.methods)


def require_may_manage_trusts(caller: Caller) -> None:
    """Raises ForbiddenAction for a delegated token, unless it is one of a trust, which may be redelegated."""
    if caller.application_credential_id is not None or is_issued_for_signature(caller):
        raise ForbiddenAction(why="An application credential, access token or access key manages no trusts.")


def require_may_read_application_credentials(caller: Caller) -> None:
    """Raises ForbiddenAction for a delegated token, unless it is one of an application credential."""
    if caller.trust_id is not None or is_issued_for_signature(caller):
        raise ForbiddenAction(why="A trust, access token or access key manages no application credentials.")


def require_may_manage_application_credentials(caller: Caller, restricted: bool) -> None:
    """Raises ForbiddenAction for a delegated token, unless it is one of an unrestricted application credential.

    `restricted` says whether the caller's own application credential may not create or delete others.
    """
    require_may_read_application_credentials(caller)
    if caller.application_credential_id is not None and (restricted or caller.access_rules is not None):
        raise ForbiddenAction(
            why="Using method 'application_credential' is not allowed for managing additional application credentials."
        )


def require_may_manage_access_tokens(caller: Caller) -> None:
    """Raises ForbiddenAction for a delegated token: one delegation neither sees nor ends another."""
    if is_delegated(caller):
        raise ForbiddenAction(why="Access tokens are not for tokens that were issued via delegation.")


def require_may_use_credentials(caller: Caller, method: str) -> None:
    """Raises ForbiddenAction for a delegated token: with a secret its holder would outlive the delegation.

    `method` is the request's, for the error message.
    """
    if is_delegated(caller):
        raise ForbiddenAction(why=f"Delegated tokens may not {method} credentials.")


def require_may_create_access_keys(caller: Caller, restricted: bool) -> None:
    """Raises ForbiddenAction for a token of an access key, and for a restricted application credential.

    An access key that any other delegated token creates stays within the delegation.
    """
    if restricted or caller.access_rules is not None or EC2_CREDENTIAL in caller.methods:
        raise ForbiddenAction(why="This delegation may not make other credentials.")
