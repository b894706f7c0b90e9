"""Structured logs on stderr: JSON for machines, coloured lines for a terminal."""

import logging
import sys

import structlog
from structlog.typing import EventDict

# Chatty at INFO, and kafka-python logs each bootstrap attempt as an error of its own.
_LIBRARIES = {"kafka": logging.CRITICAL, "slack_sdk": logging.WARNING, "httpx": logging.WARNING}


def configure(process: str, *, verbose: bool = False, **bound: object) -> None:
    """
    Send structlog and the standard library's logs to stderr, each bound to *process* and *bound*.

    JSON lines unless stderr is a terminal. Events are short names with key-values; neither the text
    of a post nor a secret may be among them.
    """
    tty = sys.stderr.isatty()

    # Not by context variables: those do not reach other threads.
    def bind(_: object, __: str, event: EventDict) -> EventDict:
        return {"process": process, **bound, **event}

    shared: list[structlog.typing.Processor] = [
        bind,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    # Never with the values of local variables: those hold posts and passwords.
    plain = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    if not tty:
        shared.append(structlog.processors.ExceptionRenderer(plain))
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if tty
        else structlog.processors.JSONRenderer()
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    for library, level in _LIBRARIES.items():
        logging.getLogger(library).setLevel(level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.DEBUG if verbose else logging.INFO
        ),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
