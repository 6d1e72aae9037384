"""Which versions there are of a model and of its data, who is champion, and what a version has learned."""
