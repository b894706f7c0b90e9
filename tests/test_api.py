import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
import schemathesis
from redis import Redis
from schemathesis.checks import CHECKS

from detector.counts import Counts
from detector.feeds import Feed, Feeds
from detector.incident_store import IncidentStore
from detector.incidents import Incident
from detector.unknown_store import Mention, UnknownNames
from stream.api.app import Api
from stream.api.serve import serve
from tests.alert_cases import ATTACKS, CATALOGUE, explained, opened, sample, suspect
from tests.outbox import named, write

PAGE, TOKEN = "https://outcry.example/", "token-of-the-test"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def served(redis: Redis, store: IncidentStore, token: str | None = None) -> Iterator[str]:
    stop, port = threading.Event(), free_port()
    names = UnknownNames(redis, "test")
    api = Api(
        store,
        Counts(redis, "test"),
        CATALOGUE,
        page_url=PAGE,
        token=token,
        names=names,
        sources=Feeds(redis, "test"),
    )
    thread = threading.Thread(target=serve, args=(api, "127.0.0.1", port, stop))
    thread.start()
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address)
        yield address
    finally:
        stop.set()
        thread.join(timeout=20)


@pytest.fixture
def api(redis: Redis, store: IncidentStore) -> Iterator[str]:
    yield from served(redis, store)


@pytest.fixture
def locked_api(redis: Redis, store: IncidentStore) -> Iterator[str]:
    yield from served(redis, store, TOKEN)


def _wait(address: str) -> None:
    for _ in range(2_000):
        try:
            get(f"{address}/healthz")
            return
        except urllib.error.URLError:
            threading.Event().wait(0.01)
    raise AssertionError("the API does not answer")


def get(url: str, **headers: str) -> bytes:
    request = urllib.request.Request(url, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return bytes(answer.read())


def hostile(attack: str) -> Incident:
    posts = (sample(attack, url="javascript:alert(1)"),)
    return replace(opened(), id=f"i-{len(attack)}", samples=posts)


def test_incidents_services_and_evidence_say_what_redis_has(api: str, store: IncidentStore) -> None:
    write(store, explained())

    (listed,) = json.loads(get(f"{api}/v1/incidents?status=open&limit=5"))
    one = json.loads(get(f"{api}/v1/incidents/{explained().id}"))
    posts = json.loads(get(f"{api}/v1/incidents/{explained().id}/evidence"))
    services = {row["id"]: row for row in json.loads(get(f"{api}/v1/services"))}

    radius = json.loads(get(f"{api}/v1/incidents/{explained().id}/radius"))

    assert listed == one
    assert radius["n_reports"] == one["observed"]
    assert radius["course"][-1]["failing"]
    assert (one["observed"], one["cause"]["name"]) == (840, "Amazon Web Services")
    assert [post["text"] for post in posts] == [one.text for one in explained().samples]
    assert services["snapchat"]["state"] == "ongoing"
    assert services["aws"]["state"] == "normal"
    assert json.loads(get(f"{api}/v1/services/snapchat"))["incident"] == explained().id


def test_names_outside_the_catalogue_are_listed(api: str, redis: Redis) -> None:
    at = datetime(2025, 10, 20, 7, 5, tzinfo=UTC)
    names = UnknownNames(redis, "test")
    names.add(
        Mention(event_at=at, author=f"{i:032x}", key="zorbly", shown="Zorbly") for i in range(30)
    )
    names.judge(int(at.timestamp()) + 600)

    (found,) = json.loads(get(f"{api}/v1/unknown"))

    assert (found["shown"], found["since_at"]) == ("Zorbly", "2025-10-20T07:00:00Z")


def test_what_is_held_back_is_listed_and_counted(api: str, store: IncidentStore) -> None:
    link = "javascript:alert(1)"
    held = suspect("<b>down</b>", samples=(sample("<b>down</b>", url=link),))
    write(store, suspects=(held, suspect(service="ring", held=False)))

    snapchat, ring = json.loads(get(f"{api}/v1/suspects"))
    lines = get(f"{api}/metrics").decode().splitlines()

    assert (snapchat["name"], snapchat["since_at"]) == ("Snapchat", "2025-10-20T06:52:00Z")
    assert (snapchat["held"], ring["held"]) == (True, False)
    assert (snapchat["posts"], snapchat["people"], snapchat["alike"]) == (500, 100, 90)
    assert snapchat["why"][0] == "90 of 100 people post the same text, or nearly"
    assert [(post["text"], post["url"]) for post in snapchat["evidence"]] == [("<b>down</b>", None)]
    assert 'outcry_suspects{kind="held"} 1.0' in lines
    assert 'outcry_suspects{kind="repeated"} 1.0' in lines


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/incidents?limit=0", 400),
        ("/v1/incidents?limit=٣", 400),
        ("/v1/incidents?status=x", 400),
        ("/v1/incidents/none", 404),
        ("/v1/services/none", 404),
        ("/badge/none.svg", 404),
        ("/nothing", 404),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_reason(api: str, path: str, status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(api + urllib.request.quote(path, safe="/?=&"))

    with caught.value as answer:
        assert (answer.code, set(json.loads(answer.read()))) == (status, {"error"})


def test_a_token_opens_everything_and_health_needs_none(locked_api: str) -> None:
    assert json.loads(get(f"{locked_api}/healthz")) == {"judged_until": None}
    for path in ("/v1/incidents", "/metrics", "/feed.rss", "/v1/events", "/openapi.json"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            get(locked_api + path)
        with caught.value as answer:
            assert answer.code == 401
            assert TOKEN.encode() not in answer.read()
    assert get(f"{locked_api}/v1/incidents", Authorization=f"Bearer {TOKEN}") == b"[]"


@pytest.mark.parametrize("attack", ATTACKS)
def test_feeds_and_badges_hold_every_attack_as_text(
    api: str, store: IncidentStore, attack: str
) -> None:
    write(store, hostile(attack.encode("utf-8", "replace").decode()))

    for path in ("/feed.rss", "/feed.atom", "/badge/snapchat.svg"):
        body = get(api + path)
        tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(body).iter()}
        assert not tags & {"script", "img", "a", "image", "foreignObject"}
        assert b"\x1b" not in body
    found = json.loads(get(f"{api}/v1/incidents"))[0]["id"]
    (post,) = json.loads(get(f"{api}/v1/incidents/{found}/evidence"))
    assert post["url"] is None


def test_metrics_count_open_incidents(api: str, store: IncidentStore) -> None:
    write(store, explained())

    lines = get(f"{api}/metrics").decode().splitlines()

    assert 'outcry_open_incidents{severity="critical"} 1.0' in lines
    assert 'outcry_records_total{outcome="reports"} 0.0' in lines


def test_sources_are_in_the_metrics_and_in_the_health(api: str, redis: Redis) -> None:
    now = datetime.now(UTC)
    feeds = Feeds(redis, "test")
    feeds.save(
        Feed(name="bluesky", state="live", updated_at=now, event_at=now, n_sent=7, n_duplicate=2)
    )
    feeds.save(Feed(name="x", state="refused", updated_at=now, detail="HTTP 401"))

    lines = get(f"{api}/metrics").decode().splitlines()
    bluesky, x = json.loads(get(f"{api}/v1/health"))["sources"]

    assert 'outcry_source_messages_total{outcome="sent",source="bluesky"} 7.0' in lines
    assert 'outcry_source_up{source="bluesky"} 1.0' in lines
    assert 'outcry_source_refused{source="x"} 1.0' in lines
    (age,) = [line for line in lines if line.startswith("outcry_source_event_age_seconds{")]
    assert 0 <= float(age.rpartition(" ")[2]) < 60
    assert (bluesky["name"], bluesky["sent"], bluesky["duplicates"]) == ("bluesky", 7, 2)
    assert (x["state"], x["detail"]) == ("refused", "HTTP 401")


def test_events_tell_what_changes_and_go_on_where_a_listener_stopped(
    api: str, store: IncidentStore
) -> None:
    write(store, opened(), explained())
    first = store.changes("0-0")[0].id
    request = urllib.request.Request(f"{api}/v1/events", headers={"Last-Event-ID": first})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    with opener.open(request, timeout=10) as answer:
        seen = [next(_events(answer))]
        write(store, named(opened(), "new"))
        seen.append(next(_events(answer)))

    assert [event["event"] for event in seen] == ["cause_changed", "opened"]
    assert json.loads(seen[1]["data"])["id"] == "new"


def _events(lines: Iterator[bytes]) -> Iterator[dict[str, str]]:
    event: dict[str, str] = {}
    for line in lines:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            event[name] = value
        elif "data" in event:
            yield event
            event = {}
        else:
            event = {}


def test_schemathesis_finds_the_api_to_do_what_it_says(redis: Redis, store: IncidentStore) -> None:
    write(store, explained(), suspects=(suspect(),))
    api = Api(store, Counts(redis, "test"), CATALOGUE, page_url=PAGE)
    schema = schemathesis.openapi.from_asgi("/openapi.json", api.app())
    checks = list(CHECKS.get_all())
    n_calls = 0
    for result in schema.exclude(path="/v1/events").get_all_operations():
        operation = result.ok()
        for case in _cases(operation):
            case.call_and_validate(checks=checks)
            n_calls += 1
    assert n_calls >= 11


def _cases(operation: schemathesis.schemas.APIOperation) -> list[schemathesis.Case]:
    from hypothesis import HealthCheck, Phase, given, settings

    found: list[schemathesis.Case] = []

    @given(case=operation.as_strategy())
    @settings(
        max_examples=15,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def collect(case: schemathesis.Case) -> None:
        found.append(case)

    collect()
    return found
