"""A real Redis shared by API processes: what comes back with it is never older than a write, and how much it is asked for."""

import socket
import subprocess
import threading

import pytest

from harness import servers
from harness.fleet import Fleet
from harness.process import free_port, wait_until
from harness.ws import Refused, WebSocket

ROUNDS = 8
MINUTE_S, HOUR_S = 60, 3600


@pytest.fixture
def fleet(folder, keep):
  return keep(Fleet(folder, workers=()))


def redis(fleet, *words):
  database = fleet.shared["cache_url"].rpartition("/")[2]
  return subprocess.run(["redis-cli", "-p", str(fleet.redis.port), "-n", database, *words], capture_output=True, text=True, check=True,
                        timeout=60).stdout.splitlines()


def film(client, number):
  return client.ok("POST", "/media", {"title": f"Film {number}", "media_type": "movie"}, status=201)["id"]


def titles(client):
  return {row["title"] for row in client.ok("GET", "/media?per_page=200")["items"]}


def shelf(client):
  return {row["media_id"] for row in client.ok("GET", "/library/favorites?per_page=200")["items"]}


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_what_redis_brings_back_is_not_older_than_a_write(fleet, end):
  """Cached by both, Redis away, written through one, Redis back with what it had: read through the other, who slept through it."""
  here = fleet.admin()
  there = fleet.at(1, here)
  for number in range(ROUNDS):
    media = film(here, number)
    for client in (here, there):
      assert media not in shelf(client) and f"Film {number}" in titles(client)
    if end == "stopped":
      fleet.redis.stop()
    else:
      fleet.redis.process.kill()
    here.ok("POST", "/library/favorites", {"media_id": media}, status=201)
    film(here, f"{number} again")
    fleet.redis.start()
    assert media in shelf(there), "an answer from before the outage"
    assert f"Film {number} again" in titles(there), "an answer from before the outage"
    assert media in shelf(here)
  print(f"redis {end} {ROUNDS} times, each time written to meanwhile: no old answer through the other process")


class Cable:
  """A connection to a server that can be cut for whoever goes through it, and for nobody else."""

  def __init__(self, port):
    self.port, self.server_port, self.is_cut, self.pairs = free_port(), port, False, []
    self.listener = socket.create_server(("127.0.0.1", self.port))
    threading.Thread(target=self.accept, daemon=True).start()

  def accept(self):
    while True:
      try:
        client, _ = self.listener.accept()
      except OSError:
        return
      if self.is_cut:
        client.close()
        continue
      server = socket.create_connection(("127.0.0.1", self.server_port))
      self.pairs.append((client, server))
      for one, other in ((client, server), (server, client)):
        threading.Thread(target=self.carry, args=(one, other), daemon=True).start()

  def carry(self, one, other):
    try:
      while data := one.recv(65536):
        other.sendall(data)
    except OSError:
      pass
    for end in (one, other):
      try:
        end.shutdown(socket.SHUT_RDWR)
      except OSError:
        pass

  def cut(self):
    self.is_cut = True
    for pair in self.pairs:
      for end in pair:
        try:
          end.shutdown(socket.SHUT_RDWR)
        except OSError:
          pass
    self.pairs.clear()

  def heal(self):
    self.is_cut = False

  def kill(self):
    self.cut()
    self.listener.close()


def test_one_that_was_cut_off_from_redis_tells_the_others_afterwards(folder, keep):
  fleet = keep(Fleet(folder, apis=1, workers=()))
  cable = keep(Cable(fleet.redis.port))
  shared = fleet.shared["cache_url"]
  fleet.shared["cache_url"] = shared.replace(str(fleet.redis.port), str(cable.port))
  fleet.add_api()
  there = fleet.admin()
  here = fleet.at(1, there)
  media = film(there, 1)
  assert media not in shelf(there)
  cable.cut()
  here.ok("POST", "/library/favorites", {"media_id": media}, status=201)
  cable.heal()
  # Nothing more is asked of the one who wrote.
  wait_until(lambda: media in shelf(there), 30, what="the others to hear of the write")


def test_a_redis_that_is_made_a_replica_is_as_good_as_none_until_it_is_made_a_primary_again(fleet):
  here = fleet.admin()
  there = fleet.at(1, here)
  for client in (here, there):
    assert titles(client) == set()
  redis(fleet, "REPLICAOF", "127.0.0.1", str(free_port()))
  for number in range(5):
    film(here, number)
    assert f"Film {number}" in titles(there) and f"Film {number}" in titles(here)
  assert there.get("//health/deep").status == 503
  assert here.post("/auth/ws-ticket").status == 503
  with pytest.raises(Refused) as refused:
    WebSocket(fleet.api[1].port, f"/ws?ticket={'x' * 43}")
  assert refused.value.status == 503, "it may be good: nobody's session has ended"
  redis(fleet, "REPLICAOF", "NO", "ONE")
  for client in (here, there):
    wait_until(lambda client=client: client.get("//health/deep").status == 200, 30, what="the cache to be well")
  film(here, 5)
  assert "Film 5" in titles(there)
  ticket = here.ok("POST", "/auth/ws-ticket")["ticket"]
  WebSocket(fleet.api[1].port, f"/ws?ticket={ticket}").close()


def test_a_process_has_ten_connections_at_most(folder, keep):
  fleet = keep(Fleet(folder, apis=1, workers=(), db_pool_max=20))
  admin = fleet.admin()
  over, most = threading.Event(), 0

  def read():
    client = fleet.at(0, admin)
    while not over.is_set():
      shelf(client)
  threads = [threading.Thread(target=read) for _ in range(24)]
  for thread in threads:
    thread.start()
  try:
    for _ in range(20):
      most = max(most, len([line for line in redis(fleet, "CLIENT", "LIST") if "cmd=client" not in line]))
  finally:
    over.set()
    for thread in threads:
      thread.join()
  print(f"at most {most} connections")
  assert 1 <= most <= 10


def test_nothing_is_kept_longer_than_it_should_be(fleet):
  """The times to live of the architecture: lists and other answers 5 minutes, titles that a text may mean an hour, the rest of the
  catalogue a day."""
  admin = fleet.admin()
  media = film(admin, 1)
  for path in ("/media", "/media?q=film", f"/media/{media}/files", f"/media/{media}/episodes", "/recommendations", "/library/favorites",
               "/library/watchlist", "/collections", "/history/continue", "/history/watched"):
    admin.ok("GET", path)
  most = {"media": 24 * HOUR_S, "search": HOUR_S, "count": HOUR_S, "response": 5 * MINUTE_S, "history": 5 * MINUTE_S, "version": 30 * 24 * HOUR_S}
  seen = {}
  for key in redis(fleet, "KEYS", "sokoul:*"):
    kind = key.split(":")[1]
    left = int(redis(fleet, "TTL", key)[0])
    assert left != -1, f"{key} is kept for good"
    seen[kind] = max(seen.get(kind, 0), left)
  print(seen)
  assert set(most) <= set(seen)
  for kind, limit_s in most.items():
    assert limit_s / 2 < seen[kind] <= limit_s, (kind, seen[kind])
