import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.classifier import (
    DOWN,
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


def test_a_service_beside_a_likelier_one_must_rather_fail_than_not() -> None:
    shape = (N_FEATURES, len(STATEMENTS))
    nothing = np.zeros(shape, dtype=np.float32)
    biases = np.zeros(len(STATEMENTS), dtype=np.float32)
    classifier = Classifier(
        rarity=np.ones(N_FEATURES, dtype=np.float32),
        statement_weights=nothing,
        statement_biases=biases,
        symptom_weights=nothing,
        symptom_biases=biases,
        threshold=0.4,
    )
    down = np.array([0.45, 0.9, 0.45, 0.9, 0.55], dtype=np.float32)
    probabilities = np.zeros((5, len(STATEMENTS)), dtype=np.float32)
    probabilities[:, DOWN], probabilities[:, MENTIONED] = down, 1 - down

    chosen = classifier.choose(probabilities, np.array([0, 1, 1, 2, 2]))

    assert chosen.tolist() == [DOWN, DOWN, MENTIONED, DOWN, DOWN]
