"""Accounts that are listed nowhere: whose they are by the name in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.accounts import Accounts
from models.catalogue import Catalogue
from models.mentions import How, Matcher
from models.service import Service

SERVICES = (
    Service(id="aldi", name="Aldi", industry="retail"),
    Service(id="spectrum", name="Spectrum", industry="telecom", aliases=("Charter Spectrum",)),
    Service(id="zoom", name="Zoom", industry="work", ambiguous=("Zoom",)),
    Service(id="bca", name="BCA", industry="finance"),
    Service(id="one", name="Orbital", industry="other"),
    Service(id="two", name="Orbital", industry="other"),
)


@pytest.mark.parametrize(
    ("account", "owner"),
    [
        ("@aldi", "aldi"),
        ("@aldiuk", "aldi"),
        ("@aldi_mx_ayuda", "aldi"),
        ("@ask_spectrum", "spectrum"),
        ("@charterspectrumhelp", "spectrum"),
        ("@spectrum247", "spectrum"),
        ("@zoom_support", "zoom"),
        ("@bcacare", "bca"),
    ],
)
def test_an_account_is_that_of_the_name_in_it(account: str, owner: str) -> None:
    assert Accounts(SERVICES).owner(account) == owner


@pytest.mark.parametrize(
    "account",
    [
        "@zoom",  # doubtful, and no word of support beside it
        "@zoomuk",
        "@bca",
        "@aldine",
        "@myaldi",
        "@orbitalhelp",  # a name of two services
        "@support",
        "@_",
    ],
)
def test_other_accounts_are_nobodys(account: str) -> None:
    assert Accounts(SERVICES).owner(account) is None


@given(st.text(max_size=60))
def test_any_account_gives_a_service_or_none(account: str) -> None:
    assert Accounts(SERVICES).owner("@" + account) in {None, *(one.id for one in SERVICES)}


def test_a_post_to_an_unlisted_account_names_the_service() -> None:
    matcher = Matcher(Catalogue({one.id: one for one in SERVICES}))
    (mention,) = matcher.find("Hi @AldiUK, your app is down").mentions
    assert (mention.service, mention.how) == ("aldi", How.HANDLE)


def test_an_address_of_mail_is_no_account() -> None:
    matcher = Matcher(Catalogue({one.id: one for one in SERVICES}))
    assert matcher.find("write to me@aldiuk.example please").mentions == ()
