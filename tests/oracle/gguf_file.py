"""A tiny GGUF writer.

The `gguf` package refuses tensor type 36 (I2_S) and always writes version 3, and the fixtures need both that type
and one version 2 file, so the container is written here. The package is used for what it knows: the quantizers of
TQ1_0 and TQ2_0, and its reader checks the files in check.py.
"""

import struct

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

# GGUF metadata value types.
U32, F32, BOOL, STR, ARRAY, I32 = 4, 6, 7, 8, 9, 5

# GGML tensor type ids.
TYPE_F32, TYPE_F16, TYPE_BF16, TYPE_TQ1_0, TYPE_TQ2_0, TYPE_I2_S = 0, 1, 30, 34, 35, 36
TYPE_Q4_0, TYPE_Q4_1, TYPE_Q5_0, TYPE_Q5_1, TYPE_Q8_0, TYPE_IQ4_NL = 2, 3, 6, 7, 8, 20
TYPE_Q4_K, TYPE_Q5_K, TYPE_Q6_K = 12, 13, 14
# With a scale for each group of columns; the last two only in PrismML's fork of llama.cpp.
TYPE_Q1_0, TYPE_Q2_0, TYPE_PQ2_0, TYPE_PTQ1_0 = 41, 42, 142, 143
GROUPS = {TYPE_Q1_0: 128, TYPE_Q2_0: 64, TYPE_PQ2_0: 128, TYPE_PTQ1_0: 128, TYPE_TQ1_0: 256, TYPE_TQ2_0: 256}
# Where the f16 scales of a block stand, in bytes from its start; the rest are codes, of which every one is valid.
BLOCK_SCALES = {
    TYPE_Q4_0: [0], TYPE_Q4_1: [0, 2], TYPE_Q5_0: [0], TYPE_Q5_1: [0, 2], TYPE_Q8_0: [0], TYPE_IQ4_NL: [0],
    TYPE_Q4_K: [0, 2], TYPE_Q5_K: [0, 2], TYPE_Q6_K: [208],
}

ALIGNMENT = 32


def _string(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


_SCALARS = {U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}


def _scalar(kind: int, value) -> bytes:
    return _string(value) if kind == STR else struct.pack(_SCALARS[kind], value)


def _value(kind, value) -> bytes:
    if isinstance(kind, tuple):  # (ARRAY, element kind)
        element = kind[1]
        head = struct.pack("<IIQ", ARRAY, element, len(value))
        return head + b"".join(_scalar(element, item) for item in value)
    return struct.pack("<I", kind) + _scalar(kind, value)


def write(path, metadata, tensors, version=3):
    """Writes a GGUF file.

    metadata: list of (key, kind, value); kind is a value type, or (ARRAY, element type).
    tensors: list of (name, dims in GGUF order with the contiguous one first, type id, raw bytes).
    """
    header = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    pairs = b"".join(_string(key) + _value(kind, value) for key, kind, value in metadata)
    infos, blobs, offset = b"", [], 0
    for name, dims, kind, data in tensors:
        infos += _string(name) + struct.pack("<I", len(dims))
        infos += b"".join(struct.pack("<Q", dim) for dim in dims) + struct.pack("<IQ", kind, offset)
        padded = data + bytes(-len(data) % ALIGNMENT)
        blobs.append(padded)
        offset += len(padded)
    head = header + pairs + infos
    head += bytes(-len(head) % ALIGNMENT)
    with open(path, "wb") as out:
        out.write(head + b"".join(blobs))


def pack_i2_s(codes: np.ndarray, scale: float, pad: bytes = bytes(28), group: int = 128) -> bytes:
    """Packs codes (any shape, values 0..3, K contiguous) as I2_S: groups of 128 (or 64, as ARM builds wrote them),
    most significant bits first, then one f32 scale and 28 bytes of padding."""
    assert len(pad) == 28
    quarters = codes.reshape(-1, 4, group // 4).astype(np.uint8)
    packed = quarters[:, 0] << 6 | quarters[:, 1] << 4 | quarters[:, 2] << 2 | quarters[:, 3]
    return packed.tobytes() + np.float32(scale).tobytes() + pad


def pack_groups(kind, codes: np.ndarray, scales: np.ndarray) -> bytes:
    """Packs codes `[rows, columns]` in {-1, 0, 1, 2} (Q1_0: -1 and 1; TQ and PTQ: no 2) with f16 scales, one for each group of
    columns: the layouts of ggml-common.h, and of PrismML's fork (`grouped.py` proves the decoders against them)."""
    blocks = codes.reshape(-1, GROUPS[kind])
    d = np.ascontiguousarray(scales, np.float16).reshape(-1, 1).view(np.uint8)
    if kind == TYPE_Q1_0:
        packed = np.packbits(blocks > 0, axis=1, bitorder="little")
    elif kind in (TYPE_Q2_0, TYPE_PQ2_0):
        quads = (blocks + 1).astype(np.uint8).reshape(len(blocks), -1, 4)
        packed = quads[..., 0] | quads[..., 1] << 2 | quads[..., 2] << 4 | quads[..., 3] << 6
    elif kind == TYPE_TQ2_0:
        fields = (blocks + 1).astype(np.uint8).reshape(len(blocks), 2, 4, 32)
        packed = fields[:, :, 0] | fields[:, :, 1] << 2 | fields[:, :, 2] << 4 | fields[:, :, 3] << 6
        packed = packed.reshape(len(blocks), 64)
    else:
        # Five digits of base 3 in a byte, most significant first; of the last bytes four.
        parts = {TYPE_TQ1_0: [(32, 5), (16, 5), (4, 4)], TYPE_PTQ1_0: [(16, 5), (8, 5), (2, 4)]}[kind]
        at, packed = 0, []
        for width, digits in parts:
            part = (blocks[:, at : at + width * digits] + 1).astype(np.uint32).reshape(len(blocks), digits, width)
            weights = 3 ** np.arange(4, 4 - digits, -1, dtype=np.uint32)[:, None]
            packed.append((((part * weights).sum(1) * 256 + 242) // 243).astype(np.uint8))
            at += width * digits
        packed = np.concatenate(packed, axis=1)
    first = kind in (TYPE_Q1_0, TYPE_Q2_0, TYPE_PQ2_0)
    return np.concatenate([d, packed] if first else [packed, d], axis=1).tobytes()


def unpack_i2_s(data: bytes, shape, group: int = 128) -> np.ndarray:
    """Reads I2_S bytes into f32 weights, element by element: slow, and a second way beside pack_i2_s.
    Code 3 reads as 0."""
    count = int(np.prod(shape))
    scale = struct.unpack_from("<f", data, count // 4)[0]
    stride = group // 4
    index = np.arange(count)
    within = index % group
    byte = np.frombuffer(data, np.uint8)[index // group * stride + within % stride]
    code = byte >> (6 - 2 * (within // stride)).astype(np.uint8) & 3
    return np.array([-scale, 0.0, scale, 0.0], np.float32)[code].reshape(shape)


def unpack_groups(data: bytes, kind, shape) -> np.ndarray:
    """Reads what pack_groups writes into f32 weights, element by element: a second way."""
    size = GROUPS[kind]
    count = int(np.prod(shape)) // size
    blocks = np.frombuffer(data, np.uint8).reshape(count, -1)
    bytes_of_codes = blocks.shape[1] - 2
    first = kind in (TYPE_Q1_0, TYPE_Q2_0, TYPE_PQ2_0)
    scales = blocks[:, :2] if first else blocks[:, bytes_of_codes:]
    codes = (blocks[:, 2:] if first else blocks[:, :bytes_of_codes]).astype(np.int32)
    out = np.empty((count, size), np.float32)
    for e in range(size):
        if kind == TYPE_Q1_0:
            out[:, e] = 2 * (codes[:, e // 8] >> e % 8 & 1) - 1
        elif kind in (TYPE_Q2_0, TYPE_PQ2_0):
            out[:, e] = (codes[:, e // 4] >> 2 * (e % 4) & 3) - 1
        else:
            assert kind == TYPE_PTQ1_0  # the gguf package has the others
            byte, digit = ((e % 16, e // 16) if e < 80 else (16 + (e - 80) % 8, (e - 80) // 8) if e < 120
                           else (24 + (e - 120) % 2, (e - 120) // 2))
            out[:, e] = (codes[:, byte] * 3**digit % 256 * 3 >> 8) - 1
    return (out * np.ascontiguousarray(scales).view(np.float16).astype(np.float32)).reshape(shape)


def random_blocks(rng, kind, shape, scales, codes=range(256)):
    """Random blocks of a quantized type for a matrix of `shape`, uint8 `[rows, bytes of a row]`, with bytes of `codes`.
    `scales(count)` gives that many numbers, which are rounded to f16."""
    weights, size = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
    blocks = rng.choice(np.array(codes, np.uint8), size=(shape[0] * shape[1] // weights, size))
    for at in BLOCK_SCALES[kind]:
        values = np.asarray(scales(len(blocks)), np.float16)
        blocks[:, at : at + 2] = values[:, None].view(np.uint8)
    return blocks.reshape(shape[0], -1)


def bf16_bytes(values: np.ndarray) -> bytes:
    """The upper halves of f32 values, which must be exact in bf16."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    assert not np.any(bits & 0xFFFF), "a value does not fit bf16 exactly"
    return (bits >> 16).astype(np.uint16).tobytes()


def f16_bytes(values: np.ndarray) -> bytes:
    """f16 of f32 values, which must be exact in f16."""
    half = values.astype(np.float16)
    assert np.array_equal(half.astype(np.float32), values), "a value does not fit f16 exactly"
    return half.tobytes()
