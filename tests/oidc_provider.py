"""A small OpenID Connect provider on loopback: discovery, code flow with PKCE, signed id tokens."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwk, jwt

CLIENT, SECRET = "outcry-page", secrets.token_urlsafe(16)
# Who can sign in here, and whether the provider vouches for the address.
PEOPLE = {"ann@example.org": True, "bob@example.org": True, "eve@example.org": False}


@dataclass(slots=True)
class Provider:
    """What it knows: its key, and the codes that are good once, with what was asked for them."""

    issuer: str
    key: jwk.RSAKey = field(default_factory=lambda: jwk.RSAKey.generate_key(2048, {"kid": "1"}))
    codes: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)

    def discovery(self) -> dict[str, Any]:
        """Return the metadata that clients ask for first."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    def token(self, given: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """Redeem a code; None when anything about it is wrong."""
        email, asked = self.codes.pop(given.get("code", ""), ("", {}))
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if not email or proof != asked["code_challenge"] or authorization != f"Basic {basic}":
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": email,
            "email": email,
            "email_verified": PEOPLE[email],
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
        }
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        return {"access_token": secrets.token_hex(), "token_type": "Bearer", "id_token": signed}


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {name: found[0] for name, found in parse_qs(parts.query).items()}
        if parts.path == "/.well-known/openid-configuration":
            self._answer(self.provider.discovery())
        elif parts.path == "/keys":
            self._answer({"keys": [self.provider.key.as_dict(private=False)]})
        elif parts.path == "/authorize" and asked["client_id"] == CLIENT:
            self._choices(asked)
        elif parts.path.startswith("/as/"):
            self._back(unquote(parts.path.removeprefix("/as/")), asked)
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        given = {name: found[0] for name, found in parse_qs(body).items()}
        token = self.provider.token(given, self.headers.get("Authorization", ""))
        self._answer(token or {"error": "invalid_grant"}, 200 if token else 400)

    def _choices(self, asked: dict[str, str]) -> None:
        query = urlencode(asked)
        links = "".join(f'<p><a href="/as/{name}?{query}">{name}</a></p>' for name in PEOPLE)
        self._send(
            200,
            "text/html",
            f'<link rel="icon" href="data:,"><h1>Who are you?</h1>{links}'.encode(),
        )

    def _back(self, email: str, asked: dict[str, str]) -> None:
        code = secrets.token_urlsafe()
        self.provider.codes[code] = email, asked
        told = urlencode({"code": code, "state": asked["state"]})
        self.send_response(302)
        self.send_header("Location", f"{asked['redirect_uri']}?{told}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, told: dict[str, Any], status: int = 200) -> None:
        self._send(status, "application/json", json.dumps(told).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def provided() -> Iterator[str]:
    """Run a provider; give its issuer."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    issuer = f"http://127.0.0.1:{server.server_port}"
    _Handler.provider = Provider(issuer)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
