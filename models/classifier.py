"""
The decision: hashed features → what a post says of a service, and what does not work.

Two multinomial logistic regressions over the same hashed features. What the first one says is
calibrated together with the cues of the post, which many words do not thin. A fitted model is a few
plain arrays, and inference one sparse product.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import FeatureHasher
from sklearn.preprocessing import normalize

from models.features import CUES
from models.tags import Kind, Role, Symptom

Floats = NDArray[np.float32]

N_FEATURES = 2**18
MIN_SEEN = 3  # services in training posts that must have a feature before it counts
BESIDE = 0.5  # least probability of a service that fails beside one that is likelier to
# The classes of the first regression, in the order of its columns.
STATEMENTS: tuple[tuple[Role, Kind], ...] = (
    (Role.AFFECTED, Kind.DOWN),
    (Role.AFFECTED, Kind.RECOVERED),
    (Role.CAUSE, Kind.DOWN),
    (Role.MENTIONED, Kind.DOWN),
)
DOWN, RECOVERED, CAUSE, MENTIONED = range(4)
SYMPTOMS = tuple(Symptom)
_SAME_ROLE = np.array([[role is other for other, _ in STATEMENTS] for role, _ in STATEMENTS])
# Languages calibrated on real posts, since real reports were at hand to show that it helps. In the
# others only posts made up for the corpus can tell, and those speak otherwise.
HEARD = frozenset({"en", "es", "id"})
CALIBRATED = (2, len(STATEMENTS) + len(CUES) + 1, len(STATEMENTS))

_hasher = FeatureHasher(
    n_features=N_FEATURES, input_type="pair", alternate_sign=False, dtype=np.float32
)


@dataclass(frozen=True, slots=True)
class Classifier:
    """
    Weights of shape (`N_FEATURES`, classes) and biases of shape (classes,), for either regression.

    *calibrations* of shape `CALIBRATED` map the logits of the statements, the cues and a 1 to
    calibrated logits: the first one in the languages of `HEARD`, the second one in all others.
    *rarity* of shape (`N_FEATURES`,) is what a feature counts, 0 where training saw too little of
    it; *threshold* is the least probability of "down" at which a post counts as a report.
    """

    rarity: Floats
    statement_weights: Floats
    statement_biases: Floats
    calibrations: Floats
    symptom_weights: Floats
    symptom_biases: Floats
    threshold: float

    def weigh(self, matrix: Any) -> Any:
        """The counts of *matrix* as the regressions take them."""
        return weigh(matrix, self.rarity)

    def statements(
        self, matrix: Any, cues: Sequence[Sequence[float]] | Floats, languages: Iterable[str]
    ) -> Floats:
        """Probabilities of `STATEMENTS`, a row for each of the weighed *matrix* and of *cues*."""
        known = to_calibrate(matrix @ self.statement_weights + self.statement_biases, cues)
        heard = np.array([language in HEARD for language in languages], dtype=bool)
        by_real, by_all = (_calibrated(known, calibration) for calibration in self.calibrations)
        return softmax(np.where(heard[:, np.newaxis], by_real, by_all))

    def symptoms(self, matrix: Any) -> Floats:
        """Probabilities of `SYMPTOMS`, given that the service fails."""
        return softmax(matrix @ self.symptom_weights + self.symptom_biases)

    def choose(self, probabilities: Floats, posts: NDArray[np.intp]) -> NDArray[np.intp]:
        """
        The class of each row: "down" if it reaches the threshold, else the likeliest other.

        *posts* numbers the post of each row, from 0. Beside a service that is likelier to fail,
        another one of the same post must be likelier to fail than not.
        """
        down = probabilities[:, DOWN]
        likeliest_to_fail = np.zeros(posts.max(initial=0) + 1, dtype=down.dtype)
        np.maximum.at(likeliest_to_fail, posts, down)
        bar = np.where(down < likeliest_to_fail[posts], max(self.threshold, BESIDE), self.threshold)
        others = probabilities.copy()
        others[:, DOWN] = 0
        chosen: NDArray[np.intp] = others.argmax(axis=1)
        chosen[down >= bar] = DOWN
        return chosen


def role_scores(probabilities: Floats, chosen: NDArray[np.intp]) -> NDArray[np.float64]:
    """The probability of the role of the *chosen* class of each row, whatever its kind."""
    scores: NDArray[np.float64] = (probabilities * _SAME_ROLE[chosen]).sum(axis=1, dtype=np.float64)
    return scores.clip(max=1.0)


def vectorise(rows: Iterable[Sequence[str]]) -> Any:
    """Hash each row of features into a sparse row of counts; any number of rows, even none."""
    lists = list(rows)
    # As pairs, since the hasher would make them of strings one by one, in Python.
    return _hasher.transform([zip(row, repeat(1)) for row in lists or [()]])[: len(lists)]


def rarity(matrix: Any) -> Floats:
    """Inverse document frequency ln(n / (1 + df)) of the columns; 0 where df < `MIN_SEEN`."""
    seen = np.bincount(matrix.indices, minlength=matrix.shape[1])
    inverse = np.log(np.maximum(matrix.shape[0], 3) / (1 + seen)).clip(min=0.1)
    held = (inverse * (seen >= MIN_SEEN)).astype(np.float16).astype(np.float32)
    return held if held.any() else np.ones_like(held)


def weigh(matrix: Any, rarity: Floats) -> Any:
    """The rows of counts of *matrix*, each feature by its rarity, at unit length."""
    weighed = matrix.copy()
    weighed.data *= rarity[weighed.indices]
    return normalize(weighed, copy=False)


def to_calibrate(logits: Floats, cues: Sequence[Sequence[float]] | Floats) -> Floats:
    """What a calibration weighs: (n, statements) *logits*, (n, cues) *cues*, and a 1 a row."""
    n = len(logits)
    counted = np.asarray(cues, dtype=np.float32).reshape(n, len(CUES))
    return np.hstack([logits, counted, np.ones((n, 1), dtype=np.float32)])


def _calibrated(known: Floats, calibration: Floats) -> Floats:
    """The product of both, summed in one order: that of a matrix library varies with the batch."""
    logits = np.zeros((len(known), calibration.shape[1]), dtype=np.float32)
    for column, weights in zip(known.T, calibration, strict=True):
        logits += column[:, np.newaxis] * weights
    return logits


def softmax(logits: Floats) -> Floats:
    """Row by row exp(x) / sum(exp(x)), without overflow."""
    raised: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    total: Floats = raised.sum(axis=1, keepdims=True)
    raised /= total
    return raised
