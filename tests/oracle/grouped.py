"""Raw blocks of ternary and binary types with a scale for each group of columns, and what they decode to.

Q1_0 and Q2_0: ggml's own functions, by ctypes from the library inside llama-cpp-python (0.3.36 was used), whose path the
environment variable GGML_LIBRARY gives (`llama_cpp/lib/libggml-base.so`). TQ1_0 and TQ2_0: the gguf package. PQ2_0 and PTQ1_0,
which only PrismML's fork of llama.cpp has: PQ2_0 by ggml's Q2_0 on blocks cut in half, PTQ1_0 by the
fork's element map, weight by weight, where the crate works byte by byte.
"""

import ctypes
import os

import numpy as np
from gguf import quants
from gguf.constants import GGMLQuantizationType

import gguf_file as g
from blob import Blob, write

TYPE_Q1_0, TYPE_Q2_0, TYPE_PQ2_0, TYPE_PTQ1_0 = 41, 42, 142, 143
# Weights and bytes of a block, and where its f16 scale stands.
BLOCKS = {
    g.TYPE_TQ1_0: ("TQ1_0", 256, 54, 52),
    g.TYPE_TQ2_0: ("TQ2_0", 256, 66, 64),
    TYPE_Q1_0: ("Q1_0", 128, 18, 0),
    TYPE_Q2_0: ("Q2_0", 64, 18, 0),
    TYPE_PQ2_0: ("PQ2_0", 128, 34, 0),
    TYPE_PTQ1_0: ("PTQ1_0", 128, 28, 26),
}
GGML = ctypes.CDLL(os.environ["GGML_LIBRARY"])


def of_ggml(name, raw, count):
    out = np.empty(count, np.float32)
    data = np.ascontiguousarray(raw)
    function = getattr(GGML, f"dequantize_row_{name}")
    function(ctypes.c_void_p(data.ctypes.data), ctypes.c_void_p(out.ctypes.data), ctypes.c_int64(count))
    return out


def quantized_by_ggml(name, values, blocks, size):
    raw = np.zeros((blocks, size), np.uint8)
    data = np.ascontiguousarray(values, np.float32)
    function = getattr(GGML, f"quantize_row_{name}_ref")
    function(ctypes.c_void_p(data.ctypes.data), ctypes.c_void_p(raw.ctypes.data), ctypes.c_int64(data.size))
    return raw


def ptq1_0(blocks):
    out = np.empty((len(blocks), 128), np.float32)
    scale = blocks[:, 26:28].copy().view(np.float16).astype(np.float32)[:, 0]
    for e in range(128):
        if e < 80:
            byte, digit = blocks[:, e % 16], e // 16
        elif e < 120:
            byte, digit = blocks[:, 16 + (e - 80) % 8], (e - 80) // 8
        else:
            byte, digit = blocks[:, 24 + (e - 120) % 2], (e - 120) // 2
        trit = (byte.astype(np.uint32) * 3**digit % 256 * 3) >> 8
        out[:, e] = (trit.astype(np.float32) - 1) * scale
    return out


def decoded(kind, blocks):
    name, weights, _, _ = BLOCKS[kind]
    if kind in (g.TYPE_TQ1_0, g.TYPE_TQ2_0):
        return quants.dequantize(blocks, GGMLQuantizationType(kind)).reshape(-1)
    if kind in (TYPE_Q1_0, TYPE_Q2_0):
        return of_ggml(name.lower(), blocks, len(blocks) * weights)
    if kind == TYPE_PQ2_0:
        halves = np.zeros((2 * len(blocks), 18), np.uint8)
        halves[:, :2] = np.repeat(blocks[:, :2], 2, axis=0)
        halves[:, 2:] = blocks[:, 2:].reshape(-1, 16)
        return of_ggml("q2_0", halves, len(blocks) * weights)
    return ptq1_0(blocks).reshape(-1)


def cases(blob, rng):
    for kind, (name, weights, size, at) in BLOCKS.items():

        def one(label, rows, blocks, note=""):
            values = decoded(kind, blocks)
            assert np.isfinite(values).all()
            return {"name": f"{name} {label}", "type": kind, "rows": rows, "columns": values.size // rows, "note": note,
                    "raw": blob.add(blocks.tobytes()), "values": blob.add(values.astype("<f4").tobytes())}

        def random(count, scales, codes=range(256)):
            blocks = rng.choice(np.array(codes, np.uint8), size=(count, size))
            blocks[:, at : at + 2] = np.resize(np.asarray(scales, np.float16), count)[:, None].view(np.uint8)
            return blocks

        # TQ2_0 has no code 3.
        codes = range(256)
        if kind == g.TYPE_TQ2_0:
            codes = [b for b in range(256) if all(b >> s & 3 != 3 for s in (0, 2, 4, 6))]
        yield one("random", 3, random(9, rng.standard_normal(9) * 0.05, codes))
        yield one("one scale", 2, random(6, [0.0337], codes))
        extremes = [0.0, -0.0, 6e-8, -6e-8, 6.1e-5, 30000.0, -30000.0, 1.0]
        yield one("odd scales", 4, random(8, extremes, codes), "zeros, the smallest f16, great and negative ones")
        yield one("every byte", 1, np.concatenate([random(3, [0.25], [b]) for b in codes[::17]]), "all bytes of a block alike")
        if kind in (TYPE_Q1_0, TYPE_Q2_0):
            trits = rng.choice([-1.0, 0.0, 1.0], size=6 * weights) * np.repeat(rng.uniform(0.01, 0.1, 6), weights)
            yield one("quantized", 2, quantized_by_ggml(name.lower(), trits, 6, size), "by ggml's quantizer")


if __name__ == "__main__":
    blob = Blob()
    write("grouped", blob, list(cases(blob, np.random.default_rng(24))))
