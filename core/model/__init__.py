"""Models: tokenizer, quantized base, adapters."""
