"""The nginx of deploy/nginx in front of API processes, as it is shipped but for ports, names and paths."""

import http.client
import pathlib
import re
import ssl
import subprocess

from .http import Client
from .process import Process, free_port, wait_until
from .sokoul import ROOT
from .ws import WebSocket

NAME = "films.example.org"
MAIN = """
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 4096; }}
http {{
  include /etc/nginx/mime.types;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/upstream.conf;
  include {folder}/sokoul.conf;
}}
"""


class Front:
  """`port` speaks TLS, `plain_port` sends there; `certificate` is to be trusted. rate: of requests per second and address;
  films: the folder it may send by itself; web: what the package puts into /usr/share/sokoul/web."""

  def __init__(self, folder, ports, rate=50, films=None, web=None):
    self.folder, self.port, self.plain_port = pathlib.Path(folder), free_port(), free_port()
    self.folder.mkdir(parents=True)
    self.certificate = self.folder / "fullchain.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-addext",
                    f"subjectAltName=DNS:{NAME},IP:127.0.0.1", "-keyout", self.folder / "privkey.pem", "-out", self.certificate],
                   check=True, capture_output=True, timeout=60)
    shipped = (ROOT / "deploy" / "nginx" / "sokoul.conf").read_text()
    for old, new in ((r"listen \[::\]:\d+.*\n", ""), (r"listen 80;", f"listen 127.0.0.1:{self.plain_port};"),
                     (r"listen 443 ", f"listen 127.0.0.1:{self.port} "), (r"/etc/ssl/sokoul", str(self.folder)),
                     (r"/var/log/nginx/sokoul.log", f"{self.folder}/access.log"), (r"rate=500r/s", f"rate={rate}r/s"),
                     (r"root /var/www/html;", f"root {self.folder}/challenges;"),
                     (r"root /usr/share/sokoul/web;", f"root {web or self.folder / 'web'};"),
                     (r"alias /srv/films/;", f"alias {films or self.folder}/;")):
      shipped, changed = re.subn(old, new, shipped)
      assert changed, old
    (self.folder / "sokoul.conf").write_text(shipped)
    upstream = (ROOT / "deploy" / "nginx" / "sokoul-upstream.conf").read_text()
    line = re.search(r"^    server 127.0.0.1:3000(.*)$", upstream, re.M)
    upstream = upstream.replace(line[0], "\n".join(f"    server 127.0.0.1:{port}{line[1]}" for port in ports))
    (self.folder / "upstream.conf").write_text(upstream)
    (self.folder / "nginx.conf").write_text(MAIN.format(folder=self.folder))
    self.process = Process(["/usr/sbin/nginx", "-c", self.folder / "nginx.conf", "-p", self.folder], self.folder / "output")
    wait_until(lambda: self.curl("/health")[0] == 200, 20, what=lambda: f"nginx: {self.process.output()}")

  def curl(self, path, *options):
    """(status, head, body) by curl, with its checks of the certificate."""
    done = subprocess.run(["curl", "-sS", "--cacert", self.certificate, "--resolve", f"{NAME}:{self.port}:127.0.0.1", "-D", "-", "-o",
                           self.folder / "got", *options, f"https://{NAME}:{self.port}{path}"], capture_output=True, text=True, timeout=60)
    if done.returncode:
      return 0, done.stderr, b""
    status = int(re.findall(r"^HTTP/\S+ (\d+)", done.stdout, re.M)[-1])
    return status, done.stdout, (self.folder / "got").read_bytes() if (self.folder / "got").exists() else b""

  def lines(self):
    file = self.folder / "access.log"
    return file.read_text().rpartition("\n")[0].splitlines() if file.exists() else []  # the last one may be on its way

  def kill(self):
    self.process.kill()


class Person(Client):
  """Somebody out there: everything they ask for goes through nginx."""

  def __init__(self, front, token=None):
    super().__init__(front.port, token)
    self.context = ssl.create_default_context(cafile=str(front.certificate))

  def connection(self, host, port, timeout):
    return http.client.HTTPSConnection(host, port, context=self.context, timeout=timeout)

  def request(self, method, path, body=None, headers=None, **options):
    return super().request(method, path, body, {"Host": NAME, **(headers or {})}, **options)


class Secure(WebSocket):
  """A WebSocket through nginx."""

  def __init__(self, front, ticket, last_id=None):
    self.context = ssl.create_default_context(cafile=str(front.certificate))
    super().__init__(front.port, f"/ws?ticket={ticket}" + (f"&last_id={last_id}" if last_id else ""), {"Host": NAME})

  def connect(self, host, port):
    return self.context.wrap_socket(super().connect(host, port), server_hostname=host)
