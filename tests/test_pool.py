"""A database that holds everybody up, or says nothing at all: 503 with Retry-After for who needs it, the rest goes on, and it ends by itself."""

import contextlib
import itertools
import signal
import threading

import psycopg2
import pytest

from harness import servers
from harness.fleet import Fleet
from harness.process import SLOW, wait_until

CLIENTS = 16


@pytest.fixture
def fleet(folder, keep):
  return keep(Fleet(folder, apis=1, workers=(), db_pool_min=1, db_pool_max=3))


class Crowd:
  """Clients that ask for what only the database knows, one request after the other, and note every answer."""

  def __init__(self, fleet, admin):
    self.over, self.lock, self.statuses, self.problems = threading.Event(), threading.Lock(), {}, []
    self.number = itertools.count()
    self.threads = [threading.Thread(target=self.run, args=(fleet.at(0, admin),), daemon=True) for _ in range(CLIENTS)]
    for thread in self.threads:
      thread.start()

  def run(self, client):
    while not self.over.is_set():
      try:
        reply = client.request("GET", f"/media?q=nobody+asked+{next(self.number)}", timeout=60 * SLOW)
      except OSError as problem:
        reply = problem
      with self.lock:
        if getattr(reply, "status", None) not in (200, 503) or (reply.status == 503 and not reply.headers.get("retry-after")):
          self.problems.append(repr(reply))
        else:
          self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1

  def more(self, status, count):
    wanted = self.statuses.get(status, 0) + count
    wait_until(lambda: self.statuses.get(status, 0) >= wanted, 60, what=lambda: f"{count} times {status}: {self.statuses} {self.problems[:3]}")

  def end(self):
    self.over.set()
    for thread in self.threads:
      thread.join(90 * SLOW)
      assert not thread.is_alive()
    print(self.statuses)
    assert not self.problems, self.problems[:5]


@contextlib.contextmanager
def table_locked(fleet):
  connection = psycopg2.connect(fleet.shared["database_url"])
  try:
    connection.cursor().execute("LOCK TABLE media IN ACCESS EXCLUSIVE MODE")
    yield
  finally:
    connection.rollback()
    connection.close()


def test_a_pool_in_use_is_503_and_nothing_else_waits(fleet):
  admin = fleet.admin()
  crowd = Crowd(fleet, admin)
  try:
    crowd.more(200, 2 * CLIENTS)
    with table_locked(fleet):
      crowd.more(503, 10 * CLIENTS)
      for _ in range(5):
        assert fleet.api[0].client().get("//health").status == 200, "who needs no database is served"
    crowd.more(200, 2 * CLIENTS)
  finally:
    crowd.end()


def test_a_silent_database_is_found_out_once_and_not_by_everybody(fleet):
  admin = fleet.admin()
  crowd = Crowd(fleet, admin)
  try:
    crowd.more(200, CLIENTS)
    fleet.postgres.signal(signal.SIGSTOP)
    # Each of these would take 11 s to find that out by itself.
    crowd.more(503, 20 * CLIENTS)
    assert fleet.api[0].client().get("//health").status == 200
    fleet.postgres.signal(signal.SIGCONT)
    crowd.more(200, 2 * CLIENTS)
  finally:
    fleet.postgres.signal(signal.SIGCONT)
    crowd.end()


def test_a_database_that_became_a_standby_is_503_until_it_is_promoted(fleet):
  admin = fleet.admin()
  film = {"title": "Paper Lantern", "media_type": "movie"}
  kept = admin.ok("POST", "/media", film, status=201)["id"]
  fleet.postgres.stop()
  (fleet.postgres.folder / "data" / "standby.signal").touch()
  fleet.postgres.start()
  wait_until(lambda: admin.request("GET", f"/media/{kept}").status == 200, 30, what="it to be read as before")
  for path, body in (("/media", film), ("/search", {"query": "Paper Lantern"}), ("/library/watchlist", {"media_id": kept})):
    reply = admin.request("POST", path, body)
    assert reply.status == 503 and reply.headers["retry-after"], (path, reply)
    assert admin.ok("GET", f"/media/{kept}")["title"] == "Paper Lantern", "that it takes no writes is no reason not to read"
  servers.rows(fleet.postgres.url + "/postgres", "SELECT CAST(pg_promote() AS text)", [])
  wait_until(lambda: admin.request("POST", "/search", {"query": "Paper Lantern"}).status == 202, 30, what="writes again")
