"""The rows of a profile: what will the model be shown?"""
