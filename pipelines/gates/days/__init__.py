"""The days that windows see, judged one by one: by what other runs know of them, and by one another."""
