"""Data: from files in the Kaggle schema to labelled, tokenized, split examples."""
