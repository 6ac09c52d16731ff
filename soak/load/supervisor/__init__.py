"""The supervisor's side of the load: compiles and checks the plan, starts the load, reads its windows. No gevent."""
