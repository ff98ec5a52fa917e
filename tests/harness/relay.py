"""What stands between a browser and the program and can fail: a relay on a port of its own, to be cut, healed, and to answer in its place."""

import contextlib
import socket
import threading

ANSWER = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 20\r\nConnection: close\r\n\r\n<h1>Bad Gateway</h1>"


class Relay:
  """`state`: "whole"; "cut": nobody gets through, and who was through is not; "broken": pages come through, the API answers 502."""

  def __init__(self, port):
    self.target, self.state, self.open = port, "whole", set()
    self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    self.port = self.listener.getsockname()[1]
    threading.Thread(target=self._accept, daemon=True).start()

  def set(self, state):
    self.state = state
    for one in list(self.open):
      with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)

  def kill(self):
    self.set("cut")
    self.listener.close()

  def _accept(self):
    with contextlib.suppress(OSError):
      while True:
        client, _ = self.listener.accept()
        threading.Thread(target=self._serve, args=(client,), daemon=True).start()

  def _serve(self, client):
    with client, contextlib.suppress(OSError):
      self.open.add(client)
      first = client.recv(65536) if self.state != "cut" else b""
      if not first:
        return
      if self.state == "broken":
        if first.split(b" ")[1].startswith((b"/api/", b"/ws")):
          return client.sendall(ANSWER)
        first = first.replace(b"Connection: keep-alive", b"Connection: close")
      with socket.create_connection(("127.0.0.1", self.target), timeout=10) as server:
        server.settimeout(None)
        self.open.add(server)
        server.sendall(first)
        threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
        self._pump(server, client)
      self.open.discard(server)
    self.open.discard(client)

  @staticmethod
  def _pump(source, sink):
    with contextlib.suppress(OSError):
      while data := source.recv(65536):
        sink.sendall(data)
    for one in (source, sink):
      with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
