"""Reads from a real streaming replica: it takes them over, none is ever older than a write, and none fails when it goes."""

import random
import re
import signal
import threading

import pytest

from harness import servers
from harness.fleet import Fleet
from harness.process import SLOW, wait_until

ROUNDS = 120
FAULTS = 2


@pytest.fixture
def fleet(folder, keep):
  fleet = keep(Fleet(folder, apis=0, workers=()))
  fleet.replica = keep(servers.Replica(fleet.postgres))
  fleet.replica_url = fleet.replica.url + "/" + fleet.shared["database_url"].rpartition("/")[2]
  fleet.shared["database_replica_urls"] = fleet.replica_url
  fleet.add_api()
  fleet.add_api()
  return fleet


def answers(fleet):
  """Who answered the reads that a replica may answer, over all processes."""
  sums = {"replica": 0, "behind": 0, "away": 0}
  for member in fleet.api:
    text = member.client().get("//metrics").body.decode()
    for who, number in re.findall(r'^sokoul_db_replica_reads_total{answer="(\w+)"} (\d+)', text, re.M):
      sums[who] += int(number)
  return sums


def rows_read(fleet):
  """As the replica itself counts: rows that queries got from it, of any table."""
  return servers.rows(fleet.replica_url, "SELECT CAST(sum(seq_scan + coalesce(idx_scan, 0)) AS bigint) AS n FROM pg_stat_user_tables", [])[0]["n"]


def films(fleet, admin, count):
  return [admin.ok("POST", "/media", {"title": f"Film {n}", "media_type": "movie"}, status=201)["id"] for n in range(count)]


def listed(client, path):
  return [row.get("media_id") or row["id"] for row in client.ok("GET", path)["items"]]


def write_and_look(here, there, media, dice):
  """One write at one process and the next read at another one (or the same)."""
  reader = dice.choice([here, there])
  path = dice.choice(["/library/favorites", "/library/watchlist"])
  if media in listed(reader, path + "?per_page=200"):
    here.ok("DELETE", f"{path}/{media}", status=204)
    assert media not in listed(reader, path + "?per_page=200"), "a read older than the removal before it"
  else:
    here.ok("POST", path, {"media_id": media}, status=201)
    assert media in listed(reader, path + "?per_page=200"), "a read older than the entry before it"
  name = f"shelf {dice.randrange(1 << 40)}"
  shelf = here.ok("POST", "/collections", {"name": name}, status=201)["id"]
  assert reader.ok("GET", f"/collections/{shelf}")["name"] == name
  here.ok("DELETE", f"/collections/{shelf}", status=204)
  assert shelf not in listed(reader, "/collections?per_page=200")
  return 3


def test_a_read_after_a_write_is_never_stale(fleet):
  seed = random.randrange(1 << 32)
  dice = random.Random(seed)
  admin = fleet.admin()
  media = films(fleet, admin, 5)
  clients = [fleet.at(0, admin), fleet.at(1, admin)]
  before, looked = rows_read(fleet), 0
  for number in range(ROUNDS):
    if number % 20 == 10:
      fleet.replica.replay(False)
    if number % 20 == 15:
      fleet.replica.replay(True)
    here, there = dice.sample(clients, 2)
    looked += write_and_look(here, there, dice.choice(media), dice)
  counted = answers(fleet)
  print(f"seed {seed}: {looked} writes, each seen by the next read; {counted}")
  assert counted["behind"] > 0, "its replay was held"
  before_rest = counted["replica"]
  fleet.replica.replay(True)

  def is_read():
    listed(clients[0], "/downloads")
    return answers(fleet)["replica"] > before_rest
  wait_until(is_read, 30, what="reads at the replica")
  wait_until(lambda: rows_read(fleet) > before, 30, what="the replica to have counted them")


class Readers:
  """Clients that read lists until told to stop; every answer must be a 200."""

  def __init__(self, fleet, admin, count=4):
    self.over, self.lock, self.reads, self.failures = threading.Event(), threading.Lock(), 0, []
    self.threads = [threading.Thread(target=self.run, args=(fleet.at(n % 2, admin),), daemon=True) for n in range(count)]
    for thread in self.threads:
      thread.start()

  def run(self, client):
    while not self.over.is_set():
      for path in ("/downloads", "/admin/audit-logs?per_page=5", "/admin/users"):
        try:
          status = client.request("GET", path, timeout=60 * SLOW).status
        except OSError as problem:
          status = repr(problem)
        with self.lock:
          self.reads += 1
          if status != 200:
            self.failures.append((path, status))

  def more(self, count):
    wanted = self.reads + count
    wait_until(lambda: self.reads >= wanted, 60, what=f"{count} more reads")

  def end(self):
    self.over.set()
    for thread in self.threads:
      thread.join(90 * SLOW)
      assert not thread.is_alive()


@pytest.mark.parametrize("fault", ["stopped", "crashed", "silent"])
def test_no_read_fails_when_the_replica_goes(fleet, fault):
  admin = fleet.admin()
  readers = Readers(fleet, admin)
  try:
    for _ in range(FAULTS):
      before = answers(fleet)
      wait_until(lambda: answers(fleet)["replica"] > before["replica"] + 20, 60, what="reads at the replica")
      if fault == "silent":
        fleet.replica.signal(signal.SIGSTOP)
      else:
        fleet.replica.stop("fast" if fault == "stopped" else "immediate")
      wait_until(lambda: answers(fleet)["away"] > before["away"], 60, what="reads that found it away")
      readers.more(50)
      if fault == "silent":
        fleet.replica.signal(signal.SIGCONT)
      else:
        fleet.replica.start()
  finally:
    if fleet.replica.process:
      fleet.replica.signal(signal.SIGCONT)
    readers.end()
  print(f"{fault} {FAULTS} times: {readers.reads} reads, {len(readers.failures)} failed; {answers(fleet)}")
  assert not readers.failures, readers.failures[:5]


def test_what_is_no_replica_is_refused(folder, keep):
  fleet = keep(Fleet(folder, apis=0, workers=()))
  fleet.shared["database_replica_urls"] = fleet.postgres.new_database()
  with pytest.raises(AssertionError, match="SOKOUL_DATABASE_REPLICA_URLS"):
    fleet.add_api()
