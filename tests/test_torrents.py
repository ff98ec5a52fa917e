"""Torrents with the programs people use: every way in, every peer, and the ones that mean harm."""

import pytest

from harness.files import files_under
from harness.films import sha256
from harness.http import assert_problem
from harness.peers import Aria2, Opentracker, Qbittorrent, Transmission
from harness.process import wait_until
from harness.swarm import Swarm
from harness.torrents import Torrent, bencode


@pytest.fixture
def swarm(folder, keep, films, tracker):
  """swarm(**options): a film of 24 MiB with an aria2 seeder at the test's tracker."""
  def make(name="Paper.Lantern.2019.720p.WEB-DL.x264-OWN.mkv", **options):
    return keep(Swarm(folder / f"swarm-{name}", films("middle.mkv", mib=24), tracker, name, **options))
  return make


def in_library(server):
  return files_under(server.library)


def arrives(server, admin, swarm, download_id):
  done = server.wait_download(admin, download_id)
  assert done["info_hash"] == swarm.torrent.info_hash
  kept = wait_until(lambda: in_library(server), 30, what="the library's file")
  assert len(kept) == 1 and sha256(kept[0]) == swarm.sha256, kept
  return done


# --- The ways in.

def test_by_magnet_with_a_tracker(start, swarm):
  server, film = start(), swarm()
  admin = server.admin()
  arrives(server, admin, film, server.download(admin, magnet_link=film.torrent.magnet()))


def test_others_hear_of_the_work_and_not_whose_download_it_was(start, swarm):
  server, film = start(), swarm()
  admin, other = server.admin(), server.account("other")
  own, socket = server.socket(admin), server.socket(other)
  arrives(server, admin, film, server.download(admin, magnet_link=film.torrent.magnet()))
  own.wait("download.completed")
  told = socket.wait("library.changed", where=lambda data: data.get("media_ids"))["data"]
  assert set(told) == {"media_id", "media_ids"} and told["media_ids"] == [told["media_id"]]
  assert not [event for event in socket.events if event["type"].startswith("download.")]


def test_by_magnet_with_a_peer(start, swarm):
  server, film = start(), swarm()
  admin = server.admin()
  arrives(server, admin, film, server.download(admin, magnet_link=film.torrent.magnet([film.seeder.peer], trackers=[])))


def test_by_base32_magnet(start, swarm):
  import base64
  server, film = start(), swarm()
  admin = server.admin()
  code = base64.b32encode(bytes.fromhex(film.torrent.info_hash)).decode()
  arrives(server, admin, film, server.download(admin, magnet_link=film.torrent.magnet().replace(film.torrent.info_hash, code)))


def test_by_upload(start, swarm):
  server, film = start(), swarm()
  admin = server.admin()
  reply = admin.upload("/downloads/start", "torrent", "film.torrent", film.torrent.bytes())
  assert reply.status == 202, reply
  arrives(server, admin, film, reply.json["download_id"])


def test_by_url_of_a_torrent_and_by_one_that_redirects_to_a_magnet(start, swarm, keep):
  from harness.scene import Release, Torznab
  film = swarm()
  indexer = keep(Torznab([Release("a", film.torrent), Release("b", film.torrent, link="redirect")]))
  for number in (0, 1):
    server = start(allow_hosts=indexer.name)
    admin = server.admin()
    arrives(server, admin, film, server.download(admin, torrent_url=indexer.download_url(indexer.releases[number])))
    server.stop()


def test_by_info_hash_when_a_peer_comes_to_us(start, swarm, folder, keep):
  """No tracker, no DHT: qBittorrent is told of us and connects."""
  server, film = start(), swarm(seed=False)
  admin = server.admin()
  download_id = server.download(admin, info_hash=film.torrent.info_hash.upper())
  lone = Torrent(film.path)
  seeder = keep(Qbittorrent(folder / "qbittorrent"))
  seeder.add(lone, film.path.parent)

  def poke():
    seeder.add_peer(lone, server.peer)
    return admin.ok("GET", f"/downloads/{download_id}")["size_bytes"] > 0
  wait_until(poke, 60, 1, "the metadata")
  arrives(server, admin, film, download_id)


# --- The peers.

def test_from_qbittorrent(start, swarm, folder, keep):
  server, film = start(), swarm(seed=False)
  admin = server.admin()
  seeder = keep(Qbittorrent(folder / "qbittorrent"))
  seeder.add(film.torrent, film.path.parent)
  arrives(server, admin, film, server.download(admin, magnet_link=film.torrent.magnet([seeder.peer])))


def test_from_transmission(start, swarm, folder, keep):
  server, film = start(), swarm(seed=False)
  admin = server.admin()
  seeder = keep(Transmission(folder / "transmission"))
  seeder.add(film.torrent, film.path.parent)
  seeder.wait_seeding(film.torrent)
  arrives(server, admin, film, server.download(admin, magnet_link=film.torrent.magnet([seeder.peer], trackers=[])))


def test_through_opentracker(start, folder, keep, films):
  film = films("middle.mkv", mib=24)
  bare = Torrent(film)
  real = keep(Opentracker(folder / "opentracker", [bare]))
  torrent = Torrent(film, [real.url])
  keep(Aria2(folder / "aria2", torrent, film.parent)).wait_seeding()
  server = start()
  admin = server.admin()
  done = server.wait_download(admin, server.download(admin, magnet_link=torrent.magnet()))
  assert done["progress"] == 100


def test_others_get_it_from_us(start, swarm, folder, keep, tracker):
  server, film = start(), swarm()
  admin = server.admin()
  arrives(server, admin, film, server.download(admin, magnet_link=film.torrent.magnet()))
  film.kill()
  tracker.swarms[film.torrent.info_hash] = {("127.0.0.1", server.torrent_port)}
  aria = keep(Aria2(folder / "leech-aria2", film.torrent))
  wait_until(aria.complete, 90, what=lambda: f"aria2's download from us: {aria.process.output()[-800:]}")
  assert sha256(aria.content / film.path.name) == film.sha256
  qbittorrent = keep(Qbittorrent(folder / "leech-qbittorrent"))
  qbittorrent.add(film.torrent, folder / "leech-qbittorrent" / "files", seed=False)
  wait_until(lambda: qbittorrent.info(film.torrent)["progress"] == 1, 90, what="qBittorrent's download from us")
  uploaded = wait_until(lambda: admin.ok("GET", "/downloads")["items"][0]["uploaded_bytes"], 30, what="the count of what we gave")
  assert uploaded > 0


# --- Pause, resume, cancel, twice, limits.

def test_pause_resume_cancel(start, swarm):
  server, film = start(), swarm(up_kib=1500)
  admin = server.admin()
  download_id = server.download(admin, magnet_link=film.torrent.magnet())
  wait_until(lambda: admin.ok("GET", f"/downloads/{download_id}")["downloaded_bytes"] > 1 << 20, 60, what="the first bytes")
  assert admin.ok("POST", f"/downloads/{download_id}/pause")["id"] == download_id
  server.wait_download(admin, download_id, ("paused",), 15)
  settled = wait_until(lambda: [row for row in [admin.ok("GET", f"/downloads/{download_id}")] if row["download_speed"] == 0], 20, what="rest")[0]
  assert_problem(admin.post(f"/downloads/{download_id}/pause"), 409)
  admin.ok("POST", f"/downloads/{download_id}/resume")
  server.wait_download(admin, download_id, ("downloading",), 15)
  wait_until(lambda: admin.ok("GET", f"/downloads/{download_id}")["downloaded_bytes"] > settled["downloaded_bytes"], 30, what="progress after resuming")
  assert_problem(admin.post(f"/downloads/{download_id}/resume"), 409)
  assert [error["field"] for error in assert_problem(admin.post(f"/downloads/{download_id}/cancel?delete_files=yes"), 422)["errors"]] == ["delete_files"]
  admin.ok("POST", f"/downloads/{download_id}/cancel?delete_files=true")
  server.wait_download(admin, download_id, ("cancelled",), 15)
  wait_until(lambda: not files_under(server.downloads, 1 << 20), 20, what="the files' end")
  assert_problem(admin.post(f"/downloads/{download_id}/cancel"), 409)
  assert not in_library(server)


NEVER_LESS = ("progress", "size_bytes", "downloaded_bytes")


@pytest.mark.parametrize("state", ["downloading", "paused", "seeding"])
def test_cancelled_is_so_at_once_and_stays_so(start, swarm, state):
  server, film = start(seed_hours=5), swarm(up_kib=0 if state == "seeding" else 1500)
  admin = server.admin()
  socket = server.socket(admin)
  one = server.download(admin, magnet_link=film.torrent.magnet())
  path = f"/downloads/{one}"
  if state == "seeding":
    server.wait_download(admin, one, ("seeding",))
  else:
    wait_until(lambda: admin.ok("GET", path)["downloaded_bytes"] > 1 << 20, 60, what="the first bytes")
  if state == "paused":
    before = admin.ok("GET", path)
    paused = admin.ok("POST", f"{path}/pause")
    assert paused["status"] == "paused" and paused["download_speed"] == 0 and paused["eta_seconds"] is None
    assert all(paused[name] >= before[name] for name in NEVER_LESS), (before, paused)
    assert sum(file["downloaded_bytes"] for file in paused["files"]) >= sum(file["downloaded_bytes"] for file in before["files"])
  before = admin.ok("GET", path)
  assert before["status"] == state
  reply = admin.ok("POST", f"{path}/cancel")
  shown = [reply, admin.ok("GET", path), admin.ok("GET", "/downloads?status=cancelled")["items"][0], admin.ok("GET", path)]
  for row in shown:
    assert (row["id"], row["status"], row["download_speed"]) == (one, "cancelled", 0)
    assert all(row[name] >= before[name] for name in NEVER_LESS), (before, row)
  assert admin.ok("GET", f"/downloads?status={state}")["items"] == []
  for command in ("cancel", "pause", "resume"):
    assert "cancelled" in assert_problem(admin.post(f"{path}/{command}"), 409)["detail"]
  # It may be wanted again at once.
  again = admin.post("/downloads/start", {"magnet_link": film.torrent.magnet()})
  assert again.status == 202 and again.json["download_id"] != one, again.json
  socket.wait("download.progress", where=lambda data: data["download_id"] == again.json["download_id"] and data["size_bytes"] > 0)
  told = [event["data"]["status"] for event in socket.events if event["type"].startswith("download.") and event["data"]["download_id"] == one]
  assert "cancelled" in told and set(told[told.index("cancelled"):]) == {"cancelled"}, told
  last = admin.ok("GET", path)
  assert last["status"] == "cancelled" and all(last[name] >= shown[0][name] for name in NEVER_LESS), (shown[0], last)
  assert admin.ok("GET", f"/downloads/{again.json['download_id']}")["status"] in ("downloading", "importing", "seeding")


def test_the_same_hash_twice_is_the_same_download(start, swarm):
  server, film = start(), swarm(up_kib=800)
  admin = server.admin()
  first = admin.post("/downloads/start", {"magnet_link": film.torrent.magnet()})
  again = admin.post("/downloads/start", {"info_hash": film.torrent.info_hash.upper()})
  assert (first.status, again.status) == (202, 200), (first, again)
  assert first.json["download_id"] == again.json["download_id"]
  other = server.account("other")
  third = other.post("/downloads/start", {"magnet_link": film.torrent.magnet()})
  assert third.status == 202 and third.json["download_id"] != first.json["download_id"]


def test_only_so_many_run_at_once(start, swarm):
  server = start(torrent_max_active=1)
  admin = server.admin()
  first, second = swarm("First.Film.2019.mkv", up_kib=4000), swarm("Second.Film.2020.mkv", up_kib=4000, piece_length=128 * 1024)
  ids = [server.download(admin, magnet_link=film.torrent.magnet()) for film in (first, second)]
  server.wait_download(admin, ids[0], ("downloading",), 30)
  assert admin.ok("GET", f"/downloads/{ids[1]}")["status"] == "queued"
  for download_id in ids:
    server.wait_download(admin, download_id, limit_s=120)


def test_each_user_may_run_so_many(start):
  server = start(max_downloads_per_user=2)
  admin = server.admin()
  replies = [admin.post("/downloads/start", {"info_hash": f"{number:040x}"}) for number in range(1, 4)]
  assert [reply.status for reply in replies[:2]] == [202, 202]
  assert_problem(replies[2], 429)


def test_seeding_ends_by_ratio(start, swarm, folder, keep, tracker):
  server, film = start(seed_ratio=0.5), swarm()
  admin = server.admin()
  download_id = server.download(admin, magnet_link=film.torrent.magnet())
  server.wait_download(admin, download_id, ("seeding",), 90)
  film.kill()
  assert admin.ok("GET", f"/downloads/{download_id}")["status"] == "seeding", "nobody has taken anything yet"
  tracker.swarms[film.torrent.info_hash] = {("127.0.0.1", server.torrent_port)}
  keep(Aria2(folder / "leech", film.torrent))
  done = server.wait_download(admin, download_id, ("completed",), 90)
  assert done["ratio"] >= 0.5 and done["uploaded_bytes"] >= film.torrent.size // 2, done


def test_without_seeding_it_is_completed_at_once(start, swarm):
  server, film = start(seed_hours=0), swarm()
  admin = server.admin()
  done = server.wait_download(admin, server.download(admin, magnet_link=film.torrent.magnet()), ("completed",), 90)
  assert done["progress"] == 100


def test_a_download_goes_on_after_a_restart_without_loading_again(start, swarm):
  server, film = start(), swarm(up_kib=3000)
  admin = server.admin()
  download_id = server.download(admin, magnet_link=film.torrent.magnet())
  wait_until(lambda: admin.ok("GET", f"/downloads/{download_id}")["downloaded_bytes"] > 6 << 20, 60, what="some of the film")
  server.restart()
  done = arrives(server, admin, film, download_id)
  assert done["downloaded_bytes"] < film.torrent.size * 1.3, "most of what was there is not loaded twice"


# --- Hostile torrents.

def hostile(films, **options):
  return Torrent(films("small.mp4"), **options)


@pytest.mark.parametrize("paths", [
  [["..", "..", "etc", "cron.d", "x"]], [["/etc/passwd"]], [["a", "..", "..", "b.mkv"]], [["ok.mkv"], ["..", "up.mkv"]], [["a\u0000b.mkv"]], [["a\nb.mkv"]],
  [[""]], [[]], [["."]], [["x" * 5000 + ".mkv"]], [["a"] * 400 + ["b.mkv"]], [["Film.mkv.exe"]], [["Film.scr"]], [["setup.exe"], ["readme.txt"]],
])
def test_hostile_file_lists_are_refused(start, films, paths):
  server = start()
  admin = server.admin()

  def upload(paths):
    torrent = hostile(films, files=[{"length": 100, "path": path} for path in paths])
    return admin.upload("/downloads/start", "torrent", "a.torrent", torrent.bytes())
  problem = assert_problem(upload(paths), 422)
  assert problem["detail"].startswith("torrent refused: "), problem
  assert not any(server.downloads.iterdir())
  assert upload([["good.mkv"]]).status == 202, "it is the path that was refused"


@pytest.mark.parametrize("change", [
  {"piece length": 0}, {"piece length": -1}, {"piece length": 1 << 40}, {"length": -1}, {"length": 1 << 62}, {"name": ""}, {"name": ".."}, {"name": "a/../../b"},
  {"pieces": b"x" * 19}, {"pieces": b""}, {"name": b"\xff\xfe"}, {"name": "Film.mkv", "symlink path": ["..", "x"], "attr": "l"},
])
def test_broken_info_is_refused(start, films, change):
  server = start()
  admin = server.admin()
  torrent = hostile(films, info_extra=change)
  reply = admin.upload("/downloads/start", "torrent", "a.torrent", torrent.bytes())
  assert reply.status in (202, 422), reply
  if change.get("name") != b"\xff\xfe" and "symlink path" not in change:
    assert_problem(reply, 422)


def test_a_program_that_poses_as_a_film_is_refused_by_magnet_too(start, folder, keep, tracker):
  fake = folder / "content" / "Paper.Lantern.2019.1080p.exe"
  fake.parent.mkdir()
  fake.write_bytes(b"MZ" + b"\0" * 500_000)
  torrent = Torrent(fake, [tracker.url])
  seeder = keep(Aria2(folder / "aria2", torrent, fake.parent)).wait_seeding()
  tracker.add(torrent, seeder.port)
  server = start()
  admin = server.admin()
  state = server.wait_download(admin, server.download(admin, magnet_link=torrent.magnet()), ("failed",), 60)
  assert state["error"] and state["downloaded_bytes"] < 400_000
  assert not list(server.downloads.rglob("*.exe"))


def test_nesting_that_eats_the_stack_is_refused(start):
  server = start()
  admin = server.admin()
  for content in (b"l" * 200_000 + b"e" * 200_000, b"d4:info" + b"d1:a" * 100_000 + b"e" * 100_001, bencode({"info": {"name": "x", "pieces": b""}})):
    reply = admin.upload("/downloads/start", "torrent", "a.torrent", content)
    assert_problem(reply, 422)


def test_a_damaged_seeder_does_not_damage_the_film(start, folder, keep, films, tracker):
  """Some of the pieces a peer sends are wrong: they are thrown away and come from the honest one."""
  good = keep(Swarm(folder / "good", films("middle.mkv", mib=24), tracker, "Paper.Lantern.2019.720p.mkv", up_kib=6000))
  bad_path = folder / "bad" / good.path.name
  bad_path.parent.mkdir()
  data = bytearray(good.path.read_bytes())
  for at in range(0, len(data), 1 << 20):
    data[at] ^= 0xFF
  bad_path.write_bytes(data)
  liar = keep(Qbittorrent(folder / "qbittorrent"))
  liar.add(good.torrent, bad_path.parent)
  server = start()
  admin = server.admin()
  arrives(server, admin, good, server.download(admin, magnet_link=good.torrent.magnet([liar.peer])))
