"""`outcry check`: whether everything that the settings name is there and answers."""

from collections.abc import Callable
from dataclasses import dataclass

from stream.problems import one_line
from stream.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at; *detail* is what was found, or what to do."""

    name: str
    ok: bool
    detail: str


def check_all(settings: Settings) -> list[Check]:
    """Look at everything; a problem with one does not keep the others from being looked at."""
    looks: tuple[tuple[str, Callable[[Settings], str]], ...] = (
        ("settings", lambda _: "read and valid"),
        ("catalogue", _catalogue),
        ("model", _model),
        ("kafka", _kafka),
        ("redis", _redis),
        ("slack", _slack),
    )
    return [_look(name, look, settings) for name, look in looks]


def _look(name: str, look: Callable[[Settings], str], settings: Settings) -> Check:
    try:
        return Check(name=name, ok=True, detail=look(settings))
    except Exception as error:
        line = one_line(error)
        if line is None:
            raise
        return Check(name=name, ok=False, detail=line)


def _catalogue(settings: Settings) -> str:
    from stream.roles import catalogue

    return f"{len(catalogue(settings).services)} services"


def _model(settings: Settings) -> str:
    from models.tagger import Tagger
    from stream.roles import catalogue

    Tagger.load(catalogue(settings), settings.model.path)
    return f"{settings.model.path or 'the shipped one'} loads"


def _kafka(settings: Settings) -> str:
    from stream.finish import end_offsets
    from stream.roles import attached

    if not settings.kafka.bootstrap_servers:
        try:
            settings = attached(settings)
        except SettingsError:
            return "none configured: `outcry up` starts its own"
    ends = end_offsets(settings)
    where = ",".join(settings.kafka.bootstrap_servers)
    if not ends:
        topic = settings.kafka.topic
        raise SettingsError(f"{where} has no topic {topic!r}; create it, or start a source")
    return f"{where} answers, {settings.kafka.topic} has {len(ends)} partitions"


def _redis(settings: Settings) -> str:
    from stream.roles import attached, connect_redis

    if not settings.redis.url.get_secret_value():
        try:
            settings = attached(settings)
        except SettingsError:
            return "none configured: `outcry up` starts its own"
    with connect_redis(settings) as client:
        info = client.info("server")
    version = str(info["redis_version"])
    if int(version.split(".")[0]) < 7:
        raise SettingsError(f"Redis {version}: expected 7.0 or later; upgrade it")
    return f"answers, version {version}"


def _slack(settings: Settings) -> str:
    slack = settings.alerts.slack
    if slack.webhook_url:
        return "webhook configured; only a post could test it"
    if not slack.bot_token:
        return "not configured: alerts go to the terminal"
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError, SlackClientError

    try:
        token = slack.bot_token.get_secret_value()
        found = WebClient(token=token, base_url=slack.api_url, timeout=10).auth_test()
    except (SlackApiError, SlackClientError, OSError) as error:
        reason = error.response["error"] if isinstance(error, SlackApiError) else error
        raise SettingsError(
            f"Slack refuses alerts.slack.bot_token ({reason}); make a new token with chat:write"
        ) from error
    return f"token of {found['user']} in {found['team']}, posts to {slack.channel}"
