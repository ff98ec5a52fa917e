"""API keys, sign-in attempts, and everything that ends a session."""

import concurrent.futures
import datetime
import hashlib
import json
import uuid

import pytest

from harness.http import assert_problem
from harness.process import wait_until
from harness.ws import Refused, WebSocket

LATER = "2999-01-01T00:00:00Z"


class KeyClient:
  """Speaks with an API key in place of a token."""

  def __init__(self, server, key):
    self.client, self.headers = server.client(), {"X-Api-Key": key}

  def request(self, method, path, body=None):
    return self.client.request(method, path, body, headers=self.headers)

  def get(self, path):
    return self.request("GET", path)


def make_key(client, name="script", **more):
  return client.ok("POST", "/auth/api-keys", {"name": name, **more}, status=201)


def test_a_key_is_shown_once_and_kept_hashed(server, admin):
  user = server.account("hashed")
  made = make_key(user, "backup script", expires_at=LATER)
  key = made["key"]
  assert key.startswith("sok_") and len(key) >= 4 + 32 and key.startswith(made["prefix"])
  assert made["name"] == "backup script" and made["expires_at"] == "2999-01-01T00:00:00.000Z" and made["last_used_at"] is None
  listed = user.ok("GET", "/auth/api-keys")
  assert listed["total"] == 1 and listed["items"][0]["id"] == made["id"]
  assert "key" not in listed["items"][0] and key not in json.dumps(listed)
  row = server.rows("SELECT * FROM api_keys WHERE id = ?", made["id"])[0]
  assert row["key_hash"] == hashlib.sha256(key.encode()).hexdigest()
  assert key not in json.dumps(row) and key not in server.log()


def test_a_key_stands_for_its_user(server, admin):
  user = server.account("scripted")
  script = KeyClient(server, make_key(user)["key"])
  assert script.get("/auth/me").json["username"] == "scripted"
  assert_problem(script.get("/admin/users"), 403)
  assert KeyClient(server, make_key(admin)["key"]).get("/admin/users").status == 200


def test_what_a_person_does_needs_a_session(server, admin):
  user = server.account("person")
  made = make_key(user)
  script = KeyClient(server, made["key"])
  for method, path, body in (("POST", "/auth/logout", None), ("PUT", "/auth/me", {"email": "x@example.org"}),
                             ("PUT", "/auth/me/password", {"current_password": "correct horse battery", "new_password": "another one"}),
                             ("GET", "/auth/api-keys", None), ("POST", "/auth/api-keys", {"name": "more"}),
                             ("DELETE", f"/auth/api-keys/{made['id']}", None)):
    assert_problem(script.request(method, path, body), 403, "session_required")
  assert user.get("/auth/me").json["email"] == "person@example.org"


@pytest.mark.parametrize("key", ["", "sok_", "sok_" + "A" * 43, "x" * 5000, "' OR 1=1 --", "sok_" + "A" * 42 + "\u00e9"])
def test_wrong_keys_are_refused(server, admin, key):
  reply = server.client().get("/auth/me", headers={"X-Api-Key": key.encode()})
  assert_problem(reply, 401)
  assert "WWW-Authenticate" in reply.headers


def test_two_credentials_are_none(server, admin):
  user = server.account("both")
  key = make_key(user)["key"]
  assert_problem(user.get("/auth/me", headers={"X-Api-Key": key}), 401, "two_credentials")
  reply = server.client().get("/auth/me", headers={"X-Api-Key": key, "Authorization": "Basic dTpw"})
  assert_problem(reply, 401, "two_credentials")


def test_a_deleted_key_ends_at_once_with_what_it_opened(server, admin):
  user = server.account("deleter")
  made = make_key(user)
  script = KeyClient(server, made["key"])
  by_header = WebSocket(server.port, "/ws", script.headers)
  by_ticket = WebSocket(server.port, f"/ws?ticket={script.request('POST', '/auth/ws-ticket').json['ticket']}")
  unused = script.request("POST", "/auth/ws-ticket").json["ticket"]
  own = server.socket(user)
  assert_problem(admin.delete(f"/auth/api-keys/{made['id']}"), 404)
  assert script.get("/auth/me").status == 200
  user.ok("DELETE", f"/auth/api-keys/{made['id']}", status=204)
  assert_problem(script.get("/auth/me"), 401, "api_key_invalid")
  assert by_header.wait_closed() == 4401 and by_ticket.wait_closed() == 4401
  with pytest.raises(Refused) as refused:
    WebSocket(server.port, f"/ws?ticket={unused}")
  assert refused.value.status == 401
  own.pump(0.2)
  assert own.closed is None
  assert_problem(user.delete(f"/auth/api-keys/{made['id']}"), 404)


def test_a_new_password_ends_sessions_and_keeps_keys(server, admin):
  user, other = server.account("changer"), server.login("changer")
  script = KeyClient(server, make_key(user)["key"])
  socket, signed_in = WebSocket(server.port, "/ws", script.headers), server.socket(other)
  user.ok("PUT", "/auth/me/password", {"current_password": "correct horse battery", "new_password": "another one"}, status=204)
  assert signed_in.wait_closed() == 4401
  assert_problem(other.get("/auth/me"), 401)
  assert script.get("/auth/me").status == 200 and user.get("/auth/me").status == 200
  socket.pump(0.2)
  assert socket.closed is None


def test_a_key_expires(server, admin):
  user = server.account("expirer")
  for wrong in ("2001-01-01T00:00:00Z", "tomorrow", 5, ""):
    problem = assert_problem(user.post("/auth/api-keys", {"name": "x", "expires_at": wrong}), 422)
    assert [error["field"] for error in problem["errors"]] == ["expires_at"], wrong
  soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
  script = KeyClient(server, make_key(user, expires_at=soon.isoformat())["key"])
  wait_until(lambda: script.get("/auth/me").status == 401, 20, 0.1, "the end of the key")


def test_keys_are_bounded_and_wrong_fields_named(server, admin):
  user = server.account("collector")
  for body in ({}, {"name": ""}, {"name": " "}, {"name": "x" * 65}, {"name": 5}, {"name": "a\nb"}):
    problem = assert_problem(user.post("/auth/api-keys", body), 422)
    assert [error["field"] for error in problem["errors"]] == ["name"], body
  for number in range(50):
    make_key(user, f"number {number}")
  assert_problem(user.post("/auth/api-keys", {"name": "one more"}), 409, "too_many_keys")
  first = user.ok("GET", "/auth/api-keys")["items"][0]
  user.ok("DELETE", f"/auth/api-keys/{first['id']}", status=204)
  make_key(user, "one more")


def test_the_last_use_is_written_once_a_minute(server, admin):
  user = server.account("used")
  made = make_key(user)
  script = KeyClient(server, made["key"])
  script.get("/auth/me")

  def last_used():
    return server.rows("SELECT last_used_at FROM api_keys WHERE id = ?", made["id"])[0]["last_used_at"]
  first = wait_until(last_used, 10, 0.05, "the time of use")
  for _ in range(20):
    script.get("/auth/me")
  assert last_used() == first
  assert user.ok("GET", "/auth/api-keys")["items"][0]["last_used_at"] is not None


def test_keys_are_audited_without_the_key(server, admin):
  user = server.account("audited")
  made = make_key(user, "for the audit")
  user.ok("DELETE", f"/auth/api-keys/{made['id']}", status=204)
  rows = server.rows("SELECT * FROM audit_logs WHERE resource_id = ? ORDER BY id", made["id"])
  assert [row["action"] for row in rows] == ["api_key.create", "api_key.delete"]
  assert json.loads(rows[0]["new_value"])["name"] == json.loads(rows[1]["old_value"])["name"] == "for the audit"
  assert made["key"] not in json.dumps(rows)


# --- Attempts at passwords. Each request comes from an address of its own unless a test says otherwise.

PASSWORD = "correct horse battery"


@pytest.fixture
def guarded(start):
  """A server with the limit on, behind a proxy that we are; and its admin."""
  server = start(rate_auth=5, trusted_proxies="127.0.0.1/32")
  server.addresses = (f"198.51.{high}.{low}" for high in range(100) for low in range(1, 255))
  server.owner = server.client().ok("POST", "/auth/register", {
    "username": "owner", "email": "owner@example.org", "password": PASSWORD, "setup_token": server.setup_token()}, status=201)
  return server


def attempt(server, name, password="wrong wrong", address=None, field="username"):
  headers = {"X-Forwarded-For": address or next(server.addresses)}
  return server.client().post("/auth/login", {field: name, "password": password}, headers=headers)


@pytest.mark.parametrize("name", ["owner", "owner@example.org", "nobody", "nobody@example.org"])
def test_one_account_is_tried_five_times_a_minute_from_wherever(guarded, name):
  spellings = [name, name.upper(), name.title(), name, name.upper()]
  assert [attempt(guarded, spelling).status for spelling in spellings] == [401] * 5
  for _ in range(2):
    refused = attempt(guarded, name)
    problem = assert_problem(refused, 429, "rate_limited")
    assert "account" not in problem["detail"] and int(refused.headers["Retry-After"]) in range(1, 61)
    for header, value in (("X-RateLimit-Limit", "5"), ("X-RateLimit-Remaining", "0")):
      assert refused.headers.get_all(header) == [value]
  assert attempt(guarded, "somebody-else").status == 401


def test_the_limit_is_exact_when_all_come_at_once(guarded):
  with concurrent.futures.ThreadPoolExecutor(20) as pool:
    statuses = [reply.status for reply in pool.map(lambda _: attempt(guarded, "owner"), range(20))]
  assert sorted(statuses) == [401] * 5 + [429] * 15


def ask_for_another(server, token, current):
  return server.client(token).put("/auth/me/password", {"current_password": current, "new_password": "another one"},
                                  headers={"X-Forwarded-For": next(server.addresses)})


OWNER = ["owner", "owner@example.org", "OWNER", " owner", "owner@example.org\t", "Owner@Example.Org", " OwNeR \n"]  # ways to call one account


def test_one_account_is_one_whatever_it_is_called(guarded):
  statuses = [attempt(guarded, name, field=("username", "email")[number % 2]).status for number, name in enumerate(OWNER)]
  assert statuses == [401] * 5 + [429] * 2
  for name in OWNER:
    assert_problem(attempt(guarded, name, PASSWORD), 429, "rate_limited")


def test_a_name_that_does_not_exist_is_counted_as_it_is_typed(guarded):
  for name, spellings in (("nobody", ["NOBODY", " nobody", "nobody\t", "Nobody", "nobody"]), ("nobody@example.org", ["Nobody@example.org "] * 5)):
    assert [attempt(guarded, spelling).status for spelling in spellings] == [401] * 5
    assert_problem(attempt(guarded, name), 429, "rate_limited")
  assert attempt(guarded, "no body").status == 401


def test_the_form_for_another_password_counts_at_the_same_account(guarded):
  token = attempt(guarded, "owner", PASSWORD).json["access_token"]
  for number in range(5):
    reply = attempt(guarded, OWNER[number]) if number % 2 else ask_for_another(guarded, token, "wrong wrong")
    assert reply.status == (401 if number % 2 else 422), reply
  assert_problem(ask_for_another(guarded, token, PASSWORD), 429)
  for name in OWNER:
    assert_problem(attempt(guarded, name, PASSWORD), 429)


def test_a_right_password_by_one_name_is_one_by_the_other(guarded):
  token = attempt(guarded, "owner", PASSWORD).json["access_token"]
  for _ in range(2):
    assert [attempt(guarded, "owner").status for _ in range(4)] == [401] * 4
    assert attempt(guarded, "owner@example.org", PASSWORD).status == 200
    assert [attempt(guarded, "owner@example.org").status for _ in range(4)] == [401] * 4
    assert attempt(guarded, " Owner ", PASSWORD).status == 200
  assert [attempt(guarded, "owner").status for _ in range(4)] == [401] * 4
  assert ask_for_another(guarded, token, PASSWORD).status == 204
  assert [attempt(guarded, "owner").status for _ in range(5)] == [401] * 5


def test_asking_for_mails_has_a_count_of_its_own(guarded):
  def ask(email, **more):
    return guarded.client().post("/auth/password/forgot", {"email": email, **more}, headers={"X-Forwarded-For": next(guarded.addresses)}).status
  assert [ask(email, username=uuid.uuid4().hex) for email in ("owner@example.org", "OWNER@example.org", " owner@example.org", "owner", "owner@example.org ")] == [202] * 5
  assert [ask("owner@example.org", username=uuid.uuid4().hex), ask("owner")] == [429] * 2
  assert [attempt(guarded, "owner").status for _ in range(5)] == [401] * 5


def test_sixty_four_at_once_find_the_edge_of_one_account(guarded):
  token = attempt(guarded, "owner", PASSWORD).json["access_token"]

  def one(number):
    if number % 8 == 7:
      return ask_for_another(guarded, token, "wrong wrong").status
    return attempt(guarded, OWNER[number % len(OWNER)], field=("username", "email")[number // 8 % 2]).status
  with concurrent.futures.ThreadPoolExecutor(64) as pool:
    statuses = list(pool.map(one, range(128)))
  passed = [status for status in statuses if status != 429]
  assert len(passed) == 5 and set(passed) <= {401, 422}, {status: statuses.count(status) for status in set(statuses)}


def test_an_own_token_does_not_help_to_guess_at_others(guarded):
  signed_in = attempt(guarded, "owner", PASSWORD)
  headers = {"Authorization": f"Bearer {signed_in.json['access_token']}"}
  statuses = [guarded.client().post("/auth/login", {"username": "victim", "password": "wrong wrong"},
                                    headers={**headers, "X-Forwarded-For": next(guarded.addresses)}).status for _ in range(6)]
  assert statuses == [401] * 5 + [429]


def test_right_passwords_are_not_counted(guarded):
  for _ in range(3):
    assert [attempt(guarded, "owner").status for _ in range(4)] == [401] * 4
    assert attempt(guarded, "owner", PASSWORD).status == 200


def test_strangers_do_not_lock_out_an_address_that_is_signed_in(guarded):
  home = "203.0.113.7"
  assert attempt(guarded, "owner", PASSWORD, home).status == 200
  for _ in range(5):
    attempt(guarded, "owner")
  assert attempt(guarded, "owner", PASSWORD).status == 429
  assert attempt(guarded, "owner", PASSWORD, home).status == 200


def test_strangers_do_not_lock_out_a_whitelisted_address(guarded):
  token = attempt(guarded, "owner", PASSWORD).json["access_token"]
  guarded.client(token).ok("POST", "/admin/security/whitelist", {"cidr": "203.0.113.0/28", "reason": "home"}, status=201)
  for _ in range(5):
    attempt(guarded, "owner")
  assert attempt(guarded, "owner", PASSWORD, "203.0.113.20").status == 429
  assert attempt(guarded, "owner", PASSWORD, "203.0.113.5").status == 200


def test_the_present_password_cannot_be_guessed_with_a_token(guarded):
  token = attempt(guarded, "owner", PASSWORD, "203.0.113.8").json["access_token"]
  for _ in range(5):
    assert_problem(ask_for_another(guarded, token, "wrong wrong"), 422)
  assert_problem(ask_for_another(guarded, token, PASSWORD), 429)


def test_one_address_is_counted_over_all_accounts(guarded):
  statuses = [attempt(guarded, f"name{number}", address="203.0.113.9").status for number in range(6)]
  assert statuses == [401] * 5 + [429]


# --- What ends a session, and how fast.

def socket_by_key(server, user):
  return WebSocket(server.port, "/ws", {"X-Api-Key": make_key(user)["key"]})


def within_a_second(condition, what):
  """Half a minute where programs are slow; the promise itself is what bench/login measures."""
  wait_until(condition, 30, 0.02, what)


def test_what_the_command_line_does_bites_in_a_running_server(start):
  server = start()
  server.admin()
  user = server.account("ada")
  by_session, by_key = server.socket(user), socket_by_key(server, user)
  stream = KeyClient(server, make_key(user)["key"])
  code, out, err = server.run("user", "role", "ada", "moderator")
  assert code == 0 and "was user and is moderator" in out, err
  assert by_session.wait_closed() == 1012 and by_key.wait_closed() == 1012  # come back with the new role
  within_a_second(lambda: user.get("/auth/me").json["role"] == "moderator", "the new role")
  by_session, by_key = server.socket(user), socket_by_key(server, user)
  code, out, err = server.run("user", "disable", "ada")
  assert code == 0, err
  assert by_session.wait_closed() == 4401 and by_key.wait_closed() == 4401
  within_a_second(lambda: user.get("/auth/me").status == 401 and stream.get("/auth/me").status == 401, "the end of both")
  code, out, err = server.run("user", "enable", "ada")
  within_a_second(lambda: stream.get("/auth/me").status == 200, "the key to work again")
  assert user.get("/auth/me").status == 401


def test_revoking_from_the_command_line_ends_sessions_and_keys(start):
  server = start()
  server.admin()
  user = server.account("ada")
  made = make_key(user, "script with a name")
  code, out, err = server.run("user", "keys", "ada")
  assert code == 0 and made["prefix"] in out and "script with a name" in out and made["key"] not in out
  sockets = [server.socket(user), WebSocket(server.port, "/ws", {"X-Api-Key": made["key"]})]
  code, out, err = server.run("user", "revoke", "ada")
  assert code == 0, err
  assert [socket.wait_closed() for socket in sockets] == [4401, 4401]
  assert_problem(user.get("/auth/me"), 401)
  assert_problem(KeyClient(server, made["key"]).get("/auth/me"), 401)
  for words in (["role", "ada"], ["role", "ada", "king"], ["role", "nobody", "user"], ["keys"], ["keys", "ada", "bob"], ["role", "admin", "user"]):
    assert server.run("user", *words)[0] in (1, 2), words


def test_a_socket_ends_when_its_key_expires(server, admin):
  user = server.account("fading")
  soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
  key = make_key(user, expires_at=soon.isoformat())["key"]
  socket = WebSocket(server.port, "/ws", {"X-Api-Key": key})
  assert socket.wait_closed(30) == 4401
  assert "expired" in assert_problem(KeyClient(server, key).get("/auth/me"), 401, "api_key_invalid")["detail"]


@pytest.mark.parametrize("path", ["/auth/api-keys", "/admin/providers", "/media/{}/files", "/streaming/providers/{}"])
def test_short_lists_have_pages_like_all_others(server, admin, path):
  film = admin.ok("POST", "/media", {"title": "Without a file", "media_type": "movie"}, status=201)["id"]
  assert admin.ok("GET", path.format(film))["per_page"] == 50


def test_logout_and_reuse_end_sockets_too(server, admin):
  user = server.account("ender")
  socket = server.socket(user)
  user.ok("POST", "/auth/logout", status=204)
  assert socket.wait_closed() == 4401
  user = server.login("ender")
  socket, old = server.socket(user), user.refresh_token
  user.ok("POST", "/auth/refresh", {"refresh_token": old}, token=None)
  assert_problem(server.client().post("/auth/refresh", {"refresh_token": old}), 401, "token_reused")
  assert socket.wait_closed() == 4401


@pytest.mark.parametrize("password, status", [
  ("1234567", 422), ("12345678", 201), ("x" * 72, 201), ("x" * 73, 422), ("\u00e9" * 8, 201), ("\u00e9" * 36, 201), ("\u00e9" * 37, 422),
  ("\u20ac" * 7, 422), ("with\u0000nul in it", 400), ("", 422), (12345678, 422),
])
def test_passwords_have_8_characters_and_72_bytes(server, admin, password, status):
  name = hashlib.sha256(repr(password).encode()).hexdigest()[:12]
  reply = server.client().post("/auth/register", {"username": name, "email": f"{name}@example.org", "password": password})
  assert reply.status == status, reply
  if status == 201:
    assert server.client().post("/auth/login", {"username": name, "password": password}).status == 200
    assert server.client().post("/auth/login", {"username": name, "password": password + "x"}).status == 401
