"""A small OpenID Connect provider on this machine: discovery, authorization, token with PKCE, user info. What
it says can be bent for one answer, to see whether the other side notices."""

import base64
import hashlib
import json
import secrets
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET = "gigawatch", "a secret of tests"
PERSON = {
    "sub": "person-1",
    "email": "nora@example.com",
    "email_verified": True,
    "preferred_username": "nora",
    "name": "Nora Berg",
}


# Making one takes a tenth of a second.
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider:
    def __init__(self):
        self.person, self.bent, self.told, self.forgets = dict(PERSON), {}, {}, ()
        self.codes, self.refused = {}, []
        self.key = KEY
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"provider": self}))
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"

    def discovery(self) -> dict:
        return {
            "issuer": self.bent.get("discovered_issuer", self.issuer),
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def authorize(self, asked: dict) -> str:
        """The person says yes: where their browser goes, with a code."""
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked["state"]})

    def userinfo(self) -> dict:
        said = {**self.person, **self.told}
        return {name: value for name, value in said.items() if name not in self.forgets}

    def token(self, form: dict) -> dict | None:
        asked = self.codes.pop(form.get("code"), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        is_theirs = form.get("client_id") == CLIENT_ID and form.get("client_secret") == CLIENT_SECRET
        if not asked or not is_theirs or asked.get("code_challenge") != challenge.decode().rstrip("="):
            self.refused.append(form)
            return None
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "exp": time.time() + 60,
            "iat": time.time(),
            "nonce": asked.get("nonce", ""),
            **self.person,
            **self.bent,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        id_token = jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "1"})
        return {"access_token": "an access token", "token_type": "Bearer", "id_token": id_token}


class Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self):
        parts = urlsplit(self.path)
        if parts.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self.send_response(302)
            self.send_header("Location", self.provider.authorize(asked))
            self.end_headers()
            return
        answers = {
            "/.well-known/openid-configuration": self.provider.discovery,
            "/userinfo": self.provider.userinfo,
        }
        self.answer(answers[parts.path]())

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.answer(self.provider.token({name: values[0] for name, values in form.items()}))

    def answer(self, body):
        self.send_response(200 if body else 400)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body or {"error": "invalid_grant"}).encode())

    def log_message(self, *args):
        pass


@contextmanager
def running_provider():
    provider = Provider()
    threading.Thread(target=provider.server.serve_forever, args=[0.01], daemon=True).start()
    try:
        yield provider
    finally:
        provider.server.shutdown()
        provider.server.server_close()
