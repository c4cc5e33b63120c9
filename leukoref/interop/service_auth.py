"""Who may call: JSON Web Tokens of allowed issuers, as CDS Hooks prescribes; without issuers, only this machine."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import jwt

ALGORITHMS = ("ES384", "RS384", "ES256", "RS256", "PS256", "PS384", "ES512", "RS512")
CLOCK_SKEW = 30.0
LONGEST_LIFE = 900.0
REMEMBERED = 100_000


class UnauthorizedError(Exception):
    """The call is not let in (HTTP 401); the message never repeats the token."""


class Gate:
    """Lets in calls with a token that an allowed issuer signed for this service.

    ``issuers`` maps each issuer to its key set: an https address or a local file. A key set is fetched when a token
    first needs it and kept for an hour; a token counts once (``jti``).
    """

    def __init__(self, issuers: Mapping[str, str], audience: str, *, timeout: float = 5.0) -> None:
        self.audience = audience.rstrip("/")
        self._addresses = dict(issuers)
        self._clients = {issuer: _key_source(address, timeout) for issuer, address in issuers.items()}
        self._seen: dict[str, float] = {}
        self._lock = Lock()

    def check(self, authorization: str | None, path: str) -> str:
        """The issuer of a valid token. Raises UnauthorizedError."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthorizedError("a bearer token is needed")
        try:
            header = jwt.get_unverified_header(token)
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
            if header.get("alg") not in ALGORITHMS:
                raise UnauthorizedError("the token is not signed with an allowed algorithm")
            if not isinstance(issuer, str) or issuer not in self._clients:
                raise UnauthorizedError("the issuer is not allowed here")
            stated, address = header.get("jku"), self._addresses[issuer]
            if stated is not None and address.startswith("https://") and stated != address:
                raise UnauthorizedError("the key set of the token is not that of its issuer")
            claims = jwt.decode(
                token,
                self._clients[issuer].get_signing_key_from_jwt(token).key,
                algorithms=[header["alg"]],
                audience=[self.audience, f"{self.audience}{path}"],
                issuer=issuer,
                leeway=CLOCK_SKEW,
                options={"require": ["iss", "aud", "exp", "iat", "jti"]},
            )
        except jwt.ExpiredSignatureError:
            raise UnauthorizedError("the token has expired") from None
        except (jwt.PyJWTError, ValueError, KeyError, TypeError):
            raise UnauthorizedError("the token is not valid here") from None
        self._once(claims)
        return issuer

    def _once(self, claims: Mapping[str, Any]) -> None:
        """Refuses a token that was used before, or that lives so long that its use could not be remembered."""
        now = time.time()
        if float(claims["exp"]) - now > LONGEST_LIFE + CLOCK_SKEW:
            raise UnauthorizedError(f"the token lives longer than {LONGEST_LIFE:.0f} seconds")
        name = f"{claims['iss']} {claims['jti']}"
        with self._lock:
            if len(self._seen) >= REMEMBERED:
                self._seen = {key: end for key, end in self._seen.items() if end > now}
            if self._seen.get(name, 0.0) > now:
                raise UnauthorizedError("the token was used before")
            if len(self._seen) >= REMEMBERED:
                raise UnauthorizedError("too many tokens at one time")
            self._seen[name] = float(claims["exp"]) + CLOCK_SKEW


class _FileKeys:
    """A key set in a local file, with the face of PyJWT's client."""

    def __init__(self, path: Path) -> None:
        self._keys = jwt.PyJWKSet.from_dict(json.loads(path.read_text("utf-8")))

    def get_signing_key_from_jwt(self, token: str) -> jwt.PyJWK:
        wanted = jwt.get_unverified_header(token).get("kid")
        for key in self._keys.keys:
            if key.key_id == wanted:
                return key
        raise jwt.InvalidKeyError("no such key")


def _key_source(address: str, timeout: float) -> Any:
    if address.startswith("https://"):
        return jwt.PyJWKClient(address, cache_jwk_set=True, lifespan=3600, timeout=timeout)
    if "://" in address:
        raise ValueError("a key set comes from an https address or a local file")
    return _FileKeys(Path(address))


def is_loopback(host: str | None) -> bool:
    """Whether an address or name is this machine itself."""
    name = (host or "").strip("[]")
    if name in ("localhost", "localhost.localdomain"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
