"""
Who says that a service fails: a crowd of people, or a campaign of few accounts or of one text?

Log-likelihood ratios of a campaign against a crowd, over those who spoke since the reports began to
climb. Texts: the commonest takes about a seventh of a crowd's, and most of a campaign's. Copies:
few of a crowd post word for word what another did, and most accounts of a campaign, however many
texts it has. Accounts:
among a crowd the share of newcomers is the usual one, or somewhat more since an outage makes people
speak who seldom do; a campaign has hardly anybody else. Where everybody is new, as on the first
day, that says nothing. Repetition: people say it once or twice, campaigns many times. No copies,
and to say it once, is no evidence for a crowd. Held back is what is rather a campaign although
campaigns are rare.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.baseline import Flags, Floats, Singles
from detector.bucket import KIN_CELLS, KIN_KINDS, WIDTH, Bucket
from detector.layout import column, index

Rows = NDArray[np.intp]

_PRIOR = float(np.log(100))  # odds against a campaign, of bursts that would be raised
_ALIKE = (0.15, 0.7)  # share of the commonest text, of a crowd and of a campaign
_MORE_NEW = 1 / 3  # of the usual share of people who are not new, this much fewer in an outage…
_OLD_AMONG = 1 / 8  # …and of these again, in a campaign
_POSTS = (1.3, 5.0)  # posts a head
_COPIED = (0.05, 0.6)  # share of people whose long text somebody else posted within the hour
_KEEP = float(np.exp(-WIDTH / 60))  # of what was said before the reports began to climb
_FORGOTTEN = 0.01  # people
_KEEP_REPEATED = float(np.exp(-WIDTH / 1800))
_KEEP_USUAL = float(np.exp(-WIDTH / (7 * 86_400)))
_ASSUMED = (20.0, 19.0)  # people and newcomers among them before anything is known
_LEAST_ALONE = 3.0  # people
_REPEATED, _REPEATED_TIMES = 20.0, 3.0  # posts that did not count, at least, and x those that did


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """
    One row a service, of those who say in words that it fails.

    *posts*, *people*, *newcomers*, *copies* (people who do not count, as their text did), *along*
    (people who also name a service that fails already) and *kin* (people by kind and cell of their
    text) are of the present climb; *repeated* and *counted* posts fade within half an hour. *usual*
    has people and newcomers of all services that do not climb, of about a week.
    """

    posts: Floats
    people: Floats
    newcomers: Floats
    copies: Floats
    along: Floats
    kin: Singles
    repeated: Floats
    counted: Floats
    usual: Floats


def cold(n_services: int) -> Crowd:
    """Nobody has said anything."""
    n = n_services
    return Crowd(
        posts=np.zeros(n),
        people=np.zeros(n),
        newcomers=np.zeros(n),
        copies=np.zeros(n),
        along=np.zeros(n),
        kin=np.zeros((n, KIN_KINDS * KIN_CELLS), np.float32),
        repeated=np.zeros(n),
        counted=np.zeros(n),
        usual=np.zeros(2),
    )


def heard(
    crowd: Crowd, bucket: Bucket, services: tuple[str, ...], climbs: Flags, fails: Flags
) -> Crowd:
    """Add *bucket*; where nothing *climbs*, what was said is soon forgotten."""
    # To fade for ever would end in numbers so small that arithmetic on them is slow.
    keep = np.where(climbs, 1.0, np.where(crowd.people < _FORGOTTEN, 0.0, _KEEP))
    said = {service: sum(cells.values()) for service, cells in bucket.kin.items()}
    posts, people, new = (column(services, c) for c in (bucket.posts, said, bucket.newcomers))
    counted = column(services, bucket.affected)
    calm = ~climbs
    return Crowd(
        posts=crowd.posts * keep + posts,
        people=crowd.people * keep + people,
        newcomers=crowd.newcomers * keep + new,
        copies=crowd.copies * keep + np.maximum(people - counted, 0.0),
        along=crowd.along * keep + _along(bucket, services, fails),
        kin=_kin(crowd.kin * keep.astype(np.float32)[:, None], bucket.kin, services),
        repeated=crowd.repeated * _KEEP_REPEATED + np.maximum(posts - counted, 0.0),
        counted=crowd.counted * _KEEP_REPEATED + counted,
        usual=crowd.usual * _KEEP_USUAL + np.array((people[calm].sum(), new[calm].sum())),
    )


def alone(crowd: Crowd, spoken: Floats, rows: Rows) -> Flags:
    """
    Whether enough of those who have *spoken* of the *rows* name no other service that fails: three
    people, and half of all. Who names two may mean the one, or was understood wrongly.
    """
    least = np.maximum(_LEAST_ALONE, spoken[rows] / 2)
    return np.asarray(spoken[rows] - crowd.along[rows] >= least)


def campaign(crowd: Crowd, rows: Rows) -> Floats:
    """Nats by which what is said of *rows* is a campaign rather than a crowd."""
    return np.asarray(
        _by_texts(crowd, rows)
        + _by_copies(crowd, rows)
        + _by_accounts(crowd, rows)
        + _by_repetition(crowd, rows)
        - _PRIOR
    )


def repeats(crowd: Crowd) -> Flags:
    """Services of which few accounts, or one text, make up nearly all that is posted."""
    most = np.maximum(_REPEATED, _REPEATED_TIMES * crowd.counted)
    return np.asarray(crowd.repeated >= most)


def usual_newcomers(crowd: Crowd) -> float:
    """Share of newcomers among those who report any service on an ordinary day."""
    people, new = crowd.usual + _ASSUMED
    return float(new / people)


def alike(crowd: Crowd, rows: Rows) -> Floats:
    """People with the commonest text, or nearly that: the median over the kinds of cells."""
    cells = crowd.kin[rows].reshape(len(rows), KIN_KINDS, KIN_CELLS)
    return np.asarray(np.median(cells.max(axis=2), axis=1), np.float64)


def _by_texts(crowd: Crowd, rows: Rows) -> Floats:
    most = alike(crowd, rows)
    rest = np.maximum(crowd.people[rows] - most, 0.0)
    crowds, campaigns = _ALIKE
    return np.asarray(
        most * np.log(campaigns / crowds) + rest * np.log((1 - campaigns) / (1 - crowds))
    )


def _by_copies(crowd: Crowd, rows: Rows) -> Floats:
    crowds, campaigns = _COPIED
    copies = crowd.copies[rows]
    rest = np.maximum(crowd.people[rows] - copies, 0.0)
    nats = copies * np.log(campaigns / crowds) + rest * np.log((1 - campaigns) / (1 - crowds))
    return np.asarray(np.maximum(nats, 0.0))


def _by_accounts(crowd: Crowd, rows: Rows) -> Floats:
    old = (1 - usual_newcomers(crowd)) * _MORE_NEW
    new = crowd.newcomers[rows]
    known = np.maximum(crowd.people[rows] - new, 0.0)
    return np.asarray(new * np.log((1 - old * _OLD_AMONG) / (1 - old)) + known * np.log(_OLD_AMONG))


def _by_repetition(crowd: Crowd, rows: Rows) -> Floats:
    """Posts of one author, geometric."""
    people = crowd.people[rows]
    again = np.maximum(crowd.posts[rows] - people, 0.0)
    once, more = 1 / np.array(_POSTS), 1 - 1 / np.array(_POSTS)
    nats = people * np.log(once[1] / once[0]) + again * np.log(more[1] / more[0])
    return np.asarray(np.maximum(nats, 0.0))


def _along(bucket: Bucket, services: tuple[str, ...], fails: Flags) -> Floats:
    """Count those who name a service that fails beside the one that they report."""
    if not bucket.beside:
        return np.zeros(len(services))
    failing = {services[row] for row in np.flatnonzero(fails).tolist()}
    named = {
        service: min(
            sum(n for other, n in others.items() if other in failing),
            bucket.affected.get(service, 0),
        )
        for service, others in bucket.beside.items()
    }
    return column(services, named)


def _kin(kin: Singles, said: Mapping[str, Mapping[str, int]], services: tuple[str, ...]) -> Singles:
    """Add to *kin*, in place, the people by the cells of their texts: two digits for each kind."""
    row_of = index(services)
    texts = [
        (row_of[service], cells, people)
        for service, by_cells in said.items()
        if service in row_of
        for cells, people in by_cells.items()
    ]
    if texts:
        rows, cells, people = (list(part) for part in zip(*texts, strict=True))
        digits = np.frombuffer("".join(cells).encode(), np.uint8).reshape(-1, KIN_KINDS, 2)
        columns = np.arange(KIN_KINDS) * KIN_CELLS + (digits.astype(np.intp) - ord("0")) @ (10, 1)
        np.add.at(kin, (np.array(rows)[:, None], columns), np.array(people, np.float32)[:, None])
    return kin
