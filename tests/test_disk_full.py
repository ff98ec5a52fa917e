"""A full disk: a clear error on what needed the room, everything else goes on, and it resumes when there is room."""

import os
import subprocess

import pytest

from harness.films import sha256
from harness.http import assert_problem
from harness.process import wait_until
from harness.swarm import Swarm

pytestmark = pytest.mark.root


@pytest.fixture
def small_disk(folder):
  """small_disk(name, mib): a folder on a file system of its own; ends with the test."""
  mounted = []

  def make(name, mib):
    path = folder / name
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0700", "sokoul-test", path], check=True)
    mounted.append(path)
    return path
  yield make
  for path in mounted:
    subprocess.run(["umount", "-l", path], check=False)


def fill(folder, leave_kib=0):
  """Takes all the room but so much."""
  free = os.statvfs(folder)
  size = free.f_bavail * free.f_bsize - leave_kib * 1024
  path = folder / "filler"
  with open(path, "wb") as file:
    try:
      while size > 0:
        size -= file.write(b"\0" * min(size, 65536))
    except OSError:
      pass
  return path


def test_a_full_download_folder(keep, start, films, tracker, folder, small_disk):
  disk = small_disk("downloads", 40)
  filler = fill(disk, 12 * 1024)
  film = keep(Swarm(folder / "swarm", films("middle.mkv", mib=24), tracker, "Paper.Lantern.2019.720p.mkv"))
  server = start(download_dir=disk)
  admin = server.admin()
  download_id = server.download(admin, magnet_link=film.torrent.magnet())

  def told():
    state = admin.ok("GET", f"/downloads/{download_id}")
    return state if state["error"] else None
  state = wait_until(told, 60, what="the error")
  assert any(word in state["error"].lower() for word in ("disk", "space", "full")), state["error"]
  assert server.client().get("//health").status == 200
  assert admin.ok("POST", "/search", {"query": "Something Else"}, status=202)
  filler.unlink()
  if admin.ok("GET", f"/downloads/{download_id}")["status"] in ("failed", "paused"):
    admin.post(f"/downloads/{download_id}/resume")
  server.wait_download(admin, download_id, limit_s=180)
  kept = wait_until(lambda: [path for path in server.library.rglob("*") if path.is_file()], 30, what="the library's file")
  assert sha256(kept[0]) == film.sha256


@pytest.mark.embedded
def test_a_full_data_folder(start, small_disk):
  disk = small_disk("data", 64)
  server = start(data_dir=disk)
  server.data = disk
  admin = server.admin()
  filler = fill(disk)

  def refused():
    reply = admin.post("/search", {"query": "x" * 150}, timeout=20)
    return reply if reply.status not in (202,) else None
  reply = wait_until(refused, 30, what="a commit without room")
  problem = assert_problem(reply, reply.status)
  assert reply.status in (503, 507), reply
  assert any(word in problem["detail"].lower() for word in ("disk", "space", "full", "room")), problem
  assert server.client().get("//health").status in (200, 503)
  assert admin.get("/media").status == 200, "reading goes on"
  filler.unlink()
  wait_until(lambda: admin.post("/search", {"query": "after"}).status == 202, 60, 0.5, "writing again")
  server.stop()
  assert server.integrity() == ("ok", [])


def test_a_full_library(keep, start, films, tracker, folder, small_disk):
  disk = small_disk("library", 40)
  filler = fill(disk, 1024)
  film = keep(Swarm(folder / "swarm", films("middle.mkv", mib=24), tracker, "Paper.Lantern.2019.720p.mkv"))
  server = start(library_dirs=disk)
  admin = server.admin()
  download_id = server.download(admin, magnet_link=film.torrent.magnet())

  def told():
    state = admin.ok("GET", f"/downloads/{download_id}")
    return state if state["error"] else None
  state = wait_until(told, 90, what="the error of the import")
  assert any(word in state["error"].lower() for word in ("disk", "space", "full")), state["error"]
  filler.unlink()
  if admin.ok("GET", f"/downloads/{download_id}")["status"] in ("failed", "paused"):
    admin.post(f"/downloads/{download_id}/resume")
  kept = wait_until(lambda: [path for path in disk.rglob("*") if path.is_file() and path.suffix == ".mkv" and not path.name.startswith(".")], 120, what="the library's file")
  assert sha256(kept[0]) == film.sha256
