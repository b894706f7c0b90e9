from functools import partial
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.catalogue import Catalogue
from models.mentions import MAX_TEXT, Found, How, Matcher, Mention, fold
from tests.mention_cases import TABLE
from tests.work import steps


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(Catalogue.load())


def named(found: Found) -> set[str]:
    return {mention.service for mention in found.mentions}


@pytest.mark.parametrize("row", TABLE, ids=[f"{row[0]}: {row[1][:40]}" for row in TABLE])
def test_a_sentence_names_these_services(matcher: Matcher, row: tuple[str, ...]) -> None:
    first, sentence, *more = row
    expected = {id for id in (*first.split(), *more) if id != "-"}

    assert named(matcher.find(sentence)) == expected


def test_table_is_large() -> None:
    assert len(TABLE) >= 250
    assert sum(row[0] == "-" for row in TABLE) >= 80


@pytest.mark.parametrize(
    ("text", "mention", "how", "region"),
    [
        ("my netflix is dead", "netflix", How.ALIAS, None),
        ("@NetflixUK hi", "@netflixuk", How.HANDLE, None),
        ("#NetflixDown", "netflix", How.HASHTAG, None),
        ("#LeagueDown", "league", How.HASHTAG, None),
        ("netflx is dead", "netflx", How.MISSPELLING, None),
        ("errors in us-east-1", "us-east-1", How.REGION, "us-east-1"),
        ("errors in US East 1", "us east 1", How.REGION, "us-east-1"),
        ("eastus2 is slow", "eastus2", How.REGION, "eastus2"),
        ("instagrama giremiyorum", "instagrama", How.ALIAS, None),
        ("netflixxxx", "netflixxxx", How.ALIAS, None),
        ("netflixdown", "netflix", How.ALIAS, None),
        ("O Netflix está fora", "netflix", How.ALIAS, None),
    ],
)
def test_a_mention_says_where_and_how(
    matcher: Matcher, text: str, mention: str, how: How, region: str | None
) -> None:
    found = matcher.find(text)

    assert [(found.folded[at.start : at.end], at.how, at.region) for at in found.mentions] == [
        (mention, how, region)
    ]


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("https://status.npmjs.org/", "npm"),
        ("https://registry-1.docker.io/v2/x", "docker-hub"),
        ("https://x.com/SpotifyStatus/status/1", "spotify"),
        ("https://accounts.spotify.com/api/token", "spotify"),
        ("https://www.cloudflarestatus.com/incidents/1", "cloudflare"),
        ("https://downforeveryoneorjustme.com/netflix", "netflix"),
        ("https://www.youtube.com/watch?v=1", None),
        ("https://github.com/a/netflix/issues/2", None),
        ("https://twitter.com/netflix/status/1", None),
    ],
)
def test_a_link_names_the_site_that_it_speaks_of(
    matcher: Matcher, url: str, service: str | None
) -> None:
    mentions = matcher.find(f"see {url} please").mentions

    assert [(m.service, m.how) for m in mentions] == ([(service, How.LINK)] if service else [])


@pytest.mark.parametrize(
    "text",
    [
        "ya lo tengo instalado en el movil",
        "un système unifié de paiement",
        "i disordini in piazza",
        "a Amazônia está queimando",
        "kata kunci, aplikasi tsb error",
        "kpn bisa normal? psn makanan aja",
        "the Capital One Cup final at Comcast Center and US Bank Arena",
        "we are here to help ^FB",
        "über alles",
    ],
)
def test_a_word_that_only_looks_like_a_name_is_none(matcher: Matcher, text: str) -> None:
    assert matcher.find(text).mentions == ()


def test_the_longest_name_wins(matcher: Matcher) -> None:
    assert named(matcher.find("google cloud is down")) == {"google-cloud"}
    assert named(matcher.find("youtube music is down")) == {"youtube-music"}


def test_a_shorter_name_is_found_where_the_longer_one_ends_inside_a_word(matcher: Matcher) -> None:
    assert named(matcher.find("google meeting invites are down")) == {"google"}


def test_a_sure_name_speaks_for_an_ambiguous_one_of_the_same_service(matcher: Matcher) -> None:
    found = matcher.find("@SlackHQ hello, I miss slack")

    assert [mention.service for mention in found.mentions] == ["slack", "slack"]


def test_services_that_a_user_adds_are_found(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        """
        [services.quux-tracker]
        name = "Quux Tracker"
        ambiguous = ["Quux"]
        context = ["parcel"]
        lookalikes = ["captain quux"]
        """
    )
    matcher = Matcher(Catalogue.load([path]))

    assert named(matcher.find("my parcel is lost, says quux")) == {"quux-tracker"}
    assert named(matcher.find("#quuxdown")) == {"quux-tracker"}
    assert named(matcher.find("quux is a nice word")) == set()
    assert named(matcher.find("captain quux is down")) == set()


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("WhatsApp", "whatsapp"),
        ("Caído", "caido"),
        ("ÇÖKTÜ", "coktu"),
        ("İnstagram ınstagram", "instagram instagram"),
        ("Störung", "storung"),
        ("działa", "dziala"),
        ("Ελλάδα", "ελλαδα"),
        ("ёй", "еи"),
        ("ｶﾞｲﾄﾞ", "ガイド"),
        ("パ ば", "パ ば"),
        ("한국어", "한국어"),
        ("हिन्दी", "हिन्दी"),
        ("أإآٱ ة ى", "اااا ه ي"),
        ("واتــساب", "واتساب"),
        ("وَاتْسَاب", "واتساب"),
        ("a​b⁦c‮", "abc"),
        ("ﬁne ①", "fine 1"),
        ("it’s", "it's"),
        ("\ud800x", "x"),
    ],
)
def test_folding_keeps_what_makes_words(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
@example("`")
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet=st.characters(codec="ascii")))
def test_case_does_not_count(text: str) -> None:
    assert fold(text.upper()) == fold(text.lower())


PIECES = ["whatsapp", "X", "#", "@", "aws", "down", "slack", "https://t.co/", ".com", "'s", " "]
SCRIPTS = ["LINE", "障害", "카톡", "واتساب", "ال", "é", "\u202e", "😀", "us-east-1", "_", "-", "\n"]
SCRAPS = st.sampled_from([*PIECES, *SCRIPTS])


@given(st.one_of(st.text(), st.lists(SCRAPS).map("".join)))
@settings(deadline=None)
def test_any_text_gives_ordered_mentions_that_lie_apart(matcher: Matcher, text: str) -> None:
    found = matcher.find(text)

    assert found.folded == fold(text)[:MAX_TEXT]
    ends = 0
    for mention in found.mentions:
        assert ends <= mention.start < mention.end <= len(found.folded)
        ends = mention.end
    assert found == matcher.find(text)


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters="#@./-"), max_size=80))
@settings(deadline=None)
def test_an_unambiguous_name_is_found_behind_any_sentence(matcher: Matcher, text: str) -> None:
    assert "whatsapp" in named(matcher.find(f"{text} . whatsapp"))


@pytest.mark.parametrize(
    "text",
    [
        "#whatsapp" * 10_000,
        "#whatsappdown " * 10_000,
        "whatsapp" * 200_000,
        "x " * 500_000,
        "slack down " * 100_000,
        "x-slack down 2-0 " * 80_000,
        "Slack." * 200_000,
        "@" * 1_000_000,
        "a." * 500_000 + "/",
        "isisisis" * 100_000,
        "#isisisisis" * 100_000 + "!",
        "/" * 1_000_000,
        "ﷺ" * 1_000_000,
        "é" * 1_000_000,
        "\u200b" * 1_000_000,
        "a-" * 500_000,
        "ال" * 500_000,
        "障害" * 500_000,
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_a_hostile_text_is_bounded_work(matcher: Matcher, text: str) -> None:
    half, whole, monstrous = (
        steps(partial(matcher.find, text[:n])) for n in (MAX_TEXT // 2, MAX_TEXT, len(text))
    )

    assert whole <= 2.2 * half  # 4 would be the square
    assert monstrous == whole
    assert len(matcher.find(text).folded) <= MAX_TEXT


def test_a_mention_is_a_value() -> None:
    assert Mention("aws", 0, 3, How.ALIAS) == Mention("aws", 0, 3, How.ALIAS)
