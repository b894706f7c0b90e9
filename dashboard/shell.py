"""The HTML that each page's address answers with: Streamlit's own, told where its server is."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

# Left alone, Streamlit's script takes a page's address for its server's, asks there in vain, and
# the browser complains of two answers of 404. Every page lies right below the server.
_WHERE = 'window.__streamlit = { BACKEND_BASE_URL: new URL(".", location.href).href }'
_HEAD = f"""<script>{_WHERE}</script>
    <meta name="referrer" content="no-referrer" />
    <meta name="robots" content="noindex" />
  """
# Charts are drawn by a compiler of expressions, hence the eval; nothing may come from elsewhere.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' ws: wss:",
        "worker-src 'self' blob:",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def html(title: str) -> str:
    """Return the shell of a page; raises `ValueError` when Streamlit's is not as expected."""
    found = (Path(streamlit.__file__).parent / "static" / "index.html").read_text("utf-8")
    for mark in ("<title>Streamlit</title>", '<script type="module"'):
        if found.count(mark) != 1:
            raise ValueError(f"Streamlit's index.html has {found.count(mark)} of {mark!r}, not one")
    named = found.replace("<title>Streamlit</title>", f"<title>{escape(title)}</title>")
    return named.replace('<script type="module"', f'{_HEAD}<script type="module"', 1)


def routes(paths: Iterable[str]) -> list[Route]:
    """Return what answers at each of *paths*, of which the empty one is the root."""
    body = html("Outcry")

    async def answer(request: Request) -> HTMLResponse:
        return HTMLResponse(body, headers=HEADERS)

    return [Route(f"/{path}", answer, methods=["GET", "HEAD"]) for path in paths]
