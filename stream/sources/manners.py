"""Who does not want to be read: accounts that opted out, and those that say so themselves."""

import re
from collections.abc import Iterable

# What people put into a profile or a post to keep automatic readers away.
_NO_BOTS = re.compile(r"#(nobots?|noindex|noarchive)\b", re.IGNORECASE)


class Manners:
    """Decides whose posts are read; *opt_out* holds accounts as "platform:account"."""

    def __init__(self, opt_out: Iterable[str] = ()):
        self._opt_out = frozenset(name.casefold() for name in opt_out)

    def allow(self, platform: str, account: str, *texts: str) -> bool:
        """Whether a post may be read; *texts* are the post and what is known of the profile."""
        if self._opt_out and f"{platform}:{account}".casefold() in self._opt_out:
            return False
        return not any("#" in text and _NO_BOTS.search(text) for text in texts)
