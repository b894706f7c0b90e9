"""A server in a thread of its own, for the doubles."""

import threading
from http.server import ThreadingHTTPServer
from typing import Protocol

POLL_SECONDS = 0.02  # how late an HTTP server may notice that it is to stop


class Serving(Protocol):
    """A server of the standard library or of websockets."""

    def serve_forever(self) -> None: ...
    def shutdown(self) -> None: ...


class Background:
    """Runs *server* until `stop`."""

    def __init__(self, server: Serving):
        self._server = server
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def stop(self) -> None:
        """Return when the server has ended and its port is free."""
        self._server.shutdown()
        if isinstance(self._server, ThreadingHTTPServer):
            self._server.server_close()
        self._thread.join()

    def _serve(self) -> None:
        if isinstance(self._server, ThreadingHTTPServer):
            self._server.serve_forever(POLL_SECONDS)
        else:
            self._server.serve_forever()
