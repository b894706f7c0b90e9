import pytest

from models.countries import country
from models.fold import fold


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("down in Germany since nine", "DE"),
        ("Brasil e Argentina sem sinal", "BR"),
        ("first Argentina, then Brazil", "AR"),
        ("Ukraine", "UA"),
        ("the UK.", "GB"),
        ("南スペインで障害", "ES"),
        ("중국에서 안 돼요", "CN"),
        ("South Korea", "KR"),
        ("United Arab Emirates", "AE"),
    ],
)
def test_the_first_country_that_is_named(text: str, code: str):
    assert country(fold(text)) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nowhere",
        "@germany",
        "#chile",
        "e-france",
        "indian food",
        "x.uk",
        "uk-based",
        "romanian",
    ],
)
def test_no_country_within_another_word_an_account_or_a_link(text: str):
    assert country(fold(text)) is None
