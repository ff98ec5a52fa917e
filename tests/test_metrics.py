"""What an operator reads: it moves when the thing happens, stays small whatever anybody sends, and says nothing secret."""

import http.client
import json
import random
import string
import threading

import pytest

from harness import metrics, pictures
from harness.process import wait_until
from harness.scene import Torznab, release, settings_for
from harness.swarm import Swarm
from harness.ws import Refused

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
    self.server, self.admin, self.indexer, self.user = server, admin, indexer, None

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


def bad_token(world):
  assert world.server.client("no.such.token").get("/auth/me").status == 401


def use_api_key(world):
  key = world.admin.ok("POST", "/auth/api-keys", {"name": "mine"})["key"]
  assert world.server.client().get("/auth/me", headers={"X-Api-Key": key}).status == 200


def refresh(times):
  """The same refresh token so often: the second time ends its session."""
  def act(world):
    token = world.server.login("admin").refresh_token
    for _ in range(times):
      world.server.client().request("POST", "/auth/refresh", {"refresh_token": token})
  return act


def not_allowed(world):
  if not world.user:
    world.user = world.server.account("user")
  assert world.user.get("/admin/users").status == 403


def talk(world):
  socket = world.server.socket(world.admin)
  socket.send(json.dumps({"subscribe": ["downloads"]}))
  socket.send(json.dumps({"subscribe": "nonsense"}))
  socket.wait("error")
  socket.close()


def send_picture(world):
  world.admin.request("PUT", "/auth/me/avatar", raw=pictures.png(8, 8), headers={"Content-Type": "image/png"})


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
  ("its connection", ask("/auth/me"), "sokoul_db_pool_wait_duration_seconds_count", {}),
  ("a write", sign_in("correct horse battery"), "sokoul_db_transactions_total", {"status": "committed"}),
  ("a cache hit", twice("/media"), "sokoul_cache_hits_total", {"cache_type": "media"}),
  ("a cache miss", lambda world: world.admin.ok("POST", "/admin/cache/clear", {}) and ask("/media")(world), "sokoul_cache_misses_total", {"cache_type": "media"}),
  ("a job", lambda world: world.search("Paper Lantern"), "sokoul_worker_jobs_total", {"worker_type": "scout", "status": "completed"}),
  ("a provider's results", lambda world: world.search("Paper Lantern"), "sokoul_search_results_total", {}),
  ("a provider's failure", fail_a_search, "sokoul_search_errors_total", {}),
  ("its wake-up", lambda world: world.search("Paper Lantern"), "sokoul_queue_published_total", {"job": "search"}),
  ("its events", lambda world: world.search("Paper Lantern"), "sokoul_queue_events_published_total", {}),
  ("its wait", lambda world: world.search("Paper Lantern"), "sokoul_worker_job_wait_duration_seconds_count", {"worker_type": "scout"}),
  ("its call to the provider", lambda world: world.search("Paper Lantern"), "sokoul_http_client_requests_total", {"result": "2xx"}),
  ("a call that fails", fail_a_search, "sokoul_http_client_requests_total", {"result": "5xx"}),
  ("its further tries", fail_a_search, "sokoul_http_client_retries_total", {}),
  ("a sign-in", sign_in("correct horse battery"), "sokoul_auth_logins_total", {"result": "ok"}),
  ("a wrong password", sign_in("wrong"), "sokoul_auth_logins_total", {"result": "failed"}),
  ("its hash", sign_in("wrong"), "sokoul_auth_password_hash_duration_seconds_count", {}),
  ("its entry", sign_in("wrong"), "sokoul_audit_entries_total", {}),
  ("a token", ask("/auth/me"), "sokoul_auth_tokens_total", {"result": "ok"}),
  ("a wrong token", bad_token, "sokoul_auth_tokens_total", {"result": "refused"}),
  ("an API key", use_api_key, "sokoul_auth_api_keys_total", {"result": "ok"}),
  ("a refresh", refresh(1), "sokoul_auth_refreshes_total", {"result": "ok"}),
  ("a reused refresh token", refresh(2), "sokoul_auth_refreshes_total", {"result": "reused"}),
  ("what one may not", not_allowed, "sokoul_api_refused_total", {"reason": "policy"}),
  ("a foreign name", lambda world: world.admin.get("/auth/me", headers={"Host": "evil.example"}), "sokoul_api_refused_total", {"reason": "host"}),
  ("a WebSocket", talk, "sokoul_ws_connections_total", {}),
  ("what it says", talk, "sokoul_ws_messages_total", {"direction": "in"}),
  ("what it is told", talk, "sokoul_ws_messages_total", {"direction": "out"}),
  ("an upload", send_picture, "sokoul_uploads_total", {"result": "unscanned"}),
  ("a log line", ask("/media"), "sokoul_log_messages_total", {"level": "info"}),
]


def test_what_happens_is_counted(world):
  for what, act, name, labels in ACTIONS:
    before = world.read().sum(name, **labels)
    act(world)
    wait_until(lambda: world.read().sum(name, **labels) > before, 30, what=f"{what}: {name}{labels} to move from {before}")


def moved(client, before, name, least=1, **labels):
  return wait_until(lambda: metrics.read(client).sum(name, **labels) >= before.sum(name, **labels) + least, 60, what=f"{name} to move by {least}")


def test_a_download_and_who_watches_it(start, folder, keep, films, tracker):
  path = films("middle.mkv", mib=24)
  film = keep(Swarm(folder / "swarm", path, tracker, "Paper.Lantern.2019.720p.WEB-DL.x264-OWN.mkv"))
  server = start()
  admin = server.admin()
  before = metrics.read(admin)
  download = server.download(admin, magnet_link=film.torrent.magnet())
  server.wait_download(admin, download)
  moved(admin, before, "sokoul_download_bytes_total", 1_000_000)  # what came before the first look is not counted
  moved(admin, before, "sokoul_downloads_ended_total", status="completed")
  moved(admin, before, "sokoul_library_imports_total", status="completed")
  moved(admin, before, "sokoul_library_import_duration_seconds_count")
  moved(admin, before, "sokoul_download_duration_seconds_count")
  moved(admin, before, "sokoul_worker_jobs_total", worker_type="hunter", status="completed")
  media = admin.ok("GET", f"/downloads/{download}")["media_id"]
  stream = admin.ok("GET", f"/streaming/direct/{media}")
  assert admin.get("/" + stream["url"], headers={"Range": "bytes=0-999999"}).status == 206
  moved(admin, before, "sokoul_stream_bytes_total", 1_000_000)
  assert metrics.read(admin).sum("sokoul_stream_bytes_total") < 1_010_000, "the range and its header"
  wait_until(lambda: metrics.read(admin).sum("sokoul_streams_active") == 0, 30, what="the stream to be over")
  metrics.read(admin).check()


def reached(admin, limit, act):
  """Acts until that limit says no, and so until it is counted."""
  def counted():
    act()
    return metrics.read(admin).sum("sokoul_api_limited_total", limit=limit) >= 1
  wait_until(counted, 60, what=f"the limit {limit} to be counted")


def test_limits_are_counted_by_what_was_reached(start):
  server = start(rate_auth="3/min", rate_search="1/min", max_downloads_per_user=1, max_ws_per_ip=1)
  admin = server.admin()
  wrong = {"username": "admin", "password": "wrong"}
  number = iter(range(1, 1000))
  reached(admin, "auth", lambda: server.client().request("POST", "/auth/login", wrong))
  reached(admin, "search", lambda: admin.request("POST", "/search", {"query": "Paper Lantern"}))
  reached(admin, "downloads", lambda: admin.request("POST", "/downloads/start", {"info_hash": f"{next(number):040x}"}))
  assert metrics.read(admin).sum("sokoul_auth_logins_total", result="limited") >= 1
  before = metrics.read(admin)
  socket = server.socket(admin)
  with pytest.raises(Refused):
    server.socket(admin)
  moved(admin, before, "sokoul_api_limited_total", limit="websockets")
  socket.close()


def test_sentinels_readings(start):
  admin = start().admin()
  wait_until(lambda: metrics.read(admin).sum("sokoul_sentinel_last_run_timestamp_seconds") > 0, 60, what="Sentinel's first look")
  found = metrics.read(admin)
  for check in ("database", "cache", "queue", "providers"):
    assert found.sum("sokoul_sentinel_check_up", check=check) == 1, check
  for folder in ("data", "downloads"):
    assert found.sum("sokoul_sentinel_disk_free_bytes", folder=folder) > 0, folder
  assert 0 < found.sum("sokoul_sentinel_memory_used_ratio") <= 1
  assert 0 <= found.sum("sokoul_db_connections_active") <= found.sum("sokoul_db_pool_size") + 1
  assert found.sum("sokoul_sentinel_alerts_active") <= 10 and "sokoul_queue_tasks" in found.types


def test_the_seeds_list_is_there_with_its_labels_and_more(world):
  page = metrics.documented()
  for name, labels in SEED.items():
    assert name in page and page[name][1] == tuple(sorted(labels.split())), (name, page.get(name))
  world.search("Paper Lantern")
  fail_a_search(world)
  world.admin.ok("GET", "/media")  # something is kept: only then is the cache's size asked for
  wait_until(lambda: world.read().sum("sokoul_sentinel_last_run_timestamp_seconds") > 0, 60, what="the end of Sentinel's first look")
  found = world.read()
  missing = {name for name in SEED if name not in found.types} - {"sokoul_system_cpu_percent"}  # a share needs two looks
  assert not missing, missing
  metrics.check_against_page(found)


def test_a_process_that_has_just_started_names_everything(start):
  found = metrics.read(start(roles="api").client())
  assert set(SEED) <= set(found.named), set(SEED) - set(found.named)
  assert {name: kind for name, (kind, _) in metrics.documented().items()} == found.named
  found.check()


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


def test_networks_that_may_read_it(start):
  server = start(trusted_proxies="127.0.0.1/32", metrics_allow="192.0.2.0/24, 2001:db8::/32")
  client = server.client()
  for address, status in (("192.0.2.7", 200), ("2001:db8::7", 200), ("192.0.3.7", 401), ("::ffff:192.0.2.7", 200)):
    assert client.get("//metrics", headers={"X-Forwarded-For": address}).status == status, address
  assert client.get("/admin/users", headers={"X-Forwarded-For": "192.0.2.7"}).status == 401, "metrics are all it opens"
  unproxied = start(metrics_allow="127.0.0.0/8").client()
  assert unproxied.get("//metrics").status == 200
  assert unproxied.get("//metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status == 401, "a proxy that nobody trusts speaks for strangers"
