import random
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.artifact import ArtifactError
from models.catalogue import Catalogue
from models.mentions import MAX_TEXT
from models.tagger import Tagger
from models.tags import Kind, Role, Symptom, Tag
from tests.work import steps

POSTS = [
    "is whatsapp down for anyone else? can't connect since this morning",
    "Spotify is down so I'm on YouTube",
    "lovely weather today",
    "ok instagram is back up, works again for me",
    "whatsapp no funciona, ¿alguien más?",
    "LINE落ちてる?ログインできない",
    "my github pull request was merged, thanks all",
    "",
]


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger.load(Catalogue.load())


def _by_service(tags: tuple[Tag, ...]) -> dict[str, Tag]:
    return {tag.service: tag for tag in tags}


def test_a_failing_service_is_affected_and_down(tagger: Tagger):
    [tags] = tagger.tag(["is whatsapp down for anyone else? can't connect since this morning"])

    assert _by_service(tags)["whatsapp"].role is Role.AFFECTED
    assert _by_service(tags)["whatsapp"].kind is Kind.DOWN
    assert _by_service(tags)["whatsapp"].symptom in Symptom


def test_the_refuge_is_only_mentioned(tagger: Tagger):
    [tags] = tagger.tag(["Spotify is down so I'm on YouTube"])

    assert _by_service(tags)["spotify"].role is Role.AFFECTED
    assert _by_service(tags)["youtube"].role is Role.MENTIONED


def test_a_post_without_a_service_has_no_tags(tagger: Tagger):
    assert tagger.tag(["lovely weather today", ""]) == [(), ()]


def test_a_service_that_works_again_has_recovered(tagger: Tagger):
    [tags] = tagger.tag(["instagram is back up, works again for me"])

    assert _by_service(tags)["instagram"].kind is Kind.RECOVERED
    assert _by_service(tags)["instagram"].symptom is None


def test_no_posts_give_no_tags(tagger: Tagger):
    assert tagger.tag([]) == []


def test_a_service_is_tagged_once_however_often_it_is_named(tagger: Tagger):
    [tags] = tagger.tag(["netflix netflix NETFLIX is down, #netflixdown"])

    assert [tag.service for tag in tags] == ["netflix"]


def test_a_cloud_region_in_the_text_is_on_the_tag(tagger: Tagger):
    [tags] = tagger.tag(["AWS us-east-1 is down again, everything is timing out"])

    assert _by_service(tags)["aws"].region == "us-east-1"


def test_a_country_in_the_text_is_on_the_tag(tagger: Tagger):
    [tags] = tagger.tag(["whatsapp is down in Germany, nothing sends"])

    assert _by_service(tags)["whatsapp"].region == "DE"


def test_a_service_that_a_user_adds_is_tagged_without_training(tmp_path: Path):
    file = tmp_path / "mine.toml"
    file.write_text('[services.zorblatt]\nname = "Zorblatt"\nindustry = "work"\n')
    tagger = Tagger.load(Catalogue.load([file]))

    [down, fine] = tagger.tag(
        ["is zorblatt down for anyone else? not loading", "I love the new zorblatt album"]
    )

    assert (down[0].service, down[0].role) == ("zorblatt", Role.AFFECTED)
    assert (fine[0].service, fine[0].role) == ("zorblatt", Role.MENTIONED)


def test_order_and_batch_size_do_not_change_a_tag(tagger: Tagger):
    posts = POSTS * 200
    random.Random(3).shuffle(posts)
    alone = {post: tagger.tag([post])[0] for post in POSTS}

    assert tagger.tag(posts) == [alone[post] for post in posts]


def test_a_missing_model_is_refused(tmp_path: Path):
    with pytest.raises(ArtifactError, match="outcry train"):
        Tagger.load(Catalogue({}), tmp_path)


_PIECES = st.sampled_from(
    [
        "whatsapp",
        "#WhatsAppDown",
        "@",
        "#",
        "down",
        "\u202e",
        "\u200b",
        "ا",
        "落ち",
        "\ud800",
        "🙃",
        "a\u0301" * 9,
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(st.text(max_size=300), st.lists(_PIECES).map("".join)), max_size=5))
def test_any_text_is_tagged_without_an_exception(tagger: Tagger, texts: list[str]):
    tagged = tagger.tag(texts)

    assert len(tagged) == len(texts)
    for tags in tagged:
        assert len({tag.service for tag in tags}) == len(tags)
        assert all(0 <= tag.score <= 1 for tag in tags)


@pytest.mark.parametrize(
    "piece", ["#WhatsAppDown ", "a", "whatsapp down ", "apple ", "@a ", "@askspectrum ", "落"]
)
def test_work_grows_with_the_post_and_ends_where_reading_does(tagger: Tagger, piece: str):
    half, whole, monstrous = (
        steps(partial(tagger.tag, [(piece * n)[:n]]))
        for n in (MAX_TEXT // 2, MAX_TEXT, 100 * MAX_TEXT)
    )

    assert whole <= 2.2 * half  # 4 would be the square
    assert monstrous == whole
