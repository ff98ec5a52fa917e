"""What deploy/ and debian/ ship, held against what reads it: Compose's own schema, the program's own check of its settings, the tree."""

import copy
import json
import re
import subprocess

import pytest
import yaml

from harness import npm
from harness.process import SLOW, free_port
from harness.sokoul import BINARY, ROOT, environment

DOCKER = ROOT / "deploy" / "docker"
SCHEMA = npm.FOLDER / "node_modules" / "dclint" / "schemas" / "compose.schema.json"
# The seed's picture, and the mover of logs that Loki needs.
TOPOLOGY = {"nginx", "api-1", "api-2", "scout", "hunter", "oracle", "sentinel", "postgres", "redis", "nats", "prometheus", "alertmanager", "grafana",
            "loki", "alloy"}


@pytest.fixture(scope="module")
def compose():
  return yaml.safe_load((DOCKER / "compose.yaml").read_text())


def mistakes(document):
  missing = npm.packages()
  assert not missing, missing
  done = subprocess.run(["node", npm.FOLDER / "schema.js", SCHEMA], input=json.dumps(document), capture_output=True, text=True, timeout=60 * SLOW)
  assert not done.stderr, done.stderr
  return done.stdout.splitlines()


def filled(text, known):
  """A value as Compose fills it in: ${NAME:-default}, ${NAME:?message}."""
  return re.sub(r"\$\{(\w+):([-?])([^}]*)\}", lambda match: known.get(match[1]) or (match[3] if match[2] == "-" else pytest.fail(match[0])), str(text))


def test_the_compose_file_is_one(compose):
  assert mistakes(compose) == []
  wrong = copy.deepcopy(compose)
  wrong["services"]["nats"]["restrat"] = "always"
  assert any("/services/nats" in line for line in mistakes(wrong)), "the schema holds nothing"


def test_the_whole_picture_is_in_it(compose):
  services = compose["services"]
  assert TOPOLOGY <= set(services)
  for name, service in services.items():
    assert ":" in service["image"] or service["image"] == "sokoul", f"{name}: an image without a version"
    for other, how in (service.get("depends_on") or {}).items():
      assert other in services, (name, other)
      if how["condition"] == "service_healthy":
        assert services[other].get("healthcheck", {}).get("test") or services[other]["image"] == "sokoul", (name, other)
        assert not services[other].get("healthcheck", {}).get("disable"), (name, other)
    networks = service.get("networks") or []
    assert set(networks) <= set(compose["networks"]), name
    for mount in service.get("volumes") or []:
      source, target = mount.split(":")[:2]
      assert target.startswith("/"), mount
      if source.startswith("."):
        assert (DOCKER / source).exists(), f"{name} mounts {source}, which is not there"
      elif source.startswith("/"):
        assert (name, mount) == ("alloy", "/var/lib/docker/containers:/var/lib/docker/containers:ro")
      else:
        assert source in compose["volumes"], (name, source)


def test_only_nginx_and_the_peers_are_open_to_the_world(compose):
  open_to_all = {port for service in compose["services"].values() for port in service.get("ports", []) if not port.startswith("127.0.0.1:")}
  assert open_to_all == {"80:80", "443:443", "6881:6881", "6881:6881/udp"}


@pytest.mark.parametrize("known", [
  {"DATABASE_PASSWORD": "0123abc"},
  {"DATABASE_PASSWORD": "0123abc", "PUBLIC_URL": "https://films.example.org", "PROWLARR_URL": "http://192.0.2.7:9696", "PROWLARR_API_KEY": "k3y"},
])
def test_the_program_takes_every_setting_of_every_service(compose, folder, known):
  ours = {name: service for name, service in compose["services"].items() if service["image"] == "sokoul" and "environment" in service}
  assert len(ours) == 6
  for name, service in ours.items():
    settings = {key: filled(value, known) for key, value in service["environment"].items()}
    done = subprocess.run([BINARY, "config", "check"], env=environment({**settings, "SOKOUL_DATA_DIR": folder}), capture_output=True, text=True,
                          timeout=30 * SLOW, cwd=folder)
    assert done.returncode == 0, (name, done.stderr)


def test_prometheus_of_the_compose_file_is_let_in_everywhere(compose):
  services, targets = compose["services"], yaml.safe_load((ROOT / "deploy/prometheus/targets-compose/sokoul.yml").read_text())
  ours = {name: service for name, service in services.items() if service["image"] == "sokoul" and name != "prepare"}
  asked = {target for row in targets for target in row["targets"]}
  assert asked == {f"{name}:{3000 if name.startswith('api') else 9464}" for name in ours}
  for name, service in ours.items():
    assert service["environment"]["SOKOUL_METRICS_ALLOW"] == services["prometheus"]["networks"]["inside"]["ipv4_address"] + "/32"
    assert name.startswith("api") or service["environment"]["SOKOUL_METRICS_LISTEN"] == "0.0.0.0:9464"


def test_nginx_of_the_compose_file_names_its_processes(compose):
  upstream = (DOCKER / "sokoul-upstream.conf").read_text()
  named = set(re.findall(r"^\s*server (\S+):3000", upstream, re.M))
  assert named == {name for name in compose["services"] if name.startswith("api-")}
  proxies = compose["services"]["api-1"]["environment"]["SOKOUL_TRUSTED_PROXIES"]
  assert proxies == compose["services"]["nginx"]["networks"]["inside"]["ipv4_address"] + "/32"


def test_the_packaged_settings_are_settings(folder):
  text = (ROOT / "deploy" / "sokoul.conf").read_text()
  assert re.findall(r"^[^#\n].*", text, re.M) == [], "every default stands as it is"
  for key in ("tmdb.key", "prowlarr.key"):
    (folder / key).write_text("k3y\n")
  shown = re.sub(r"^# (\w+ = )", r"\1", text, flags=re.M).replace("/etc/sokoul/", f"{folder}/")
  (folder / "sokoul.conf").write_text(shown)
  done = subprocess.run([BINARY, "config", "check"], env=environment({"SOKOUL_CONFIG": folder / "sokoul.conf"}), capture_output=True, text=True,
                        timeout=30 * SLOW, cwd=folder)
  assert done.returncode == 0 and shown != text, done.stderr


def test_the_package_is_built_from_what_the_build_needs():
  listed = {line for line in (ROOT / "dev" / "packages.txt").read_text().splitlines() if line and not line.startswith("#")}
  control = (ROOT / "debian" / "control").read_text()
  needs = {word.strip().split(" ")[0].split(":")[0] for word in re.search(r"Build-Depends:(.*?)\n\S", control, re.S)[1].split(",")}
  base = {"ca-certificates", "gcc", "g++", "libc6-dev"}  # build-essential, and what only downloads need
  assert needs - {"debhelper-compat", "python3"} == listed - base
  version = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())[1]
  assert (ROOT / "debian" / "changelog").read_text().startswith(f"sokoul ({version})")


def test_what_the_image_is_made_of_is_there():
  text = (DOCKER / "Dockerfile").read_text()
  for source in re.findall(r"^COPY (?!--)(\S+) ", text, re.M):
    assert (ROOT / source).exists(), source
  last = text[text.rindex("\nFROM "):]
  assert re.search(r"^USER sokoul$", last, re.M) and "root" not in last
  ignored = (DOCKER / "Dockerfile.dockerignore").read_text().split()
  assert not {"src", "web", "dev", "docs", "debian", "deploy", "meson.build", "LICENSE"} & set(ignored)


def test_the_guide_runs_commands_with_the_services_own_settings():
  unit = (ROOT / "deploy" / "systemd" / "sokoul.service").read_text()
  settings = re.findall(r"\b(?:SOKOUL_CONFIG|SOKOUL_DATA_DIR)=\S+", unit)
  assert len(settings) == 2
  for name in ("install", "backup"):
    text = (ROOT / "docs" / "guide" / f"{name}.md").read_text()
    assert all(setting in text for setting in settings), name


def test_the_configuration_guides_nginx_is_one(folder):
  """Its few lines are taken as they stand; `location` belongs into a server."""
  text = (ROOT / "docs" / "guide" / "configuration.md").read_text()
  above, _, below = re.search(r"```nginx\n(.*?)```", text, re.S)[1].partition("location ")
  paths = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
  file = folder / "nginx.conf"
  file.write_text(f"pid {folder}/pid; error_log {folder}/error.log; events {{}} http {{ access_log off; {paths}\n{above}\n"
                  f"server {{ listen 127.0.0.1:{free_port()};\nlocation {below} }} }}")
  done = subprocess.run(["/usr/sbin/nginx", "-t", "-c", file, "-e", folder / "error.log"], capture_output=True, text=True, timeout=60)
  assert done.returncode == 0, done.stderr
