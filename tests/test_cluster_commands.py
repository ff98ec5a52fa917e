"""What a user orders at any process reaches the hunter that owns the download, or waits in the row for the next one."""

import time

import pytest

from harness.files import files_under
from harness.fleet import Fleet
from harness.process import wait_until
from harness.seeder import Seeder
from harness.swarm import Swarm


class Watched(Seeder):
  """Knows who is connected and what it gave: what the hunter really does, whatever a row says."""

  def __init__(self, torrent, kib_s):
    self.connected, self.given = 0, 0
    super().__init__(torrent, kib_s)

  def _serve(self, connection):
    with self.lock:
      self.connected += 1
    super()._serve(connection)
    with self.lock:
      self.connected -= 1

  def _pace(self, size):
    super()._pace(size)
    self.given += size


@pytest.fixture
def fleet(folder, keep):
  return keep(Fleet(folder, workers=("hunter",)))


@pytest.fixture
def films_in_swarm(folder, keep, films, tracker):
  """Films that take minutes to arrive, each with a seeder of its own."""
  def make(*names):
    made = []
    for name in names:
      film = Swarm(folder / name, films(f"{name}.mkv", mib=64), tracker, f"{name}.2019.720p.WEB-DL.x264-OWN.mkv", seed=False)
      film.seeder = keep(Watched(film.torrent, 512))
      tracker.add(film.torrent, film.seeder.port)
      made.append(film)
    return made
  return make


class Order:
  """Says how long it took until what was ordered was so."""

  def __init__(self, client, film, process):
    self.client, self.seeder = client, film.seeder
    self.download = process.download(client, magnet_link=film.torrent.magnet())

  def row(self):
    return self.client.ok("GET", f"/downloads/{self.download}")

  def is_so(self, what, condition, limit_s=60):
    began = time.monotonic()
    wait_until(lambda: condition(self.row()), limit_s, 0.02, lambda: f"{what}: {self.row()}, {self.seeder.connected} connected, {self.seeder.given} given")
    print(f"\n{what} after {time.monotonic() - began:.2f} s", end="")
    return self

  def arrives(self):
    before = self.seeder.given
    return self.is_so("bytes on their way", lambda row: self.seeder.given > before + (1 << 20))

  def files(self, fleet):
    """What lies in the download's folder."""
    folder = fleet.folder / "data" / "downloads" / self.row()["info_hash"]
    return files_under(folder)


def test_orders_reach_the_hunter_from_every_process(fleet, films_in_swarm):
  film, = films_in_swarm("Lantern")
  here = fleet.admin()
  there = fleet.at(1, here)
  order = Order(here, film, fleet.api[0]).arrives()
  assert order.files(fleet)
  there.ok("POST", f"/downloads/{order.download}/pause")
  order.is_so("paused: nobody is connected to the seeder", lambda row: order.seeder.connected == 0 and row["status"] == "paused")
  here.ok("POST", f"/downloads/{order.download}/resume")
  order.is_so("resumed", lambda row: row["status"] == "downloading").arrives()
  there.ok("PUT", "/admin/settings", {"torrent_down_kib": 48})
  order.is_so("limited, by the rate that it reports each 5 s", lambda row: 0 < row["download_speed"] < 100 * 1024)
  there.ok("POST", f"/downloads/{order.download}/cancel?delete_files=true")
  order.is_so("cancelled", lambda row: row["status"] == "cancelled")
  wait_until(lambda: not order.files(fleet), 30, what="the files to go")


def test_orders_wait_for_the_next_hunter(fleet, films_in_swarm):
  first, second = films_in_swarm("Lantern", "Harbour")
  here = fleet.admin()
  there = fleet.at(1, here)
  paused, dropped = (Order(here, film, fleet.api[0]).arrives() for film in (first, second))
  fleet.worker("hunter").kill()
  fleet.worker("hunter").process = None
  wait_until(lambda: first.seeder.connected == second.seeder.connected == 0, 30, what="the hunter's connections to end")
  given = first.seeder.given, second.seeder.given
  there.ok("POST", f"/downloads/{paused.download}/pause")
  assert there.ok("POST", f"/downloads/{dropped.download}/cancel?delete_files=true")["status"] == "cancelled"
  assert dropped.row()["status"] == "cancelled", "whether or not a hunter is there to do it"
  assert [row["id"] for row in here.ok("GET", "/downloads?status=cancelled")["items"]] == [dropped.download]
  assert here.ok("GET", "/admin/system/stats")["downloads"] == {"cancelled": 1, "paused": 1}
  assert there.post(f"/downloads/{dropped.download}/resume").status == 409
  there.ok("PUT", "/admin/settings", {"torrent_down_kib": 48})
  assert dropped.files(fleet), "nobody is there to delete them"
  hunter = fleet.add_worker("hunter")
  wait_until(lambda: not dropped.files(fleet), 180, what="the files to go, by the next hunter")
  assert paused.row()["status"] == "paused" and (first.seeder.given, second.seeder.given) == given, "neither was asked for another byte"
  here.ok("POST", f"/downloads/{paused.download}/resume")
  paused.is_so("resumed, limited, by the rate that it reports each 5 s", lambda row: 0 < row["download_speed"] < 100 * 1024)
  hunter.stop()
