"""Writes a Gemma-2 checkpoint with random weights, to measure speed and memory where none can be downloaded.

Throughput and memory depend on the shapes of the weights, not on their values. Usage, on a machine with the memory
for one copy of the weights:

    python tests/benchmarks/random_gemma2.py FOLDER --size 9b --tokenizer TOKENIZER_FOLDER
"""

import argparse

import torch
from transformers import AutoTokenizer, Gemma2Config, Gemma2ForCausalLM

SIZES = {
    "9b": {
        "hidden_size": 3584,
        "intermediate_size": 14336,
        "num_hidden_layers": 42,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
    },
    "2b": {
        "hidden_size": 2304,
        "intermediate_size": 9216,
        "num_hidden_layers": 26,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--size", choices=SIZES, default="9b")
    parser.add_argument("--tokenizer", required=True)
    options = parser.parse_args()

    config = Gemma2Config(**SIZES[options.size], head_dim=256, query_pre_attn_scalar=256, vocab_size=256_000)
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = Gemma2ForCausalLM(config)
    model.save_pretrained(options.folder)
    AutoTokenizer.from_pretrained(options.tokenizer).save_pretrained(options.folder)


if __name__ == "__main__":
    main()
