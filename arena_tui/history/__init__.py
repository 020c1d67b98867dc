"""History: which runs have there been?"""
