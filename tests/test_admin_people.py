"""What admins and moderators do with accounts, addresses and the audit trail."""

import datetime
import threading
import time

import pytest

from harness.http import Client, assert_problem
from harness.process import wait_until
from harness.scene import Torznab, release, settings_for
from harness.swarm import Swarm
from harness.ws import Refused, WebSocket

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def moderator(server, admin):
  client = server.account("moderator")
  admin.ok("PUT", f"/admin/users/{client.user['id']}/role", {"role": "moderator"})
  return client


@pytest.fixture
def person(server, admin):
  """person(): a fresh account, signed in."""
  made = []

  def make(prefix="person"):
    made.append(f"{prefix}-{time.monotonic_ns()}"[-32:])
    return server.account(made[-1])
  return make


def path_of(client, more=""):
  return f"/admin/users/{client.user['id']}{more}"


def is_out(client):
  """The access token and the refresh token are dead."""
  assert_problem(client.get("/auth/me"), 401)
  assert_problem(client.post("/auth/refresh", {"refresh_token": client.refresh_token}, token=None), 401)


# --- Accounts.

def test_admins_list_accounts_by_filter_and_order(server, admin, moderator, person):
  some = person("lister")
  for query, has in ((f"q={some.user['username'][:15]}", True), (f"q={some.user['username']}@EXAMPLE", True), ("role=user", True),
                     ("role=admin", False), ("is_active=true", True), ("is_active=false", False), ("q=%25lister", False)):
    page = admin.ok("GET", f"/admin/users?per_page=200&{query}")
    assert (some.user["id"] in [one["id"] for one in page["items"]]) == has, query
  names = [one["username"] for one in admin.ok("GET", "/admin/users?sort=username&per_page=200")["items"]]
  assert names == sorted(names, key=str.lower) and len(names) >= 3
  assert names[::-1] == [one["username"] for one in admin.ok("GET", "/admin/users?sort=-username&per_page=200")["items"]]
  for query in ("role=owner", "is_active=yes", "sort=email"):
    problem = assert_problem(admin.get(f"/admin/users?{query}"), 422)
    assert problem["errors"][0]["field"] == query.split("=")[0]
  assert_problem(some.get("/admin/users"), 403)


def test_moderators_get_statistics_without_addresses(server, admin, moderator, person):
  some = person("counted")
  some.ok("POST", "/search", {"query": "Paper Lantern"}, status=202)
  reply = moderator.get(f"/admin/users?q={some.user['username']}")
  assert reply.status == 200 and b"@" not in reply.body and b"email" not in reply.body, reply
  page = reply.json
  assert [(one["username"], one["searches"], one["downloads"]) for one in page["items"]] == [(some.user["username"], 1, 0)]
  counts = page["statistics"]
  assert sum(counts["by_role"].values()) == counts["total"] >= counts["active"] > 0
  assert counts["by_role"]["moderator"] >= 1 and counts["signed_in"]["day"] <= counts["signed_in"]["week"] <= counts["signed_in"]["month"]
  assert len(counts["new_per_month"]) == 12
  assert counts["new_per_month"][-1] == {"month": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m"), "count": counts["total"]}
  assert moderator.ok("GET", f"/admin/users?q={some.user['username']}@example.org")["items"] == []
  for method, path, body in (("GET", path_of(some), None), ("PUT", path_of(some), {"is_active": False}), ("DELETE", path_of(some), None),
                             ("PUT", path_of(some, "/role"), {"role": "admin"})):
    assert_problem(moderator.request(method, path, body), 403)


def test_a_role_counts_from_the_next_request(server, admin, person):
  some = person()
  socket = server.socket(some)
  assert_problem(some.get("/admin/users"), 403)
  changed = admin.ok("PUT", path_of(some, "/role"), {"role": "admin"})
  assert changed["role"] == "admin"
  assert some.get("/admin/users").status == 200  # with the token of before
  assert socket.wait_closed() == 1012
  server.socket(some).close()  # and it may come back
  admin.ok("PUT", path_of(some, "/role"), {"role": "user"})
  assert_problem(some.get("/admin/users"), 403)
  assert_problem(admin.put(path_of(some, "/role"), {"role": "owner"}), 422)
  assert_problem(admin.put(path_of(some, "/role"), {}), 422)
  assert_problem(admin.put("/admin/users/nobody/role", {"role": "user"}), 404)


def test_disabling_ends_everything_at_once_and_enabling_lets_in_again(server, admin, person):
  some = person()
  socket = server.socket(some)
  assert admin.ok("PUT", path_of(some), {"is_active": False})["is_active"] is False
  is_out(some)
  assert socket.wait_closed() == 4401
  assert_problem(server.client().post("/auth/login", {"username": some.user["username"], "password": PASSWORD}), 401)
  assert some.user["id"] in [one["id"] for one in admin.ok("GET", "/admin/users?is_active=false&per_page=200")["items"]]
  admin.ok("PUT", path_of(some), {"is_active": True})
  is_out(some)  # what has ended stays ended
  assert server.login(some.user["username"]).get("/auth/me").status == 200
  assert_problem(admin.put(path_of(some), {"is_active": "no"}), 422)


class Key:
  """A client with an API key of `client`, and a WebSocket that it opened."""

  def __init__(self, client):
    self.port, self.user = client.port, client.user
    self.headers = {"X-Api-Key": client.ok("POST", "/auth/api-keys", {"name": "script"})["key"]}
    self.client = Client(self.port)
    self.socket = WebSocket(self.port, "/ws", headers=self.headers)

  def get(self, path):
    return self.client.get(path, headers=self.headers)


def test_api_keys_and_what_they_opened_follow_role_and_activity(server, admin, person):
  some = person()
  key = Key(some)
  assert_problem(key.get("/admin/users"), 403)
  admin.ok("PUT", path_of(some, "/role"), {"role": "admin"})
  assert key.get("/admin/users").status == 200 and key.socket.wait_closed() == 1012
  admin.ok("PUT", path_of(some, "/role"), {"role": "user"})
  assert_problem(key.get("/admin/users"), 403)
  again = WebSocket(key.port, "/ws", headers=key.headers)
  admin.ok("PUT", path_of(some), {"is_active": False})
  assert_problem(key.get("/auth/me"), 401)
  assert again.wait_closed() == 4401
  admin.ok("PUT", path_of(some), {"is_active": True})
  assert key.get("/auth/me").status == 200  # it rested
  last = WebSocket(key.port, "/ws", headers=key.headers)
  admin.ok("DELETE", path_of(some))
  assert_problem(key.get("/auth/me"), 401)
  assert last.wait_closed() == 4401


def test_a_user_who_is_deleted_in_the_middle_of_a_search(start, keep):
  indexer = keep(Torznab([release("Paper.Lantern.2019.720p.WEB-DL.x264-OWN", 1)], fault="slow"))
  server = start(**settings_for([indexer]))
  admin, some, other = server.admin(), server.account("some"), server.account("other")
  search = some.ok("POST", "/search", {"query": "Paper Lantern"}, status=202)["search_id"]
  wait_until(lambda: some.ok("GET", f"/search/{search}")["status"] == "running", 20, what="the search to run")
  admin.ok("DELETE", path_of(some))
  indexer.fault = None
  assert server.search(other, "Paper Lantern")["status"] == "completed"
  wait_until(lambda: server.rows("SELECT id FROM tasks WHERE status IN ('pending', 'running')") == [], 60, what="the end of all jobs")
  assert server.rows("SELECT id FROM searches WHERE id = ?", search) == [] and server.rows("SELECT id FROM tasks WHERE id = ?", search) == []
  assert '"level":"error"' not in server.log()


def test_if_match_is_honoured(server, admin, person):
  some = person()
  seen = admin.get(path_of(some)).headers["ETag"]
  assert admin.get(path_of(some), headers={"If-None-Match": seen}).status == 304
  admin.ok("PUT", path_of(some, "/role"), {"role": "moderator"}, headers={"If-Match": seen})
  assert_problem(admin.put(path_of(some, "/role"), {"role": "admin"}, headers={"If-Match": seen}), 412)
  assert_problem(admin.put(path_of(some), {"is_active": False}, headers={"If-Match": seen}), 412)
  assert admin.ok("GET", path_of(some))["role"] == "moderator"


def test_deleting_takes_all_that_is_the_users_own(server, admin, person):
  some, witness = person(), person()
  socket = server.socket(some)
  search = some.ok("POST", "/search", {"query": "Paper Lantern"}, status=202)
  collection = some.ok("POST", "/collections", {"name": "mine", "is_public": True})
  assert witness.get(f"/collections/{collection['id']}").status == 200
  some.ok("POST", "/library/favorites", {"media_id": search["media_id"]})
  assert admin.delete(path_of(some)).status == 204
  is_out(some)
  assert socket.wait_closed() == 4401
  assert_problem(witness.get(f"/collections/{collection['id']}"), 404)
  assert_problem(admin.get(path_of(some)), 404)
  assert_problem(admin.delete(path_of(some)), 404)
  assert witness.get(f"/media/{search['media_id']}").status == 200  # the work is everybody's
  for table in ("sessions", "searches", "tasks", "collections", "library_favorites", "downloads"):
    assert server.rows(f"SELECT id FROM {table} WHERE user_id = ?", some.user["id"]) == [], table
  assert server.integrity() == ("ok", [])
  again = server.account(some.user["username"])  # the name is free
  assert again.user["id"] != some.user["id"]


def test_the_last_admin_stays_whatever_two_ask_at_once(start):
  server = start()
  admins = [server.admin()]
  for way in (lambda client: ("PUT", path_of(client, "/role"), {"role": "user"}), lambda client: ("PUT", path_of(client), {"is_active": False}),
              lambda client: ("DELETE", path_of(client), None)):
    assert_problem(admins[0].request(*way(admins[0])), 409, "last_admin")
  number = 0
  for way in (lambda client: ("PUT", path_of(client, "/role"), {"role": "user"}), lambda client: ("PUT", path_of(client), {"is_active": False}),
              lambda client: ("DELETE", path_of(client), None)):
    for _ in range(5):
      number += 1
      admins.append(server.account(f"second{number}"))
      admins[0].ok("PUT", path_of(admins[1], "/role"), {"role": "admin"})
      replies, gate = {}, threading.Barrier(2)

      def ask(client, other):
        gate.wait()
        replies[client] = other.request(*way(client))  # each asks to be rid of the other
      threads = [threading.Thread(target=ask, args=pair) for pair in (admins, admins[::-1])]
      for thread in threads:
        thread.start()
      for thread in threads:
        thread.join()
      left = server.rows("SELECT id FROM users WHERE role = 'admin' AND is_active = 1")
      assert len(left) == 1, replies
      # The loser was told that it would leave none, or was no admin any more when its request came.
      assert sorted(reply.status < 300 for reply in replies.values()) == [False, True], replies
      assert {reply.status for reply in replies.values() if reply.status >= 300} <= {401, 403, 409}
      admins = [client for client in admins if client.user["id"] == left[0]["id"]]


def test_a_running_download_goes_with_its_user_and_another_keeps_the_same(start, folder, keep, films, tracker):
  film = keep(Swarm(folder / "swarm", films("middle.mkv", mib=24), tracker, "Paper.Lantern.2019.720p.mkv", up_kib=1500))
  other_film = keep(Swarm(folder / "other", films("small.mkv", mib=8), tracker, "Harbour.Lights.S01E01.720p.mkv", up_kib=200))
  server = start()
  admin, leaver, keeper = server.admin(), server.account("leaver"), server.account("keeper")
  shared = [server.download(client, magnet_link=film.torrent.magnet()) for client in (leaver, keeper)]
  alone = server.download(leaver, magnet_link=other_film.torrent.magnet())
  for client, download_id in ((leaver, shared[0]), (keeper, shared[1]), (leaver, alone)):
    server.wait_download(client, download_id, ("downloading",), 30)
  own = server.downloads / other_film.torrent.info_hash
  wait_until(own.exists, 30, what="the download's folder")
  assert admin.delete(path_of(leaver)).status == 204
  wait_until(lambda: not own.exists(), 30, what="the end of the deleted user's folder")
  wait_until(lambda: server.rows("SELECT * FROM download_leftovers") == [], 30, what="nothing noted any more")
  assert not own.exists() and not list(server.data.glob(f"resume/{other_film.torrent.info_hash}*"))
  server.wait_download(keeper, shared[1], limit_s=90)
  assert [path.stat().st_size for path in server.library.rglob("*.mkv")] == [film.path.stat().st_size]
  server.restart()
  assert keeper.ok("GET", f"/downloads/{shared[1]}")["status"] in ("seeding", "completed")
  assert '"level":"error"' not in server.log()


# --- Addresses.

class At:
  """A client that calls from another address: through a proxy that the server trusts."""

  def __init__(self, client, address):
    self.client, self.headers = client, {"X-Forwarded-For": address}

  def request(self, method, path, body=None, **options):
    return self.client.request(method, path, body, headers={**self.headers, **options.pop("headers", {})}, **options)

  def get(self, path):
    return self.request("GET", path)

  def socket(self):
    ticket = self.request("POST", "/auth/ws-ticket").json["ticket"]
    return WebSocket(self.client.port, f"/ws?ticket={ticket}", headers=self.headers)


@pytest.fixture
def gated(start):
  """A server behind a trusted proxy and its admin at 198.51.100.10."""
  server = start(trusted_proxies="127.0.0.1/32")
  return server, At(server.admin(), "198.51.100.10")


def add(admin, kind, cidr, **more):
  reply = admin.request("POST", f"/admin/security/{kind}", {"cidr": cidr, **more})
  assert reply.status == 201, reply
  return reply.json


def remove(admin, kind, rule):
  return admin.request("DELETE", f"/admin/security/{kind}/{rule['id']}")


def in_seconds(seconds):
  moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
  return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def let_in(server, address):
  return At(server.client(), address).get("/openapi.json").status == 200


def test_a_rule_counts_for_the_next_request_and_black_wins_except_for_white(gated):
  server, admin = gated
  black = add(admin, "blacklist", "192.0.2.0/24", reason="noise")
  assert not let_in(server, "192.0.2.1") and not let_in(server, "::ffff:192.0.2.255") and let_in(server, "192.0.3.1")
  assert_problem(At(server.client(), "192.0.2.1").get("/auth/me"), 403, "address_blocked")
  white = add(admin, "whitelist", "192.0.2.7")
  assert white["cidr"] == "192.0.2.7/32" and let_in(server, "192.0.2.7") and not let_in(server, "192.0.2.8")
  assert At(server.client(), "192.0.2.7").get("//metrics").status == 200  # whitelisted: an operator's address
  assert remove(admin, "whitelist", white).status == 204 and not let_in(server, "192.0.2.7")
  assert remove(admin, "whitelist", black).status == 404 and remove(admin, "blacklist", black).status == 204
  assert let_in(server, "192.0.2.1") and remove(admin, "blacklist", black).status == 404
  add(admin, "blacklist", "2001:db8::/32")
  assert not let_in(server, "2001:db8:1::5") and let_in(server, "2001:db9::1")
  add(admin, "blacklist", "::/0")
  assert not let_in(server, "2001:db9::1") and let_in(server, "203.0.113.1")  # all of IPv6, nothing of IPv4
  server.restart()
  assert not let_in(server, "2001:db9::1")


def test_networks_are_written_in_one_way_and_doubtful_ones_refused(gated):
  _, admin = gated
  for cidr, written in (("10.0.0.0/8", "10.0.0.0/8"), ("::ffff:11.0.0.0/104", "11.0.0.0/8"), ("2001:DB8:0::/48", "2001:db8::/48"),
                        ("::1", "::1/128"), ("::ffff:192.0.2.9", "192.0.2.9/32")):
    assert add(admin, "whitelist", cidr)["cidr"] == written
  reply = admin.request("POST", "/admin/security/whitelist", {"cidr": "::ffff:10.0.0.0/104"})
  assert_problem(reply, 409, "rule_exists")
  for cidr, code in (("192.0.2.7/24", "host_bits"), ("2001:db8::1/32", "host_bits"), ("::ffff:192.0.2.1/64", "host_bits"), ("192.0.2.0/33", "invalid"),
                     ("192.0.2.0/-1", "invalid"), ("192.0.2.0/ 8", "invalid"), ("192.0.2", "invalid"), ("fe80::1%eth0", "invalid"), ("example.org", "invalid"),
                     ("10.0.0.0/8/8", "invalid"), ("", "required"), (7, "wrong_type"), (None, "required"), ("1" * 65, "too_long")):
    problem = assert_problem(admin.request("POST", "/admin/security/blacklist", {"cidr": cidr}), 422)
    assert [(one["field"], one["code"]) for one in problem["errors"]] == [("cidr", code)], cidr
  wrong = {"cidr": "nonsense", "reason": "x" * 501, "expires_at": in_seconds(-5)}
  problem = assert_problem(admin.request("POST", "/admin/security/blacklist", wrong), 422)
  assert {one["field"]: one["code"] for one in problem["errors"]} == {"cidr": "invalid", "reason": "too_long", "expires_at": "in_the_past"}
  assert add(admin, "blacklist", "192.0.2.0/24", reason="ü" * 500)["reason"] == "ü" * 500


def test_nobody_locks_out_the_address_they_call_from(gated):
  server, admin = gated

  def refused(reply):
    assert_problem(reply, 409, "would_lock_out_yourself")
    assert let_in(server, "198.51.100.10")
  for cidr in ("198.51.100.10", "198.51.100.0/24", "0.0.0.0/0", "::ffff:198.51.100.10"):
    refused(admin.request("POST", "/admin/security/blacklist", {"cidr": cidr}))
    refused(admin.request("POST", "/admin/security/blacklist", {"cidr": cidr, "expires_at": in_seconds(60)}))
  own, wide = add(admin, "whitelist", "198.51.100.10"), add(admin, "whitelist", "198.51.0.0/16", expires_at=in_seconds(3600))
  add(admin, "blacklist", "198.51.100.0/24")
  refused(remove(admin, "whitelist", own))  # the wider one ends before the blacklisting does
  assert let_in(server, "198.51.100.11") and remove(admin, "whitelist", wide).status == 204 and not let_in(server, "198.51.100.11")
  refused(remove(admin, "whitelist", own))
  lasting = add(admin, "whitelist", "198.51.0.0/16")
  assert remove(admin, "whitelist", own).status == 204  # still protected by a covering one
  refused(remove(admin, "whitelist", lasting))
  # Only for a while: a blacklisting that ends before the whitelisting does is fine.
  add(admin, "whitelist", "203.0.113.5", expires_at=in_seconds(600))
  other = At(admin.client, "203.0.113.5")
  add(other, "blacklist", "203.0.113.0/24", expires_at=in_seconds(300))
  refused(other.request("POST", "/admin/security/blacklist", {"cidr": "203.0.113.4/31"}))
  # What another admin does is not held against this one: somebody else may keep this address out.
  add(admin, "blacklist", "203.0.113.5", expires_at=in_seconds(900))
  add(other, "blacklist", "192.0.2.0/24")


def test_an_expired_rule_stops_to_count_at_its_time(gated):
  server, admin = gated
  add(admin, "blacklist", "192.0.2.1", expires_at=in_seconds(2))
  assert not let_in(server, "192.0.2.1")
  wait_until(lambda: let_in(server, "192.0.2.1"), 15, what="the end of the rule")
  assert admin.get("/admin/security/blacklist").json["total"] == 0
  add(admin, "blacklist", "192.0.2.1")  # and makes room for a new one


def test_open_websockets_of_a_blacklisted_address_are_closed(gated):
  server, admin = gated
  some = server.account("some")
  hit, spared = At(some, "192.0.2.1").socket(), At(some, "192.0.3.1").socket()
  add(admin, "blacklist", "192.0.2.0/24")
  assert hit.wait_closed() == 1008
  spared.send({"subscribe": ["all"]})
  spared.wait("subscribed")
  ticket = some.ok("POST", "/auth/ws-ticket")["ticket"]
  with pytest.raises(Refused) as refused:
    WebSocket(server.port, f"/ws?ticket={ticket}", headers={"X-Forwarded-For": "192.0.2.1"})
  assert refused.value.status == 403


def test_rules_are_listed_in_pages_for_admins_only(gated):
  server, admin = gated
  rules = [add(admin, "blacklist", f"192.0.2.{number}", reason=str(number)) for number in range(7)]
  add(admin, "whitelist", "192.0.2.100")
  seen, cursor = [], ""
  while cursor is not None:
    page = admin.get(f"/admin/security/blacklist?per_page=3&sort=cidr{cursor}").json
    assert page["total"] == 7
    seen += page["items"]
    cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
  assert [rule["id"] for rule in seen] == [rule["id"] for rule in rules]
  assert seen[0] == rules[0] and seen[0]["created_by"] == admin.client.user["id"]
  assert [rule["reason"] for rule in admin.get("/admin/security/blacklist?per_page=2").json["items"]] == ["6", "5"]
  assert_problem(admin.get("/admin/security/blacklist?sort=reason"), 422)
  user = server.account("user")
  for kind in ("whitelist", "blacklist"):
    assert_problem(user.get(f"/admin/security/{kind}"), 403)
    assert_problem(user.post(f"/admin/security/{kind}", {"cidr": "192.0.2.1"}), 403)
    assert_problem(user.delete(f"/admin/security/{kind}/{rules[0]['id']}"), 403)
