"""Rights on loan: of a trust, an application credential, an OAuth1 access token, an access key.

They reach no secrets and make no loans.
"""

from pileus_identity.errors import Refused
from pileus_kit.auth import Caller

ACCESS_KEY = "ec2credential"  # the method of a token that was got with an access key
OAUTH1 = "oauth1"


def lent(who: Caller) -> bool:
    return who.is_delegated or by_key(who)


def manages_trusts(who: Caller) -> None:
    """Refuse what would outlive a loan. A trust may be passed on with a token of the trust, but by no other loan."""
    if who.application_credential_id is not None or by_key(who):
        raise Refused(why="An application credential, access token or access key manages no trusts.")


def sees_application_credentials(who: Caller) -> None:
    if who.trust_id is not None or by_key(who):
        raise Refused(why="A trust, access token or access key manages no application credentials.")


def manages_application_credentials(who: Caller, restricted: bool) -> None:
    """`restricted`: the caller's own application credential may not make or delete others."""
    sees_application_credentials(who)
    if who.application_credential_id is not None and (restricted or who.access_rules is not None):
        raise Refused(
            why="Using method 'application_credential' is not allowed for managing additional application credentials."
        )


def by_key(who: Caller) -> bool:
    """Got by a signature."""
    return not {ACCESS_KEY, OAUTH1}.isdisjoint(who.methods)
