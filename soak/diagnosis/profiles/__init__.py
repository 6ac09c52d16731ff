"""Readers of the profiles of runtimes: pprof, V8, JVM histograms and thread dumps, Python tracebacks."""
