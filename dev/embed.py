#!/usr/bin/python3
"""Writes files as a C table of struct sok_embedded_file (src/base/embed.h).

embed.py OUTPUT.c SYMBOL ROOT FILE...   embeds the files, named by their path below ROOT
"""
import hashlib
import os
import sys


def c_bytes(data):
    lines = []
    for at in range(0, len(data), 32):
        lines.append("".join(f"{byte}," for byte in data[at:at + 32]))
    return "\n".join(lines + ["0"])


def main():
    output, symbol, root, *files = sys.argv[1:]
    entries = sorted((os.path.relpath(file, root).replace(os.sep, "/"), file) for file in files)
    text = ['#include "base/embed.h"\n', f"extern const struct sok_embedded_file {symbol}[];", f"extern const size_t {symbol}_count;\n"]
    rows = []
    for number, (path, file) in enumerate(entries):
        with open(file, "rb") as stream:
            data = stream.read()
        text.append(f"static const unsigned char bytes_{number}[] = {{\n{c_bytes(data)}}};")
        rows.append(f'    {{"{path}", "{hashlib.sha256(data).hexdigest()}", bytes_{number}, {len(data)}}},')
    text.append(f"\nconst struct sok_embedded_file {symbol}[] = {{")
    text += rows
    text.append(f"}};\nconst size_t {symbol}_count = {len(entries)};")
    with open(output, "w", encoding="utf-8") as stream:
        stream.write("\n".join(text) + "\n")


main()
