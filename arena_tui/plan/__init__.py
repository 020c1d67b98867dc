"""The plan: what would a start do, need and take?"""
