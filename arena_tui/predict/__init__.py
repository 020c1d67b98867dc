"""Predictions: how is it going, and where is the file?"""
