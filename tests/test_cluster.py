"""Many processes, one system: what one of them does, all of them know."""

import os

import pytest

from harness import servers
from harness.films import sha256
from harness.fleet import Fleet
from harness.process import SLOW, Process, wait_until
from harness.scene import Torznab, release, settings_for
from harness.sokoul import BINARY, DEFAULTS, environment
from harness.swarm import Swarm
from harness.ws import Refused


@pytest.fixture
def indexer(keep):
  return keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1)]))


@pytest.fixture
def fleet(folder, keep, indexer):
  return keep(Fleet(folder, **settings_for([indexer])))


def test_processes_that_start_at_once_make_one_schema(folder, keep):
  """Each of eight, let go in the same moment, finds an empty database and an empty folder; all of them go on."""
  postgres = keep(servers.Postgres())
  for number in range(3):
    settings = {**DEFAULTS, "SOKOUL_DATABASE_URL": postgres.new_database(), "SOKOUL_DATA_DIR": folder / f"data{number}"}
    gate = folder / f"gate{number}"
    os.mkfifo(gate)
    command = ["sh", "-c", 'read _ < "$0"; exec "$@"', gate, BINARY, "user", "list"]
    started = [keep(Process(command, folder / f"log{number}-{one}", environment(settings), folder)) for one in range(8)]
    with open(gate, "wb", buffering=0) as opened:
      opened.write(b"\n" * len(started))
      said = [(one.popen.wait(120 * SLOW), one.output()) for one in started]
    assert [code for code, _ in said] == [0] * 8, said


def refused(client):
  return client.get("/auth/me").status == 401


def test_a_search_asked_at_one_is_done_by_a_worker_and_told_at_the_other(fleet):
  here = fleet.admin()
  there = fleet.at(1, here)
  socket = fleet.api[1].socket(there)
  search = here.ok("POST", "/search", {"query": "Paper Lantern", "year": 2019}, status=202)["search_id"]
  socket.wait("search.completed", where=lambda data: data["search_id"] == search)
  answer = there.ok("GET", f"/search/{search}")
  assert answer["status"] == "completed" and len(answer["results"]) == 1


def test_a_download_goes_through_the_hunter_wherever_it_was_asked_for(fleet, folder, keep, films, tracker):
  film = keep(Swarm(folder / "swarm", films("middle.mkv", mib=24), tracker, "Paper.Lantern.2019.720p.WEB-DL.x264-OWN.mkv"))
  here = fleet.admin()
  there = fleet.at(1, here)
  download = fleet.api[0].download(here, magnet_link=film.torrent.magnet())
  fleet.api[1].wait_download(there, download)
  media = there.ok("GET", f"/downloads/{download}")["media_id"]
  files = wait_until(lambda: there.ok("GET", f"/media/{media}/files")["items"], 30, what="the file in the library")
  assert len(files) == 1
  stream = there.ok("GET", f"/streaming/direct/{media}")
  assert here.get("/" + stream["url"], headers={"Range": "bytes=0-99"}).status == 206, "a link signed by one is good at the other"
  kept = [path for path in (fleet.folder / "data" / "library").rglob("*") if path.is_file()]
  assert [sha256(path) for path in kept] == [film.sha256]


def test_a_session_that_ends_at_one_ends_at_all(fleet):
  admin = fleet.admin()
  user = fleet.api[0].account("user")
  there = fleet.at(1, user)
  socket = fleet.api[1].socket(there)
  assert there.get("/auth/me").status == 200
  user.ok("POST", "/auth/logout", status=204)
  wait_until(lambda: refused(there), 30, what="the other process to know")
  assert socket.wait_closed() == 4401
  user = fleet.api[0].login("user")
  there, socket = fleet.at(1, user), fleet.api[1].socket(fleet.at(1, user))
  assert there.get("/admin/audit-logs").status == 403
  admin.ok("PUT", f"/admin/users/{user.user['id']}/role", {"role": "moderator"})
  wait_until(lambda: there.get("/admin/audit-logs").status == 200, 30, what="the role at the other process")
  admin.ok("DELETE", f"/admin/users/{user.user['id']}", status=204)
  wait_until(lambda: refused(there), 30, what="the end of the account at the other process")


def test_a_ticket_and_a_key_of_one_open_the_other(fleet):
  admin = fleet.admin()
  ticket = admin.ok("POST", "/auth/ws-ticket")["ticket"]
  from harness.ws import WebSocket
  WebSocket(fleet.api[1].port, f"/ws?ticket={ticket}").close()
  with pytest.raises(Refused):
    WebSocket(fleet.api[0].port, f"/ws?ticket={ticket}")
  key = admin.ok("POST", "/auth/api-keys", {"name": "script"}, status=201)
  there = fleet.api[1].client()
  assert there.get("/auth/me", headers={"X-Api-Key": key["key"]}).status == 200
  admin.ok("DELETE", f"/auth/api-keys/{key['id']}", status=204)
  wait_until(lambda: there.get("/auth/me", headers={"X-Api-Key": key["key"]}).status == 401, 30, what="the key's end at the other process")


def test_limits_count_over_all_processes(folder, keep):
  fleet = keep(Fleet(folder, workers=(), rate_api=20))
  here = fleet.admin()
  clients = [here, fleet.at(1, here)]
  statuses = [clients[number % 2].get("/downloads").status for number in range(40)]
  assert statuses.count(200) == 20 and statuses.count(429) == 20, statuses


def test_settings_and_rules_reach_all(fleet):
  admin = fleet.admin()
  there = fleet.at(1, admin)
  settings = admin.ok("GET", "/admin/settings")
  name = "rate_search"
  admin.ok("PUT", "/admin/settings", {name: 7})
  wait_until(lambda: there.ok("GET", "/admin/settings")[name]["value"] == 7, 30, what="the setting at the other process")
  assert settings[name]["value"] != 7
  # Not only shown there: in force.
  wait_until(lambda: there.post("/search", {"query": "Paper Lantern"}).headers.get("X-RateLimit-Limit") == "7", 30, what="the limit at the other process")
  rule = admin.ok("POST", "/admin/security/blacklist", {"cidr": "192.0.2.0/24", "reason": "a test"}, status=201)
  assert [row["id"] for row in there.ok("GET", "/admin/security/blacklist")["items"]] == [rule["id"]]


def test_a_hunter_that_dies_hands_its_downloads_over(fleet, folder, keep, films, tracker):
  film = keep(Swarm(folder / "swarm", films("large.mkv", mib=64), tracker, "Paper.Lantern.2019.720p.WEB-DL.x264-OWN.mkv", up_kib=4096))
  admin = fleet.admin()
  download = fleet.api[0].download(admin, magnet_link=film.torrent.magnet())
  wait_until(lambda: admin.ok("GET", f"/downloads/{download}")["progress"] > 5, 60, what="a part of the film")
  fleet.worker("hunter").kill()
  fleet.worker("hunter").process = None
  fleet.add_worker("hunter")
  done = fleet.api[1].wait_download(fleet.at(1, admin), download, limit_s=180)
  assert done["info_hash"] == film.torrent.info_hash
  kept = wait_until(lambda: [path for path in (fleet.folder / "data" / "library").rglob("*") if path.is_file()], 30, what="the library's file")
  assert [sha256(path) for path in kept] == [film.sha256]
