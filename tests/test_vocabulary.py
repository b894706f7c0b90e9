import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from models import vocabulary as module
from models.catalogue import Catalogue, Service
from models.fold import fold
from models.keyword import KeywordTagger
from models.tags import Role
from models.text import Tokens, split
from models.vocabulary import Said, Span, expand, phrases, shipped

TABLE = {
    file.stem: tomllib.loads(file.read_text(encoding="utf-8"))
    for file in Path(module.__file__).with_name("phrases").glob("*.toml")
}
WITH_SETS = sorted(lang for lang, kinds in TABLE.items() if "sets" in kinds)


def said(text: str) -> Said:
    words = split(fold(text))
    [found] = shipped().read([Tokens(words, [""] * len(words))])
    return found


def spans(text: str) -> list[Span]:
    return said(text).spans


def test_posts_read_at_once_are_each_read_alone():
    texts = ["it will not", "load", "", "cannot log in", "whatsapp no", "funciona hoy"]
    posts = [Tokens(words, [""] * len(words)) for words in map(split, texts)]

    assert shipped().read(posts) == [said(text) for text in texts]
    assert shipped().read([]) == []


# --- sets in a phrase ---


def test_a_phrase_stands_for_each_member_of_its_sets():
    sets = {"wont": ["wont", "doesnt"], "work": ["load", "open up"]}
    assert list(expand("{wont} {work}", sets)) == [
        "wont load",
        "wont open up",
        "doesnt load",
        "doesnt open up",
    ]


def test_the_empty_member_leaves_its_place_out():
    assert list(expand("no {me} carga", {"me": ["", "me"]})) == ["no carga", "no me carga"]


def test_a_member_names_sets_in_turn():
    sets = {"not": ["ga", "gak"], "yet": ["{not}", "belum"]}
    assert list(expand("{yet} masuk", sets)) == ["ga masuk", "gak masuk", "belum masuk"]


def test_a_phrase_without_sets_is_itself():
    assert list(expand("down", {})) == ["down"]


def test_an_unknown_set_is_refused():
    with pytest.raises(KeyError, match="works"):
        list(expand("wont {works}", {}))


# --- the shipped vocabulary ---


def first_spans(lang: str, listed: Sequence[str]) -> Iterator[tuple[str, int, Span]]:
    """Each phrase, its number of tokens, and what is found first in a post of its language."""
    marker = max((one for kind in phrases()[lang].values() for one in kind), key=len)
    split_up = [split(fold(phrase)) for phrase in listed]
    posts = [[*words, ".", *split(marker), ".", *split(marker)] for words in split_up]
    found = shipped().read([Tokens(words, [""] * len(words)) for words in posts])
    for phrase, words, post in zip(listed, split_up, found, strict=True):
        yield phrase, len(words), post.spans[0]


@pytest.mark.parametrize("lang", WITH_SETS)
def test_every_phrase_is_found_whole(lang: str):
    listed = [phrase for kind in phrases()[lang].values() for phrase in kind]
    for phrase, length, span in first_spans(lang, listed):
        assert (span.start, span.end) == (0, length), phrase


@pytest.mark.parametrize("lang", WITH_SETS)
def test_every_product_is_found_as_its_class(lang: str):
    sets = TABLE[lang]["sets"]
    for kind in ("down", "unable"):
        products = [said for said in TABLE[lang][kind] if "{" in said]
        assert products
        listed = [one for said in products for one in expand(said, sets)]
        for phrase, length, span in first_spans(lang, listed):
            assert span.kind in ("down", "unable"), phrase
            assert span.end == length, phrase


@pytest.mark.parametrize("lang", WITH_SETS)
def test_every_set_is_used(lang: str):
    said = (text for listed in TABLE[lang].values() for text in listed if isinstance(text, str))
    members = (text for listed in TABLE[lang]["sets"].values() for text in listed)
    used = {name for text in (*said, *members) for name in re.findall(r"\{(\w+)\}", text)}
    assert used == TABLE[lang]["sets"].keys()


def test_no_phrase_is_empty_or_holds_a_set():
    for kinds in phrases().values():
        for listed in kinds.values():
            assert all(split(phrase) for phrase in listed)
            assert not any("{" in phrase for phrase in listed)


def test_the_classes_are_known():
    assert {kind for kinds in phrases().values() for kind in kinds} <= set(module._PRECEDENCE)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I can't even log in", "unable"),
        ("It won’t let me check in", "unable"),
        ("your app keeps kicking me out", "down"),
        ("Wifi keeps cutting out", "down"),
        ("I have a problem with your website", "down"),
        ("the app doesn't even load", "down"),
        ("No puedo iniciar sesión", "unable"),
        ("no me deja hacer el check in", "unable"),
        ("Se me cerró, no me carga", "down"),
        ("estamos sin señal", "down"),
        ("problemas con la app", "down"),
        ("gk bs login", "unable"),
        ("ngga bisa transfer", "unable"),
        ("tdk bisa dibuka", "down"),
        ("otp gak masuk masuk", "down"),
        ("sinyalnya ilang", "down"),
        ("muter2 terus", "down"),
        ("ऐप बंद है। कोई बताए", "down"),
    ],
)
def test_what_people_write_of_failing_is_found(text: str, kind: str):
    assert kind in {span.kind for span in spans(text)}


@pytest.mark.parametrize(
    "text",
    [
        "I can't wait for the new season",
        "can't stop watching this",
        "no puedo esperar al estreno",
        "me cae bien el de soporte",
        "gabisa tidur, nonton aja",
        "ga sabar nunggu konsernya",
        "love the new design",
    ],
)
def test_what_cannot_be_done_otherwise_is_no_failure(text: str):
    assert {"down", "unable"}.isdisjoint(span.kind for span in spans(text))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the site won't load", "en"),
        ("no puedo entrar, se cayó el sistema", "es"),
        ("gak bisa login dari tadi", "id"),
        ("funktioniert bei euch auch nichts mehr? komme nicht rein", "de"),
        ("xyzzy", "en"),
    ],
)
def test_the_phrases_tell_the_language(text: str, language: str):
    assert said(text).language == language


def test_the_keyword_rule_counts_what_cannot_be_done():
    zorbly = Service(id="zorbly", name="Zorbly", industry="other")
    tagger = KeywordTagger(Catalogue({"zorbly": zorbly}))
    posts = ["zorbly won't let me log in", "zorbly is down", "zorbly has a new logo"]
    roles = [tag.role for (tag,) in tagger.tag(posts)]
    assert roles == [Role.AFFECTED, Role.AFFECTED, Role.MENTIONED]
