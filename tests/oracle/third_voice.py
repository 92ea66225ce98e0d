"""What llama.cpp itself says: greedy tokens of the fixture models that it can load, beside transformers' logits.

Run by hand, not by make.sh: it needs llama-cpp-python (0.3.36 was used), which compiles llama.cpp. Where llama.cpp does not know a
file's type of weights (I2_S, PrismML's), the same weights are written to a temporary file in one that it knows, so that
graph, RoPE and vocabulary are compared all the same.

llama.cpp rounds the inputs of quantized matrices to int8 in blocks of 32 or 256, BitLinear with one scale for a token, and
f16 matrices not at all. So tokens may differ where two logits lie close: `tests/core/third_voice.rs` bounds how far apart they
may lie.

It knows no norms before single layers: of the embedding models it computes what is left without those (`without`), and the
vectors of some texts stand beside the tokens of the others.
"""

import dataclasses
import json
import os
import tempfile

import models  # first: it switches torch.compile off

import numpy as np
import llama_cpp

import gguf_file as g
import shapes
import vocabulary

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "../fixtures/models")
# Tokens that follow each prompt.
LENGTH = 24
KNOWN = (g.TYPE_F32, g.TYPE_F16, g.TYPE_BF16, g.TYPE_TQ1_0, g.TYPE_TQ2_0, g.TYPE_Q1_0, g.TYPE_Q2_0)
# The families that llama.cpp computes: of `bitnet` the one with SiLU, no embedding models with norms before layers.
ARCHITECTURES = ("bitnet", "llama", "qwen3")
# What is left out of the embedding models.
WITHOUT = "_norm_in.weight"


def is_computed(shape, file):
    return (file.arch in ARCHITECTURES and not shape.input_norms and shape.act == "silu" and not file.ids
            and shape.linear != "autobitlinear online")


def greedy(path, prompt):
    model = llama_cpp.Llama(path, n_ctx=256, n_batch=64, n_threads=1, n_gpu_layers=0, logits_all=False, verbose=False, seed=0)
    model.reset()
    model.eval(prompt)
    tokens = []
    for _ in range(LENGTH):
        logits = np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(model.ctx, -1), (model.n_vocab(),))
        tokens.append(int(logits.argmax()))
        model.eval(tokens[-1:])
    return tokens


def vectors(path, texts):
    model = llama_cpp.Llama(path, n_ctx=256, n_batch=256, n_ubatch=256, n_threads=1, n_gpu_layers=0, verbose=False, embedding=True)
    found = []
    for tokens in texts:
        # As Llama.embed does with a text's tokens.
        model._batch.reset()
        model._batch.add_sequence(tokens, 0, True)
        model._ctx.kv_cache_clear()
        model._ctx.decode(model._batch)
        vector = np.ctypeslib.as_array(llama_cpp.llama_get_embeddings_seq(model.ctx, 0), (model.n_embd(),)).astype(np.float64)
        found.append([round(float(value), 6) for value in vector / np.linalg.norm(vector)])
    return found


def embeddings(vocab):
    """The vectors of the embedding models, all in F32 and without what llama.cpp does not compute."""
    cases = []
    for shape, files in shapes.PLAN:
        if not shape.pooling:
            continue
        record = json.load(open(f"{MODELS}/{shape.name}.json"))
        texts = [sequence["tokens"] for sequence in record["sequences"][:3]]
        file = files[0]
        plain = dataclasses.replace(file, weights=g.TYPE_F32, embedding=g.TYPE_F32, output=g.TYPE_F32)
        weights = {name: plain_weight(shape, weight) for name, weight in models.make_weights(shape).items()}
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/same.gguf"
            models.write_gguf(path, dataclasses.replace(shape, input_norms=False, f16_norms=False), weights, plain, vocab)
            found = vectors(path, texts)
        cases.append({"file": f"{file.name}.gguf", "without": WITHOUT,
                      "texts": [{"tokens": tokens, "vector": vector} for tokens, vector in zip(texts, found)]})
        print(file.name, found[0][:4], flush=True)
    return cases


def main():
    vocab = vocabulary.small(320)
    cases, left_out = [], []
    for shape, files in shapes.PLAN:
        record = json.load(open(f"{MODELS}/{shape.name}.json"))
        prompts = [sequence["tokens"][:8] for sequence in record["sequences"][:3]]
        for file in files:
            if not is_computed(shape, file):
                left_out.append(file.name)
                continue
            with tempfile.TemporaryDirectory() as folder:
                path = f"{MODELS}/{file.name}.gguf"
                stored = file.weights if isinstance(file.weights, int) else None
                written = ""
                if stored not in KNOWN or file.separate_scales or file.embedding not in KNOWN:
                    # Group scales in floats: f32 holds every product of a code and an f16 scale.
                    kind = g.TYPE_F32
                    written = "F32"
                    path = f"{folder}/same.gguf"
                    plain = shapes.File(file.name, kind, arch=file.arch, embedding=g.TYPE_F32, output=g.TYPE_F32,
                                        pre=file.pre, template=file.template, sentence_piece=file.sentence_piece)
                    weights = models.make_weights(shape)
                    weights = {name: plain_weight(shape, weight) for name, weight in weights.items()}
                    models.write_gguf(path, shape, weights, plain, vocab)
                try:
                    answers = [{"prompt": prompt, "tokens": greedy(path, prompt)} for prompt in prompts]
                except ValueError as error:
                    left_out.append(f"{file.name} ({error})")
                    continue
            cases.append({"file": f"{file.name}.gguf", "written_as": written, "answers": answers})
            print(file.name, written, [a["tokens"][:6] for a in answers], flush=True)
    with open(f"{HERE}/../fixtures/third-voice.json", "w") as sink:
        sink.write(models.json_compact({"program": f"llama-cpp-python {llama_cpp.__version__}", "cases": cases,
                                         "embeddings": embeddings(vocab)}))
    print("left out:", ", ".join(left_out))


def plain_weight(shape, weight):
    """The same weights as ones that write_gguf stores as floats."""
    if isinstance(weight, (models.Grouped, models.Quantized)):
        return weight.values.astype(np.float32)
    return weight


if __name__ == "__main__":
    main()
