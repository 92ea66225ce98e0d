"""The codec fixtures as files: one of bytes, and one that says where each case's parts lie in it."""

import json
import os

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/quant")


class Blob:
    """Parts of one binary file; each part starts at a multiple of 4."""

    def __init__(self):
        self.data = b""

    def add(self, part: bytes):
        offset = len(self.data)
        self.data += part + bytes(-len(part) % 4)
        return {"offset": offset, "bytes": len(part)}


def write(name, blob, cases):
    with open(f"{OUT}/{name}.bin", "wb") as sink:
        sink.write(blob.data)
    with open(f"{OUT}/{name}.json", "w") as sink:
        lines = ",\n".join(json.dumps(case) for case in cases)
        sink.write(f'{{"file": "{name}.bin", "cases": [\n' + lines + "\n]}\n")
    print(len(cases), f"cases of {name},", len(blob.data), "bytes")
