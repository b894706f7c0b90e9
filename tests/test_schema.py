"""The schema for other producers is that of the code."""

import json
from pathlib import Path
from typing import Any

import msgspec

from stream.report import Report

SCHEMA = Path(__file__).parent.parent / "docs" / "report.schema.json"


def schema() -> dict[str, Any]:
    made = msgspec.json.schema(Report)["$defs"]["Report"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Report",
        "description": "One post, or one filled-in report form, as Outcry reads it from Kafka.",
        **{name: value for name, value in made.items() if name not in ("title", "description")},
    }


def test_the_schema_is_that_of_the_wire_format() -> None:
    assert json.loads(SCHEMA.read_text("utf-8")) == schema()
