"""Accounts as far as the main job needs them."""

import base64
import json
import stat
import time

from harness.http import assert_problem

PASSWORD = "correct horse battery"


def claims(token):
  part = token.split(".")[1]
  return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def header(token):
  part = token.split(".")[0]
  return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def register(client, name, **extra):
  return client.post("/auth/register", {"username": name, "email": f"{name}@example.org", "password": PASSWORD, **extra})


def test_the_setup_link_makes_the_first_admin_and_ends_with_it(start):
  server = start()
  token = server.setup_token()
  wrong = register(server.client(), "mallory", setup_token="0" * len(token))
  assert wrong.status in (401, 403, 422), wrong
  admin = server.account("owner", setup_token=token)
  assert admin.user["role"] == "admin"
  again = register(server.client(), "second", setup_token=token)
  assert again.status != 201 or again.json["role"] == "user", again
  server.stop()
  before = len(server.log())
  server.start()
  assert "setup?token=" not in server.log()[before:]


def test_without_the_token_the_first_account_is_a_user(start):
  server = start()
  reply = register(server.client(), "first")
  assert reply.status == 201 and reply.json["role"] == "user", reply
  assert "password" not in json.dumps(reply.json)


def test_login_by_name_and_by_email(server, admin):
  for who in ("admin", "admin@example.org", "ADMIN"):
    reply = server.client().post("/auth/login", {"username": who, "password": PASSWORD})
    assert reply.status == 200, (who, reply)
  pair = reply.json
  assert pair["token_type"] == "Bearer" and pair["expires_in"] == 3600
  cookie = reply.headers["Set-Cookie"]
  assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and pair["refresh_token"] in cookie


def test_tokens_are_rs256_under_a_published_key(server, admin):
  head = header(admin.token)
  assert head["alg"] == "RS256"
  keys = server.client().get("//.well-known/jwks.json").json["keys"]
  assert head["kid"] in [key["kid"] for key in keys]
  assert all("d" not in key for key in keys)
  body = claims(admin.token)
  assert body["role"] == "admin" and 3500 < body["exp"] - time.time() < 3700


def test_forged_tokens_are_refused(server, admin):
  def encode(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
  head, body, signature = admin.token.split(".")
  forged = [
    f"{encode({**header(admin.token), 'alg': 'none'})}.{body}.",
    f"{encode({**header(admin.token), 'alg': 'HS256'})}.{body}.{signature}",
    f"{head}.{encode({**claims(admin.token), 'role': 'admin', 'exp': 4102444800})}.{signature}",
    f"{head}.{body}.{signature[:-4]}AAAA", f"{head}.{body}", "x.y.z", "", "a" * 5000,
  ]
  for token in forged:
    reply = server.client().get("/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert_problem(reply, 401)
    assert "WWW-Authenticate" in reply.headers


def test_unknown_user_and_wrong_password_look_the_same(server, admin):
  wrong = server.client().post("/auth/login", {"username": "admin", "password": "not it at all"})
  unknown = server.client().post("/auth/login", {"username": "nobody", "password": "not it at all"})
  first, second = assert_problem(wrong, 401), assert_problem(unknown, 401)
  for field in ("title", "detail", "code"):
    assert first[field] == second[field]


def test_taken_names_are_a_conflict(server, admin):
  assert_problem(register(server.client(), "admin"), 409)
  reply = server.client().post("/auth/register", {"username": "other", "email": "ADMIN@example.org", "password": PASSWORD})
  assert_problem(reply, 409)


def test_refresh_rotates_and_reuse_ends_the_session(server, admin):
  user = server.account("rotator")
  first = user.refresh_token
  pair = user.ok("POST", "/auth/refresh", {"refresh_token": first}, token=None)
  assert pair["refresh_token"] != first
  assert server.client(pair["access_token"]).get("/auth/me").status == 200
  assert_problem(server.client().post("/auth/refresh", {"refresh_token": first}), 401)
  assert_problem(server.client().post("/auth/refresh", {"refresh_token": pair["refresh_token"]}), 401)
  assert_problem(server.client(pair["access_token"]).get("/auth/me"), 401)


def test_refresh_by_cookie(server, admin):
  user = server.account("cookie")
  login = server.client().post("/auth/login", {"username": "cookie", "password": PASSWORD})
  cookie = login.headers["Set-Cookie"].split(";")[0]
  reply = server.client().request("POST", "/auth/refresh", headers={"Cookie": cookie})
  assert reply.status == 200, reply
  assert user.get("/auth/me").json["username"] == "cookie"


def test_logout_ends_both_tokens_at_once(server, admin):
  user = server.account("leaver")
  assert user.post("/auth/logout").status in (200, 204)
  assert_problem(user.get("/auth/me"), 401)
  assert_problem(server.client().post("/auth/refresh", {"refresh_token": user.refresh_token}), 401)


def test_keys_survive_a_restart(start):
  server = start()
  admin = server.admin()
  server.restart()
  assert admin.get("/auth/me").status == 200
  keys = [path for path in server.data.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()[:4096]]
  assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in keys)


def test_passwords_are_bcrypt(server, admin):
  hashes = [row["password_hash"] for row in server.rows("SELECT password_hash FROM users")]
  assert hashes and all(text.startswith("$2b$") for text in hashes)


def test_wrong_fields_are_all_named(server, admin):
  reply = server.client().post("/auth/register", {"username": "a b", "email": "no", "password": "short"})
  problem = assert_problem(reply, 422)
  assert {"username", "email", "password"} <= {error["field"] for error in problem["errors"]}
  reply = server.client().post("/auth/register", {"username": "longpass", "email": "l@example.org", "password": "x" * 73})
  assert_problem(reply, 422)
  reply = server.client().post("/auth/register", {"username": 7, "email": "no", "password": "short", "setup_token": 5})
  assert [(error["field"], error["code"]) for error in assert_problem(reply, 422)["errors"]] == [
    ("username", "wrong_type"), ("setup_token", "wrong_type"), ("email", "invalid"), ("password", "too_short")]


def test_sign_in_attempts_are_limited(start):
  server = start(rate_auth=5)
  server.setup_token()
  replies = [server.client().post("/auth/login", {"username": "nobody", "password": "wrong wrong"}) for _ in range(7)]
  assert [reply.status for reply in replies[:5]] == [401] * 5
  assert_problem(replies[6], 429)
  assert int(replies[6].headers["Retry-After"]) > 0
  for reply in (replies[0], replies[6]):
    assert {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} <= set(reply.headers.keys())


def test_a_forwarded_address_counts_only_from_a_trusted_proxy(start):
  server = start(rate_auth=3)
  for attempt in range(6):
    reply = server.client().post("/auth/login", {"username": "nobody", "password": "wrong wrong"},
                                 headers={"X-Forwarded-For": f"198.51.100.{attempt}"})
  assert_problem(reply, 429)
