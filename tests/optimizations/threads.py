"""Threads that must come to an end."""

import threading


def run_threads(*functions):
    threads = [threading.Thread(target=function, daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        # Only a deadlock takes as long.
        thread.join(60)
        assert not thread.is_alive()
