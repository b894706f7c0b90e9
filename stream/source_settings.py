"""The settings of the live sources and of the official status pages."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from stream.section import Port, Positive, Section, Topic, WebAddress, Words

Seconds = Annotated[float, Field(ge=1, le=3_600)]

JETSTREAM_HOSTS = (
    "wss://jetstream1.us-east.bsky.network",
    "wss://jetstream2.us-east.bsky.network",
    "wss://jetstream1.us-west.bsky.network",
    "wss://jetstream2.us-west.bsky.network",
)


class Bluesky(Section):
    """Jetstream needs no key; *dictionary* is the server's, for compressed frames."""

    hosts: Words = JETSTREAM_HOSTS
    protocol: Literal["v1", "v2"] = "v1"
    dictionary: Path | None = None

    @model_validator(mode="after")
    def _hosts_are_sockets(self) -> "Bluesky":
        if not self.hosts or any(not one.startswith(("ws://", "wss://")) for one in self.hosts):
            raise ValueError(f"hosts {self.hosts}: expected addresses that start with wss://")
        return self


class Mastodon(Section):
    """One instance, with the token of an account on it."""

    instance: WebAddress | None = None
    access_token: SecretStr | None = None
    access_token_file: Path | None = None
    streams: Words = ("public",)


class HackerNews(Section):
    """No key; stories and comments of all."""

    address: WebAddress = "https://hacker-news.firebaseio.com"
    poll_seconds: Seconds = 15


class Reddit(Section):
    """An approved script application."""

    client_id: str | None = None
    client_id_file: Path | None = None
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    subreddits: Words = ("sysadmin", "outages", "aws", "techsupport")
    user_agent: str = "linux:outcry:0.1 (outage monitor)"
    poll_seconds: Seconds = 10
    address: WebAddress = "https://oauth.reddit.com"
    token_address: WebAddress = "https://www.reddit.com/api/v1/access_token"  # noqa: S105  no secret


class X(Section):
    """A bearer token; each post that is read costs money, hence *max_posts_per_month*."""

    bearer_token: SecretStr | None = None
    bearer_token_file: Path | None = None
    services: Words = ()
    max_posts_per_month: Positive = 20_000
    dollars_per_post: Annotated[float, Field(ge=0)] = 0.005
    address: WebAddress = "https://api.x.com"


class Http(Section):
    """Where reports are taken over HTTP; without *token* from this machine alone."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Port = 8502
    token: Annotated[SecretStr, Field(min_length=16)] | None = None
    token_file: Path | None = None
    max_waiting: Positive = 10_000

    @model_validator(mode="after")
    def _is_guarded(self) -> "Http":
        if self.token is None and self.host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError(f"host is {self.host} without token; expected one, or 127.0.0.1")
        return self


class Sources(Section):
    """The live sources."""

    bluesky: Bluesky = Bluesky()
    mastodon: Mastodon = Mastodon()
    hackernews: HackerNews = HackerNews()
    reddit: Reddit = Reddit()
    x: X = X()
    http: Http = Http()


class Official(Section):
    """The official status pages of the catalogue's services."""

    enabled: bool = False
    topic: Topic = "outcry.official"
    poll_seconds: Annotated[float, Field(ge=30, le=3_600)] = 60
    services: Words = ()
