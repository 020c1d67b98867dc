"""Compare: which run is better, and why?"""
