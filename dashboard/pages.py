"""The pages by their addresses: one list for the script, the server and the tests."""

from collections.abc import Callable
from dataclasses import dataclass

from dashboard import about, backtest, history, incident, now, report, service, stack
from dashboard.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """
    One page, the first of which has the empty path.

    A *live* one refreshes itself, while forms stay as they are.
    """

    title: str
    path: str
    icon: str
    show: Callable[[Site], None]
    live: bool = True


PAGES = (
    Page(title="Now", path="", icon="monitor_heart", show=now.show),
    Page(title="Incident", path="incident", icon="crisis_alert", show=incident.show),
    Page(title="Service", path="service", icon="dns", show=service.show),
    Page(title="My stack", path="stack", icon="layers", show=stack.show),
    Page(title="History", path="history", icon="history", show=history.show),
    Page(title="Back-test", path="backtest", icon="science", show=backtest.show, live=False),
    Page(title="Report a problem", path="report", icon="campaign", show=report.show, live=False),
    Page(title="Sources & settings", path="about", icon="settings", show=about.show, live=False),
)
