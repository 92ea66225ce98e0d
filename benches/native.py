"""llama.cpp natively, by llama-cpp-python, on a file that benches/browser.mjs measured too.

    python benches/native.py MODEL.gguf [THREADS,...] [TOKENS] [PROMPT]        (1,2, 24 and 128)

Prints tokens a second and processor seconds a token, of reading PROMPT tokens and of greedy decoding behind 2. Run it in turn with
the browser: a machine gives other speeds from minute to minute, and processor seconds change the least.
"""

import sys
import time

import llama_cpp
import numpy as np


def timed(work, tokens):
    wall, processor = time.perf_counter(), time.process_time()
    work()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return f"{tokens / wall:.3g} ({processor / tokens:.3g})"


def main(path, threads="1,2", tokens="24", prompt="128"):
    print(llama_cpp.__version__, llama_cpp.llama_print_system_info().decode().strip())
    print("| threads | prefill, tok/s (processor seconds a token) | decode, the same |\n|---|---|---|")
    for count in map(int, threads.split(",")):
        model = llama_cpp.Llama(path, n_ctx=512, n_batch=512, n_threads=count, n_threads_batch=count, n_gpu_layers=0, verbose=False)
        model.eval([1, 2])
        model.reset()
        ids = np.random.default_rng(1).integers(0, 50_000, int(prompt)).tolist()
        prefill = timed(lambda: model.eval(ids), len(ids))
        model.reset()
        model.eval([1, 2])

        def decode():
            for _ in range(int(tokens)):
                logits = np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(model.ctx, -1), (model.n_vocab(),))
                model.eval([int(logits.argmax())])

        print(f"| {count} | {prefill} | {timed(decode, int(tokens))} |", flush=True)
        model.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
