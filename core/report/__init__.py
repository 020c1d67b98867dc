"""The report: where a run's evaluation is won and lost, from eval.parquet and the rows, without a GPU."""
