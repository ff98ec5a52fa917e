"""One torrent wanted by two users, and a torrent without a film in it."""

import os

from harness.files import files_under
from harness.films import sha256
from harness.peers import Aria2
from harness.process import wait_until
from harness.swarm import Swarm
from harness.torrents import Torrent

NAME = "Paper.Lantern.2019.720p.mkv"


def in_library(server):
  return [sha256(path) for path in server.library.rglob("*") if path.is_file()]


def test_what_one_user_pauses_and_cancels_the_other_still_gets(start, folder, keep, films, tracker):
  film = keep(Swarm(folder / "swarm", films("middle.mkv", mib=24), tracker, NAME, up_kib=4000))
  server = start()
  admin, other = server.admin(), server.account("other")
  first = server.download(admin, magnet_link=film.torrent.magnet())
  second = server.download(other, magnet_link=film.torrent.magnet())
  for client, download_id in ((admin, first), (other, second)):
    server.wait_download(client, download_id, ("downloading",), 20)
  admin.ok("POST", f"/downloads/{first}/pause")
  server.wait_download(admin, first, ("paused",), 10)
  assert other.ok("GET", f"/downloads/{second}")["status"] == "downloading"
  admin.ok("POST", f"/downloads/{first}/cancel?delete_files=true")
  server.wait_download(admin, first, ("cancelled",), 10)
  server.wait_download(other, second, limit_s=60)
  assert in_library(server) == [film.sha256]


def test_both_complete_with_one_file(start, folder, keep, films, tracker):
  film = keep(Swarm(folder / "swarm", films("middle.mkv", mib=24), tracker, NAME))
  server = start(seed_hours=0)
  clients = (server.admin(), server.account("other"))
  ids = [server.download(client, magnet_link=film.torrent.magnet()) for client in clients]
  for client, download_id in zip(clients, ids):
    server.wait_download(client, download_id, ("completed",), 60)
  assert in_library(server) == [film.sha256]
  wait_until(lambda: not [path for path in files_under(server.downloads) if path.suffix == ".mkv"], 10, what="the download folder's end")


def test_without_a_film_the_files_stay_where_they_are(start, folder, keep, tracker):
  path = folder / "content" / "notes.txt"
  path.parent.mkdir()
  path.write_bytes(os.urandom(300_000))
  torrent = Torrent(path, [tracker.url])
  tracker.add(torrent, keep(Aria2(folder / "aria2", torrent, path.parent)).wait_seeding().port)
  server = start(seed_hours=0)
  admin = server.admin()
  done = server.wait_download(admin, server.download(admin, magnet_link=torrent.magnet()), ("completed",), 60)
  assert done["error"], "a word on why nothing is in the library"
  assert [sha256(kept) for kept in server.downloads.rglob("notes.txt")] == [sha256(path)]
