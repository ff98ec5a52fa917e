"""nginx as a reverse proxy in front of the program: its connections to the program are kept and shared, so that a
request hidden inside another would be somebody else's next one."""

import pathlib

from .http import Client
from .process import Process, free_port, wait_until

CONFIGURATION = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 32m;
  upstream program {{ server 127.0.0.1:{upstream}; keepalive 1; }}
  server {{
    listen 127.0.0.1:{port};
    underscores_in_headers on;
    location / {{
      proxy_pass http://program;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_request_buffering {buffering};
      proxy_next_upstream off;
    }}
  }}
}}
"""


class Nginx:
  def __init__(self, folder, upstream, buffering):
    self.folder, self.port = pathlib.Path(folder), free_port()
    self.folder.mkdir(parents=True)
    file = self.folder / "nginx.conf"
    file.write_text(CONFIGURATION.format(folder=self.folder, upstream=upstream, port=self.port, buffering="on" if buffering else "off"))
    self.process = Process(["/usr/sbin/nginx", "-c", file, "-p", self.folder], self.folder / "output")
    wait_until(self.answers, 20, what=lambda: f"nginx: {self.process.output()}")

  def answers(self):
    assert self.process.alive(), self.process.output()
    try:
      return Client(self.port).get("//health", timeout=5).status == 200
    except OSError:
      return False

  def kill(self):
    self.process.kill()
