"""The rules that X is asked to filter by, made from the catalogue. Pure."""

from collections.abc import Sequence

from models.catalogue import Catalogue, Service

MAX_RULE = 1_024  # characters
MAX_RULES = 1_000
MAX_NAMES = 4  # of a service
TAG = "outcry"
# What people write when something fails; the tagger decides what they mean.
TROUBLE = (
    "down", "outage", "crashed", "crashing", '"not working"', '"not loading"', '"won\'t load"',
    '"can\'t log"', '"server error"', "offline", "caído", "caída", '"no funciona"', '"fora do ar"',
    '"ne marche"', '"en panne"', "störung", '"geht nicht"', "落ちた", "障害", "çöktü", "먹통",
)  # fmt: skip


def rules(catalogue: Catalogue, services: Sequence[str] = ()) -> tuple[str, ...]:
    """
    Return the rules for *services*, or for all that have a handle: names near words of trouble.

    Each is at most 1,024 characters long. Reposts are left out, as they are never counted but would
    be paid for. Raises `ValueError` for an unknown service or too many rules.
    """
    unknown = [name for name in services if name not in catalogue.services]
    if unknown:
        raise ValueError(f"sources.x.services: {unknown[0]!r} is no id of the catalogue")
    wanted = services or [id for id, one in catalogue.services.items() if one.handles]
    tail = f" ({' OR '.join(TROUBLE)}) -is:retweet"
    made: list[str] = []
    names: list[str] = []
    for id in wanted:
        for name in _names(catalogue.services[id]):
            if len(_group([*names, name])) + len(tail) > MAX_RULE:
                made.append(_group(names) + tail)
                names = []
            names.append(name)
    if names:
        made.append(_group(names) + tail)
    if len(made) > MAX_RULES:
        raise ValueError(f"{len(made)} rules, at most {MAX_RULES}; name fewer sources.x.services")
    return tuple(made)


def _group(names: Sequence[str]) -> str:
    return f"({' OR '.join(names)})"


def _names(service: Service) -> list[str]:
    """Its handle and its plain names; ambiguous ones would cost money for nothing."""
    ambiguous = {name.casefold() for name in service.ambiguous}
    named = [service.name, *service.aliases]
    plain = [name for name in named if name.casefold() not in ambiguous and '"' not in name]
    return [*service.handles[:1], *(f'"{name}"' for name in plain[: MAX_NAMES - 1])]
