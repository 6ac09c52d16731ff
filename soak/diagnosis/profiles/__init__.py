"""Readers of runtimes' profiles: pprof, V8, JVM histograms and thread dumps, Python tracebacks."""
