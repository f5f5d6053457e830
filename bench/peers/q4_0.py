"""llama.cpp's own Q4_0 of a GGUF file (the head in Q6_K, as llama-quantize chooses).

    q4_0.py IN.gguf OUT.gguf
"""
import ctypes
import sys

import llama_cpp


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    settings = llama_cpp.llama_model_quantize_default_params()
    settings.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0
    if llama_cpp.llama_model_quantize(sys.argv[1].encode(), sys.argv[2].encode(), ctypes.byref(settings)) != 0:
        sys.exit(f"{sys.argv[1]}: llama.cpp cannot quantize it")


if __name__ == "__main__":
    main()
