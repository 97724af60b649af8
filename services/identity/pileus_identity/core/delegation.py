"""Rights on loan: a trust's, an application credential's, an access key's. They reach no secrets and make no loans."""

from pileus_kit.auth import Caller

ACCESS_KEY = "ec2credential"  # the method of a token that was got with an access key


def lent(who: Caller) -> bool:
    return who.delegated or ACCESS_KEY in who.methods
