"""The key that hashes author names: configured, or made once and kept."""

import os
import secrets
from pathlib import Path

from stream.settings import Settings, SettingsError

FILE = "author.key"


def author_key(settings: Settings) -> bytes:
    """
    Return the configured key, else one that is made once and kept.

    It is kept in the data dir, readable by its owner only. Raises `SettingsError` when that fails.
    """
    if settings.privacy.author_key:
        return settings.privacy.author_key.get_secret_value().encode()
    path = settings.up.data_dir / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _kept_key(path)
    except OSError as error:
        raise SettingsError(
            f"no author key at {path}: {error.strerror}; make up.data_dir writable or set "
            "privacy.author_key"
        ) from error


def _kept_key(path: Path) -> bytes:
    # Linked into place whole, so that of two processes that start together one wins and both agree.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(handle, secrets.token_hex(32).encode())
    finally:
        os.close(handle)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_bytes().strip()
