"""
Rows of features → a classifier: what training decides, and on what.

Single-threaded and seeded: the same rows give the same weights on the same machine.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from models.classifier import (
    CALIBRATED,
    DOWN,
    MENTIONED,
    N_FEATURES,
    STATEMENTS,
    SYMPTOMS,
    Classifier,
    Floats,
    rarity,
    to_calibrate,
    weigh,
)
from models.dataset import Dataset

STRENGTH = 10.0  # inverse of the L2 penalty, found by cross-validation over posts of unseen sources
FOLDS = 3
# What a post of the corpus that tells or merely names a failure counts in calibration beside a real
# one: hardly anything where real posts tell what their words mean, more where they do not.
MADE_UP = (0.01, 0.1)
MADE_UP_ELSE = 0.1  # the same of recoveries and causes, of which real posts hardly ever speak
PRIOR = 0.4  # share of reports among the real services that calibration weighs
# The threshold of highest F1 is half of that F1 (Lipton et al., 2014), which is about 0.8.
THRESHOLD = 0.4
MIN_REAL = 200  # real services in posts from which a calibration can be learnt


class TrainingError(Exception):
    """The labelled posts do not suffice to learn from; says what is missing."""


def fit(data: Dataset, seed: int = 0) -> Classifier:
    """
    Fit both regressions, and calibrate the first on predictions for folds that it had not seen.

    Raises `TrainingError` where a class is missing.
    """
    missing = set(range(len(STATEMENTS))) - set(data.statements.tolist())
    if missing:
        names = ", ".join(f"{STATEMENTS[i][0]}:{STATEMENTS[i][1]}" for i in sorted(missing))
        raise TrainingError(f"no post with a service of {names}; expected some of every class")
    seen = rarity(data.matrix)
    matrix = weigh(data.matrix, seen)
    weights, biases = _adapted(
        matrix, data.statements, len(STATEMENTS), data.weights, data.are_real
    )
    held_out = _held_out_logits(data, matrix, seed)
    calibrations = [_calibration(held_out, data, made_up) for made_up in MADE_UP]
    down = data.statements == DOWN
    symptom_weights, symptom_biases = _regression(
        matrix[down], data.symptoms[down], len(SYMPTOMS), data.weights[down]
    )
    return Classifier(
        seen,
        _half(weights),
        _half(biases),
        _half(np.stack(calibrations)),
        _half(symptom_weights),
        _half(symptom_biases),
        threshold=THRESHOLD,
    )


def _regression(
    matrix: Any, classes: NDArray[np.intp], n: int, counted: Floats
) -> tuple[Floats, Floats]:
    """Weights (features, n) and biases (n,), each class against the rest; absent ones never win."""
    weights = np.zeros((matrix.shape[1], n), dtype=np.float32)
    biases = np.full(n, -30.0, dtype=np.float32)
    present = np.unique(classes)
    if len(present) == 1:
        biases[present] = 0
        return weights, biases
    # Only columns that occur: the others would cost the solver time and stay zero.
    columns = np.unique(matrix.indices[matrix.data > 0])
    held = matrix[:, columns]
    for one in present:
        model = LogisticRegression(C=STRENGTH, solver="liblinear", tol=1e-2, random_state=0)
        model.fit(held, classes == one, sample_weight=counted)
        weights[columns, one] = model.coef_[0]
        biases[one] = model.intercept_[0]
    return weights, biases


def _adapted(
    matrix: Any, classes: NDArray[np.intp], n: int, counted: Floats, are_real: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """
    `_regression`, by weights of all posts and a correction that real posts alone decide.

    Posts made up for the corpus use words otherwise than people do who are in the middle of it, and
    outnumber them. Each feature stands twice, once for all posts and once for the real ones (the
    feature augmentation of Daumé III, 2007); a post to be judged is real, so that the two add up.
    """
    if not are_real.any() or are_real.all():
        return _regression(matrix, classes, n, counted)
    real = sparse.diags(are_real.astype(np.float32)) @ matrix
    weights, biases = _regression(sparse.hstack([matrix, real]).tocsr(), classes, n, counted)
    return weights[:N_FEATURES] + weights[N_FEATURES:], biases


def _held_out_logits(data: Dataset, matrix: Any, seed: int) -> Floats:
    logits = np.zeros((len(data.statements), len(STATEMENTS)), dtype=np.float32)
    n_folds = min(FOLDS, len(set(data.groups.tolist())))
    if n_folds < 2:
        raise TrainingError("all posts are of one group; expected at least two to calibrate on")
    folds = StratifiedGroupKFold(n_splits=n_folds, shuffle=True, random_state=seed)
    for fitted, held_out in folds.split(matrix, data.statements, data.groups):
        weights, biases = _adapted(
            matrix[fitted],
            data.statements[fitted],
            len(STATEMENTS),
            data.weights[fitted],
            data.are_real[fitted],
        )
        logits[held_out] = matrix[held_out] @ weights + biases
    return logits


def _calibration(logits: Floats, data: Dataset, made_up: float) -> Floats:
    """
    A linear map that makes held-out probabilities right (Platt, for many classes).

    Of shape (statements + cues + 1, statements): see `models.classifier.to_calibrate`. Among
    thousands of features a cue is drowned by words that happened to stand beside it in training;
    here it is weighed against all of them together. *made_up* is the weight of posts of the corpus,
    which are clearer than real ones, and would make the tagger too sure of itself.
    """
    if len(np.unique(data.statements)) < logits.shape[1]:
        # Too few to tell every class: leave the logits as they are.
        return np.eye(*CALIBRATED[1:], dtype=np.float32)
    judged = data.are_real if data.are_real.sum() >= MIN_REAL else np.ones_like(data.are_real)
    is_common = np.isin(data.statements, (DOWN, MENTIONED))
    trust = np.where(judged, 1.0, np.where(is_common, made_up, MADE_UP_ELSE))
    model = LogisticRegression(C=1.0, max_iter=1_000, fit_intercept=False)
    model.fit(
        to_calibrate(np.clip(logits, -20, 20), data.cues),
        data.statements,
        sample_weight=_at_prior(data.weights * trust, data.statements, judged),
    )
    calibration: Floats = model.coef_.T.astype(np.float32)
    return calibration


def _at_prior(counted: Floats, classes: NDArray[np.intp], judged: NDArray[np.bool_]) -> Floats:
    """The weights, with those *judged* that are no reports thinned until `PRIOR` of them are."""
    down = judged & (classes == DOWN)
    others = judged & ~down
    wanted = counted[down].sum() * (1 - PRIOR) / PRIOR
    kept = min(1.0, wanted / max(counted[others].sum(), 1e-9))
    return np.where(others, counted * kept, counted).astype(np.float32)


def _half(values: Floats) -> Floats:
    return values.astype(np.float16).astype(np.float32)
