"""Against nginx: requests of a small reply, and a complete file."""

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.parse

from common import MIB, Row, cpu_seconds, film_of, poll
from harness.http import Client
from harness.process import Process, free_port, wait_until
from harness.sokoul import Sokoul

ROUNDS = 4
LOAD_SECONDS = 2
FILE_MIB = 512


NGINX_OWN = {"content-type", "content-length", "date", "connection", "server", "keep-alive"}


def reply_lines(reply):
  """(add_header lines, body) with which nginx sends the same bytes as the reply of ours."""
  if "'" in str(reply.headers) or b"'" in reply.body:
    raise RuntimeError("a reply that nginx's configuration cannot quote")
  lines = [f"add_header {name} '{value}';" for name, value in reply.headers.items() if name.lower() not in NGINX_OWN]
  return " ".join(lines), reply.body.decode()


class Nginx:
  """One server with `return 200` of a reply of ours at /health and sendfile below /files/."""

  def __init__(self, folder, reply=None, files="/nonexistent"):
    self.port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""  # the files lie in a folder that only we may read
    headers, body = reply_lines(reply) if reply else ("", "")
    (folder / "nginx.conf").write_text(f"""
{user}
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes auto;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; default_type application/json;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{self.port};
    location = /health {{ {headers} return 200 '{body}'; }}
    location /files/ {{ alias '{files}/'; }}
  }}
}}
""")
    self.process = Process([shutil.which("nginx") or "/usr/sbin/nginx", "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"],
                           folder / "log")
    wait_until(self.answers, 10, 0.01, lambda: f"nginx: {self.process.output()}")

  def answers(self):
    try:
      return Client(self.port).get("//health").status == 200
    except OSError:
      return False

  def kill(self):
    self.process.kill()


def load(port, process):
  """(requests a second, CPU microseconds of the server a request) of /health at 32 connections."""
  before = cpu_seconds(process.pid)
  done = subprocess.run(["wrk", "-t1", "-c32", f"-d{LOAD_SECONDS}s", f"http://127.0.0.1:{port}/health"], capture_output=True, text=True,
                        timeout=LOAD_SECONDS + 20, check=True)
  spent = cpu_seconds(process.pid) - before
  if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
    raise RuntimeError(done.stdout)
  count = int(re.search(r"(\d+) requests in", done.stdout)[1])
  return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1]), spent / count * 1e6


def http(place):
  with place.running(Sokoul(place.new("sokoul"))) as server:
    with place.running(Nginx(place.new("nginx"), Client(server.port).get("//health"))) as nginx:
      ours, peer = [], []
      for _ in range(ROUNDS):
        ours.append(load(server.port, server.process))
        peer.append(load(nginx.port, nginx.process))
  return [Row("http GET /health", "req/s", max(row[0] for row in ours), max(row[0] for row in peer), "nginx return 200", ROUNDS, more=True),
          Row("http CPU a request", "us", min(row[1] for row in ours), min(row[1] for row in peer), "nginx return 200", ROUNDS)]


def take(url, process):
  """(MiB a second, CPU seconds of the server a GB) of one whole file."""
  parts = urllib.parse.urlsplit(url)
  buffer, before, got, expected = memoryview(bytearray(MIB)), cpu_seconds(process.pid), 0, None
  began = time.monotonic()
  with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
    target = parts.path + ("?" + parts.query if parts.query else "")
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
      head += connection.recv(4096)
    head, _, rest = head.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
      raise RuntimeError(head.decode())
    expected = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
    got = len(rest)
    while got < expected:
      size = connection.recv_into(buffer)
      if not size:
        raise RuntimeError(f"the connection ended at {got} of {expected} bytes")
      got += size
  seconds = time.monotonic() - began
  return got / MIB / seconds, (cpu_seconds(process.pid) - before) / (got / 1e9)


def signed_url(server, client, media_id):
  url = client.ok("GET", f"/streaming/direct/{media_id}")["url"]
  return url if url.startswith("http") else f"http://127.0.0.1:{server.port}{url}"


def stream(place):
  with place.running(Sokoul(place.new("sokoul"))) as server:
    folder = server.library / "Movies" / "Paper Lantern (2019)"
    folder.mkdir(parents=True)
    film_of(folder / "Paper Lantern (2019) - 720p.mp4", FILE_MIB)
    admin = server.admin()
    task = admin.ok("POST", "/media/scan", status=202)["task_id"]
    poll(lambda: admin.ok("GET", f"/tasks/{task}")["status"] in ("completed", "failed"), 30, 0.05, "the scan")
    url = signed_url(server, admin, admin.ok("GET", "/media?q=paper+lantern")["items"][0]["id"])
    with place.running(Nginx(place.new("nginx"), files=folder)) as nginx:
      theirs = f"http://127.0.0.1:{nginx.port}/files/" + urllib.parse.quote("Paper Lantern (2019) - 720p.mp4")
      ours, peer = [], []
      for _ in range(ROUNDS + 2):
        ours.append(take(url, server.process))
        peer.append(take(theirs, nginx.process))
  return [Row("stream complete file", "MiB/s", max(row[0] for row in ours), max(row[0] for row in peer), "nginx sendfile", ROUNDS + 2, more=True),
          Row("stream CPU a GB", "s", min(row[1] for row in ours), min(row[1] for row in peer), "nginx sendfile", ROUNDS + 2)]
