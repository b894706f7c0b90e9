"""
Author names become keyed hashes before they leave a source; no other module ever sees a name.

The key stays on the machine that runs the sources. Without it a hash cannot be tested against a
list of known account names, which an unkeyed hash would allow.
"""

import hashlib
import hmac

MIN_KEY_BYTES = 16


class Authors:
    """Hashes account names with one key: the same name of the same platform gives the same hash."""

    def __init__(self, key: bytes):
        """Raise `ValueError` when *key* is shorter than 16 bytes."""
        if len(key) < MIN_KEY_BYTES:
            raise ValueError(
                f"author key of {len(key)} bytes: at least {MIN_KEY_BYTES} are needed; "
                "leave privacy.author_key empty to have one generated"
            )
        self._keyed = hmac.new(key, digestmod=hashlib.sha256)

    def hash(self, platform: str, name: str) -> str:
        """Return 32 hex digits (128 bits of HMAC-SHA-256) for the account *name* on *platform*."""
        keyed = self._keyed.copy()
        # A platform's JSON escapes can hold lone surrogates; such names must stay apart, too.
        keyed.update(f"{platform}\x00{name}".encode("utf-8", "surrogatepass"))
        return keyed.hexdigest()[:32]
