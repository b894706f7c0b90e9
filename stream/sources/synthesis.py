"""Who says what in a scenario: turns the crowd's times into synthetic reports."""

import hashlib
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from stream.report import Report
from stream.sources.crowd import Flow, flows, schedule
from stream.sources.draw import Draw
from stream.sources.phrases import bend
from stream.sources.scenario import Scenario

SOURCE = "scenario"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REGULARS = 15_000  # people who post on ordinary days, and about an outage too
BY_REGULARS = 0.4  # share of all posts
BOTS = 6
RECENT = 40
COPIED_LENGTH = 40  # a text of that length counts once, whoever posts it
OTHERS = ("youtube", "netflix", "tiktok", "discord", "spotify", "x", "twitch", "instagram")
SYMPTOMS = ("login", "payment", "loading", "connectivity", "crash", "api", "other")
COUNTRIES = {
    "en": ("US", "US", "US", "GB", "GB", "CA", "AU", "IE", "IN"),
    "es": ("ES", "MX", "AR", "CO", "US"),
    "pt": ("BR", "BR", "BR", "PT"),
    "fr": ("FR", "FR", "BE", "CA"),
    "de": ("DE", "DE", "AT", "CH"),
    "nl": ("NL", "BE"),
    "it": ("IT",),
    "ja": ("JP",),
    "hi": ("IN",),
    "tr": ("TR",),
}
# Texts that a pipeline meets sooner or later: none is invalid, each has broken somebody's.
EDGES = (
    "",
    "💀",
    "?",
    "🔥" * 200,
    "<script>alert('down')</script>",
    "<!channel> everything is *down* <https://example.org|here>",
    "down\u202enwod si sihT",
    "i\u200bs\u200b i\u200bt\u200b d\u200bo\u200bw\u200bn",
    "https://example.org/",
    "#down" * 300,
    "DOWN " * 780,
    "line one\nline two\r\nline three\tend",
    "\u0000null and \u0007bell",
    "[bold](javascript:alert(1)) **down**",
    "é" * 50 + "e\u0301" * 50,
)
# Some phrasings speak of one provider's region and parts.
HOME_OF_PHRASES = "aws"
ITS_WORDS = ("us-east-1", "DynamoDB", "dynamodb", "lambda", "SQS", "STS", "DNS", " region")
REDRAWS = 20
BLAMES_ITSELF = 0.7  # of the posts about the provider, once people know whose fault it is


def synthesise(scenario: Scenario) -> Iterator[Report]:
    """Yield the posts of *scenario* in event-time order; the same, byte for byte, each time."""
    crowd = flows(scenario)
    at, which = schedule(scenario, crowd)
    writer = _Writer(scenario)
    official = deque(sorted(scenario.script.official, key=lambda post: post.at))
    for milliseconds, index in zip(at.tolist(), which.tolist(), strict=True):
        now = EPOCH + timedelta(milliseconds=milliseconds)
        while official and scenario.at(official[0].at) <= now:
            post = official.popleft()
            yield writer.official(post.service, post.text, scenario.at(post.at))
        yield from writer.posts(crowd[index], now)


class _Writer:
    """Keeps what later posts refer to: who posted lately, what can be reposted or copied."""

    def __init__(self, scenario: Scenario):
        self._scenario = scenario
        self._script = scenario.script
        self._shares = scenario.script.crowd
        self._draw = Draw(scenario.script.seed)
        self._number = count()
        self._newcomer = count(REGULARS)
        self._authors: dict[str | None, deque[str]] = {}
        self._recent: dict[str, deque[Report]] = {}
        self._failing = sorted({truth.service for truth in scenario.truth})

    def posts(self, flow: Flow, at: datetime) -> Iterator[Report]:
        """Yield the post of *flow*; now and then twice, as at-least-once delivery does."""
        report = self._failure(flow, at) if flow.voice == "failure" else self._other(flow, at)
        yield report
        if self._draw.chance(self._shares.redelivered_share):
            yield report

    def official(self, service: str, text: str, at: datetime) -> Report:
        """Return a post of the company's own account."""
        return self._report(at, text, "en", _hash(f"official:{service}"))

    def _failure(self, flow: Flow, at: datetime) -> Report:
        service = flow.service
        assert service is not None
        recent = self._recent.setdefault(service, deque(maxlen=RECENT))
        if recent and self._draw.chance(self._shares.repost_share):
            original = self._draw.pick(recent)
            origin = original.repost_of or original.id
            return self._report(
                at, original.text, original.lang, self._author(service), repost_of=origin
            )
        if recent and self._draw.chance(self._shares.copied_share):
            original = self._draw.pick(recent)
            if len(original.text) >= COPIED_LENGTH and not original.repost_of:
                return self._report(at, original.text, original.lang, self._author(service))
        language = self._language(service, at)
        if self._draw.chance(self._shares.form_share):
            return self._form(service, language, at)
        voice = self._failure_voice(service, at)
        report = self._report(
            at, self._text(voice, service, language), language, self._author(service)
        )
        recent.append(report)
        return report

    def _failure_voice(self, service: str, at: datetime) -> str:
        blame = self._blame(at)
        most = self._script.blame.share if self._script.blame else 1.0
        if service == self._script.provider and self._draw.chance(BLAMES_ITSELF * blame / most):
            return "cause"
        if service != self._script.provider and self._draw.chance(blame):
            return "blame"
        if service != self._script.provider and self._draw.chance(self._shares.elsewhere_share):
            return "elsewhere"
        return self._draw.weighted({"complaint": 60, "question": 27, "reply": 8, "joke": 5})

    def _blame(self, at: datetime) -> float:
        """Return the share of posts that name the provider: 0 before it admits anything."""
        if not (blame := self._script.blame):
            return 0.0
        start, full = self._scenario.at(blame.start), self._scenario.at(blame.full)
        return blame.share * min(1.0, max(0.0, (at - start) / (full - start)))

    def _other(self, flow: Flow, at: datetime) -> Report:
        if flow.voice.startswith("campaign:"):
            return self._campaign(int(flow.voice.partition(":")[2]), at)
        if flow.voice == "edge":
            return self._report(at, self._draw.pick(EDGES), None, self._author(None))
        if flow.voice in ("news", "bot"):
            service = self._draw.pick(self._failing)
            author = _hash(f"{flow.voice}:{self._draw.below(BOTS)}")
        else:
            service, author = flow.service or OTHERS[0], self._author(flow.service)
        language = self._language(service if flow.service else None, at)
        voice = flow.voice
        if voice == "rumour":
            voice = self._draw.pick(("question", "question", "complaint"))
        if voice == "naming" and voice not in self._scenario.phrases[language].voices:
            voice = "question"
        return self._report(at, self._text(voice, service, language), language, author)

    def _campaign(self, number: int, at: datetime) -> Report:
        """Return what an account of a campaign posts: the same few texts, hardly varied."""
        campaign = self._script.campaign[number]
        name = self._draw.pick(self._scenario.cast[self._draw.pick(campaign.services)].names)
        text = self._draw.pick(campaign.texts).replace("{X}", name)
        author = _hash(f"campaign:{number}:{self._draw.below(campaign.accounts)}")
        return self._report(at, text.replace("{n}", str(self._draw.below(1_000))), "en", author)

    def _form(self, service: str, language: str, at: datetime) -> Report:
        """Return what somebody sent by a report form, which names service and symptom."""
        said = self._draw.chance(0.4)
        return self._report(
            at,
            self._text("own", service, language) if said else "",
            language,
            self._author(service),
            service=service,
            symptom=self._draw.pick(SYMPTOMS),
            country=self._draw.pick(COUNTRIES[language]),
        )

    def _text(self, voice: str, service: str, language: str) -> str:
        character = self._scenario.cast[service]
        name = self._draw.pick(character.names)
        tag = "".join(filter(str.isalnum, character.names[0]))
        other = self._draw.pick([other for other in OTHERS if other != service])
        words = {
            "X": name,
            "H": character.handle or name,
            "T": f"#{tag}{self._draw.pick(('Down', 'Down', 'down', 'Outage'))}",
            "Y": self._scenario.cast[other].names[0],
            "P": self._draw.pick(self._script.provider_names or [name]),
        }
        text = self._say(voice, character.genre, language, words)
        return text if voice in ("news", "bot") else bend(text, language, self._draw)

    def _say(self, voice: str, genre: str, language: str, words: dict[str, str]) -> str:
        """Draw a phrasing; those that only fit one cloud are drawn again in all other scenarios."""
        phrases = self._scenario.phrases[language]
        text = phrases.say(voice, genre, words, self._draw)
        if self._script.provider == HOME_OF_PHRASES:
            return text
        for _ in range(REDRAWS):
            if not any(word in text for word in ITS_WORDS):
                break
            text = phrases.say(voice, genre, words, self._draw)
        return text

    def _language(self, service: str | None, at: datetime) -> str:
        hours = [hour for hour in self._script.languages if int(hour) <= at.hour]
        shares = self._script.languages[hours[-1]]
        speak = self._scenario.cast[service].languages if service else None
        spoken = {name: share for name, share in shares.items() if not speak or name in speak}
        if spoken:
            return self._draw.weighted(spoken)
        known = [name for name in speak or () if name in self._scenario.phrases]
        return known[0] if known else max(shares, key=lambda name: shares[name])

    def _author(self, topic: str | None) -> str:
        """Return who posts on *topic*: somebody who did lately, a regular, or a newcomer."""
        lately = self._authors.setdefault(topic, deque(maxlen=RECENT))
        if lately and self._draw.chance(self._shares.again_share):
            return self._draw.pick(lately)
        regular = self._draw.chance(BY_REGULARS)
        number = self._draw.below(REGULARS) if regular else next(self._newcomer)
        lately.append(person(number))
        return lately[-1]

    def _report(
        self, at: datetime, text: str, language: str | None, author: str, **fields: Any
    ) -> Report:
        return Report(
            id=f"{SOURCE}:{self._script.id}:{next(self._number)}",
            source=SOURCE,
            author=author,
            text=text,
            posted_at=at,
            received_at=at,
            lang=language,
            synthetic=True,
            **fields,
        )


def person(number: int) -> str:
    """Return the id of somebody in the crowd; numbers below `REGULARS` are regulars."""
    return _hash(f"person:{number}")


def _hash(person: str) -> str:
    """Return a hash of the form of a real author's; nobody is behind it, so there is no key."""
    return hashlib.sha256(person.encode()).hexdigest()[:32]
