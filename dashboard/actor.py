"""Who is looking at the page, and whether he may act. Pure, but for what Streamlit tells."""

from collections.abc import Mapping, Sequence

from detector.actions import Actor, Role

LOOPBACK = ("127.0.0.1", "::1", "localhost")
# A proxy makes everybody come from this machine.
_FORWARDED = ("x-forwarded-for", "x-real-ip", "forwarded", "via")


def signed_in(user: Mapping[str, object], operators: Sequence[str]) -> Actor:
    """
    Return who signed in, by the claims of *user*: an operator when his address is listed.

    An address for which the provider does not vouch is anybody's.
    """
    email = str(user.get("email") or "")
    name = email or "unnamed account"
    vouched = user.get("email_verified") not in (False, "false")
    listed = bool(email) and vouched and email.casefold() in {one.casefold() for one in operators}
    return Actor(name=name, role=Role.OPERATOR if listed else Role.VIEWER)


def anonymous(host: str, headers: Mapping[str, str]) -> Actor:
    """Return who came without signing in: an operator only at this machine itself."""
    names = {name.lower() for name in headers}
    is_here = host in LOOPBACK and not names.intersection(_FORWARDED)
    if is_here:
        return Actor(name="this machine", role=Role.OPERATOR)
    return Actor(name="visitor", role=Role.VIEWER)
