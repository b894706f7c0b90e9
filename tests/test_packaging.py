import importlib
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("detector", "models", "stream", "dashboard")


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_ours_and_not_a_namesake_from_elsewhere(room: str) -> None:
    """Other distributions have packages of such general names."""
    file = importlib.import_module(room).__file__

    assert file is not None
    assert Path(file) == ROOT / room / "__init__.py"


def test_no_test_directory_or_page_shadows_a_package() -> None:
    assert not [path for path in (ROOT / "tests").iterdir() if path.name in ROOMS]
    assert not [path for path in (ROOT / "dashboard").glob("*.py") if path.stem in ROOMS]


@pytest.mark.parametrize("room", ROOMS)
def test_the_wheel_holds_every_file_that_the_code_reads(room: str, wheel_names: list[str]) -> None:
    kinds = (".py", ".toml", ".lua", ".npz", ".css", ".json", ".tsv", ".txt")
    tracked = subprocess.run(
        ["git", "ls-files", "-z", room], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    wanted = {
        name for name in tracked if name.endswith(kinds) and not name.startswith("models/corpus/")
    }

    assert wanted
    assert wanted <= set(wheel_names)


def test_the_wheel_holds_the_model_the_catalogue_and_the_script(wheel_names: list[str]) -> None:
    assert "detector/counts.lua" in wheel_names
    assert any(name.startswith("models/services/") for name in wheel_names)
    assert any(name.startswith("models/artifacts/") for name in wheel_names)
    assert "stream/scenarios/aws-2025-10-20.toml" in wheel_names


def test_the_wheel_leaves_the_corpus_and_the_tests_out(wheel_names: list[str]) -> None:
    assert not [name for name in wheel_names if name.startswith(("models/corpus/", "tests/"))]


def test_the_wheel_has_the_licence_and_the_command(wheel_names: list[str]) -> None:
    assert any(name.endswith("licenses/LICENSE") for name in wheel_names)
    assert any(name.endswith("entry_points.txt") for name in wheel_names)


def test_the_pinned_dependencies_have_hashes_and_no_address() -> None:
    text = (ROOT / "requirements.txt").read_text("utf-8")

    assert "://" not in text
    pins = [line for line in text.splitlines() if "==" in line and not line.startswith(" ")]
    assert pins
    assert all(line.endswith("\\") for line in pins)


def test_every_direct_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    lists = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
    ]
    names = {line.split(">")[0].split("[")[0].lower() for lines in lists for line in lines}
    pinned = {
        line.split("==")[0].lower()
        for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()
        if "==" in line
    }

    assert names <= pinned
