"""The demo: preference rows, a tokenizer and a small pretrained Gemma-2, all made on this machine."""
