import json
from pathlib import Path

import numpy as np
import pytest

from models import artifact
from models.catalogue import Catalogue, Service
from models.dataset import dataset
from models.examples import ExampleError, adopt, corpus_files, read
from models.fitting import TrainingError, fit
from models.tagger import Tagger
from models.tags import Kind, Role, Symptom
from models.train import train

CATALOGUE = Catalogue(
    {
        name.lower(): Service(id=name.lower(), name=name, industry="work")
        for name in ("Quibbler", "Zorblatt", "Wumple")
    }
)
_STATEMENTS = {
    "down": [
        "{0} is down, cannot log in",
        "is {0} down for anyone else?",
        "{0} not loading, error since noon",
        "why is {0} not working today",
    ],
    "recovered": ["{0} is back up", "{0} works again for me", "ok {0} is fixed"],
    "cause": ["{1} is down because of {0}", "{1} dead, {0} again"],
    "mentioned": ["i love {0}", "reading about {0} all day", "{0} raised its prices"],
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    rows = []
    for i, (service, other) in enumerate(
        [("Quibbler", "Wumple"), ("Zorblatt", "Quibbler"), ("Wumple", "Zorblatt")]
    ):
        for meaning, texts in _STATEMENTS.items():
            rows += [_row(text.format(service, other), service, meaning, i) for text in texts]
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _row(text: str, service: str, meaning: str, group: int) -> dict[str, object]:
    tag: dict[str, str] = {"service": service, "role": "affected"}
    if meaning in ("cause", "mentioned"):
        tag["role"] = meaning
    elif meaning == "recovered":
        tag["kind"] = "recovered"
    else:
        tag["symptom"] = "login" if "log in" in text else "loading"
    return {"text": text, "lang": "en", "tags": [tag]}


def test_the_same_files_give_the_same_weights(corpus: Path):
    first, _ = train([corpus], catalogue=CATALOGUE, seed=4)
    second, _ = train([corpus], catalogue=CATALOGUE, seed=4)

    assert np.array_equal(first.statement_weights, second.statement_weights)
    assert np.array_equal(first.symptom_weights, second.symptom_weights)
    assert first.threshold == second.threshold


def test_what_was_learnt_carries_over_to_a_service_that_was_not_in_the_corpus(corpus: Path):
    classifier, _ = train([corpus], catalogue=CATALOGUE)
    unseen = Catalogue({"frobnic": Service(id="frobnic", name="Frobnic", industry="work")})

    [down, other] = Tagger(unseen, classifier).tag(
        ["frobnic is down, cannot log in", "i love frobnic"]
    )

    assert (down[0].role, down[0].kind, down[0].symptom) == (
        Role.AFFECTED,
        Kind.DOWN,
        Symptom.LOGIN,
    )
    assert other[0].role is Role.MENTIONED


def test_a_trained_model_survives_the_disk(corpus: Path, tmp_path: Path):
    classifier, learnt_from = train([corpus], catalogue=CATALOGUE)
    artifact.save(classifier, tmp_path / "model", learnt_from=learnt_from, metrics={})
    posts = ["zorblatt is down", "i love wumple", "quibbler works again for me"]

    assert Tagger.load(CATALOGUE, tmp_path / "model").tag(posts) == Tagger(
        CATALOGUE, classifier
    ).tag(posts)


def test_the_card_says_what_was_learnt_and_quotes_no_post(corpus: Path, tmp_path: Path):
    classifier, learnt_from = train([corpus], catalogue=CATALOGUE)
    artifact.save(classifier, tmp_path / "model", learnt_from=learnt_from, metrics={})

    card = (tmp_path / "model" / "card.json").read_text()
    assert learnt_from["posts"] == 36
    assert "raised its prices" not in card


def test_a_corpus_without_a_class_is_refused_by_its_name(corpus: Path):
    posts = [post for post in read(corpus) if all(la.role is not Role.CAUSE for la in post.labels)]

    with pytest.raises(TrainingError, match="cause"):
        fit(dataset(posts, CATALOGUE))


def test_a_label_whose_service_the_text_does_not_name_is_left_out(corpus: Path):
    posts = read(corpus)
    data = dataset([*posts, *_read_line(corpus, "nothing here", "Wumple")], CATALOGUE)

    assert data.matrix.shape[0] == dataset(posts, CATALOGUE).matrix.shape[0]


def test_a_service_that_the_catalogue_lacks_is_adopted_by_name():
    catalogue = adopt(CATALOGUE, ["Wumple", "Glorp Mail", "ウンプル"])

    assert len(catalogue.services) == len(CATALOGUE.services) + 2
    assert catalogue.find("glorp mail") is not None
    assert catalogue.find("ウンプル") is not None


def test_a_broken_line_is_named(tmp_path: Path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": "a", "tags": []}\n{"text": 1}\n')

    with pytest.raises(ExampleError, match=r"bad\.jsonl, line 2"):
        read(path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ExampleError, match=r"gone\.jsonl"):
        read(tmp_path / "gone.jsonl")


@pytest.mark.parametrize("path", corpus_files(), ids=lambda path: path.stem)
def test_the_shipped_corpus_is_well_formed_and_has_no_post_twice(path: Path):
    posts = read(path)

    assert len({post.text for post in posts}) == len(posts)
    down = [label for post in posts for label in post.labels if label.is_down]
    assert sum(label.symptom is not None for label in down) >= 0.8 * len(down)


def _read_line(beside: Path, text: str, service: str) -> list:
    path = beside.with_name("line.jsonl")
    path.write_text(json.dumps({"text": text, "tags": [{"service": service, "role": "cause"}]}))
    return read(path)
