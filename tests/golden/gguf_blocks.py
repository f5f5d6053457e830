"""Writes tests/golden/gguf_blocks.safetensors: rows and the blocks that ggml makes of them.

    python tests/golden/gguf_blocks.py        (needs llama_cpp, gguf, numpy, torch and safetensors; seconds)

For each case  <case>.x  (rows, columns) f32, and for each type  <case>.<type>  (rows, bytes) u8 from
ggml_quantize_chunk without an importance matrix. Q8_0, Q4_0 and Q5_0 are checked against gguf's own quantizers
too, and what gguf decodes of every type against the rows.
"""
import ctypes
import pathlib

import gguf
import llama_cpp
import numpy as np
import torch

import oracle

SEED = 20250301
TYPES = ["F16", "BF16", "Q8_0", "Q4_0", "Q5_0", "Q4_K", "Q6_K"]


def ggml():
    folder = pathlib.Path(llama_cpp.__file__).parent / "lib"
    ctypes.CDLL(str(next(folder.glob("libggml-base.so"))), mode=ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(str(next(folder.glob("libggml-base.so"))))
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64,
                                            ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
    return library


def cases():
    source = np.random.default_rng(SEED)
    plain = source.standard_normal((16, 512)).astype(np.float32) * np.float32(0.02)
    heavy = (source.standard_t(2, (8, 512)) * 0.05).astype(np.float32)
    shifted = (source.standard_normal((4, 512)) * 0.01 + 0.3).astype(np.float32)
    rounded = torch.from_numpy(source.standard_normal((4, 512)).astype(np.float32)).bfloat16().float().numpy()
    odd = np.zeros((6, 512), np.float32)
    odd[1] = 0.5
    odd[2, ::32] = source.standard_normal(16)
    odd[3, :256] = 1e-20
    odd[4] = np.linspace(-1, 1, 512, dtype=np.float32)
    odd[5] = np.where(np.arange(512) % 3 == 0, 1e-3, -3.0)
    return {"plain": plain, "heavy": heavy, "shifted": shifted, "rounded": rounded, "odd": odd}


def main():
    library, tensors = ggml(), {}
    for case, x in cases().items():
        tensors[f"{case}.x"] = torch.from_numpy(x)
        for name in TYPES:
            kind = gguf.GGMLQuantizationType[name]
            block, size = gguf.GGML_QUANT_SIZES[kind]
            out = np.zeros((x.shape[0], x.shape[1] // block * size), np.uint8)
            written = library.ggml_quantize_chunk(int(kind), x.ctypes.data, out.ctypes.data, 0, x.shape[0], x.shape[1],
                                                  None)
            assert written == out.nbytes, (name, written)
            if name not in ("Q4_K", "Q6_K"):
                same = gguf.quants.quantize(x, kind).view(np.uint8).reshape(out.shape)
                assert np.array_equal(same, out), (case, name)
            error = np.abs(gguf.quants.dequantize(out, kind).reshape(x.shape) - x).max()
            print(case, name, "largest error", error)
            tensors[f"{case}.{name}"] = torch.from_numpy(out)
    oracle.write_tensors(oracle.HERE / "gguf_blocks.safetensors", tensors,
                         oracle.provenance("gguf_blocks.py", SEED, gguf="0.19.0", llama_cpp=llama_cpp.__version__))


if __name__ == "__main__":
    main()
