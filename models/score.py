"""The arithmetic of an evaluation: judged posts → precision, recall, calibration, mistakes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from models.examples import Example
from models.tags import Kind, Role, Tag

RESAMPLES = 1_000
BINS = 10
WORST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """
    A labelled post and the tags that it got; services are ids of the catalogue.

    *statements* are the pairs of a service and what is said of it.
    """

    example: Example
    tags: tuple[Tag, ...]
    affected: frozenset[str]
    named: frozenset[str]
    statements: frozenset[tuple[str, str]] = frozenset()

    @property
    def blamed(self) -> frozenset[str]:
        """The services tagged as failing now."""
        return frozenset(tag.service for tag in self.tags if _is_down(tag))

    @property
    def doubt(self) -> float:
        """The tagger's probability that this post reports a failure."""
        return max((_down_score(tag) for tag in self.tags), default=0.0)


class Report(msgspec.Struct):
    """Report or not report, over all posts; *ci95* is the bootstrap interval of *f1*."""

    precision: float
    recall: float
    f1: float
    ci95: tuple[float, float]
    n_posts: int
    n_reports: int


class Mistake(msgspec.Struct):
    """A post that was judged wrongly, and how."""

    id: str
    reason: str
    score: float


class Evaluation(msgspec.Struct):
    """
    One tagger on one labelled file; shares are in [0, 1], or None where nothing could be counted.

    *affected_exact*: of the true reports, those whose services were blamed exactly.
    *bystander_blamed*: of the posts that name a service which is not failing, those that blame one.
    *symptom_accuracy*: of the services rightly blamed. *recovered_recall*: of the services labelled
    recovered. *unfound*: of the true reports, those in which no failing service was found by name;
    *named*: the report over the posts in which one was found. *by_role*: F1 of each statement, over
    services. *unseen*: the same for further sources that training did not see.
    """

    report: Report
    affected_exact: float | None
    bystander_blamed: float | None
    symptom_accuracy: float | None
    recovered_recall: float | None
    unfound: float | None
    by_language: dict[str, dict[str, float]]
    by_symptom: dict[str, float]
    calibration_error: float | None
    posts_per_second: float
    worst: list[Mistake]
    named: Report | None = None
    by_role: dict[str, float] = {}
    baselines: dict[str, "Evaluation"] = {}
    unseen: dict[str, "Evaluation"] = {}


def score(judged: Sequence[Judged], seconds: float) -> Evaluation:
    """Count; pure but for *seconds*, the time that the tagging took."""
    truths = [post for post in judged if post.example.is_report]
    bystanders = [post for post in judged if post.named - post.affected]
    by_language: dict[str, list[Judged]] = defaultdict(list)
    for post in judged:
        by_language[post.example.lang].append(post)
    return Evaluation(
        report=_report(judged),
        affected_exact=_share(post.blamed == post.affected for post in truths),
        bystander_blamed=_share(
            bool(post.blamed & (post.named - post.affected)) for post in bystanders
        ),
        symptom_accuracy=_share(_symptoms(judged)),
        recovered_recall=_share(_recoveries(judged)),
        unfound=_share(not post.affected & {tag.service for tag in post.tags} for post in truths),
        by_language={lang: _brief(posts) for lang, posts in sorted(by_language.items())},
        by_symptom=_by_symptom(truths),
        calibration_error=_calibration_error(judged),
        posts_per_second=round(len(judged) / seconds, 1) if seconds else 0.0,
        worst=_worst(judged),
        named=_report([post for post in judged if post.tags]),
        by_role=_by_role(judged),
    )


def _is_down(tag: Tag) -> bool:
    return tag.role is Role.AFFECTED and tag.kind is Kind.DOWN


def _down_score(tag: Tag) -> float:
    if tag.role is Role.AFFECTED:
        return tag.score if tag.kind is Kind.DOWN else 0.0
    return 1 - tag.score


def _share(hits: Iterable[bool]) -> float | None:
    counted = list(hits)
    return round(sum(counted) / len(counted), 4) if counted else None


def _report(judged: Sequence[Judged]) -> Report:
    hits, false_alarms, misses = _counts(judged)
    precision, recall, f1 = _rates(hits, false_alarms, misses)
    return Report(
        precision=round(precision, 4),
        recall=round(recall, 4),
        f1=round(f1, 4),
        ci95=_interval(hits, false_alarms, misses, len(judged)),
        n_posts=len(judged),
        n_reports=hits + misses,
    )


def _counts(judged: Sequence[Judged]) -> tuple[int, int, int]:
    """Hits, false alarms and misses."""
    pairs = Counter((post.example.is_report, bool(post.blamed)) for post in judged)
    return pairs[True, True], pairs[False, True], pairs[True, False]


def _rates(hits: int, false_alarms: int, misses: int) -> tuple[float, float, float]:
    precision = hits / max(hits + false_alarms, 1)
    recall = hits / max(hits + misses, 1)
    return precision, recall, 2 * hits / max(2 * hits + false_alarms + misses, 1)


def _interval(hits: int, false_alarms: int, misses: int, n: int) -> tuple[float, float]:
    """
    The middle 95 % of F1 over posts drawn anew with replacement.

    F1 depends on four counts alone, and those of a redrawn sample are multinomial.
    """
    if not n:
        return 0.0, 0.0
    shares = np.array([hits, false_alarms, misses, n - hits - false_alarms - misses]) / n
    drawn = np.random.default_rng(0).multinomial(n, shares, RESAMPLES)
    scores = [_rates(int(row[0]), int(row[1]), int(row[2]))[2] for row in drawn]
    low, high = np.percentile(scores, [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)


def _brief(judged: Sequence[Judged]) -> dict[str, float]:
    hits, false_alarms, misses = _counts(judged)
    precision, recall, f1 = (round(rate, 4) for rate in _rates(hits, false_alarms, misses))
    return {
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "posts": len(judged),
        "reports": hits + misses,
    }


def _symptoms(judged: Sequence[Judged]) -> Iterable[bool]:
    for post in judged:
        expected = {label.symptom for label in post.example.labels if label.is_down}
        for tag in post.tags:
            if _is_down(tag) and tag.service in post.affected and None not in expected:
                yield tag.symptom in expected


def _recoveries(judged: Sequence[Judged]) -> Iterable[bool]:
    for post in judged:
        if any(label.kind is Kind.RECOVERED for label in post.example.labels):
            yield any(tag.kind is Kind.RECOVERED for tag in post.tags)


def _by_role(judged: Sequence[Judged]) -> dict[str, float]:
    """F1 of each statement over the services of posts whose labels are whole."""
    counts: Counter[tuple[str, str]] = Counter()
    for post in judged:
        said = {(tag.service, _statement(tag.role, tag.kind)) for tag in post.tags}
        for service, statement in said | post.statements:
            pair = service, statement
            outcome = "hit" if pair in said & post.statements else "miss"
            counts[statement, outcome] += 2 if outcome == "hit" else 1
    names = sorted({statement for statement, _ in counts})
    return {
        name: round(counts[name, "hit"] / (counts[name, "hit"] + counts[name, "miss"]), 4)
        for name in names
    }


def _statement(role: Role, kind: Kind) -> str:
    return "recovered" if kind is Kind.RECOVERED else str(role)


def _by_symptom(truths: Sequence[Judged]) -> dict[str, float]:
    """Of the reports of each symptom, the share that was recognised as a report."""
    found: dict[str, list[bool]] = defaultdict(list)
    for post in truths:
        symptom = next((la.symptom for la in post.example.labels if la.is_down), None)
        found[symptom or "unknown"].append(bool(post.blamed))
    return {symptom: round(sum(hits) / len(hits), 4) for symptom, hits in sorted(found.items())}


def _calibration_error(judged: Sequence[Judged]) -> float | None:
    """
    Expected calibration error of "this service fails", in `BINS` equal bins of probability.

    See Guo et al., On Calibration of Modern Neural Networks, 2017, equation 3.
    """
    pairs = [
        (_down_score(tag), tag.service in post.affected) for post in judged for tag in post.tags
    ]
    if not pairs:
        return None
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for said, truth in pairs:
        bins[min(int(said * BINS), BINS - 1)].append((said, truth))
    gaps = (
        abs(sum(said for said, _ in held) - sum(truth for _, truth in held))
        for held in bins.values()
    )
    return round(sum(gaps) / len(pairs), 4)


def _worst(judged: Sequence[Judged]) -> list[Mistake]:
    """The mistakes of which the tagger was surest."""
    mistakes = []
    for post in judged:
        if reason := _mistake(post):
            sureness = post.doubt if post.blamed else 1 - post.doubt
            mistakes.append(Mistake(post.example.id, reason, round(sureness, 3)))
    return sorted(mistakes, key=lambda mistake: (-mistake.score, mistake.id))[:WORST]


def _mistake(post: Judged) -> str | None:
    if post.blamed and not post.example.is_report:
        return f"no report, blamed {', '.join(sorted(post.blamed))}"
    if post.example.is_report and not post.tags:
        return "missed, names no service that is known"
    if post.example.is_report and not post.blamed:
        return f"missed, {', '.join(sorted(post.affected))} fails"
    if post.blamed != post.affected:
        expected = ", ".join(sorted(post.affected)) or "?"
        return f"blamed {', '.join(sorted(post.blamed))}, expected {expected}"
    return None
