"""The audit trail: every action is there, with what was and what is, from where and in which request; and it stays as it is."""

import json
import re
import sqlite3
import struct
import zlib

import psycopg2
import pytest

from harness.clamd import MARKER, Clamd
from harness.http import assert_problem
from harness.process import wait_until
from harness.routes import table
from harness.scene import Torznab, metadata, release, settings_for
from harness.sokoul import ROOT, SET, Sokoul

PASSWORD = "correct horse battery"
PAGE = ROOT / "docs" / "guide" / "audit.md"
ADDRESS = "198.51.100.77"
SECRETS = ("key-of-the-provider", "another-key-of-it", PASSWORD, "a new passphrase", "a third passphrase", "not the password")


def actions_of_the_guide():
  return dict(re.findall(r"^\| `([\w.]+)` \| (\w+) \|", PAGE.read_text(), re.M))


class Caller:
  """A client at ADDRESS whose requests are named, so that each entry can be told which request it is of."""

  def __init__(self, client):
    self.client, self.number, self.route = client, 0, None

  def __call__(self, method, path, body=None, status=(200, 201, 202, 204), token=..., raw=None, headers=None):
    self.number += 1
    self.route = method, path
    sent = {"X-Forwarded-For": ADDRESS, "X-Request-ID": f"audit-{id(self)}-{self.number}", **(headers or {})}
    reply = self.client.request(method, path, body, headers=sent, token=token, raw=raw)
    assert reply.status in ((status,) if isinstance(status, int) else status), (method, path, reply)
    return reply.json if reply.body else None

  @property
  def last_request(self):
    return f"audit-{id(self)}-{self.number}"


def picture():
  """A PNG of one pixel."""
  def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
  return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"\0\x10\x20\x30"))
          + chunk(b"IEND", b""))


class World:
  """A server on which everything that is written down was done once; `done`: {action: (request id, who did it)}."""

  def __init__(self, start, keep, folder):
    self.indexer = keep(Torznab([release("Paper.Lantern.2019.720p.WEB-DL.x264-OWN", 1)], fault="401"))
    tmdb, tvmaze = metadata(keep)
    clamd = keep(Clamd(folder / "clamd"))
    self.server = start(trusted_proxies="127.0.0.1/32", clamd=clamd.unix, **settings_for([self.indexer], tmdb=tmdb, tvmaze=tvmaze))
    self.done, self.covered = {}, []
    self.admin_client = self.server.admin("owner")
    self.admin = Caller(self.admin_client)
    self.accounts()
    self.administration()
    self.media()

  def note(self, action, caller, who):
    self.done.setdefault(action, (caller.last_request, who))
    self.covered.append(caller.route)
    written = wait_until(lambda: self.entries(f"&request_id={caller.last_request}"), 20, what=f"the entry of {action}")  # asking for a mail writes it later
    assert [entry["action"] for entry in written] == [action], caller.route

  def accounts(self):
    caller, admin = Caller(self.server.client()), self.admin
    user = caller("POST", "/auth/register", {"username": "subject", "email": "subject@example.org", "password": PASSWORD})
    self.user = user
    self.note("register", caller, user["id"])
    caller("POST", "/auth/login", {"username": "subject", "password": "not the password"}, status=401)
    self.note("login_failed", caller, None)
    pair = caller("POST", "/auth/login", {"username": "subject", "password": PASSWORD})
    self.note("login", caller, user["id"])
    caller("POST", "/auth/refresh", {"refresh_token": pair["refresh_token"]})
    caller("POST", "/auth/refresh", {"refresh_token": pair["refresh_token"]}, status=401)
    self.note("token_reused", caller, user["id"])
    caller.client.token = self.server.login("subject").token
    caller("PUT", "/auth/me", {"username": "renamed", "email": "renamed@example.org"})
    self.note("user.update", caller, user["id"])
    caller("PUT", "/auth/me/password", {"current_password": "a wrong one", "new_password": "a new passphrase"}, status=422)
    self.note("password_change_failed", caller, user["id"])
    caller("PUT", "/auth/me/password", {"current_password": PASSWORD, "new_password": "a new passphrase"})
    self.note("password_changed", caller, user["id"])
    self.send_picture(caller, picture())
    self.note("user.avatar", caller, user["id"])
    caller("DELETE", "/auth/me/avatar")
    self.note("user.avatar", caller, user["id"])
    self.send_picture(caller, picture() + MARKER, status=422)
    self.note("upload.infected", caller, user["id"])
    key = caller("POST", "/auth/api-keys", {"name": "script"})
    self.secret_key = key["key"]
    self.note("api_key.create", caller, user["id"])
    caller("DELETE", f"/auth/api-keys/{key['id']}")
    self.note("api_key.delete", caller, user["id"])
    caller("POST", "/auth/logout")
    self.note("logout", caller, user["id"])
    nobody = Caller(self.server.client())
    nobody("POST", "/auth/password/forgot", {"email": "renamed@example.org"})
    self.note("password_reset_requested", nobody, None)
    link = wait_until(lambda: re.search(r"/reset\?token=([\w-]+)", self.server.log()), 20, what="the link in the log")
    nobody("POST", "/auth/password/reset", {"token": link[1], "password": "a third passphrase"})
    self.note("password_reset", nobody, user["id"])
    assert self.server.run("user", "revoke", "renamed")[0] == 0
    owner = self.admin_client.user["id"]
    for action, method, path, body in (("user.role", "PUT", "/role", {"role": "moderator"}), ("user.disable", "PUT", "", {"is_active": False}),
                                       ("user.enable", "PUT", "", {"is_active": True}), ("user.delete", "DELETE", "", None)):
      admin(method, f"/admin/users/{user['id']}{path}", body)
      self.note(action, admin, owner)

  def send_picture(self, caller, content, status=200):
    mark = "----boundary"
    head = f'--{mark}\r\nContent-Disposition: form-data; name="avatar"; filename="x.png"\r\n\r\n'
    caller("PUT", "/auth/me/avatar", raw=head.encode() + content + f"\r\n--{mark}--\r\n".encode(), status=status,
           headers={"Content-Type": f"multipart/form-data; boundary={mark}"})

  def administration(self):
    admin, owner = self.admin, self.admin_client.user["id"]
    for kind in ("whitelist", "blacklist"):
      rule = admin("POST", f"/admin/security/{kind}", {"cidr": "203.0.113.0/24", "reason": "for the audit"})
      self.note(f"{kind}.add", admin, owner)
      admin("DELETE", f"/admin/security/{kind}/{rule['id']}")
      self.note(f"{kind}.remove", admin, owner)
    provider = admin("POST", "/admin/providers", {"name": "mine", "kind": "torznab", "base_url": self.indexer.base + "/api", "api_key": SECRETS[0]})
    self.note("provider.add", admin, owner)
    path = f"/admin/providers/{provider['id']}"
    admin("PUT", path, {"priority": 7, "api_key": SECRETS[1]})
    self.note("provider.update", admin, owner)
    admin("POST", f"{path}/test")
    self.note("provider.test", admin, owner)
    admin("DELETE", path)
    self.note("provider.remove", admin, owner)
    admin("PUT", "/admin/settings", {"rate_search": 31})
    self.note("settings.update", admin, owner)
    admin("POST", "/admin/cache/clear", {"kind": "all"})
    self.note("cache.clear", admin, owner)
    admin("POST", "/search", {"query": "Paper Lantern"})
    letters = wait_until(lambda: self.admin_client.ok("GET", "/admin/dead-letters")["items"], 90, what="a dead letter")
    admin("POST", f"/admin/dead-letters/{letters[0]['id']}/retry")
    self.note("dead_letter.retry", admin, owner)

  def media(self):
    admin, owner = self.admin, self.admin_client.user["id"]
    # No provider knows it: one that is known may turn out to be the work of a search, and its row goes.
    media = admin("POST", "/media", {"title": "Nobody Filmed This", "media_type": "movie", "year": 2019})
    self.note("media.create", admin, owner)
    path = f"/media/{media['id']}"
    admin("PUT", path, {"year": 2020})
    self.note("media.update", admin, owner)
    admin("POST", f"{path}/enrich")
    self.note("media.enrich", admin, owner)
    admin("POST", "/media/scan")
    self.note("media.scan", admin, owner)
    admin("DELETE", path)
    self.note("media.delete", admin, owner)

  def entries(self, query=""):
    """All that the filters find."""
    found, cursor = [], ""
    while cursor is not None:
      page = self.admin_client.ok("GET", f"/admin/audit-logs?per_page=50{query}{cursor}")
      found += page["items"]
      cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
    assert len(found) == page["total"]
    return found


@pytest.fixture(scope="module")
def world(module_folder, module_keep):
  return World(lambda **settings: module_keep(Sokoul(module_folder / "sokoul", **settings)), module_keep, module_folder)


def test_every_action_is_in_the_guide_and_every_one_of_the_guide_happens(world):
  guide = {action: resource for action, resource in actions_of_the_guide().items() if resource != "backup"}  # test_backup.py sees those
  happened = {entry["action"]: entry["resource"] for entry in world.entries()}
  assert happened == guide
  assert set(world.done) | {"user.revoke"} == set(guide)


def test_every_route_that_changes_what_others_depend_on_writes_an_entry(world):
  def is_covered(route):
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route.path.removeprefix("/api/v1")))
    return any(method == route.method and re.fullmatch(pattern, path) for method, path in world.covered)
  concerned = [route for route in table() if route.method != "GET" and (route.who in "AMS" or route.path.startswith("/api/v1/auth/"))]
  assert len(concerned) > 25
  assert [route.name for route in concerned if not is_covered(route)] == ["POST /api/v1/auth/ws-ticket"]


def test_every_entry_says_who_from_where_and_in_which_request(world):
  for action, (request_id, who) in world.done.items():
    (entry,) = world.entries(f"&action={action}&request_id={request_id}")
    assert (entry["user_id"], entry["ip_address"]) == (who, ADDRESS), entry
    assert (entry["username"] is None) == (who is None)


def test_old_and_new_values_are_what_was_and_what_is(world):
  def values(action):
    (entry,) = world.entries(f"&request_id={world.done[action][0]}")
    return entry["old_value"], entry["new_value"]
  assert values("register") == (None, {"username": "subject", "email": "subject@example.org", "role": "user"})
  assert values("login_failed") == (None, {"username": "subject"})
  assert values("user.update") == ({"username": "subject", "email": "subject@example.org"}, {"username": "renamed", "email": "renamed@example.org"})
  assert values("user.role") == ({"role": "user"}, {"role": "moderator"})
  assert values("user.disable") == ({"is_active": True}, {"is_active": False})
  assert values("user.delete") == ({"username": "renamed", "role": "moderator", "is_active": True}, None)
  assert values("blacklist.add") == (None, {"cidr": "203.0.113.0/24", "reason": "for the audit", "expires_at": None})
  assert values("whitelist.remove") == ({"cidr": "203.0.113.0/24", "reason": "for the audit", "expires_at": None}, None)
  assert values("provider.update") == ({"priority": 100}, {"priority": 7, "key_changed": True})
  old, new = values("provider.remove")
  assert (old["name"], old["has_key"], new) == ("mine", True, None)
  assert values("media.update") == ({"year": 2019}, {"year": 2020})
  old, new = values("media.delete")
  assert (old["title"], old["delete_files"], new) == ("Nobody Filmed This", False, None)


def test_an_unknown_name_is_not_written_down(world):
  caller = Caller(world.server.client())
  caller("POST", "/auth/login", {"username": "oh-my-password-here", "password": "not the password"}, status=401)
  (entry,) = world.entries(f"&request_id={caller.last_request}")
  assert (entry["action"], entry["user_id"], entry["resource_id"], entry["new_value"]) == ("login_failed", None, None, {"username": None})
  assert "oh-my-password-here" not in world.server.log()


def test_the_command_line_is_written_down(start):
  server = start()
  admin = server.admin()
  for arguments, stdin in ((("user", "add", "cleo", "--email", "cleo@example.org", "--role", "user"), "a good passphrase\n"),
                           (("user", "passwd", "cleo"), "a better passphrase\n"), (("user", "disable", "cleo"), None),
                           (("user", "disable", "cleo"), None), (("user", "enable", "cleo"), None),
                           (("provider", "add", "mine", "--kind", "torznab", "--url", "http://127.0.0.1:9/api"), "the-key-of-it\n"),
                           (("provider", "remove", "mine"), None)):
    code, _, said = server.run(*arguments, stdin=stdin)
    assert code == 0, (arguments, said)
  entries = [entry for entry in admin.ok("GET", "/admin/audit-logs")["items"] if entry["request_id"] is None]
  assert [entry["action"] for entry in entries][::-1] == ["register", "password_changed", "user.disable", "user.enable", "provider.add", "provider.remove"]
  assert all(entry["user_id"] is None and entry["ip_address"] is None for entry in entries)
  assert entries[-1]["new_value"] == {"username": "cleo", "role": "user"}
  assert "the-key-of-it" not in json.dumps(entries) and "passphrase" not in json.dumps(entries)


def test_no_secret_is_in_the_trail_or_the_log(world):
  trail, log = json.dumps(world.entries()), world.server.log()
  for secret in (*SECRETS, world.secret_key):
    assert secret not in trail and secret not in log, secret


def test_entries_are_found_by_each_filter(world):
  subject, total = world.user["id"], len(world.entries())
  assert {entry["user_id"] for entry in world.entries(f"&user={subject}")} == {subject}
  assert len(world.entries("&user=SUBJECT")) > 0 and len(world.entries("&user=renamed")) > 0  # deleted by now, and renamed before
  assert {entry["resource"] for entry in world.entries("&resource=ip_rule")} == {"ip_rule"}
  assert {entry["action"] for entry in world.entries(f"&resource_id={subject}&action=user.role")} == {"user.role"}
  assert {entry["ip_address"] for entry in world.entries("&ip=198.51.100.0/24")} == {ADDRESS}
  assert world.entries(f"&ip=::ffff:{ADDRESS}") == world.entries(f"&ip={ADDRESS}") != []
  assert world.entries("&ip=203.0.113.0/24") == [] and world.entries("&ip=::/0") == []  # nothing of IPv4 in it
  assert len(world.entries("&ip=0.0.0.0/0")) == total - 1  # all but what the command line did
  moments = sorted(entry["created_at"] for entry in world.entries())
  middle = moments[len(moments) // 2]
  before, after = world.entries(f"&to={middle}"), world.entries(f"&from={middle}")
  assert len(before) + len(after) == total and all(entry["created_at"] < middle for entry in before)
  times = [entry["created_at"] for entry in world.entries()]
  assert times == sorted(times, reverse=True)
  for query, field in (("ip=192.0.2", "ip"), ("from=yesterday", "from"), ("to=1", "to"), ("sort=action", "sort"), ("per_page=0", "per_page")):
    problem = assert_problem(world.admin_client.get(f"/admin/audit-logs?{query}"), 422)
    assert [one["field"] for one in problem["errors"]] == [field]


def test_moderators_read_it_without_email_addresses_and_users_do_not(world):
  moderator = world.server.account("reader")
  assert_problem(moderator.get("/admin/audit-logs"), 403)
  world.admin_client.ok("PUT", f"/admin/users/{moderator.user['id']}/role", {"role": "moderator"})
  reply = moderator.get("/admin/audit-logs?per_page=200")
  assert reply.status == 200 and b"@" not in reply.body, reply
  assert reply.json["total"] == len(world.entries())


def test_nothing_changes_or_deletes_an_entry(world):
  (entry,) = world.entries(f"&request_id={world.done['user.role'][0]}")
  for method in ("POST", "PUT", "DELETE"):
    assert world.admin_client.request(method, "/admin/audit-logs", {}).status == 405
    assert world.admin_client.request(method, f"/admin/audit-logs/{entry['id']}", {}).status == 404
  own_way = "TRUNCATE audit_logs" if SET == "cluster" else "REPLACE INTO audit_logs SELECT * FROM audit_logs LIMIT 1"
  for sql in ("UPDATE audit_logs SET ip_address = NULL", "DELETE FROM audit_logs", own_way):
    with pytest.raises((sqlite3.IntegrityError, psycopg2.IntegrityError), match="append-only"):
      world.server.change(sql, [()])


def test_each_entry_is_a_line_of_the_log(world):
  lines = [json.loads(line) for line in world.server.log().splitlines() if line.startswith("{")]
  audit = {(line["action"], line["request_id"]) for line in lines if line["job"] == "sokoul-audit" and "action" in line}
  for action, (request_id, _) in world.done.items():
    assert (action, request_id) in audit
  auth = {line["action"]: line for line in lines if line["job"] == "sokoul-auth" and line.get("ip") == ADDRESS}
  assert {"register", "login", "login_failed", "logout", "token_reused", "password_changed", "password_change_failed", "password_reset_requested", "password_reset",
          "api_key.create", "api_key.delete"} <= set(auth)
  assert auth["login_failed"]["level"] == "info" and "user.role" not in auth
