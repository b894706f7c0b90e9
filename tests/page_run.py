"""The page as Streamlit's own test runner runs it: its HTML, and what is written in it."""

import re
from pathlib import Path

from streamlit.testing.v1 import AppTest

APP = Path(__file__).parent.parent / "dashboard" / "app.py"


def run(page: str = "", **query: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=30)
    if page:
        app.run()
        # `switch_page` wants a file, and these pages are functions.
        known = app._registered_pages.items()
        (app._page_hash,) = (key for key, one in known if one["url_pathname"] == page)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def html(app: AppTest) -> str:
    return "\n".join(one.proto.body for one in app.get("html"))


def seen(app: AppTest) -> str:
    return re.sub(r"<[^>]*>", " ", html(app))


def texts(app: AppTest) -> list[str]:
    return [one.value for one in app.text]
