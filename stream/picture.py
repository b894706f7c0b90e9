"""A back-test as a picture: one band a service, the true outages behind each detector's alarms."""

from collections.abc import Iterator, Sequence
from html import escape

from stream.backtest import MINUTE, Outage, Run

_WIDTH, _LEFT, _ROW, _GAP = 1_000, 220, 6, 10
_COLOURS = ("#c0392b", "#2c7fb8", "#7fcdbb", "#8c6bb1", "#d8a657", "#777777")


def drawn(run: Run, truth: Sequence[Outage]) -> str:
    """Return an SVG; services without an outage or an alarm of ours are left out."""
    shown = sorted({o.service for o in truth} | {a.service for a in run.alarms["ours"]})
    band = _ROW * len(run.alarms) + _GAP
    height = band * len(shown) + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        *_legend(run),
    ]
    for i, service in enumerate(shown):
        parts += _band(run, truth, service, 40 + i * band, band - _GAP)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(run: Run) -> Iterator[str]:
    names = ["true outage", *run.alarms]
    for i, (name, colour) in enumerate(zip(names, ("#dddddd", *_COLOURS), strict=False)):
        yield f'<rect x="{10 + i * 140}" y="10" width="12" height="10" fill="{colour}"/>'
        yield f'<text x="{26 + i * 140}" y="19">{escape(name)}</text>'


def _band(run: Run, truth: Sequence[Outage], service: str, top: int, height: int) -> Iterator[str]:
    yield f'<text x="10" y="{top + height // 2 + 4}">{escape(service)}</text>'
    for one in truth:
        if one.service == service:
            span = _span(run, one.start.timestamp(), one.end.timestamp())
            yield f'<rect {span} y="{top}" height="{height}" fill="#dddddd"/>'
    last = run.start + run.minutes * MINUTE
    for row, (alarms, colour) in enumerate(zip(run.alarms.values(), _COLOURS, strict=False)):
        for alarm in alarms:
            if alarm.service == service:
                span = _span(run, alarm.start, last if alarm.end is None else alarm.end)
                place = f'y="{top + row * _ROW}" height="{_ROW - 1}"'
                yield f'<rect {span} {place} fill="{colour}"/>'


def _span(run: Run, start: float, end: float) -> str:
    scale = (_WIDTH - _LEFT - 10) / max(run.minutes * MINUTE, 1)
    x, width = _LEFT + (start - run.start) * scale, max((end - start) * scale, 1.0)
    return f'x="{x:.1f}" width="{width:.1f}"'
