"""Hugging Face folders of the fixture models, as BitNet models are published: config.json, model.safetensors (packed bytes
with either meaning of weight_scale, or master weights), tokenizer.json and what lies beside it.

Each folder is loaded by transformers' AutoModelForCausalLM.from_pretrained, and its logits are compared with those that
models.py has recorded for the same weights: so a folder says what its GGUF file says. Folders without a head are loaded by
AutoModel, and their vectors are compared.
"""

import json
import os
import shutil
import sys

import models  # first: it switches torch.compile off

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer
from transformers.integrations.bitnet import BitLinear, pack_weights

import observation
import shapes
import texts
import vocabulary

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "../fixtures/checkpoints")
MODELS = os.path.join(HERE, "../fixtures/models")

# (folder, shape, how the matrices are stored, further properties)
FOLDERS = [
    ("tiny-multiply", shapes.TINY, "autobitlinear", {"template": "file"}),
    ("tiny-divide", shapes.TINY, "bitlinear", {"template": "config", "shards": 2}),
    ("tiny-master", shapes.MASTER, "master", {"dtypes": shapes.MIXED_FLOATS}),
    ("tiny-silu", shapes.SILU, "first", {"pre": "gpt-2"}),
    ("llama-divide", shapes.LLAMA, "bitlinear", {"template": "file"}),
    ("llama-llama3", shapes.LLAMA3, "autobitlinear", {"template": "file"}),
    ("llama-yarn", shapes.YARN, "bitlinear", {"template": "file"}),
    ("qwen3-divide", shapes.QWEN3, "bitlinear", {"template": "file"}),
    ("qwen3-norms", shapes.QWEN3_EMBEDDING, "bitlinear", {"template": "file"}),
    # As transformers' classes without a head save them, and as Microsoft publishes its embedding models.
    ("qwen3-model", shapes.QWEN3_EMBEDDING, "bitlinear", {"bare": True, "modules": "flags"}),
    ("qwen3-own-norms", shapes.QWEN3_EMBEDDING, "own norms", {"bare": True}),
    ("gemma3-model", shapes.GEMMA3, "bitlinear", {"bare": True, "modules": "words"}),
]

PARTS = {"attn_sub_norm": "self_attn.inner_attn_ln", "ffn_sub_norm": "mlp.ffn_layernorm"}
DTYPES = {0: torch.float32, 1: torch.float16, 30: torch.bfloat16}


def master_of(codes, scale, rng):
    """bf16 weights of many magnitudes that absmean makes `scale` times `codes`: in steps of a 64th of the scale, which is a
    power of two, and with exactly it as their mean."""
    units = np.where(codes == 0, rng.integers(0, 25, codes.shape), rng.integers(40, 128, codes.shape))
    flat, large = units.reshape(-1), codes.reshape(-1) != 0
    while (left := 64 * flat.size - flat.sum()) != 0:
        step = np.sign(left)
        free = np.flatnonzero(large & (flat < 127 if step > 0 else flat > 40))
        assert free.size
        flat[rng.choice(free, min(abs(left), free.size), replace=False)] += step
    signs = np.where(codes == 0, rng.choice([-1, 1], codes.shape), codes)
    master = torch.from_numpy((signs * units * (scale / 64)).astype(np.float32))
    assert torch.equal(master.bfloat16().float(), master) and master.abs().mean() == scale
    assert np.array_equal((master / scale).round().clamp(-1, 1).numpy(), codes)
    return master.bfloat16()


def tensors_of(shape, weights, storage, more):
    """The tensors by their names in transformers. `first`: those of the first BitNet models, all floats. `own norms`: those of
    Microsoft's embedding models, master weights and norms by another name."""
    rng = np.random.default_rng(2000 + shape.seed)
    exact = torch.bfloat16 if shape.bf16_embedding else torch.float16
    tensors = {"model.embed_tokens.weight": torch.from_numpy(weights["token_embd"]).to(exact)}
    for layer in range(shape.n_layers):
        path = lambda name: f"model.layers.{layer}.{name}"
        for name, place in shapes.LINEARS.items():
            weight = weights[f"blk.{layer}.{name}"]
            key = path(place) + ".weight"
            if isinstance(weight, np.ndarray):
                tensors[key] = torch.from_numpy(weight).to(DTYPES[more["dtypes"][name]])
                continue
            codes, scale = weight
            if storage == "own norms":
                tensors[key] = master_of(codes, scale, rng)
                continue
            if storage == "first":
                tensors[key] = torch.from_numpy(codes * np.float32(scale)).to(torch.bfloat16)
                continue
            tensors[key] = pack_weights(torch.from_numpy(codes.copy()))
            factor = scale if storage == "autobitlinear" else 1 / scale
            tensors[key + "_scale"] = torch.tensor([factor], dtype=torch.bfloat16)
        for name, place in shape.norms.items():
            place = PARTS.get(name, place) if storage == "first" else place
            place = place.replace(".rms_norm", ".norm") if storage == "own norms" else place
            stored = models.norm_weight(shape, name, weights[f"blk.{layer}.{name}"])
            tensors[path(place) + ".weight"] = torch.from_numpy(stored)
    tensors["model.norm.weight"] = torch.from_numpy(models.norm_weight(shape, "output_norm", weights["output_norm"]))
    if not shape.tied:
        tensors["lm_head.weight"] = torch.from_numpy(weights["output"]).to(exact)
    return {name.removeprefix("model."): tensor for name, tensor in tensors.items()} if more.get("bare") else tensors


def config_of(shape, storage, more):
    config = {
        "architectures": ["BitNetForCausalLM"],
        "model_type": "bitnet",
        "vocab_size": shape.vocab,
        "hidden_size": shape.dim,
        "intermediate_size": shape.ffn,
        "num_hidden_layers": shape.n_layers,
        "num_attention_heads": shape.n_heads,
        "num_key_value_heads": shape.n_kv_heads,
        "hidden_act": shape.act,
        "max_position_embeddings": shape.context,
        "rms_norm_eps": shape.eps,
        "rope_theta": shape.theta,
        "tie_word_embeddings": shape.tied,
        "torch_dtype": "float32",
        "bos_token_id": 312,
        "eos_token_id": 313,
    }
    if shape.family == "qwen3":
        config |= {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "head_dim": shape.head_dim,
                   "attention_bias": False, "use_sliding_window": False, "sliding_window": None,
                   "layer_types": ["full_attention"] * shape.n_layers}
    if more.get("bare"):
        config["architectures"] = ["Qwen3Model"]
    if shape.family == "gemma3":
        config |= {"architectures": ["Gemma3TextModel"], "model_type": "gemma3_text", "head_dim": shape.head_dim,
                   "hidden_activation": config.pop("hidden_act"), "query_pre_attn_scalar": shape.head_dim,
                   "sliding_window": shape.window, "attention_bias": False, "attn_logit_softcapping": None,
                   "final_logit_softcapping": None, "use_bidirectional_attention": False,
                   "bos_token_id": 1, "eos_token_id": 2}
        kind = lambda layer: "full_attention" if (layer + 1) % shape.window_pattern == 0 else "sliding_attention"
        config |= {"layer_types": [kind(layer) for layer in range(shape.n_layers)], "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": config.pop("rope_theta")},
            "sliding_attention": {"rope_type": "default", "rope_theta": shape.theta_of_windows}}}
    if shape.family == "llama":
        config |= {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "head_dim": shape.head_dim,
                   "attention_bias": False, "mlp_bias": False, "pretraining_tp": 1}
    if shape.rope:
        config["rope_scaling"] = shape.rope
    quantization = {"quant_method": "bitnet", "modules_to_not_convert": None}
    if shape.input_norms:
        quantization |= {"use_rms_norm": True, "rms_norm_eps": shape.eps}
    if storage == "own norms":
        return config
    if storage == "first":
        # As 1bitLLM's: no quantization_config, the class of a file that comes with the model.
        return config | {"architectures": ["BitnetForCausalLM"], "model_type": "llama", "weight_bits": 1, "input_bits": 8}
    if storage == "autobitlinear":
        quantization |= {"linear_class": "autobitlinear", "quantization_mode": "offline"}
    elif storage == "master":
        quantization |= {"linear_class": "autobitlinear", "quantization_mode": "online"}
    return config | {"quantization_config": quantization}


def save_weights(folder, tensors, shards):
    if shards == 1:
        return save_file(tensors, f"{folder}/model.safetensors", metadata={"format": "pt"})
    names, index = sorted(tensors), {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = {name: tensors[name] for name in names[shard::shards]}
        save_file(part, f"{folder}/{file}", metadata={"format": "pt"})
        index |= {name: file for name in part}
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    with open(f"{folder}/model.safetensors.index.json", "w") as sink:
        json.dump({"metadata": {"total_size": total}, "weight_map": index}, sink, indent=1)


def save_modules(folder, mode):
    """What sentence-transformers writes beside a model: the pooling as flags, or as a word."""
    names = ["Transformer", "Pooling", "Normalize"]
    kind = "sentence_transformers.models." if mode == "flags" else "sentence_transformers.sentence_transformer.modules."
    modules = [{"idx": i, "name": str(i), "path": f"{i}_{name}" if i else "", "type": kind + name}
               for i, name in enumerate(names)]
    kinds = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]
    pooling = {"word_embedding_dimension": 128, "include_prompt": True}
    pooling |= {f"pooling_mode_{kind}": kind == "lasttoken" for kind in kinds} if mode == "flags" else {
        "pooling_mode": "lasttoken"}
    with open(f"{folder}/modules.json", "w") as sink:
        json.dump(modules, sink, indent=1)
    os.makedirs(f"{folder}/1_Pooling")
    with open(f"{folder}/1_Pooling/config.json", "w") as sink:
        json.dump(pooling, sink, indent=1)


def save_characters(folder, size):
    """The SentencePiece vocabulary of the GGUF file as Hugging Face's converter writes Gemma's."""
    pairs = {key: value for key, _, value in vocabulary.sentence_piece_metadata(size)}
    tokens, types = pairs["tokenizer.ggml.tokens"], pairs["tokenizer.ggml.token_type"]
    known = {token for token, kind in zip(tokens, types) if kind == 1}
    # Scores fall with the ids.
    merges = [(token[:at], token[at:]) for token, kind in zip(tokens, types) if kind == 1 for at in range(1, len(token))
              if token[:at] in known and token[at:] in known]
    vocab = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([token for token, kind in zip(tokens, types) if kind in (2, 3)])
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    tokenizer.save(f"{folder}/tokenizer.json", pretty=False)
    with open(f"{folder}/tokenizer_config.json", "w") as sink:
        json.dump({"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "model_max_length": 512,
                   "tokenizer_class": "PreTrainedTokenizerFast"}, sink, indent=1)


def save_tokenizer(folder, vocab, pre, template, closing=None):
    tokenizer = vocabulary.build(*vocab, pre)
    if closing:
        begin = "<|begin_of_text|>"
        ids = [(token, tokenizer.token_to_id(token)) for token in (begin, closing)]
        tokenizer.post_processor = processors.TemplateProcessing(f"{begin} $A {closing}", special_tokens=ids)
    tokenizer.save(f"{folder}/tokenizer.json", pretty=False)
    config = {
        "bos_token": "<|begin_of_text|>",
        "eos_token": {"__type": "AddedToken", "content": "<|end_of_text|>", "special": True},
        "add_bos_token": True,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 512,
    }
    if template == "file":
        with open(f"{folder}/chat_template.jinja", "w") as sink:
            sink.write(vocabulary.RIGHT_TEMPLATE)
    elif template == "config":
        config["chat_template"] = [{"name": "default", "template": vocabulary.RIGHT_TEMPLATE}]
    with open(f"{folder}/tokenizer_config.json", "w") as sink:
        json.dump(config, sink, indent=1)
    with open(f"{folder}/generation_config.json", "w") as sink:
        json.dump({"bos_token_id": 312, "eos_token_id": [313, 316]}, sink, indent=1)


def check_vectors(folder, shape, storage):
    """The vectors of a folder without a head: the last token's state, at length 1. transformers knows norms in layers by its
    own name only, and only where the configuration says so."""
    if storage == "own norms":
        return print(os.path.basename(folder), "is not loaded: transformers has no class for it")
    model = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    torch.nn.Module.float(model)
    for module in model.modules():
        if isinstance(module, BitLinear):
            module.dtype = torch.float32
    record = json.load(open(f"{MODELS}/{shape.name}.json"))
    rows = np.fromfile(f"{MODELS}/{record['embeddings']}", "<f4").reshape(-1, shape.dim)
    worst = 0.0
    for sequence, want in zip(record["sequences"], rows):
        with torch.no_grad():
            state = model(torch.tensor([sequence["tokens"]]), use_cache=False).last_hidden_state[0, -1]
        got = torch.nn.functional.normalize(state, dim=0)
        error = float(observation.relative_rms(got[None], torch.from_numpy(want.copy())[None])[0])
        assert error < (models.TIGHT if sequence["kind"] == "clear" else record["flip_bound"]), error
        worst = max(worst, error)
    print(f"{os.path.basename(folder):16} {model.__class__.__name__}: its vectors differ from the recorded ones by at most {worst:.1e}")


def check(folder, shape, storage):
    """What transformers computes with the folder is what it computed with the model that the GGUF files were made of."""
    if storage == "first":
        return print(folder, "is not loaded: transformers has no class for it")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    torch.nn.Module.float(model)  # packed bytes stay as they are; some tensors keep the type of the file otherwise
    for module in model.modules():
        if isinstance(module, BitLinear):
            module.dtype = torch.float32
    record = json.load(open(f"{MODELS}/{shape.name}.json"))
    rows = torch.from_numpy(np.fromfile(f"{MODELS}/{record['logits']}", "<f4").reshape(-1, shape.vocab).copy())
    at, errors, clear = 0, [], []
    for sequence in record["sequences"]:
        tokens = sequence["tokens"]
        with torch.no_grad():
            got = model(torch.tensor([tokens]), use_cache=False).logits[0]
        errors += observation.relative_rms(got, rows[at : at + len(tokens)]).tolist()
        clear += [margin >= record["clear_margin"] for margin in sequence["margins"]]
        at += len(tokens)
    worst = max(error for error, is_clear in zip(errors, clear) if is_clear)
    print(f"{os.path.basename(folder):16} {model.__class__.__name__}: {sum(clear)} clear tokens differ from the recorded "
          f"logits by at most {worst:.1e}, all {len(errors)} by {max(errors):.1e}")
    assert worst < models.TIGHT and max(errors) < record["flip_bound"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    plain = json.load(open(os.path.join(HERE, "../fixtures/tokenizer/models.json")))["cases"]
    for case, recorded in zip(texts.all_texts(), plain):
        assert tokenizer(case["text"], add_special_tokens=False).input_ids == recorded["ids"], case["name"]


def make(only=()):
    vocab = vocabulary.small(320)
    assert [vocab[0].index(name) for name in ("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>")] == [312, 313, 316]
    for name, shape, storage, more in FOLDERS:
        if only and name not in only:
            continue
        folder = os.path.join(OUT, name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        weights = models.make_weights(shape)
        with open(f"{folder}/config.json", "w") as sink:
            json.dump(config_of(shape, storage, more), sink, indent=1)
        save_weights(folder, tensors_of(shape, weights, storage, more), more.get("shards", 1))
        if shape.family == "gemma3":
            save_characters(folder, shape.vocab)
        else:
            closing = "<|end_of_text|>" if more.get("bare") else None
            save_tokenizer(folder, vocab, more.get("pre", "llama-bpe"), more.get("template"), closing)
        if "modules" in more:
            save_modules(folder, more["modules"])
        (check_vectors if more.get("bare") else check)(folder, shape, storage)


if __name__ == "__main__":
    make(sys.argv[1:])
