"""What the processes write down: one JSON line each, by which one request is followed from nginx to the provider."""

import datetime
import json
import re
import socket
import threading
import time
import urllib.parse

import psycopg2
import pytest
import yaml

from harness import alloy, logql
from harness.fleet import Fleet
from harness.front import NAME, Front
from harness.nats import Nats
from harness.process import wait_until
from harness.scene import Prowlarr, Torznab, metadata, release, settings_for
from harness.sokoul import ROOT, Sokoul
from harness.swarm import Swarm
from harness.torrents import Tracker

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
SETUP = re.compile(r"setup: https?://\S+/setup\?token=\S+")  # on standard output, for the terminal


def raw_lines(member):
  """What it has written to the end of the line: the last one may be on its way."""
  whole = member.process.log.read_bytes().rpartition(b"\n")[0]
  return [line for line in whole.split(b"\n") if line and not SETUP.fullmatch(line.decode())]


def lines_of(member):
  """Every line of a process, as objects; what is none fails here."""
  return [json.loads(line) for line in raw_lines(member)]


def bearer(client):
  return "-H", f"Authorization: Bearer {client.token}"


class World:
  """A loaded cluster behind nginx, and everything it wrote."""

  def __init__(self, folder, keep, films):
    self.folder, self.keep, self.films, self.tracker = folder, keep, films, keep(Tracker())
    self.torznab = keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1)]))
    self.prowlarr = keep(Prowlarr([release("Paper.Lantern.2019.2160p.WEB-DL.x265-GRP", 2)]))
    self.tmdb, self.tvmaze = metadata(keep)
    self.fleet = keep(Fleet(folder / "fleet", trusted_proxies="127.0.0.1/32", public_url=f"https://{NAME}",
                            **settings_for([self.torznab], prowlarr=self.prowlarr, tmdb=self.tmdb, tvmaze=self.tvmaze)))
    self.front = keep(Front(folder / "front", [member.port for member in self.fleet.api]))
    self.admin = self.fleet.admin()

  def search(self, *headers, query="Paper Lantern"):
    options = [option for header in headers for option in ("-H", header)]
    status, head, body = self.front.curl("/api/v1/search", *bearer(self.admin), "-H", "Content-Type: application/json", *options, "-d",
                                         json.dumps({"query": query, "year": 2019}))
    assert status == 202, (status, body)
    search = json.loads(body)["search_id"]
    self.fleet.api[0].wait_search(self.admin, search)
    return search, re.search(r"^x-request-id: (\S+)", head, re.M | re.I)[1]

  def provider(self, standin=None):
    """The indexer's name, as the program has it."""
    return next(one["name"] for one in self.admin.ok("GET", "/admin/providers")["items"] if f":{(standin or self.torznab).port}" in one["base_url"])

  def members(self):
    return [*self.fleet.api, *self.fleet.workers]

  def lines(self):
    return [line for member in self.members() for line in lines_of(member)]

  def front_lines(self):
    return [json.loads(line) for line in self.front.lines()]

  def followed(self, request_id):
    """Everything that says this request's id, by job; once the request's own line and the job's end are there."""
    def found():
      every = [line for line in [*self.front_lines(), *self.lines()] if line.get("request_id") == request_id]
      by_job = {job: [line for line in every if line["job"] == job] for job in ("nginx", "sokoul-api", "sokoul-worker")}
      ended = any(line["msg"] == "job ended" for line in by_job["sokoul-worker"])
      return by_job if ended and by_job["nginx"] and by_job["sokoul-api"] else None
    return wait_until(found, 30, what=lambda: f"the lines of {request_id}")


@pytest.fixture(scope="module")
def world(module_folder, module_keep, films):
  return World(module_folder, module_keep, films)


def traces(heads):
  found = [head.get("traceparent") for head in heads]
  return [TRACEPARENT.fullmatch(text).groups() if text else None for text in found]


def test_a_search_is_followed_from_nginx_to_the_providers_by_its_ids(world):
  for standin in (world.torznab, world.prowlarr):
    standin.heads.clear()
  search, request_id = world.search("X-Request-ID: follow-me.1", f"traceparent: 00-{TRACE}-{SPAN}-01")
  assert request_id == "follow-me.1"
  lines = world.followed("follow-me.1")
  assert {line["trace_id"] for job in lines.values() for line in job} == {TRACE}
  assert [(line["method"], line["path"], line["status"]) for line in lines["nginx"]] == [("POST", "/api/v1/search", 202)]
  assert float(lines["nginx"][0]["upstream_s"]) >= 0 and lines["nginx"][0]["upstream"] in [f"127.0.0.1:{member.port}" for member in world.fleet.api]
  assert [(line["msg"], line["route"]) for line in lines["sokoul-api"]] == [("request", "/api/v1/search")]
  assert [line["search_id"] for line in lines["sokoul-worker"] if line["msg"] == "search completed"] == [search]
  answered = {line["provider"]: line for line in lines["sokoul-worker"] if line["msg"] == "a provider answered"}
  assert {world.provider(standin) for standin in (world.torznab, world.prowlarr)} <= set(answered), "as far as the providers themselves"
  assert all(line["search_id"] == search and line["results"] >= 0 and line["latency_ms"] >= 0 for line in answered.values()), answered
  row = world.fleet.api[0].rows("SELECT request_id, traceparent FROM tasks WHERE id = ?", search)[0]
  assert row["request_id"] == "follow-me.1"
  trace, span, flags = TRACEPARENT.fullmatch(row["traceparent"]).groups()
  assert (trace, flags) == (TRACE, "01") and span != SPAN
  for standin in (world.torznab, world.prowlarr):
    asked = traces(standin.heads)
    assert asked and {found and (found[0], found[2]) for found in asked} == {(TRACE, "01")}, asked
    assert not {SPAN, span} & {found[1] for found in asked}, "each call is a span of its own"


def test_services_of_the_whole_world_hear_of_no_trace(world):
  world.search(query="Harbour Lights")
  assert world.tmdb.heads and not any(traces(world.tmdb.heads))


def test_a_request_without_ids_gets_them_at_nginx(world):
  _, request_id = world.search()
  lines = world.followed(request_id)
  found = {line["trace_id"] for job in lines.values() for line in job}
  assert len(found) == 1 and re.fullmatch("[0-9a-f]{32}", found.pop()), lines
  assert re.fullmatch("[0-9a-f]{32}", request_id)


@pytest.mark.parametrize("sent", [
  f"00-{TRACE}-{SPAN}", f"00-{TRACE.upper()}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE}-{SPAN}-01-more",
  f"ff-{TRACE}-{SPAN}-01", "x", f"00-{TRACE}-{SPAN}-01\" evil=\"", "é" * 30])
def test_a_trace_that_is_none_is_replaced(world, sent):
  _, request_id = world.search(f"traceparent: {sent}", "X-Request-ID: not \"plain\"")
  lines = world.followed(request_id)
  found = {line["trace_id"] for job in lines.values() for line in job}
  assert len(found) == 1 and TRACE not in found and "0" * 32 not in found, found
  assert re.fullmatch("[0-9a-f]{32}", request_id), "nor is an id taken over that is no plain one"


# --- The stream LOGS.

def stream(url, subject):
  """The lines that NATS keeps under a subject."""
  client = Nats(url)
  try:
    return [json.loads(text) for found, _, text in client.stream("LOGS") if found == subject]
  finally:
    client.kill()


def test_a_job_is_announced_with_the_ids_of_its_request(world):
  _, request_id = world.search("X-Request-ID: announced-1", f"traceparent: 00-{TRACE}-{SPAN}-01")
  client = Nats(world.fleet.nats.url)
  try:
    heads = [head for subject, head, _ in client.stream("JOBS") if subject == "JOBS.search" and f"X-Request-ID: {request_id}\r\n" in head]
  finally:
    client.kill()
  assert len(heads) == 1 and re.search(rf"^traceparent: 00-{TRACE}-[0-9a-f]{{16}}-01\r$", heads[0], re.M), heads


def test_the_audit_trail_and_every_error_are_kept_in_the_stream(world):
  refused = world.fleet.api[1].client().post("/auth/login", {"username": "admin", "password": "wrong horse battery"})
  assert refused.status == 401
  row = wait_until(lambda: world.fleet.api[0].rows("SELECT * FROM audit_logs WHERE request_id = ?", refused.headers["X-Request-ID"]), 10)[0]
  kept = wait_until(lambda: [line for line in stream(world.fleet.nats.url, "LOGS.audit") if line.get("audit_id") == row["id"]], 30, what="the entry")
  assert len(kept) == 1 and kept[0]["action"] == "login_failed" and kept[0]["request_id"] == row["request_id"] and kept[0]["level"] == "info"
  for standin in (world.torznab, world.prowlarr):
    standin.fault = "401"
  try:
    _, request_id = world.search(query="Nothing of the kind")
  finally:
    for standin in (world.torznab, world.prowlarr):
      standin.fault = None

  def errors(lines):
    return sorted((line["job"], line["msg"], line["error"]) for line in lines if line.get("request_id") == request_id and line["level"] == "error")
  kept = wait_until(lambda: (kept := errors(stream(world.fleet.nats.url, "LOGS.errors"))) == errors(world.lines()) and kept, 60,
                    what=lambda: f"the same in the stream as written: {errors(world.lines())}")
  assert {job for job, _, _ in kept} == {"sokoul-worker"}


def test_the_stream_is_kept_for_seven_days_on_disk(world):
  client = Nats(world.fleet.nats.url)
  try:
    settings = client.settings("LOGS")
  finally:
    client.kill()
  assert (settings["storage"], settings["max_age"], settings["max_bytes"]) == ("file", 7 * 86400 * 10**9, 1 << 30)
  assert settings["subjects"] == ["LOGS.>"]


def test_nobody_waits_for_the_stream_and_what_it_misses_is_counted(folder, keep):
  fleet = keep(Fleet(folder, apis=1, workers=()))
  admin = fleet.admin()
  fleet.nats.stop()
  answered = [admin.put("/admin/settings", {"rate_search": 100 + number}).status for number in range(1200)]
  assert answered == [200] * 1200
  said = admin.ok("GET", "/auth/me")
  assert said["username"] == "admin"
  missed = int(re.search(r"^sokoul_log_stream_dropped_total (\d+)", admin.get("//metrics").body.decode(), re.M)[1])
  assert 0 < missed < 1200
  fleet.nats.start()
  changes = "SELECT id FROM audit_logs WHERE action = 'settings.update'"
  ids = {row["id"] for row in fleet.api[0].rows(changes)}
  assert len(ids) == 1200

  def kept():
    return [line["audit_id"] for line in stream(fleet.nats.url, "LOGS.audit") if line["audit_id"] in ids]
  wait_until(lambda: len(kept()) >= 1200 - missed, 60, what=lambda: f"{1200 - missed} entries, there are {len(kept())}")
  there = kept()
  assert len(set(there)) == len(there), "each once"
  fleet.postgres.stop("immediate")
  broken = wait_until(lambda: (reply := admin.get("/downloads")).status == 503 and reply, 30, what="an answer without a database")
  request_id = broken.headers["X-Request-ID"]
  found = wait_until(lambda: [line for line in stream(fleet.nats.url, "LOGS.errors") if line.get("request_id") == request_id], 30, what="the error")
  assert [(line["job"], line["msg"]) for line in found] == [("sokoul-api", "request failed")]


# --- The lines themselves.

LEVELS = {"debug", "info", "warn", "error"}
JOBS = {"sokoul-api", "sokoul-worker", "sokoul-auth", "sokoul-audit", "sokoul-database", "nginx"}
HOSTILE = ["line\nbreak", 'quote" } {"time":"x","level":"error","job":"sokoul-audit","msg":"forged"}', "\x1b[31mred", "\x85next\u2028line\u202eturned",
           "back\\slash", "tab\tbell\x07", "\x00nul", "x" * 9000, "😀é漢"]


def check_line(raw):
  text = raw.decode("utf-8")  # strictly
  assert not re.search("[\x00-\x1f\x7f\u0080-\u009f\u2028-\u202e\u2066-\u2069]", text), text
  line = json.loads(text, object_pairs_hook=lambda pairs: dict(pairs) if len(dict(pairs)) == len(pairs) else pytest.fail(f"a field twice: {text}"))
  assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?(Z|[+-]\d\d:\d\d)", line["time"]), text
  assert line["level"] in LEVELS and line["job"] in JOBS and line["msg"], text
  if "trace_id" in line:
    assert re.fullmatch("[0-9a-f]{32}", line["trace_id"]), text
    assert line["request_id"], text
  assert list(line)[:4] == ["time", "level", "job", "msg"], text
  return line


def speak(port, payload):
  """Bytes that no HTTP library would send; what comes back."""
  with socket.create_connection(("127.0.0.1", port), 10) as connection:
    connection.sendall(payload)
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(10)
    try:
      return connection.recv(65536)
    except OSError:
      return b""


def slow_statement(world):
  """A statement that waits for a lock; the id of its request."""
  searches = "SELECT count(*) AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE ?"
  answers = []
  asking = threading.Thread(target=lambda: answers.append(world.admin.get("/media?q=who+waits+in+vain", headers={"X-Request-ID": "slow-1"})))
  connection = psycopg2.connect(world.fleet.shared["database_url"])
  try:
    connection.cursor().execute("LOCK TABLE media IN ACCESS EXCLUSIVE MODE")
    asking.start()
    wait_until(lambda: world.fleet.api[0].rows(searches, "%titles_%")[0]["waiting"] > 0, 30, what="a statement that waits")
    time.sleep(0.7)  # it has waited for longer than that now
  finally:
    connection.rollback()
    connection.close()
  asking.join()
  assert answers[0].status == 200, answers
  return "slow-1"


@pytest.fixture(scope="module")
def loaded(world):
  """Some of everything happened: what is right and what is wrong, from friends and from strangers."""
  api, admin = world.fleet.api[0], world.admin
  world.search()
  world.search(query="Nothing at all")  # found by nobody, which is no failure
  for standin in (world.torznab, world.prowlarr):
    standin.fault = "401"
  world.search(query="Paper Lantern Returns")
  for standin in (world.torznab, world.prowlarr):
    standin.fault = None
  world.torznab.fault = "late"  # the request that takes its time
  assert admin.ok("POST", f"/admin/providers/{world.provider()}/test")["ok"]
  world.torznab.fault = None
  world.slow_request = slow_statement(world)
  api.account("second")
  api.client().post("/auth/login", {"username": "second", "password": "wrong horse battery"})
  admin.ok("PUT", "/admin/settings", {"rate_search": 999})
  film = world.films("middle.mkv", mib=24)
  swarm = world.keep(Swarm(world.folder / "swarm", film, world.tracker, "Paper.Lantern.2019.720p.WEB-DL.x264-OWN.mkv"))
  api.wait_download(admin, api.download(admin, magnet_link=swarm.torrent.magnet()))
  for text in HOSTILE:
    encoded = urllib.parse.quote(text.encode("utf-8", "surrogatepass"), safe="")
    for path in (f"/{encoded[:6000]}", f"/media/{encoded[:6000]}", f"/search?query={encoded[:6000]}"):
      api.client(admin.token).get(path, headers={"User-Agent": text.encode("ascii", "ignore").decode().replace("\n", " ").replace("\x00", " ")[:4000]})
    admin.post("/search", {"query": text})
    admin.post("/collections", {"name": text, "description": text})
    admin.post("/auth/login", {"username": text, "password": text})
    admin.post("/auth/register", {"username": text, "email": text, "password": "long enough a password"})
    admin.post("/media", {"title": text, "media_type": "movie"})
    admin.post("/admin/security/blacklist", {"cidr": "192.0.2.0/24", "reason": text})
    admin.post("/admin/providers", {"name": text, "kind": "torznab", "base_url": f"http://127.0.0.1:{world.torznab.port}"})
    world.front.curl(f"/api/v1/media/{encoded[:3000]}", "-g", "-A", "a\x1b[31m\"b", "-H", "X-Request-ID: \"},{", "-H", "Referer: \xff")
  for port in (api.port, world.front.plain_port):
    for bad in (b"GET /\xff\xfe HTTP/1.1", b"GET /%ff%fe%0a%22 HTTP/1.1", b'GET /"} HTTP/1.1', b"G\x01T / HTTP/1.1", b"GET /\x1b[31m HTTP/1.1", b"\xff" * 300,
                b"GET / HTTP/1.1\r\nX-Request-ID: \xff\xfe\"}", b"GET / HTTP/1.1\r\nUser-Agent: a\x01b", b"GET http://x/%0a{}?y HTTP/1.1"):
      speak(port, bad + b"\r\nHost: films.example.org\r\n\r\n")
  # Titles that providers say.
  for number, text in enumerate(HOSTILE, 50):
    world.torznab.releases.append(release("Paper.Lantern.2019." + text.replace("\x00", ""), number))
  world.search()
  del world.torznab.releases[1:]
  return world


def test_every_line_of_every_process_is_one_object_with_its_fields(loaded):
  count = {}
  for member in loaded.members():
    for raw in raw_lines(member):
      line = check_line(raw)
      count[line["job"]] = count.get(line["job"], 0) + 1
      assert "forged" != line["msg"]
  for line in (loaded.front.folder / "access.log").read_bytes().rpartition(b"\n")[0].split(b"\n"):
    assert check_line(line)["job"] == "nginx"
    count["nginx"] = count.get("nginx", 0) + 1
  print(f"lines: {count}")
  assert set(count) == JOBS
  # A stop has its line, too, under the process's own name.
  for member, job in ((loaded.fleet.api[1], "sokoul-api"), (loaded.fleet.worker("oracle"), "sokoul-worker")):
    member.stop()
    said = [check_line(raw) for raw in raw_lines(member)]
    assert [(line["job"], line["level"]) for line in said if line["msg"] in ("ready", "stopping")] == [(job, "info")] * 2
    member.start()


def test_a_statement_that_takes_long_is_told_with_whose_it_was(loaded):
  found = [line for line in loaded.lines() if line["job"] == "sokoul-database" and line.get("request_id") == loaded.slow_request]
  assert found and all((line["msg"], line["level"]) == ("slow statement", "warn") and line["duration_ms"] >= 500 for line in found), found
  assert all(re.match("(?i)select|with", line["statement"]) and "vain" not in json.dumps(line) for line in found), found


def test_a_process_that_cannot_start_says_so_in_a_line(loaded, folder):
  other = Sokoul(folder / "other", start=False, database_url="postgresql://nobody@127.0.0.1:1/nothing", queue_url=None, cache_url=None)
  code, _, said = other.run("serve")
  assert code != 0
  line = check_line(said.strip().encode())
  assert (line["level"], line["job"], line["msg"]) == ("error", "sokoul-api", "cannot start") and "SOKOUL_DATABASE_URL" in line["error"], line


def examples():
  text = (ROOT / "docs" / "guide" / "logs.md").read_text()
  queries = [line for block in re.findall(r"```logql\n(.*?)```", text, re.S) for line in block.splitlines() if line]
  assert len(queries) >= 10
  for query in ('{job="sokoul-api"} | json | status >= 400', '{job="sokoul-worker"} | json | level="error"', '{job="sokoul-auth"} | json | action="login_failed"'):
    assert query in queries, "the three of the architecture"
  return queries


def finds(world, query, where=""):
  """What the query has; a line may come a moment after what it tells of."""
  def found():
    return logql.evaluate(query, [raw.decode() for member in world.members() for raw in raw_lines(member)] + world.front.lines())
  return wait_until(found, 30, 0.5, f"{where}{query}")


@pytest.mark.parametrize("query", examples())
def test_the_examples_of_the_guide_find_something(loaded, query):
  # The one request of the guide is one of ours.
  if "my-search-7" in query or TRACE in query:
    loaded.search("X-Request-ID: my-search-7", f"traceparent: 00-{TRACE}-{SPAN}-01")
    loaded.followed("my-search-7")
  if "upstream_status" in query:  # a request that went on to another process, because the first was away
    loaded.fleet.api[1].stop()
    try:
      for _ in range(10):
        assert loaded.front.curl("/health")[0] == 200
    finally:
      loaded.fleet.api[1].start()
  found = finds(loaded, query)
  if isinstance(found, dict):
    assert all(value > 0 for value in found.values()) and all(value for key in found for _, value in key), found
  if "my-search-7" in query:
    assert {json.loads(line)["job"] for line in found} >= {"nginx", "sokoul-api", "sokoul-worker"}


def test_the_evaluator_tells_apart_what_loki_does():
  lines = ['{"job":"a","level":"info","status":200,"msg":"x","ip":"1"}', '{"job":"a","level":"error","status":503,"msg":"y","ip":"2"}',
           '{"job":"b","level":"info","status":"404","msg":"x y"}', '{"job":"b","level":"info","msg":"none"}']
  def count(query):
    return len(logql.evaluate(query, lines))
  assert count('{job="a"}') == 2 and count('{job=~"a|b"}') == 4 and count('{job!~"a"}') == 2 and count('{job="a",level!="info"}') == 1
  assert count('{job=~".+"} | json | status >= 400') == 2 and count('{job=~".+"} | json | status < 400') == 1
  assert count('{job=~".+"} |= "x" != "y"') == 1 and count('{job=~".+"} | json | msg=~"x.*"') == 2 and count('{job=~".+"} | json | status=""') == 1
  assert count('{job=~".+"} | json | status=200 or status=404 and msg="x y"') == 2
  assert logql.evaluate('sum by (job) (count_over_time({job=~".+"} | json | status > 1 [5m]))', lines) == {(("job", "a"),): 2, (("job", "b"),): 1}
  assert logql.evaluate('sum(rate({job="a"} [10s]))', lines) == {(): 0.2}
  assert logql.evaluate('topk(1, sum by (ip) (count_over_time({job="a"} | json [1h])))', [*lines, lines[0]]) == {(("ip", "1"),): 2}
  for wrong in ('{status="200"}', '{job="a"} | json |', '{job="a"} json', 'sum by (x)', '{job="a"', 'avg({job="a"} [5m])'):
    with pytest.raises((logql.Mistake, IndexError)):
      logql.evaluate(wrong, lines)


def test_the_shipper_reads_what_is_written(loaded):
  files = {path.name: alloy.read(path.read_text()) for path in (ROOT / "deploy" / "loki").glob("*.alloy")}
  assert set(files) == {"sokoul.alloy", "journal.alloy", "docker.alloy"}
  blocks = {f"{name}.{label}": (attributes, inner) for blocks in files.values() for name, label, attributes, inner in blocks}
  assert len(blocks) == sum(map(len, files.values())), "a component twice"
  for attributes, _ in blocks.values():
    for to in attributes.get("forward_to", []):
      assert to.removesuffix(".receiver") in blocks, to
  stages = {name: attributes for name, _, attributes, _ in blocks["loki.process.sokoul"][1]}
  assert list(stages) == ["stage.json", "stage.labels", "stage.match", "stage.timestamp"]
  fields, labels = stages["stage.json"]["expressions"], stages["stage.labels"]["values"]
  assert tuple(sorted(labels)) == logql.LABELS and set(labels) <= set(fields)
  matched = re.fullmatch(r'\{job!~"(.*)"\}', stages["stage.match"]["selector"])[1]
  assert stages["stage.match"]["action"] == "drop" and not re.fullmatch(matched, "") and not re.fullmatch(matched, "postgres")
  for line in [*loaded.lines(), *loaded.front_lines()]:
    assert all(line[source] for source in fields.values()), line
    assert re.fullmatch(matched, line["job"]), line
    moment = datetime.datetime.fromisoformat(line[stages["stage.timestamp"]["source"]].replace("Z", "+00:00"))
    assert stages["stage.timestamp"]["format"] == "RFC3339" and moment.tzinfo
  assert blocks["local.file_match.nginx"][0]["path_targets"] == [{"__path__": re.search(r"access_log (\S+) ", (ROOT / "deploy/nginx/sokoul.conf").read_text())[1]}]
  port = yaml.safe_load((ROOT / "deploy/loki/loki.yaml").read_text())["server"]["http_listen_port"]
  assert port == 3100 and blocks["loki.write.loki"][1][0][2]["url"] == 'sys.env("LOKI_URL")/loki/api/v1/push'


def test_the_guide_names_every_field(loaded):
  text = (ROOT / "docs" / "guide" / "logs.md").read_text()
  fields = {name for line in [*loaded.lines(), *loaded.front_lines()] for name in line}
  for source in (ROOT / "src").rglob("*.c"):
    if not source.name.endswith("_test.c"):
      fields |= set(re.findall(r'SOK_(?:TEXT|INT|REAL)\("(\w+)"', source.read_text()))
  missing = {name for name in fields if f"`{name}`" not in text}
  assert not missing, missing


# --- The log panels of Grafana's dashboards, the last thing here: their database is taken away for it.

def panels():
  """Every query of a dashboard that goes to Loki: (dashboard, panel, query)."""
  found = []
  for path in sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json")):
    stack = list(json.loads(path.read_text())["panels"])
    while stack:
      panel = stack.pop()
      stack += panel.get("panels", [])
      found += [(path.stem, panel["title"], target["expr"]) for target in panel.get("targets", []) if target["datasource"]["type"] == "loki"]
  assert len(found) >= 5, found
  return found


@pytest.fixture(scope="module")
def bereft(loaded):
  """A database that was away for a while, as the processes tell of it."""
  loaded.fleet.postgres.stop("immediate")
  try:
    wait_until(lambda: loaded.admin.get("/downloads").status == 503, 30, what="an answer without a database")
    wait_until(lambda: any("database" in json.dumps(line) and line["level"] in ("warn", "error") for line in loaded.lines()), 60, what="a line about it")
  finally:
    loaded.fleet.postgres.start()
  wait_until(lambda: loaded.admin.get("/downloads").status == 200, 60, what="the database again")
  return loaded


@pytest.mark.parametrize("dashboard, panel, query", panels())
def test_the_log_panels_of_the_dashboards_show_something(bereft, dashboard, panel, query):
  finds(bereft, query, f"{dashboard}: {panel}: ")
