"""Forged tokens of every kind over HTTP: none opens anything, and the real one still does."""

import base64
import json
import random
import re
import time
import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from harness.http import assert_problem
from harness.process import wait_until
from harness.tokens import Forger, decode, encode, jwk, new_key, sign
from harness.wire import Wire

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture(scope="module")
def forger(server, admin):
  return Forger(server.data, admin.token)


def algorithms(forger):
  """Everything but RS256 with our key, under every name."""
  head = forger.header
  for name in ("none", "None", "NONE", "nOnE", "NoNe", "", " none", "none ", "RS256\0", "null", None, 0, False, [], {}, ["RS256"], "rs256", "Rs256", "RS256 ",
               " RS256", "RSA256", "RS-256", "HS256,RS256", "RS257", "\uff32\uff33\uff12\uff15\uff16", "RSA-OAEP", "dir", "A128KW"):
    for signature in (b"", None, b"\0", b"none"):
      yield f"alg {name!r}", forger.token(header={**head, "alg": name}, signature=signature)
  for form in ("pem", "pem-trimmed", "pem-crlf", "pkcs1", "der", "n", "modulus", "jwk", "kid", "empty"):
    secret = forger.public(form)
    for alg in ("HS256", "HS384", "HS512"):
      yield f"{alg} with the {form}", forger.token(header={**head, "alg": alg}, alg=alg, key=secret)
      yield f"{alg} with the {form}, said to be RS256", forger.token(alg=alg, key=secret)
      yield f"{alg} with the {form}, in base64", forger.token(header={**head, "alg": alg}, alg=alg, key=base64.b64encode(secret))
  for alg in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"):
    key = new_key(alg)
    yield f"{alg} of another key", forger.token(header={**head, "alg": alg}, alg=alg, key=key)
    yield f"{alg} of another key, said to be RS256", forger.token(alg=alg, key=key)
    if alg[:2] in ("RS", "PS") and alg != "RS256":
      yield f"{alg} of our key", forger.token(header={**head, "alg": alg}, alg=alg)
      yield f"{alg} of our key, said to be RS256", forger.token(alg=alg)
  for alg in ("HS256", "ES256", "EdDSA", "PS256", "RS384", "none"):
    yield f"RS256 of our key, said to be {alg}", forger.token(header={**head, "alg": alg})


def headers(forger):
  """Members that would choose the key or change what is signed; signed with the key they bring, and with ours."""
  head, other = forger.header, new_key("RS256")
  mine = jwk(other, kid=head["kid"])
  added = {
    "jwk": mine, "jku": "http://127.0.0.1:9/jwks.json", "x5u": "http://127.0.0.1:9/cert.pem", "x5c": [base64.b64encode(b"certificate").decode()],
    "x5t": "AAAA", "x5t#S256": "AAAA", "crit": ["exp"], "b64": False, "zip": "DEF", "cty": "JWT", "enc": "A256GCM", "epk": mine, "iss": "sokoul",
    "url": "http://127.0.0.1:9/", "nonce": "x", "p2c": 10 ** 9, "keys": [mine], "key": mine, "secret": "x", "public_key": forger.public("pem").decode(),
  }
  for name, value in added.items():
    for key in (other, forger.key):
      yield f"{name} in the header", forger.token(header={**head, name: value}, key=key)
  yield "jwk instead of a kid", forger.token(header={"alg": "RS256", "typ": "JWT", "jwk": mine}, key=other)
  yield "crit that lists what is not there", forger.token(header={**head, "crit": ["b64"], "b64": False})
  yield "unencoded claims", f"{encode({**head, 'b64': False, 'crit': ['b64']})}.{json.dumps(forger.claims)}.AAAA"
  for typ in ("JWE", "JWS", "at+jwt", "jwt", "", None, 1, "JOSE"):
    yield f"typ {typ!r}", forger.token(header={**head, "typ": typ} if typ is not None else {"alg": "RS256", "kid": head["kid"]})
  text = json.dumps(head)
  for wrong in (text + "x", text + text, "[" + text + "]", "", "{", "null", "1", '"RS256"', text.replace("{", "{,", 1), text[:-1], "\ufeff" + text,
                text[:-1] + ',"alg":"RS256"}', text[:-1] + ',"alg":"none"}', text[:-1] + f',"kid":"{head["kid"]}"}}', text[:-1] + ',"typ":"JWT"}',
                '{"alg":"none",' + text[1:], text.replace('"alg"', '"\\u0061lg"')[:-1] + ',"alg":"none"}', text.replace("RS256", "RS\\u0032\\u0035\\u0036\\u0000")):
    yield f"header {wrong[:40]!r}", forger.token(header=wrong)
  yield "header in another encoding", forger.token(header=text.encode("utf-16"))
  yield "header that is no UTF-8", forger.token(header=text.replace("JWT", "J\udcffT").encode("utf-8", "surrogateescape"))


def kids(forger):
  """A kid is a key into our table and nothing else."""
  kid, look_alike = forger.header["kid"], str.maketrans("aceopxyAEO", "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0410\u0415\u041e")
  hostile = ["", " ", kid + " ", " " + kid, kid + "\0", "\0" + kid, kid[:-1], kid + "A", kid[:-1] + ("B" if kid[-1] == "A" else "A"), kid.swapcase(), kid.lower(), kid.upper(), kid[::-1],
             kid + "=", kid + "==", kid.translate(look_alike), kid + "\u200b", kid + "\n", kid + "\r\nX: y", "../../../../dev/null", "/dev/null", "/proc/self/environ",
             "../keys/stream.key", "signing-0.pem", "file:///dev/null", "http://127.0.0.1:9/key", "' OR '1'='1", "' UNION SELECT 'AAAA' --", "1; DROP TABLE users", "%00", "%s%n%x",
             "$(id)", "`id`", "|id", "*", "%", "_" * len(kid), "null", "undefined", "0", "-1", "A" * 43, "A" * 400, "\u202e" + kid, "\ud800", "\U0001f511", "{}", "[]",
             0, 1, -1, 1.5, 10 ** 30, True, False, None, [], [kid], {}, {"kid": kid}, [[kid]]]
  for value in hostile:
    yield f"kid {str(value)[:40]!r}", forger.token(header={**forger.header, "kid": value})
    if isinstance(value, (str, int)):
      secret = str(value).encode("utf-8", "surrogatepass")
      yield f"kid {str(value)[:40]!r} as the secret", forger.token(header={"alg": "HS256", "typ": "JWT", "kid": value}, alg="HS256", key=secret)
  for secret in (b"", b"\0", b"null"):  # the content of what a path could lead to
    yield "HS256 with the content of /dev/null", forger.token(header={"alg": "HS256", "typ": "JWT", "kid": "../../../../dev/null"}, alg="HS256", key=secret)


def claims(forger):
  """Signed with our own key: only what they say is wrong."""
  good, now, ids = forger.claims, int(time.time()), [str(uuid.uuid4()) for _ in range(3)]
  wrong = {
    "iss": ["", "other", "Sokoul", "sokoul ", ["sokoul"], {"sokoul": 1}, 1, None, True, "sokoul\0"],
    "aud": ["", "other", "sokoul", ["sokoul-api"], ["sokoul-api", "other"], {}, 0, None, False, "sokoul-api "],
    "typ": ["", "refresh", "id", "Access", ["access"], 1, None, True, "stream", "ws", "setup", "reset", "access\0"],
    "sub": ["", "admin", "*", 1, None, [good["sub"]], {"id": good["sub"]}, good["sub"].upper(), good["sub"] + " ", good["sub"][:-1], "' OR 1=1 --", *ids],
    "sid": ["", "*", 1, None, [good["sid"]], good["sid"].upper(), good["sid"][:-1], good["sub"], "' OR 1=1 --", *ids],
    "jti": ["", 1, None, [], "x", good["jti"].upper(), good["jti"] + "x"],
    "exp": [now - 1, now - 30, now - 3600, 0, -1, None, str(now + 3600), float(now + 3600), now * 1000 * 1000, 2 ** 63, 10 ** 40, True, [now + 3600], {}, "never", 1e300],
    "nbf": [now + 3600, now + 60, None, str(now), [now], 10 ** 40, -1, True, good["nbf"] - 1],
    "iat": [now + 3600, now + 60, None, str(now), [now], 10 ** 40, -1, True, good["iat"] - 1],
  }
  for name, values in wrong.items():
    for value in values:
      body = {**good, name: value}
      if value is None:
        del body[name]
        yield f"null {name}", forger.token(claims={**good, name: None})
      yield f"{name} {str(value)[:40]!r}", forger.token(claims=body)
  yield "from the future", forger.altered(iat=now + 300, nbf=now + 300, exp=now + 3600)
  yield "ended before it began", forger.altered(iat=now, nbf=now, exp=now)
  text = json.dumps(good)
  for name in good:
    value = json.dumps(good[name])
    for other in (value, '"x"', "null", "9999999999"):
      yield f"{name} twice", forger.token(claims=f'{text[:-1]},"{name}":{other}}}')
      yield f"{name} twice, escaped", forger.token(claims=f'{text[:-1]},"\\u{ord(name[0]):04x}{name[1:]}":{other}}}')
  for body in ("", "{}", "[]", "null", "1", '"x"', text + text, text[:-1], text + "\0", "[" + text + "]", "{" * 50 + "}" * 50, '{"a":' * 200 + "1" + "}" * 200, text.encode("utf-16")):
    yield f"claims {body[:30]!r}", forger.token(claims=body)
  inner = forger.sample
  yield "a token in a token", forger.token(header={**forger.header, "cty": "JWT"}, claims=inner)
  yield "a token as text in a token", forger.token(claims=json.dumps(inner))
  yield "a token in a token's claim", forger.token(claims={"token": inner})


def forms(forger):
  """The text itself: parts, padding, other spellings of the same bytes."""
  token = forger.sample
  head, body, signature = token.split(".")
  standard = base64.b64encode(decode(signature)).decode()
  yield from ((f"form {text[:30]!r}", text) for text in (
    "", ".", "..", "...", "....", f"{head}.{body}", f"{head}.{body}.", f"{head}..{signature}", f".{body}.{signature}", f"{token}.", f".{token}", f"{token}.{signature}",
    f"{token}.x.y", f"{head}.{body}.{signature}.{head}.{body}", f"{head}{body}{signature}", f"{head}.{body} .{signature}", f"{head}. {body}.{signature}", f"{head}.{body}.{signature}=",
    f"{head}.{body}.{signature}==", f"{head}=.{body}.{signature}", f"{head}.{body}=.{signature}", f"{head}==.{body}==.{signature}==", f"{head}.{body}.{standard}",
    f"{head}.{body}.{standard.rstrip('=')}" if standard.rstrip("=") != signature else f"{head}.{body}.{signature}/", f"{token}%", f"{token}%00", f"{token};x", f"{token},{token}",
    f"{token} {token}", f'"{token}"', f"'{token}'", f"Bearer {token}", f"bearer{token}", token[::-1], token.swapcase(), token.lower(), token.upper(), token[:-1], token[1:],
    token[:len(token) // 2], f"{body}.{head}.{signature}", f"{head}.{head}.{signature}", f"{body}.{body}.{signature}", f"{head}.{signature}.{body}", "A" * 2047, "A" * 2048, "A" * 2049,
    "A" * 7000, f"{head}.{body}.{'A' * len(signature)}", f"{head}.{body}.{'_' * len(signature)}", f"{head}.{body}.{encode(bytes(256))}", f"{head}.{body}.{encode(bytes(255) + bytes([1]))}",
    f"{head}.{body}.{encode(decode(signature) + b'x')}", f"{head}.{body}.{encode(b'x' + decode(signature))}", f"{head}.{body}.{encode(decode(signature)[:-1])}",
    f"{head}.{body}.{encode(decode(signature)[::-1])}"))
  for at in (0, 1, 2):  # the unused bits of the last letter of a part: 15, 3 or no other spellings of the same bytes
    parts = token.split(".")
    unused = {0: 0, 2: 4, 3: 2}[len(parts[at]) % 4]
    last = LETTERS.index(parts[at][-1])
    for more in range(1, 1 << unused):
      changed = list(parts)
      changed[at] = parts[at][:-1] + LETTERS[last | more]
      assert decode(changed[at]) == decode(parts[at]) and changed[at] != parts[at]
      yield "another spelling of the same bytes", ".".join(changed)
  for text in (token + "\t", "\t" + token.replace(".", ".\t"), token.replace("-", "+").replace("_", "/") if set("-_") & set(token) else token + "+"):
    yield "another alphabet or space", text
  yield "JWE", ".".join([encode({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": forger.header["kid"]}), "AAAA", "AAAA", "AAAA", "AAAA"])
  yield "JWE dir", ".".join([encode({"alg": "dir", "enc": "A128GCM"}), "", "AAAA", "AAAA", "AAAA"])
  yield "JSON serialization", json.dumps({"payload": body, "protected": head, "signature": signature})
  chance = random.Random(7)
  for _ in range(100):
    at = chance.randrange(len(token) - 1)
    letter = chance.choice([one for one in LETTERS + "." if one != token[at]])
    yield f"letter {at}", token[:at] + letter + token[at + 1:]


KINDS = {"algorithms": (algorithms, 220), "headers": (headers, 60), "kids": (kids, 110), "claims": (claims, 200), "forms": (forms, 180)}


@pytest.mark.parametrize("kind", KINDS)
def test_no_forged_token_is_accepted(server, admin, forger, kind):
  make, least = KINDS[kind]
  client, accepted, count = server.client(), [], 0
  assert client.get("/auth/me", headers={"Authorization": f"Bearer {forger.altered()}"}).status == 200  # the forger knows how
  for what, token in make(forger):
    assert token != forger.sample, what
    for _ in range(2):  # the second time from whatever is remembered
      try:
        reply = client.get("/auth/me", headers={"Authorization": f"Bearer {token}".encode("utf-8", "surrogatepass")})
      except ValueError:
        break  # this text cannot stand in a header
      if reply.status not in (401, 400):
        accepted.append((what, reply, token))
    else:
      count += 1
  print(f"{kind}: {count} forged tokens")
  assert not accepted, accepted[:20]
  assert count >= least
  assert admin.get("/auth/me").status == 200


def test_no_forged_refresh_token_is_accepted(server):
  """The body takes what a header cannot: NUL, new lines, a mebibyte."""
  client = server.account("refresher")
  forger = Forger(server.data, client.refresh_token)
  tokens = [token for make, _ in KINDS.values() for _, token in make(forger)]
  tokens += [client.token, client.refresh_token + "\0", "\0" + client.refresh_token, client.refresh_token + "\n", forger.altered(jti=str(uuid.uuid4())), forger.altered(exp=int(time.time()) + 10 ** 6),
             forger.headed(kid="A" * 1000), "A" * 15000]
  tokens += [1, True, [], {}, [client.refresh_token], {"token": client.refresh_token}]
  for token in tokens:
    reply = server.client().post("/auth/refresh", {"refresh_token": token})
    assert reply.status in (400, 401, 422) and "access_token" not in reply.body.decode(), (token, reply)
  big = server.client().post("/auth/refresh", {"refresh_token": forger.headed(kid="A" * (1 << 20))})
  assert_problem(big, 413)
  print(f"{len(tokens) + 1} forged refresh tokens")
  # None of that was the real token being shown a second time: the session goes on.
  assert client.get("/auth/me").status == 200
  assert server.client().post("/auth/refresh", {"refresh_token": client.refresh_token}).status == 200


def test_a_token_is_of_one_server_and_one_session(server, admin, forger):
  """With the stolen key one can make any token; a session that is not there still cannot be named."""
  leaver = server.account("leaver")
  stolen = Forger(server.data, leaver.token)
  fresh = stolen.altered(jti=str(uuid.uuid4()), exp=int(time.time()) + 3000)
  assert server.client(fresh).get("/auth/me").status == 200
  leaver.ok("POST", "/auth/logout")
  for token in (leaver.token, fresh, stolen.altered(jti=str(uuid.uuid4())), stolen.altered(sub=admin.user["id"]),
                forger.altered(sub=leaver.user["id"]), stolen.altered(role="admin")):
    assert_problem(server.client(token).get("/auth/me"), 401)
  user = server.account("claimer")
  pretender = Forger(server.data, user.token).altered(role="admin", roles=["admin"], is_admin=True, scope="admin")
  assert_problem(server.client(pretender).get("/admin/users"), 403)


def test_a_token_ends_at_its_second(server, forger):
  """Made to end soon, seen while it is good, and refused once the clock says so."""
  now = int(time.time())
  token = forger.altered(iat=now - 10, nbf=now - 10, exp=now + 6)
  assert server.client(token).get("/auth/me").status == 200

  def over():
    before = time.time()
    reply = server.client(token).get("/auth/me")
    assert reply.status in (200, 401)
    assert reply.status == 401 or before < now + 6, "a token outlived its end"
    return reply.status == 401
  wait_until(over, 60, 0.02, "the end of a token")
  assert time.time() >= now + 6
  assert server.client(token).get("/auth/me").json["code"] == "token_expired"


def test_two_credentials_of_one_kind_are_none(server, admin):
  """Two Authorization lines, two keys: whichever a proxy before us took, we take neither."""
  other = server.account("doubled")
  for lines in ([f"Authorization: Bearer {admin.token}", f"Authorization: Bearer {other.token}"], [f"Authorization: Bearer {other.token}", f"Authorization: Bearer {admin.token}"],
                [f"Authorization: Bearer {admin.token}", "Authorization: Basic eDp5"], ["Authorization: Basic eDp5", f"Authorization: Bearer {admin.token}"],
                [f"Authorization: Bearer {admin.token}, Bearer {other.token}"], [f"Authorization: Bearer {admin.token}"] * 2):
    head = "\r\n".join(["GET /api/v1/auth/me HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Connection: close", *lines]) + "\r\n\r\n"
    with Wire(server.port) as wire:
      wire.send(head.encode())
      reply = wire.reply()
    assert reply.status in (400, 401), (lines[0][:40], reply)


def test_api_keys_are_whole_or_nothing(server, admin):
  made = admin.ok("POST", "/auth/api-keys", {"name": "script"}, status=201)
  key, other = made["key"], server.account("keyless")
  row = server.rows("SELECT * FROM api_keys WHERE id = ?", made["id"])[0]
  assert key not in json.dumps(row)

  def status(headers):
    return server.client().get("/auth/me", headers=headers).status
  assert status({"X-Api-Key": key}) == 200
  guesses = [row["prefix"], row["key_hash"], row["key_hash"].upper(), row["id"], row["name"], row["user_id"], made["id"], key[:-1], key[1:], key + "A", "A" + key, key + "=", key + " x", key.swapcase(),
             key.upper(), key.lower(), key[::-1], key + "," + key, key + ";", f'"{key}"', f"Bearer {key}", key * 2, "", " ", "*", "%", "_" * len(key), "null", "' OR '1'='1", "A" * 5000,
             f"{key[:12]}{'A' * (len(key) - 12)}", admin.token, admin.refresh_token, server.setup_token(), row["prefix"] + row["key_hash"], key.replace("_", "-", 1) if "_" in key else key + "_"]
  guesses += [key[:at] + ("A" if key[at] != "A" else "B") + key[at + 1:] for at in range(len(key))]
  for guess in guesses:
    assert guess != key
    for headers in ({"X-Api-Key": guess}, {"Authorization": f"Bearer {guess}"} if guess != admin.token else {}, {"Authorization": f"ApiKey {guess}"}):
      assert status(headers) in (400, 401), (headers, guess)
  print(f"{len(guesses)} forged API keys")
  for headers in ({"X-Api-Key": key, "Authorization": f"Bearer {other.token}"}, {"X-Api-Key": key, "Authorization": "Bearer x.y.z"},
                  {"X-Api-Key": "x", "Authorization": f"Bearer {other.token}"}):
    assert status(headers) == 401, "two credentials are none"
  assert status({"X-Api-Key": key}) == 200


def test_reset_tokens_are_whole_or_nothing(start):
  server = start()
  server.admin()
  other = server.account("other")

  def ask(email, **headers):
    before = len(server.log())
    assert server.client().request("POST", "/auth/password/forgot", {"email": email}, headers=headers).status == 202
    return wait_until(lambda: re.search(r'(http[^"\s]*)/reset\?token=([\w-]+)', server.log()[before:]), 20, what="the link in the log").groups()
  address, token = ask("admin@example.org", Host="nas.lan", **{"X-Forwarded-Host": "evil.example"})
  assert address == f"http://127.0.0.1:{server.port}", "whoever asks has no say in where the link leads"
  _, theirs = ask("other@example.org")
  stored = server.rows("SELECT * FROM password_resets")
  assert token not in json.dumps(stored)
  guesses = [*(row["token_hash"] for row in stored), token[:-1], token[1:], token + "A", token + "=", " " + token, token + "\n", token + "\0", token.swapcase(), token.lower(), token.upper(), token[::-1],
             "", "*", "%", "null", "' OR '1'='1", "A" * len(token), "A" * 1000, other.token, other.refresh_token, [token], {"token": token}, 1, True]
  guesses += [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1:] for at in range(len(token))]
  for guess in guesses:
    reply = server.client().post("/auth/password/reset", {"token": guess, "password": "a new password"})
    assert reply.status in (400, 401, 403, 422), (guess, reply)
  print(f"{len(guesses)} forged reset tokens")
  # Somebody's token is for that somebody, whoever else the body names.
  me = server.login("admin").user
  reply = server.client().post("/auth/password/reset", {"token": theirs, "password": "a new password", "user_id": me["id"], "email": "admin@example.org", "username": "admin"})
  assert reply.status in (204, 422), reply
  assert server.login("admin").user["id"] == me["id"]


def test_setup_tokens_are_whole_or_nothing(start):
  server = start()
  token = server.setup_token()

  def register(name, guess):
    return server.client().post("/auth/register", {"username": name, "email": f"{name}@example.org", "password": "correct horse battery", "setup_token": guess})
  guesses = [token[:-1], token + "A", token.swapcase(), token.lower(), token[::-1], " " + token, token + " ", token + "\n", token + "\0", "\0", "*", "%", token[:4], "A" * len(token),
             "a" * 1000, [token], {"token": token}, 1, True]
  guesses += [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1:] for at in range(len(token))]
  for number, guess in enumerate(guesses):
    reply = register(f"guess{number}", guess)
    assert reply.status in (400, 401, 403, 422), (guess, reply)
  print(f"{len(guesses)} forged setup tokens")
  reply = register("owner", token)
  assert reply.status == 201 and reply.json["role"] == "admin"
  reply = register("late", token)
  assert reply.status in (401, 403, 422), reply
