"""The shared cause: the right provider, no innocent one, and none where there is none."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.cause import explain
from detector.clues import Evidence
from detector.dependencies import graph
from detector.incidents import Cause
from detector.networks import NETWORKS
from models.catalogue import Catalogue, Dependency, Service

N_DEPENDENTS = 20


def _service(id, *providers, region=None, strength=0.7, industry="test", owner=None):
    edges = tuple(Dependency(provider=p, strength=strength, region=region) for p in providers)
    return Service(id=id, name=id.title(), industry=industry, depends_on=edges, owner=owner)


def _catalogue():
    services = [_service(p) for p in ("aws", "azure", "cloudflare", "tiny")]
    services += [_service(f"a{i:02d}", "aws", region="us-east-1") for i in range(N_DEPENDENTS)]
    services += [_service(f"c{i:02d}", "cloudflare") for i in range(N_DEPENDENTS)]
    services += [_service(f"z{i}", "azure") for i in range(6)]
    services += [_service("popular", "tiny"), _service("lonely"), _service("alone")]
    services += [_service("vendor", industry="security"), _service("firm")]
    services += [_service(f"f{i}", owner="firm") for i in range(4)]
    services += [_service("cloud", industry="cloud", owner="house")]
    services += [_service("house"), *(_service(f"h{i}", owner="house") for i in range(3))]
    services += [_service(NETWORKS)]
    return Catalogue({s.id: s for s in sorted(services, key=lambda s: s.id)})


CATALOGUE = _catalogue()
SERVICES = tuple(CATALOGUE.services)
GRAPH = graph(CATALOGUE, SERVICES)


def evidence(
    failing,
    normal=-3.0,
    blamed=None,
    regions=None,
    excess=10.0,
    per_minute=None,
    beside=None,
    places=None,
):
    """All of *failing* surge by 12 nats; the others are normal, by *normal* nats."""
    flags = np.array([s in failing for s in SERVICES])
    return Evidence(
        abnormal=np.where(flags, 12.0, normal),
        per_minute=np.array([(per_minute or {}).get(s, 0.1) for s in SERVICES]),
        learnt=np.ones(len(SERVICES), np.bool_),
        excess=np.where(flags, excess, 0.0),
        blamed=np.array([float((blamed or {}).get(s, 0)) for s in SERVICES]),
        failing=flags,
        regions=regions or {},
        beside=beside or {},
        places=places or {},
    )


def causes_of(seen: Evidence) -> tuple[Cause, ...]:
    return explain(GRAPH, seen).causes


def test_provider_of_the_failing_services_is_named_first_and_surely():
    causes = causes_of(evidence({f"a{i:02d}" for i in range(15)}))

    assert causes[0].provider == "aws"
    assert causes[0].probability > 0.95
    assert causes[0].reasons[0] == "15 of 20 services that depend on Aws report failures"


def test_region_is_named_when_posts_name_it():
    failing = {f"a{i:02d}" for i in range(15)} | {"aws"}
    seen = evidence(failing, regions={("aws", "us-east-1"): 4.0}, blamed={"aws": 40})

    cause = causes_of(seen)[0]

    assert (cause.provider, cause.region) == ("aws", "us-east-1")
    assert "Aws itself is reported as failing" in cause.reasons
    assert "posts blame Aws 8 times a minute" in cause.reasons


def test_dependents_that_stay_normal_speak_against_the_provider():
    few = {"a00", "a01", "a02"}

    assert not [c for c in causes_of(evidence(few, normal=-4.0)) if c.probability > 0.5]
    assert causes_of(evidence(few, normal=0.0))[0].probability > 0.5


def test_popular_service_alone_names_nobody():
    crowd = evidence({"popular"}, excess=5_000.0, per_minute={"popular": 20.0}, blamed={"tiny": 20})

    assert causes_of(crowd) == ()


def test_services_without_a_common_provider_have_no_cause():
    causes = causes_of(evidence({"lonely", "alone", "a00", "c00"}))

    assert not [c for c in causes if c.probability >= 0.5]


def test_famous_bystander_is_not_blamed_for_what_people_say():
    failing = {f"z{i}" for i in range(6)}
    talk = evidence(failing, normal=-1.0, blamed={"azure": 12, "aws": 6}, excess=40.0)

    causes = {c.provider: c.probability for c in causes_of(talk)}

    assert causes["azure"] > 0.9
    assert causes.get("aws", 0.0) < 0.05


def test_vendor_of_whom_no_dependent_is_known_is_named_by_the_posts_that_name_it():
    failing = {"vendor", "lonely", "alone"}
    naming = {(one, "vendor"): 4.0 for one in failing - {"vendor"}}

    named = causes_of(evidence(failing, beside=naming))
    silent = causes_of(evidence(failing))

    assert (named[0].provider, named[0].probability > 0.8) == ("vendor", True)
    assert not [c for c in silent if c.provider == "vendor" and c.probability > 0.5]


def test_of_two_that_explain_alike_the_one_whom_few_report_is_not_blamed():
    loud = evidence({"vendor", "cloud", "lonely", "alone", "popular"})
    excess = loud.excess.copy()
    excess[SERVICES.index("cloud")] = 1.0

    by_name = {c.provider: c.probability for c in causes_of(replace(loud, excess=excess))}

    assert by_name["vendor"] > 3 * by_name.get("cloud", 0.0)


def test_services_of_which_nothing_is_known_do_not_speak_against_unknown_edges():
    quiet = evidence({"vendor", "lonely", "alone", "popular"}, normal=-0.5)
    unlearnt = replace(quiet, learnt=quiet.failing, abnormal=np.where(quiet.failing, 12.0, 0.0))

    by_then, at_first = (
        {c.provider: c.probability for c in causes_of(seen)} for seen in (quiet, unlearnt)
    )

    assert at_first["vendor"] > by_then.get("vendor", 0.0)


def test_few_services_that_some_provider_explains_may_have_a_cause_that_nobody_knows():
    two = causes_of(evidence({"a00", "a01"}, normal=0.0))
    many = causes_of(evidence({f"a{i:02d}" for i in range(8)}, normal=0.0))

    assert two[0].probability < 0.97 < many[0].probability


def test_owner_is_the_cause_when_its_products_fail_together():
    causes = causes_of(evidence({f"f{i}" for i in range(4)}))

    assert (causes[0].provider, causes[0].probability > 0.9) == ("firm", True)


def test_products_of_a_company_with_a_cloud_stand_on_that():
    causes = causes_of(evidence({"cloud", "h0", "h1", "h2"}))

    assert (causes[0].provider, causes[0].probability > 0.9) == ("cloud", True)


def test_networks_of_a_country_are_the_cause_when_only_its_people_complain():
    failing = {"lonely", "alone", "popular", "a00", "c00", "z0"}
    there = dict.fromkeys(failing, ((("TR", 2),), (("tr", 60), ("en", 2))))
    anywhere = dict.fromkeys(failing, ((("TR", 2), ("US", 3)), (("tr", 20), ("en", 40))))

    local = causes_of(evidence(failing, places=there))
    spread = causes_of(evidence(failing, places=anywhere))

    assert (local[0].provider, local[0].region) == (NETWORKS, "TR")
    assert local[0].probability > 0.9
    assert local[0].reasons[0] == "6 services fail for people in one country"
    assert not [c for c in spread if c.provider == NETWORKS]


def test_two_providers_failing_together_are_both_named():
    failing = {f"a{i:02d}" for i in range(14)} | {f"c{i:02d}" for i in range(14)}

    causes = {c.provider: c.probability for c in causes_of(evidence(failing))}

    assert causes["aws"] > 0.9
    assert causes["cloudflare"] > 0.9


def test_edges_reach_through_a_provider_of_the_provider():
    services = [
        _service("root"),
        _service("middle", "root", strength=0.9),
        *(_service(f"s{i}", "middle", strength=0.9) for i in range(4)),
    ]
    catalogue = Catalogue({s.id: s for s in sorted(services, key=lambda s: s.id)})
    edges = graph(catalogue, tuple(catalogue.services))

    root = next(h for h in edges.hypotheses if h.provider == "root")

    reached = {edges.services[row] for row in root.rows}
    assert reached == {"root", "middle", "s0", "s1", "s2", "s3"}
    assert np.isclose(root.strength[list(root.rows).index(edges.services.index("s0"))], 0.81)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-30, 60), min_size=len(SERVICES), max_size=len(SERVICES)),
    st.sets(st.sampled_from(SERVICES)),
    st.dictionaries(st.sampled_from(SERVICES), st.integers(0, 1_000), max_size=5),
)
def test_probabilities_are_probabilities_in_falling_order(abnormal, failing, blamed):
    seen = replace(evidence(failing, blamed=blamed), abnormal=np.array(abnormal))

    causes = causes_of(seen)

    probabilities = [c.probability for c in causes]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 < p <= 1 for p in probabilities)
    assert len({c.provider for c in causes}) == len(causes)


@settings(max_examples=20, deadline=None)
@given(st.permutations(list(CATALOGUE.services.values())))
def test_order_of_the_catalogue_changes_nothing(services):
    shuffled = graph(Catalogue({s.id: s for s in services}), SERVICES)
    seen = evidence({f"a{i:02d}" for i in range(5)}, normal=-0.5)

    assert explain(shuffled, seen) == explain(GRAPH, seen)
