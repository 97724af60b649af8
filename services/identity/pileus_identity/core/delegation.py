"""Rights on loan: of a trust, an application credential, an OAuth1 access token, an access key.

They reach no secrets and make no loans.
"""

from pileus_kit.auth import Caller

ACCESS_KEY = "ec2credential"  # the method of a token that was got with an access key
OAUTH1 = "oauth1"


def lent(who: Caller) -> bool:
    return who.delegated or by_key(who)


def by_key(who: Caller) -> bool:
    """Got by a signature."""
    return not {ACCESS_KEY, OAUTH1}.isdisjoint(who.methods)
