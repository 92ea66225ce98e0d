"""Raw blocks of each format and what they decode to.

TQ1_0 and TQ2_0: the gguf package quantizes and dequantizes. I2_S: packed and read by gguf_file.py, which follows
bitnet.cpp's description (two different ways to write and to read it). The types of embeddings and heads: random blocks, and
blocks by the package's quantizer where it has one, read by its dequantizer. Activations: quantized to int8 per token by
transformers' BitLinear, with ties, tiny and huge rows.
"""

import os

os.environ["TORCHDYNAMO_DISABLE"] = "1"

import numpy as np
import torch
from gguf import quants
from gguf.constants import GGMLQuantizationType
from transformers.integrations.bitnet import ActQuant, BitLinear

import gguf_file as g
from blob import OUT, Blob, write


def case(blob, name, kind, shape, raw, values, scales, note="", group=128):
    """scales: the scale of the tensor, or one for each block of 256."""
    scale = np.atleast_1d(np.asarray(scales, np.float32))
    values = np.ascontiguousarray(values, "<f4")
    per = values.reshape(len(scale), -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        trits = np.where(scale[:, None] == 0, 0, np.rint(per / scale[:, None])).astype(np.int8)
    assert np.array_equal(trits * scale[:, None], per) and np.abs(trits).max() <= 1
    return {
        "name": name,
        "type": kind,
        "rows": shape[0],
        "columns": shape[1],
        "i2_s_group": group,
        "note": note,
        "raw": blob.add(raw),
        "trits": blob.add(trits.tobytes()),
        "scales": [float(s) for s in scale],
        "values": blob.add(values.tobytes()),
    }


def tq_cases(blob, rng):
    for label, kind in (("tq1_0", g.TYPE_TQ1_0), ("tq2_0", g.TYPE_TQ2_0)):
        qtype = GGMLQuantizationType(kind)

        def one(name, floats, note="", zero_scale=None):
            raw = quants.quantize(floats.astype(np.float32), qtype)
            if zero_scale is not None:  # a block of the first row
                size = raw.shape[-1] * 256 // floats.shape[-1]
                raw[0, zero_scale * size + size - 2 : zero_scale * size + size] = 0
            values = quants.dequantize(raw, qtype)
            size = raw.shape[-1] * 256 // floats.shape[-1]
            scales = raw.reshape(-1, size)[:, -2:].copy().view(np.float16).astype(np.float32)[:, 0]
            return case(blob, f"{label} {name}", kind, floats.shape, raw.tobytes(), values, scales, note)

        def ternary(shape):
            return rng.choice([-1.0, 0.0, 1.0], size=shape)

        yield one("random", ternary((3, 512)) * 0.0625)
        yield one("one block", ternary((1, 256)))
        yield one("odd scale", ternary((2, 768)) * 0.0337, "the scale is rounded to f16")
        yield one("all plus", np.ones((1, 256)) * 0.5)
        yield one("all minus", -np.ones((1, 256)) * 0.5)
        counting = np.stack([(np.arange(256) // 3**k) % 3 - 1.0 for k in range(4)])
        yield one("counting", counting * 0.25, "trit patterns that run through in order")
        holes = ternary((2, 512)) * 0.125
        holes[0, :256] = 0
        yield one("zero block", holes, "a block of zeros has d = 0 beside blocks with a scale")
        yield one("zero scale", ternary((2, 512)) * 0.125, "a block whose d is 0 decodes to zeros whatever its codes", 1)
        groups = ternary((2, 512))
        groups[:, :256] *= 0.25
        yield one("group scales", groups, "blocks with different scales: a tensor without one scale")
        yield one("not ternary", rng.standard_normal((1, 512)) * 0.1, "floats rounded by the quantizer; two scales")


def i2_s_cases(blob, rng):
    def one(name, codes, scale, note="", pad=bytes(28), group=128):
        raw = g.pack_i2_s(codes, scale, pad, group)
        values = g.unpack_i2_s(raw, codes.shape, group)
        trits = np.where(codes == 3, 0, codes.astype(np.float32) - 1)
        assert np.array_equal(values, trits * np.float32(scale))
        return case(blob, f"i2_s {name}", g.TYPE_I2_S, codes.shape, raw, values, scale, note, group)

    def random(shape, top=3):
        return rng.integers(0, top, shape).astype(np.uint8)

    yield one("random", random((3, 256)), 0.0625)
    yield one("one group", random((1, 128)), 1.0)
    yield one("odd columns", random((5, 384)), 1.21875, "columns no multiple of 256, scale with many bits")
    yield one("garbage pad", random((2, 128)), 0.0337, "the 28 bytes after the scale mean nothing", bytes(range(1, 29)))
    scale = np.float32(0.7071)
    yield one("tiled scale", random((2, 128)), scale, "the pad holds copies of the scale, as one writer leaves it",
              scale.tobytes() * 7)
    yield one("code 3", random((4, 128), top=4), 0.5, "code 3 decodes to 0")
    yield one("element order", (np.arange(128)[None] == np.arange(0, 128, 9)[:, None]).astype(np.uint8) + 1, 2.0,
              "row r holds a single +1, at column 9 r")
    yield one("arm", random((3, 256)), 0.0625, "64/16 layout", group=64)
    yield one("arm order", (np.arange(128)[None] == np.arange(0, 128, 9)[:, None]).astype(np.uint8) + 1, 2.0,
              "64/16 layout; row r holds a single +1, at column 9 r", group=64)


def float_cases(blob, rng):
    for kind in g.BLOCK_SCALES:
        qtype = GGMLQuantizationType(kind)

        def one(name, shape, raw, note=""):
            values = quants.dequantize(raw, qtype)
            assert values.shape == shape and np.isfinite(values).all()
            return {"name": f"{qtype.name} {name}", "type": kind, "rows": shape[0], "columns": shape[1], "note": note,
                    "raw": blob.add(raw.tobytes()), "values": blob.add(np.ascontiguousarray(values, "<f4").tobytes())}

        normal = lambda count: rng.standard_normal(count)
        yield one("random", (3, 512), g.random_blocks(rng, kind, (3, 512), normal))
        extremes = [0.0, -0.0, 6e-8, -6e-8, 6.1e-5, 65504.0, -65504.0, 1.0]
        odd = lambda count: np.resize(extremes, count) if count > 1 else [6e-8]
        yield one("odd scales", (8, 256), g.random_blocks(rng, kind, (8, 256), odd),
                  "zeros, the smallest and the greatest f16, negative ones")
        for code in (0x00, 0xFF):
            constant = lambda count: np.full(count, 0.25)
            yield one(f"codes {code:02x}", (1, 256), g.random_blocks(rng, kind, (1, 256), constant, [code]))
        try:
            raw = quants.quantize(normal((2, 512)).astype(np.float32), qtype)
        except NotImplementedError:  # the package only reads the K types and IQ4_NL
            continue
        yield one("quantized", (2, 512), raw)


def activation_rows(rng):
    """(name, f32 row)."""
    ties = np.arange(-127, 127) + 0.5
    yield "ties, scale 1", np.concatenate([[127.0], ties])
    yield "ties, scale 16", np.concatenate([[-127.0], ties]) / 16
    near = np.nextafter(ties.astype(np.float32), np.float32(np.inf))
    yield "just above ties", np.concatenate([[127.0], near])
    yield "just below ties", np.concatenate([[127.0], np.nextafter(ties.astype(np.float32), np.float32(-np.inf))])
    yield "zeros", np.zeros(64)
    yield "negative zeros and one", np.concatenate([-np.zeros(31), [1.0]])
    yield "one value", np.array([-0.3])
    yield "below 1e-5", rng.standard_normal(128) * 1e-6
    yield "at 1e-5", np.linspace(-1e-5, 1e-5, 129)
    yield "subnormal", np.full(16, 1e-40)
    yield "huge", rng.standard_normal(128) * 1e30
    yield "outlier", np.concatenate([rng.standard_normal(255), [400.0]])
    for size in (1, 7, 128, 255, 384, 1000):
        yield f"random {size}", rng.standard_normal(size) * 2.0 ** rng.integers(-8, 8)
    yield "squared ReLU", np.maximum(rng.standard_normal(640) * 30, 0) ** 2


def activations(rng):
    linear, blob, cases = BitLinear(4, 4, False), Blob(), []
    for name, row in activation_rows(rng):
        x = torch.from_numpy(row.astype(np.float32))[None]
        codes, scale = linear.activation_quant(x)
        # The class of 2B4T divides its codes by the scale again: the same codes.
        assert torch.equal(ActQuant.apply(x), codes.float() / scale)
        # torch computes 127 / t as 127 * (1 / t), rounded twice, so the scale may differ from a division by one unit
        # in the last place. No code here depends on that.
        largest = np.maximum(x.abs().max().numpy(), np.float32(1e-5))
        assert float(scale) == np.float32(127) * (np.float32(1) / largest)
        divided = np.clip(np.rint(x.numpy() * (np.float32(127) / largest)), -128, 127)
        assert np.array_equal(divided, codes.numpy()), name
        cases.append({
            "name": name,
            "size": row.size,
            "x": blob.add(x.numpy().astype("<f4").tobytes()),
            "codes": blob.add(codes.numpy().tobytes()),
            "scale": float(scale),
            "sum": int(codes.int().sum()),
        })
    write("activations", blob, cases)


def make():
    os.makedirs(OUT, exist_ok=True)
    rng, blob = np.random.default_rng(21), Blob()
    write("quant", blob, [*tq_cases(blob, rng), *i2_s_cases(blob, rng)])
    activations(np.random.default_rng(22))
    blob = Blob()
    write("floats", blob, list(float_cases(blob, np.random.default_rng(23))))


if __name__ == "__main__":
    make()
