"""Runs the API until it is told to stop."""

import threading

import structlog
import uvicorn

from stream.api.app import Api

log = structlog.get_logger()


def serve(api: Api, host: str, port: int, stop: threading.Event) -> None:
    """Serve *api* at *host* and *port* until *stop* is set."""
    config = uvicorn.Config(
        api.app(),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        limit_concurrency=500,
    )
    server = uvicorn.Server(config)
    # Signals are the command's business; uvicorn would take them over.
    thread = threading.Thread(target=server.run, name="api", daemon=True)
    thread.start()
    log.info("started", host=host, port=port)
    while thread.is_alive() and not stop.wait(0.2):
        pass
    server.should_exit = True
    thread.join(timeout=5)
