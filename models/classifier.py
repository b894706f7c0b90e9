"""
The decision: hashed features → what a post says of a service, and what does not work.

Two multinomial logistic regressions over the same hashed features. Training folds the calibration
into the weights, so that a fitted model is four plain arrays and inference one sparse product.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import FeatureHasher
from sklearn.preprocessing import normalize

from models.tags import Kind, Role, Symptom

Floats = NDArray[np.float32]

N_FEATURES = 2**18
# The classes of the first regression, in the order of its columns.
STATEMENTS: tuple[tuple[Role, Kind], ...] = (
    (Role.AFFECTED, Kind.DOWN),
    (Role.AFFECTED, Kind.RECOVERED),
    (Role.CAUSE, Kind.DOWN),
    (Role.MENTIONED, Kind.DOWN),
)
DOWN, RECOVERED, CAUSE, MENTIONED = range(4)
SYMPTOMS = tuple(Symptom)

_hasher = FeatureHasher(n_features=N_FEATURES, input_type="string", alternate_sign=False)


@dataclass(frozen=True, slots=True)
class Classifier:
    """
    Weights of shape (`N_FEATURES`, classes) and biases of shape (classes,), for either regression.

    *threshold* is the least probability of "down" at which a post counts as a report.
    """

    statement_weights: Floats
    statement_biases: Floats
    symptom_weights: Floats
    symptom_biases: Floats
    threshold: float

    def statements(self, matrix: Any) -> Floats:
        """Probabilities of `STATEMENTS`, a row for each row of *matrix*."""
        return softmax(matrix @ self.statement_weights + self.statement_biases)

    def symptoms(self, matrix: Any) -> Floats:
        """Probabilities of `SYMPTOMS`, given that the service fails."""
        return softmax(matrix @ self.symptom_weights + self.symptom_biases)

    def choose(self, probabilities: Floats) -> NDArray[np.intp]:
        """The class of each row: "down" if it reaches the threshold, else the likeliest other."""
        others = probabilities.copy()
        others[:, DOWN] = 0
        likeliest: NDArray[np.intp] = others.argmax(axis=1)
        likeliest[probabilities[:, DOWN] >= self.threshold] = DOWN
        return likeliest


def vectorise(rows: Iterable[Sequence[str]]) -> Any:
    """Hash each row of features into a sparse row of unit length; any number of rows, even none."""
    lists = list(rows)
    matrix = _hasher.transform(lists or [()]).astype(np.float32)
    return normalize(matrix, copy=False)[: len(lists)]


def softmax(logits: Floats) -> Floats:
    """Row by row exp(x) / sum(exp(x)), without overflow."""
    raised: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    total: Floats = raised.sum(axis=1, keepdims=True)
    raised /= total
    return raised
