"""What is cached is never older than a write: not for the one who wrote, nor for anybody else; and without a cache all works as well."""

import itertools
import random
import re
import threading

import pytest

from harness.servers import Redis
from harness.sokoul import Sokoul

ROUNDS = 500


@pytest.fixture(scope="module", params=["memory", "gone"])
def server(request, module_folder, module_keep):
  """With the cache inside; and with a Redis that goes away as soon as the server is there."""
  if request.param == "memory":
    return module_keep(Sokoul(module_folder / "memory"))
  redis = module_keep(Redis())
  server = module_keep(Sokoul(module_folder / "gone", cache_url=redis.url))
  redis.kill()
  return server


class Person:
  """One who writes into every list and reads it back: `write(n)` makes a change, `expected` is what must be read then."""

  def __init__(self, client, admin, films, series):
    self.client, self.admin, self.films, self.series = client, admin, films, series
    self.names = (f"Shelf {number}" for number in itertools.count())
    self.shelves = []

  def listed(self, path):
    return [row["media_id"] for row in self.client.ok("GET", path)["items"]]

  def favorite(self, number):
    media = self.films[number % len(self.films)]
    present = media in self.listed("/library/favorites?per_page=200")
    if present:
      self.client.ok("DELETE", f"/library/favorites/{media}")
    else:
      self.client.ok("POST", "/library/favorites", {"media_id": media})
    assert (media in self.listed("/library/favorites?per_page=200")) != present

  def watchlist(self, number):
    media, priority = self.films[number % len(self.films)], number % 100
    self.client.ok("POST", "/library/watchlist", {"media_id": media, "priority": priority})
    rows = self.client.ok("GET", "/library/watchlist?per_page=200")["items"]
    assert [row["priority"] for row in rows if row["media_id"] == media] == [priority]

  def watched(self, number):
    media = self.films[number % len(self.films)]
    done = number % 2
    self.client.ok("POST", "/history/watch", {"media_id": media, "progress_seconds": 95 if done else 40, "total_seconds": 100})
    assert (media in self.listed("/history/watched?per_page=200")) == bool(done)
    assert (media in self.listed("/history/continue")) == (not done)

  def recommended(self, number):
    media = self.films[number % len(self.films)]
    self.client.ok("POST", "/history/watch", {"media_id": media, "progress_seconds": 50, "total_seconds": 100})
    assert media not in [row["media"]["id"] for row in self.client.ok("GET", "/recommendations?per_page=200")["items"]]

  def collection(self, number):
    if len(self.shelves) > 5:
      self.client.ok("DELETE", f"/collections/{self.shelves.pop(0)}")
    else:
      self.shelves.append(self.client.ok("POST", "/collections", {"name": next(self.names)})["id"])
    mine = [row["id"] for row in self.client.ok("GET", f"/collections?per_page=200&user_id={self.client.user['id']}")["items"]]
    assert sorted(mine) == sorted(self.shelves)
    shelf = self.client.ok("GET", f"/collections/{self.shelves[0]}")
    self.client.ok("POST", f"/collections/{self.shelves[0]}/media", {"media_id": self.films[number % len(self.films)]})
    listed = self.client.ok("GET", "/collections?per_page=200")["items"]
    counted = [row["media_count"] for row in listed if row["id"] == self.shelves[0]]
    assert counted == [self.client.ok("GET", f"/collections/{self.shelves[0]}")["media_count"]] and counted[0] >= shelf["media_count"]

  def title(self, number):
    media, name = self.films[number % len(self.films)], f"Lantern{self.client.user['username']}{number}"
    self.admin.ok("PUT", f"/media/{media}", {"title": name})
    found = self.client.ok("GET", f"/media?q={name}")["items"]
    assert [row["title"] for row in found if row["id"] == media] == [name]
    assert self.client.ok("GET", f"/media/{media}")["title"] == name
    titles = [row["media"]["title"] for row in self.client.ok("GET", "/library/watchlist?per_page=200")["items"] if row["media_id"] == media]
    assert titles in ([], [name])

  def catalogue(self, number):
    year = 1871 + number % 200 if self.client.user["username"] == "ann" else 2071 - number % 200
    before = self.client.ok("GET", f"/media?per_page=1&year={year}")["total"]
    made = self.admin.ok("POST", "/media", {"title": f"Film of {year}", "media_type": "movie", "year": year}, status=201)["id"]
    after = self.client.ok("GET", f"/media?per_page=1&year={year}")
    assert after["total"] >= before + 1 or self.client.user["username"] != "ann"
    assert made in [row["id"] for row in self.client.ok("GET", "/media?per_page=200")["items"]]
    self.admin.ok("DELETE", f"/media/{made}")
    assert made not in [row["id"] for row in self.client.ok("GET", "/media?per_page=200")["items"]]

  def episode(self, number):
    name = f"Part {self.client.user['username']} {number}"
    made = self.admin.ok("POST", "/media", {"title": name, "media_type": "episode", "parent_id": self.series, "season_number": 1, "episode_number": number}, status=201)["id"]
    assert name in [row["title"] for row in self.client.ok("GET", f"/media/{self.series}/episodes?per_page=200")["items"]]
    self.admin.ok("DELETE", f"/media/{made}")
    assert name not in [row["title"] for row in self.client.ok("GET", f"/media/{self.series}/episodes?per_page=200")["items"]]


KINDS = ["favorite", "watchlist", "watched", "recommended", "collection", "title", "catalogue", "episode"]


def test_no_read_is_older_than_a_write(server, request):
  """500 rounds over every list that is cached, while a second one writes into the same lists and reads them as hard as it can."""
  seed = random.randrange(1 << 30)
  print(f"seed {seed}")
  admin = server.admin()
  films = [admin.ok("POST", "/media", {"title": f"Film {number}", "media_type": "movie", "year": 1900 + number}, status=201)["id"] for number in range(12)]
  series = [admin.ok("POST", "/media", {"title": f"Series {number}", "media_type": "tv"}, status=201)["id"] for number in range(2)]
  people = [Person(server.account(name), admin, films[index * 6:index * 6 + 6], series[index]) for index, name in enumerate(("ann", "ben"))]
  rounds = ROUNDS if "memory" in request.node.name else 40
  over, failed = threading.Event(), []

  def disturb():
    choose = random.Random(seed)
    for number in itertools.count(1):
      if over.is_set():
        return
      try:
        getattr(people[1], choose.choice(KINDS))(number)
      except BaseException as problem:
        failed.append(problem)
        return
  other = threading.Thread(target=disturb)
  other.start()
  try:
    choose = random.Random(seed + 1)
    for number in range(1, rounds + 1):
      getattr(people[0], KINDS[number % len(KINDS)] if number <= 100 else choose.choice(KINDS))(number)
      assert not failed, failed
  finally:
    over.set()
    other.join()
  assert not failed, failed


def test_what_is_cached_is_used_and_can_be_cleared(server, request):
  admin = server.login("admin")

  def hits(kind):
    found = re.search(rf'^sokoul_cache_hits_total\{{[^}}]*"{kind}"\}} (\d+)', admin.get("//metrics").body.decode(), re.M)
    return int(found[1]) if found else 0
  asked = {"media": "/media?per_page=3&sort=title", "history": "/history/continue?again=1", "response": "/library/favorites?per_page=2"}
  before = {kind: hits(kind) for kind in asked}
  for path in asked.values():
    first = admin.get(path)
    assert all((reply.body, reply.headers["ETag"]) == (first.body, first.headers["ETag"]) for reply in (admin.get(path) for _ in range(3)))
  gained = {kind: hits(kind) - before[kind] for kind in asked}
  if "gone" in request.node.name:
    assert set(gained.values()) == {0}
    return
  assert all(gain >= 3 for gain in gained.values()), gained
  count, search = hits("count"), hits("search")
  admin.ok("GET", "/media?per_page=1&q=film&page=1")
  admin.ok("GET", "/media?per_page=1&q=film&page=2")
  assert hits("count") > count and hits("search") > search
  for kind in (*asked, "count", "search"):
    admin.ok("POST", "/admin/cache/clear", {"kind": kind})
  assert admin.get(asked["media"]).status == 200


def test_what_was_written_while_the_cache_was_away_is_seen_when_it_is_back(folder, keep):
  """It comes back with all it had: answers, and the versions that they are under."""
  redis = keep(Redis())
  server = keep(Sokoul(folder / "back", cache_url=redis.url))
  admin = server.admin()
  films = [admin.ok("POST", "/media", {"title": f"Film {number}", "media_type": "movie"}, status=201)["id"] for number in range(4)]
  for number, media in enumerate(films):
    assert len(admin.ok("GET", "/library/favorites")["items"]) == number
    redis.stop()
    admin.ok("POST", "/library/favorites", {"media_id": media}, status=201)
    redis.start()
    assert [row["media_id"] for row in admin.ok("GET", "/library/favorites")["items"]] == films[number::-1]
