"""Real servers for one machine: a Redis or Valkey server, and a small Kafka broker."""

from stream.embedded.broker_server import start_broker
from stream.embedded.child import Child, EmbeddedError
from stream.embedded.redis_server import start_redis

__all__ = ["Child", "EmbeddedError", "start_broker", "start_redis"]
