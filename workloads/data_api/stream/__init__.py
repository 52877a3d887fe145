"""/v1/stream: prices and predictions as they come, to many clients at once.

gunicorn's threads take the question and check it as any other; what then stays open is handed to one event
loop a worker, which costs a client a socket and no thread. One reader a worker follows the topics for all.
"""
