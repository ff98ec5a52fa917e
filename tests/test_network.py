"""The network itself fails, in network namespaces of the test's own: a worker, and an API process, cut off from everything and
healed. Once the cable is pulled, once every packet is lost on the way, so that nobody is told."""

import threading
import time

import pytest

from harness import network
from harness.films import sha256
from harness.fleet import Fleet
from harness.ledger import Load, reconcile
from harness.process import free_port, wait_until
from harness.scene import Torznab, release, settings_for
from harness.seeder import Seeder
from harness.torrents import Torrent

LEASE_S = 30  # of a job, as in src/workers/worker.c
ANSWER_S = 2  # the promise; what is asserted leaves as much again for a busy machine
HOWS = ["unplugged", "silent"]
WHY_NOT = network.missing()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=str(WHY_NOT))
RELEASES = [release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1)]


class Gated(Torznab):
  """An indexer that answers searches once its gate is open."""

  def __init__(self, releases, **options):
    self.gate, self.waiting = threading.Event(), 0
    super().__init__(releases, **options)

  def torznab(self, request):
    self.waiting += 1
    self.gate.wait(20)
    super().torznab(request)


@pytest.fixture
def net(folder, keep):
  """The test itself, its API processes and a worker are at the near end, another worker at the far end, the servers in the middle."""
  made = keep(network.Network(folder, "near", "far"))
  with made.inside("near"):
    yield made


@pytest.fixture
def indexer(net, keep):
  return keep(Torznab(RELEASES))


@pytest.fixture
def fleet(net, folder, keep, indexer):
  return keep(Fleet(folder, apis=1, workers=("sentinel",), address=network.ADDRESS, inside=net.inside, **settings_for([indexer])))


def tasks(fleet, ids):
  rows = fleet.api[0].rows("SELECT id, status, fence, lease_owner FROM tasks WHERE task_type = 'search'")
  return {row["id"]: row for row in rows if row["id"] in ids}


@pytest.mark.parametrize("how", HOWS)
def test_a_worker_that_is_cut_off_loses_and_doubles_nothing(net, fleet, indexer, keep, how):
  with net.inside("far"):
    gated = keep(Gated(RELEASES, port=indexer.port))  # the same address as ours, in its own network
    far = fleet.add_worker("scout")
  admin = fleet.admin()
  load = Load(fleet, admin, threads=2, pause_s=0.2)
  wait_until(lambda: gated.waiting >= 2, 60, what="searches in the far worker's hands")
  held = {row["id"] for row in fleet.api[0].rows("SELECT id FROM tasks WHERE task_type = 'search' AND status = 'running'")}
  assert held
  net.cut("far", how)
  cut_at = time.monotonic()
  gated.gate.set()  # now it ends them, and can tell nobody
  fleet.add_worker("scout")
  wait_until(lambda: all(row["status"] == "completed" for row in tasks(fleet, held).values()), 240, 0.5, lambda: f"the other worker to take them over: {tasks(fleet, held)}")
  taken_s, taken = time.monotonic() - cut_at, tasks(fleet, held)
  assert taken_s > LEASE_S / 2 and set(taken) == held  # they were not given back, they ran out
  asked = gated.waiting
  net.heal("far")
  healed_at = time.monotonic()
  wait_until(lambda: gated.waiting > asked, 120, what=lambda: f"the far worker to work again by itself: {far.log()[-2000:]}")
  print(f"\n{how}: {len(held)} searches held were done by another after {taken_s:.0f} s; the worker took jobs again {time.monotonic() - healed_at:.1f} s after healing")
  load.end()
  print(f"{len(load.ledger)} acknowledged, answers {load.statuses}, slowest {load.slowest:.2f} s")
  assert not load.problems, load.problems[:5]
  reconcile(fleet, load)
  assert tasks(fleet, held) == taken, "late work changed what another had done"


def test_a_hunter_that_is_cut_off_leaves_the_film_to_another(net, fleet, films, keep):
  """It goes on by itself, with peers of its own, into the same files, and has it complete before it may tell anybody."""
  film = films("middle.mkv", mib=24)
  torrent = Torrent(film, trackers=[])
  port = free_port()
  with net.inside("far"):
    slow = keep(Seeder(torrent, kib_s=400, port=port))
    far = fleet.add_worker("hunter")
  admin = fleet.admin()
  download = fleet.api[0].download(admin, magnet_link=torrent.magnet([slow.peer]))
  wait_until(lambda: admin.ok("GET", f"/downloads/{download}")["progress"] > 5, 60, what="a part of the film")
  net.cut("far", "silent")
  cut_at = time.monotonic()
  keep(Seeder(torrent, port=port))
  fleet.add_worker("hunter")
  fleet.api[0].wait_download(admin, download, limit_s=240)
  print(f"\nanother hunter had it complete {time.monotonic() - cut_at:.0f} s after the cut")
  net.heal("far")
  healed_at = time.monotonic()
  wait_until(lambda: "lost the lease of a download" in far.log(), 120, what=lambda: f"the far hunter to notice: {far.log()[-2000:]}")
  print(f"the first one left it {time.monotonic() - healed_at:.1f} s after healing")
  assert admin.ok("GET", f"/downloads/{download}")["status"] in ("seeding", "completed")
  kept = [path for path in (fleet.folder / "data" / "library").rglob("*") if path.is_file()]
  assert [sha256(path) for path in kept] == [sha256(film)]
  assert len(fleet.api[0].rows("SELECT id FROM media_files")) == 1


@pytest.mark.parametrize("how", HOWS)
def test_an_api_process_without_its_servers_answers_or_says_503(net, fleet, how):
  """Its clients reach it; it reaches neither database nor cache nor queue."""
  fleet.add_worker("scout")
  admin = fleet.admin()
  load = Load(fleet, admin)
  for cut_s in (3, 6):
    before = len(load.ledger)
    wait_until(lambda: len(load.ledger) > before + 5, 60, what="searches acknowledged")
    refused = load.statuses.get(503, 0)
    net.cut("near", how)
    time.sleep(cut_s)
    wait_until(lambda: load.statuses.get(503, 0) > refused, 60, what="a 503")
    net.heal("near")
    healed_at, before = time.monotonic(), len(load.ledger)
    wait_until(lambda: len(load.ledger) > before + 5, 60, what=lambda: f"searches acknowledged again: {fleet.api[0].log()[-2000:]}")
    print(f"\n{how}: serves again {time.monotonic() - healed_at:.1f} s after healing")
  load.end()
  print(f"{len(load.ledger)} acknowledged, answers {load.statuses}, slowest {load.slowest:.2f} s; promised are {ANSWER_S} s")
  assert not load.problems, load.problems[:5]
  load.check_promise(2 * ANSWER_S)
  reconcile(fleet, load)
