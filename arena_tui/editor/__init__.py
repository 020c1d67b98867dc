"""The editor: what exactly will run?"""
