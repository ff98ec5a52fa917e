"""The ledger that a client keeps of what was acknowledged, and what must have become of it."""

import http.client
import threading
import time
import uuid

from .process import SLOW, wait_until


class Load:
  """Clients that start searches and read, for as long as it lasts. Each start has a key of its own, and is repeated with it until
  somebody has answered for certain."""

  def __init__(self, fleet, client, threads=4, reset_allowed=False, pause_s=0.05):
    self.pause_s, self.reset_allowed = pause_s, reset_allowed  # a process that is killed cannot answer
    self.clients = [fleet.at(number % len(fleet.api), client) for number in range(threads)]
    self.lock = threading.Lock()
    self.ledger, self.statuses, self.slowest, self.problems = {}, {}, 0.0, []
    self.usual = 0.0
    self.over = threading.Event()
    self.threads = [threading.Thread(target=self.run, args=(one,), daemon=True) for one in self.clients]
    self.threads.append(threading.Thread(target=self.measure, args=(fleet.api,), daemon=True))
    for thread in self.threads:
      thread.start()

  def ask(self, client, method, path, body=None, headers=None):
    began = time.monotonic()
    try:
      reply = client.request(method, path, body, headers=headers or {}, timeout=30 * SLOW)
    except (OSError, http.client.HTTPException) as problem:
      with self.lock:
        if not self.reset_allowed:
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
      time.sleep(self.pause_s)

  def measure(self, members):
    """How long an answer takes that needs no server: so slow is the machine itself just now."""
    while not self.over.is_set():
      for member in members:
        began = time.monotonic()
        try:
          member.client().get("//health", timeout=30 * SLOW)
        except (OSError, http.client.HTTPException):
          continue  # a process that is killed cannot answer
        self.usual = max(self.usual, time.monotonic() - began)
      time.sleep(0.05)

  def check_promise(self, limit_s):
    """Every answer came within the limit, as far as the machine let it."""
    assert self.slowest <= limit_s * SLOW + 10 * self.usual, (self.slowest, limit_s, self.usual)

  def end(self):
    self.over.set()
    for thread in self.threads:
      thread.join(60 * SLOW)
      assert not thread.is_alive(), "a client still waits for an acknowledgement"


def reconcile(fleet, load):
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
