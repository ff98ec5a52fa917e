"""The program itself: the parser of release names, idle memory, and the start."""

import os
import subprocess
import sys
import time

from common import Row, memory_mib, poll
from harness.process import Process
from harness.peers import Qbittorrent, Transmission
from harness.sokoul import BINARY, Sokoul

ROUNDS = 3
TITLES = ["Paper.Lantern", "The.Last.Harbour", "Low.Water", "Fog.Over.The.Pier", "2012.Lights", "Salt", "Le.Phare.d'Avril", "The Pilot Boat"]
SHAPES = ["{}.2019.1080p.BluRay.DTS.x264-QUAY.mkv", "{}.2021.2160p.WEB-DL.DDP5.1.Atmos.HDR10.H.265-OWN", "{}.S02E05.720p.HDTV.x264-OWN",
          "{}.S01.COMPLETE.1080p.WEB.h264-OWN", "[Quay] {} - 07 (1080p) [ABCD1234].mkv", "{} (1987) 480p DVDRip XviD AC3", "{}.2019.HDCAM.x264-CAM",
          "{}.S03E01E02.MULTi.1080p.AMZN.WEB-DL.DDP5.1.H.264-OWN", "{}.2017.REMASTERED.1080p.BluRay.REMUX.AVC.TrueHD.7.1-OWN"]
NAMES = [shape.format(title) for title in TITLES for shape in SHAPES]
REPEATS = 400
IDLE_SECONDS = 3
# guessit's import takes longer than many names: it is not counted, while our whole process is.
GUESSIT = """
import sys, time
from guessit import guessit
names = sys.stdin.read().splitlines()
guessit(names[0])
began = time.monotonic()
for name in names: guessit(name)
print(time.monotonic() - began)
"""


def parser(place):
  ours, peer = [], []
  text = "\n".join(NAMES * REPEATS) + "\n"
  for _ in range(ROUNDS):
    began = time.monotonic()
    done = subprocess.run([str(BINARY), "parse-release"], input=text, capture_output=True, text=True, timeout=60, check=True)
    ours.append(len(NAMES) * REPEATS / (time.monotonic() - began))
    if done.stdout.count("\n") != len(NAMES) * REPEATS:
      raise RuntimeError("not one answer a name")
    done = subprocess.run([sys.executable, "-c", GUESSIT], input="\n".join(NAMES), capture_output=True, text=True, timeout=60, check=True)
    peer.append(len(NAMES) / float(done.stdout))
  return [Row("parser of release names", "names/s", max(ours), max(peer), "guessit", ROUNDS, more=True)]


def memory(place):
  with place.running(Sokoul(place.new("sokoul"))) as server, place.running(Qbittorrent(place.new("qbittorrent"))) as qbittorrent, \
       place.running(Transmission(place.new("transmission"))) as transmission:
    server.admin()
    time.sleep(IDLE_SECONDS)
    ours, first, second = [memory_mib(one.process.pid) for one in (server, qbittorrent, transmission)]
  rows = []
  for index, kind in enumerate(("resident", "anonymous")):
    rows.append(Row(f"memory idle, {kind}", "MiB", ours[index], first[index], "qBittorrent", 1))
    rows.append(Row(f"memory idle, {kind}", "MiB", ours[index], second[index], "Transmission", 1))
  return rows


def started(place, command, log, answers, env=None, cwd=None):
  """Seconds until a program answers; it is ended the hard way afterwards."""
  began = time.monotonic()
  with place.running(Process(command, log, env, cwd)):
    poll(answers, 30, 0.002, f"{command[0]}'s answer")
    return time.monotonic() - began


def start(place):
  """First with an empty data folder (database, keys), then again with what that left."""
  ours, peer = {1: [], 2: []}, {1: [], 2: []}
  for _ in range(ROUNDS):
    server = Sokoul(place.new("sokoul"), start=False)
    for nth in (1, 2):
      ours[nth].append(server.start())
      server.stop()
    with place.running(Qbittorrent(place.new("qbittorrent"))) as client:  # writes its configuration; this start is not counted
      settings = (client.folder / "qBittorrent" / "config" / "qBittorrent.conf").read_text()
    fresh = place.new("qbittorrent-fresh")
    (fresh / "qBittorrent" / "config").mkdir(parents=True)
    (fresh / "qBittorrent" / "config" / "qBittorrent.conf").write_text(settings)
    command = ["qbittorrent-nox", f"--profile={fresh}", f"--webui-port={client.web}"]
    for nth in (1, 2):
      peer[nth].append(started(place, command, fresh / "log", client.answers, {**os.environ, "HOME": str(fresh)}))
  return [Row(f"start to the first answer, {name}", "s", min(ours[nth]), min(peer[nth]), "qBittorrent", ROUNDS)
          for nth, name in ((1, "first"), (2, "second"))]
