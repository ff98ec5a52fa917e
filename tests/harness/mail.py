"""A real mail server on loopback (npm's smtp-server, tests/npm/smtp.js), and what it received."""

import base64
import email
import email.policy
import json
import re
import socket
import subprocess
import threading

from . import npm
from .process import wait_until


class Mail:
  def __init__(self, line):
    self.sender, self.to, self.secure, self.user = line["from"], line["to"], line["secure"], line["user"]
    self.raw = base64.b64decode(line["message"])
    self.message = email.message_from_bytes(self.raw, policy=email.policy.default)
    self.text = self.message.get_content()

  @property
  def link(self):
    return re.search(r"http\S+", self.text)[0]

  @property
  def token(self):
    return re.search(r"/reset\?token=([\w-]+)", self.link)[1]


class MailServer:
  def __init__(self, **options):
    self.lines = []
    self.process = subprocess.Popen(["node", npm.FOLDER / "smtp.js", json.dumps(options)], stdout=subprocess.PIPE, text=True)
    self.reader = threading.Thread(target=self._read, daemon=True)
    self.reader.start()
    self.port = wait_until(lambda: next((line["port"] for line in self.lines if "port" in line), None), 20, 0.02, "the mail server")
    secret = f"{options['user']}:{options['pass']}@" if "user" in options else ""
    self.url = f"smtp{'s' if options.get('secure') else ''}://{secret}127.0.0.1:{self.port}"

  def _read(self):
    for line in self.process.stdout:
      self.lines.append(json.loads(line))

  @property
  def mails(self):
    return [Mail(line) for line in self.lines if "message" in line]

  @property
  def refused(self):
    return [line for line in self.lines if "refused" in line]

  def wait(self, count=1, limit_s=30):
    wait_until(lambda: len(self.mails) >= count, limit_s, 0.05, lambda: f"{count} mails; there are {self.lines}")
    return self.mails[count - 1]

  def kill(self):
    self.process.kill()
    self.process.wait()
    self.reader.join()


class SilentServer:
  """Takes connections and says nothing."""

  def __init__(self):
    self.listener = socket.create_server(("127.0.0.1", 0))
    self.port = self.listener.getsockname()[1]
    self.url = f"smtp://127.0.0.1:{self.port}"
    self.taken = []
    threading.Thread(target=self._take, daemon=True).start()

  def _take(self):
    try:
      while True:
        self.taken.append(self.listener.accept()[0])
    except OSError:
      pass

  def kill(self):
    self.listener.close()
    for connection in self.taken:
      connection.close()


def certificate(folder, name="127.0.0.1"):
  """A self-signed certificate for that address: {"cert", "key"} as paths."""
  paths = {"cert": str(folder / "mail.pem"), "key": str(folder / "mail.key")}
  subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=mail", "-addext",
                  f"subjectAltName=IP:{name}", "-out", paths["cert"], "-keyout", paths["key"]], check=True, capture_output=True)
  return paths
