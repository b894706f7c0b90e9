"""Changes of incidents as server-sent events, from where the listener stopped."""

import asyncio
import re
from collections.abc import AsyncIterator

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from detector.incident_store import IncidentStore
from models.catalogue import Catalogue
from stream.api.shapes import incident_out

MOST_LISTENERS = 200
POLL_SECONDS = 0.5
_ALIVE_EVERY = 30  # polls without a change after which a comment shows that somebody is there


class Events:
    """Streams what the outbox of *store* gets; an event's id is its outbox entry's."""

    def __init__(self, store: IncidentStore, catalogue: Catalogue):
        self._store = store
        self._catalogue = catalogue
        self._n_listeners = 0

    def stream(self, request: Request) -> Response:
        """Return the changes since ``Last-Event-ID``, or from now on; 503 for too many."""
        last = request.headers.get("last-event-id")
        if last is not None and not re.fullmatch(r"\d{1,15}-\d{1,9}", last):
            raise HTTPException(400, "Last-Event-ID is no id of an event")
        if self._n_listeners >= MOST_LISTENERS:
            raise HTTPException(503, f"{MOST_LISTENERS} listeners are here already; try later")
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._told(last), media_type="text/event-stream", headers=headers)

    async def _told(self, last: str | None) -> AsyncIterator[bytes]:
        self._n_listeners += 1
        try:
            after = last if last is not None else await run_in_threadpool(self._store.last_change)
            yield b"retry: 2000\n\n"
            n_idle = 0
            while True:
                changes = await run_in_threadpool(self._store.changes, after)
                for entry in changes:
                    after = entry.id
                    body = msgspec.json.encode(incident_out(entry.incident, self._catalogue))
                    head = f"id: {entry.id}\nevent: {entry.transition.step}\ndata: "
                    yield head.encode() + body + b"\n\n"
                n_idle = 0 if changes else n_idle + 1
                if n_idle % _ALIVE_EVERY == _ALIVE_EVERY - 1:
                    yield b": alive\n\n"
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self._n_listeners -= 1
