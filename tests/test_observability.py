"""Prometheus over a cluster at work: every query of every dashboard and every rule has something to show; an alert reaches alertmanager."""

import pytest

from harness import prometheus
from harness.fleet import Fleet
from harness.process import wait_until
from harness.prometheus import Alertmanager, Prometheus
from harness.scene import Release, Torznab, metadata, release, settings_for
from harness.standins import Embeddings
from harness.swarm import Swarm

TITLE = "Paper.Lantern.2019.720p.WEB-DL.x264-OWN"


class Place:
  """A cluster with both sentries before it."""

  def __init__(self, folder, keep, films, tracker):
    self.swarm = keep(Swarm(folder / "swarm", films("middle.mkv", mib=24), tracker, TITLE + ".mkv"))
    self.tmdb, self.tvmaze = metadata(keep)
    self.indexer = keep(Torznab([Release(TITLE, self.swarm.torrent, seeders=14), release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 2)]))
    self.broken = keep(Torznab(fault="500"))
    self.fleet = keep(Fleet(folder / "fleet", sentinel_seconds=1, embeddings_url=keep(Embeddings()).base,
                            **settings_for([self.indexer, self.broken], tmdb=self.tmdb, tvmaze=self.tvmaze)))
    targets = [("sokoul-api", "api", member.port) for member in self.fleet.api]
    targets += [("sokoul-worker", member.role, member.metrics_port) for member in self.fleet.workers]
    self.alertmanager = keep(Alertmanager(folder / "alertmanager"))
    self.prometheus = keep(Prometheus(folder / "prometheus", targets, self.alertmanager, at_once=True))
    self.target_count = len(targets)
    wait_until(self.all_scraped, 60, what=lambda: f"every process in Prometheus: {self.prometheus.targets()}")

  def all_scraped(self):
    targets = self.prometheus.targets()
    return len(targets) == self.target_count and all(target["health"] == "up" for target in targets)


@pytest.fixture
def place(folder, keep, films, tracker):
  return Place(folder, keep, films, tracker)


def works(place):
  """A bit of everything: found, judged, fetched, kept, watched; refused, failed, waited for."""
  fleet, admin = place.fleet, place.fleet.admin()
  viewer = fleet.api[1].account("viewer")
  socket = fleet.api[1].socket(viewer)
  found = fleet.api[0].search(admin, "Paper Lantern", year=2019, media_type="movie")
  admin.ok("POST", f"/search/{found['search_id']}/score", status=202)
  best = next(row for row in found["results"] if row["info_hash"] == place.swarm.torrent.info_hash)
  download = fleet.api[0].download(admin, search_result_id=best["id"])
  fleet.api[0].wait_download(admin, download)
  media = found["media_id"]
  wait_until(lambda: admin.ok("GET", f"/media/{media}/files")["items"], 60, what="the film in the library")
  place.tmdb.fault = "500"  # a job that fails a try
  admin.ok("POST", f"/media/{media}/enrich", status=202)
  return admin, viewer, socket, media


def watches(place, admin, viewer, media):
  """What goes on while Prometheus looks: a rate needs counters that grow between two looks."""
  for client in (admin, place.fleet.at(1, admin), viewer):
    client.ok("GET", "/media?q=paper")
    client.get("/media/00000000-0000-7000-8000-000000000000")
  stream = admin.ok("GET", f"/streaming/direct/{media}")
  assert admin.get("/" + stream["url"], headers={"Range": "bytes=0-99999"}).status == 206
  assert viewer.post("/auth/login", {"username": "viewer", "password": "wrong"}).status == 401
  place.fleet.api[0].search(admin, "Paper Lantern", year=2019)


def five_hundreds(place, client):
  """Answers with a 5xx: without Redis the deep look says 503."""
  place.fleet.redis.stop()
  wait_until(lambda: client.get("//health/deep").status == 503, 60, what="a 503")
  place.fleet.redis.start()
  wait_until(lambda: client.get("//health/deep").status == 200, 60, what="the cache again")


def nothing_in(place):
  """Every query that is in error or has nothing to show."""
  asked = [(f"{board}: {panel}", prometheus.chosen(expr)) for board, panel, expr, is_metric in prometheus.shipped_queries() if is_metric]
  rules = list(prometheus.shipped_rules())
  asked += [(f"rule {name}", selector) for name, expr in rules for selector in prometheus.selectors(expr)]
  asked += [(f"rule {name}", name) for name, _ in rules if ":" in name]
  assert len(asked) > 120 and not place.prometheus.query("sokoul_no_such_metric"), len(asked)
  return len(asked), [(who, expr) for who, expr in asked if not place.prometheus.query(expr)]


def test_every_query_and_every_rule_has_something_to_show(place, capsys):
  admin, viewer, socket, media = works(place)
  five_hundreds(place, admin)
  last = [0, []]

  def all_there():
    watches(place, admin, viewer, media)
    last[:] = nothing_in(place)
    return not last[1]
  wait_until(all_there, 120, 0.5, lambda: f"{len(last[1])} of {last[0]} have nothing to show: {last[1]}")
  wait_until(lambda: all(rule["health"] == "ok" for rule in place.prometheus.rules()), 60, what=lambda: str([rule for rule in place.prometheus.rules() if rule["health"] != "ok"]))
  rules = place.prometheus.rules()
  assert len(rules) == len(list(prometheus.shipped_rules())) and not [rule for rule in rules if rule.get("lastError")]
  socket.close()
  with capsys.disabled():
    print(f"\n{last[0]} queries of {len(rules)} rules and five dashboards: none empty, none in error")


def test_an_alert_goes_to_alertmanager_and_ends_there(place):
  scout = place.fleet.worker("scout")

  def told():  # of this worker: a scrape that takes more than its second raises one, too
    return [alert for alert in place.alertmanager.alerts() if alert["labels"]["alertname"] == "SokoulWorkerDown" and alert["labels"]["role"] == "scout"]
  wait_until(lambda: not told(), 60, what="no alert before")
  scout.kill()
  alert = wait_until(told, 60, what="the alert at alertmanager")[0]
  assert alert["labels"]["severity"] == "warning", alert
  assert alert["annotations"]["summary"] == f"The scout 127.0.0.1:{scout.metrics_port} is down", alert
  assert [receiver["name"] for receiver in alert["receivers"]] == ["operators"]
  scout.start()
  wait_until(lambda: not told(), 120, what="the end of the alert")
