import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fold import fold
from models.mentions import Found, How, Mention
from models.text import MASK, MAX_TOKENS, split, tokenise

ANY_TEXT = st.text(
    st.sampled_from("ab '\u00df\u0915\u094d\u0e01\u3042\u6f22\uac00.,!?#@:/09\n-_😀।")
)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("it's down again", "its down again"),
        ("don't 'quote' o'clock", "dont quote o clock"),
        ("error 503 since 9:30, 2.5 h", "error 503 since <number> , <number> h"),
        ("@you see https://a.example/x?y=1, www.b.example", "<handle> see <url> <url>"),
        ("4g and mp3", "<number> g and mp3"),
        ("why?! 😀…", "why ? ! 😀 . . ."),
        ("障害ですか", "障 害 で す か"),
        ("먹통 lag", "먹 통 lag"),
        ("नहीं चल रहा।", "नहीं चल रहा ."),
        ("الموقع معطل؟", "الموقع معطل"),
        ("soooo looong", "so long"),
        ("a" * 40 + "b", "ab"),
        ("ab" * 40, "ab" * 16),
        ("mail@host @", "mail <handle>"),
        ("_id snake_case", "_id snake_case"),
    ],
)
def test_a_post_is_split_into(text: str, tokens: str):
    assert split(fold(text)) == tokens.split()


@given(ANY_TEXT)
def test_no_token_is_empty_or_holds_a_space(text: str):
    assert all(token and not token.isspace() and " " not in token for token in split(fold(text)))


@given(ANY_TEXT, ANY_TEXT)
def test_a_mention_is_one_masked_token_between_those_around_it(before: str, after: str):
    before, after = fold(before), fold(after)
    mention = Mention("aaa", len(before), len(before) + 3, How.ALIAS)

    tokens = tokenise(Found(f"{before}aaa{after}", (mention,)))

    assert tokens.words == [*split(before), MASK, *split(after)]
    assert tokens.owners == [*[""] * len(split(before)), "aaa", *[""] * len(split(after))]


def test_a_post_has_a_bounded_number_of_tokens():
    text = "a? " * MAX_TOKENS
    mention = Mention("a", len(text) - 3, len(text) - 2, How.ALIAS)

    tokens = tokenise(Found(text, (mention,)))

    assert len(tokens.words) == len(tokens.owners) == MAX_TOKENS
    assert len(split(text)) == MAX_TOKENS
