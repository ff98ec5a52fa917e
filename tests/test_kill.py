"""SIGKILL at random moments: no task is lost, none is done twice, the database stays sound, the file is right.

SOKOUL_KILLS sets how many (50), SOKOUL_SEED repeats a run.
"""

import os
import random
import time

from harness.films import sha256
from harness.process import SLOW, wait_until
from harness.scene import LANTERN, Release, Torznab, metadata, release, settings_for
from harness.swarm import Swarm

KILLS = int(os.environ.get("SOKOUL_KILLS", "50" if SLOW == 1 else "10"))
NAME = "Paper.Lantern.2019.720p.WEB-DL.x264-OWN"


def kill_at_random(server, rng, most_s=1.2):
  time.sleep(rng.random() * most_s)
  server.kill()
  server.start()


def test_fifty_kills_lose_nothing_and_double_nothing(folder, keep, start, films, tracker):
  seed = int(os.environ.get("SOKOUL_SEED", random.randrange(1 << 30)))
  print(f"\nseed {seed}")
  rng = random.Random(seed)
  tmdb, tvmaze = metadata(keep)
  swarms = [keep(Swarm(folder / f"swarm{number}", films("middle.mkv", mib=24), tracker, f"Film.Number.{number}.2019.720p.mkv", up_kib=5000,
                       piece_length=(64 << number) * 1024)) for number in range(4)]
  releases = [Release(f"Paper.Lantern.2019.720p.WEB.x264-S{number}", swarm.torrent) for number, swarm in enumerate(swarms)]
  indexer = keep(Torznab(releases + [release("Paper.Lantern.2019.1080p.x264-OTHER", 99)]))
  server = start(**settings_for([indexer], tmdb=tmdb, tvmaze=tvmaze))
  admin = server.admin()
  searches, downloads = {}, {}
  for kill in range(KILLS):
    # Searches and downloads begin all along; a request cut off by a kill is repeated under its key.
    key = f"search-{len(searches)}"
    try:
      reply = admin.post("/search", {"query": "Paper Lantern", "year": 2019, "media_type": "movie"}, headers={"Idempotency-Key": key}, timeout=10)
      assert reply.status == 202, reply
      searches[key] = reply.json["search_id"]
    except OSError:
      pass
    if kill % max(1, KILLS // 5) == 0 and len(downloads) < len(swarms):
      swarm = swarms[len(downloads)]
      try:
        reply = admin.post("/downloads/start", {"magnet_link": swarm.torrent.magnet()}, headers={"Idempotency-Key": swarm.torrent.info_hash}, timeout=10)
        assert reply.status in (200, 202), reply
        downloads[swarm.torrent.info_hash] = reply.json["download_id"]
      except OSError:
        pass
    kill_at_random(server, rng)
  for swarm in swarms:
    if swarm.torrent.info_hash not in downloads:
      downloads[swarm.torrent.info_hash] = server.download(admin, magnet_link=swarm.torrent.magnet())

  # Every acknowledged search completes, with the results of one run.
  for search_id in searches.values():
    answer = server.wait_search(admin, search_id, 120)
    assert answer["status"] == "completed", answer["status"]
    hashes = [result["info_hash"] for result in answer["results"]]
    assert len(hashes) == len(set(hashes)) == len(releases) + 1, hashes
  # Every download completes, and its file is right.
  for swarm in swarms:
    download_id = downloads[swarm.torrent.info_hash]
    done = server.wait_download(admin, download_id, limit_s=180)
    assert done["error"] in (None, ""), done
  wait_until(lambda: len([path for path in server.library.rglob("*") if path.is_file()]) >= len(swarms), 60, what=lambda: f"the library: {list(server.library.rglob('*'))}")
  kept = sorted(sha256(path) for path in server.library.rglob("*") if path.is_file())
  assert kept == sorted(swarm.sha256 for swarm in swarms), "each film once, byte by byte"
  server.stop()
  assert server.integrity() == ("ok", [])
  tasks = server.rows("SELECT id, task_type, status, error_message FROM tasks WHERE task_type IN ('search', 'download')")
  assert len([task for task in tasks if task["task_type"] == "download"]) == len(swarms)
  assert {task["id"] for task in tasks if task["task_type"] == "search"} >= set(searches.values())
  assert [task for task in tasks if task["task_type"] == "search" and task["status"] != "completed"] == []
  assert server.rows("SELECT * FROM dead_letters") == []
  doubles = server.rows("SELECT file_path, COUNT(*) AS n FROM media_files GROUP BY file_path HAVING COUNT(*) > 1")
  assert doubles == []
  assert len(server.rows("SELECT id FROM media WHERE tmdb_id = ?", LANTERN["id"])) == 1
  print(f"{KILLS} kills, {len(searches)} searches, {len(downloads)} downloads: all there, each once")


def test_a_kill_during_the_import_leaves_one_right_file(folder, keep, start, films, tracker):
  """The moment between the last byte and the library, hit again and again."""
  seed = int(os.environ.get("SOKOUL_SEED", random.randrange(1 << 30)))
  print(f"\nseed {seed}")
  rng = random.Random(seed)
  swarm = keep(Swarm(folder / "swarm", films("middle.mkv", mib=24), tracker, NAME + ".mkv"))
  server = start()
  admin = server.admin()
  download_id = server.download(admin, magnet_link=swarm.torrent.magnet())
  for _ in range(max(4, KILLS // 5)):
    deadline = time.monotonic() + 3 * SLOW
    while time.monotonic() < deadline:
      if admin.ok("GET", f"/downloads/{download_id}")["progress"] > 90:
        break
      time.sleep(0.01)
    time.sleep(rng.random() * 0.15)
    server.kill()
    server.start()
  server.wait_download(admin, download_id, limit_s=120)
  kept = wait_until(lambda: [path for path in server.library.rglob("*") if path.is_file()], 30, what="the library's file")
  assert [sha256(path) for path in kept] == [swarm.sha256]
  server.stop()
  assert server.integrity() == ("ok", [])
  assert len(server.rows("SELECT id FROM media_files")) == 1


def test_a_torn_log_file_of_the_database_is_survived(start):
  """The write-ahead log cut in the middle, as a power cut leaves it."""
  server = start()
  admin = server.admin()
  for number in range(20):
    admin.ok("POST", "/search", {"query": f"Film {number}"}, status=202)
  server.kill()
  log = server.data / "sokoul.db-wal"
  if log.exists() and log.stat().st_size > 8192:
    os.truncate(log, log.stat().st_size - 3000)
  server.start()
  assert server.integrity() == ("ok", [])
  assert admin.get("/auth/me").status in (200, 401)
