"""The world as dots (its outline: Natural Earth, public domain), with a bubble for each country."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from dashboard.markup import Markup, el
from detector.places import Share

# Degrees that the picture in page.css covers: all longitudes, and latitudes from NORTH down.
NORTH, HEIGHT = 77.5, 135.0
LEAST, MOST = 0.9, 5.5  # width of a bubble in percent of the picture's


@dataclass(frozen=True, slots=True)
class Country:
    """Its name in English, and about where its middle or most of its people are, in degrees."""

    name: str
    latitude: float
    longitude: float


@cache
def countries() -> dict[str, Country]:
    """Return all countries by their two letters (ISO 3166; places after the tz database)."""
    told = files("dashboard").joinpath("countries.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in told.splitlines())
    return {code: Country(name, float(lat), float(lon)) for code, lat, lon, name in rows}


def drawn(shares: Sequence[Share]) -> Markup:
    """Draw the countries among *shares*; nothing where there is none."""
    known = [(countries()[one.place], one) for one in shares if one.place in countries()]
    known = [(country, one) for country, one in known if one.share > 0]
    if not known:
        return Markup()
    top = max(one.share for _, one in known)
    bubbles = [_bubble(country, one, top) for country, one in known]
    said = ", ".join(f"{country.name} {_percent(one.share)}" for country, one in known[:5])
    return el("div", *bubbles, class_="world", role="img", aria_label=f"Reports by country: {said}")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _bubble(country: Country, one: Share, most: float) -> Markup:
    left = (country.longitude + 180) / 3.6
    top = 100 * (NORTH - country.latitude) / HEIGHT
    # The area, not the width, stands for the number.
    width = LEAST + (MOST - LEAST) * (one.share / most) ** 0.5
    place = f"left:{left:.1f}%;top:{min(99.0, max(1.0, top)):.1f}%;width:{width:.1f}%"
    return el("i", style=place, title=f"{country.name}: {_percent(one.share)}")
