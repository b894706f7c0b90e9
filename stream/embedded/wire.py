"""Frames in, frames out: a client's connection, and the requests that the broker knows."""

import asyncio
import logging
import struct
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from kafka.errors import KafkaError, UnsupportedVersionError
from kafka.protocol.metadata import ApiVersionsRequest, ApiVersionsResponse

log = logging.getLogger(__name__)

MAX_FRAME_BYTES = 8 << 20
MAX_CONNECTIONS = 256
FRAME_SECONDS = 30  # for a request to arrive, once its length has


class Api(NamedTuple):
    """A request that the broker answers, and the versions in which it does."""

    request: Any
    low: int
    high: int
    answer: Callable[[Any], Awaitable[Any]]


class Wire:
    """All connections; *tasks* are those that are open."""

    def __init__(self, apis: Iterable[Api]):
        versions = Api(ApiVersionsRequest, 0, 4, self._api_versions)
        self._apis = {api.request.API_KEY: api for api in (*apis, versions)}
        self.tasks: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            if len(self.tasks) <= MAX_CONNECTIONS:
                await self._converse(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError, KafkaError) as error:
            if isinstance(error, KafkaError):
                log.warning("closed a connection: %s", error)
        except asyncio.CancelledError:
            pass  # the broker stops; asyncio's server would report it as an error
        except Exception as error:
            # Bytes that are no request fail in the codec in many ways; their sender is cut off.
            log.warning("closed a connection: %s: %.200s", type(error).__name__, error)
        finally:
            self.tasks.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client's requests, each before the next is read."""
        while True:
            (size,) = struct.unpack(">i", await reader.readexactly(4))
            if not 8 <= size <= MAX_FRAME_BYTES:
                raise KafkaError(f"frame of {size} bytes, expected 8 to {MAX_FRAME_BYTES}")
            frame = await asyncio.wait_for(reader.readexactly(size), FRAME_SECONDS)
            answer = await self._answer(frame)
            if answer is not None:
                writer.write(answer)
                await writer.drain()

    async def _answer(self, frame: bytes) -> bytes | None:
        key, version, correlation_id = struct.unpack_from(">hhi", frame)
        api = self._apis.get(key)
        if api is None:
            raise KafkaError(f"request {key}, which this broker does not know")
        if api.low <= version <= api.high:
            response = await api.answer(api.request.decode(frame, version=version, header=True))
        elif key == ApiVersionsRequest.API_KEY:
            # Every client reads version 0 here, and then asks again in a version that it names.
            version, response = 0, await self._api_versions(None)
            response.error_code = UnsupportedVersionError.errno
        else:
            raise KafkaError(f"request {key} in version {version}, not {api.low} to {api.high}")
        if response is None:
            return None
        response.API_VERSION = version
        response.with_header(correlation_id=correlation_id)
        return bytes(response.encode(header=True, framed=True))

    async def _api_versions(self, request: Any) -> Any:
        answer = ApiVersionsResponse.ApiVersion
        return ApiVersionsResponse(
            api_keys=[
                answer(api_key=key, min_version=api.low, max_version=api.high)
                for key, api in self._apis.items()
            ]
        )
