"""What the workloads that answer HTTP share: how gunicorn is started, and what holds for each of them."""
