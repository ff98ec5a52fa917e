"""What an operator reads: it moves when the thing happens, stays small whatever anybody sends, and says nothing secret."""

import http.client
import random
import string
import threading

import pytest

from harness import metrics
from harness.process import wait_until
from harness.scene import Torznab, release, settings_for

# The list of the seed: these names with these labels, whatever else there is.
SEED = {
  "sokoul_api_requests_total": "endpoint method status", "sokoul_api_request_duration_seconds": "endpoint",
  "sokoul_api_request_size_bytes": "endpoint", "sokoul_api_response_size_bytes": "endpoint",
  "sokoul_db_connections_active": "", "sokoul_db_query_duration_seconds": "query_type", "sokoul_db_pool_size": "", "sokoul_db_queries_total": "",
  "sokoul_cache_hits_total": "cache_type", "sokoul_cache_misses_total": "cache_type", "sokoul_cache_size_bytes": "",
  "sokoul_cache_evictions_total": "", "sokoul_worker_jobs_total": "worker_type status", "sokoul_worker_job_duration_seconds": "worker_type",
  "sokoul_worker_queue_size": "worker_type", "sokoul_worker_errors_total": "worker_type error_type", "sokoul_search_requests_total": "provider",
  "sokoul_search_results_total": "provider", "sokoul_search_latency_seconds": "provider", "sokoul_search_errors_total": "provider error_type",
  "sokoul_download_bytes_total": "", "sokoul_download_duration_seconds": "", "sokoul_download_speed_bytes_per_second": "",
  "sokoul_system_cpu_percent": "", "sokoul_system_memory_bytes": "", "sokoul_system_disk_free_bytes": "",
}
HOSTILE = 10_000


class World:
  def __init__(self, server, admin, indexer):
    self.server, self.admin, self.indexer = server, admin, indexer

  def read(self):
    return metrics.read(self.admin)

  def search(self, title):
    search = self.admin.ok("POST", "/search", {"query": title}, status=202)["search_id"]
    wait_until(lambda: self.admin.ok("GET", f"/search/{search}")["status"] in ("completed", "failed"), 60, what="the search")


@pytest.fixture
def world(start, keep):
  indexer = keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1)]))
  server = start(**settings_for([indexer]))
  return World(server, server.admin(), indexer)


def ask(path, status=200):
  def act(world):
    assert world.admin.get(path).status == status
  return act


def twice(path):
  def act(world):
    for _ in range(2):
      assert world.admin.get(path).status == 200
  return act


def sign_in(password):
  def act(world):
    world.server.client().request("POST", "/auth/login", {"username": "admin", "password": password})
  return act


def fail_a_search(world):
  world.indexer.fault = "500"
  world.search("Something Else")
  world.indexer.fault = None


# What is done, and what moves by it.
ACTIONS = [
  ("a request", ask("/media"), "sokoul_api_requests_total", {"endpoint": "/api/v1/media", "method": "GET", "status": "200"}),
  ("an unknown path", ask("//nonsense", 404), "sokoul_api_requests_total", {"endpoint": "unmatched", "status": "404"}),
  ("a request's time", ask("/media"), "sokoul_api_request_duration_seconds_count", {"endpoint": "/api/v1/media"}),
  ("its sign-in", ask("/media"), "sokoul_api_request_part_duration_seconds_count", {"part": "auth"}),
  ("its database", ask("/auth/me"), "sokoul_api_request_part_duration_seconds_count", {"part": "database"}),
  ("its cache", ask("/media"), "sokoul_api_request_part_duration_seconds_count", {"part": "cache"}),
  ("its serialisation", ask("/auth/me"), "sokoul_api_request_part_duration_seconds_count", {"part": "serialisation"}),
  ("a read", ask("/auth/me"), "sokoul_db_query_duration_seconds_count", {"query_type": "select"}),
  ("a write", sign_in("correct horse battery"), "sokoul_db_transactions_total", {"status": "committed"}),
  ("a cache hit", twice("/media"), "sokoul_cache_hits_total", {"cache_type": "media"}),
  ("a cache miss", lambda world: world.admin.ok("POST", "/admin/cache/clear", {}) and ask("/media")(world), "sokoul_cache_misses_total", {"cache_type": "media"}),
  ("a job", lambda world: world.search("Paper Lantern"), "sokoul_worker_jobs_total", {"worker_type": "scout", "status": "completed"}),
  ("a provider's results", lambda world: world.search("Paper Lantern"), "sokoul_search_results_total", {}),
  ("a provider's failure", fail_a_search, "sokoul_search_errors_total", {}),
  ("a log line", ask("/media"), "sokoul_log_messages_total", {"level": "info"}),
]


def test_what_happens_is_counted(world):
  for what, act, name, labels in ACTIONS:
    before = world.read().sum(name, **labels)
    act(world)
    wait_until(lambda: world.read().sum(name, **labels) > before, 30, what=f"{what}: {name}{labels} to move from {before}")


def test_the_seeds_list_is_there_with_its_labels_and_more(world):
  page = metrics.documented()
  for name, labels in SEED.items():
    assert name in page and page[name][1] == tuple(sorted(labels.split())), (name, page.get(name))
  world.search("Paper Lantern")
  fail_a_search(world)
  wait_until(lambda: "sokoul_system_disk_free_bytes" in world.read().types, 60, what="Sentinel's first look")
  found = world.read()
  missing = {name for name in SEED if name not in found.types} - {"sokoul_system_cpu_percent"}  # a share needs two looks
  assert not missing, missing
  metrics.check_against_page(found)


def test_promtool_finds_nothing_while_it_is_busy(world):
  ended = threading.Event()

  def keep_busy():
    client = world.server.client(world.admin.token)
    while not ended.is_set():
      client.get("/media")
      client.get("/auth/me")
  threads = [threading.Thread(target=keep_busy) for _ in range(4)]
  for thread in threads:
    thread.start()
  try:
    for _ in range(20):
      world.read().check()
  finally:
    ended.set()
    for thread in threads:
      thread.join()


def test_ten_thousand_odd_requests_make_no_more_series(world):
  seed = random.randrange(1 << 32)
  print("seed", seed)
  rng = random.Random(seed)

  def odd():
    return "".join(rng.choice(string.ascii_letters + string.digits + "-_.~!$'()*") for _ in range(rng.randint(1, 30)))
  methods = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "FOO"]
  places = ["/{}", "/api/v1/{}", "/api/v1/media/{}", "/api/v1/downloads/{}/pause", "/api/v1/admin/{}", "/stream/{}/{}"]
  connection = None
  for _ in range(HOSTILE):
    connection = connection or http.client.HTTPConnection("127.0.0.1", world.server.port, timeout=60)
    headers = {"User-Agent": odd(), "X-Request-ID": odd(), "traceparent": odd(), "Content-Length": "0"}
    connection.request(rng.choice(methods), rng.choice(places).format(odd(), odd()), headers=headers)
    reply = connection.getresponse()
    reply.read()
    if reply.getheader("Connection") == "close":
      connection.close()
      connection = None
  after = world.read()
  known = {"/health", "/metrics", "unmatched", "/stream/{stream_id}/{rest...}"} | {"/api/v1/" + path for path in (
    "auth/login", "auth/register", "media/{id}", "downloads/{id}", "downloads/{id}/pause")}
  assert after.values("endpoint") <= known, after.values("endpoint") - known
  assert after.values("method") <= {"GET", "POST", "PUT", "DELETE", "HEAD", "other"}
  after.check()


def test_providers_beyond_the_table_are_counted_together(world):
  for batch in range(2):
    names = [f"made-up-{batch}-{number}" for number in range(40)]
    made = [world.admin.ok("POST", "/admin/providers", {"name": name, "kind": "torznab", "base_url": "http://127.0.0.1:9/api"}, status=201)["id"]
            for name in names]
    world.search("Paper Lantern")
    for provider in made:
      world.admin.ok("DELETE", f"/admin/providers/{provider}", status=204)
  found = world.read()
  assert len(found.values("provider")) == 65 and found.sum("sokoul_search_requests_total", provider="other") >= 16
  assert found.sum("sokoul_search_requests_total") >= 82
  found.check()


def test_nothing_secret_is_in_it(world):
  world.search("Paper Lantern")
  text = world.read().text
  for secret in (world.admin.token, world.admin.refresh_token, "admin@example.org", "k3y", str(world.server.data)):
    assert secret not in text


def test_who_may_read_it(start):
  server = start(trusted_proxies="127.0.0.1/32")
  admin, elsewhere = server.admin(), {"X-Forwarded-For": "192.0.2.7"}
  user = server.account("user")
  assert server.client().get("//metrics").status == 200, "loopback"
  assert server.client().get("//metrics", headers=elsewhere).status == 401
  assert user.get("//metrics", headers=elsewhere).status == 403
  assert admin.get("//metrics", headers=elsewhere).status == 200
  admin.ok("POST", "/admin/security/whitelist", {"cidr": "192.0.2.0/24"}, status=201)
  wait_until(lambda: server.client().get("//metrics", headers=elsewhere).status == 200, 30, what="the whitelisted address to be let in")
