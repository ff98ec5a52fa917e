"""PostgreSQL, Redis and NATS go and come back under load. A client keeps a ledger: what was acknowledged is there, once."""

import random
import threading
import time
import uuid

import pytest

from harness.fleet import Fleet
from harness.process import SLOW, wait_until
from harness.scene import Torznab, release, settings_for

ANSWER_S = 2  # the API answers, or says 503, within so long
ROUNDS = 10


class Load:
  """Clients that start searches and read, for as long as it lasts. Each start has a key of its own, and is repeated with it until
  somebody has answered for certain."""

  def __init__(self, fleet, client, threads=4):
    self.clients = [fleet.at(number % len(fleet.api), client) for number in range(threads)]
    self.lock = threading.Lock()
    self.ledger, self.statuses, self.slowest, self.problems = {}, {}, 0.0, []
    self.over = threading.Event()
    self.threads = [threading.Thread(target=self.run, args=(one,), daemon=True) for one in self.clients]
    for thread in self.threads:
      thread.start()

  def ask(self, client, method, path, body=None, headers=None):
    began = time.monotonic()
    try:
      reply = client.request(method, path, body, headers=headers or {}, timeout=30 * SLOW)
    except OSError as problem:
      with self.lock:
        self.problems.append(f"{method} {path}: {problem!r}")
      return None
    with self.lock:
      self.slowest = max(self.slowest, time.monotonic() - began)
      self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1
      if reply.status not in (200, 202, 503) or (reply.status == 503 and not reply.headers.get("retry-after")):
        self.problems.append(f"{method} {path}: {reply}")
    return reply

  def run(self, client):
    while not self.over.is_set():
      key = str(uuid.uuid4())
      while True:
        reply = self.ask(client, "POST", "/search", {"query": "Paper Lantern", "year": 2019}, {"Idempotency-Key": key})
        if reply and reply.status == 202:
          with self.lock:
            self.ledger[key] = reply.json["search_id"]
          break
        time.sleep(0.05)
      self.ask(client, "GET", f"/search/{self.ledger[key]}")
      time.sleep(0.05)

  def end(self):
    self.over.set()
    for thread in self.threads:
      thread.join(60 * SLOW)
      assert not thread.is_alive(), "a client still waits for an acknowledgement"


@pytest.fixture
def fleet(folder, keep):
  indexer = keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1)]))
  return keep(Fleet(folder, workers=("scout", "scout", "sentinel"), **settings_for([indexer])))


def reconcile(fleet, admin, load):
  """Every search of the ledger is there, completed, and its key made no other."""
  rows = {}

  def completed():
    rows.update({row["id"]: row["status"] for row in fleet.api[0].rows("SELECT id, status FROM searches")})
    return all(rows.get(search) == "completed" for search in load.ledger.values())
  wait_until(completed, 120, 0.5, lambda: f"all of {len(load.ledger)}: {[(s, rows.get(s)) for s in load.ledger.values() if rows.get(s) != 'completed'][:5]}")
  assert len(set(load.ledger.values())) == len(load.ledger), "two keys, one search"
  assert len(rows) == len(load.ledger), f"{len(rows)} searches for {len(load.ledger)} acknowledged keys"
  tasks = fleet.api[0].rows("SELECT count(*) AS number FROM tasks WHERE task_type = 'search'")[0]["number"]
  assert tasks == len(load.ledger)
  dead = fleet.api[0].rows("SELECT count(*) AS number FROM dead_letters")[0]["number"]
  assert dead == 0
  results = fleet.api[0].rows("SELECT search_id, count(*) AS number FROM search_results GROUP BY search_id")
  assert {row["number"] for row in results} == {1}, "a result stored twice"


def fault(fleet, kind, dice):
  if kind.startswith("postgres"):
    fleet.postgres.stop(kind.removeprefix("postgres-"))
    time.sleep(dice.uniform(0, 0.5))
    fleet.postgres.start()
  elif kind == "redis":
    fleet.redis.stop()
    time.sleep(dice.uniform(0, 1))
    fleet.redis.start()
  else:
    fleet.nats.stop()
    if kind == "nats-wiped":
      fleet.nats.wipe()
    time.sleep(dice.uniform(0, 1))
    fleet.nats.start()


@pytest.mark.parametrize("kind, rounds", [("postgres-fast", ROUNDS), ("postgres-immediate", ROUNDS), ("redis", ROUNDS), ("nats", ROUNDS), ("nats-wiped", 1)])
def test_nothing_acknowledged_is_lost_or_doubled(fleet, kind, rounds):
  seed = random.randrange(1 << 32)
  print(f"{kind}: seed {seed}")
  dice = random.Random(seed)
  admin = fleet.admin()
  load = Load(fleet, admin)
  for _ in range(rounds):
    time.sleep(dice.uniform(0.3, 1))
    fault(fleet, kind, dice)
  fleet.wait_healthy()
  before = len(load.ledger)
  wait_until(lambda: len(load.ledger) > before, 30, what="a search acknowledged after the last fault: it recovers by itself")
  load.end()
  print(f"{kind}: {rounds} times, {len(load.ledger)} acknowledged, answers {load.statuses}, slowest {load.slowest:.2f} s")
  assert not load.problems, load.problems[:5]
  assert load.slowest <= ANSWER_S * SLOW, load.slowest
  reconcile(fleet, admin, load)
