"""Which alert channels the settings ask for."""

from stream.settings import Settings


def channel_names(settings: Settings) -> tuple[str, ...]:
    """Return the names under which the channels keep their progress in Redis."""
    slack = settings.alerts.slack
    return ("slack",) if slack.bot_token or slack.webhook_url else ("terminal",)
