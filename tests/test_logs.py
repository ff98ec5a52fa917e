"""What the processes write down: one JSON line each, by which one request is followed from nginx to the provider."""

import json
import re

import pytest

from harness.fleet import Fleet
from harness.front import NAME, Front
from harness.nats import Nats
from harness.process import wait_until
from harness.scene import Prowlarr, Torznab, metadata, release, settings_for

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
SETUP = re.compile(r"setup: https?://\S+/setup\?token=\S+")  # on standard output, for the terminal


def lines_of(member):
  """Every line of a process, as objects; what is none fails here."""
  return [json.loads(line) for line in member.log().splitlines() if not SETUP.fullmatch(line)]


def bearer(client):
  return "-H", f"Authorization: Bearer {client.token}"


class World:
  """A loaded cluster behind nginx, and everything it wrote."""

  def __init__(self, folder, keep):
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
def world(module_folder, module_keep):
  return World(module_folder, module_keep)


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
  written = wait_until(lambda: [line for line in world.lines() if line.get("request_id") == request_id and line["level"] == "error"], 30)
  kept = wait_until(lambda: [line for line in stream(world.fleet.nats.url, "LOGS.errors") if line.get("request_id") == request_id], 30)
  assert [(line["job"], line["msg"], line["error"]) for line in kept] == [(line["job"], line["msg"], line["error"]) for line in written]
  assert all(line["job"] == "sokoul-worker" for line in kept)


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
  assert len(set(kept())) == len(kept()), "each once"
  fleet.postgres.stop("immediate")
  broken = wait_until(lambda: (reply := admin.get("/downloads")).status == 503 and reply, 30, what="an answer without a database")
  request_id = broken.headers["X-Request-ID"]
  found = wait_until(lambda: [line for line in stream(fleet.nats.url, "LOGS.errors") if line.get("request_id") == request_id], 30, what="the error")
  assert [(line["job"], line["msg"]) for line in found] == [("sokoul-api", "request failed")]
