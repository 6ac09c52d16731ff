"""Who sends what, when: the open and the closed model, the mix of endpoints, and the requests themselves."""
