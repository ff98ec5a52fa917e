"""If-Match: for every operation of docs/api/openapi.json that changes what a GET shows, and every one that says it honours
the header. Whoever has not seen the last change changes nothing."""

import concurrent.futures
import itertools
import re

import pytest

from harness import pictures
from harness.fields import Document
from harness.http import assert_problem
from harness.sokoul import Sokoul

DOCUMENT = Document()
PATHS = DOCUMENT.root["paths"]
CALLERS = 8  # who change one thing at the same time
# The n-th change of each: a body that makes something else than the one before.
CHANGES = {
  "PUT /api/v1/admin/providers/{id}": lambda n: {"priority": n % 1000},
  "PUT /api/v1/admin/settings": lambda n: {"torrent_max_active": n % 1000 + 1},
  "PUT /api/v1/admin/users/{id}": lambda n: {"is_active": n % 2 == 0},
  "PUT /api/v1/admin/users/{id}/role": lambda n: {"role": ("user", "moderator")[n % 2]},
  "PUT /api/v1/auth/me": lambda n: {"email": f"new{n}@example.org"},
  "PUT /api/v1/auth/me/avatar": lambda n: pictures.png(20 + n % 500, 20),
  "PUT /api/v1/collections/{id}": lambda n: {"name": f"List {n}"},
  "PUT /api/v1/media/{id}": lambda n: {"overview": f"Overview {n}"},
  "DELETE /api/v1/media/{id}": lambda n: None,
  "DELETE /api/v1/auth/me/avatar": lambda n: None,
}
# What nobody can look at has no version.
UNSEEN = {"PUT /api/v1/auth/me/password"}
NUMBERS = itertools.count(0, 100)  # no change of a test is like one of another; even, so that a first one changes a flag


def resolved(operation):
  return [DOCUMENT.resolve(one) for one in operation.get("parameters", [])]


def changing():
  """{name of an operation: path of the GET that shows what it changes}."""
  found = {}
  for path, item in PATHS.items():
    for method, operation in item.items():
      honours = any(one["name"] == "If-Match" for one in resolved(operation))
      if method not in ("put", "patch") and not honours:
        continue
      shown = path
      while shown and "get" not in PATHS.get(shown, {}):
        shown = shown.rpartition("/")[0]
      found[f"{method.upper()} {path}"] = shown if honours or "get" in item else None
  return found


SHOWN = changing()
PUTS = sorted(name for name in SHOWN if name.startswith(("PUT", "PATCH")) and name not in UNSEEN)


@pytest.fixture(scope="module")
def server(module_folder, module_keep):
  return module_keep(Sokoul(module_folder / "sokoul"))


class Thing:
  """Something to change, the way to change it, and the way to look at it."""

  def __init__(self, admin, name, id_):
    method, path = name.split()
    self.admin, self.method, self.change = admin, method, CHANGES[name]
    self.path, self.shown = (re.sub(r"\{\w+\}", id_, one).removeprefix("/api/v1") for one in (path, SHOWN[name]))
    self.number = next(NUMBERS)

  def look(self):
    reply = self.admin.get(self.shown)
    assert reply.status == 200, reply
    return reply.headers["ETag"], reply.json

  def put(self, tag=None, body=...):
    if body is ...:
      self.number += 1
      body = self.change(self.number)
    headers = {} if tag is None else {"If-Match": tag}
    if isinstance(body, bytes):
      return self.admin.request(self.method, self.path, raw=body, headers={"Content-Type": "image/png", **headers})
    return self.admin.request(self.method, self.path, body, headers=headers)

  def changes(self, tag=None):
    """A change that must happen."""
    before = self.look()
    reply = self.put(tag)
    assert reply.status in (200, 204), (tag, reply)
    after = self.look()
    assert after[0] != before[0] and after[1] != before[1], (tag, before, after)
    if reply.status == 200:
      now = {field: after[1][field] for field in reply.json}
      assert (reply.headers["ETag"], reply.json) == (after[0], now), "the answer is what is so now"

  def refuses(self, tag):
    before = self.look()
    assert_problem(self.put(tag, self.change(self.number + 1)), 412, "precondition_failed")
    assert self.look() == before, tag


@pytest.fixture
def thing(server, admin):
  def maker(name):
    number = f"{name.replace('/', '-').replace(' ', '-')}-{next(NUMBERS)}"
    if "/providers/" in name:
      id_ = admin.ok("POST", "/admin/providers", {"name": number[-60:], "kind": "torznab", "base_url": "http://127.0.0.1:9/"})["id"]
    elif "/users/" in name:
      id_ = server.account(f"some{len(admin.ok('GET', '/admin/users')['items'])}").user["id"]
    elif "/collections/" in name:
      id_ = admin.ok("POST", "/collections", {"name": number})["id"]
    else:
      id_ = admin.ok("POST", "/media", {"title": number, "media_type": "movie"})["id"]
    return Thing(admin, name, id_)
  return maker


def test_every_change_that_a_get_shows_is_here():
  assert set(SHOWN) - UNSEEN == set(CHANGES), "a new one needs its row in CHANGES, and If-Match"
  without = {name for name in CHANGES if not any(one["name"] == "If-Match" for one in resolved(PATHS[name.split()[1]][name.split()[0].lower()]))}
  assert not without, "they change what a GET shows, and do not say that they honour If-Match"


@pytest.mark.parametrize("name", PUTS)
def test_only_who_has_seen_the_last_change_changes(thing, name):
  one = thing(name)
  one.changes(one.look()[0])
  stale = one.look()[0]
  one.changes()
  one.refuses(stale)
  right = one.look()[0]
  for garbage in ("abc", '""', '"', right.strip('"'), "W/" + right, f'{stale}, "x"', '"*"', '"' + right[2:], '"x' + right[1:], "\"" + "x" * 3000 + "\""):
    one.refuses(garbage)
  assert one.look()[0] == right
  one.changes(f'{stale}, "x", {right}')
  one.changes("*")
  one.refuses(right)


@pytest.mark.parametrize("name", [name for name in PUTS if name not in ("PUT /api/v1/auth/me/avatar", "PUT /api/v1/admin/users/{id}/role")])
def test_an_empty_change_changes_nothing(thing, name):
  one = thing(name)
  one.changes()
  before = one.look()
  for tag in (None, before[0]):
    assert one.put(tag, body={}).status == 200
    assert one.look() == before


@pytest.mark.parametrize("name", PUTS)
def test_of_many_at_once_with_the_same_version_one_wins(thing, name):
  one = thing(name)
  one.changes()
  seen = one.look()[0]
  bodies = [one.change(one.number + 1 + (2 * n if "/users/" in name else n)) for n in range(CALLERS)]  # none is what is so already
  with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
    statuses = list(pool.map(lambda body: one.put(seen, body).status, bodies))
  assert statuses.count(200) == 1 and set(statuses) <= {200, 412, 503}, statuses  # pictures: more than may wait


@pytest.mark.parametrize("name", sorted(name for name in SHOWN if name.startswith("DELETE")))
def test_a_deletion_by_who_has_not_seen_the_last_change_does_not_happen(thing, admin, name):
  change = thing(name.replace("DELETE", "PUT"))
  gone = Thing(admin, name, change.shown.rpartition("/")[2])
  change.changes()
  stale = change.look()[0]
  change.changes()
  gone.refuses(stale)
  gone.refuses("abc")
  assert gone.put(change.look()[0]).status == 204
