"""
Settings: one frozen value, from flags over the environment over ``outcry.toml`` over defaults.

Every field is described in outcry.example.toml (a test holds the two together). A secret can be
given as a value or as the path of a file that holds it, ``<name>_file``. `stream.configuration`
loads them.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from stream.alert_settings import Alerts
from stream.section import Files, Names, Port, Positive, Section, Topic, Words
from stream.source_settings import Official, Sources

PREFIX = "OUTCRY_"


class SettingsError(Exception):
    """A setting, or the environment that it describes, is wrong: one line that says what to do."""


class Kafka(Section):
    """Where reports come from; without *bootstrap_servers* `outcry up` starts its own broker."""

    bootstrap_servers: Names = ()
    topic: Topic = "outcry.reports"
    dead_letter_topic: Topic = "outcry.deadletter"
    group_id: Annotated[str, Field(min_length=1, max_length=255)] = "outcry-ingest"
    partitions: Annotated[int, Field(ge=1, le=1_000)] = 4
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    sasl_password_file: Path | None = None
    ssl_cafile: Path | None = None

    @model_validator(mode="after")
    def _sasl_is_complete(self) -> "Kafka":
        parts = (self.sasl_mechanism, self.sasl_username, self.sasl_password)
        if self.security_protocol.startswith("SASL_") and None in parts:
            raise ValueError(
                f"security_protocol is {self.security_protocol}, which also needs sasl_mechanism, "
                "sasl_username and sasl_password"
            )
        return self

    def security(self) -> dict[str, str]:
        """The keyword arguments by which kafka-python clients log in; they hold the password."""
        options: dict[str, object] = {
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password and self.sasl_password.get_secret_value(),
            "ssl_cafile": self.ssl_cafile and str(self.ssl_cafile),
        }
        return {name: str(value) for name, value in options.items() if value}


def _redis_url(value: SecretStr) -> SecretStr:
    if value and not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("expected an address that starts with redis://, rediss:// or unix://")
    return value


class Redis(Section):
    """Where counts and incidents are kept; without *url* `outcry up` starts its own server."""

    url: Annotated[SecretStr, AfterValidator(_redis_url)] = SecretStr("")
    url_file: Path | None = None
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "outcry"


class Ingest(Section):
    """The loop from Kafka to counts."""

    max_batch: Annotated[int, Field(ge=1, le=50_000)] = 2_000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    idle_heartbeat_seconds: Annotated[int, Field(ge=0, le=3_600)] = 10
    dead_letter_max_ratio: Annotated[float, Field(gt=0, le=1)] = 0.5
    dead_letter_max_consecutive: Positive = 100


class Detection(Section):
    """How many false incidents are acceptable, and how long to wait for late reports."""

    false_incidents_per_service_year: Annotated[float, Field(gt=0, le=1_000)] = 1.0
    allowed_lateness_seconds: Annotated[int, Field(ge=0, le=3_600)] = 30


class CatalogueFiles(Section):
    """Own services, merged over the shipped catalogue in order."""

    files: Files = ()


class Stack(Section):
    """What one depends on: ids or names of services, for messages and for alerts limited to it."""

    vendors: Words = ()


class Model(Section):
    """The trained tagger; without *path* the shipped one."""

    path: Path | None = None


class Privacy(Section):
    """
    The key that turns account names into hashes; without one, it is made once and kept.

    And how long posts are kept as evidence, and whose posts are not read.
    """

    author_key: Annotated[SecretStr, Field(min_length=16)] | None = None
    author_key_file: Path | None = None
    evidence_days: Annotated[int, Field(ge=1, le=3_650)] = 30
    opt_out: Words = ()


class Up(Section):
    """Where `outcry up` keeps its broker's log, its Redis and its own logs."""

    data_dir: Path = Path("outcry-data")


class Dashboard(Section):
    """
    Where the page is served, and who may act on it.

    With *login* people sign in as .streamlit/secrets.toml says; *operators* are their addresses.
    """

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Port = 8501
    login: bool = False
    operators: Words = ()


class Api(Section):
    """Where the API is served, and the token that it asks for, if any."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Port = 8600
    token: Annotated[SecretStr, Field(min_length=16)] | None = None
    token_file: Path | None = None


class Settings(BaseSettings):
    """Everything that an operator may change; see outcry.example.toml."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,  # compose files pass names that they have no value for
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=True,
    )

    kafka: Kafka = Kafka()
    redis: Redis = Redis()
    ingest: Ingest = Ingest()
    detection: Detection = Detection()
    catalogue: CatalogueFiles = CatalogueFiles()
    stack: Stack = Stack()
    model: Model = Model()
    alerts: Alerts = Alerts()
    privacy: Privacy = Privacy()
    sources: Sources = Sources()
    official: Official = Official()
    up: Up = Up()
    dashboard: Dashboard = Dashboard()
    api: Api = Api()
