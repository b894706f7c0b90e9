"""
Where the people are who report: shares of countries, and how sure they are.

A post that names a country, or a form that was sent from one, says it outright. Of the others only
the language is known, which says where its speakers live, but not which of them use the service.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# Where those who post in a language live, in percent, roughly: speakers online, own knowledge. What
# is missing of 100 is spread over countries that are not listed.
_SPEAKERS = {
    "ar": "SA 25 EG 25 AE 10 MA 8 KW 5",
    "de": "DE 82 AT 9 CH 7",
    "en": "US 48 GB 14 IN 9 CA 6 AU 4 NG 3 PH 3 ZA 2 IE 1 NZ 1 SG 1",
    "es": "MX 27 ES 16 AR 14 CO 12 US 7 PE 6 CL 6",
    "fr": "FR 68 CA 10 BE 6 CH 3 MA 3",
    "hi": "IN 98",
    "id": "ID 97",
    "it": "IT 96 CH 2",
    "ja": "JP 98",
    "ko": "KR 97",
    "nl": "NL 76 BE 22",
    "pl": "PL 94 GB 2 DE 2",
    "pt": "BR 93 PT 5",
    "ru": "RU 75 UA 6",
    "th": "TH 98",
    "tr": "TR 92 DE 4",
    "vi": "VN 96",
    "zh": "TW 40 CN 25 SG 5",
}
# The crowd of one service may be wholly in one country of its language: the table is worth no more
# than so many people who say where they are.
_WORTH = 3.0
_OF_TAG = 95  # percent of the people with a tag like pt-BR who are in that country
_Z = 1.96  # standard deviations of an interval of 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of the reports that can be placed, in [0, 1], with its interval of 95 %."""

    place: str
    share: float
    low: float
    high: float


def countries(named: Mapping[str, int], languages: Mapping[str, int]) -> tuple[Share, ...]:
    """
    Estimate the share of each country, the greatest first.

    *named* are reports by ISO 3166 code, *languages* the others by tag ("ja", "pt-BR"); those of a
    language that nothing is known of are left out. Those who name a country teach where the others
    of their languages are. The interval holds the error of sampling and that of the language, and
    is wide where only English speaks.
    """
    spoken = {tag: n for tag, n in languages.items() if _speakers(tag)}
    total = sum(named.values()) + sum(spoken.values())
    if not total:
        return ()
    mean: defaultdict[str, float] = defaultdict(float)
    variance: defaultdict[str, float] = defaultdict(float)
    for place, n in named.items():
        mean[place] += n / total
    for tag, shares, worth in _learnt(named, spoken):
        weight = spoken[tag] / total
        for place, share in shares.items():
            mean[place] += weight * share
            variance[place] += weight**2 * share * (1 - share) / (worth + 1)
    found = (_share(place, mean[place], variance[place], total) for place in mean)
    return tuple(sorted(found, key=lambda one: (-one.share, one.place)))


def is_country(place: str) -> bool:
    """Whether *place* is an ISO 3166 code; the codes of cloud regions are longer, in lower case."""
    return len(place) == 2 and place.isupper()


def shares(counts: Mapping[str, int]) -> tuple[Share, ...]:
    """Return the share of each place that is named outright, the greatest first."""
    total = sum(counts.values())
    found = (_share(place, n / total, 0.0, total) for place, n in counts.items())
    return tuple(sorted(found, key=lambda one: (-one.share, one.place)))


def _learnt(
    named: Mapping[str, int], spoken: Mapping[str, int]
) -> Iterator[tuple[str, dict[str, float], float]]:
    """
    Yield each language's shares after what *named* says, and how many people they are worth.

    The Dirichlet posterior; a country of several languages is divided among them as the table and
    their numbers of posts have it.
    """
    likely = {
        tag: {place: n * share for place, share in _speakers(tag).items()}
        for tag, n in spoken.items()
    }
    of_place: defaultdict[str, float] = defaultdict(float)
    for weights in likely.values():
        for place, weight in weights.items():
            of_place[place] += weight
    for tag, weights in likely.items():
        said = {
            place: named.get(place, 0) * weight / of_place[place]
            for place, weight in weights.items()
        }
        worth = _WORTH + sum(said.values())
        prior = _speakers(tag)
        yield tag, {p: (_WORTH * prior[p] + said[p]) / worth for p in prior}, worth


def _speakers(tag: str) -> dict[str, float]:
    language, _, country = tag.partition("-")
    if country:
        return {country: _OF_TAG / 100}
    words = _SPEAKERS.get(language, "").split()
    return {place: int(n) / 100 for place, n in zip(words[::2], words[1::2], strict=True)}


def _share(place: str, mean: float, variance: float, n: int) -> Share:
    """Give *mean* its interval: Wilson's of a sample of *n*, and the error of *variance* beside."""
    mean = min(mean, 1.0)
    centre = (mean + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(mean * (1 - mean) / n + _Z**2 / (4 * n**2))
    below, above = mean - (centre - half), centre + half - mean
    return Share(
        place=place,
        share=round(mean, 4),
        low=round(max(mean - math.hypot(below, _Z * math.sqrt(variance)), 0.0), 4),
        high=round(min(mean + math.hypot(above, _Z * math.sqrt(variance)), 1.0), 4),
    )
