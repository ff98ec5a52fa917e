"""Thousands of hostile requests over every route: none is a 5xx, none hurts, each refusal is a problem document, nothing
grows. The requests are made from the route table and docs/api/openapi.json, so a new route is in here by itself."""

import collections
import json
import os
import random
import urllib.parse

import pytest

from harness import replies
from harness.hostile import Maker
from harness.http import assert_problem
from harness.routes import table
from harness.sokoul import BINARY, Sokoul
from harness.wire import CLOSED, Garbage, Wire

REQUESTS = int(os.environ.get("SOKOUL_HOSTILE", "5000"))
WARM = REQUESTS // 5
# What may be held more after all requests than after the first fifth: allocators of a dozen threads that have each seen a
# large body and its parsed form (glibc gives freed memory back only from the end of an arena), SQLite's page caches (2 MiB
# a connection), and the caches of the program, which all have a bound. Over 16,000 requests it goes from 30 MiB up to about
# 50, reached after 6,000, and stays there. Losing an arena (at least 8 KiB) a request would be 32 MiB on top of that, losing
# the bodies about 100 MiB.
GROWTH_MIB = 40
# A password costs 50 ms of one core: these come less often than the others.
EXPENSIVE = ("/auth/login", "/auth/register", "/auth/me/password", "/auth/password/reset", "/admin/providers/{id}/test")


class Front:
  """A signed-in caller with a connection that is kept."""

  def __init__(self, server, name):
    self.server, self.name = server, name
    self.client = server.login(name) if name else server.client()
    self.wire = None

  def ask(self, request):
    if not self.wire:
      self.wire = Wire(self.server.port, ours=False)  # `check` knows better what was asked
    self.wire.send(request.bytes(self.client.token))
    reply = self.wire.reply(request.method.decode("latin-1"))
    while reply is not CLOSED and reply.status == 100:
      reply = self.wire.reply(request.method.decode("latin-1"))
    if reply is CLOSED or reply.status == 101 or reply.headers.get("Connection", "").lower() == "close" or self.wire.closed:
      self.hang_up()
    return reply

  def hang_up(self):
    if self.wire:
      self.wire.close()
    self.wire = None

  def sign_in_again(self):
    self.client = self.server.login(self.name)


def fill(admin, user):
  """Real things of every kind, so that ids can be right."""
  pools = collections.defaultdict(list)
  for number in range(4):
    made = admin.post("/media", {"title": f"Film {number}", "media_type": "movie", "year": 2000 + number})
    if made.status == 201:
      pools["media"].append(made.json["id"])
    search = user.post("/search", {"query": f"Paper Lantern {number}"})
    if search.status == 202:
      pools["search"].append(search.json["search_id"])
      pools["tasks"].append(search.json["search_id"])
    pools["collections"].append(user.ok("POST", "/collections", {"name": f"list {number}", "is_public": True})["id"])
    pools["downloads"].append(user.ok("POST", "/downloads/start", {"info_hash": f"{number + 1:040x}"})["download_id"])
  pools["media"] += [item["id"] for item in user.ok("GET", "/media")["items"]]
  for media in pools["media"][:3]:
    for path in ("/library/favorites", "/library/watchlist"):
      user.post(path, {"media_id": media})
    user.post("/history/watch", {"media_id": media, "progress_seconds": 5, "total_seconds": 100})
    stream = user.get(f"/streaming/direct/{media}")
    if stream.status == 200:
      pools["stream_id"].append(stream.json["stream_id"])
  pools["history"] = [item["id"] for item in user.ok("GET", "/history/watched")["items"] if "id" in item]
  pools["search_id"], pools["media_id"] = pools["search"], pools["media"]
  return pools


@pytest.fixture(scope="module")
def server(module_folder, module_keep):
  server = module_keep(Sokoul(module_folder / "sokoul", start=False))
  server.put_film()
  server.start()
  return server


def check(request, reply, front):
  if reply is CLOSED:  # what is no HTTP (a method with strange bytes, say) may be left without an answer
    return
  assert reply.status < 500 or reply.status == 503, (front.name, request, reply)
  if reply.status >= 400 and not request.is_head:
    assert_problem(reply, reply.status)
  elif reply.headers.get("Content-Type", "").startswith("application/json") and not request.is_head:
    json.loads(reply.body)
  assert reply.headers["X-Request-ID"]
  replies.note(request.method.decode("latin-1"), request.path.decode("latin-1"), reply)


def test_an_address_of_ones_own_network_is_an_email_address(server, admin):
  assert admin.ok("PUT", "/auth/me", {"email": "admin@nas"})["email"] == "admin@nas"


def test_hostile_requests_are_refused_and_nothing_grows(server, admin):
  seed = int(os.environ.get("SOKOUL_SEED", random.randrange(1 << 30)))
  print(f"\nseed {seed}")
  rng = random.Random(seed)
  user = server.account("victim")
  for number in range(4):
    server.account(f"other{number}")
  routes = table()
  maker = Maker(rng, routes, fill(admin, user))
  maker.pools["users"] = [one["id"] for one in admin.ok("GET", "/admin/users")["items"] if one["username"].startswith("other")]
  maker.cursors = [page["next_cursor"] for page in (user.ok("GET", f"/{path}?per_page=1") for path in ("media", "collections", "downloads")) if page["next_cursor"]]
  settings = {name: 0 for name in ("rate_api", "rate_search", "rate_auth", "rate_ip", "max_downloads_per_user")}
  fronts = [Front(server, name) for name in ("admin", "admin", "admin", "victim", "victim", None)]
  wrong, bodies = [], 0
  pid, resident, statuses, reached = server.process.pid, {}, collections.Counter(), collections.Counter()
  cheap = [route for route in routes if not route.path.endswith(EXPENSIVE)]
  for number in range(REQUESTS):
    if number == WARM:
      resident["warm"] = server.resident_mib()
    pool = routes if number % 4 == 0 else cheap
    route = pool[(number // 4 if pool is routes else number) % len(pool)]
    front = rng.choice(fronts)
    request = maker.make(route)
    try:
      reply = front.ask(request)
      check(request, reply, front)
    except (AssertionError, Garbage, OSError, ValueError) as problem:
      said = "" if server.process.alive() else f"the server ended with {server.process.popen.returncode}: {server.log()[-3000:]}"
      wrong.append(f"request {number} as {front.name}: {request}: {problem!r} {said}")
      assert not said and len(wrong) < 20, (seed, wrong)
      front.hang_up()
      continue
    bodies += len(request.body or b"")
    status = "closed" if reply is CLOSED else reply.status
    statuses[status] += 1
    reached[route.name] += (request.method.decode("latin-1"), request.path.decode("latin-1")) == (route.method, route.path)
    path = urllib.parse.unquote_to_bytes(request.path)  # it may have been spelled otherwise
    if status == 401 and front.name and front.client.get("/auth/me").status == 401:
      front.sign_in_again()  # it has logged itself out, as it was asked to
    if status == 200 and path == b"/api/v1/auth/me" and request.method == b"PUT":
      front.client.ok("PUT", "/auth/me", {"username": front.name})
    if status == 200 and b"/admin/settings" in path and request.method == b"PUT":
      admin.put("/admin/settings", settings)
  resident["end"] = server.resident_mib()
  for front in fronts:
    front.hang_up()
  print(f"{dict(sorted(statuses.items(), key=str))}; resident {resident['warm']:.0f} MiB after {WARM}, {resident['end']:.0f} MiB after {REQUESTS}; bodies of {bodies >> 20} MiB")
  assert not wrong, (seed, wrong)
  assert server.process.pid == pid and server.process.alive()
  # It must have been a test: most requests reach their route, and some of each kind of answer came.
  for wanted in (200, 400, 404, 405, 413, 415, 422):
    assert statuses[wanted], statuses
  assert statuses[503] <= REQUESTS // 50, statuses
  assert statuses["closed"] <= REQUESTS // 50, statuses
  never = [route.name for route in routes if not reached[route.name] and "{" not in route.path]
  assert not never, never
  if "san" not in BINARY.parent.name:  # sanitizers keep freed memory on purpose
    assert resident["end"] - resident["warm"] < GROWTH_MIB, resident
  # And the server is as it was.
  fresh = server.account("afterwards")
  assert fresh.ok("GET", "/auth/me")["username"] == "afterwards"
  assert fresh.ok("POST", "/search", {"query": "Paper Lantern"}, status=202)["search_id"]
  assert bodies > REQUESTS * 20_000, bodies
  server.stop()  # a sanitizer tells now what was lost
  assert server.integrity() == ("ok", [])
  crashed = [line for line in server.log().splitlines() if '"level":"fatal"' in line or "panic" in line]
  assert not crashed, crashed[:3]
