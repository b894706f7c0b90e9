import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.catalogue import Catalogue
from models.evaluate import evaluate, split
from models.examples import Example, Label, adopt, ids, read
from models.keyword import KeywordTagger
from models.score import Judged, score
from models.table import table
from models.tagger import Tagger
from models.tags import Kind, Role, Symptom, Tag


def _post(
    truth: set[str], said: dict[str, float], others: set[str] = frozenset(), lang: str = "en"
) -> Judged:
    labels = [Label(service=id, role=Role.AFFECTED, symptom=Symptom.LOGIN) for id in sorted(truth)]
    labels += [Label(service=id, role=Role.MENTIONED) for id in sorted(others)]
    example = Example(
        id="1", text="", lang=lang, group="g", labels=tuple(labels), is_report=bool(truth)
    )
    tags = tuple(
        Tag(service=id, role=Role.AFFECTED, symptom=Symptom.LOGIN, score=p)
        if p >= 0.5
        else Tag(service=id, role=Role.MENTIONED, score=1 - p)
        for id, p in said.items()
    )
    return Judged(
        example=example, tags=tags, affected=frozenset(truth), named=frozenset(truth | set(others))
    )


def test_precision_and_recall_count_posts():
    result = score(
        [_post({"a"}, {"a": 0.9}), _post({"a"}, {"a": 0.1}), _post(set(), {"a": 0.8}, {"a"})], 1.0
    )

    assert (result.report.precision, result.report.recall, result.report.f1) == (0.5, 0.5, 0.5)
    assert result.posts_per_second == 3.0


def test_a_blamed_bystander_counts_against_the_posts_that_name_one():
    result = score([_post({"a"}, {"a": 0.9, "b": 0.9}, {"b"}), _post({"a"}, {"a": 0.9})], 1.0)

    assert result.bystander_blamed == 1.0
    assert result.affected_exact == 0.5
    assert result.report.f1 == 1.0


def test_perfectly_calibrated_scores_have_no_calibration_error():
    posts = [_post({"a"}, {"a": 0.75})] * 3 + [_post(set(), {"a": 0.75}, {"a"})]

    assert score(posts, 1.0).calibration_error == 0.0


def test_sure_and_wrong_is_the_greatest_calibration_error():
    assert score([_post(set(), {"a": 1.0}, {"a"})], 1.0).calibration_error == 1.0


def test_the_worst_mistakes_come_first_with_their_reason():
    result = score([_post(set(), {"a": 0.6}, {"a"}), _post({"b"}, {"b": 0.01})], 1.0)

    assert [mistake.reason for mistake in result.worst] == [
        "missed, b fails",
        "no report, blamed a",
    ]


def test_a_report_whose_service_was_not_found_is_counted_as_such():
    result = score([_post({"a"}, {}), _post({"a"}, {"a": 0.9})], 1.0)

    assert result.unfound == 0.5
    assert result.worst[0].reason == "missed, names no service that is known"


def test_nothing_to_count_is_none_not_zero():
    result = score([], 0.0)

    assert result.affected_exact is None
    assert result.calibration_error is None


_PROBABILITY = st.floats(0, 1, allow_nan=False)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), _PROBABILITY), max_size=30))
def test_scores_are_shares_and_do_not_depend_on_order(pairs: list[tuple[bool, float]]):
    posts = [_post({"a"} if truth else set(), {"a": p}, {"a"}) for truth, p in pairs]
    forward, backward = score(posts, 1.0), score(posts[::-1], 1.0)

    assert forward.report.f1 == backward.report.f1
    for share in (forward.report.f1, forward.calibration_error or 0, forward.affected_exact or 0):
        assert 0 <= share <= 1


@given(st.lists(st.integers(0, 6), max_size=40), st.integers(2, 5))
def test_no_group_is_on_both_sides_of_a_split(groups: list[int], folds: int):
    posts = [Example(id=str(i), text="", lang="en", group=str(g)) for i, g in enumerate(groups)]
    parts = split(posts, folds, seed=0)

    assert sorted(post.id for part in parts for post in part) == sorted(post.id for post in posts)
    seen = [{post.group for post in part} for part in parts]
    assert sum(len(of) for of in seen) == len(set().union(*seen)) if seen else True


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    path: Path = tmp_path_factory.mktemp("posts") / "posts.jsonl"
    rows = [
        ("WhatsApp is down for everyone here, nothing sends", ["WhatsApp"], ["WhatsApp"], "login"),
        ("I love the new Netflix show", [], ["Netflix"], None),
        ("Glorp Mail is down, cannot log in", ["Glorp Mail"], ["Glorp Mail"], "login"),
    ]
    path.write_text(
        "\n".join(
            json.dumps(
                {
                    "text": text,
                    "lang": "en",
                    "label": "report" if affected else "not_report",
                    "affected": affected,
                    "services_mentioned": mentioned,
                    "symptom": symptom,
                    "source_repo": f"someone/{symptom}",
                }
            )
            for text, affected, mentioned, symptom in rows
        )
    )
    return read(path)


def test_a_file_is_evaluated_against_the_baseline_in_the_same_run(posts: list[Example]):
    catalogue = adopt(Catalogue.load(), ["Glorp Mail"])
    result = evaluate(posts, Tagger.load(catalogue), catalogue)

    assert result.report.n_posts == 3
    assert result.report.recall == 1.0
    assert result.baselines["keyword"].report.f1 == 1.0
    assert set(msgspec.to_builtins(result)) >= {
        "report",
        "affected_exact",
        "bystander_blamed",
        "symptom_accuracy",
        "by_language",
        "calibration_error",
        "posts_per_second",
        "baselines",
        "worst",
    }
    assert "keyword" in table(result)


def test_groups_come_from_the_field_that_names_the_origin(posts: list[Example]):
    assert {post.group for post in posts} == {"someone/login", "someone/None"}


def test_the_keyword_baseline_blames_every_service_of_a_post():
    [tags] = KeywordTagger(Catalogue.load()).tag(["Netflix is down so I watch YouTube"])

    assert {tag.service for tag in tags if tag.role is Role.AFFECTED} == {"netflix", "youtube"}
    assert all(tag.kind is Kind.DOWN for tag in tags)


def test_names_that_the_catalogue_lacks_stand_for_themselves():
    assert ids(Catalogue({}), ["Glorp"]) == {"Glorp"}
