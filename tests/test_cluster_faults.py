"""PostgreSQL, Redis and NATS go and come back under load. A client keeps a ledger: what was acknowledged is there, once."""

import collections
import os
import random
import signal
import time

import pytest

from harness.fleet import Fleet
from harness.ledger import Load, reconcile
from harness.process import wait_until
from harness.scene import Torznab, release, settings_for

ANSWER_S = 2  # the API answers, or says 503, within so long
ROUNDS = 10


@pytest.fixture
def fleet(folder, keep):
  indexer = keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1)]))
  return keep(Fleet(folder, workers=("scout", "scout", "sentinel"), **settings_for([indexer])))


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
  load.check_promise(ANSWER_S)
  reconcile(fleet, load)


def test_killed_processes_lose_nothing(fleet):
  """One process every second or so is killed without warning, until enough searches are acknowledged: API processes and workers, now and
  then one of the servers they stand on."""
  jobs = int(os.environ.get("SOKOUL_TEST_JOBS", "2000"))
  seed = random.randrange(1 << 32)
  print(f"kills: seed {seed}")
  dice = random.Random(seed)
  admin = fleet.admin()
  load, kills = Load(fleet, admin, reset_allowed=True), collections.Counter()
  while len(load.ledger) < jobs:
    time.sleep(dice.uniform(0.2, 1))
    server = dice.choice([fleet.postgres, fleet.redis, fleet.nats]) if dice.random() < 0.15 else None
    victim = dice.choice([*fleet.api, *fleet.workers])
    if server:
      server.crash()
    else:
      victim.process.kill()
    kills[type(server or victim).__name__] += 1
    time.sleep(dice.uniform(0, 0.5))
    (server or victim).start()
  fleet.wait_healthy()
  load.end()
  print(f"kills: {kills.total()} {dict(kills)}, {len(load.ledger)} acknowledged, answers {load.statuses}, slowest {load.slowest:.2f} s")
  assert kills.total() >= 10 and not load.problems, (kills, load.problems[:5])
  reconcile(fleet, load)


def test_a_worker_paused_past_its_lease_changes_nothing_afterwards(folder, keep):
  indexer = keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1)]))
  fleet = keep(Fleet(folder, apis=1, workers=("scout",), **settings_for([indexer])))
  admin = fleet.admin()
  indexer.fault = "slow"
  search = admin.ok("POST", "/search", {"query": "Paper Lantern", "year": 2019}, status=202)["search_id"]
  row = lambda: fleet.api[0].rows("SELECT status, fence, lease_owner FROM tasks WHERE id = ?", search)[0]
  wait_until(lambda: row()["status"] == "running", 30, what="the search to run")
  held = row()
  paused = fleet.worker("scout")
  paused.process.signal(signal.SIGSTOP)
  indexer.fault = None
  fleet.add_worker("scout")
  wait_until(lambda: fleet.api[0].rows("SELECT status FROM searches WHERE id = ?", search)[0]["status"] == "completed", 240, 0.5,
             what="the other worker to take the search over and end it")
  taken, results = row(), fleet.api[0].rows("SELECT id, guid FROM search_results WHERE search_id = ? ORDER BY id", search)
  assert taken["fence"] > held["fence"] and len(results) == 1
  paused.process.signal(signal.SIGCONT)
  wait_until(lambda: "lease" in paused.log() or "somebody else has the task" in paused.log(), 150, 0.2, what="the paused worker to notice")
  assert row() == taken and fleet.api[0].rows("SELECT id, guid FROM search_results WHERE search_id = ? ORDER BY id", search) == results
