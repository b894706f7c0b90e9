"""The page "Back-test": runs a back-test of uploaded data, or opens the result of one."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import streamlit as st

from dashboard import top
from dashboard.markup import Markup, el, join
from dashboard.posts import plain, token
from dashboard.site import Site

SECONDS = 600
OWN = "ours"
# What is told of each detector: the field, the heading, and whether more is better.
COLUMNS = (
    ("incidents", "Incidents", None),
    ("recall", "Recall", True),
    ("precision", "Precision", True),
    ("delay_median_minutes", "Delay, median (min)", False),
    ("delay_p90_minutes", "Delay, p90 (min)", False),
    ("false_incidents_per_service_year", "False a service-year", False),
    ("time_to_resolve_median_minutes", "To resolve, median (min)", False),
)
Result = Mapping[str, Mapping[str, float | None]]


class BadResult(ValueError):
    """The file is no result of a back-test; says what was expected."""


def show(site: Site) -> None:
    """Draw the page's form, and the result that was opened or computed last."""
    top.show(site, brief=True)
    st.html(
        join(
            el("h1", "Back-test", class_="section first"),
            el(
                "p",
                "How early, and how often for nothing, the detector and other rules would have "
                "called the outages in stored reports: all in one run, on the same counts.",
                class_="soft",
            ),
        )
    )
    run, opened = st.tabs(["Run one", "Open a result"])
    with run:
        _run_form(site)
    with opened:
        _open_form()
    if (found := st.session_state.get("backtest")) is not None:
        st.html(drawn(found))


def _run_form(site: Site) -> None:
    if not site.may_act:
        st.text("Only operators can run a back-test; results can be opened by everybody.")
        return
    with st.form("backtest-form"):
        data = st.file_uploader(
            "Reports or counts, JSON lines", type=["jsonl", "gz"], key="backtest-data"
        )
        truth = st.file_uploader(
            "True outages, JSON lines of service, start and end (optional)",
            type=["jsonl"],
            key="backtest-truth",
        )
        if not st.form_submit_button("Run", icon=":material/play_arrow:"):
            return
    if data is None:
        st.text("Choose a file of reports first.")
        return
    with st.spinner("The back-test runs"):
        _keep(lambda: run(data.name, data.getvalue(), truth.getvalue() if truth else None))


def _open_form() -> None:
    given = st.file_uploader(
        "What `outcry backtest … --json` printed", type=["json"], key="backtest-result"
    )
    if given is not None:
        _keep(lambda: parsed(given.getvalue()))


def _keep(make: Any) -> None:
    try:
        st.session_state["backtest"] = make()
    except BadResult as error:
        st.warning("That did not work.")
        st.text(plain(str(error)))


def run(name: str, data: bytes, truth: bytes | None) -> Result:
    """Run `outcry backtest` on the uploaded bytes in a process of its own; raises `BadResult`."""
    with TemporaryDirectory() as directory:
        suffix = ".jsonl.gz" if name.endswith(".gz") else ".jsonl"
        path = Path(directory) / f"data{suffix}"
        path.write_bytes(data)
        command = [sys.executable, "-m", "stream", "backtest", str(path), "--json"]
        if truth is not None:
            (Path(directory) / "truth.jsonl").write_bytes(truth)
            command += ["--truth", str(Path(directory) / "truth.jsonl")]
        try:
            ended = subprocess.run(  # noqa: S603  our own command, on files that we wrote
                command, capture_output=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise BadResult(f"the back-test took more than {SECONDS} s; run it by hand") from error
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip().splitlines()
        raise BadResult(said[-1] if said else f"the back-test ended with {ended.returncode}")
    return parsed(ended.stdout)


def parsed(body: bytes) -> Result:
    """Return the figures by detector, or raise `BadResult`."""
    try:
        found = msgspec.json.decode(body, type=dict[str, dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadResult(f"expected one JSON object with figures by detector: {error}") from error
    result = {
        token(detector, "unnamed"): {
            field: float(value) if isinstance(value, int | float) else None
            for field, _, _ in COLUMNS
            for value in [figures.get(field)]
        }
        for detector, figures in found.items()
    }
    if not any(value is not None for row in result.values() for value in row.values()):
        raise BadResult("the file holds no figures of a back-test")
    return result


def drawn(result: Result) -> Markup:
    """Draw the detectors as rows, ours first, the best figure of each column marked."""
    best = {field: _best(result, field, more) for field, _, more in COLUMNS}
    ordered = sorted(result, key=lambda name: (name != OWN, name))
    rows = [
        el(
            "tr",
            el("th", name, scope="row"),
            *(_figure(result[name][field], best[field]) for field, _, _ in COLUMNS),
            class_="own" if name == OWN else None,
        )
        for name in ordered
    ]
    head = el("tr", el("th", "Detector"), *(el("th", title) for _, title, _ in COLUMNS))
    table = el("table", el("thead", head), el("tbody", *rows), class_="figures-table")
    note = el("p", "★ the best of its column.", class_="more")
    return el("div", el("div", table, class_="scroll"), note, class_="panel")


def _best(result: Result, field: str, more: bool | None) -> float | None:
    known = [value for row in result.values() if (value := row[field]) is not None]
    if not known or more is None:
        return None
    return max(known) if more else min(known)


def _figure(value: float | None, best: float | None) -> Markup:
    if value is None:
        return el("td", "–", class_="n")
    said = f"{value:,.2f}".rstrip("0").rstrip(".")
    is_best = best is not None and value == best
    return el("td", "★ " if is_best else "", said, class_="n strong" if is_best else "n")
