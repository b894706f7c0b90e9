import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.catalogue import Catalogue, CatalogueError
from models.entries import SHIPPED, build, read
from models.fold import fold
from tests.work import steps

Write = Callable[[str], Path]


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return Catalogue.load()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a user's file of services and return its path."""

    def write(text: str) -> Path:
        path = tmp_path / "services.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems(path: Path) -> tuple[str, ...]:
    with pytest.raises(CatalogueError) as caught:
        Catalogue.load([path])
    return caught.value.problems


def test_shipped_catalogue_holds_many_services_of_many_industries(shipped: Catalogue) -> None:
    assert len(shipped.services) >= 300
    assert len({service.industry for service in shipped.services.values()}) >= 12


def test_services_are_in_order_of_their_ids(shipped: Catalogue) -> None:
    assert list(shipped.services) == sorted(shipped.services)
    assert all(id == service.id for id, service in shipped.services.items())


def test_providers_are_what_others_depend_on(shipped: Catalogue) -> None:
    assert {"aws", "azure", "cloudflare", "google-cloud", "fastly", "akamai"} <= set(
        shipped.providers
    )
    assert list(shipped.providers) == sorted(set(shipped.providers))
    for provider in shipped.providers:
        for id, edge in shipped.dependents(provider):
            assert edge.provider == provider
            assert edge in shipped.services[id].depends_on


def test_every_edge_says_by_what_it_is_known(shipped: Catalogue) -> None:
    edges = [edge for service in shipped.services.values() for edge in service.depends_on]

    assert len(edges) > 300
    assert all(edge.evidence and 0 < edge.strength <= 1 for edge in edges)


def test_region_of_an_edge_is_a_region_of_its_provider(shipped: Catalogue) -> None:
    for service in shipped.services.values():
        for edge in service.depends_on:
            if edge.region:
                assert edge.region in shipped.services[edge.provider].regions


def test_providers_have_products_and_regions_and_companies_what_they_own(
    shipped: Catalogue,
) -> None:
    services = shipped.services

    assert "Azure Front Door" in services["azure"].products
    assert "Workers KV" in services["cloudflare"].products
    assert "us-east-1" in services["aws"].regions
    assert {id for id, one in services.items() if one.owner == "meta"} >= {"facebook", "whatsapp"}


def test_a_product_is_one_of_the_names_and_an_owner_a_service(write: Write) -> None:
    path = write('[services.new]\nname = "New"\nproducts = ["New Cloud"]\nowner = "nobody"\n')

    assert [line.partition(": ")[2] for line in problems(path)] == [
        "services.new.owner: 'nobody': expected the id of another service",
        "services.new.products: 'New Cloud': expected one of its names, "
        "as posts are matched by those",
    ]


def test_nobody_depends_on_an_unknown_provider(shipped: Catalogue) -> None:
    assert shipped.dependents("no-such-provider") == ()


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("AWS", "aws"),
        ("amazon web services", "aws"),
        ("aws", "aws"),
        ("Twitter", "x"),
        ("X", "x"),
        ("PlayStation Network", "psn"),
        ("Xbox Live", "xbox"),
        ("pokémon go", "pokemon-go"),
        ("POKEMON GO", "pokemon-go"),
        (" Docker Hub ", "docker-hub"),
        ("카톡", "kakaotalk"),
        ("United", "united"),
        ("@SlackHQ", "slack"),
        ("us-east-1", "aws"),
    ],
)
def test_a_service_is_found_by_any_of_its_names(shipped: Catalogue, name: str, id: str) -> None:
    found = shipped.find(name)

    assert found is not None
    assert found.id == id


def test_a_name_that_two_services_share_finds_neither(shipped: Catalogue) -> None:
    assert shipped.find("Duo") is None


def test_an_unknown_name_is_not_found(shipped: Catalogue) -> None:
    assert shipped.find("Grandma's Bakery") is None


def test_canonical_names_are_unique(shipped: Catalogue) -> None:
    names = [fold(service.name) for service in shipped.services.values()]

    assert len(names) == len(set(names))


def test_loading_is_work_in_proportion_to_the_services(tmp_path: Path) -> None:
    def load(n: int) -> int:
        entry = (
            '[services.s{i}]\nname = "Service {i}"\nindustry = "work"\nambiguous = ["word {i}"]\n'
        )
        edge = 'depends_on = [{{provider = "s{to}", strength = 0.5}}]\n'
        path = tmp_path / f"{n}.toml"
        first = entry.format(i=0)
        path.write_text(first + "".join((entry + edge).format(i=i, to=i // 2) for i in range(1, n)))
        return steps(lambda: Catalogue.load([path], shipped=tmp_path / "none"))

    assert load(400) <= 2.2 * load(200)  # 4 times would be the square


def test_digest_is_equal_in_another_process(shipped: Catalogue) -> None:
    script = "from models.catalogue import Catalogue; print(Catalogue.load().digest)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == shipped.digest


def test_digest_tells_catalogues_apart(shipped: Catalogue, write: Write) -> None:
    changed = Catalogue.load([write('[services.aws]\nindustry = "clouds"\n')])

    assert changed.digest != shipped.digest
    assert len(shipped.digest) == 64


def test_a_new_service_needs_no_more_than_a_name(shipped: Catalogue, write: Write) -> None:
    merged = Catalogue.load([write('[services.my-app]\nname = "My App"\n')])

    assert merged.services["my-app"].industry == "other"
    assert set(merged.services) - set(shipped.services) == {"my-app"}


def test_a_user_adds_a_service_that_depends_on_a_region(write: Write) -> None:
    path = write(
        """
        [services.my-app]
        name = "My App"
        aliases = ["myapp.example"]
        depends_on = [{ provider = "aws", region = "us-east-1", strength = 1 }]
        """
    )

    merged = Catalogue.load([path])

    assert ("my-app", merged.services["my-app"].depends_on[0]) in merged.dependents("aws")
    assert merged.services["my-app"].depends_on[0].strength == 1.0


def test_an_override_changes_the_given_fields_only(shipped: Catalogue, write: Write) -> None:
    path = write('[services.slack]\nhandles = ["@OurSlackAdmins"]\n')

    slack = Catalogue.load([path]).services["slack"]

    assert slack.handles == ("@OurSlackAdmins",)
    assert slack.name == shipped.services["slack"].name
    assert slack.depends_on == shipped.services["slack"].depends_on


def test_the_later_user_file_wins(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).write_text(f'[services.my-app]\nname = "{name}"\n')

    merged = Catalogue.load([tmp_path / "first", tmp_path / "second"])

    assert merged.services["my-app"].name == "second"


APP = '[services.app]\nname = "App One"\n'


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('[services.My_App]\nname = "A b"', ("My_App", "lower-case")),
        (APP + 'alias = ["a"]', ("services.app.alias", "unknown key", "aliases")),
        ('title = "x"', ("title", "unknown key", "[services.<id>]")),
        (APP + 'aliases = "appone"', ("services.app.aliases", "'appone'", "expected a list")),
        (APP + "aliases = [7]", ("services.app.aliases", "7", "expected a name")),
        (APP + 'aliases = ["!!"]', ("services.app.aliases", "'!!'", "letter or digit")),
        ('[services.app]\nname = ""', ("services.app.name", "''", "expected a text")),
        ('[services.app]\nindustry = "x"', ("services.app.name", "missing")),
        (APP + 'handles = ["appone"]', ("handles", "'appone'", "expected an @")),
        (APP + 'hashtags = ["AppDown"]', ("hashtags", "'AppDown'", "expected a #")),
        (APP + 'aliases = ["whatsapp"]', ("'whatsapp'", "whatsapp", "context")),
        (APP + 'aliases = ["q"]', ("'q'", "one letter")),
        (APP + 'lookalikes = ["other thing"]', ("'other thing'", "contains a name")),
        (
            APP + 'depends_on = [{ provider = "asw", strength = 1 }]',
            ("depends_on", "'asw'", "expected the id of a service"),
        ),
        (
            APP + 'depends_on = [{ provider = "aws", strength = 1.5 }]',
            ("strength 1.5", "above 0 and at most 1"),
        ),
        (APP + 'depends_on = [{ provider = "aws", strength = 0 }]', ("strength 0", "above 0")),
        (APP + 'depends_on = [{ provider = "aws", strength = nan }]', ("strength nan", "above 0")),
        (APP + 'depends_on = [{ provider = "aws", strength = true }]', ("strength True",)),
        (APP + 'depends_on = [{ provider = "aws" }]', ("strength None", "above 0")),
        (APP + 'depends_on = [{ provider = "aws", weight = 1 }]', ("'weight'", "unknown key")),
        (APP + 'depends_on = ["aws"]', ("['aws']", "list of tables")),
        (APP + 'depends_on = [{ provider = "aws", strength = 1, region = 3 }]', ("region 3",)),
        (
            APP + 'depends_on = [{provider="aws",strength=1},{provider="aws",strength=0.5}]',
            ("'aws'", "once"),
        ),
        (APP + 'regions = ["US East"]', ("regions", "'US East'", "region code")),
        (APP + 'status_url = "status.example"', ("status_url", "http")),
        ("[services]\napp = 3", ("services.app", "3", "table")),
        ("services = 3", ("services", "3", "tables")),
        (APP + APP, ("no valid TOML", "services.toml")),
        ("[services.app", ("no valid TOML", "services.toml")),
        (
            '[services.aws]\ndepends_on = [{ provider = "slack", strength = 1 }]',
            (" → ", "slack", "no cycle"),
        ),
        (
            '[services.aws]\ndepends_on = [{ provider = "aws", strength = 1 }]',
            ("aws → aws", "no cycle"),
        ),
    ],
)
def test_a_bad_entry_gives_one_line_that_says_what_was_expected(
    write: Write, text: str, parts: tuple[str, ...]
) -> None:
    path = write(text)

    found = problems(path)

    assert len(found) == 1
    assert str(path) in found[0]
    assert all(part in found[0] for part in parts)
    assert "\n" not in found[0]


def test_all_bad_entries_are_named_at_once(write: Write) -> None:
    path = write(
        """
        [services.one]
        name = ""
        [services.two]
        name = "Two two"
        handles = ["two"]
        typo = 1
        """
    )

    assert len(problems(path)) == 3


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    assert "cannot be read" in problems(tmp_path / "none.toml")[0]


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")

    assert "no valid TOML" in problems(tmp_path / "binary.toml")[0]


def test_a_shared_name_is_fine_where_both_have_a_context_rule(write: Write) -> None:
    path = write(
        """
        [services.meridian-bank]
        name = "Meridian Bank"
        ambiguous = ["Meridian"]
        context = ["card"]
        [services.meridian-air]
        name = "Meridian Air"
        ambiguous = ["Meridian"]
        context = ["flight"]
        """
    )

    assert Catalogue.load([path]).find("meridian") is None


def test_one_id_in_two_shipped_files_is_refused(tmp_path: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text('[services.app]\nname = "App One"\n')

    with pytest.raises(CatalogueError, match=r"b\.toml: services\.app: expected once"):
        Catalogue.load(shipped=tmp_path)


def test_shipped_files_hold_their_own_industry() -> None:
    for path in SHIPPED.glob("*.toml"):
        entries, found, _ = read(path)

        assert not found
        assert {build(id, entry).industry for id, entry in entries.items()} == {path.stem}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)
keys = st.sampled_from(
    ["name", "aliases", "handles", "depends_on", "regions", "status_url", "typo"]
)


@given(entry=st.dictionaries(keys, values, max_size=4))
@settings(max_examples=200, deadline=None)
def test_any_entry_is_either_built_or_refused_with_a_line(
    entry: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "services.toml"
    path.write_text("[services.app]\n" + "".join(map(_toml, entry.items())), encoding="utf-8")

    entries, found, _ = read(path)

    assert all("\n" not in line and str(path) in line for line in found)
    assert bool(found) != ("app" in entries)
    for id, sound in entries.items():
        build(id, {"name": "App One", **sound})


def _toml(item: tuple[str, object]) -> str:
    return f"{item[0]} = {_value(item[1])}\n"


def _value(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_value(k)} = {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, float):
        return repr(value)
    return json.dumps("none" if value is None else value).replace("\x7f", "\\u007f")
