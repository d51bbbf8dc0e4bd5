"""Policies that talk with the model: it asks for what it wants to see, and answers when it has seen
enough. A file a policy; `conversation` is what they share."""
