"""The report: where is it won and lost?"""
