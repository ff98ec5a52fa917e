"""The real llama.cpp (npm's @node-llama-cpp/linux-x64, tests/npm/llama.js) with a model made here: a BERT of one layer that knows some
words and what they mean, and every other one by its letters. What it is made of comes from digests: it is the same each time."""

import hashlib
import json
import pathlib
import string
import struct
import urllib.request

from . import npm
from .process import Process, free_port, wait_until

WIDTH, BALLAST, TOKENS_MAX = 64, 8, 512
# The words, by what they mean: those of one group are nearly the same to the model.
MEANINGS = [["lantern", "lamp", "torch"], ["paper"], ["ladder"], ["harbour", "port"], ["night", "nights"], ["season"], ["episode"], ["the"]]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9  # of the format GGUF, version 3
FIRST = "\u2581"  # before what begins a word


def spread(seed, count, scale):
  """Numbers between -scale and scale."""
  digests = (hashlib.sha256(f"{seed}/{block}".encode()).digest() for block in range(-(-count // 8)))
  return [number / 2**31 * scale for digest in digests for number in struct.unpack("<8i", digest)][:count]


def vector(meaning, weight):
  """A token's: what it means, and how much that counts. The layers make every vector equally long, so what counts little has ballast,
  which the last one takes off."""
  return [*meaning, *(1 / weight, -1 / weight) * (BALLAST // 2)]


def vocabulary():
  """{token: its vector}"""
  wide = WIDTH - BALLAST
  vectors = {token: vector([0.0] * wide, 0.02) for token in SPECIAL}
  for character in string.ascii_lowercase + string.digits + "(),.-":
    for token in (FIRST + character, character):
      vectors[token] = vector(spread(f"letter {token}", wide, 1), 0.1 if character.isalnum() else 0.02)
  for group in MEANINGS:
    for word in group:
      vectors[FIRST + word] = vector([both + own for both, own in zip(spread(f"meaning {group[0]}", wide, 1), spread(f"word {word}", wide, 0.2))], 1)
  return vectors


def packed(kind, value):
  if kind == STRING:
    return struct.pack("<Q", len(value.encode())) + value.encode()
  return struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}[kind], value)


def entry(name, kind, value):
  """kind: of the value, or (ARRAY, of each of them)."""
  if isinstance(kind, tuple):
    return packed(STRING, name) + struct.pack("<IIQ", *kind, len(value)) + b"".join(packed(kind[1], one) for one in value)
  return packed(STRING, name) + struct.pack("<I", kind) + packed(kind, value)


def tensors(vectors):
  """{name: (shape, numbers)} of BERT as llama.cpp names them."""
  made = {"token_embd.weight": ((WIDTH, len(vectors)), [number for vector in vectors.values() for number in vector]),
          "token_types.weight": ((WIDTH, 2), [0.0] * WIDTH * 2),
          "position_embd.weight": ((WIDTH, TOKENS_MAX), spread("positions", WIDTH * TOKENS_MAX, 0.02))}
  for norm in ("token_embd_norm", "blk.0.attn_output_norm", "blk.0.layer_output_norm"):
    made |= {f"{norm}.weight": ((WIDTH,), [1.0] * (WIDTH - BALLAST) + [float("layer" not in norm)] * BALLAST), f"{norm}.bias": ((WIDTH,), [0.0] * WIDTH)}
  for part in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_up", "ffn_down"):
    made |= {f"blk.0.{part}.weight": ((WIDTH, WIDTH), spread(part, WIDTH * WIDTH, 0.05)), f"blk.0.{part}.bias": ((WIDTH,), [0.0] * WIDTH)}
  return made


def write_model(path):
  vectors = vocabulary()
  entries = [
    entry("general.architecture", STRING, "bert"), entry("general.name", STRING, "a few words"), entry("bert.block_count", UINT32, 1),
    entry("bert.context_length", UINT32, TOKENS_MAX), entry("bert.embedding_length", UINT32, WIDTH), entry("bert.feed_forward_length", UINT32, WIDTH),
    entry("bert.attention.head_count", UINT32, 4), entry("bert.attention.layer_norm_epsilon", FLOAT32, 1e-12),
    entry("bert.attention.causal", BOOL, False), entry("bert.pooling_type", UINT32, 1),  # the mean
    entry("tokenizer.ggml.model", STRING, "bert"), entry("tokenizer.ggml.token_type_count", UINT32, 2),
    entry("tokenizer.ggml.tokens", (ARRAY, STRING), list(vectors)),
    entry("tokenizer.ggml.token_type", (ARRAY, INT32), [3 if token in SPECIAL else 1 for token in vectors]),
    *(entry(f"tokenizer.ggml.{name}_token_id", UINT32, SPECIAL.index(token))
      for name, token in (("unknown", "[UNK]"), ("bos", "[CLS]"), ("cls", "[CLS]"), ("eos", "[SEP]"), ("seperator", "[SEP]"), ("padding", "[PAD]"),
                          ("mask", "[MASK]"))),
  ]
  parts = tensors(vectors)
  head, data = b"GGUF" + struct.pack("<IQQ", 3, len(parts), len(entries)) + b"".join(entries), b""
  for name, (shape, numbers) in parts.items():
    head += packed(STRING, name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
    data += struct.pack(f"<{len(numbers)}f", *numbers)
    data += bytes(-len(data) % 32)
  pathlib.Path(path).write_bytes(head + bytes(-len(head) % 32) + data)


class Llama:
  def __init__(self, folder):
    self.folder, self.port = pathlib.Path(folder), free_port()
    self.folder.mkdir(parents=True)
    self.base = f"http://127.0.0.1:{self.port}"
    write_model(self.folder / "model.gguf")
    self.start()

  def start(self):
    options = {"model": str(self.folder / "model.gguf"), "port": self.port, "batch": TOKENS_MAX}
    self.process = Process(["node", npm.FOLDER / "llama.js", json.dumps(options)], self.folder / "log")
    wait_until(self.listens, 30, what=lambda: f"llama.cpp: {self.process.output()}")

  def listens(self):
    assert self.process.alive(), self.process.output()
    return '{"port":' in self.process.output()

  def ask(self, body):
    """The status and the answer to a body, an object or bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(self.base + "/v1/embeddings", raw, {"Content-Type": "application/json"})
    try:
      with urllib.request.urlopen(request, timeout=30) as reply:
        return reply.status, json.load(reply)
    except urllib.error.HTTPError as refusal:
      return refusal.code, json.load(refusal)

  def vectors(self, *texts):
    status, answer = self.ask({"input": list(texts)})
    assert status == 200, answer
    return [row["embedding"] for row in answer["data"]]

  def kill(self):
    self.process.kill()
