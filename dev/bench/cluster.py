"""The cluster's parts, each against the engine below it: PostgreSQL's own pgbench, redis-benchmark, and Sokoul without limits."""

import pathlib
import re
import subprocess
import threading
import time

from common import TICKS, Row, cpu_seconds, poll
from harness import servers
from harness.fleet import Fleet
from harness.scene import Torznab, release, settings_for
from harness.sokoul import Sokoul

ROUNDS, LOAD_SECONDS, CLIENTS, JOBS = 2, 3, 16, 200


def wrk(port, token, path):
  """Requests a second; every answer must be a good one."""
  done = subprocess.run(["wrk", "-t1", f"-c{CLIENTS}", f"-d{LOAD_SECONDS}s", "-H", f"Authorization: Bearer {token}", f"http://127.0.0.1:{port}{path}"],
                        capture_output=True, text=True, check=True, timeout=60).stdout
  if "Non-2xx" in done or "Socket errors" in done:
    raise RuntimeError(f"{path}: {done}")
  return float(re.search(r"Requests/sec:\s+([\d.]+)", done)[1])


def cpu_ever(pid):
  """Also of its children that have ended, as PostgreSQL's do with their connection."""
  fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
  return cpu_seconds(pid) + (int(fields[13]) + int(fields[14])) / TICKS


def costing(pids, work):
  """(what `work` gives: things a second, CPU microseconds a thing of each process)."""
  before, began = [cpu_ever(pid) for pid in pids], time.monotonic()
  rate = work()
  count = rate * (time.monotonic() - began)
  return rate, [(cpu_ever(pid) - start) * 1e6 / count for pid, start in zip(pids, before)]


def pgbench(url, *options):
  done = subprocess.run([servers.PROGRAMS / "pgbench", "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "1", "-T", str(LOAD_SECONDS), *options, url],
                        capture_output=True, text=True, check=True, timeout=120).stdout
  return float(re.search(r"tps = ([\d.]+)", done)[1])


def redis_benchmark(port, command="get"):
  done = subprocess.run(["redis-benchmark", "-p", str(port), "-c", str(CLIENTS), "-n", "100000", "-d", "200", "-t", command, "--csv"], capture_output=True,
                        text=True, check=True, timeout=120).stdout
  return float(done.splitlines()[-1].split(",")[1].strip('"'))


def best(rounds):
  """The round with the highest rate."""
  return max(rounds, key=lambda one: one[0])


def reads(fleet, admin):
  """Rows of a single row by its id, and of a list that is cached."""
  api, postgres, redis = fleet.api[0], fleet.postgres, fleet.redis
  base = postgres.new_database()
  subprocess.run([servers.PROGRAMS / "pgbench", "-i", "-q", "-s", "5", base], check=True, capture_output=True, timeout=120)
  media = [admin.ok("POST", "/media", {"title": f"Film {n}", "media_type": "movie"}, status=201)["id"] for n in range(50)][0]
  pids = [api.process.pid, postgres.process.pid, redis.process.pid]
  one, listed, selects, gets = [], [], [], []
  for _ in range(ROUNDS):
    one.append(costing(pids, lambda: wrk(api.port, admin.token, f"/api/v1/media/{media}")))
    selects.append(costing(pids, lambda: pgbench(base, "-S")))
    listed.append(costing(pids, lambda: wrk(api.port, admin.token, "/api/v1/media?per_page=20")))
    gets.append(costing(pids, lambda: redis_benchmark(redis.port)))
  one, listed, selects, gets = best(one), best(listed), best(selects), best(gets)
  name = "pgbench -S"
  return base, [
    Row("cluster GET of one work", "req/s", one[0], selects[0], name, ROUNDS, more=True),
    Row("cluster CPU of the API for it", "us", one[1][0], selects[1][1], f"PostgreSQL's in {name}", ROUNDS),
    Row("cluster CPU of PostgreSQL for it", "us", one[1][1], selects[1][1], f"its own in {name}", ROUNDS),
    Row("cluster GET of a cached list", "req/s", listed[0], gets[0], "redis-benchmark GET", ROUNDS, more=True),
    Row("cluster CPU of the API for it", "us", listed[1][0], gets[1][2], "Redis' a GET", ROUNDS),
    Row("cluster CPU of Redis for it", "us", listed[1][2], gets[1][2], "its own a GET", ROUNDS)]


def limits(fleet, admin):
  """The same requests at a process that counts them, user and address, and at one that does not."""
  api = fleet.api[0]
  counting = Sokoul(fleet.folder / "counting", start=False, roles="api", **{**fleet.shared, "rate_api": 10**6, "rate_ip": 10**6})
  counting.start()
  try:
    path = "/api/v1/library/watchlist"
    pids = [fleet.redis.process.pid]
    on, off, sets = [], [], []
    for _ in range(ROUNDS):
      on.append(costing(pids, lambda: wrk(counting.port, admin.token, path)))
      off.append(costing(pids, lambda: wrk(api.port, admin.token, path)))
      sets.append(costing(pids, lambda: redis_benchmark(fleet.redis.port, "set")))
    on, off, sets = best(on), best(off), best(sets)
  finally:
    counting.kill()
  return [Row("cluster GET of a cached list, counted", "req/s", on[0], off[0], "without limits", ROUNDS, more=True),
          Row("cluster limits, two a request", "counts/s", 2 * on[0], sets[0], "redis-benchmark SET", ROUNDS, more=True),
          Row("cluster CPU of Redis a count", "us", (on[1][0] - off[1][0]) / 2, sets[1][0], "its own a SET", ROUNDS)]


def jobs(fleet, admin, base):
  """Searches from request to completed row, by one worker; each is one commit of the API's and four of the worker's."""
  pids = [fleet.api[0].process.pid, fleet.worker("scout").process.pid, fleet.postgres.process.pid, fleet.nats.process.pid]

  def ask(count):
    client = fleet.at(0, admin)
    for number in range(count):
      client.ok("POST", "/search", {"query": f"Lantern {threading.get_ident()} {number}", "year": 2019}, status=202)

  def work():
    began = time.monotonic()
    threads = [threading.Thread(target=ask, args=(JOBS // 4,)) for _ in range(4)]
    for thread in threads:
      thread.start()
    for thread in threads:
      thread.join()
    poll(lambda: fleet.api[0].rows("SELECT count(*) AS n FROM searches WHERE status NOT IN ('completed', 'failed')")[0]["n"] == 0, 120, 0.02, "all searches to be over")
    return JOBS / (time.monotonic() - began)
  rate, cpu = costing(pids, work)
  writes, [written] = costing(pids[2:3], lambda: pgbench(base, "-N"))
  return [Row("cluster searches through API, NATS, worker", "jobs/s", rate, writes, "pgbench -N", 1, more=True),
          Row("cluster CPU of PostgreSQL a search", "us", cpu[2], written, "a transaction of pgbench -N", 1),
          Row("cluster CPU of API and worker a search", "us", cpu[0] + cpu[1], cpu[2], "PostgreSQL's", 1)]


def cluster(place):
  indexer = place.keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1)]))
  with place.running(Fleet(place.new("cluster"), apis=1, workers=(), log_level="error", **settings_for([indexer]))) as fleet:
    fleet.add_worker("scout", wait=False)  # it says "ready" at a level that is not logged here
    admin = fleet.admin()
    base, rows = reads(fleet, admin)
    return rows + limits(fleet, admin) + jobs(fleet, admin, base)
