"""A real Prometheus and a real alertmanager with what deploy/prometheus ships, over processes of our own, in a hurry."""

import json
import pathlib
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request

import yaml

from .process import Process, free_port, wait_until
from .sokoul import ROOT

SHIPPED = ROOT / "deploy" / "prometheus"
EVERY = "1s"


def get(port, path, **query):
  """The JSON of an API's answer."""
  address = f"http://127.0.0.1:{port}{path}?{urllib.parse.urlencode(query)}"
  try:
    with urllib.request.urlopen(address, timeout=60) as reply:
      return json.load(reply)
  except urllib.error.HTTPError as error:
    return json.load(error)


class Alertmanager:
  def __init__(self, folder):
    self.folder, self.port = pathlib.Path(folder), free_port()
    self.folder.mkdir(parents=True)
    settings = yaml.safe_load((SHIPPED / "alertmanager.yml").read_text())
    settings["global"]["smtp_smarthost"] = f"127.0.0.1:{free_port()}"  # where nobody is: no mail leaves
    (self.folder / "alertmanager.yml").write_text(yaml.safe_dump(settings))
    self.process = Process(["prometheus-alertmanager", f"--config.file={self.folder}/alertmanager.yml", f"--storage.path={self.folder}/data",
                            f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="], self.folder / "log", cwd=self.folder)
    wait_until(self.answers, 60, what=lambda: f"alertmanager: {self.process.output()[-2000:]}")

  def answers(self):
    try:
      return get(self.port, "/api/v2/status")
    except OSError:
      return False

  def alerts(self):
    return get(self.port, "/api/v2/alerts")

  def kill(self):
    self.process.kill()


class Prometheus:
  """`targets`: [(job, role, port)]. `at_once`: alerts do not wait for their `for`."""

  def __init__(self, folder, targets, alertmanager=None, at_once=False):
    self.folder, self.port = pathlib.Path(folder), free_port()
    shutil.copytree(SHIPPED, self.folder)
    (self.folder / "targets" / "sokoul.yml").write_text(yaml.safe_dump(
      [{"targets": [f"127.0.0.1:{port}"], "labels": {"job": job, "role": role}} for job, role, port in targets]))
    (self.folder / "targets" / "alertmanager.yml").write_text(yaml.safe_dump([{"targets": [f"127.0.0.1:{alertmanager.port}"]}] if alertmanager else []))
    settings = yaml.safe_load((self.folder / "prometheus.yml").read_text())
    settings["global"] = {"scrape_interval": EVERY, "evaluation_interval": EVERY}
    settings["scrape_configs"] = [job for job in settings["scrape_configs"] if job["job_name"] != "prometheus"]
    (self.folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    if at_once:
      rules = self.folder / "rules" / "alerts.yml"
      rules.write_text(re.sub(r"\bfor: \w+", "for: 0s", rules.read_text()))
    self.process = Process(["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
                            f"--web.listen-address=127.0.0.1:{self.port}"], self.folder / "log", cwd=self.folder)
    wait_until(self.ready, 60, what=lambda: f"Prometheus: {self.process.output()[-2000:]}")

  def ready(self):
    try:
      with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=10):
        return True
    except OSError:
      return False

  def query(self, expr):
    """The series of an instant query; an error is an AssertionError."""
    answer = get(self.port, "/api/v1/query", query=expr)
    assert answer["status"] == "success", (expr, answer)
    result = answer["data"]["result"]
    return result if isinstance(result[0] if result else {}, dict) else [result]

  def targets(self):
    return get(self.port, "/api/v1/targets", state="active")["data"]["activeTargets"]

  def rules(self):
    return [rule for group in get(self.port, "/api/v1/rules")["data"]["groups"] for rule in group["rules"]]

  def kill(self):
    self.process.kill()


# --- What the shipped files ask for

def shipped_rules():
  """(name, expression) of every rule."""
  for path in sorted((SHIPPED / "rules").glob("*.yml")):
    for group in yaml.safe_load(path.read_text())["groups"]:
      for rule in group["rules"]:
        yield rule.get("alert") or rule["record"], rule["expr"]


def shipped_queries():
  """(dashboard, panel, expression, whether it is Prometheus') of every query of every dashboard."""
  for path in sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json")):
    for panel in json.loads(path.read_text())["panels"]:
      for target in panel["targets"]:
        yield path.stem, panel["title"], target["expr"], panel["type"] != "logs"


def chosen(expr):
  """A dashboard's query as Grafana sends it with everything chosen."""
  return expr.replace("$job", "sokoul-.*").replace("$instance", ".+").replace("$__rate_interval", "1m")


def selectors(expr):
  """The series that an expression stands on: each name with its conditions, without range, function and comparison."""
  return sorted({match[0] for match in re.finditer(r"\b(?:sokoul[_:]|process_|up\b)[\w:]*(?:\{[^}]*\})?", expr)})
