"""Sentinel: every condition brought about, told once by event, log, metric and audit, and told once more when it is over."""

import json
import re
import sys
import time

import pytest

from harness import sokoul
from harness.clamd import Clamd
from harness.fleet import Fleet
from harness.process import Process, wait_until
from harness.scene import Torznab, release, settings_for

QUICK = {"sentinel_seconds": 1}
OFF = {f"alert_{name}": 0 for name in ("cpu_percent", "memory_percent", "disk_mib", "queue_jobs", "queue_seconds", "dead_letters")}


def alerts(socket, name, state, limit_s=60):
  return socket.wait("alert", limit_s, where=lambda data: data["name"] == name and data["state"] == state)["data"]


def log_lines(server):
  return [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]


def said(servers, name):
  """How often the log, over all of them, says that it was raised, and that it cleared."""
  lines = [line for server in servers for line in log_lines(server) if line.get("alert") == name]
  return [sum(line["msg"] == message for line in lines) for message in ("alert", "alert cleared")]


def wait_said(servers, name, counts):
  """The event is out before the line is."""
  wait_until(lambda: said(servers, name) == counts, 30, what=lambda: f"{name} to be in the log {counts} times, it is {said(servers, name)}")


def audited(admin, name):
  return [[entry for entry in admin.ok("GET", f"/admin/audit-logs?action=alert.{state}")["items"] if entry["resource_id"] == name]
          for state in ("raised", "cleared")]


def rounds(admin):
  """When it last looked."""
  return metric(admin, "sokoul_sentinel_last_run_timestamp_seconds")


def wait_rounds(admin, count):
  for _ in range(count):
    before = rounds(admin)
    wait_until(lambda now=before: rounds(admin) != now, 30, what="another look of the sentinel")


def metric(admin, line):
  match = re.search(rf"^{re.escape(line)} (\S+)$", admin.get("//metrics").body.decode(), re.M)
  return float(match[1]) if match else None


def goes_through(server, admin, name, begin, end, severity):
  """Raised once, held, cleared once; by every way."""
  socket = server.socket(admin)
  begin()
  raised = alerts(socket, name, "raised")
  assert raised["severity"] == severity and raised["message"], raised
  active = f'sokoul_sentinel_alerts_active{{alert="{name}"}}'
  wait_until(lambda: metric(admin, active) == 1, what="the alert in the metrics")
  wait_rounds(admin, 3)
  assert said([server], name) == [1, 0], "it is said once"
  end()
  cleared = alerts(socket, name, "cleared")
  assert cleared["message"] != raised["message"]
  wait_rounds(admin, 2)
  assert said([server], name) == [1, 1]
  assert metric(admin, active) == 0
  for state in ("raised", "cleared"):
    assert metric(admin, f'sokoul_sentinel_alerts_total{{alert="{name}",state="{state}"}}') == 1
  raised_entries, cleared_entries = audited(admin, name)
  assert len(raised_entries) == len(cleared_entries) == 1
  assert raised_entries[0]["new_value"]["severity"] == severity and raised_entries[0]["username"] is None
  socket.close()
  return raised


@pytest.mark.parametrize("name,setting,low,severity", [
  ("cpu", "alert_cpu_percent", 1, "warning"),
  ("memory", "alert_memory_percent", 1, "warning"),
  ("disk_data", "alert_disk_mib", 1000000000, "critical"),
])
def test_what_the_machine_has_too_little_of_is_told(start, folder, keep, name, setting, low, severity):
  server = start(**{**QUICK, **OFF})
  admin = server.admin()
  if name == "cpu":
    keep(Process([sys.executable, "-c", "while True: pass"], folder / "busy"))
  raised = goes_through(server, admin, name, lambda: admin.ok("PUT", "/admin/settings", {setting: low}),
                        lambda: admin.ok("PUT", "/admin/settings", {setting: 0}), severity)
  assert raised["host"] and raised["value"] >= 0 and raised["threshold"] > 0


def test_what_waits_and_what_failed_for_good_is_told(start):
  server = start(roles="api,sentinel", **{**QUICK, **OFF, "alert_queue_jobs": 2, "alert_queue_seconds": 2, "alert_dead_letters": 1})
  admin = server.admin()
  socket = server.socket(admin)
  searches = [admin.ok("POST", "/search", {"query": f"Paper Lantern {number}"}, status=202)["search_id"] for number in range(3)]
  alerts(socket, "queue_depth", "raised")
  assert alerts(socket, "queue_age", "raised")["severity"] == "critical"
  server.change("DELETE FROM tasks WHERE id = ?", [[search] for search in searches])
  alerts(socket, "queue_age", "cleared")
  alerts(socket, "queue_depth", "cleared")
  wait_said([server], "queue_depth", [1, 1])
  wait_said([server], "queue_age", [1, 1])
  server.change("INSERT INTO dead_letters (id, task_id, task_type, payload, tries, error_code, error_message, created_at) VALUES (?, ?, 'search', '{}', 3, 'timeout', 'x', ?)",
                [["00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002", int(time.time() * 1000)]])  # an old one would be purged
  alerts(socket, "dead_letters", "raised")
  server.change("DELETE FROM dead_letters WHERE task_type = ?", [["search"]])
  alerts(socket, "dead_letters", "cleared")


def test_a_provider_that_fails_again_and_again_is_told(start, keep):
  indexer = keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1)]))
  server = start(**{**QUICK, **OFF}, **settings_for([indexer]))
  admin = server.admin()
  server.search(admin, "Paper Lantern")

  def begin():
    indexer.fault = "500"
    for number in range(5):
      server.search(admin, f"Paper Lantern {number}")
    deep = admin.get("//health/deep")
    assert deep.status == 200 and "failing: " in deep.json["checks"]["providers"]["error"], "without a provider it still serves"

  def end():
    indexer.fault = None
    wait_until(lambda: server.search(admin, "Paper Lantern again")["providers"][0]["status"] == "completed", 120, 1, "the indexer to be asked again")
  goes_through(server, admin, "providers", begin, end, "warning")


def test_a_scanner_that_is_gone_is_told(start, folder, keep):
  scanner = keep(Clamd(folder / "clamd"))
  server = start(clamd=scanner.tcp, **{**QUICK, **OFF})
  admin = server.admin()
  goes_through(server, admin, "scanner", scanner.kill, scanner.start, "warning")


@pytest.fixture
def fleet(folder, keep):
  """Two sentinels, one of which watches by now."""
  fleet = keep(Fleet(folder, apis=1, workers=("sentinel", "sentinel"), **{**QUICK, **OFF}))
  wait_until(lambda: fleet.api[0].rows("SELECT count(*) AS places FROM alert_watches WHERE lease_owner <> ''")[0]["places"] == 2, 60, 0.1,
             "a sentinel at each place: a server that is stopped before is one without which none starts")
  return fleet


@pytest.mark.skipif(sokoul.SET != "embedded", reason="has servers of its own")
@pytest.mark.parametrize("name", ["cache", "queue", "database"])
def test_of_two_sentinels_one_tells_that_a_server_is_away(fleet, name):
  server = {"cache": fleet.redis, "queue": fleet.nats, "database": fleet.postgres}[name]
  admin = fleet.admin()
  socket = fleet.api[0].socket(admin)
  server.stop()
  if name == "queue":  # what carries the events is what is away: the log has it
    wait_until(lambda: said(fleet.workers, name)[0], 60, what="the alert in the log")
  else:
    assert alerts(socket, name, "raised")["severity"] == "critical"
  server.start()
  wait_until(lambda: said(fleet.workers, name)[1], 60, what="the alert's end in the log")
  if name != "queue":
    alerts(socket, name, "cleared")
  wait_until(lambda: [len(entries) for entries in audited(admin, name)] == [1, 1], 60, what="both in the audit")
  assert said(fleet.workers, name) == [1, 1], "one of the two says it, once"


@pytest.mark.skipif(sokoul.SET != "embedded", reason="has servers of its own")
def test_a_sentinel_that_is_killed_has_a_successor_who_knows_what_is_raised(fleet):
  admin = fleet.admin()
  socket = fleet.api[0].socket(admin)
  admin.ok("PUT", "/admin/settings", {"alert_disk_mib": 1000000000})
  alerts(socket, "disk_library", "raised")
  first = next(worker for worker in fleet.workers if said([worker], "disk_library")[0])
  first.kill()
  other = next(worker for worker in fleet.workers if worker is not first)
  wait_until(lambda: fleet.api[0].rows("SELECT count(DISTINCT lease_owner) AS owners, count(*) AS places FROM alert_watches WHERE lease_owner = "
                                       "(SELECT lease_owner FROM alert_watches ORDER BY lease_until DESC LIMIT 1)")[0] == {"owners": 1, "places": 2},
             60, 0.2, "the other to watch both places")
  admin.ok("PUT", "/admin/settings", {"alert_disk_mib": 0})
  alerts(socket, "disk_library", "cleared")
  wait_said([other], "disk_library", [0, 1])  # raised by the first, cleared by the second
