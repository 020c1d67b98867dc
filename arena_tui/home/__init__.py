"""Home: what shall I do?"""
