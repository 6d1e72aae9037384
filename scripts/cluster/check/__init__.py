"""`make compose-check`: is docker-compose.yaml right, as far as it can be known without a container
engine?
"""
