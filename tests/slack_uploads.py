"""The files of Slack's double: an address, the bytes, and where they belong, each checked."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.slack_rules import Refused

PNG = b"\x89PNG\r\n\x1a\n"
PATH = "/upload/v1/"
_PLACE = {"filename", "length", "alt_txt"}
_COMPLETE = {"files", "channel_id", "thread_ts"}


@dataclass
class File:
    """A file on its way: *content* once it was put, *is_shown* once it was completed."""

    id: str
    name: str
    length: int
    alt_text: str
    content: bytes | None = None
    is_shown: bool = False


@dataclass
class Uploads:
    """All files that anybody asked a place for."""

    files: dict[str, File] = field(default_factory=dict)

    def place(self, fields: dict[str, str], address: str) -> dict[str, Any]:
        """Handle files.getUploadURLExternal, or raise `Refused`."""
        if set(fields) != _PLACE or not fields["length"].isdigit():
            raise Refused("invalid_arguments", f"{sorted(fields)}")
        if not 0 < len(fields["filename"]) <= 255 or not 0 < len(fields["alt_txt"]) <= 1_000:
            raise Refused("invalid_arguments", "name or description of another length")
        id = f"F{len(self.files):08}"
        name, length = fields["filename"], int(fields["length"])
        self.files[id] = File(id, name, length, fields["alt_txt"])
        return {"ok": True, "upload_url": f"{address}{PATH}{id}", "file_id": id}

    def put(self, id: str, content: bytes) -> None:
        """Handle the bytes, or raise `Refused`."""
        file = self.files.get(id)
        if file is None or len(content) != file.length or not content.startswith(PNG):
            raise Refused("invalid_upload", id)
        file.content = content

    def complete(self, fields: dict[str, str], channel: str, roots: set[str]) -> File:
        """Handle files.completeUploadExternal, or raise `Refused`."""
        if set(fields) != _COMPLETE or fields["channel_id"] != channel:
            raise Refused("invalid_arguments", f"{sorted(fields)}")
        if fields["thread_ts"] not in roots:
            raise Refused("thread_not_found", fields["thread_ts"])
        match json.loads(fields["files"]):
            case [{"id": str(id), "title": str(title), **rest}] if not rest and title:
                file = self.files.get(id)
            case _:
                raise Refused("invalid_arguments", fields["files"])
        if file is None or file.content is None or file.is_shown or len(title) > 250:
            raise Refused("file_not_found", id)
        file.is_shown = True
        return file
