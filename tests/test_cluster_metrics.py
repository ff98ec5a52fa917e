"""Every process of a cluster tells its own numbers, a worker at its own port."""

import http.client
import socket

import pytest

from harness import metrics
from harness.fleet import Fleet, Worker
from harness.http import Client
from harness.process import wait_until
from harness.scene import Torznab, release, settings_for


@pytest.fixture
def fleet(folder, keep):
  indexer = keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1)]))
  return keep(Fleet(folder, apis=1, **settings_for([indexer])))


def port_of(worker):
  def answers():
    try:
      return Client(worker.metrics_port).get("//health").status == 200
    except OSError:
      return False
  wait_until(answers, 60, what=f"the {worker.role}'s metrics port")
  return Client(worker.metrics_port)


def test_each_worker_tells_what_it_does(fleet):
  admin = fleet.admin()
  search = admin.ok("POST", "/search", {"query": "Paper Lantern"}, status=202)["search_id"]
  wait_until(lambda: admin.ok("GET", f"/search/{search}")["status"] == "completed", 60, what="the search")
  ports = {worker.role: port_of(worker) for worker in fleet.workers}
  wait_until(lambda: metrics.read(ports["sentinel"]).sum("sokoul_sentinel_last_run_timestamp_seconds") > 0, 60, what="the end of Sentinel's first look")
  wait_until(lambda: metrics.read(ports["scout"]).sum("sokoul_worker_jobs_total", status="completed") > 0, 60, what="the job to be counted")
  found = {role: metrics.read(port) for role, port in ports.items()}
  for role, told in [*found.items(), ("api", metrics.read(admin))]:
    told.check()
    metrics.check_against_page(told)
    assert told.sum("sokoul_build_info") == 1 and told.sum("process_resident_memory_bytes") > 1e6, role
    assert "sokoul_worker_threads" in told.types or role == "api", role
  assert found["scout"].sum("sokoul_worker_jobs_total", worker_type="scout", status="completed") == 1
  assert metrics.read(admin).sum("sokoul_worker_jobs_total", status="completed") == 0
  assert found["scout"].sum("sokoul_search_requests_total") == 1
  assert found["sentinel"].sum("sokoul_system_disk_free_bytes") > 0


def bare(port, method, path, headers=None):
  """The status, without the check against the API's description: this port is not the API."""
  connection = http.client.HTTPConnection("127.0.0.1", port.port, timeout=60)
  try:
    connection.request(method, path, headers=headers or {})
    return connection.getresponse().status
  finally:
    connection.close()


def test_a_workers_port_is_for_operators_and_for_nothing_else(fleet):
  port = port_of(fleet.worker("scout"))
  assert bare(port, "GET", "/metrics") == 200, "loopback"
  assert [bare(port, "GET", path) for path in ("/api/v1/media", "/", "/health/deep", "/stream/x/y")] == [404] * 4
  assert bare(port, "POST", "/metrics") == 405
  assert bare(port, "GET", "/metrics", {"Host": "evil.example"}) in (403, 421), "a page of another site reads nothing by its own name"


def test_a_port_that_is_taken_or_not_wanted(folder, keep):
  fleet = keep(Fleet(folder, apis=1, workers=()))
  taken = socket.create_server(("127.0.0.1", 0))
  asked = keep(Worker(folder / "asked", "scout", **{**fleet.shared, "metrics_listen": f"127.0.0.1:{taken.getsockname()[1]}"}))
  asked.start(wait=False)
  assert asked.process.popen.wait(60) == 1 and "cannot listen" in asked.log(), "what was asked for and cannot be had ends the start"
  taken.close()
  silent = keep(Worker(folder / "silent", "scout", **{**fleet.shared, "metrics_listen": "off"}))
  silent.start()
  admin = fleet.admin()
  search = admin.ok("POST", "/search", {"query": "Paper Lantern"}, status=202)["search_id"]
  wait_until(lambda: admin.ok("GET", f"/search/{search}")["status"] in ("completed", "failed"), 60, what="the search")
  assert "metrics can be read" not in silent.log()
