"""Against torrent clients: a whole download, and the first bytes of one that runs."""

import json
import os
import time
import urllib.parse

from common import MIB, Row, cpu_seconds, film_of, poll
from harness.peers import Qbittorrent
from harness.process import Process, free_port
from harness.seeder import Seeder
from harness.sokoul import Sokoul
from harness.torrents import Torrent, Tracker
from web import signed_url

NAME = "Paper.Lantern.2019.720p.WEB-DL.x264-OWN.mp4"
FILE_MIB = 512
ROUNDS = 3
PIECE = MIB
RATE_KIB = 24 * 1024
ARIA2 = ["aria2c", "--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false",
         "--disable-ipv6=true", "--file-allocation=none", "--interface=127.0.0.1", "--seed-time=0", "--summary-interval=0"]


def film_and_torrent(place, tracker):
  path = film_of(place.new("content") / NAME, FILE_MIB)
  return path, Torrent(path, [tracker.url], PIECE)


def start_download(admin, torrent):
  reply = admin.upload("/downloads/start", "torrent", "film.torrent", torrent.bytes())
  if reply.status != 202:
    raise RuntimeError(reply)
  return reply.json["download_id"]


def aria2_command(folder, torrent, *more):
  return [*ARIA2, f"--listen-port={free_port()}", f"--dir={folder}", *more, str(torrent.write(folder))]


def by_sokoul(place, torrent):
  """(seconds, CPU seconds) from the request to `seeding`: what is verified and in the library."""
  with place.running(Sokoul(place.new("sokoul"))) as server:
    admin = server.admin()
    before, began = cpu_seconds(server.process.pid), time.monotonic()
    download = start_download(admin, torrent)

    def done():
      row = admin.ok("GET", f"/downloads/{download}")
      if row["status"] == "failed":
        raise RuntimeError(row)
      return row["status"] in ("seeding", "completed")
    poll(done, 60, 0.05, "Sokoul's download")
    return time.monotonic() - began, cpu_seconds(server.process.pid) - before


def by_aria2(place, torrent):
  """(seconds, CPU seconds) of the whole program, which ends when the file is complete."""
  folder = place.new("aria2")
  began = time.monotonic()
  with place.running(Process(aria2_command(folder, torrent), folder / "log")) as process:
    deadline = began + 60
    while True:
      pid, status, usage = os.wait4(process.pid, os.WNOHANG)
      if pid:
        break
      if time.monotonic() > deadline:
        raise RuntimeError("aria2 did not end")
      time.sleep(0.05)
    seconds = time.monotonic() - began
    process.popen.returncode = os.waitstatus_to_exitcode(status)
    if process.popen.returncode:
      raise RuntimeError(process.output()[-1500:])
  return seconds, usage.ru_utime + usage.ru_stime


def tcp_only(client):
  """qBittorrent without uTP: over loopback that costs it many times the CPU, and Sokoul and aria2 do not use it here either."""
  settings = urllib.parse.urlencode({"json": json.dumps({"bittorrent_protocol": 1})})
  status, text = client.call("app/setPreferences", settings, {"Content-Type": "application/x-www-form-urlencoded"})
  if status != 200:
    raise RuntimeError(text)
  return client


def by_qbittorrent(place, torrent):
  with place.running(Qbittorrent(place.new("qbittorrent"))) as client:
    tcp_only(client)
    before, began = cpu_seconds(client.process.pid), time.monotonic()
    client.add(torrent, client.folder / "files", seed=False)
    poll(lambda: client.info(torrent)["progress"] == 1, 60, 0.05, "qBittorrent's download")
    return time.monotonic() - began, cpu_seconds(client.process.pid) - before


def download(place):
  tracker = place.keep(Tracker())
  path, torrent = film_and_torrent(place, tracker)
  seeder = tcp_only(place.keep(Qbittorrent(place.new("seeder"))))
  seeder.add(torrent, path.parent)
  ways = {"Sokoul": by_sokoul, "aria2": by_aria2, "qBittorrent": by_qbittorrent}
  taken = {name: [] for name in ways}
  for _ in range(ROUNDS):
    for name, way in ways.items():
      tracker.swarms[torrent.info_hash] = {("127.0.0.1", int(seeder.port))}  # those of earlier rounds are gone
      taken[name].append(way(place, torrent))
  gib = FILE_MIB / 1024
  wall = {name: min(row[0] for row in rows) for name, rows in taken.items()}
  cpu = {name: min(row[1] for row in rows) / gib for name, rows in taken.items()}
  return [row for peer in ("aria2", "qBittorrent") for row in (
    Row(f"download {FILE_MIB} MiB", "s", wall["Sokoul"], wall[peer], peer, ROUNDS),
    Row("download CPU a GiB", "s", cpu["Sokoul"], cpu[peer], peer, ROUNDS))]


def read_range(client, url, at, size):
  reply = client.request("GET", url, token=None, headers={"Range": f"bytes={at}-{at + size - 1}"}, timeout=60)
  if reply.status != 206 or len(reply.body) != size:
    raise RuntimeError(reply)
  return reply.body


def first_by_sokoul(place, torrent, content):
  """(seconds from the request to the first MiB in the player, seconds of a MiB after each of three seeks)."""
  with place.running(Sokoul(place.new("sokoul"))) as server:
    admin = server.admin()
    began = time.monotonic()
    download = start_download(admin, torrent)

    def found():
      media = admin.ok("GET", f"/downloads/{download}").get("media_id")
      if not media:
        return None
      reply = admin.get(f"/streaming/direct/{media}")
      return media if reply.status == 200 else None
    media, _ = poll(found, 30, 0.01, "the running download's way to watch")
    url = signed_url(server, admin, media)
    if read_range(admin, url, 0, MIB) != content[:MIB]:
      raise RuntimeError("other bytes than the seeder's")
    first, seeks = time.monotonic() - began, []
    for part in (0.85, 0.55, 0.7):
      at = int(len(content) * part) // PIECE * PIECE
      began = time.monotonic()
      if read_range(admin, url, at, MIB) != content[at:at + MIB]:
        raise RuntimeError("other bytes than the seeder's")
      seeks.append(time.monotonic() - began)
    row = admin.ok("GET", f"/downloads/{download}")
    if row["progress"] > 60:
      raise RuntimeError(f"the download was too far for this to mean anything: {row['progress']} %")
    return first, seeks


def first_by_aria2(place, torrent):
  """Seconds from the program's start to the first MiB on disk, beginning of the file first."""
  folder = place.new("aria2")
  began = time.monotonic()
  command = aria2_command(folder, torrent, f"--bt-prioritize-piece=head={2 * MIB}", "--disk-cache=0")
  with place.running(Process(command, folder / "log")):
    def arrived():
      try:
        return (folder / torrent.name).stat().st_blocks * 512 >= MIB
      except OSError:
        return False
    poll(arrived, 30, 0.005, "aria2's first MiB")
    return time.monotonic() - began


def play(place):
  """The seeder gives RATE_KIB a second, so that the download still runs; no seek can be faster than one piece at that rate."""
  tracker = place.keep(Tracker())
  path, torrent = film_and_torrent(place, tracker)
  content = path.read_bytes()
  firsts, seeks, peers = [], [], []
  for _ in range(ROUNDS):
    for ours in (True, False):
      with place.running(Seeder(torrent, RATE_KIB)) as seeder:
        tracker.swarms[torrent.info_hash] = {("127.0.0.1", seeder.port)}
        if ours:
          first, more = first_by_sokoul(place, torrent, content)
          firsts.append(first)
          seeks += more
        else:
          peers.append(first_by_aria2(place, torrent))
  limit = PIECE / (RATE_KIB * 1024)
  waited = sorted(seek for seek in seeks if seek > limit)  # faster: the piece was there already, by chance
  if not waited:
    raise RuntimeError("every place was there before it was asked for")
  return [Row("play first MiB of a new download", "s", min(firsts), min(peers), "aria2, on disk", ROUNDS),
          Row("play a MiB after a seek, best", "s", waited[0], limit, "one piece at the seeder's rate", len(waited)),
          Row("play a MiB after a seek, median", "s", waited[len(waited) // 2], limit, "one piece at the seeder's rate", len(waited))]
