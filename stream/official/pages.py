"""Which pages there are: what is asked, how it is read, and for which services it speaks."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from models.catalogue import Catalogue
from models.service import Service
from stream.official import (
    apple,
    aws,
    feed,
    google,
    heroku,
    instatus,
    slack,
    statusio,
    statuspage,
)
from stream.official.notice import Notice

AZURE = "https://rssfeed.azure.status.microsoft/en-us/status/feed/"
AWS = "https://health.aws.amazon.com/public/currentevents"
# Their form is not known. Some speak as Statuspage does, which a visit tells; the rest are unknown.
UNTOLD = frozenset({"custom", "custom_html", "stripe_custom"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """
    One address that speaks for *services*.

    *current_only* pages list what goes on; what vanishes from them is over. Where the form is
    *guessed*, that it cannot be read is no fault.
    """

    address: str
    services: tuple[Service, ...]
    parse: Callable[[bytes], tuple[Notice, ...]]
    current_only: bool = False
    guessed: bool = False


def pages(catalogue: Catalogue, only: Iterable[str] = ()) -> tuple[Page, ...]:
    """
    Return the pages of the services named *only*, or of all that have one.

    Left out are those without a page of their own or without an address that can be asked: of what
    nobody says anything the state is unknown, too.

    Raises `ValueError` for an unknown id.
    """
    wanted = tuple(only)
    unknown = [name for name in wanted if name not in catalogue.services]
    if unknown:
        raise ValueError(f"official.services: {unknown[0]!r} is no id of the catalogue")
    grouped: defaultdict[tuple[str, str], list[Service]] = defaultdict(list)
    for service in catalogue.services.values():
        if service.status_url and service.status_kind and (not wanted or service.id in wanted):
            grouped[service.status_kind, service.status_url].append(service)
    made = (_page(kind, url, services) for (kind, url), services in sorted(grouped.items()))
    return tuple(page for page in made if page)


def _page(kind: str, url: str, services: Sequence[Service]) -> Page | None:
    base, named = url.rstrip("/"), tuple(services)
    match kind:
        case "statuspage" | "incidentio":
            address = f"{base}/api/v2/incidents.json"
            return Page(address=address, services=named, parse=statuspage.parse)
        case "google_incidents_json":
            read = partial(google.parse, address=base + "/")
            return Page(address=f"{base}/incidents.json", services=named, parse=read)
        case "aws_health":
            return Page(address=AWS, services=named, parse=aws.parse, current_only=True)
        case "azure_rss":
            return Page(address=AZURE, services=named, parse=feed.parse, current_only=True)
        case "apple_json":
            address = apple.ADDRESS
            return Page(address=address, services=named, parse=apple.parse, current_only=True)
        case "heroku_api":
            address = f"{base}/api/v4/current-status"
            return Page(address=address, services=named, parse=heroku.parse, current_only=True)
        case "instatus":
            address = f"{base}/v3/summary.json"
            return Page(address=address, services=named, parse=instatus.parse, current_only=True)
        case "statusio" if found := statusio.address(base):
            return Page(address=found, services=named, parse=statusio.parse, current_only=True)
        case "slack_api":
            address = f"{base}/api/v2.0.0/current"
            return Page(address=address, services=named, parse=slack.parse, current_only=True)
        case "rss" | "atom":
            return Page(address=url, services=named, parse=feed.parse)
    if kind in UNTOLD:
        address = f"{base}/api/v2/incidents.json"
        return Page(address=address, services=named, parse=statuspage.parse, guessed=True)
    return None


def speaks_of(notice: Notice, services: Sequence[Service]) -> tuple[str, ...]:
    """Return the ids of those *services* of a page that *notice* names; of all if none."""
    if len(services) == 1:
        return (services[0].id,)
    said = " ".join((notice.title, *notice.about)).casefold()
    named = tuple(
        one.id
        for one in services
        if any(name.casefold() in said for name in (one.name, *one.aliases) if len(name) > 2)
    )
    return named or tuple(one.id for one in services)
