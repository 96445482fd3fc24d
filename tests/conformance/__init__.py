"""python-telegram-bot's own live tests, run against the sandbox: `python -m tests.conformance` (`make conformance`).

The tests are LGPL and not ours: they are fetched as the package's source distribution, whose hash is in `source.txt`,
into an environment of their own, and stay out of the repository. `passing.txt` lists those that have to pass.
"""
