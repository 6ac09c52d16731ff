"""Generation of requests: the open and the closed model, the mix of endpoints, and the requests themselves."""
