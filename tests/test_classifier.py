import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.classifier import (
    CALIBRATED,
    DOWN,
    HEARD,
    MENTIONED,
    MIN_SEEN,
    N_FEATURES,
    STATEMENTS,
    Classifier,
    rarity,
    softmax,
    vectorise,
    weigh,
)
from models.features import CUES

_ROWS = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), min_size=1, max_size=12)


@settings(deadline=None)
@given(_ROWS)
def test_weighed_rows_have_unit_length_or_nothing(rows: list[list[str]]) -> None:
    matrix = vectorise(rows)
    lengths = np.sqrt(weigh(matrix, rarity(matrix)).power(2).sum(axis=1))

    assert all(np.isclose(length, 1, atol=1e-3) or length == 0 for length in np.ravel(lengths))


def test_a_rarer_feature_counts_more_and_one_hardly_seen_counts_nothing() -> None:
    rows = [["common"]] * 40 + [["common", "rare"]] * MIN_SEEN + [["common", "once"]]
    weights = rarity(vectorise(rows))
    common, rare, once = (vectorise([[word]]).indices[0] for word in ("common", "rare", "once"))

    assert weights[rare] > weights[common] > 0
    assert weights[once] == 0


def test_no_rows_are_no_rows() -> None:
    assert vectorise([]).shape == (0, N_FEATURES)


def test_probabilities_sum_to_one_whatever_the_logits() -> None:
    found = softmax(np.array([[1e4, 0.0], [-1e4, -1e4]], dtype=np.float32))

    assert np.allclose(found.sum(axis=1), 1)


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcdefgh"), max_size=200), st.sampled_from([*sorted(HEARD), "pl"]))
def test_a_cue_counts_the_same_in_a_post_of_any_length(words: list[str], language: str) -> None:
    generator = np.random.default_rng(3)
    calibrations = generator.normal(size=CALIBRATED).astype(np.float32)
    nothing = np.zeros((N_FEATURES, len(STATEMENTS)), dtype=np.float32)
    zeros = np.zeros(len(STATEMENTS), dtype=np.float32)
    rarities = np.ones(N_FEATURES, dtype=np.float32)
    classifier = Classifier(rarities, nothing, zeros, calibrations, nothing, zeros, threshold=0.4)
    cues = np.eye(3, len(CUES), dtype=np.float32)  # the first one, the second one, neither
    matrix = classifier.weigh(vectorise([words] * len(cues)))

    odds = np.log(classifier.statements(matrix, cues, [language] * len(cues)))

    calibration = calibrations[0 if language in HEARD else 1]
    for cue, row in enumerate(odds[: len(CUES)] - odds[len(CUES)]):
        weights = calibration[len(STATEMENTS) + cue]
        assert np.allclose(row - row[0], weights - weights[0], atol=1e-3)


def test_a_service_beside_a_likelier_one_must_rather_fail_than_not() -> None:
    shape = (N_FEATURES, len(STATEMENTS))
    nothing = np.zeros(shape, dtype=np.float32)
    biases = np.zeros(len(STATEMENTS), dtype=np.float32)
    classifier = Classifier(
        rarity=np.ones(N_FEATURES, dtype=np.float32),
        statement_weights=nothing,
        statement_biases=biases,
        calibrations=np.zeros(CALIBRATED, dtype=np.float32),
        symptom_weights=nothing,
        symptom_biases=biases,
        threshold=0.4,
    )
    down = np.array([0.45, 0.9, 0.45, 0.9, 0.55], dtype=np.float32)
    probabilities = np.zeros((5, len(STATEMENTS)), dtype=np.float32)
    probabilities[:, DOWN], probabilities[:, MENTIONED] = down, 1 - down

    chosen = classifier.choose(probabilities, np.array([0, 1, 1, 2, 2]))

    assert chosen.tolist() == [DOWN, DOWN, MENTIONED, DOWN, DOWN]
