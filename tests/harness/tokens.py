"""Forges JSON Web Tokens: with the server's own signing key, as somebody would who stole it, or with any other."""

import base64
import hashlib
import hmac
import json
import pathlib
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {"256": ec.SECP256R1(), "384": ec.SECP384R1(), "512": ec.SECP521R1()}


def encode(value):
  """base64url without padding, of bytes, of text, or of anything else as JSON."""
  if not isinstance(value, bytes):
    value = (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "surrogatepass")
  return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode(part):
  return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def read(token):
  """(header, claims) of a token, unchecked."""
  return tuple(json.loads(decode(part)) for part in token.split(".")[:2])


def sign(key, alg, data):
  """The signature of `data` as `alg` wants it; for HS algorithms `key` is bytes."""
  kind, size = alg[:2], alg[2:]
  if kind == "HS":
    return hmac.new(key, data, {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}[size]).digest()
  if kind == "RS":
    return key.sign(data, padding.PKCS1v15(), HASHES[size])
  if kind == "PS":
    return key.sign(data, padding.PSS(padding.MGF1(HASHES[size]), HASHES[size].digest_size), HASHES[size])
  if kind == "ES":
    r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(HASHES[size])))
    width = (key.curve.key_size + 7) // 8
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")
  if alg == "EdDSA":
    return key.sign(data)
  raise ValueError(alg)


def new_key(alg):
  if alg[:2] == "ES":
    return ec.generate_private_key(CURVES[alg[2:]])
  return ed25519.Ed25519PrivateKey.generate() if alg == "EdDSA" else rsa.generate_private_key(65537, 2048)


class Forger:
  """`sample` is a good access token of the server: its header and claims are where every forgery begins."""

  def __init__(self, data_dir, sample):
    pem = sorted((pathlib.Path(data_dir) / "keys").glob("signing-*.pem"))[-1].read_bytes()
    self.key = serialization.load_pem_private_key(pem, None)
    self.sample = sample
    self.header, self.claims = read(sample)

  def token(self, header=None, claims=None, alg="RS256", key=None, signature=None):
    """`header` and `claims` as dicts, or as text or bytes taken as they are; signed with our key unless told otherwise."""
    data = f"{encode(self.header if header is None else header)}.{encode(self.claims if claims is None else claims)}"
    if signature is None:
      signature = sign(self.key if key is None else key, alg, data.encode())
    return f"{data}.{encode(signature)}"

  def altered(self, **changed):
    """A token that is good but for these claims; None takes one away."""
    claims = {**self.claims, **changed}
    return self.token(claims={name: value for name, value in claims.items() if value is not None})

  def headed(self, **changed):
    header = {**self.header, **changed}
    return self.token(header={name: value for name, value in header.items() if value is not None})

  def expired(self):
    now = int(time.time())
    return self.altered(iat=now - 7200, nbf=now - 7200, exp=now - 3600)

  def public(self, form):
    """Our public key as bytes: what a server that mixes up HMAC and RSA would take for a secret."""
    public, raw = self.key.public_key(), serialization.PublicFormat.SubjectPublicKeyInfo
    if form == "pem":
      return public.public_bytes(serialization.Encoding.PEM, raw)
    if form == "pem-trimmed":
      return public.public_bytes(serialization.Encoding.PEM, raw).strip()
    if form == "pem-crlf":
      return public.public_bytes(serialization.Encoding.PEM, raw).replace(b"\n", b"\r\n")
    if form == "pkcs1":
      return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
    if form == "der":
      return public.public_bytes(serialization.Encoding.DER, raw)
    numbers = public.public_numbers()
    n = encode(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big"))
    return {"n": n.encode(), "modulus": decode(n), "empty": b"", "kid": self.header["kid"].encode(),
            "jwk": json.dumps({"kty": "RSA", "n": n, "e": "AQAB"}).encode()}[form]


def jwk(key, **more):
  """The public half of an RSA key as a JSON Web Key."""
  numbers = key.public_key().public_numbers()
  return {"kty": "RSA", "alg": "RS256", "use": "sig", "e": "AQAB", "n": encode(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")), **more}
