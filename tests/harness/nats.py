"""A client of NATS for the tests: what a stream of JetStream holds (protocol: docs.nats.io, "Client protocol")."""

import base64
import json
import socket
import urllib.parse
import uuid


class Nats:
  def __init__(self, url):
    parts = urllib.parse.urlsplit(url)
    self.socket = socket.create_connection((parts.hostname, parts.port), timeout=30)
    self.file = self.socket.makefile("rb")
    self.inbox = f"_INBOX.{uuid.uuid4().hex}"
    assert self.file.readline().startswith(b"INFO ")
    self.send('CONNECT {"verbose":false,"pedantic":false,"lang":"test","version":"0","headers":true,"no_responders":true}', f"SUB {self.inbox} 1")

  def send(self, *lines):
    self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

  def receive(self):
    """The next message's payload."""
    while True:
      words = self.file.readline().split()
      assert words, "NATS has closed the connection"
      if words[0] == b"PING":
        self.send("PONG")
      elif words[0] == b"HMSG":
        payload = self.file.read(int(words[-1]) + 2)
        return payload[int(words[-2]):-2]
      elif words[0] == b"MSG":
        return self.file.read(int(words[-1]) + 2)[:-2]
      else:
        assert words[0] in (b"+OK", b"PONG", b"INFO"), words

  def ask(self, subject, question=None):
    body = json.dumps(question) if question is not None else ""
    self.send(f"PUB {subject} {self.inbox} {len(body)}", body)
    answer = self.receive()
    return json.loads(answer) if answer else {"error": {"description": "nobody answers"}}

  def stream(self, name):
    """Everything a stream holds: (subject, headers as text, payload)."""
    info = self.ask(f"$JS.API.STREAM.INFO.{name}")
    assert "error" not in info, info
    messages = []
    for number in range(info["state"]["first_seq"], info["state"]["last_seq"] + 1):
      answer = self.ask(f"$JS.API.STREAM.MSG.GET.{name}", {"seq": number})
      if "error" not in answer:
        message = answer["message"]
        messages.append((message["subject"], base64.b64decode(message.get("hdrs", "")).decode(), base64.b64decode(message.get("data", "")).decode()))
    return messages

  def settings(self, name):
    return self.ask(f"$JS.API.STREAM.INFO.{name}")["config"]

  def kill(self):
    self.socket.close()
