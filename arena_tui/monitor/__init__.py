"""The monitor: how is it going?"""
