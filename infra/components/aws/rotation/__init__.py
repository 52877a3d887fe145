"""The function that gives secrets their values.

It runs at AWS, by itself: it imports nothing of the project.
"""
